//! A network as a file of ONNX: what it computes once it is trained, in single precision.
//!
//! A node is called after its layer's path and a tensor by its key, so that the file, read again, is the same network.

mod arrays;
mod layers;
mod proto;

use crate::foreign::stock::{self, Stock, Stored, write};
use crate::foreign::{Exported, Numbers};
use crate::graph::{Graph, Node, NodeId, Op};
use proto::{dims, model, tensor, value};
use rten_onnx::onnx::{AttributeProto, DataType, GraphProto, NodeProto, TensorProto};
use std::collections::BTreeMap;

/// A file that is being written.
struct Writer<'a> {
    graph: &'a Graph,
    stock: Stock<'a>,
    nodes: Vec<NodeProto>,
    tensors: Vec<TensorProto>,
    /// How often a name was given.
    given: BTreeMap<String, usize>,
    /// Names of tensors, by their keys and the dimensions that they have in the file.
    kept: BTreeMap<(String, Vec<usize>, bool), String>,
    /// The layer that is being written.
    at: NodeId,
}

/// The bytes of a file.
///
/// # Errors
/// The first layer that ONNX has no operator for, or a tensor that is missing, by its path.
pub(in crate::foreign) fn written(
    graph: &Graph,
    weights: &BTreeMap<String, Numbers>,
) -> Result<Exported, String> {
    let mut writer = Writer {
        graph,
        stock: Stock::new(graph, weights),
        nodes: Vec::new(),
        tensors: Vec::new(),
        given: BTreeMap::new(),
        kept: BTreeMap::new(),
        at: 0,
    };
    let values = write(graph, &mut writer)?;
    writer.finish(&values)
}

impl<'a> stock::Writer<'a> for Writer<'a> {
    fn input(&mut self, node: &'a Node) -> String {
        node.path.clone()
    }

    fn layer(&mut self, node: &'a Node, id: NodeId, values: &[String]) -> Result<String, String> {
        self.at = id;
        self.nodes_of(node, values)
    }
}

impl<'a> Writer<'a> {
    fn node_at(&self) -> &'a Node {
        &self.graph.nodes()[self.at]
    }

    /// A name below the layer's path that nothing else has.
    fn name(&mut self, last: &str) -> String {
        // a slash parts modules
        let path = self.node_at().path.replace('/', "_").replace('.', "/");
        let name = format!("/{path}/{last}");
        let count = self.given.entry(name.clone()).or_default();
        *count += 1;
        match *count {
            1 => name,
            n => format!("{name}_{}", n - 1),
        }
    }

    /// A node of the layer, and its value.
    fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        let name = self.name(op);
        let value = format!("{name}_output_0");
        self.nodes.push(NodeProto {
            domain: None,
            name: Some(name),
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec![value.clone()],
            op_type: Some(op.into()),
            attribute: attributes,
        });
        value
    }

    /// A number that an operator reads as an input.
    fn number(&mut self, number: f64) -> String {
        let name = self.name("number");
        let bytes = (number as f32).to_le_bytes().to_vec();
        (self.tensors).push(tensor(&name, DataType::FLOAT, &[], bytes));
        name
    }

    /// Sizes or axes that an operator reads as an input.
    fn row(&mut self, numbers: &[i64]) -> String {
        let name = self.name("sizes");
        let bytes = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        (self.tensors).push(tensor(&name, DataType::INT64, &[numbers.len()], bytes));
        name
    }

    /// Factors that an operator reads as an input.
    fn factors(&mut self, factors: &[f64]) -> String {
        let name = self.name("factors");
        let bytes = factors.iter().flat_map(|&n| (n as f32).to_le_bytes());
        let bytes = bytes.collect();
        (self.tensors).push(tensor(&name, DataType::FLOAT, &[factors.len()], bytes));
        name
    }

    /// Equal numbers that an operator wants where the layer has no tensor.
    fn repeated(&mut self, number: f32, sizes: &[usize]) -> String {
        let bytes = number.to_le_bytes().repeat(sizes.iter().product());
        let value = tensor("", DataType::FLOAT, sizes, bytes);
        self.node("Constant", &[], vec![proto::constant("value", value)])
    }

    /// The layer's tensor of that number as it is stored.
    fn tensor(&mut self, i: usize) -> Result<String, String> {
        let stored = self.stock.tensor(self.at, i)?;
        self.keep(&stored, &stored.numbers.dims, false)
    }

    /// The same under other dimensions of as many units.
    fn tensor_as(&mut self, i: usize, dims: &[usize]) -> Result<String, String> {
        let stored = self.stock.tensor(self.at, i)?;
        self.keep(&stored, dims, false)
    }

    /// The same, a matrix, with its axes turned round.
    fn tensor_turned(&mut self, i: usize) -> Result<String, String> {
        let stored = self.stock.tensor(self.at, i)?;
        let dims: Vec<usize> = stored.numbers.dims.iter().rev().copied().collect();
        self.keep(&stored, &dims, true)
    }

    fn keep(&mut self, stored: &Stored, dims: &[usize], turned: bool) -> Result<String, String> {
        let form = (stored.key.clone(), dims.to_vec(), turned);
        if let Some(name) = self.kept.get(&form) {
            return Ok(name.clone());
        }
        let numbers = stored.numbers;
        let bytes = match (turned, &numbers.dims[..]) {
            (false, _) => numbers.bytes.clone(),
            (true, &[rows, columns]) => (0..columns)
                .flat_map(|column| (0..rows).map(move |row| (row * columns + column) * 4))
                .flat_map(|at| numbers.bytes[at..at + 4].iter().copied())
                .collect(),
            (true, dims) => return Err(format!("{dims:?} is no matrix")),
        };
        // a tensor that two layers read in two forms stands in the file twice
        let count = self.given.entry(form.0.clone()).or_default();
        *count += 1;
        let name = match *count {
            1 => form.0.clone(),
            n => format!("{}_{}", form.0, n - 1),
        };
        let kept = tensor(&name, DataType::FLOAT, dims, bytes);
        let is_statistic = matches!(self.node_at().op, Op::BatchNorm { .. });
        match stored.kind.is_parameter() || is_statistic {
            true => self.tensors.push(kept),
            // ONNX does not say of a tensor what training does with it: what it leaves alone is a constant there
            false => self.nodes.push(NodeProto {
                domain: None,
                name: None,
                input: Vec::new(),
                output: vec![name.clone()],
                op_type: Some("Constant".into()),
                attribute: vec![proto::constant("value", kept)],
            }),
        }
        self.kept.insert(form, name.clone());
        Ok(name)
    }

    /// A convolution's kernels, with those of zeros for maps that its table does not connect.
    fn table(&mut self, out: usize, maps: usize, table: &[Vec<usize>]) -> Result<String, String> {
        let (stored, numbers) = self.stock.filled(self.at, [out, maps], table)?;
        let form = (stored.key, numbers.dims, false);
        if let Some(name) = self.kept.get(&form) {
            return Ok(name.clone());
        }
        let name = form.0.clone();
        (self.tensors).push(tensor(&name, DataType::FLOAT, &form.1, numbers.bytes));
        self.kept.insert(form, name.clone());
        Ok(name)
    }

    fn finish(mut self, values: &BTreeMap<NodeId, String>) -> Result<Exported, String> {
        let inputs = self.graph.inputs().iter();
        let input = inputs.map(|node| value(&node.path, node.shape)).collect();
        let mut output = Vec::new();
        let heads = self.graph.outputs().iter().filter(|head| !head.auxiliary);
        for head in heads {
            let node = &self.graph.nodes()[head.node];
            self.at = head.node;
            let name = match self
                .graph
                .inputs()
                .iter()
                .any(|node| node.path == head.name)
            {
                true => format!("{}_", head.name),
                false => head.name.clone(),
            };
            let read = values[&head.node].clone();
            let identity = self.name("Identity");
            self.nodes.push(NodeProto {
                domain: None,
                name: Some(identity),
                input: vec![read],
                output: vec![name.clone()],
                op_type: Some("Identity".into()),
                attribute: Vec::new(),
            });
            output.push(value(&name, node.shape));
        }
        let graph = GraphProto {
            node: self.nodes,
            initializer: self.tensors,
            input,
            output,
            value_info: Vec::new(),
        };
        Ok(Exported {
            bytes: model(graph)?,
            remarks: self.stock.remarks(),
        })
    }
}

/// Axes of one unit in front, so that there are so many.
fn raised(sizes: &[usize], axes: usize) -> Vec<usize> {
    let mut raised = vec![1; axes - sizes.len()];
    raised.extend(sizes);
    raised
}

/// Sizes behind a batch, as ONNX has them: 0 stands for as many samples as there are.
fn of_batch(sizes: &[usize]) -> Vec<i64> {
    std::iter::once(0).chain(dims(sizes)).collect()
}

//! A network as a file of ONNX: what it computes once it is trained, in single precision.
//!
//! A node is called after its layer's path and a tensor by its key, so that the file, read again, is the same network.

mod arrays;
mod layers;
mod proto;

use crate::foreign::{Exported, Number, Numbers};
use crate::graph::{Graph, Node, NodeId, Op};
use proto::{dims, model, tensor, value};
use rten_onnx::onnx::{AttributeProto, DataType, GraphProto, NodeProto, TensorProto};
use std::collections::{BTreeMap, BTreeSet};

/// A file that is being written.
struct Writer<'a> {
    graph: &'a Graph,
    weights: &'a BTreeMap<String, Numbers>,
    nodes: Vec<NodeProto>,
    tensors: Vec<TensorProto>,
    /// How often a name was given.
    given: BTreeMap<String, usize>,
    /// Names of tensors, by their keys and the dimensions that they have in the file.
    kept: BTreeMap<(String, Vec<usize>, bool), String>,
    /// The value of each layer.
    values: BTreeMap<NodeId, String>,
    /// The layer that is being written.
    at: NodeId,
    /// Layers whose connection tables became kernels of zeros.
    filled: Vec<&'a str>,
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
        weights,
        nodes: Vec::new(),
        tensors: Vec::new(),
        given: BTreeMap::new(),
        kept: BTreeMap::new(),
        values: BTreeMap::new(),
        at: 0,
        filled: Vec::new(),
    };
    let needed = needed(graph);
    for (id, node) in graph.nodes().iter().enumerate() {
        writer.at = id;
        if let Op::Input = node.op {
            writer.values.insert(id, node.path.clone());
        } else if needed.contains(&id) {
            let inputs: Vec<String> = (node.inputs.iter())
                .map(|input| writer.values[input].clone())
                .collect();
            let value = writer.layer(node, &inputs);
            let value = value.map_err(|what| format!("layer `{}`: {what}", node.path))?;
            writer.values.insert(id, value);
        }
    }
    writer.finish(&needed)
}

/// The layers that a prediction needs: heads for training alone are not written.
fn needed(graph: &Graph) -> BTreeSet<NodeId> {
    let heads = graph.outputs().iter().filter(|output| !output.auxiliary);
    let mut left: Vec<NodeId> = heads.map(|output| output.node).collect();
    let mut needed = BTreeSet::new();
    while let Some(id) = left.pop() {
        if needed.insert(id) {
            left.extend(&graph.nodes()[id].inputs);
        }
    }
    needed
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
        let (key, numbers) = self.numbers(i)?;
        let dims = numbers.dims.clone();
        self.keep(key, &dims, false)
    }

    /// The same under other dimensions of as many units.
    fn tensor_as(&mut self, i: usize, dims: &[usize]) -> Result<String, String> {
        let (key, _) = self.numbers(i)?;
        self.keep(key, dims, false)
    }

    /// The same, a matrix, with its axes turned round.
    fn tensor_turned(&mut self, i: usize) -> Result<String, String> {
        let (key, numbers) = self.numbers(i)?;
        let dims: Vec<usize> = numbers.dims.iter().rev().copied().collect();
        self.keep(key, &dims, true)
    }

    /// The key of the layer's tensor of that number, and what is in it.
    fn numbers(&self, i: usize) -> Result<(String, &'a Numbers), String> {
        let owner = &self.graph.nodes()[self.graph.owner(self.at)];
        let tensors = self.graph.tensors_of(owner);
        let key = owner.key(i, &tensors[i]);
        let numbers = self.weights.get(&key);
        let numbers = numbers.ok_or_else(|| format!("there are no numbers for `{key}`"))?;
        match numbers.number {
            Number::F32 => Ok((key, numbers)),
            _ => Err(format!("`{key}` is not in single precision")),
        }
    }

    fn keep(&mut self, key: String, dims: &[usize], turned: bool) -> Result<String, String> {
        let form = (key, dims.to_vec(), turned);
        if let Some(name) = self.kept.get(&form) {
            return Ok(name.clone());
        }
        let numbers = &self.weights[&form.0];
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
        (self.tensors).push(tensor(&name, DataType::FLOAT, dims, bytes));
        self.kept.insert(form, name.clone());
        Ok(name)
    }

    /// A convolution's kernels, with those of zeros for maps that its table does not connect.
    fn table(&mut self, out: usize, maps: usize, table: &[Vec<usize>]) -> Result<String, String> {
        let (key, numbers) = self.numbers(0)?;
        let taps = &numbers.dims[numbers.dims.len() - 2..];
        let dims = [&[out, maps][..], taps].concat();
        let form = (key.clone(), dims.clone(), false);
        if let Some(name) = self.kept.get(&form) {
            return Ok(name.clone());
        }
        let size = 4 * taps.iter().product::<usize>();
        let mut bytes = vec![0; size * out * maps];
        let connected = table.iter().enumerate();
        let connected =
            connected.flat_map(|(out, row)| row.iter().map(move |map| out * maps + map));
        for (to, kernel) in connected.zip(numbers.bytes.chunks_exact(size)) {
            bytes[to * size..][..size].copy_from_slice(kernel);
        }
        self.filled.push(&self.node_at().path);
        (self.tensors).push(tensor(&key, DataType::FLOAT, &dims, bytes));
        self.kept.insert(form, key.clone());
        Ok(key)
    }

    fn finish(mut self, needed: &BTreeSet<NodeId>) -> Result<Exported, String> {
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
            let read = self.values[&head.node].clone();
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
        let keys: BTreeSet<&String> = self.kept.keys().map(|(key, ..)| key).collect();
        let tensors = self.graph.tensors();
        let unread = tensors.filter(|(key, _)| !keys.contains(key)).count();
        let mut remarks = Vec::new();
        if unread > 0 {
            let layers = self.graph.nodes().len() - needed.len();
            remarks.push(format!(
                "{unread} tensors are left out: no prediction needs them ({layers} layers, of heads for training or beside)"
            ));
        }
        if !self.filled.is_empty() {
            let layers = self.filled.join("`, `");
            remarks.push(format!(
                "`{layers}`: ONNX has no connection tables, so there are kernels of zeros for maps that are not connected, and the file has more parameters than the network"
            ));
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
            remarks,
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

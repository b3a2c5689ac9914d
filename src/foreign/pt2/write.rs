//! A network as a file that `torch.export.load` reads: what it computes once it is trained, in single precision, for as many
//! samples as one likes.
//!
//! Each layer is a call or a few, under the module of its path, so that the file, read again, is the same network.

mod arrays;
mod json;
mod layers;

use super::schema::Argument;
use crate::foreign::stock::{self, Stock, Stored, write};
use crate::foreign::{Exported, Numbers};
use crate::graph::{Graph, Node, NodeId, TensorKind};
use json::{Program, archive, argument, meta, name_of};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A file that is being written.
struct Writer<'a> {
    graph: &'a Graph,
    stock: Stock<'a>,
    calls: Vec<Value>,
    /// Type and sizes of each value.
    metas: Map<String, Value>,
    /// The tensors, in the order in which layers asked for them.
    kept: Vec<Kept>,
    /// Where each is, by key.
    places: BTreeMap<String, usize>,
    /// How often a name was given.
    given: BTreeMap<String, usize>,
    /// The layer that is being written.
    at: NodeId,
}

/// A tensor of the file.
struct Kept {
    key: String,
    name: String,
    kind: TensorKind,
    dims: Vec<usize>,
    bytes: Vec<u8>,
}

/// The bytes of a file.
///
/// # Errors
/// The first layer that PyTorch has no operator for, or a tensor that is missing, by its path.
pub(in crate::foreign) fn written(
    graph: &Graph,
    weights: &BTreeMap<String, Numbers>,
) -> Result<Exported, String> {
    let mut writer = Writer {
        graph,
        stock: Stock::new(graph, weights),
        calls: Vec::new(),
        metas: Map::new(),
        kept: Vec::new(),
        places: BTreeMap::new(),
        given: BTreeMap::new(),
        at: 0,
    };
    let values = write(graph, &mut writer)?;
    writer.finish(&values)
}

impl<'a> stock::Writer<'a> for Writer<'a> {
    fn input(&mut self, node: &'a Node) -> String {
        let name = self.name(&name_of(&node.path));
        self.metas
            .insert(name.clone(), meta(&node.shape.dims(), true, false));
        name
    }

    fn layer(&mut self, node: &'a Node, id: NodeId, values: &[String]) -> Result<String, String> {
        self.at = id;
        self.calls_of(node, values)
    }
}

impl<'a> Writer<'a> {
    fn node_at(&self) -> &'a Node {
        &self.graph.nodes()[self.at]
    }

    /// A name that nothing else has; of calls all are numbered, since some operators are called as Python's own functions.
    fn name(&mut self, name: &str) -> String {
        let count = self.given.entry(name.to_string()).or_default();
        *count += 1;
        match *count {
            1 => name.to_string(),
            n => format!("{name}_{n}"),
        }
    }

    /// A call of an operator (`conv2d.default`), and the value that it gives, of those dimensions behind the batch. Arguments
    /// whose names begin with a star are given by name.
    fn call(&mut self, operator: &str, arguments: &[(&str, Argument)], dims: &[usize]) -> String {
        self.call_of(operator, arguments, meta(dims, true, false))
    }

    fn call_of(&mut self, operator: &str, arguments: &[(&str, Argument)], meta: Value) -> String {
        let short = operator.split('.').next().unwrap_or(operator);
        let count = self.given.entry(format!("{short}_")).or_default();
        *count += 1;
        let name = format!("{short}_{count}");
        let inputs: Vec<Value> = arguments
            .iter()
            .map(|(name, given)| {
                let by_name = name.starts_with('*');
                json!({
                    "name": name.trim_start_matches('*'),
                    "arg": argument(given),
                    "kind": if by_name { 2 } else { 1 },
                })
            })
            .collect();
        self.calls.push(json!({
            "target": format!("torch.ops.aten.{operator}"),
            "inputs": inputs,
            "outputs": [{ "as_tensor": { "name": name } }],
            "metadata": { "nn_module_stack": json::modules(&self.node_at().path) },
            "is_hop_single_tensor_return": null,
            "name": name,
        }));
        self.metas.insert(name.clone(), meta);
        name
    }

    /// The layer's tensor of that number.
    fn tensor(&mut self, i: usize) -> Result<Argument, String> {
        let stored = self.stock.tensor(self.at, i)?;
        let dims = stored.numbers.dims.clone();
        Ok(self.keep(&stored, &dims, &stored.numbers.bytes))
    }

    /// The same under other dimensions of as many units.
    fn tensor_as(&mut self, i: usize, dims: &[usize]) -> Result<Argument, String> {
        let kept = self.tensor(i)?;
        Ok(self.view(kept, dims))
    }

    fn view(&mut self, kept: Argument, dims: &[usize]) -> Argument {
        let sizes = dims.iter().map(|&n| n as i64).collect();
        let arguments = [("self", kept), ("shape", Argument::Ints(sizes))];
        Argument::Tensor(self.call_of("reshape.default", &arguments, meta(dims, false, false)))
    }

    fn keep(&mut self, stored: &Stored, dims: &[usize], bytes: &[u8]) -> Argument {
        if let Some(&place) = self.places.get(&stored.key) {
            return Argument::Tensor(self.kept[place].name.clone());
        }
        let first = match stored.kind {
            TensorKind::Trainable | TensorKind::Frozen => "p",
            TensorKind::Buffer => "b",
            TensorKind::Constant => "c",
        };
        let name = self.name(&format!("{first}_{}", name_of(&stored.key)));
        let learns = stored.kind == TensorKind::Trainable;
        self.metas.insert(name.clone(), meta(dims, false, learns));
        self.places.insert(stored.key.clone(), self.kept.len());
        self.kept.push(Kept {
            key: stored.key.clone(),
            name: name.clone(),
            kind: stored.kind,
            dims: dims.to_vec(),
            bytes: bytes.to_vec(),
        });
        Argument::Tensor(name)
    }

    fn finish(mut self, values: &BTreeMap<NodeId, String>) -> Result<Exported, String> {
        // parameters first, then buffers, then constants, as PyTorch wants them
        self.kept.sort_by_key(|kept| match kept.kind {
            TensorKind::Trainable | TensorKind::Frozen => 0,
            TensorKind::Buffer => 1,
            TensorKind::Constant => 2,
        });
        let heads = self.graph.outputs().iter().filter(|head| !head.auxiliary);
        let outputs: Vec<String> = heads.map(|head| values[&head.node].clone()).collect();
        let inputs = 0..self.graph.inputs().len();
        let inputs: Vec<String> = inputs.map(|id| values[&id].clone()).collect();
        let program = Program {
            calls: self.calls,
            metas: self.metas,
            inputs,
            outputs,
        };
        Ok(Exported {
            bytes: archive(&program, &self.kept).map_err(|error| error.to_string())?,
            remarks: self.stock.remarks(),
        })
    }
}

//! What every format in which a network is written has in common: layer after layer, and the tensors that they read.

use super::{Number, Numbers};
use crate::graph::{Graph, Node, NodeId, Op, TensorKind};
use std::collections::{BTreeMap, BTreeSet};

/// A format that takes a network layer by layer.
pub(super) trait Writer<'a> {
    /// The name of an input's value.
    fn input(&mut self, node: &'a Node) -> String;

    /// Writes a layer that reads those values; the name of what it gives.
    fn layer(&mut self, node: &'a Node, id: NodeId, values: &[String]) -> Result<String, String>;
}

/// Writes the layers that a prediction needs; the names of their values. Heads for training alone are left out.
///
/// # Errors
/// The first layer that the format has not, by its path.
pub(super) fn write<'a>(
    graph: &'a Graph,
    writer: &mut impl Writer<'a>,
) -> Result<BTreeMap<NodeId, String>, String> {
    let mut values: BTreeMap<NodeId, String> = BTreeMap::new();
    for ((id, node), live) in graph.nodes().iter().enumerate().zip(graph.live()) {
        let value = match node.op {
            Op::Input => writer.input(node),
            _ if !live => continue,
            _ => {
                let read = node.inputs.iter().map(|input| values[input].clone());
                let written = writer.layer(node, id, &read.collect::<Vec<_>>());
                written.map_err(|what| format!("layer `{}`: {what}", node.path))?
            }
        };
        values.insert(id, value);
    }
    Ok(values)
}

/// The weights that are written.
pub(super) struct Stock<'a> {
    pub graph: &'a Graph,
    weights: &'a BTreeMap<String, Numbers>,
    /// Keys of those that were asked for.
    read: BTreeSet<String>,
    /// Layers whose connection tables became kernels of zeros.
    filled: Vec<&'a str>,
}

/// A layer's tensor.
pub(super) struct Stored<'a> {
    pub key: String,
    pub kind: TensorKind,
    pub numbers: &'a Numbers,
}

impl<'a> Stock<'a> {
    pub fn new(graph: &'a Graph, weights: &'a BTreeMap<String, Numbers>) -> Stock<'a> {
        Stock {
            graph,
            weights,
            read: BTreeSet::new(),
            filled: Vec::new(),
        }
    }

    /// A layer's tensor of that number.
    pub fn tensor(&mut self, layer: NodeId, i: usize) -> Result<Stored<'a>, String> {
        let owner = &self.graph.nodes()[self.graph.owner(layer)];
        let tensors = self.graph.tensors_of(owner);
        let (key, kind) = (owner.key(i, &tensors[i]), tensors[i].kind);
        let numbers = self.weights.get(&key);
        let numbers = numbers.ok_or_else(|| format!("there are no numbers for `{key}`"))?;
        if numbers.number != Number::F32 {
            return Err(format!("`{key}` is not in single precision"));
        }
        self.read.insert(key.clone());
        Ok(Stored { key, kind, numbers })
    }

    /// A convolution's kernels, with those of zeros for maps that its table does not connect.
    pub fn filled(
        &mut self,
        layer: NodeId,
        [out, maps]: [usize; 2],
        table: &[Vec<usize>],
    ) -> Result<(Stored<'a>, Numbers), String> {
        let stored = self.tensor(layer, 0)?;
        let taps = &stored.numbers.dims[stored.numbers.dims.len() - 2..];
        let dims = [&[out, maps][..], taps].concat();
        let size = 4 * taps.iter().product::<usize>();
        let mut bytes = vec![0; size * out * maps];
        let connected = table.iter().enumerate();
        let connected =
            connected.flat_map(|(out, row)| row.iter().map(move |map| out * maps + map));
        for (to, kernel) in connected.zip(stored.numbers.bytes.chunks_exact(size)) {
            bytes[to * size..][..size].copy_from_slice(kernel);
        }
        let path = &self.graph.nodes()[layer].path;
        self.filled.push(path);
        let number = Number::F32;
        let numbers = Numbers {
            number,
            dims,
            bytes,
        };
        Ok((stored, numbers))
    }

    /// What is in the file otherwise than in the network, a line each.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let tensors = self.graph.tensors();
        let unread = tensors.filter(|(key, _)| !self.read.contains(key)).count();
        if unread > 0 {
            remarks.push(format!(
                "{unread} tensors are left out: no prediction needs them, as those of heads for training"
            ));
        }
        if !self.filled.is_empty() {
            remarks.push(format!(
                "`{}`: such files have no connection tables, so there are kernels of zeros for maps that are not connected, and more parameters than the network has",
                self.filled.join("`, `")
            ));
        }
        remarks
    }
}

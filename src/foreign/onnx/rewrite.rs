//! Several nodes that are one operator: GELU where there was none of its own.

use super::node::Node;
use super::tensors::Store;
use rten_onnx::onnx::{GraphProto, TensorProto};
use std::collections::{BTreeMap, BTreeSet};

/// Who computes a value, and who reads it.
struct Wires<'a> {
    nodes: &'a [Node],
    from: BTreeMap<&'a str, usize>,
    to: BTreeMap<&'a str, Vec<usize>>,
    tensors: BTreeMap<&'a str, &'a TensorProto>,
    store: &'a Store,
}

/// The nodes, those of one operator replaced by it.
pub(super) fn rewritten(nodes: Vec<Node>, graph: &GraphProto, store: &Store) -> Vec<Node> {
    if !nodes.iter().any(|node| node.op == "Erf") {
        return nodes;
    }
    let mut wires = Wires {
        nodes: &nodes,
        from: BTreeMap::new(),
        to: BTreeMap::new(),
        tensors: BTreeMap::new(),
        store,
    };
    for tensor in &graph.initializer {
        wires
            .tensors
            .extend(tensor.name.as_deref().map(|name| (name, tensor)));
    }
    for (i, node) in nodes.iter().enumerate() {
        for name in &node.outputs {
            wires.from.insert(name, i);
        }
        for name in &node.inputs {
            wires.to.entry(name).or_default().push(i);
        }
        if node.op == "Constant" {
            let named = node.output(0).zip(node.tensor("value"));
            wires.tensors.extend(named);
        }
    }
    for output in &graph.output {
        let name = output.name.as_deref().unwrap_or_default();
        // read from outside, so that nobody alone reads it
        wires.to.entry(name).or_default().extend([usize::MAX; 2]);
    }
    let mut gone = BTreeSet::new();
    let mut new = BTreeMap::new();
    for (i, node) in nodes.iter().enumerate() {
        if node.op == "Erf"
            && let Some((x, last, between)) = wires.gelu(i)
        {
            gone.extend(between);
            let gelu = Node {
                op: "Gelu".into(),
                inputs: vec![x.to_string()],
                attributes: Vec::new(),
                ..nodes[last].clone()
            };
            new.insert(last, gelu);
        }
    }
    let kept = nodes
        .into_iter()
        .enumerate()
        .filter(|(i, _)| !gone.contains(i));
    kept.map(|(i, node)| new.remove(&i).unwrap_or(node))
        .collect()
}

impl<'a> Wires<'a> {
    /// The one node that reads a value.
    fn only(&self, name: &str, op: &str) -> Option<usize> {
        match self.to.get(name)?[..] {
            [i] => (self.nodes.get(i)?.op == op).then_some(i),
            _ => None,
        }
    }

    /// The number that a value is.
    fn number(&self, name: &str) -> Option<f64> {
        let tensor = self.tensors.get(name)?;
        let few = super::tensors::dims(tensor).ok()?.iter().product::<usize>() == 1;
        few.then(|| self.store.constant(tensor).ok().flatten()?.scalar())?
    }

    fn is(&self, name: &str, number: f64) -> bool {
        self.number(name)
            .is_some_and(|found| (found - number).abs() < 1e-6)
    }

    /// The other of a node's two inputs.
    fn other(&self, i: usize, name: &str) -> Option<&'a str> {
        match &self.nodes[i].inputs[..] {
            [a, b] if a == name => Some(b),
            [a, b] if b == name => Some(a),
            _ => None,
        }
    }

    /// Of `x (1 + erf(x / sqrt 2)) / 2`, in whatever order: x, the last node, and the others.
    fn gelu(&self, erf: usize) -> Option<(&'a str, usize, Vec<usize>)> {
        let argument = self.nodes[erf].input(0)?;
        let scaled = *self.from.get(argument)?;
        self.only(argument, "Erf")?;
        let node = &self.nodes[scaled];
        let root = std::f64::consts::SQRT_2;
        let x = match (node.op.as_str(), &node.inputs[..]) {
            ("Div", [x, by]) if self.is(by, root) => x.as_str(),
            ("Mul", [x, by]) | ("Mul", [by, x]) if self.is(by, 1.0 / root) => x.as_str(),
            _ => return None,
        };
        let sum = self.only(self.nodes[erf].output(0)?, "Add")?;
        if !self.is(self.other(sum, self.nodes[erf].output(0)?)?, 1.0) {
            return None;
        }
        let mut between = vec![scaled, erf, sum];
        let product = self.only(self.nodes[sum].output(0)?, "Mul")?;
        let with = self.other(product, self.nodes[sum].output(0)?)?;
        let made = self.nodes[product].output(0)?;
        // x or a half comes next, and the other behind; or half of x was there before
        if with == x || self.is(with, 0.5) {
            let last = self.only(made, "Mul")?;
            let rest = self.other(last, made)?;
            let fits = match with == x {
                true => self.is(rest, 0.5),
                false => rest == x,
            };
            between.push(product);
            return fits.then_some((x, last, between));
        }
        let half = *self.from.get(with)?;
        self.only(with, "Mul")?;
        let is_half = self.nodes[half].op == "Mul" && self.is(self.other(half, x)?, 0.5);
        between.push(half);
        is_half.then_some((x, product, between))
    }
}

//! In which order are the layers of two networks held against each other?
//!
//! A description may name one branch before the other or after it, and a sum has no first operand: neither says anything of what
//! is computed. So layers are ordered from the outputs back, each behind its inputs.

use crate::graph::{Graph, NodeId};

/// Kinds of joins whose inputs can be exchanged.
const EXCHANGEABLE: [&str; 7] = [
    "add",
    "broadcast_add",
    "mean",
    "sum",
    "multiply",
    "maximum",
    "minimum",
];

/// Whether the inputs of a layer of that kind can be exchanged.
pub(super) fn is_exchangeable(kind: &str) -> bool {
    EXCHANGEABLE.contains(&kind)
}

/// Every layer once, each behind its inputs; those on which no output depends stand last.
pub(super) fn order(graph: &Graph) -> Vec<NodeId> {
    let nodes = graph.nodes();
    let mut ways = vec![0usize; nodes.len()];
    for (id, node) in nodes.iter().enumerate() {
        let before = node.inputs.iter().map(|&input| ways[input] + 1);
        ways[id] = before.max().unwrap_or(0);
    }
    let inputs_of = |id: NodeId| {
        let node = &nodes[id];
        let mut inputs = node.inputs.clone();
        if is_exchangeable(node.op.name()) {
            // the longer way first: a shortcut comes behind what it goes around
            inputs.sort_by_key(|&input| std::cmp::Reverse(ways[input]));
        }
        inputs
    };
    let mut order: Vec<NodeId> = (0..graph.inputs().len()).collect();
    let mut seen = vec![false; nodes.len()];
    order.iter().for_each(|&id| seen[id] = true);
    let outputs = graph.outputs().iter().map(|output| output.node);
    for end in outputs.chain(0..nodes.len()) {
        // a layer, its inputs, and how many of them are done
        let mut open: Vec<(NodeId, Vec<NodeId>, usize)> = Vec::new();
        if !std::mem::replace(&mut seen[end], true) {
            open.push((end, inputs_of(end), 0));
        }
        while let Some((id, inputs, done)) = open.last_mut() {
            match inputs.get(*done) {
                Some(&input) => {
                    *done += 1;
                    if !std::mem::replace(&mut seen[input], true) {
                        open.push((input, inputs_of(input), 0));
                    }
                }
                None => {
                    order.push(*id);
                    open.pop();
                }
            }
        }
    }
    order
}

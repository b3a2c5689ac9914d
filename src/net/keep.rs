//! Which values does a pass keep, and how long?

use super::Mode;
use crate::graph::{FusedGroup, Graph, NodeId, Op};

/// For each group, the layers whose outputs have no consumer after it, in a pass of that mode.
pub(super) fn freed_after(graph: &Graph, groups: &[FusedGroup], mode: Mode) -> Vec<Vec<NodeId>> {
    let nodes = graph.nodes();
    // for each layer the group that reads it last, if the backward pass does not read it
    let mut last: Vec<Option<usize>> = vec![None; nodes.len()];
    for (i, group) in groups.iter().enumerate() {
        last[group.last] = Some(i);
        group.reads(graph).for_each(|read| last[read] = Some(i));
    }
    if mode != Mode::Eval {
        for (id, node) in nodes.iter().enumerate() {
            if needs_output(&node.op) {
                last[id] = None;
            }
            if needs_inputs(&node.op) {
                node.inputs.iter().for_each(|&input| last[input] = None);
            }
        }
    }
    for output in graph.outputs() {
        last[output.node] = None;
    }
    let mut freed = vec![Vec::new(); groups.len()];
    for (id, last) in last.into_iter().enumerate() {
        if let Some(reader) = last {
            freed[reader].push(id);
        }
    }
    freed
}

/// Whether the backward pass of a layer reads its inputs; others need no more than their shapes.
fn needs_inputs(op: &Op) -> bool {
    match op {
        Op::Conv(_)
        | Op::Linear { .. }
        | Op::BatchNorm { .. }
        | Op::Lrn { .. }
        | Op::MaxPool { .. }
        | Op::Subsample { .. }
        | Op::Rbf { .. }
        | Op::Gate => true,
        Op::Input
        | Op::Activation(_)
        | Op::AvgPool { .. }
        | Op::AdaptiveAvgPool { .. }
        | Op::Dropout { .. }
        | Op::Flatten
        | Op::Concat
        | Op::Add
        | Op::BroadcastAdd
        | Op::Mean { .. }
        | Op::Slice { .. }
        | Op::Scale { .. }
        | Op::PadShortcut { .. } => false,
    }
}

/// Whether the backward pass of a layer reads its output.
fn needs_output(op: &Op) -> bool {
    matches!(op, Op::Activation(_))
}

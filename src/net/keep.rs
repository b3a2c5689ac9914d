//! Which values does a pass keep, and how long?

use super::Mode;
use crate::graph::{FusedGroup, Graph, NodeId, Op, freed_after};

/// For each group, the layers whose outputs have no consumer after it, in a pass of that mode.
pub(super) fn freed(graph: &Graph, groups: &[FusedGroup], mode: Mode) -> Vec<Vec<NodeId>> {
    let mut kept = vec![false; graph.nodes().len()];
    if mode != Mode::Eval {
        for (id, node) in graph.nodes().iter().enumerate() {
            kept[id] |= needs_output(&node.op);
            if needs_inputs(&node.op) {
                node.inputs.iter().for_each(|&input| kept[input] = true);
            }
        }
    }
    for output in graph.outputs() {
        kept[output.node] = true;
    }
    let touched = |group: &FusedGroup| group.reads(graph).chain([group.last]).collect::<Vec<_>>();
    freed_after(&kept, groups.iter().map(touched))
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

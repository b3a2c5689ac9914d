//! Which values does a pass keep, and how long?

use super::Mode;
use crate::graph::{FusedGroup, Graph, NodeId, freed_after};

/// For each group, the layers whose outputs have no consumer after it, in a pass of that mode.
pub(super) fn freed(graph: &Graph, groups: &[FusedGroup], mode: Mode) -> Vec<Vec<NodeId>> {
    let mut kept = vec![false; graph.nodes().len()];
    if mode != Mode::Eval {
        for (id, node) in graph.nodes().iter().enumerate() {
            let reads = node.op.kind().backward;
            kept[id] |= reads.output;
            if reads.inputs {
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

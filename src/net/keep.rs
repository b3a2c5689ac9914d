//! Which values does a pass keep, and how long?

use super::Mode;
use crate::graph::{FusedGroup, Graph, NodeId, freed_after};

/// For each group, the layers whose outputs have no consumer after it, in a pass of that mode.
pub(super) fn freed(graph: &Graph, groups: &[FusedGroup], mode: Mode) -> Vec<Vec<NodeId>> {
    let kept = graph.kept(mode != Mode::Eval);
    let touched = |group: &FusedGroup| group.reads(graph).chain([group.last]).collect::<Vec<_>>();
    freed_after(&kept, groups.iter().map(touched))
}

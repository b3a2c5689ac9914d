//! How many parameters has a layer, and of what kind?

use crate::graph::{Graph, Node, Tensor, TensorKind};

pub(super) fn params(graph: &Graph, node: &Node) -> Option<u64> {
    count(graph, node, TensorKind::is_parameter)
}

pub(super) fn trainable(graph: &Graph, node: &Node) -> Option<u64> {
    count(graph, node, |kind| kind == TensorKind::Trainable)
}

pub(super) fn frozen(graph: &Graph, node: &Node) -> Option<u64> {
    count(graph, node, |kind| kind == TensorKind::Frozen)
}

pub(super) fn buffers(graph: &Graph, node: &Node) -> Option<u64> {
    count(graph, node, |kind| kind == TensorKind::Buffer)
}

fn count(graph: &Graph, node: &Node, include: impl Fn(TensorKind) -> bool) -> Option<u64> {
    graph
        .tensors_of(node)
        .iter()
        .filter(|tensor| include(tensor.kind))
        .map(Tensor::elements)
        .try_fold(0u64, |sum, n| sum.checked_add(n?))
}

//! How deep is a network?
//!
//! Papers count the layers with weights on the longest way from input to prediction: VGG-16 has 16,
//! ResNet-50 has 50, projections on shortcuts do not count because they run beside longer ways.

use crate::graph::{Graph, Op};

/// Whether papers count the layer: it has weights and is not a normalisation.
pub fn is_weighted(op: &Op) -> bool {
    matches!(
        op,
        Op::Conv(_) | Op::Linear { .. } | Op::Subsample { .. } | Op::Rbf { .. }
    )
}

/// Weighted layers on the longest way from the input to the prediction.
pub fn depth(graph: &Graph) -> usize {
    let mut depths: Vec<usize> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        // a channel gate weighs the features: SE-ResNet-50 has 50 layers, its gates' not counted
        let features = match node.op {
            Op::Gate => &node.inputs[..1],
            _ => &node.inputs[..],
        };
        let before = features.iter().map(|&id| depths[id]).max().unwrap_or(0);
        depths.push(before + usize::from(is_weighted(&node.op)));
    }
    depths[graph.outputs()[0].node]
}

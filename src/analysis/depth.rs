//! How deep is a network?
//!
//! Papers count the layers with weights on the longest way from input to prediction: VGG-16 has 16,
//! ResNet-50 has 50, projections on shortcuts do not count because they run beside longer ways.

use crate::graph::Graph;

/// Weighted layers on the longest way from the input to the prediction.
pub fn depth(graph: &Graph) -> usize {
    let mut depths: Vec<usize> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        // a channel gate weighs the features: SE-ResNet-50 has 50 layers, its gates' not counted
        let features = node.op.kind().features_of(&node.inputs);
        let before = features.iter().map(|&id| depths[id]).max().unwrap_or(0);
        depths.push(before + usize::from(node.op.kind().weighted));
    }
    depths[graph.outputs()[0].node]
}

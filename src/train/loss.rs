//! Which losses does training follow?

use crate::graph::{Graph, NodeId};

/// The layers of the outputs whose losses are followed, with the weight of each: the prediction's with 1, and after it
/// those of the auxiliary heads with `auxiliary`, unless that is 0.
pub fn loss_weights(graph: &Graph, auxiliary: f64) -> Vec<(NodeId, f64)> {
    let weights = std::iter::once(1.0).chain(std::iter::repeat(auxiliary));
    let weighted = graph.outputs().iter().zip(weights);
    weighted
        .filter(|(_, weight)| *weight != 0.0)
        .map(|(output, weight)| (output.node, weight))
        .collect()
}

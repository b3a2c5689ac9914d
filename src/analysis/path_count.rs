//! How many paths lead through a network, and how densely are its layers linked?

use super::Overflow;
use crate::graph::{Features, Graph, NodeId};

/// Paths from the input to the prediction: a residual unit doubles them (Veit et al. 2016), a module
/// of four branches multiplies them by four.
///
/// # Errors
/// [`Overflow`], with the layer at which the count left 64 bits.
pub fn path_count(graph: &Graph) -> Result<u64, Overflow> {
    let mut counts: Vec<u64> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let before = match node.inputs.as_slice() {
            [] => Some(1),
            inputs => inputs
                .iter()
                .try_fold(0u64, |sum, &id| sum.checked_add(counts[id])),
        };
        counts.push(before.ok_or_else(|| Overflow {
            path: node.path.clone(),
            quantity: "paths",
        })?);
    }
    Ok(counts[graph.outputs()[0].node])
}

/// Direct connections between layers that make features (weighted layers, joins and the input): how
/// many pairs there are of such a layer, among those that `include` picks, and one whose features it
/// reads, unchanged or normalised, pooled and put beside others. Huang et al. 2017 (section 1) count
/// L (L + 1) / 2 in a dense block of L layers.
pub fn layer_links(graph: &Graph, include: impl Fn(NodeId) -> bool) -> u64 {
    let mut read: Vec<Vec<usize>> = Vec::with_capacity(graph.nodes().len());
    let mut count = 0;
    for (id, node) in graph.nodes().iter().enumerate() {
        let mut sources: Vec<usize> = node
            .inputs
            .iter()
            .flat_map(|&id| read[id].iter().copied())
            .collect();
        sources.sort_unstable();
        sources.dedup();
        if node.op.kind().features != Features::HandedOn {
            if include(id) {
                count += sources.len() as u64;
            }
            sources = vec![id];
        }
        read.push(sources);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Shape, Value, concat, conv};
    use proptest::prelude::*;

    fn dense<'g>(x: Value<'g>, layers: usize) -> Value<'g> {
        let mut features = vec![x];
        for i in 0..layers {
            let joined = if i == 0 { x } else { concat(&features) };
            features.push(
                joined
                    .bn(format!("norm{i}"))
                    .relu()
                    .conv(format!("conv{i}"), conv(4, 3).pad(1)),
            );
        }
        concat(&features)
    }

    proptest! {
        #[test]
        fn a_dense_block_has_every_pair(layers in 1..20usize) {
            let graph = Graph::build(Shape::map(3, 4, 4), |x| dense(x, layers)).unwrap();
            prop_assert_eq!(layer_links(&graph, |_| true), (layers * (layers + 1) / 2) as u64);
        }

        #[test]
        fn each_residual_unit_doubles_the_ways(units in 0..60u32) {
            let graph = Graph::build(Shape::map(3, 4, 4), |mut x| {
                for i in 0..units {
                    x = x + x.conv(format!("conv{i}"), conv(3, 1));
                }
                x
            })
            .unwrap();
            prop_assert_eq!(path_count(&graph).unwrap(), 2u64.pow(units));
        }
    }

    #[test]
    fn more_ways_than_64_bits_are_an_error() {
        let graph = Graph::build(Shape::map(3, 4, 4), |mut x| {
            for _ in 0..64 {
                x = x + x.relu();
            }
            x
        })
        .unwrap();
        assert_eq!(path_count(&graph).unwrap_err().path, "add_64");
    }
}

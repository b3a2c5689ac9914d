//! Which weights can no training change?
//!
//! Three kinds get no gradient, whatever the data: those of layers on which no output depends; biases
//! that a batch normalisation subtracts again with the mean of the batch; and the taps of a kernel that
//! at every position lie in the padding.

use super::Overflow;
use crate::graph::{Axis, Graph, NodeId, Role, Sees, TensorKind, Window};
use std::collections::{BTreeMap, BTreeSet};

/// The names of the trainable tensors that get no gradient as a whole, in `state_dict` order, among the
/// layers that `include` picks.
pub fn params_without_grad(graph: &Graph, include: impl Fn(NodeId) -> bool) -> Vec<String> {
    let nodes = graph.nodes();
    let outputs = || graph.outputs().iter().map(|output| output.node);
    let reached = graph.reached(outputs());
    // a bias counts where something reads its layer that does not take each channel's mean away
    let mut shows = vec![false; nodes.len()];
    outputs().for_each(|id| shows[id] = true);
    for (id, node) in nodes.iter().enumerate() {
        if reached[id] {
            for &input in &node.inputs {
                shows[input] |= !node.op.kind().centres;
            }
        }
    }
    // one use is enough
    let [reached, shows] = [reached, shows].map(|uses| graph.by_owner(&uses));
    let mut names = Vec::new();
    for &id in graph.state_order().iter().filter(|&&id| include(id)) {
        for (i, tensor) in graph.tensors_of(&nodes[id]).iter().enumerate() {
            let works = match tensor.role {
                Role::Bias | Role::NormShift => shows[id],
                Role::Weight
                | Role::Coefficient
                | Role::NormScale
                | Role::RunningMean
                | Role::RunningVariance
                | Role::Code => reached[id],
            };
            if !works && tensor.kind == TensorKind::Trainable {
                names.push(nodes[id].key(i, tensor));
            }
        }
    }
    names
}

/// Weights of convolutions, among the layers that `include` picks, that only ever meet padding: on a
/// map of 1x1 a kernel of 3x3 with padding 1 has one tap that meets a unit, and eight that do not.
///
/// # Errors
/// [`Overflow`], with the layer at which the count left 64 bits.
pub fn padded_weights(graph: &Graph, include: impl Fn(NodeId) -> bool) -> Result<u64, Overflow> {
    let mut met: BTreeMap<NodeId, BTreeSet<(usize, usize)>> = BTreeMap::new();
    for (id, node) in graph.nodes().iter().enumerate() {
        let facts = graph.facts(node);
        let has_kernels = facts.tensors.iter().any(|one| one.role == Role::Weight);
        if let Sees::Window(window) = facts.sees
            && has_kernels
        {
            let extent = graph.input_of(node).extent();
            let [rows, columns] = [0, 1].map(|axis| taps(&window, axis, extent[axis]));
            let taps = rows
                .iter()
                .flat_map(|&row| columns.iter().map(move |&column| (row, column)));
            met.entry(graph.owner(id)).or_default().extend(taps);
        }
    }
    let mut sum = 0u64;
    for (id, met) in met {
        if !include(id) {
            continue;
        }
        let node = &graph.nodes()[id];
        let overflow = || Overflow {
            path: node.path.clone(),
            quantity: "weights",
        };
        let all = node.op.window().map_or(1, Window::taps) as u64;
        let weights = graph.tensors_of(node)[0].elements().ok_or_else(overflow)?;
        sum = sum
            .checked_add(weights / all * (all - met.len() as u64))
            .ok_or_else(overflow)?;
    }
    Ok(sum)
}

/// The taps along one axis that at some position lie on the map.
fn taps(window: &Window, axis: usize, input: usize) -> Vec<usize> {
    let Ok(Axis { output, before, .. }) = window.axis(axis, input) else {
        return Vec::new();
    };
    let (stride, dilation) = (window.stride[axis], window.dilation[axis]);
    (0..window.kernel[axis])
        .filter(|tap| {
            // the first position at which the tap has left the padding in front
            let position = before.saturating_sub(tap * dilation).div_ceil(stride);
            position < output && position * stride + tap * dilation < before + input
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Shape, Value, conv, pool};
    use proptest::prelude::*;

    proptest! {
        /// Putting the window on every position is the oracle.
        #[test]
        fn a_tap_works_if_it_meets_the_map_anywhere(
            kernel in 1..8usize, stride in 1..5usize, pad in 0..8usize, dilation in 1..4usize,
            input in 1..9usize, same in any::<bool>()
        ) {
            let window = pool(kernel).stride(stride).dilation(dilation).pad(pad);
            let window = if same { window.same() } else { window };
            let Ok(axis) = window.axis(0, input) else { return Ok(()) };
            let met: BTreeSet<usize> = (0..axis.output)
                .flat_map(|position| (0..kernel).map(move |tap| (tap, position)))
                .filter(|(tap, position)| {
                    let row = position * stride + tap * dilation;
                    (axis.before..axis.before + input).contains(&row)
                })
                .map(|(tap, _)| tap)
                .collect();
            prop_assert_eq!(taps(&window, 0, input), met.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_small_map_leaves_the_rim_of_a_kernel_without_work() {
        let padded = |side: usize| {
            let graph = Graph::build(Shape::map(2, side, side), |x| {
                x.conv("a", conv(5, 3).pad(1))
            });
            padded_weights(&graph.unwrap(), |_| true).unwrap()
        };
        assert_eq!(padded(1), 2 * 5 * 8);
        assert_eq!(padded(2), 0);
    }

    fn repeated(x: Value) -> Value {
        x.conv("a", conv(2, 3).pad(1))
    }

    #[test]
    fn a_tap_that_works_in_one_use_works() {
        let padded = |again: bool| {
            let graph = Graph::build(Shape::map(2, 1, 1), |x| {
                let small = x.scope("unit", repeated);
                let large = small.conv("larger", conv(2, 1).pad(1));
                if again {
                    large.again("unit", repeated)
                } else {
                    large
                }
            });
            padded_weights(&graph.unwrap(), |_| true).unwrap()
        };
        assert_eq!(padded(false), 2 * 2 * 8);
        assert_eq!(padded(true), 0);
    }

    #[test]
    fn params_without_grad_are_what_no_output_reads_and_what_is_normalised_away() {
        let graph = Graph::build(Shape::map(2, 4, 4), |x| {
            x.conv("unread", conv(2, 1)).bn("after_it");
            let x = x.conv("normalised", conv(2, 1)).bn("norm");
            let both = x.conv("read_by_both", conv(2, 1));
            let x = both.bn("norm2") + both;
            x.scope("aux", |x| x.flatten().linear("fc", 3).output("aux"));
            x.conv("last", conv(2, 1))
        })
        .unwrap();
        assert_eq!(
            params_without_grad(&graph, |_| true),
            [
                "unread.weight",
                "unread.bias",
                "after_it.weight",
                "after_it.bias",
                "normalised.bias"
            ]
        );
    }
}

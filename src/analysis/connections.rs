//! How many connections and neurons has a layer, as LeCun et al. 1998 (section II-B) count them?
//!
//! Every unit of a layer is a neuron; every value that enters it, its bias included, is a
//! connection, shared weights or not. C1 of LeNet-5: 6 x 28 x 28 neurons with 5 x 5 + 1 connections.

use super::macs::macs;
use super::product;
use crate::graph::{Conv, Graph, Node, Op};

pub(super) fn neurons(_: &Graph, node: &Node) -> Option<u64> {
    match node.op {
        Op::Conv(_)
        | Op::Linear { .. }
        | Op::MaxPool { .. }
        | Op::AvgPool { .. }
        | Op::AdaptiveAvgPool { .. }
        | Op::Subsample { .. }
        | Op::Rbf { .. } => node.shape.elements(),
        Op::Input
        | Op::BatchNorm { .. }
        | Op::Lrn { .. }
        | Op::Activation(_)
        | Op::Dropout { .. }
        | Op::Flatten
        | Op::Concat
        | Op::Add
        | Op::BroadcastAdd
        | Op::PadShortcut { .. }
        | Op::Gate
        | Op::Mean { .. }
        | Op::Slice { .. }
        | Op::Scale { .. } => Some(0),
    }
}

pub(super) fn connections(graph: &Graph, node: &Node) -> Option<u64> {
    let input = graph.input_of(node);
    let units = neurons(graph, node)?;
    match &node.op {
        Op::Conv(Conv { bias, .. }) | Op::Linear { bias, .. } => {
            macs(graph, node)?.checked_add(if *bias { units } else { 0 })
        }
        Op::MaxPool { window } | Op::AvgPool { window, .. } => {
            units.checked_mul(product(&window.kernel)?)
        }
        Op::Subsample { window } => units.checked_mul(product(&window.kernel)?.checked_add(1)?),
        Op::AdaptiveAvgPool { .. } => input.elements(),
        Op::Rbf { out } => product(&[*out, input.channels()]),
        // the layers without neurons, which the list above names one by one
        _ => Some(0),
    }
}

//! How many multiply-accumulates does one sample cost?
//!
//! Convolutions and linear layers only, biases left out, padded taps included: the convention of
//! torchvision's metadata and of PyTorch's flop counter (halved).

use super::product;
use crate::graph::{Conv, Graph, Node, Op};

pub(super) fn macs(graph: &Graph, node: &Node) -> Option<u64> {
    let input = graph.input_of(node).channels();
    let [h, w] = node.shape.extent();
    match &node.op {
        Op::Conv(Conv {
            out,
            window,
            groups,
            table,
            ..
        }) => {
            let maps = match table {
                Some(table) => table.iter().map(|row| row.len()).sum(),
                None => out.checked_mul(input / groups)?,
            };
            product(&[maps, window.kernel[0], window.kernel[1], h, w])
        }
        Op::Linear { out, .. } => product(&[*out, input]),
        Op::Input
        | Op::BatchNorm { .. }
        | Op::Lrn { .. }
        | Op::Activation(_)
        | Op::MaxPool { .. }
        | Op::AvgPool { .. }
        | Op::AdaptiveAvgPool { .. }
        | Op::Subsample { .. }
        | Op::Rbf { .. }
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

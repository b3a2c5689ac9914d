//! How do convolutions and linear layers become products that the device knows?
//!
//! A linear layer is a convolution of maps of one unit. The device pads alike on both sides, and windows
//! that hang over the edge it does not know: where a window is otherwise, its zeros are laid around the
//! maps first.

use super::{Convolution, GpuError};
use crate::graph::{Conv, Node, Op, Shape, Window};

/// A product, and how its input is laid among zeros first.
pub(super) struct Product {
    pub shape: Convolution,
    pub frame: Option<Frame>,
}

/// Maps with their zeros.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    /// Rows and columns, as far as windows look.
    pub size: [usize; 2],
    /// Zeros above and to the left.
    pub before: [usize; 2],
}

impl Product {
    /// Of a layer on that input, for so many samples; none if it is no product.
    ///
    /// # Errors
    /// [`GpuError::Network`] for a window that does not fit.
    pub fn new(node: &Node, input: Shape, samples: usize) -> Result<Option<Product>, GpuError> {
        match node.op {
            Op::Conv(conv) => convolution(&conv, input, node.shape, samples)
                .map(Some)
                .map_err(|what| GpuError::Network([&node.path, ": ", &what].concat())),
            Op::Linear { out, .. } => Ok(Some(Product {
                shape: Convolution {
                    samples,
                    maps: [input.channels(), out],
                    groups: 1,
                    kernel: [1, 1],
                    stride: [1, 1],
                    dilation: [1, 1],
                    pad: [0, 0],
                    input: [1, 1],
                    output: [1, 1],
                },
                frame: None,
            })),
            _ => Ok(None),
        }
    }
}

fn convolution(
    conv: &Conv,
    input: Shape,
    output: Shape,
    samples: usize,
) -> Result<Product, String> {
    let window = &conv.window;
    let sides = input.extent();
    let axes = [window.axis(0, sides[0])?, window.axis(1, sides[1])?];
    let before = [axes[0].before, axes[1].before];
    let outputs = output.extent();
    let even = (0..2).all(|axis| is_even(window, axis, sides[axis], before[axis], outputs[axis]));
    let reach = |axis: usize| {
        let start = (outputs[axis] - 1).checked_mul(window.stride[axis]);
        start.and_then(|start| start.checked_add(window.span(axis)?))
    };
    let frame = match even {
        true => None,
        false => Some(Frame {
            size: [reach(0), reach(1)].map(|reach| reach.unwrap_or(usize::MAX)),
            before,
        }),
    };
    Ok(Product {
        shape: Convolution {
            samples,
            maps: [input.channels(), conv.out],
            groups: conv.groups,
            kernel: window.kernel,
            stride: window.stride,
            dilation: window.dilation,
            pad: if even { before } else { [0, 0] },
            input: frame.map_or(sides, |frame| frame.size),
            output: outputs,
        },
        frame,
    })
}

/// Whether the positions of a window are those with as many zeros behind as in front, and each of them
/// sees something.
fn is_even(window: &Window, axis: usize, input: usize, before: usize, output: usize) -> bool {
    let Some(span) = window.span(axis) else {
        return false;
    };
    let room = (input + 2 * before).checked_sub(span);
    before < span && room.is_some_and(|room| room / window.stride[axis] + 1 == output)
}

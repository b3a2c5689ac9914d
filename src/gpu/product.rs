//! How do convolutions and linear layers become products that the device knows?
//!
//! A linear layer is a convolution of maps of one unit. The device pads alike on both sides, and windows
//! that hang over the edge it does not know: where a window is otherwise, its zeros are laid around the
//! maps first.

use super::builder::{KernelArg, counted, launch, sweep};
use super::grad_buffers::GradBuffers;
use super::lowering::Lowering;
use super::sums::Strips;
use super::{Address, ConvPass, Convolution, GpuError};
use crate::graph::{Conv, Node, NodeId, Op, Shape, Window};

type Result<T> = std::result::Result<T, GpuError>;

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
    pub fn new(node: &Node, input: Shape, samples: usize) -> Result<Option<Product>> {
        match &node.op {
            Op::Conv(conv) => convolution(conv, input, node.shape, samples)
                .map(Some)
                .map_err(|what| GpuError::Network([&node.path, ": ", &what].concat())),
            &Op::Linear { out, .. } => Ok(Some(Product {
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
) -> std::result::Result<Product, String> {
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

impl Lowering<'_> {
    /// The product that a layer is.
    fn product(&self, id: NodeId) -> Result<Product> {
        let node = self.node(id);
        let product = Product::new(node, self.graph.input_of(node), self.batch)?;
        Ok(product.expect("convolutions and linear layers are products"))
    }

    /// A convolution or a linear layer without its biases.
    pub fn multiply(&mut self, id: NodeId, x: Address) -> Result<Address> {
        let product = self.product(id)?;
        let mut x = x;
        if let Some(frame) = product.frame {
            let (maps, [h, w], [down, right]) =
                (self.maps(self.node(id).inputs[0]), frame.size, frame.before);
            let units = self.batch * maps.c * h * w;
            let framed = self.builder.units(units)?;
            launch!(
                self.builder,
                "frame",
                units,
                [x, framed, maps.c, maps.h, maps.w, h, w, down, right, false]
            )?;
            self.kept[id] = Some(framed);
            x = framed;
        }
        let y = self.builder.units(self.units(id))?;
        let w = self.weights.units(self.graph.owner(id));
        let w = w.expect("a product has weights");
        self.builder
            .convolve(ConvPass::Forward, product.shape, [x, w, y], false);
        Ok(y)
    }

    /// A convolution or a linear layer; where ReLU followed, its mask is applied to the
    /// gradient first.
    pub fn product_backward(
        &mut self,
        id: NodeId,
        dy: Address,
        relu_output: Option<Address>,
        gradients: &mut GradBuffers,
    ) -> Result<()> {
        let (maps, owner) = (self.maps(id), self.graph.owner(id));
        let input = self.node(id).inputs[0];
        let add = gradients.adds_to_weights(owner);
        if self.float(id, 1).is_some() {
            let strips = Strips::new(self.rows(id), self.builder.blocks(maps.c));
            let parts = self.builder.floats(strips.many * maps.c)?;
            launch!(
                self.builder,
                "bias_sums",
                strips.threads,
                [dy, relu_output, parts, maps.c, strips.rows, strips.each]
            )?;
            let parts = strips.fold(&mut self.builder, parts, maps.c)?;
            let bias = self.gradient(id, 1);
            launch!(
                self.builder,
                "fold_last",
                maps.c,
                [parts.parts, bias, parts.many, maps.c, 0usize, add]
            )?;
        } else if let Some(y) = relu_output {
            let units = self.units(id);
            sweep!(
                self.builder,
                "activate_backward",
                units,
                [y, dy, dy, 0, false]
            )?;
        }
        let product = self.product(id)?;
        let x = self.kept[id].unwrap_or(self.value(input));
        let dw = self.gradient(id, 0);
        let shape = product.shape;
        self.builder
            .convolve(ConvPass::WeightGradient, shape, [x, dw, dy], add);
        if let Some((mask, count)) = self.weights.mask(owner) {
            launch!(self.builder, "masked", count, [dw, mask])?;
        }
        let Some((dx, add)) = gradients.slot(self, input)? else {
            return Ok(());
        };
        let w = self.weights.units(owner).expect("a product has weights");
        let Some(frame) = product.frame else {
            self.builder
                .convolve(ConvPass::InputGradient, shape, [dx, w, dy], add);
            return Ok(());
        };
        let from = self.maps(input);
        let ([h, w_framed], [down, right]) = (frame.size, frame.before);
        let framed = self.builder.units(self.batch * from.c * h * w_framed)?;
        self.builder
            .convolve(ConvPass::InputGradient, shape, [framed, w, dy], false);
        let back =
            |zeros: usize| -> Result<KernelArg> { Ok(KernelArg::Int(-(counted(zeros)? as i32))) };
        let (up, left) = (back(down)?, back(right)?);
        let units = self.units(input);
        launch!(
            self.builder,
            "frame",
            units,
            [
                framed, dx, from.c, h, w_framed, from.h, from.w, up, left, add
            ]
        )
    }
}

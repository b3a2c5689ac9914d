//! How a model is written down: verbs on [`Value`], a handle to what a layer computes.
//!
//! There is no `?` in model code. The builder keeps the first error and [`Graph::build`] returns it;
//! until then later verbs add nothing.
//!
//! [`Graph::build`]: super::Graph::build

use super::array::{Arithmetic, Array, Function, Padding, Reduction, Resize};
use super::build::Builder;
use super::{
    Activation, Conv, Dims, Lrn, NodeId, Op, Own, Pair, Shape, TensorKind, Transposed, Window,
};
use std::borrow::Cow;
use std::ops::{Add, Mul};

/// A layer's or scope's name: text or a number, as in PyTorch's `Sequential`.
pub trait Name {
    /// The name as text.
    fn text(&self) -> Cow<'_, str>;
}

impl Name for &str {
    fn text(&self) -> Cow<'_, str> {
        (*self).into()
    }
}

impl Name for String {
    fn text(&self) -> Cow<'_, str> {
        self.into()
    }
}

impl Name for &String {
    fn text(&self) -> Cow<'_, str> {
        (*self).into()
    }
}

impl Name for usize {
    fn text(&self) -> Cow<'_, str> {
        self.to_string().into()
    }
}

/// What a layer computes; a handle that model code passes on.
#[derive(Clone, Copy)]
pub struct Value<'g> {
    builder: &'g Builder,
    node: NodeId,
}

impl<'g> Value<'g> {
    pub(super) fn new(builder: &'g Builder, node: NodeId) -> Value<'g> {
        Value { builder, node }
    }

    pub(super) fn node(self) -> NodeId {
        self.node
    }

    /// Its shape, per sample.
    pub fn shape(self) -> Shape {
        self.builder.state().shape(self.node)
    }

    /// Its channels, or the units of a vector.
    pub fn channels(self) -> usize {
        self.shape().channels()
    }

    /// Describes a part of the network under a name of its own.
    pub fn scope<R>(self, name: impl Name, describe: impl FnOnce(Value<'g>) -> R) -> R {
        let outer = self.builder.state().enter(&name.text());
        let result = describe(self);
        self.builder.state().leave(outer);
        result
    }

    /// Describes a scope of that name again, with the weights that it has: the same modules run once
    /// more. The layers of the second time stand under `name_2`, those of the third under `name_3`.
    pub fn again<R>(self, name: impl Name, describe: impl FnOnce(Value<'g>) -> R) -> R {
        let outer = self.builder.state().enter_again(&name.text());
        let result = describe(self);
        self.builder.state().leave(outer);
        result
    }

    /// Hands this value out under a name, as auxiliary heads are.
    pub fn output(self, name: impl Name) -> Value<'g> {
        self.builder.state().output(&name.text(), self.node);
        self
    }

    /// Convolution.
    pub fn conv(self, name: impl Name, conv: Conv) -> Value<'g> {
        self.named(name, Op::Conv(conv))
    }

    /// Fully connected layer with bias.
    pub fn linear(self, name: impl Name, out: usize) -> Value<'g> {
        self.named(name, Op::Linear { out, bias: true })
    }

    /// Fully connected layer without biases.
    pub fn linear_without_bias(self, name: impl Name, out: usize) -> Value<'g> {
        self.named(name, Op::Linear { out, bias: false })
    }

    /// Batch normalisation with PyTorch's constants (eps 1e-5, momentum 0.1).
    pub fn bn(self, name: impl Name) -> Value<'g> {
        self.batch_norm(name, 1e-5, 0.1)
    }

    /// Batch normalisation with constants of its own.
    pub fn batch_norm(self, name: impl Name, eps: f64, momentum: f64) -> Value<'g> {
        self.named(name, Op::BatchNorm { eps, momentum })
    }

    /// Local response normalisation over `size` channels.
    pub fn lrn(self, name: impl Name, size: usize, alpha: f64, beta: f64, k: f64) -> Value<'g> {
        self.named(
            name,
            Op::Lrn(Lrn {
                size,
                alpha,
                beta,
                k,
            }),
        )
    }

    /// Max pooling.
    pub fn max_pool(self, name: impl Name, window: Window) -> Value<'g> {
        self.named(name, Op::MaxPool { window })
    }

    /// Average pooling; padded zeros count in the mean, as is PyTorch's default.
    pub fn avg_pool(self, name: impl Name, window: Window) -> Value<'g> {
        self.named(
            name,
            Op::AvgPool {
                window,
                count_include_pad: true,
            },
        )
    }

    /// Average pooling over the units of the map alone.
    pub fn avg_pool_without_pad(self, name: impl Name, window: Window) -> Value<'g> {
        self.named(
            name,
            Op::AvgPool {
                window,
                count_include_pad: false,
            },
        )
    }

    /// The mean over each cell of a grid.
    pub fn adaptive_avg_pool(self, name: impl Name, output: impl Pair) -> Value<'g> {
        self.named(
            name,
            Op::AdaptiveAvgPool {
                output: output.pair(),
            },
        )
    }

    /// The mean of each map.
    pub fn global_avg_pool(self) -> Value<'g> {
        self.unnamed(Op::AdaptiveAvgPool { output: [1, 1] })
    }

    /// LeNet-5's trainable subsampling.
    pub fn subsample(self, name: impl Name, window: Window) -> Value<'g> {
        self.named(name, Op::Subsample { window })
    }

    /// Distances to `out` fixed codes.
    pub fn rbf(self, name: impl Name, out: usize) -> Value<'g> {
        self.named(name, Op::Rbf { out })
    }

    /// max(x, 0).
    pub fn relu(self) -> Value<'g> {
        self.unnamed(Op::Activation(Activation::Relu))
    }

    /// Logistic function.
    pub fn sigmoid(self) -> Value<'g> {
        self.unnamed(Op::Activation(Activation::Sigmoid))
    }

    /// Hyperbolic tangent.
    pub fn tanh(self) -> Value<'g> {
        self.unnamed(Op::Activation(Activation::Tanh))
    }

    /// LeNet-5's 1.7159 tanh(2x / 3).
    pub fn scaled_tanh(self) -> Value<'g> {
        self.unnamed(Op::Activation(Activation::ScaledTanh))
    }

    /// Class probabilities.
    pub fn softmax(self) -> Value<'g> {
        self.unnamed(Op::Activation(Activation::Softmax))
    }

    /// Dropout with probability `p` of zero.
    pub fn dropout(self, p: f64) -> Value<'g> {
        self.unnamed(Op::Dropout { p })
    }

    /// Maps to a vector.
    pub fn flatten(self) -> Value<'g> {
        self.unnamed(Op::Flatten)
    }

    /// ResNet's option A shortcut.
    pub fn pad_shortcut(self, channels: usize, stride: usize) -> Value<'g> {
        self.unnamed(Op::PadShortcut { channels, stride })
    }

    /// The channels from one number up to another.
    pub fn slice(self, from: usize, to: usize) -> Value<'g> {
        self.unnamed(Op::Slice { from, to })
    }

    /// Each unit times `factor` plus `offset`.
    pub fn scale(self, factor: f64, offset: f64) -> Value<'g> {
        self.unnamed(Op::Scale { factor, offset })
    }

    /// Transposed convolution.
    pub fn conv_transpose(self, name: impl Name, transposed: Transposed) -> Value<'g> {
        self.named(name, Op::ConvTranspose(transposed))
    }

    /// Normalisation of groups of channels, with PyTorch's constant (1e-5).
    pub fn group_norm(self, name: impl Name, groups: usize) -> Value<'g> {
        self.group_norm_with(name, groups, 1e-5, true)
    }

    /// Normalisation of groups of channels, with constants of its own.
    pub fn group_norm_with(
        self,
        name: impl Name,
        groups: usize,
        eps: f64,
        affine: bool,
    ) -> Value<'g> {
        self.named(
            name,
            Op::GroupNorm {
                groups,
                eps,
                affine,
            },
        )
    }

    /// Normalisation over the last `axes` axes, scaled and shifted then.
    pub fn layer_norm(self, name: impl Name, axes: usize, eps: f64) -> Value<'g> {
        self.layer_norm_with(name, axes, eps, true, true)
    }

    /// Normalisation over the last `axes` axes.
    pub fn layer_norm_with(
        self,
        name: impl Name,
        axes: usize,
        eps: f64,
        scale: bool,
        shift: bool,
    ) -> Value<'g> {
        self.named(
            name,
            Op::LayerNorm {
                axes,
                eps,
                scale,
                shift,
            },
        )
    }

    /// PReLU, a factor a channel or one for all.
    pub fn prelu(self, name: impl Name, shared: bool) -> Value<'g> {
        self.named(name, Op::PRelu { shared })
    }

    /// Fully connected layer on the last axis.
    pub fn linear_last(self, name: impl Name, out: usize, bias: bool) -> Value<'g> {
        self.named(name, Op::LinearLast { out, bias })
    }

    /// Each channel times a learned factor.
    pub fn layer_scale(self, name: impl Name) -> Value<'g> {
        let mut dims = vec![1; self.shape().dims().len()];
        dims[0] = self.channels();
        let dims = Dims::from_slice(&dims).expect("as many as a shape has");
        self.own(
            name,
            Own {
                by: Arithmetic::Multiply,
                dims: [self.channels()].into(),
                view: dims,
                first: false,
                kind: TensorKind::Trainable,
            },
        )
    }

    /// Arithmetic with a tensor of the layer's own.
    pub fn own(self, name: impl Name, own: Own) -> Value<'g> {
        self.named(name, Op::Own(own))
    }

    /// A function of each unit.
    pub fn function(self, function: Function) -> Value<'g> {
        self.unnamed(Op::Array(Array::Function(function)))
    }

    /// An operation on this value alone.
    pub fn array(self, array: Array) -> Value<'g> {
        self.unnamed(Op::Array(array))
    }

    /// Arithmetic with another value, which is repeated where it has one unit.
    pub fn with(self, by: Arithmetic, other: Value<'g>) -> Value<'g> {
        self.join(Op::Array(Array::Arithmetic(by)), &[self, other])
    }

    /// Axes that become one value.
    pub fn reduce(self, by: Reduction, axes: &[usize], keep: bool) -> Value<'g> {
        let axes = Dims::from_slice(axes).unwrap_or([].into());
        self.array(Array::Reduce { by, axes, keep })
    }

    /// Maps of another size.
    pub fn resize(self, resize: Resize) -> Value<'g> {
        self.array(Array::Resize(resize))
    }

    /// Rows and columns around maps, or cut off nothing.
    pub fn pad(self, before: &[usize], after: &[usize], with: Padding) -> Value<'g> {
        let dims = |sizes| Dims::from_slice(sizes).unwrap_or([].into());
        let (before, after) = (dims(before), dims(after));
        self.array(Array::Pad {
            before,
            after,
            with,
        })
    }

    /// Values one after the other along an axis.
    pub fn concat_on(self, axis: usize, others: &[Value<'g>]) -> Value<'g> {
        let all = [&[self][..], others].concat();
        self.join(Op::Array(Array::Concat { axis }), &all)
    }

    /// Says, before this scope's layers, in which order its modules stand in the `state_dict`, where
    /// that is not the order of the description; modules that are not listed follow in the order of
    /// description.
    pub fn registers(self, names: &[&str]) -> Value<'g> {
        self.builder.state().register(names);
        self
    }

    /// A sum in which maps of one row or column are repeated.
    pub fn broadcast_add(self, other: Value<'g>) -> Value<'g> {
        self.join(Op::BroadcastAdd, &[self, other])
    }

    fn named(self, name: impl Name, op: Op) -> Value<'g> {
        let node = self.builder.state().push(&name.text(), op, vec![self.node]);
        Value { node, ..self }
    }

    fn unnamed(self, op: Op) -> Value<'g> {
        self.join(op, &[self])
    }

    fn join(self, op: Op, inputs: &[Value<'g>]) -> Value<'g> {
        let inputs = inputs.iter().map(|value| value.node).collect();
        let node = self.builder.state().push_unnamed(op, inputs);
        Value { node, ..self }
    }
}

/// The residual join: a sum of equal shapes.
impl<'g> Add for Value<'g> {
    type Output = Value<'g>;

    fn add(self, other: Value<'g>) -> Value<'g> {
        self.join(Op::Add, &[self, other])
    }
}

/// The channel gate: each map times its own value of `other`.
impl<'g> Mul for Value<'g> {
    type Output = Value<'g>;

    fn mul(self, other: Value<'g>) -> Value<'g> {
        self.join(Op::Gate, &[self, other])
    }
}

/// The mean of values of one shape, with local drop-path in training.
///
/// # Panics
/// On an empty list, which no paper has.
pub fn mean<'g>(values: &[Value<'g>], drop_path: f64) -> Value<'g> {
    values[0].join(Op::Mean { drop_path }, values)
}

/// Channels of all values, one after the other.
///
/// # Panics
/// On an empty list, which no paper has.
pub fn concat<'g>(values: &[Value<'g>]) -> Value<'g> {
    values[0].join(Op::Concat, values)
}

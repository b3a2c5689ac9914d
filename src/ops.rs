//! What do the layers compute? Forward and backward of every op, on tensors.
//!
//! [`forward`] and [`backward`] are what a network runs. Behind them stands one file an op: its public functions take
//! and return tensors on the CPU and choose the kernel by type of number; the kernels stand below them. Gradients are exact, written by hand: candle gives
//! tensors, storage and matrix products, its own backward pass is not used.
//!
//! Activations are `[n, c, h, w]` or `[n, c]`. No result depends on the number of threads.

mod cpu;
mod packed;
mod phase_layout;
mod product;
pub(crate) mod simd;
mod sums;
mod transpose;
mod uninit;
pub(crate) mod wide;

pub mod activation;
pub mod array;
pub mod batch_norm;
pub mod conv;
pub mod descent;
pub mod dropout;
pub mod function;
pub mod join;
pub mod linear;
pub mod loss;
pub mod lrn;
pub mod max_pool;
pub mod norms;
pub mod pool;
pub mod rbf;
pub mod transposed;

pub use cpu::{Real, View, view};
pub use simd::SimdWidth;
pub(crate) use simd::dispatch;

use crate::graph::{Op, TensorKind, Window};
use crate::random::Key;
use candle_core::{Error, Result, Tensor};
use norms::Together;
use pool::Mean;

/// The output of a layer. A `key` masks what is dropped in training.
///
/// # Errors
/// Tensors that are not on the CPU, of unequal types or of shapes that the layer does not take.
///
/// # Panics
/// For the network's input, and for a batch normalisation, which has statistics besides ([`batch_norm`]).
pub fn forward(
    op: &Op,
    inputs: &[&Tensor],
    weights: &[Tensor],
    key: Option<Key>,
) -> Result<Tensor> {
    let x = inputs[0];
    match op {
        Op::Input => unreachable!("the input is given"),
        Op::BatchNorm { .. } => unreachable!("it runs by its statistics"),
        Op::Conv(conv) => conv::forward(conv, x, &weights[0], weights.get(1)),
        Op::Linear { .. } => linear::forward(x, &weights[0], weights.get(1)),
        Op::Lrn(constants) => lrn::forward(constants, x),
        Op::Activation(activation) => activation::forward(*activation, x),
        Op::MaxPool { window } => max_pool::forward(window, x),
        Op::AvgPool {
            window,
            count_include_pad,
        } => pool::mean(windows(window, *count_include_pad), x),
        Op::AdaptiveAvgPool { output } => pool::mean(Mean::Grid(*output), x),
        Op::Subsample { window } => pool::subsample(window, x, &weights[0], &weights[1]),
        Op::Rbf { .. } => rbf::forward(x, &weights[0]),
        Op::Dropout { p } => match key {
            Some(key) => dropout::dropout(x, *p, key),
            None => Ok(x.clone()),
        },
        Op::Flatten => x.flatten_from(1),
        Op::Concat => join::concat(inputs),
        Op::Add => join::add(x, inputs[1]),
        Op::BroadcastAdd => join::broadcast_add(x, inputs[1]),
        Op::Gate => join::gate(x, inputs[1]),
        Op::Mean { drop_path } => match key {
            Some(key) => dropout::drop_path(inputs, *drop_path, key),
            None => join::mean(inputs),
        },
        Op::Slice { from, to } => join::slice(x, *from, *to),
        Op::Scale { factor, offset } => join::scale(x, *factor, *offset),
        Op::PadShortcut { channels, stride } => join::pad_shortcut(x, *channels, *stride),
        Op::ConvTranspose(layer) => {
            let [_, _, h, w] = *x.dims() else {
                return Err(Error::Msg("takes maps".into()));
            };
            let size = [layer.size(0, h), layer.size(1, w)];
            transposed::forward(layer, size, x, &weights[0], weights.get(1))
        }
        Op::GroupNorm { groups, eps, .. } => {
            let together = Together::groups(*groups, x.dims());
            norms::forward(together, *eps, x, weights.first(), weights.get(1))
        }
        Op::LayerNorm {
            axes, eps, scale, ..
        } => {
            let together = Together::last(*axes, x.dims());
            let (scale, shift) = weights.split_at(usize::from(*scale));
            norms::forward(together, *eps, x, scale.first(), shift.first())
        }
        Op::PRelu { .. } => array::prelu(x, &weights[0]),
        Op::LinearLast { .. } => {
            let y = linear::forward(&array::as_vectors(x)?, &weights[0], weights.get(1))?;
            let mut dims = x.dims().to_vec();
            dims[x.rank() - 1] = y.dims()[1];
            y.reshape(dims)
        }
        Op::Own(own) => array::own(own, x, &weights[0]),
        Op::Array(operation) => array::forward(operation, inputs, key),
        Op::Parameter { .. } | Op::Opaque(_) => Err(unknown(op)),
    }
}

/// What [`Graph::can_run`](crate::graph::Graph::can_run) refuses.
fn unknown(op: &Op) -> Error {
    Error::Msg(format!("{op} cannot run"))
}

/// What a layer's backward pass may read of its forward pass.
pub struct Saved<'a> {
    /// Its weights.
    pub weights: &'a [Tensor],
    /// The key of its mask.
    pub key: Option<Key>,
    /// Its inputs, as far as they are kept.
    pub inputs: Vec<Option<&'a Tensor>>,
    /// Their dimensions.
    pub dims: Vec<Vec<usize>>,
    /// Its output, if it is kept.
    pub output: Option<&'a Tensor>,
    /// Whether the gradient of its first input is required; the others' are computed with it.
    pub input_required: bool,
}

impl<'a> Saved<'a> {
    /// An input that was kept.
    ///
    /// # Errors
    /// It was not.
    pub fn input(&self, i: usize) -> Result<&'a Tensor> {
        self.inputs[i].ok_or_else(|| not_kept("input"))
    }

    fn output(&self) -> Result<&'a Tensor> {
        self.output.ok_or_else(|| not_kept("output"))
    }
}

fn not_kept(what: &str) -> Error {
    Error::Msg(format!(
        "its {what} was not kept: a pass in evaluation mode has no gradients"
    ))
}

/// The gradients of a layer.
pub struct LayerGradients {
    /// Of its inputs; of the first none where it is not required and costs a product.
    pub inputs: Vec<Option<Tensor>>,
    /// Of its trainable tensors, in order.
    pub weights: Vec<Tensor>,
}

impl LayerGradients {
    fn of_inputs(inputs: impl IntoIterator<Item = Tensor>) -> LayerGradients {
        LayerGradients {
            inputs: inputs.into_iter().map(Some).collect(),
            weights: Vec::new(),
        }
    }
}

/// The gradients of a layer from that of its output.
///
/// # Errors
/// As [`forward`], and what the forward pass has not kept.
///
/// # Panics
/// As [`forward`].
pub fn backward(op: &Op, saved: &Saved, dy: &Tensor) -> Result<LayerGradients> {
    let x = |i: usize| saved.input(i);
    let (dims, weights) = (&saved.dims, saved.weights);
    let with_weights = |input: Option<Result<Tensor>>, weights: Vec<Tensor>| {
        Ok(LayerGradients {
            inputs: vec![input.transpose()?],
            weights,
        })
    };
    let dx = match op {
        Op::Input => unreachable!("the input is given"),
        Op::BatchNorm { .. } => unreachable!("it runs by its statistics"),
        Op::Conv(conv) => {
            let input = || conv::input_gradient(conv, x(0)?, &weights[0], dy);
            let dx = saved.input_required.then(input);
            return with_weights(dx, conv::weight_gradient(conv, x(0)?, dy)?);
        }
        Op::Linear { bias, .. } => {
            let dx = (saved.input_required).then(|| linear::input_gradient(&weights[0], dy));
            return with_weights(dx, linear::weight_gradient(x(0)?, dy, *bias)?);
        }
        Op::Subsample { window } => {
            let dx = pool::subsample_backward(window, &dims[0], &weights[0], dy);
            return with_weights(Some(dx), pool::subsample_weights(window, x(0)?, dy)?);
        }
        Op::ConvTranspose(layer) => {
            let dx =
                (saved.input_required).then(|| transposed::input_gradient(layer, &weights[0], dy));
            return with_weights(dx, transposed::weight_gradient(layer, x(0)?, dy)?);
        }
        Op::GroupNorm {
            groups,
            eps,
            affine,
        } => {
            let together = Together::groups(*groups, &dims[0]);
            let scale = weights.first();
            let (dx, weights) = norms::backward(together, *eps, x(0)?, scale, *affine, dy)?;
            return with_weights(Some(Ok(dx)), weights);
        }
        Op::LayerNorm {
            axes,
            eps,
            scale,
            shift,
        } => {
            let together = Together::last(*axes, &dims[0]);
            let scale = weights.first().filter(|_| *scale);
            let (dx, weights) = norms::backward(together, *eps, x(0)?, scale, *shift, dy)?;
            return with_weights(Some(Ok(dx)), weights);
        }
        Op::PRelu { .. } => {
            let [dx, factor] = array::prelu_backward(x(0)?, &weights[0], dy)?;
            return with_weights(Some(Ok(dx)), vec![factor]);
        }
        Op::LinearLast { bias, .. } => {
            let (x, flat) = (array::as_vectors(x(0)?)?, array::as_vectors(dy)?);
            let dx = (saved.input_required)
                .then(|| linear::input_gradient(&weights[0], &flat)?.reshape(&dims[0][..]));
            return with_weights(dx, linear::weight_gradient(&x, &flat, *bias)?);
        }
        Op::Own(own) => {
            let [dx, weight] = array::own_backward(own, x(0)?, &weights[0], dy)?;
            let learns = own.kind == TensorKind::Trainable;
            return with_weights(Some(Ok(dx)), learns.then_some(weight).into_iter().collect());
        }
        Op::Array(operation) => {
            let read = array::Read {
                inputs: &saved.inputs,
                dims,
                output: saved.output,
                key: saved.key,
            };
            return Ok(LayerGradients::of_inputs(array::backward(
                operation, &read, dy,
            )?));
        }
        Op::Parameter { .. } | Op::Opaque(_) => return Err(unknown(op)),
        Op::Lrn(constants) => lrn::backward(constants, x(0)?, dy)?,
        Op::Activation(activation) => activation::backward(*activation, saved.output()?, dy)?,
        Op::MaxPool { window } => max_pool::backward(window, x(0)?, dy)?,
        Op::AvgPool {
            window,
            count_include_pad,
        } => pool::mean_backward(windows(window, *count_include_pad), &dims[0], dy)?,
        Op::AdaptiveAvgPool { output } => pool::mean_backward(Mean::Grid(*output), &dims[0], dy)?,
        Op::Rbf { .. } => rbf::backward(x(0)?, &weights[0], dy)?,
        Op::Dropout { p } => match saved.key {
            Some(key) => dropout::dropout(dy, *p, key)?,
            None => dy.clone(),
        },
        Op::Flatten => dy.reshape(&dims[0][..])?,
        Op::Slice { from, .. } => join::slice_backward(&dims[0], *from, dy)?,
        Op::Scale { factor, .. } => join::scale(dy, *factor, 0.0)?,
        Op::PadShortcut { channels, stride } => {
            let dims = dims[0][..].try_into().expect("a shortcut reads maps");
            join::pad_shortcut_backward(dims, *channels, *stride, dy)?
        }
        Op::Concat => {
            let mut from = 0;
            let parts = dims.iter().map(|dims| {
                let to = from + dims[1];
                let part = join::slice(dy, from, to);
                from = to;
                part
            });
            return Ok(LayerGradients::of_inputs(
                parts.collect::<Result<Vec<_>>>()?,
            ));
        }
        Op::Add => return Ok(LayerGradients::of_inputs([dy.clone(), dy.clone()])),
        Op::BroadcastAdd => {
            let parts = dims
                .iter()
                .map(|dims| join::broadcast_add_backward(dims, dy));
            return Ok(LayerGradients::of_inputs(
                parts.collect::<Result<Vec<_>>>()?,
            ));
        }
        Op::Gate => {
            return Ok(LayerGradients::of_inputs(join::gate_backward(
                x(0)?,
                x(1)?,
                dy,
            )?));
        }
        Op::Mean { drop_path } => {
            let inputs = dims.len();
            let parts = match saved.key {
                Some(key) => dropout::drop_path_backward(inputs, *drop_path, key, dy)?,
                None => vec![join::scale(dy, 1.0 / inputs as f64, 0.0)?; inputs],
            };
            return Ok(LayerGradients::of_inputs(parts));
        }
    };
    Ok(LayerGradients::of_inputs([dx]))
}

const fn windows(window: &Window, count_pad: bool) -> Mean<'_> {
    Mean::Window { window, count_pad }
}

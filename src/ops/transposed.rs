//! Transposed convolution: the gradient of a convolution, run forward.

use super::conv;
use super::cpu::{by_dtype, planes, tensor, view};
use crate::graph::Transposed;
use candle_core::{Result, Tensor, WithDType};

/// `[n, c, h, w]` to maps of the size that the shape says, `[n, out, h, w]`; the weight is `[c, out / groups, h, w]`.
///
/// # Errors
/// Tensors that are not on the CPU, of unequal types or of shapes that the layer does not take.
pub fn forward(
    transposed: &Transposed,
    output: [usize; 2],
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> Result<Tensor> {
    let (n, c) = (x.dims()[0], x.dims()[1]);
    let [h, w] = output;
    // of what the convolution reads its gradient takes the dimensions alone
    let read = Tensor::zeros((n, transposed.out, h, w), x.dtype(), x.device())?;
    let y = conv::input_gradient(&transposed.of(c), &read, weight, x)?;
    match bias {
        Some(bias) => y.broadcast_add(&bias.reshape((1, transposed.out, 1, 1))?),
        None => Ok(y),
    }
}

/// The gradient with respect to the input.
///
/// # Errors
/// As [`forward`].
pub fn input_gradient(transposed: &Transposed, weight: &Tensor, dy: &Tensor) -> Result<Tensor> {
    conv::forward(&transposed.of(weight.dims()[0]), dy, weight, None)
}

/// The gradients with respect to weight and bias.
///
/// # Errors
/// As [`forward`].
pub fn weight_gradient(transposed: &Transposed, x: &Tensor, dy: &Tensor) -> Result<Vec<Tensor>> {
    let mut gradients = conv::weight_gradient(&transposed.of(x.dims()[1]), dy, x)?;
    if transposed.bias {
        gradients.push(sums(dy)?);
    }
    Ok(gradients)
}

/// The sum of each map over the batch.
fn sums(dy: &Tensor) -> Result<Tensor> {
    let (_, c, plane) = planes(dy);
    by_dtype!(dy, T => {
        let numbers = view::<T>(dy)?;
        let mut sums = vec![0.0; c];
        for (i, map) in numbers.chunks(plane).enumerate() {
            sums[i % c] += map.iter().map(|&x| WithDType::to_f64(x)).sum::<f64>();
        }
        tensor(sums.into_iter().map(|x| x as T).collect(), &[c])
    })
}

//! Fully connected layers, on candle's matrix product.

use candle_core::{Result, Tensor};

/// `[n, in]` to `[n, out]`; the weight is `[out, in]`.
///
/// # Errors
/// Tensors on different devices or of unequal types.
pub fn forward(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let y = x.matmul(&weight.t()?)?;
    match bias {
        Some(bias) => y.broadcast_add(bias),
        None => Ok(y),
    }
}

/// The gradient with respect to the input.
///
/// # Errors
/// As [`forward`].
pub fn input_gradient(weight: &Tensor, dy: &Tensor) -> Result<Tensor> {
    dy.matmul(weight)
}

/// The gradients with respect to weight and bias.
///
/// # Errors
/// As [`forward`].
pub fn weight_gradient(x: &Tensor, dy: &Tensor, bias: bool) -> Result<Vec<Tensor>> {
    let mut gradients = vec![dy.t()?.matmul(x)?];
    if bias {
        gradients.push(dy.sum(0)?);
    }
    Ok(gradients)
}

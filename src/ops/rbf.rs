//! Squared distances to fixed codes: LeNet-5's output layer (LeCun et al. 1998, section II-B).

use super::cpu::{by_dtype, tensor, view};
use candle_core::{Result, Tensor};

/// `[n, in]` and codes `[out, in]` to `[n, out]`.
///
/// # Errors
/// Tensors that are not on the CPU, not contiguous or of another type than f32 and f64.
pub fn forward(x: &Tensor, codes: &Tensor) -> Result<Tensor> {
    by_dtype!(x, T => {
        let (n, width) = x.dims2()?;
        let out = codes.dims()[0];
        let (numbers, codes) = (view::<T>(x)?, view::<T>(codes)?);
        let distance = |i: usize| -> T {
            let code = &codes[i % out * width..][..width];
            let sample = &numbers[i / out * width..][..width];
            sample.iter().zip(code).map(|(x, c)| (x - c) * (x - c)).sum()
        };
        tensor((0..n * out).map(distance).collect::<Vec<T>>(), &[n, out])
    })
}

/// The gradient with respect to the input; the codes stay as they are.
///
/// # Errors
/// As [`forward`].
pub fn backward(x: &Tensor, codes: &Tensor, dy: &Tensor) -> Result<Tensor> {
    by_dtype!(x, T => {
        let (n, width) = x.dims2()?;
        let out = codes.dims()[0];
        let (numbers, codes, dy) = (view::<T>(x)?, view::<T>(codes)?, view::<T>(dy)?);
        let gradient = |i: usize| -> T {
            let (sample, unit) = (i / width, i % width);
            let along = |o: usize| dy[sample * out + o] * (numbers[i] - codes[o * width + unit]);
            2.0 as T * (0..out).map(along).sum::<T>()
        };
        tensor((0..n * width).map(gradient).collect::<Vec<T>>(), &[n, width])
    })
}

//! A batch normalisation by running statistics, as one factor and one summand of each map.

use super::batch_norm::Statistics;
use super::cpu::{by_dtype, tensor, view};
use candle_core::{Result, Tensor, WithDType};

/// `x * factor + summand` is the normalisation of `x + bias`; both are `[c]`, worked out in f64.
///
/// # Errors
/// A tensor that is not on the CPU, not contiguous or of another type than f32 and f64.
pub fn fold(
    statistics: &Statistics,
    eps: f64,
    weight: &Tensor,
    shift: &Tensor,
    bias: Option<&Tensor>,
) -> Result<(Tensor, Tensor)> {
    by_dtype!(weight, T => {
        let (mean, variance) = (view::<T>(&statistics.mean)?, view::<T>(&statistics.variance)?);
        let (weight, shift) = (view::<T>(weight)?, view::<T>(shift)?);
        let bias = bias.map(view::<T>).transpose()?;
        let line = |i: usize| {
            let factor = weight[i].to_f64() / (variance[i].to_f64() + eps).sqrt();
            let bias = bias.as_ref().map_or(0.0, |bias| bias[i].to_f64());
            let summand = shift[i].to_f64() + (bias - mean[i].to_f64()) * factor;
            (factor as T, summand as T)
        };
        let (factors, summands): (Vec<T>, Vec<T>) = (0..weight.len()).map(line).unzip();
        let c = factors.len();
        Ok((tensor(factors, &[c])?, tensor(summands, &[c])?))
    })
}

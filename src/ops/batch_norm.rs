//! Batch normalisation: with the statistics of the batch, or with running ones.

use super::cpu::{Real, by_dtype, planes, sum_f64, sum_f64_2, tensor, view};
use candle_core::{Result, Tensor, WithDType};
use rayon::prelude::*;

/// Mean and variance of each channel, `[c]` each.
#[derive(Debug, Clone)]
pub struct Statistics {
    /// Means.
    pub mean: Tensor,
    /// Variances, divided by the number of units.
    pub variance: Tensor,
}

impl Statistics {
    /// Of a batch.
    ///
    /// # Errors
    /// A tensor that is not on the CPU, not contiguous or of another type than f32 and f64.
    pub fn of(x: &Tensor) -> Result<Statistics> {
        by_dtype!(x, T => {
            let (n, c, plane) = planes(x);
            let numbers = view::<T>(x)?;
            let units = (n * plane) as f64;
            let of_channel = |channel: usize| {
                let maps = || (0..n).map(|i| &numbers[(i * c + channel) * plane..][..plane]);
                let mean = maps().map(|map| sum_f64(map, WithDType::to_f64)).sum::<f64>() / units;
                let square = |x: T| (x.to_f64() - mean).powi(2);
                let squares: f64 = maps().map(|map| sum_f64(map, square)).sum();
                (mean as T, (squares / units) as T)
            };
            let (mean, variance): (Vec<T>, Vec<T>) =
                (0..c).into_par_iter().map(of_channel).unzip();
            Ok(Statistics {
                mean: tensor(mean, &[c])?,
                variance: tensor(variance, &[c])?,
            })
        })
    }
}

/// Scale and shift of each channel's units: normalised, then times `weight` plus `bias`.
///
/// # Errors
/// As [`Statistics::of`].
pub fn forward(
    x: &Tensor,
    statistics: &Statistics,
    eps: f64,
    weight: &Tensor,
    bias: &Tensor,
) -> Result<Tensor> {
    by_dtype!(x, T => {
        let (_, c, plane) = planes(x);
        let numbers = view::<T>(x)?;
        let (mean, variance) = (view::<T>(&statistics.mean)?, view::<T>(&statistics.variance)?);
        let (weight, bias) = (view::<T>(weight)?, view::<T>(bias)?);
        let scale = inverse_deviations(&variance, eps, &weight);
        let mut out = vec![T::default(); numbers.len()];
        let samples = out.par_chunks_mut(c * plane).zip(numbers.par_chunks(c * plane));
        samples.for_each(|(out, numbers)| {
            let maps = out.chunks_exact_mut(plane).zip(numbers.chunks_exact(plane));
            for (channel, (out, numbers)) in maps.enumerate() {
                let (mean, scale, bias) = (mean[channel], scale[channel], bias[channel]);
                for (out, &x) in out.iter_mut().zip(numbers) {
                    *out = (x - mean) * scale + bias;
                }
            }
        });
        tensor(out, x.dims())
    })
}

/// `weight / sqrt(variance + eps)`, in f64 until the end.
fn inverse_deviations<T: Real>(variance: &[T], eps: f64, weight: &[T]) -> Vec<T> {
    let both = variance.iter().zip(weight);
    both.map(|(&v, &w)| T::from_f64(w.to_f64() / (v.to_f64() + eps).sqrt()))
        .collect()
}

/// The gradients of [`forward`].
#[derive(Debug)]
pub struct Gradients {
    /// With respect to the input.
    pub input: Tensor,
    /// With respect to the scale.
    pub weight: Tensor,
    /// With respect to the shift.
    pub bias: Tensor,
}

/// The gradients; `of_batch` says that the statistics are the batch's own and move with the input.
///
/// # Errors
/// As [`Statistics::of`].
pub fn backward(
    x: &Tensor,
    statistics: &Statistics,
    eps: f64,
    weight: &Tensor,
    dy: &Tensor,
    of_batch: bool,
) -> Result<Gradients> {
    by_dtype!(x, T => {
        let (n, c, plane) = planes(x);
        let (numbers, gradient) = (view::<T>(x)?, view::<T>(dy)?);
        let (mean, variance) = (view::<T>(&statistics.mean)?, view::<T>(&statistics.variance)?);
        let weight = view::<T>(weight)?;
        let units = (n * plane) as f64;
        let of_channel = |channel: usize| {
            let map = |i: usize| (i * c + channel) * plane..(i * c + channel + 1) * plane;
            let mean = mean[channel].to_f64();
            let inverse = 1.0 / (variance[channel].to_f64() + eps).sqrt();
            let sum: f64 = (0..n).map(|i| sum_f64(&gradient[map(i)], WithDType::to_f64)).sum();
            let product = |x: T, dy: T| (x.to_f64() - mean) * inverse * dy.to_f64();
            let along: f64 = (0..n)
                .map(|i| sum_f64_2(&numbers[map(i)], &gradient[map(i)], product))
                .sum();
            (sum, along)
        };
        let sums: Vec<(f64, f64)> = (0..c).into_par_iter().map(of_channel).collect();
        // dx = factor * (dy - shift - (x - mean) * slope)
        let line = |channel: usize| {
            let inverse = 1.0 / (variance[channel].to_f64() + eps).sqrt();
            let (sum, along) = match of_batch {
                true => sums[channel],
                false => (0.0, 0.0),
            };
            let factor = weight[channel].to_f64() * inverse;
            [factor, sum / units, along / units * inverse].map(|x| x as T)
        };
        let lines: Vec<[T; 3]> = (0..c).map(line).collect();
        let mut dx = vec![T::default(); numbers.len()];
        dx.par_chunks_mut(c * plane)
            .zip(numbers.par_chunks(c * plane))
            .zip(gradient.par_chunks(c * plane))
            .for_each(|((dx, numbers), gradient)| {
                for channel in 0..c {
                    let [factor, shift, slope] = lines[channel];
                    let mean = mean[channel];
                    let map = channel * plane..(channel + 1) * plane;
                    let pairs = numbers[map.clone()].iter().zip(&gradient[map.clone()]);
                    for (dx, (&x, &dy)) in dx[map].iter_mut().zip(pairs) {
                        *dx = factor * (dy - shift - (x - mean) * slope);
                    }
                }
            });
        Ok(Gradients {
            input: tensor(dx, x.dims())?,
            weight: tensor(sums.iter().map(|sums| sums.1 as T).collect::<Vec<T>>(), &[c])?,
            bias: tensor(sums.iter().map(|sums| sums.0 as T).collect::<Vec<T>>(), &[c])?,
        })
    })
}

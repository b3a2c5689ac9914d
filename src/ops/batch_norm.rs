//! Batch normalisation: with the statistics of the batch, or with running ones.

use super::cpu::{Real, by_dtype, planes, tensor, view};
use super::sums::{sum, sums};
use super::uninit::{UninitChunk, UninitVec};
use super::wide::wide;
use candle_core::{Result, Tensor, WithDType};
use rayon::prelude::*;

/// Numbers that one task normalises, about.
const CHUNK: usize = 1 << 14;

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
            let numbers: &[T] = &numbers;
            let units = (n * plane) as f64;
            let of_channel = |channel: usize| {
                let maps = || (0..n).map(|i| &numbers[(i * c + channel) * plane..][..plane]);
                wide!({
                    let mean = sum(maps(), WithDType::to_f64) / units;
                    let square = |x: T| (x.to_f64() - mean) * (x.to_f64() - mean);
                    (mean as T, (sum(maps(), square) / units) as T)
                })
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

/// What becomes of each normalised unit: plus the unit of `add`, and with `relu` nothing negative.
#[derive(Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// A tensor of the output's shape.
    pub add: Option<&'a Tensor>,
    /// Whether ReLU follows.
    pub relu: bool,
}

/// Scale and shift of each channel's units: normalised, then times `weight` plus `bias`, `[c]` each; and what
/// follows.
///
/// # Errors
/// As [`Statistics::of`].
pub fn forward(
    x: &Tensor,
    statistics: &Statistics,
    eps: f64,
    [weight, bias]: [&Tensor; 2],
    epilogue: Epilogue,
) -> Result<Tensor> {
    by_dtype!(x, T => {
        let (_, c, plane) = planes(x);
        let numbers = view::<T>(x)?;
        let add = epilogue.add.map(view::<T>).transpose()?;
        let (mean, variance) = (view::<T>(&statistics.mean)?, view::<T>(&statistics.variance)?);
        let (weight, bias) = (view::<T>(weight)?, view::<T>(bias)?);
        let scale: Vec<T> = factors(&variance, eps, &weight).map(|factor| factor as T).collect();
        let cut = |x: T| if x < 0.0 { 0.0 } else { x };
        let mut out = UninitVec::new(numbers.len());
        let maps = (CHUNK / plane).max(1);
        let chunks = out.chunks(maps * plane).zip(numbers.par_chunks(maps * plane));
        chunks.enumerate().for_each(|(i, (mut out, numbers))| {
            wide!({
                for (map, numbers) in numbers.chunks_exact(plane).enumerate() {
                    let channel = (i * maps + map) % c;
                    let (mean, scale, bias) = (mean[channel], scale[channel], bias[channel]);
                    let line = numbers.iter().map(move |&x| (x - mean) * scale + bias);
                    let first = (i * maps + map) * plane;
                    let add = add.as_ref().map(|add| add[first..][..plane].iter());
                    match (add, epilogue.relu) {
                        (None, false) => out.extend(line),
                        (None, true) => out.extend(line.map(cut)),
                        (Some(add), false) => out.extend(add.zip(line).map(|(&a, x)| a + x)),
                        (Some(add), true) => out.extend(add.zip(line).map(|(&a, x)| cut(a + x))),
                    }
                }
            });
        });
        tensor(out.finish(), x.dims())
    })
}

/// For each channel, `weight / sqrt(variance + eps)`.
fn factors<T: Real>(variance: &[T], eps: f64, weight: &[T]) -> impl Iterator<Item = f64> {
    let both = variance.iter().zip(weight);
    both.map(move |(&v, &w)| w.to_f64() / (v.to_f64() + eps).sqrt())
}

/// The normalisation of `x + offset` as one factor and one summand of each channel, `[c]` each.
///
/// # Errors
/// As [`Statistics::of`].
pub fn fold(
    statistics: &Statistics,
    eps: f64,
    weight: &Tensor,
    bias: &Tensor,
    offset: Option<&Tensor>,
) -> Result<(Tensor, Tensor)> {
    by_dtype!(weight, T => {
        let (mean, variance) = (view::<T>(&statistics.mean)?, view::<T>(&statistics.variance)?);
        let (weight, bias) = (view::<T>(weight)?, view::<T>(bias)?);
        let offset = offset.map(view::<T>).transpose()?;
        let line = |(channel, factor): (usize, f64)| {
            let offset = offset.as_ref().map_or(0.0, |offset| offset[channel].to_f64());
            let summand = bias[channel].to_f64() + (offset - mean[channel].to_f64()) * factor;
            (factor as T, summand as T)
        };
        let (scale, shift): (Vec<T>, Vec<T>) =
            factors(&variance, eps, &weight).enumerate().map(line).unzip();
        let c = scale.len();
        Ok((tensor(scale, &[c])?, tensor(shift, &[c])?))
    })
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

/// The gradient that comes back to a normalisation.
#[derive(Clone, Copy)]
pub struct UpstreamGradient<'a> {
    /// Of its output, or of the ReLU behind it.
    pub dy: &'a Tensor,
    /// The output of that ReLU, if `dy` is the gradient of that.
    pub relu_output: Option<&'a Tensor>,
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
    upstream: UpstreamGradient,
    of_batch: bool,
) -> Result<Gradients> {
    by_dtype!(x, T => {
        let (n, c, plane) = planes(x);
        let (numbers, gradient) = (view::<T>(x)?, view::<T>(upstream.dy)?);
        let relu_output = upstream.relu_output.map(view::<T>).transpose()?;
        let (numbers, gradient): (&[T], &[T]) = (&numbers, &gradient);
        let (mean, variance) = (view::<T>(&statistics.mean)?, view::<T>(&statistics.variance)?);
        let weight = view::<T>(weight)?;
        let units = (n * plane) as f64;
        let mut dx = UninitVec::new(numbers.len());
        // by channels, so that its maps are still in the cache when their sums are known
        let mut channels: Vec<Vec<UninitChunk<T>>> = (0..c).map(|_| Vec::with_capacity(n)).collect();
        for (map, dx) in dx.chunks(plane).collect::<Vec<_>>().into_iter().enumerate() {
            channels[map % c].push(dx);
        }
        let of_channel = |scratch: &mut Vec<T>, (channel, mut maps): (usize, Vec<UninitChunk<T>>)| {
            let map = |i: usize| (i * c + channel) * plane..(i * c + channel + 1) * plane;
            if let Some(relu_output) = &relu_output {
                scratch.resize(n * plane, 0.0);
                wide!(for (i, scratch) in scratch.chunks_exact_mut(plane).enumerate() {
                    let units = relu_output[map(i)].iter().zip(&gradient[map(i)]);
                    let masked = |(&y, &dy): (&T, &T)| if y > 0.0 { dy } else { 0.0 };
                    (scratch.iter_mut().zip(units)).for_each(|(x, unit)| *x = masked(unit));
                });
            }
            let gradient = |i: usize| match relu_output {
                Some(_) => &scratch[i * plane..][..plane],
                None => &gradient[map(i)],
            };
            let pairs = || (0..n).map(|i| (&numbers[map(i)], gradient(i)));
            let inverse = 1.0 / (variance[channel].to_f64() + eps).sqrt();
            wide!({
                let mean = mean[channel];
                let center = mean.to_f64();
                let terms = |x: T, dy: T| [dy.to_f64(), (x.to_f64() - center) * dy.to_f64()];
                let [total, along] = sums(pairs(), terms);
                let along = along * inverse;
                // dx = factor * (dy - shift - (x - mean) * projected)
                let factor = (weight[channel].to_f64() * inverse) as T;
                let terms = [total / units, along / units * inverse];
                let [shift, projected] = if of_batch { terms } else { [0.0; 2] }.map(|x| x as T);
                for (dx, (numbers, gradient)) in maps.iter_mut().zip(pairs()) {
                    let pairs = numbers.iter().zip(gradient);
                    dx.extend(pairs.map(|(&x, &dy)| factor * (dy - shift - (x - mean) * projected)));
                }
                (total as T, along as T)
            })
        };
        let (bias, weight): (Vec<T>, Vec<T>) = (channels.into_par_iter().enumerate())
            .map_init(Vec::new, of_channel)
            .unzip();
        Ok(Gradients {
            input: tensor(dx.finish(), x.dims())?,
            weight: tensor(weight, &[c])?,
            bias: tensor(bias, &[c])?,
        })
    })
}

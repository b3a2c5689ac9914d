//! Local response normalisation over neighbouring channels (Krizhevsky et al. 2012, section 3.3):
//! `y = x / (k + alpha * sum of squares)^beta`, the sum not divided by the number of channels.

use super::cpu::{Real, by_dtype, planes, tensor, view};
use candle_core::{Result, Tensor};
use rayon::prelude::*;
use std::ops::Range;

/// The constants.
#[derive(Debug, Clone, Copy)]
pub struct Lrn {
    /// Channels that take part.
    pub size: usize,
    /// Factor of the sum of squares.
    pub alpha: f64,
    /// Exponent.
    pub beta: f64,
    /// Constant.
    pub k: f64,
}

impl Lrn {
    /// The channels whose squares channel `i` of `c` is divided by.
    fn reads(&self, i: usize, c: usize) -> Range<usize> {
        i.saturating_sub(self.size / 2)..(i + self.size.div_ceil(2)).min(c)
    }

    /// The channels that are divided by the square of channel `i`.
    fn read_by(&self, i: usize, c: usize) -> Range<usize> {
        (i + 1).saturating_sub(self.size.div_ceil(2))..(i + self.size / 2 + 1).min(c)
    }
}

/// The base of the power, for each unit of one sample.
fn bases<T: Real>(lrn: &Lrn, numbers: &[T], c: usize, plane: usize) -> Vec<T> {
    let mut bases = vec![T::from_f64(lrn.k); numbers.len()];
    let alpha = T::from_f64(lrn.alpha);
    for (channel, bases) in bases.chunks_exact_mut(plane).enumerate() {
        for other in lrn.reads(channel, c) {
            for (base, &x) in bases.iter_mut().zip(&numbers[other * plane..]) {
                *base += alpha * x * x;
            }
        }
    }
    bases
}

/// Normalises.
///
/// # Errors
/// A tensor that is not on the CPU, not contiguous or of another type than f32 and f64.
pub fn forward(lrn: &Lrn, x: &Tensor) -> Result<Tensor> {
    by_dtype!(x, T => {
        let (_, c, plane) = planes(x);
        let numbers = view::<T>(x)?;
        let mut out = vec![T::default(); numbers.len()];
        let samples = out.par_chunks_mut(c * plane).zip(numbers.par_chunks(c * plane));
        samples.for_each(|(out, numbers)| {
            let bases = bases(lrn, numbers, c, plane);
            for ((out, &x), base) in out.iter_mut().zip(numbers).zip(bases) {
                *out = x * base.powf(-lrn.beta as T);
            }
        });
        tensor(out, x.dims())
    })
}

/// The gradient with respect to the input.
///
/// # Errors
/// As [`forward`].
pub fn backward(lrn: &Lrn, x: &Tensor, dy: &Tensor) -> Result<Tensor> {
    by_dtype!(x, T => {
        let (_, c, plane) = planes(x);
        let (numbers, gradient) = (view::<T>(x)?, view::<T>(dy)?);
        let mut dx = vec![T::default(); numbers.len()];
        dx.par_chunks_mut(c * plane)
            .zip(numbers.par_chunks(c * plane))
            .zip(gradient.par_chunks(c * plane))
            .for_each(|((dx, numbers), gradient)| {
                let bases = bases(lrn, numbers, c, plane);
                let powers: Vec<T> = bases.iter().map(|base| base.powf(-lrn.beta as T)).collect();
                for (i, dx) in dx.iter_mut().enumerate() {
                    let (channel, unit) = (i / plane, i % plane);
                    // what the squares of this unit take from the channels that read it
                    let taken: T = lrn.read_by(channel, c)
                        .map(|other| other * plane + unit)
                        .map(|j| gradient[j] * numbers[j] * powers[j] / bases[j])
                        .sum();
                    let factor = (2.0 * lrn.alpha * lrn.beta) as T;
                    *dx = gradient[i] * powers[i] - factor * numbers[i] * taken;
                }
            });
        tensor(dx, x.dims())
    })
}

//! Local response normalisation over neighbouring channels (Krizhevsky et al. 2012, section 3.3):
//! `y = x / (k + alpha * sum of squares)^beta`, the sum not divided by the number of channels.

use super::cpu::{Real, by_dtype, planes, tensor, view};
use super::wide::wide;
use crate::graph::Lrn;
use candle_core::{Result, Tensor};
use rayon::prelude::*;
use std::ops::Range;

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

/// A number to the power of `-beta`. Roots compute the published exponent, 3/4, many times faster.
#[inline(always)]
fn inverse_power<T: Real>(x: T, beta: T, published: bool) -> T {
    match published {
        true => T::one() / (x.sqrt() * x.sqrt().sqrt()),
        false => x.powf(-beta),
    }
}

/// Units of each map that are worked on at once: with those of some channels they fit the first cache.
const UNITS: usize = 256;

/// The base of the power, for a run of units of one channel.
#[inline(always)]
fn bases<T: Real>(lrn: &Lrn, maps: &[&[T]], channel: usize, bases: &mut [T]) {
    bases.fill(T::from_f64(lrn.k));
    let alpha = T::from_f64(lrn.alpha);
    for other in &maps[lrn.reads(channel, maps.len())] {
        for (base, &x) in bases.iter_mut().zip(*other) {
            *base += alpha * x * x;
        }
    }
}

/// Of each map of a sample, the units from `start` on.
fn runs<T>(numbers: &[T], plane: usize, start: usize) -> Vec<&[T]> {
    let run = start..(start + UNITS).min(plane);
    numbers
        .chunks_exact(plane)
        .map(|map| &map[run.clone()])
        .collect()
}

/// Normalises.
///
/// # Errors
/// A tensor that is not on the CPU, not contiguous or of another type than f32 and f64.
pub fn forward(lrn: &Lrn, x: &Tensor) -> Result<Tensor> {
    by_dtype!(x, T => {
        let (_, c, plane) = planes(x);
        let numbers = view::<T>(x)?;
        let (beta, published) = (lrn.beta as T, lrn.beta == 0.75);
        let mut out = vec![T::default(); numbers.len()];
        let samples = out.par_chunks_mut(c * plane).zip(numbers.par_chunks(c * plane));
        samples.for_each(|(out, numbers)| {
            for start in (0..plane).step_by(UNITS) {
                let maps = runs(numbers, plane, start);
                wide!(for (channel, x) in maps.iter().enumerate() {
                    let out = &mut out[channel * plane + start..][..x.len()];
                    bases(lrn, &maps, channel, out);
                    for (y, &x) in out.iter_mut().zip(*x) {
                        *y = x * inverse_power(*y, beta, published);
                    }
                });
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
        let (beta, published) = (lrn.beta as T, lrn.beta == 0.75);
        let factor = (2.0 * lrn.alpha * lrn.beta) as T;
        let mut dx = vec![T::default(); numbers.len()];
        dx.par_chunks_mut(c * plane)
            .zip(numbers.par_chunks(c * plane))
            .zip(gradient.par_chunks(c * plane))
            .for_each(|((dx, numbers), gradient)| {
                // of each channel, what each unit is divided by and what its squares take
                let mut base = vec![<T as num_traits::Zero>::zero(); UNITS];
                let mut taken = vec![<T as num_traits::Zero>::zero(); UNITS * c];
                for start in (0..plane).step_by(UNITS) {
                    let maps = runs(numbers, plane, start);
                    let gradients = runs(gradient, plane, start);
                    wide!({
                        for (channel, (x, dy)) in maps.iter().zip(&gradients).enumerate() {
                            let base = &mut base[..x.len()];
                            bases(lrn, &maps, channel, base);
                            let dx = &mut dx[channel * plane + start..][..x.len()];
                            let taken = &mut taken[channel * UNITS..][..x.len()];
                            let units = dx.iter_mut().zip(taken).zip(x.iter().zip(*dy));
                            for (((dx, taken), (&x, &dy)), &base) in units.zip(&*base) {
                                *dx = dy * inverse_power(base, beta, published);
                                *taken = *dx * x / base;
                            }
                        }
                        for (channel, x) in maps.iter().enumerate() {
                            let sum = &mut base[..x.len()];
                            sum.fill(<T as num_traits::Zero>::zero());
                            for other in lrn.read_by(channel, c) {
                                let taken = &taken[other * UNITS..];
                                sum.iter_mut().zip(taken).for_each(|(sum, &taken)| *sum += taken);
                            }
                            let dx = &mut dx[channel * plane + start..][..x.len()];
                            for (dx, (&x, &sum)) in dx.iter_mut().zip(x.iter().zip(&*sum)) {
                                *dx -= factor * x * sum;
                            }
                        }
                    });
                }
            });
        tensor(dx, x.dims())
    })
}

//! Functions of one unit, and softmax over the channels.

use super::cpu::{Real, by_dtype, planes, tensor, view};
use super::uninit::UninitVec;
use super::wide::wide;
use crate::graph::Activation;
use candle_core::{Result, Tensor};
use num_traits::Float;
use rayon::prelude::*;

/// Numbers that one task works on.
const CHUNK: usize = 1 << 14;

/// The function of each unit.
///
/// # Errors
/// A tensor that is not on the CPU, not contiguous or of another type than f32 and f64.
pub fn forward(activation: Activation, x: &Tensor) -> Result<Tensor> {
    by_dtype!(x, T => match activation {
        Activation::Relu => each::<T>(x, |x| if x < 0.0 { 0.0 } else { x }),
        Activation::Sigmoid => each::<T>(x, sigmoid),
        Activation::Tanh => each::<T>(x, |x| x.tanh()),
        Activation::ScaledTanh => each::<T>(x, |x| {
            AMPLITUDE as T * (SLOPE as T * x).tanh()
        }),
        Activation::Softmax => softmax::<T>(x),
    })
}

/// The function of one unit; none for softmax, which is one of all channels.
pub(crate) fn of_unit(activation: Activation) -> Option<fn(f32) -> f32> {
    match activation {
        Activation::Relu => Some(|x| if x < 0.0 { 0.0 } else { x }),
        Activation::Sigmoid => Some(sigmoid),
        Activation::Tanh => Some(f32::tanh),
        Activation::ScaledTanh => Some(|x| AMPLITUDE as f32 * (SLOPE as f32 * x).tanh()),
        Activation::Softmax => None,
    }
}

const AMPLITUDE: f64 = Activation::SCALED_TANH[0];
const SLOPE: f64 = Activation::SCALED_TANH[1];

/// The gradient with respect to the input, from the output alone; at zero ReLU's is 0.
///
/// # Errors
/// As [`forward`].
pub fn backward(activation: Activation, y: &Tensor, dy: &Tensor) -> Result<Tensor> {
    by_dtype!(y, T => match activation {
        Activation::Relu => {
            each_2::<T>(y, dy, |y, dy| if y > 0.0 { dy } else { 0.0 })
        }
        Activation::Sigmoid => each_2::<T>(y, dy, |y, dy| dy * y * (1.0 - y)),
        Activation::Tanh => each_2::<T>(y, dy, |y, dy| dy * (1.0 - y * y)),
        Activation::ScaledTanh => each_2::<T>(y, dy, |y, dy| {
            let tanh = y / AMPLITUDE as T;
            dy * (AMPLITUDE * SLOPE) as T * (1.0 - tanh * tanh)
        }),
        Activation::Softmax => softmax_backward::<T>(y, dy),
    })
}

/// Finite for every x: the exponent is never positive.
#[inline(always)]
fn sigmoid<T: Real>(x: T) -> T {
    let e = (-x.abs()).exp();
    let above = if x < T::zero() { e } else { T::one() };
    above / (T::one() + e)
}

/// `f` of each number.
pub(super) fn each<T: Real>(x: &Tensor, f: impl Fn(T) -> T + Copy + Sync) -> Result<Tensor> {
    let numbers = view::<T>(x)?;
    let mut out = UninitVec::new(numbers.len());
    let chunks = out.chunks(CHUNK).zip(numbers.par_chunks(CHUNK));
    chunks.for_each(|(mut out, numbers)| {
        // a copy of the function, so that its constants are not read anew for each number
        wide!(out.extend(numbers.iter().map(move |&x| f(x))));
    });
    tensor(out.finish(), x.dims())
}

/// `f` of each pair of numbers.
pub(super) fn each_2<T: Real>(
    a: &Tensor,
    b: &Tensor,
    f: impl Fn(T, T) -> T + Sync,
) -> Result<Tensor> {
    let (left, right) = (view::<T>(a)?, view::<T>(b)?);
    let mut out = UninitVec::new(left.len());
    let chunks = out.chunks(CHUNK).zip(left.par_chunks(CHUNK));
    let chunks = chunks.zip(right.par_chunks(CHUNK));
    chunks.for_each(|((mut out, left), right)| {
        let pairs = || left.iter().zip(right);
        wide!(out.extend(pairs().map(|(&a, &b)| f(a, b))));
    });
    tensor(out.finish(), a.dims())
}

fn softmax<T: Real>(x: &Tensor) -> Result<Tensor> {
    let (_, c, plane) = planes(x);
    let numbers = view::<T>(x)?;
    let mut out = vec![T::zero(); numbers.len()];
    let samples = out
        .par_chunks_mut(c * plane)
        .zip(numbers.par_chunks(c * plane));
    samples.for_each(|(out, numbers)| {
        wide!({
            let largest = by_unit(numbers, plane, T::neg_infinity(), Float::max);
            out.copy_from_slice(numbers);
            with_unit(out, &largest, |x, largest| (x - largest).exp());
            let total = by_unit(out, plane, T::zero(), |a, b| a + b);
            with_unit(out, &total, |x, total| x / total);
        });
    });
    tensor(out, x.dims())
}

fn softmax_backward<T: Real>(y: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let (_, c, plane) = planes(y);
    let (numbers, gradient) = (view::<T>(y)?, view::<T>(dy)?);
    let mut out = vec![T::zero(); numbers.len()];
    let samples = out
        .par_chunks_mut(c * plane)
        .zip(numbers.par_chunks(c * plane));
    let samples = samples.zip(gradient.par_chunks(c * plane));
    samples.for_each(|((out, numbers), gradient)| {
        let units = out.iter_mut().zip(numbers.iter().zip(gradient));
        units.for_each(|(out, (&y, &dy))| *out = y * dy);
        let dot = by_unit(out, plane, T::zero(), |a, b| a + b);
        let both = numbers
            .chunks_exact(plane)
            .zip(gradient.chunks_exact(plane));
        for (out, (numbers, gradient)) in out.chunks_exact_mut(plane).zip(both) {
            for (i, out) in out.iter_mut().enumerate() {
                *out = numbers[i] * (gradient[i] - dot[i]);
            }
        }
    });
    tensor(out, y.dims())
}

/// For each unit, `f` over the maps of a sample.
#[inline(always)]
fn by_unit<T: Real>(maps: &[T], plane: usize, start: T, f: impl Fn(T, T) -> T) -> Vec<T> {
    let mut folded = vec![start; plane];
    for map in maps.chunks_exact(plane) {
        folded
            .iter_mut()
            .zip(map)
            .for_each(|(folded, &x)| *folded = f(*folded, x));
    }
    folded
}

/// Changes each map of a sample by what each unit has.
#[inline(always)]
fn with_unit<T: Real>(maps: &mut [T], units: &[T], f: impl Fn(T, T) -> T) {
    if let [unit] = *units {
        // one run, where each map has one unit
        return maps.iter_mut().for_each(|x| *x = f(*x, unit));
    }
    for map in maps.chunks_exact_mut(units.len()) {
        map.iter_mut()
            .zip(units)
            .for_each(|(x, &unit)| *x = f(*x, unit));
    }
}

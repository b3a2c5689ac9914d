//! Functions of one unit, and softmax over the channels.

use super::cpu::{Real, by_dtype, planes, tensor, view};
use crate::graph::Activation;
use candle_core::{Result, Tensor};
use num_traits::Float;
use pulp::Arch;
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

/// LeCun et al. 1998, appendix A.
const AMPLITUDE: f64 = 1.7159;
/// LeCun et al. 1998, appendix A.
const SLOPE: f64 = 2.0 / 3.0;

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
fn sigmoid<T: Real>(x: T) -> T {
    let e = (-x.abs()).exp();
    if x < T::zero() {
        e / (T::one() + e)
    } else {
        T::one() / (T::one() + e)
    }
}

pub(super) fn each<T: Real>(x: &Tensor, f: impl Fn(T) -> T + Sync) -> Result<Tensor> {
    let numbers = view::<T>(x)?;
    let mut out = vec![T::zero(); numbers.len()];
    let chunks = out.par_chunks_mut(CHUNK).zip(numbers.par_chunks(CHUNK));
    let arch = Arch::new();
    chunks.for_each(|(out, numbers)| {
        arch.dispatch(
            #[inline(always)]
            || {
                out.iter_mut()
                    .zip(numbers)
                    .for_each(|(out, &x)| *out = f(x))
            },
        );
    });
    tensor(out, x.dims())
}

pub(super) fn each_2<T: Real>(
    a: &Tensor,
    b: &Tensor,
    f: impl Fn(T, T) -> T + Sync,
) -> Result<Tensor> {
    let (left, right) = (view::<T>(a)?, view::<T>(b)?);
    let mut out = vec![T::zero(); left.len()];
    let chunks = out.par_chunks_mut(CHUNK).zip(left.par_chunks(CHUNK));
    let chunks = chunks.zip(right.par_chunks(CHUNK));
    let arch = Arch::new();
    chunks.for_each(|((out, left), right)| {
        arch.dispatch(
            #[inline(always)]
            || {
                let pairs = out.iter_mut().zip(left.iter().zip(right));
                pairs.for_each(|(out, (&a, &b))| *out = f(a, b));
            },
        );
    });
    tensor(out, a.dims())
}

fn softmax<T: Real>(x: &Tensor) -> Result<Tensor> {
    let (n, c, plane) = planes(x);
    let numbers = view::<T>(x)?;
    let mut out = vec![T::zero(); numbers.len()];
    for i in 0..n * plane {
        let at = |channel: usize| (i / plane * c + channel) * plane + i % plane;
        let largest = (0..c)
            .map(|k| numbers[at(k)])
            .fold(T::neg_infinity(), Float::max);
        let total: T = (0..c).map(|k| (numbers[at(k)] - largest).exp()).sum();
        for k in 0..c {
            out[at(k)] = (numbers[at(k)] - largest).exp() / total;
        }
    }
    tensor(out, x.dims())
}

fn softmax_backward<T: Real>(y: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let (n, c, plane) = planes(y);
    let (numbers, gradient) = (view::<T>(y)?, view::<T>(dy)?);
    let mut out = vec![T::zero(); numbers.len()];
    for i in 0..n * plane {
        let at = |channel: usize| (i / plane * c + channel) * plane + i % plane;
        let dot: T = (0..c).map(|k| numbers[at(k)] * gradient[at(k)]).sum();
        for k in 0..c {
            out[at(k)] = numbers[at(k)] * (gradient[at(k)] - dot);
        }
    }
    tensor(out, y.dims())
}

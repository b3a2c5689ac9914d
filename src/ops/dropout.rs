//! What training switches off at random: units (dropout), and inputs of a join (drop-path).
//!
//! A mask is a function of its key and of the unit's place, so the backward pass makes it again
//! instead of keeping it.

use super::activation::each;
use super::cpu::{by_dtype, planes, tensor, view};
use super::join::mean;
use crate::random::Key;
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// Zeroes each unit with probability `p` and divides the others by `1 - p`; its own gradient.
///
/// # Errors
/// A tensor that is not on the CPU, not contiguous or of another type than f32 and f64.
pub fn dropout(x: &Tensor, p: f64, key: Key) -> Result<Tensor> {
    by_dtype!(x, T => {
        if p >= 1.0 {
            return each::<T>(x, |_| 0.0);
        }
        let numbers = view::<T>(x)?;
        let scale = (1.0 / (1.0 - p)) as T;
        let unit = |(i, &x): (usize, &T)| match key.uniform(i as u64) < p {
            true => 0.0,
            false => x * scale,
        };
        tensor(numbers.par_iter().enumerate().map(unit).collect::<Vec<T>>(), x.dims())
    })
}

/// Of a join of `inputs`, the share that each input has in each sample's mean, `[inputs][n]`: each
/// is dropped with probability `p`, but one always stays (Larsson et al. 2017, section 3.2, local
/// drop-path).
pub fn shares(inputs: usize, samples: usize, p: f64, key: Key) -> Vec<Vec<f64>> {
    let mut shares = vec![vec![0.0; samples]; inputs];
    #[expect(
        clippy::needless_range_loop,
        reason = "the samples are the inner index"
    )]
    for sample in 0..samples {
        let key = key.fold_in(sample as u64);
        let stays = |input: &usize| key.uniform(*input as u64) >= p;
        let mut kept: Vec<usize> = (0..inputs).filter(stays).collect();
        if kept.is_empty() {
            kept.push((key.uniform(inputs as u64) * inputs as f64) as usize);
        }
        for &input in &kept {
            shares[input][sample] = 1.0 / kept.len() as f64;
        }
    }
    shares
}

/// The mean of the inputs that drop-path leaves.
///
/// # Errors
/// As [`dropout`].
pub fn drop_path(inputs: &[&Tensor], p: f64, key: Key) -> Result<Tensor> {
    if p <= 0.0 {
        return mean(inputs);
    }
    let shares = shares(inputs.len(), inputs[0].dims()[0], p, key);
    let mut sum: Option<Tensor> = None;
    for (input, shares) in inputs.iter().zip(&shares) {
        let part = per_sample(input, shares)?;
        sum = Some(match sum {
            Some(sum) => super::join::add(&sum, &part)?,
            None => part,
        });
    }
    Ok(sum.expect("a join has inputs"))
}

/// The gradients of [`drop_path`] with respect to each input.
///
/// # Errors
/// As [`dropout`].
pub fn drop_path_backward(inputs: usize, p: f64, key: Key, dy: &Tensor) -> Result<Vec<Tensor>> {
    let shares = match p <= 0.0 {
        true => vec![vec![1.0 / inputs as f64; dy.dims()[0]]; inputs],
        false => shares(inputs, dy.dims()[0], p, key),
    };
    shares.iter().map(|shares| per_sample(dy, shares)).collect()
}

/// Each sample times a number of its own.
fn per_sample(x: &Tensor, factors: &[f64]) -> Result<Tensor> {
    by_dtype!(x, T => {
        let (_, c, plane) = planes(x);
        let numbers = view::<T>(x)?;
        let unit = |(i, &x): (usize, &T)| x * factors[i / (c * plane)] as T;
        tensor(numbers.par_iter().enumerate().map(unit).collect::<Vec<T>>(), x.dims())
    })
}

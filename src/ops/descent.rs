//! One step of a weight along its gradient.

use super::cpu::{Real, by_dtype, tensor, view};
use super::wide::wide;
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// Numbers that one task works on.
const CHUNK: usize = 1 << 14;

/// The constants of a step of gradient descent with momentum.
#[derive(Debug, Clone, Copy)]
pub struct Momentum {
    /// Learning rate.
    pub rate: f64,
    /// Share of the last step that goes on.
    pub momentum: f64,
    /// Whether the gradient is looked up ahead.
    pub nesterov: bool,
    /// That much of the weight is added to its gradient.
    pub decay: f64,
}

/// The weight after a step of `v = momentum v + g + decay w`, `w = w - rate v` (with `nesterov`
/// `w - rate (g + decay w + momentum v)`), and `v`; without a `velocity` it starts at the gradient.
///
/// # Errors
/// A tensor that is not on the CPU, not contiguous or of another type than f32 and f64.
pub fn momentum(
    constants: &Momentum,
    weight: &Tensor,
    gradient: &Tensor,
    velocity: Option<&Tensor>,
) -> Result<(Tensor, Tensor)> {
    by_dtype!(weight, T => {
        let started = velocity.is_some();
        let (w, g) = (view::<T>(weight)?, view::<T>(gradient)?);
        let v = view::<T>(velocity.unwrap_or(gradient))?;
        let [rate, share, decay] = [constants.rate, constants.momentum, constants.decay].map(|x| x as T);
        let nesterov = constants.nesterov;
        let (w, v) = each_2(&w, &g, &v, |w, g, v| {
            let g = g + decay * w;
            let v = if started { share * v + g } else { g };
            let along = if nesterov { g + share * v } else { v };
            [w - rate * along, v]
        });
        Ok((tensor(w, weight.dims())?, tensor(v, weight.dims())?))
    })
}

/// The constants of a step of Adam (Kingma & Ba 2015), its corrections worked out for the step.
#[derive(Debug, Clone, Copy)]
pub struct Moments {
    /// Share of the old mean of gradients that stays.
    pub beta1: f64,
    /// Share of the old mean of squares that stays.
    pub beta2: f64,
    /// By what the mean of gradients is multiplied.
    pub rate: f64,
    /// By what the root of the mean of squares is divided.
    pub root: f64,
    /// What is added to the divided root.
    pub epsilon: f64,
    /// That much of the weight is added to its gradient.
    pub decay: f64,
    /// The weight is multiplied by this first.
    pub shrink: f64,
}

/// The weight after a step of Adam with both means, which start at zero.
///
/// # Errors
/// As [`momentum`].
pub fn moments(
    constants: &Moments,
    weight: &Tensor,
    gradient: &Tensor,
    means: [&Tensor; 2],
) -> Result<(Tensor, [Tensor; 2])> {
    by_dtype!(weight, T => {
        let (w, g) = (view::<T>(weight)?, view::<T>(gradient)?);
        let (m, v) = (view::<T>(means[0])?, view::<T>(means[1])?);
        let c = constants;
        let [beta1, beta2, rate, root] = [c.beta1, c.beta2, c.rate, c.root].map(|x| x as T);
        let [rest1, rest2] = [1.0 - c.beta1, 1.0 - c.beta2].map(|x| x as T);
        let [epsilon, decay, shrink] = [c.epsilon, c.decay, c.shrink].map(|x| x as T);
        let step = |w: T, g: T, m: T, v: T| {
            let g = g + decay * w;
            let m = beta1 * m + rest1 * g;
            let v = beta2 * v + rest2 * g * g;
            [w * shrink - rate * m / (v.sqrt() / root + epsilon), m, v]
        };
        let [w, m, v] = each_3(&w, &g, &m, &v, step);
        let dims = weight.dims();
        Ok((tensor(w, dims)?, [tensor(m, dims)?, tensor(v, dims)?]))
    })
}

fn each_2<T: Real>(
    a: &[T],
    b: &[T],
    c: &[T],
    f: impl Fn(T, T, T) -> [T; 2] + Sync,
) -> (Vec<T>, Vec<T>) {
    let mut out = (vec![T::zero(); a.len()], vec![T::zero(); a.len()]);
    (out.0.par_chunks_mut(CHUNK))
        .zip(out.1.par_chunks_mut(CHUNK))
        .zip(a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)))
        .zip(c.par_chunks(CHUNK))
        .for_each(|(((x, y), (a, b)), c)| {
            wide!({
                let from = a.iter().zip(b).zip(c);
                let to = x.iter_mut().zip(&mut *y);
                to.zip(from)
                    .for_each(|((x, y), ((&a, &b), &c))| [*x, *y] = f(a, b, c));
            });
        });
    out
}

fn each_3<T: Real>(
    a: &[T],
    b: &[T],
    c: &[T],
    d: &[T],
    f: impl Fn(T, T, T, T) -> [T; 3] + Sync,
) -> [Vec<T>; 3] {
    let mut out = [(); 3].map(|()| vec![T::zero(); a.len()]);
    let [x, y, z] = &mut out;
    (x.par_chunks_mut(CHUNK))
        .zip(y.par_chunks_mut(CHUNK).zip(z.par_chunks_mut(CHUNK)))
        .zip(a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)))
        .zip(c.par_chunks(CHUNK).zip(d.par_chunks(CHUNK)))
        .for_each(|(((x, (y, z)), (a, b)), (c, d))| {
            wide!({
                let from = a.iter().zip(b).zip(c.iter().zip(d));
                let to = x.iter_mut().zip(&mut *y).zip(&mut *z);
                to.zip(from)
                    .for_each(|(((x, y), z), ((&a, &b), (&c, &d)))| [*x, *y, *z] = f(a, b, c, d));
            });
        });
    out
}

//! One step of a weight along its gradient.

use super::cpu::{Real, by_dtype, tensor, view};
use super::uninit::UninitVec;
use super::wide::wide;
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// Numbers that one task works on: few enough that they are read from the first cache for each result.
const CHUNK: usize = 1 << 11;

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
        let [rate, momentum, decay] = [constants.rate, constants.momentum, constants.decay].map(|x| x as T);
        let nesterov = constants.nesterov;
        let next = move |w: T, g: T, v: T| if started { momentum * v + (g + decay * w) } else { g + decay * w };
        let [w, v] = each_2(
            [&w, &g, &v],
            move |w, g, v| {
                let v = next(w, g, v);
                let along = if nesterov { g + decay * w + momentum * v } else { v };
                w - rate * along
            },
            next,
        );
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
        let mean = move |w: T, g: T, m: T, _: T| beta1 * m + rest1 * (g + decay * w);
        let square = move |w: T, g: T, _: T, v: T| {
            let g = g + decay * w;
            beta2 * v + rest2 * g * g
        };
        let [w, m, v] = each_3(
            [&w, &g, &m, &v],
            move |w, g, m, v| {
                let (m, v) = (mean(w, g, m, v), square(w, g, m, v));
                w * shrink - rate * m / (v.sqrt() / root + epsilon)
            },
            mean,
            square,
        );
        let dims = weight.dims();
        Ok((tensor(w, dims)?, [tensor(m, dims)?, tensor(v, dims)?]))
    })
}

/// For each triple of numbers two numbers, each by its function.
fn each_2<T: Real>(
    [a, b, c]: [&[T]; 3],
    f: impl Fn(T, T, T) -> T + Copy + Sync,
    g: impl Fn(T, T, T) -> T + Copy + Sync,
) -> [Vec<T>; 2] {
    let [mut x, mut y] = [(); 2].map(|()| UninitVec::new(a.len()));
    (x.chunks(CHUNK).zip(y.chunks(CHUNK)))
        .zip(a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)))
        .zip(c.par_chunks(CHUNK))
        .for_each(|(((mut x, mut y), (a, b)), c)| {
            let from = || a.iter().zip(b).zip(c);
            wide!({
                // copies of the functions, so that their constants are not read anew for each number
                x.extend(from().map(move |((&a, &b), &c)| f(a, b, c)));
                y.extend(from().map(move |((&a, &b), &c)| g(a, b, c)));
            });
        });
    [x, y].map(UninitVec::finish)
}

/// For each four numbers three numbers, each by its function.
fn each_3<T: Real>(
    [a, b, c, d]: [&[T]; 4],
    f: impl Fn(T, T, T, T) -> T + Copy + Sync,
    g: impl Fn(T, T, T, T) -> T + Copy + Sync,
    h: impl Fn(T, T, T, T) -> T + Copy + Sync,
) -> [Vec<T>; 3] {
    let [mut x, mut y, mut z] = [(); 3].map(|()| UninitVec::new(a.len()));
    (x.chunks(CHUNK).zip(y.chunks(CHUNK)).zip(z.chunks(CHUNK)))
        .zip(a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)))
        .zip(c.par_chunks(CHUNK).zip(d.par_chunks(CHUNK)))
        .for_each(|((((mut x, mut y), mut z), (a, b)), (c, d))| {
            let from = || a.iter().zip(b).zip(c.iter().zip(d));
            wide!({
                x.extend(from().map(move |((&a, &b), (&c, &d))| f(a, b, c, d)));
                y.extend(from().map(move |((&a, &b), (&c, &d))| g(a, b, c, d)));
                z.extend(from().map(move |((&a, &b), (&c, &d))| h(a, b, c, d)));
            });
        });
    [x, y, z].map(UninitVec::finish)
}

//! Pooling by mean, over windows and over the cells of a grid; LeNet-5's subsampling.

mod spans;
mod windows;

use super::cpu::{Real, by_dtype, planes, tensor, view};
use super::sums::{sum, sums};
use super::wide::wide;
use crate::graph::Window;
use candle_core::{Error, Result, Tensor, WithDType};
use rayon::prelude::*;
use windows::Windows;

/// Numbers of whole maps that one task works on.
const CHUNK: usize = 1 << 14;

/// Over what a mean is taken.
#[derive(Debug, Clone, Copy)]
pub enum Mean<'a> {
    /// Windows.
    Window {
        /// Geometry.
        window: &'a Window,
        /// Whether padded zeros count in the divisor.
        count_pad: bool,
    },
    /// The cells of a grid, `[h, w]`.
    Grid([usize; 2]),
}

impl Mean<'_> {
    fn windows(self, dims: &[usize]) -> Result<Windows> {
        let extent = extent(dims)?;
        match self {
            Mean::Window { window, count_pad } => Windows::sliding(window, extent, count_pad),
            Mean::Grid(cells) => Windows::cells(cells, extent),
        }
    }
}

/// The mean of each window or cell.
///
/// # Errors
/// A tensor that is not on the CPU, not contiguous or of another type than f32 and f64.
pub fn mean(over: Mean, x: &Tensor) -> Result<Tensor> {
    let windows = over.windows(x.dims())?;
    by_dtype!(x, T => match divisor_of_whole(&windows) {
        Some(divisor) => whole::<T>(x, divisor),
        None => {
            let divisors = divisors::<T>(&windows);
            forward(&windows, x, |_, row, sums: &[T], out: &mut [T]| {
                let means = sums.iter().zip(&divisors[row * out.len()..]);
                (out.iter_mut().zip(means)).for_each(|(out, (&sum, &divisor))| *out = sum / divisor);
            })
        }
    })
}

/// The gradient of [`mean`] with respect to an input of those dimensions.
///
/// # Errors
/// As [`mean`].
pub fn mean_backward(over: Mean, dims: &[usize], dy: &Tensor) -> Result<Tensor> {
    let windows = over.windows(dims)?;
    by_dtype!(dy, T => match divisor_of_whole(&windows) {
        Some(divisor) => whole_backward::<T>(dims, dy, divisor),
        None => {
            let divisors = divisors::<T>(&windows);
            backward(&windows, dims, dy, |_, row, dy: &[T], share: &mut [T]| {
                let gradients = dy.iter().zip(&divisors[row * dy.len()..]);
                (share.iter_mut().zip(gradients)).for_each(|(share, (&dy, &divisor))| *share = dy / divisor);
            })
        }
    })
}

/// By what each output's sum is divided.
fn divisors<T: Real>(windows: &Windows) -> Vec<T> {
    let across = &windows.across.divisors;
    let of_row = |&down: &usize| across.iter().map(move |&across| (down * across).max(1));
    let all = windows.down.divisors.iter().flat_map(of_row);
    all.map(|divisor| T::from_f64(divisor as f64)).collect()
}

/// By what a map's sum is divided, if its one output sees all of it.
fn divisor_of_whole(windows: &Windows) -> Option<f64> {
    let whole = windows.down.whole() && windows.across.whole();
    whole.then(|| (windows.down.divisors[0] * windows.across.divisors[0]) as f64)
}

/// The mean of each map.
fn whole<T: Real>(x: &Tensor, divisor: f64) -> Result<Tensor> {
    let (n, c, plane) = planes(x);
    let numbers = view::<T>(x)?;
    let mut out = vec![T::zero(); n * c];
    let maps = (CHUNK / plane).max(1);
    let tasks = out
        .par_chunks_mut(maps)
        .zip(numbers.par_chunks(maps * plane));
    tasks.for_each(|(out, maps)| {
        wide!(
            for (out, map) in out.iter_mut().zip(maps.chunks_exact(plane)) {
                *out = T::from_f64(sum([map].into_iter(), WithDType::to_f64) / divisor);
            }
        );
    });
    tensor(out, &[n, c, 1, 1])
}

/// The gradient of [`whole`].
fn whole_backward<T: Real>(dims: &[usize], dy: &Tensor, divisor: f64) -> Result<Tensor> {
    let plane = dims[2] * dims[3];
    let divisor = T::from_f64(divisor);
    let mut dx = Vec::with_capacity(dims.iter().product());
    for &dy in &*view::<T>(dy)? {
        dx.extend(std::iter::repeat_n(dy / divisor, plane));
    }
    tensor(dx, dims)
}

/// What windows' sums become; `becomes` is handed a map, counted over all samples, an output row, its sums
/// and where they go.
fn forward<T: Real>(
    windows: &Windows,
    x: &Tensor,
    becomes: impl Fn(usize, usize, &[T], &mut [T]) + Sync,
) -> Result<Tensor> {
    let (n, c, plane) = planes(x);
    let numbers = view::<T>(x)?;
    let ([h, w], maps) = (windows.output(), windows.maps());
    let mut out = vec![T::zero(); n * c * h * w];
    out.par_chunks_mut(maps * h * w)
        .zip(numbers.par_chunks(maps * plane))
        .enumerate()
        .for_each_init(
            || windows.work(),
            |work, (task, (out, numbers))| {
                wide!(windows.forward(work, numbers, out, |map, row, sums, out| {
                    becomes(task * maps + map, row, sums, out)
                }));
            },
        );
    tensor(out, &[n, c, h, w])
}

/// The gradient with respect to an input of those dimensions; `share` is handed a map, counted over all
/// samples, an output row, its gradients and where to put what each unit gets of them.
fn backward<T: Real>(
    windows: &Windows,
    dims: &[usize],
    dy: &Tensor,
    share: impl Fn(usize, usize, &[T], &mut [T]) + Sync,
) -> Result<Tensor> {
    let gradient = view::<T>(dy)?;
    let ([h, w], maps) = (windows.output(), windows.maps());
    let mut dx = vec![T::zero(); dims.iter().product()];
    dx.par_chunks_mut(maps * windows.input())
        .zip(gradient.par_chunks(maps * h * w))
        .enumerate()
        .for_each_init(
            || windows.work(),
            |work, (task, (dx, dy))| {
                wide!(windows.backward(work, dy, dx, |map, row, dy, out| {
                    share(task * maps + map, row, dy, out)
                }));
            },
        );
    tensor(dx, dims)
}

/// LeNet-5's subsampling: the sum of each window times one coefficient a map, plus one bias a map.
///
/// # Errors
/// As [`mean`].
pub fn subsample(window: &Window, x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let windows = Windows::sliding(window, extent(x.dims())?, false)?;
    by_dtype!(x, T => {
        let (weight, bias) = (view::<T>(weight)?, view::<T>(bias)?);
        let c = weight.len();
        forward(&windows, x, |map, _, sums: &[T], out: &mut [T]| {
            let (weight, bias) = (weight[map % c], bias[map % c]);
            (out.iter_mut().zip(sums)).for_each(|(out, &sum)| *out = weight * sum + bias);
        })
    })
}

/// The gradient of [`subsample`] with respect to an input of those dimensions.
///
/// # Errors
/// As [`mean`].
pub fn subsample_backward(
    window: &Window,
    dims: &[usize],
    weight: &Tensor,
    dy: &Tensor,
) -> Result<Tensor> {
    let windows = Windows::sliding(window, extent(dims)?, false)?;
    by_dtype!(dy, T => {
        let weight = view::<T>(weight)?;
        backward(&windows, dims, dy, |map, _, dy: &[T], share: &mut [T]| {
            let weight = weight[map % weight.len()];
            (share.iter_mut().zip(dy)).for_each(|(share, &dy)| *share = weight * dy);
        })
    })
}

/// The gradients of [`subsample`] with respect to its coefficients and biases.
///
/// # Errors
/// As [`mean`].
pub fn subsample_weights(window: &Window, x: &Tensor, dy: &Tensor) -> Result<Vec<Tensor>> {
    by_dtype!(x, T => {
        // the coefficients' gradient is that of sums without coefficient
        let (_, c, plane) = planes(x);
        let ones = Tensor::ones(c, x.dtype(), x.device())?;
        let sums_of = subsample(window, x, &ones, &ones.zeros_like()?)?;
        let (sums_of, dy) = (view::<T>(&sums_of)?, view::<T>(dy)?);
        let plane_out = sums_of.len() / (x.elem_count() / plane);
        let (sums_of, dy): (&[T], &[T]) = (&sums_of, &dy);
        let of_map = |map: usize| {
            let units = |sample: usize| {
                let start = (sample * c + map) * plane_out;
                start..start + plane_out
            };
            let pairs = || (0..x.dims()[0]).map(|i| (&sums_of[units(i)], &dy[units(i)]));
            wide!(sums(pairs(), |s, dy| [s.to_f64() * dy.to_f64(), dy.to_f64()]))
        };
        let (weight, bias): (Vec<T>, Vec<T>) =
            (0..c).map(of_map).map(|[weight, bias]| (weight as T, bias as T)).unzip();
        Ok(vec![tensor(weight, &[c])?, tensor(bias, &[c])?])
    })
}

/// Rows and columns of `[n, c, h, w]`.
fn extent(dims: &[usize]) -> Result<[usize; 2]> {
    match *dims {
        [_, _, h, w] => Ok([h, w]),
        _ => Err(Error::Msg(format!("pools maps, not {dims:?}")).bt()),
    }
}

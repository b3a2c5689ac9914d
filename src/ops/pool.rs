//! Pooling by mean, over windows and over the cells of a grid; LeNet-5's subsampling.

use super::cpu::{Real, by_dtype, planes, tensor, view};
use super::sums::sums;
use super::wide::wide;
use crate::graph::{Axis, Window};
use candle_core::{Error, Result, Tensor, WithDType};
use rayon::prelude::*;

/// Along one axis, for each output the input rows that its window sees, and how many rows its mean
/// divides by.
struct Spans {
    rows: Vec<Vec<usize>>,
    divisors: Vec<usize>,
    input: usize,
}

impl Spans {
    /// Of a sliding window; with `count_pad` padded rows count in the divisor, rows beyond them do
    /// not, as in PyTorch.
    fn sliding(window: &Window, axis: usize, input: usize, count_pad: bool) -> Result<Spans> {
        let positions = window
            .axis(axis, input)
            .map_err(|what| Error::Msg(what).bt())?;
        let Axis {
            output,
            before,
            after,
        } = positions;
        let taps = |position: usize| {
            let start = position * window.stride[axis];
            (0..window.kernel[axis]).map(move |tap| start + tap * window.dilation[axis])
        };
        let inside = before..before + input;
        let rows: Vec<Vec<usize>> = (0..output)
            .map(|i| {
                let seen = taps(i).filter(|row| inside.contains(row));
                seen.map(|row| row - before).collect()
            })
            .collect();
        let divisors = match count_pad {
            true => (0..output)
                .map(|i| taps(i).filter(|&row| row < before + input + after).count())
                .collect(),
            false => rows.iter().map(Vec::len).collect(),
        };
        Ok(Spans {
            rows,
            divisors,
            input,
        })
    }

    /// Of the cells of a grid, which share rows where they do not divide them evenly.
    fn cells(output: usize, input: usize) -> Spans {
        let rows: Vec<Vec<usize>> = (0..output)
            .map(|i| (i * input / output..((i + 1) * input).div_ceil(output)).collect())
            .collect();
        Spans {
            divisors: rows.iter().map(Vec::len).collect(),
            rows,
            input,
        }
    }
}

/// A pooling on maps of known size.
struct Pooling {
    spans: [Spans; 2],
}

impl Pooling {
    fn sliding(window: &Window, dims: &[usize], count_pad: bool) -> Result<Pooling> {
        let [h, w] = extent(dims)?;
        Ok(Pooling {
            spans: [
                Spans::sliding(window, 0, h, count_pad)?,
                Spans::sliding(window, 1, w, count_pad)?,
            ],
        })
    }

    fn cells([down, across]: [usize; 2], dims: &[usize]) -> Result<Pooling> {
        let [h, w] = extent(dims)?;
        Ok(Pooling {
            spans: [Spans::cells(down, h), Spans::cells(across, w)],
        })
    }

    fn output(&self) -> [usize; 2] {
        [self.spans[0].rows.len(), self.spans[1].rows.len()]
    }

    /// The input units that an output unit sees.
    fn seen(&self, i: usize) -> impl Iterator<Item = usize> {
        let across = self.output()[1];
        let width = self.spans[1].input;
        let rows = self.spans[0].rows[i / across].iter();
        let columns = &self.spans[1].rows[i % across];
        rows.flat_map(move |row| columns.iter().map(move |column| row * width + column))
    }

    fn divisor(&self, i: usize) -> usize {
        let across = self.output()[1];
        self.spans[0].divisors[i / across] * self.spans[1].divisors[i % across]
    }

    /// A value for each output unit of each map.
    fn forward<T: Real>(
        &self,
        x: &Tensor,
        value: impl Fn(usize, &[T], usize) -> T + Sync,
    ) -> Result<Tensor> {
        let (n, c, plane) = planes(x);
        let numbers = view::<T>(x)?;
        let [h, w] = self.output();
        let mut out = vec![T::zero(); n * c * h * w];
        out.par_chunks_mut(h * w)
            .zip(numbers.par_chunks(plane))
            .enumerate()
            .for_each(|(map, (out, numbers))| {
                for (i, out) in out.iter_mut().enumerate() {
                    *out = value(map % c, numbers, i);
                }
            });
        tensor(out, &[n, c, h, w])
    }

    /// Spreads the gradient of each output unit over the units of its map; `spread` is told the map,
    /// counted over all samples, the output unit and its gradient.
    fn backward<T: Real>(
        &self,
        dims: &[usize],
        dy: &Tensor,
        spread: impl Fn(usize, usize, T, &mut [T]) + Sync,
    ) -> Result<Tensor> {
        let plane = dims[2] * dims[3];
        let gradient = view::<T>(dy)?;
        let [h, w] = self.output();
        let mut dx = vec![T::zero(); dims.iter().product()];
        dx.par_chunks_mut(plane)
            .zip(gradient.par_chunks(h * w))
            .enumerate()
            .for_each(|(map, (dx, gradient))| {
                for (i, &dy) in gradient.iter().enumerate() {
                    spread(map, i, dy, dx);
                }
            });
        tensor(dx, dims)
    }
}

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
    fn pooling(self, dims: &[usize]) -> Result<Pooling> {
        match self {
            Mean::Window { window, count_pad } => Pooling::sliding(window, dims, count_pad),
            Mean::Grid(cells) => Pooling::cells(cells, dims),
        }
    }
}

/// The mean of each window or cell.
///
/// # Errors
/// A tensor that is not on the CPU, not contiguous or of another type than f32 and f64.
pub fn mean(over: Mean, x: &Tensor) -> Result<Tensor> {
    let pooling = over.pooling(x.dims())?;
    by_dtype!(x, T => pooling.forward(x, |_, numbers: &[T], i| {
        let sum: f64 = pooling.seen(i).map(|unit| numbers[unit].to_f64()).sum();
        (sum / pooling.divisor(i).max(1) as f64) as T
    }))
}

/// The gradient of [`mean`] with respect to an input of those dimensions.
///
/// # Errors
/// As [`mean`].
pub fn mean_backward(over: Mean, dims: &[usize], dy: &Tensor) -> Result<Tensor> {
    let pooling = over.pooling(dims)?;
    by_dtype!(dy, T => pooling.backward(dims, dy, |_, i, dy, dx: &mut [T]| {
        let share = dy / pooling.divisor(i).max(1) as T;
        for unit in pooling.seen(i) {
            dx[unit] += share;
        }
    }))
}

/// LeNet-5's subsampling: the sum of each window times one coefficient a map, plus one bias a map.
///
/// # Errors
/// As [`mean`].
pub fn subsample(window: &Window, x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let pooling = Pooling::sliding(window, x.dims(), false)?;
    by_dtype!(x, T => {
        let (weight, bias) = (view::<T>(weight)?, view::<T>(bias)?);
        pooling.forward(x, |map, numbers: &[T], i| {
            let sum: T = pooling.seen(i).map(|unit| numbers[unit]).sum();
            weight[map] * sum + bias[map]
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
    let pooling = Pooling::sliding(window, dims, false)?;
    by_dtype!(dy, T => {
        let weight = view::<T>(weight)?;
        pooling.backward(dims, dy, |map, i, dy, dx: &mut [T]| {
            for unit in pooling.seen(i) {
                dx[unit] += weight[map % weight.len()] * dy;
            }
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

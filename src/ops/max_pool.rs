//! Pooling by maximum.
//!
//! The taps of the window are taken one after another, each over whole rows of outputs: that is the
//! order in which a window is read, and its inner loop runs over neighbours.

use super::cpu::{Real, by_dtype, planes, tensor, view};
use crate::graph::Window;
use candle_core::{Error, Result, Tensor};
use pulp::Arch;
use rayon::prelude::*;
use std::ops::Range;

/// Along one axis, where the taps of a window lie.
struct Taps {
    stride: usize,
    /// For each tap, the row that it has in the first window; negative in the padding.
    first: Vec<isize>,
    input: usize,
    output: usize,
}

impl Taps {
    fn of(window: &Window, axis: usize, input: usize) -> Result<Taps> {
        let positions = window
            .axis(axis, input)
            .map_err(|what| Error::Msg(what).bt())?;
        let row = |tap| (tap * window.dilation[axis]) as isize - positions.before as isize;
        Ok(Taps {
            stride: window.stride[axis],
            first: (0..window.kernel[axis]).map(row).collect(),
            input,
            output: positions.output,
        })
    }

    /// The outputs for which a tap, by its first row, is inside the input.
    fn inside(&self, first: isize) -> Range<usize> {
        let from = (first.min(0).unsigned_abs()).div_ceil(self.stride);
        let left = self.input as isize - 1 - first;
        let to = match usize::try_from(left) {
            Ok(left) => (left / self.stride + 1).min(self.output),
            Err(_) => 0,
        };
        from.min(to)..to
    }

    /// The row of a tap in an output's window, which is inside the input.
    fn row(&self, first: isize, output: usize) -> usize {
        (first + (output * self.stride) as isize) as usize
    }
}

/// The taps along both axes.
struct Pooling {
    down: Taps,
    across: Taps,
}

/// Stands for the unit of a window that has seen none yet.
const NONE: u32 = u32::MAX;

impl Pooling {
    fn of(window: &Window, dims: &[usize]) -> Result<Pooling> {
        let &[_, _, h, w] = dims else {
            return Err(Error::Msg(format!("pools maps, not {dims:?}")).bt());
        };
        if h * w >= NONE as usize {
            return Err(
                Error::Msg(format!("pools maps of less than 2^32 units, not {h}x{w}")).bt(),
            );
        }
        Ok(Pooling {
            down: Taps::of(window, 0, h)?,
            across: Taps::of(window, 1, w)?,
        })
    }

    fn output(&self) -> usize {
        self.down.output * self.across.output
    }

    /// For each run of outputs that a tap sees in one row: the outputs, and the unit of the first of them.
    #[inline(always)]
    fn runs(&self, mut run: impl FnMut(Range<usize>, usize)) {
        let Pooling { down, across } = self;
        for &top in &down.first {
            for &left in &across.first {
                let columns = across.inside(left);
                if columns.is_empty() {
                    continue;
                }
                let column = across.row(left, columns.start);
                for i in down.inside(top) {
                    let start = i * across.output;
                    let unit = down.row(top, i) * across.input + column;
                    run(start + columns.start..start + columns.end, unit);
                }
            }
        }
    }

    /// The largest unit of each window, a NaN being larger than all.
    #[inline(always)]
    fn values<T: Real>(&self, numbers: &[T], best: &mut [T]) {
        best.fill(T::neg_infinity());
        let stride = self.across.stride;
        self.runs(|outputs, unit| {
            let best = &mut best[outputs];
            let units = &numbers[unit..][..(best.len() - 1) * stride + 1];
            let step = |best: &mut T, x: T| *best = if larger(x, *best) { x } else { *best };
            match stride {
                // neighbours, which vectors take at once
                1 => (best.iter_mut().zip(units)).for_each(|(best, &x)| step(best, x)),
                _ => (0..best.len()).for_each(|i| step(&mut best[i], units[i * stride])),
            }
        });
    }

    /// The first of the largest units of each window.
    #[inline(always)]
    fn units<T: Real>(&self, numbers: &[T], best: &mut [T], at: &mut [u32]) {
        best.fill(T::neg_infinity());
        at.fill(NONE);
        let stride = self.across.stride;
        self.runs(|outputs, unit| {
            let (best, at) = (&mut best[outputs.clone()], &mut at[outputs]);
            let units = &numbers[unit..][..(best.len() - 1) * stride + 1];
            let step = |best: &mut T, at: &mut u32, x: T, i: u32| {
                let takes = larger(x, *best) | (*at == NONE);
                *best = if takes { x } else { *best };
                *at = if takes { i } else { *at };
            };
            let first = unit as u32;
            match stride {
                1 => {
                    let each = best.iter_mut().zip(at).zip(units).zip(first..);
                    each.for_each(|(((best, at), &x), i)| step(best, at, x, i));
                }
                _ => (0..best.len()).for_each(|i| {
                    let unit = first + (i * stride) as u32;
                    step(&mut best[i], &mut at[i], units[i * stride], unit);
                }),
            }
        });
    }
}

/// Whether a number takes another's place: it is larger, or the first NaN.
#[inline(always)]
#[expect(
    clippy::neg_cmp_op_on_partial_ord,
    reason = "a NaN is not at most the other"
)]
fn larger<T: Real>(x: T, best: T) -> bool {
    !(x <= best) & !best.is_nan()
}

/// The largest unit in each window; minus infinity where it sees none.
///
/// # Errors
/// A tensor that is not on the CPU, not contiguous or of another type than f32 and f64.
pub fn forward(window: &Window, x: &Tensor) -> Result<Tensor> {
    let pooling = Pooling::of(window, x.dims())?;
    by_dtype!(x, T => {
        let (n, c, plane) = planes(x);
        let numbers = view::<T>(x)?;
        let mut out = vec![<T as num_traits::Zero>::zero(); n * c * pooling.output()];
        let arch = Arch::new();
        out.par_chunks_mut(pooling.output())
            .zip(numbers.par_chunks(plane))
            .for_each(|(best, numbers)| arch.dispatch(|| pooling.values(numbers, best)));
        tensor(out, &[n, c, pooling.down.output, pooling.across.output])
    })
}

/// The gradient of [`forward`]: all of it goes to the first of the largest units.
///
/// # Errors
/// As [`forward`].
pub fn backward(window: &Window, x: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let pooling = Pooling::of(window, x.dims())?;
    by_dtype!(x, T => {
        let (_, _, plane) = planes(x);
        let zero = <T as num_traits::Zero>::zero();
        let (numbers, gradient) = (view::<T>(x)?, view::<T>(dy)?);
        let arch = Arch::new();
        let mut dx = vec![zero; numbers.len()];
        dx.par_chunks_mut(plane)
            .zip(numbers.par_chunks(plane))
            .zip(gradient.par_chunks(pooling.output()))
            .for_each_init(
                || (vec![zero; pooling.output()], vec![NONE; pooling.output()]),
                |(best, at), ((dx, numbers), gradient)| {
                    arch.dispatch(|| pooling.units(numbers, best, at));
                    for (&unit, &dy) in at.iter().zip(gradient) {
                        if unit != NONE {
                            dx[unit as usize] += dy;
                        }
                    }
                },
            );
        tensor(dx, x.dims())
    })
}

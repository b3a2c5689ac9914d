//! Pooling: the largest unit of a window, the mean of a window or of a map.

use super::layout::{Layout, Maps};
use super::parts::{Cut, LIGHT_UNITS, share};
use super::{LANES, Unit};
use crate::graph::Axis;
use crate::ops::wide::wide;
use std::ops::Range;

/// What a window becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pool {
    Max,
    /// The mean, whose divisor counts zeros around the map or does not.
    Mean {
        count_pad: bool,
    },
}

/// Windows over maps of known size.
pub(super) struct Pooling {
    pub pool: Pool,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    pub axes: [Axis; 2],
    pub input: [usize; 2],
    pub output: Layout,
    cut: Cut,
}

impl Pooling {
    pub fn new(
        pool: Pool,
        window: &crate::graph::Window,
        axes: [Axis; 2],
        input: [usize; 2],
        output: Layout,
    ) -> Pooling {
        Pooling {
            pool,
            kernel: window.kernel,
            stride: window.stride,
            dilation: window.dilation,
            axes,
            input,
            cut: Cut::light(&output),
            output,
        }
    }

    /// The taps of a window that lie on the map, where the first one would lie, and how many lie on the map and its zeros.
    pub fn taps(&self, axis: usize, at: usize) -> (Range<usize>, isize, usize) {
        let (size, apart) = (self.input[axis] as isize, self.dilation[axis]);
        let Axis { before, after, .. } = self.axes[axis];
        let corner = (at * self.stride[axis]) as isize - before as isize;
        let within = |from: isize, to: isize| {
            let first = (from - corner).max(0).unsigned_abs().div_ceil(apart);
            let end = (to - corner)
                .max(0)
                .unsigned_abs()
                .div_ceil(apart)
                .min(self.kernel[axis]);
            first.min(end)..end
        };
        let counted = within(-(before as isize), size + after as isize).len();
        (within(0, size), corner, counted)
    }

    /// Computes the output.
    pub fn run(&self, x: Maps<f32>, out: &mut [Unit<f32>]) {
        let columns: Vec<_> = (0..self.output.width).map(|at| self.taps(1, at)).collect();
        share(&self.output, out, &self.cut, |mut part| {
            part.fill_gaps(0.0);
            for block in part.blocks.clone() {
                for row in part.rows.clone() {
                    let (sample, y) = (row / self.output.height, row % self.output.height);
                    let (down, top, counted) = self.taps(0, y);
                    let row_of = |tap: usize| {
                        let y = top + (tap * self.dilation[0]) as isize;
                        x.row(block, sample * self.input[0] + y as usize)
                    };
                    let out = part.row(block, row);
                    match self.pool {
                        Pool::Max => {
                            out.fill([f32::NEG_INFINITY; LANES]);
                            for tap in down {
                                let x = row_of(tap);
                                wide!(self.widen(x, &columns, out, most));
                            }
                        }
                        Pool::Mean { count_pad } => {
                            out.fill([0.0; LANES]);
                            for tap in down.clone() {
                                let x = row_of(tap);
                                wide!(self.widen(x, &columns, out, |a, b| a + b));
                            }
                            for (out, (across, _, all)) in out.iter_mut().zip(&columns) {
                                let divisor = match count_pad {
                                    true => counted * all,
                                    false => down.len() * across.len(),
                                };
                                let factor = divisor.max(1) as f32;
                                out.iter_mut().for_each(|x| *x /= factor);
                            }
                        }
                    }
                }
            }
        });
    }

    /// Takes a row of the input into a row of the output.
    #[inline(always)]
    fn widen(
        &self,
        x: &[Unit<f32>],
        columns: &[(Range<usize>, isize, usize)],
        out: &mut [Unit<f32>],
        join: impl Fn(f32, f32) -> f32,
    ) {
        for (out, (taps, corner, _)) in out.iter_mut().zip(columns) {
            let mut sum = *out;
            for tap in taps.clone() {
                let x = &x[(corner + (tap * self.dilation[1]) as isize) as usize];
                (0..LANES).for_each(|lane| sum[lane] = join(sum[lane], x[lane]));
            }
            *out = sum;
        }
    }
}

/// The larger number, and NaN where one is NaN.
#[inline(always)]
fn most(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}

/// The mean of each map: the output has one unit a sample.
pub(super) fn mean(x: Maps<f32>, output: &Layout, out: &mut [Unit<f32>]) {
    let (height, width) = (x.layout.height, x.layout.width);
    let divisor = (height * width) as f64;
    let cut = Cut {
        rows: vec![0, output.rows()],
        blocks: output
            .blocks()
            .div_ceil((x.layout.units() / LIGHT_UNITS).clamp(1, 16)),
    };
    share(output, out, &cut, |mut part| {
        part.fill_gaps(0.0);
        for block in part.blocks.clone() {
            for sample in part.rows.clone() {
                let mut total = [0.0f64; LANES];
                for y in 0..height {
                    let units = x.row(block, sample * height + y);
                    wide!({
                        let mut sum = [0.0f32; LANES];
                        for x in units {
                            (0..LANES).for_each(|lane| sum[lane] += x[lane]);
                        }
                        (0..LANES).for_each(|lane| total[lane] += f64::from(sum[lane]));
                    });
                }
                part.row(block, sample)[0] = total.map(|total| (total / divisor) as f32);
            }
        }
    });
}

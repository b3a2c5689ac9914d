//! What gradients become on their way back through layers that have no weights.

use super::super::layout::{Layout, Maps};
use super::super::parts::{Cut, share};
use super::super::pool::{Pool, Pooling};
use super::super::{LANES, Unit};
use crate::ops::wide::wide;
use crate::ops::{SimdWidth, dispatch};
use pulp::{Simd, WithSimd};

/// A gradient handed on; written, or added to what is there.
pub(super) fn pass(dy: Maps<f32>, add: bool, output: &Layout, out: &mut [Unit<f32>]) {
    share(output, out, &Cut::light(output), |mut part| {
        part.fill_gaps(0.0);
        for block in part.blocks.clone() {
            wide!(for row in part.rows.clone() {
                let (dy, out) = (dy.row(block, row), part.row(block, row));
                match add {
                    false => out.copy_from_slice(dy),
                    true => {
                        for (out, dy) in out.iter_mut().zip(dy) {
                            (0..LANES).for_each(|lane| out[lane] += dy[lane]);
                        }
                    }
                }
            });
        }
    });
}

/// A gradient cut, where it stands, where `y` is not positive.
pub(super) fn mask(y: Maps<f32>, output: &Layout, out: &mut [Unit<f32>]) {
    share(output, out, &Cut::light(output), |mut part| {
        for block in part.blocks.clone() {
            for row in part.rows.clone() {
                let (y, out) = (y.row(block, row), part.row(block, row));
                dispatch(Mask { y, out });
            }
        }
    });
}

/// Keeps those numbers of a row where those of another are positive.
struct Mask<'a> {
    y: &'a [Unit<f32>],
    out: &'a mut [Unit<f32>],
}

impl WithSimd for Mask<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let zero = simd.splat_f32s(0.0);
        let y = f32::vectors::<S>(self.y.as_flattened());
        let out = f32::vectors_mut::<S>(self.out.as_flattened_mut());
        for (out, &y) in out.iter_mut().zip(y) {
            *out = simd.select_f32s(simd.less_than_f32s(zero, y), *out, zero);
        }
    }
}

/// Nothing.
pub(super) fn zero(output: &Layout, out: &mut [Unit<f32>]) {
    share(output, out, &Cut::light(output), |mut part| {
        part.fill_gaps(0.0);
        for block in part.blocks.clone() {
            for row in part.rows.clone() {
                part.row(block, row).fill([0.0; LANES]);
            }
        }
    });
}

/// The gradient of each map's mean.
pub(super) fn spread(dy: Maps<f32>, add: bool, output: &Layout, out: &mut [Unit<f32>]) {
    let factor = 1.0 / (output.height * output.width) as f32;
    share(output, out, &Cut::light(output), |mut part| {
        part.fill_gaps(0.0);
        for block in part.blocks.clone() {
            for row in part.rows.clone() {
                let dy = dy.row(block, row / output.height)[0].map(|dy| dy * factor);
                let out = part.row(block, row);
                match add {
                    false => out.fill(dy),
                    true => wide!(for out in out.iter_mut() {
                        (0..LANES).for_each(|lane| out[lane] += dy[lane]);
                    }),
                }
            }
        }
    });
}

/// Phases put together: each has every `stride`-th row and column from its remainder on, and where there is none, nothing
/// is.
pub(super) fn interleave(
    phases: &[([usize; 2], Maps<f32>)],
    stride: [usize; 2],
    add: bool,
    output: &Layout,
    out: &mut [Unit<f32>],
) {
    share(output, out, &Cut::light(output), |mut part| {
        part.fill_gaps(0.0);
        for block in part.blocks.clone() {
            for row in part.rows.clone() {
                let (sample, y) = (row / output.height, row % output.height);
                let out = part.row(block, row);
                if !add {
                    out.fill([0.0; LANES]);
                }
                for ([down, across], phase) in phases {
                    if y % stride[0] != *down || phase.layout.width == 0 {
                        continue;
                    }
                    let x = phase.row(block, sample * phase.layout.height + y / stride[0]);
                    let to = out.iter_mut().skip(*across).step_by(stride[1]);
                    match add {
                        false => to.zip(x).for_each(|(to, x)| *to = *x),
                        true => to.zip(x).for_each(|(to, x)| {
                            (0..LANES).for_each(|lane| to[lane] += x[lane]);
                        }),
                    }
                }
            }
        }
    });
}

/// The gradient of a pooling's input: of the largest, all to the first of them; of a mean, its share to each.
pub(super) fn pooled(
    pooling: &Pooling,
    [x, y]: [Maps<f32>; 2],
    dy: Maps<f32>,
    add: bool,
    output: &Layout,
    out: &mut [Unit<f32>],
) {
    let columns: Vec<_> = (0..y.layout.width).map(|at| pooling.taps(1, at)).collect();
    let light = Cut::light(output);
    // a part has whole maps
    let parts = (light.rows.len() - 1).min(output.samples);
    let cut = Cut {
        rows: (0..=parts)
            .map(|i| output.samples * i / parts * output.height)
            .collect(),
        blocks: light.blocks,
    };
    share(output, out, &cut, |mut part| {
        part.fill_gaps(0.0);
        for block in part.blocks.clone() {
            if !add {
                for row in part.rows.clone() {
                    part.row(block, row).fill([0.0; LANES]);
                }
            }
            let samples = part.rows.start / output.height..part.rows.end / output.height;
            for sample in samples {
                for at in 0..y.layout.height {
                    let (down, top, counted) = pooling.taps(0, at);
                    let row = sample * y.layout.height + at;
                    let row_of = |tap: usize| {
                        let y = top + (tap * pooling.dilation[0]) as isize;
                        sample * output.height + y as usize
                    };
                    let of = |j: usize, tap: usize| {
                        (columns[j].1 + (tap * pooling.dilation[1]) as isize) as usize
                    };
                    let dy = dy.row(block, row);
                    match pooling.pool {
                        Pool::Max => {
                            // what of each gradient has not found its unit yet
                            let mut left = dy.to_vec();
                            let y = y.row(block, row);
                            for tap in down.clone() {
                                dispatch(First {
                                    x: x.row(block, row_of(tap)),
                                    y,
                                    left: &mut left,
                                    out: part.row(block, row_of(tap)),
                                    of: |j: usize| columns[j].0.clone().map(move |tap| of(j, tap)),
                                });
                            }
                        }
                        Pool::Mean { count_pad } => {
                            for tap in down.clone() {
                                let out = part.row(block, row_of(tap));
                                wide!(for (j, dy) in dy.iter().enumerate() {
                                    let (across, _, all) = &columns[j];
                                    let divisor = match count_pad {
                                        true => counted * all,
                                        false => down.len() * across.len(),
                                    };
                                    let factor = 1.0 / divisor.max(1) as f32;
                                    for tap in across.clone() {
                                        let out = &mut out[of(j, tap)];
                                        (0..LANES).for_each(|lane| out[lane] += dy[lane] * factor);
                                    }
                                });
                            }
                        }
                    }
                }
            }
        }
    });
}

/// Gives what is left of the gradients of a row of largest units to those of a row of the input that are the largest, or
/// not a number: `of` says which ones each is the largest of.
struct First<'a, F> {
    x: &'a [Unit<f32>],
    y: &'a [Unit<f32>],
    left: &'a mut [Unit<f32>],
    out: &'a mut [Unit<f32>],
    of: F,
}

impl<I: Iterator<Item = usize>, F: Fn(usize) -> I> WithSimd for First<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let zero = simd.splat_f32s(0.0);
        for (j, (left, y)) in self.left.iter_mut().zip(self.y).enumerate() {
            for at in (self.of)(j) {
                let (x, out) = (&self.x[at], &mut self.out[at]);
                let vectors = f32::vectors::<S>(x).iter().zip(f32::vectors::<S>(y));
                let to = f32::vectors_mut::<S>(left).iter_mut();
                let to = to.zip(f32::vectors_mut::<S>(out));
                for ((&x, &y), (left, out)) in vectors.zip(to) {
                    let (found, is_number) = (simd.equal_f32s(x, y), simd.equal_f32s(x, x));
                    let given = simd.select_f32s(found, *left, zero);
                    let given = simd.select_f32s(is_number, given, *left);
                    let kept = simd.select_f32s(found, zero, *left);
                    *left = simd.select_f32s(is_number, kept, zero);
                    *out = simd.add_f32s(*out, given);
                }
            }
        }
    }
}

/// The gradient of maps from that of the vector of their units.
pub(super) fn unflatten(dy: &[Unit<f32>], add: bool, output: &Layout, out: &mut [Unit<f32>]) {
    let (height, width, samples) = (output.height, output.width, output.samples);
    share(output, out, &Cut::light(output), |mut part| {
        part.fill_gaps(0.0);
        for block in part.blocks.clone() {
            for row in part.rows.clone() {
                let (sample, y) = (row / height, row % height);
                for (i, out) in part.row(block, row).iter_mut().enumerate() {
                    let dy = dy[((block * height + y) * width + i) * samples + sample];
                    match add {
                        false => *out = dy,
                        true => (0..LANES).for_each(|lane| out[lane] += dy[lane]),
                    }
                }
            }
        }
    });
}

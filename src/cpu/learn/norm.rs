//! Batch normalisation by the statistics of the batch, and its gradients.

use super::super::layout::{Layout, Maps};
use super::super::parts::{Cut, Part, share};
use super::super::{LANES, Unit};
use crate::ops::wide::wide;
use crate::ops::{SimdWidth, dispatch};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

/// Units whose sums are one part.
const PART: usize = 1 << 12;

/// Parts of a block, at most.
const MOST: usize = 16;

/// What is known of each lane of a normalised value.
#[derive(Default)]
pub(super) struct Lanes {
    pub mean: Vec<Unit<f32>>,
    /// Weight over standard deviation.
    pub scale: Vec<Unit<f32>>,
    pub bias: Vec<Unit<f32>>,
    /// One over standard deviation.
    pub inverse: Vec<Unit<f64>>,
}

/// Numbers in lanes by channel.
pub(super) fn of_channels<T: Copy>(
    lanes: &[Unit<T>],
    layout: &Layout,
    channels: usize,
    zero: T,
) -> Vec<T> {
    let mut numbers = vec![zero; channels];
    for (channel, block, lane) in layout.channels() {
        numbers[channel] = lanes[block][lane];
    }
    numbers
}

/// The sums of each block, as many as `of` says of some rows: those of parts one after the other.
fn sums<const SUMS: usize>(
    layout: &Layout,
    of: impl Fn(usize, Range<usize>) -> [Unit<f64>; SUMS] + Sync,
) -> Vec<[Unit<f64>; SUMS]> {
    let rows = layout.rows();
    let parts = (rows * layout.width / PART).clamp(1, MOST).min(rows.max(1));
    let all: Vec<[Unit<f64>; SUMS]> = (0..layout.blocks() * parts)
        .into_par_iter()
        .with_max_len(1)
        .map(|i| {
            let (block, i) = (i / parts, i % parts);
            of(block, rows * i / parts..rows * (i + 1) / parts)
        })
        .collect();
    let joined = all.chunks_exact(parts).map(|parts| {
        let mut total = parts[0];
        for part in &parts[1..] {
            for (total, part) in total.iter_mut().zip(part) {
                (0..LANES).for_each(|lane| total[lane] += part[lane]);
            }
        }
        total
    });
    joined.collect()
}

/// Mean and variance of each lane.
pub(super) fn statistics(x: Maps<f32>) -> [Vec<Unit<f32>>; 2] {
    let units = (x.layout.rows() * x.layout.width) as f64;
    // sums of differences to the first unit, so that squares of a large mean do not hide them
    let sums = sums::<2>(x.layout, |block, rows| {
        let first = x.row(block, 0)[0];
        wide!({
            let (mut sum, mut squares) = ([0.0; LANES], [0.0; LANES]);
            for unit in rows.clone().flat_map(|row| x.row(block, row)) {
                for lane in 0..LANES {
                    let far = f64::from(unit[lane] - first[lane]);
                    sum[lane] += far;
                    squares[lane] += far * far;
                }
            }
            [sum, squares]
        })
    });
    let each = |block: usize, lane: usize| {
        let [sum, squares] = &sums[block];
        let mean = sum[lane] / units;
        let variance = (squares[lane] / units - mean * mean).max(0.0);
        [
            (mean + f64::from(x.row(block, 0)[0][lane])) as f32,
            variance as f32,
        ]
    };
    let lanes = |i: usize| -> Vec<Unit<f32>> {
        let blocks = 0..x.layout.blocks();
        blocks
            .map(|block| std::array::from_fn(|lane| each(block, lane)[i]))
            .collect()
    };
    [lanes(0), lanes(1)]
}

/// The normalised value, plus the unit of `add`, and with `relu` nothing negative.
pub(super) fn forward(
    lanes: &Lanes,
    x: Maps<f32>,
    add: Option<Maps<f32>>,
    relu: bool,
    output: &Layout,
    out: &mut [Unit<f32>],
) {
    share(output, out, &Cut::light(output), |part| {
        dispatch(Forward {
            lanes,
            x,
            add,
            relu,
            part,
        });
    });
}

/// A part of a normalised value.
struct Forward<'a> {
    lanes: &'a Lanes,
    x: Maps<'a, f32>,
    add: Option<Maps<'a, f32>>,
    relu: bool,
    part: Part<'a, f32>,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (lanes, mut part) = (self.lanes, self.part);
        part.fill_gaps(0.0);
        for block in part.blocks.clone() {
            let [mean, scale, bias] = [&lanes.mean, &lanes.scale, &lanes.bias]
                .map(|lanes| f32::vectors::<S>(&lanes[block]));
            for row in part.rows.clone() {
                let add = self.add.map(|add| add.row(block, row));
                let (x, out) = (self.x.row(block, row), part.row(block, row));
                for (i, (out, x)) in out.iter_mut().zip(x).enumerate() {
                    let (out, x) = (f32::vectors_mut::<S>(out), f32::vectors::<S>(x));
                    for v in 0..out.len() {
                        let mut y = simd.sub_f32s(x[v], mean[v]);
                        y = simd.add_f32s(simd.mul_f32s(y, scale[v]), bias[v]);
                        if let Some(add) = add {
                            y = simd.add_f32s(f32::vectors::<S>(&add[i])[v], y);
                        }
                        out[v] = if self.relu { f32::cut(simd, y) } else { y };
                    }
                }
            }
        }
    }
}

/// The gradients of weight and bias, in lanes; the input's is written, or added to what is there. Where `relu` followed at
/// once, `dy` is the gradient of that; `of_batch` says that the statistics move with the input.
pub(super) fn backward(
    lanes: &Lanes,
    x: Maps<f32>,
    dy: Maps<f32>,
    [relu, of_batch]: [bool; 2],
    (dx, add): (&Layout, bool),
    out: Option<&mut [Unit<f32>]>,
) -> [Vec<Unit<f32>>; 2] {
    let units = (x.layout.rows() * x.layout.width) as f64;
    let sums = sums::<2>(x.layout, |block, rows| {
        let (mean, scale, bias) = (lanes.mean[block], lanes.scale[block], lanes.bias[block]);
        let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
        wide!({
            let (mut total, mut along) = ([0.0; LANES], [0.0; LANES]);
            for row in rows.clone() {
                for (x, dy) in x.row(block, row).iter().zip(dy.row(block, row)) {
                    for lane in 0..LANES {
                        let far = x[lane] - mean[lane];
                        let open = far * scale[lane] + bias[lane] > floor;
                        let dy = if open { dy[lane] } else { 0.0 };
                        total[lane] += f64::from(dy);
                        along[lane] += f64::from(far) * f64::from(dy);
                    }
                }
            }
            [total, along]
        })
    });
    let inverse = |block: usize| lanes.inverse[block];
    if let Some(out) = out {
        // dx = factor * (dy - shift - (x - mean) * projected)
        let terms: Vec<[Unit<f32>; 2]> = (sums.iter().enumerate())
            .map(|(block, [total, along])| {
                let inverse = inverse(block);
                let term = |of: f64| if of_batch { of as f32 } else { 0.0 };
                [
                    std::array::from_fn(|lane| term(total[lane] / units)),
                    std::array::from_fn(|lane| {
                        term(along[lane] / units * inverse[lane] * inverse[lane])
                    }),
                ]
            })
            .collect();
        share(dx, out, &Cut::light(dx), |mut part| {
            part.fill_gaps(0.0);
            let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
            for block in part.blocks.clone() {
                let (mean, scale, bias) =
                    (lanes.mean[block], lanes.scale[block], lanes.bias[block]);
                let [shift, projected] = terms[block];
                // what stood there counts once or not at all
                macro_rules! write {
                    ($out:ident, $dx:ident, $number:expr) => {
                        wide!(for row in part.rows.clone() {
                            let (x, dy) = (x.row(block, row), dy.row(block, row));
                            for (($out, x), dy) in part.row(block, row).iter_mut().zip(x).zip(dy) {
                                for lane in 0..LANES {
                                    let far = x[lane] - mean[lane];
                                    let open = far * scale[lane] + bias[lane] > floor;
                                    let dy = if open { dy[lane] } else { 0.0 };
                                    let $dx =
                                        scale[lane] * (dy - shift[lane] - far * projected[lane]);
                                    let $out = &mut $out[lane];
                                    *$out = $number;
                                }
                            }
                        })
                    };
                }
                match add {
                    false => write!(out, dx, dx),
                    true => write!(out, dx, *out + dx),
                }
            }
        });
    }
    let (mut weight, mut bias) = (Vec::new(), Vec::new());
    for (block, [total, along]) in sums.iter().enumerate() {
        let inverse = inverse(block);
        weight.push(std::array::from_fn(|lane| {
            (along[lane] * inverse[lane]) as f32
        }));
        bias.push(total.map(|total| total as f32));
    }
    [weight, bias]
}

/// The sum of each lane.
pub(super) fn totals(x: Maps<f32>) -> Vec<Unit<f32>> {
    let sums = sums::<1>(x.layout, |block, rows| {
        wide!({
            let mut sum = [0.0; LANES];
            for x in rows.clone().flat_map(|row| x.row(block, row)) {
                (0..LANES).for_each(|lane| sum[lane] += f64::from(x[lane]));
            }
            [sum]
        })
    });
    let rounded = sums.into_iter().map(|[sum]| sum.map(|sum| sum as f32));
    rounded.collect()
}

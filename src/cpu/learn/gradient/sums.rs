//! The sums of tiles over rows, in registers.

use super::{STRIP, Tile, WeightGradient};
use crate::cpu::direct::Source;
use crate::cpu::{LANES, Unit};
use crate::ops::SimdWidth;
use pulp::{Simd, WithSimd};
use std::marker::PhantomData;
use std::ops::Range;

/// Some rows of some tiles.
pub(super) struct Task<'a> {
    pub of: &'a WeightGradient,
    pub x: &'a [f32],
    pub dy: &'a [Unit<f32>],
    pub rows: Range<usize>,
    pub tiles: &'a [Tile],
    pub sums: &'a mut [Unit<f32>],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Task {
            of,
            x,
            dy,
            rows,
            tiles,
            sums,
        } = self;
        let Some(first) = tiles.first() else { return };
        let [down, across] = of.taps.kernel;
        let step = (STRIP / of.output.width.max(1)).max(1);
        for from in rows.clone().step_by(step) {
            let strip = from..rows.end.min(from + step);
            for tile in tiles {
                let at = tile.at - first.at;
                let taps = match of.source {
                    Source::Blocks(_) => down * across,
                    Source::Planes(..) => 1,
                };
                for tap in 0..taps {
                    let some = Sums {
                        of,
                        x,
                        dy,
                        tile,
                        tap,
                        rows: strip.clone(),
                        sums: &mut sums[at..],
                    };
                    some.run(simd);
                }
            }
        }
    }
}

/// The sums of a tile at one place of the window over some rows.
struct Sums<'a> {
    of: &'a WeightGradient,
    x: &'a [f32],
    dy: &'a [Unit<f32>],
    tile: &'a Tile,
    tap: usize,
    rows: Range<usize>,
    sums: &'a mut [Unit<f32>],
}

impl Sums<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let lanes = match self.of.source {
            Source::Blocks(_) => LANES,
            Source::Planes(..) => self.of.taps.kernel[1],
        };
        let both = self.tile.blocks.len() == 2;
        let mut lane = 0;
        macro_rules! sums {
            ($count:literal, $vectors:literal, $block:expr) => {
                while lanes - lane >= $count {
                    let (some, block) = (&mut self, $block);
                    simd.vectorize(Few::<$count, $vectors> { some, lane, block });
                    lane += $count;
                }
            };
        }
        if Width::<S>::BLOCK == 1 {
            if both {
                sums!(8, 2, 0);
                sums!(7, 2, 0);
                sums!(3, 2, 0);
                sums!(1, 2, 0);
            } else {
                sums!(16, 1, 0);
                sums!(5, 1, 0);
                sums!(1, 1, 0);
            }
            return;
        }
        for block in 0..self.tile.blocks.len() {
            lane = 0;
            if Width::<S>::BLOCK == 2 {
                sums!(4, 2, block);
                sums!(1, 2, block);
            } else if Width::<S>::BLOCK == 4 {
                sums!(2, 4, block);
                sums!(1, 4, block);
            } else if Width::<S>::BLOCK == 8 {
                sums!(1, 8, block);
            } else {
                sums!(1, 16, block);
            }
        }
    }
}

/// What is known of vectors when a kernel is compiled, so that nothing is compiled for those that are not there.
struct Width<S>(PhantomData<S>);

impl<S: Simd> Width<S> {
    /// Vectors of a block.
    const BLOCK: usize = size_of::<Unit<f32>>() / size_of::<S::f32s>();
}

/// The sums of `I` lanes of the input by `NV` vectors of the output.
struct Few<'a, 's, const I: usize, const NV: usize> {
    some: &'a mut Sums<'s>,
    lane: usize,
    block: usize,
}

impl<const I: usize, const NV: usize> WithSimd for Few<'_, '_, I, NV> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Few { some, lane, block } = self;
        let (of, tile) = (some.of, some.tile);
        let each = Width::<S>::BLOCK;
        let output = &of.output;
        let [down, across] = of.taps.kernel;
        let (input, unit, plane, ky, kx) = match &of.source {
            Source::Blocks(layout) => {
                let (ky, kx) = (some.tap / across, some.tap % across);
                (layout, LANES, tile.source, ky, kx)
            }
            Source::Planes(layout, _) => (layout, 1, tile.source / down, tile.source % down, 0),
        };
        let before = of.taps.before;
        // columns of the output that see a column of the input, or the zeros beside it
        let shift = (kx * of.taps.dilation[1]) as isize - before[1] as isize;
        let stride = of.taps.stride[1];
        let columns = match unit {
            1 => 0..output.width,
            _ => {
                let first = (-shift).max(0).unsigned_abs().div_ceil(stride);
                let end = (input.width as isize - shift).max(0).unsigned_abs();
                first..end.div_ceil(stride).min(output.width)
            }
        };
        let apart = stride * unit;
        let zero = simd.splat_f32s(0.0);
        let mut sums = [[zero; NV]; I];
        let (mut sample, mut y) = (
            some.rows.start / output.height,
            some.rows.start % output.height,
        );
        let block_units = output.block();
        let first = tile.blocks.start + block;
        if columns.is_empty() {
            return;
        }
        for row in some.rows.clone() {
            let from = (y * of.taps.stride[0] + ky * of.taps.dilation[0]).wrapping_sub(before[0]);
            if from < input.height {
                let at = plane * input.block() + input.row(sample * input.height + from);
                let at = (at + columns.start * stride).wrapping_add_signed(shift) * unit + lane;
                let x = &some.x[at..][..(columns.len() - 1) * apart + I];
                let dy = |block: usize| {
                    let at = (first + block) * block_units + output.row(row) + columns.start;
                    &some.dy[at..][..columns.len()]
                };
                // one block, or two of one vector each
                let (one, two) = (dy(0), if each < NV { dy(1) } else { dy(0) });
                for (i, (one, two)) in one.iter().zip(two).enumerate() {
                    let x = &x[i * apart..][..I];
                    let (one, two) = (f32::vectors::<S>(one), f32::vectors::<S>(two));
                    let dy: [S::f32s; NV] =
                        std::array::from_fn(|v| if v < each { one[v] } else { two[v - each] });
                    for i in 0..I {
                        let x = simd.splat_f32s(x[i]);
                        for v in 0..NV {
                            sums[i][v] = simd.mul_add_e_f32s(x, dy[v], sums[i][v]);
                        }
                    }
                }
            }
            y += 1;
            if y == output.height {
                (sample, y) = (sample + 1, 0);
            }
        }
        let of_block = match unit {
            1 => across,
            _ => down * across * LANES,
        };
        for (i, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                let at = (block + v / each) * of_block + some.tap * LANES + lane + i;
                let to = &mut f32::vectors_mut::<S>(&mut some.sums[at])[v % each];
                *to = simd.add_f32s(*to, sum);
            }
        }
    }
}

//! The innermost loop: the sums of some neighbouring units of a row by some vectors of output channels stay in registers
//! while their terms go by.

use super::{LANES, Unit};
use crate::ops::Real;
use crate::ops::simd::prefetch;
use pulp::{Simd, WithSimd};
use std::marker::PhantomData;

/// Bytes of weights from those that are read to those that are fetched. They were read by no pass since the last one, so
/// that they come from memory, and what fetches ahead by itself does not keep up with them.
const AHEAD: usize = 16 << 10;

/// Terms of a partial sum.
const PARTIAL: usize = 256;

/// Some neighbouring units of an output, for one or two of its blocks, and what they are the sums of: for each of
/// `places`, some numbers from there on for each unit, by as many rows of weights.
pub(super) struct Line<'a, T> {
    pub numbers: &'a [T],
    /// Where the first unit's numbers begin; the corner of a window may lie in front of all numbers, as what is
    /// negative wraps around, and its first term does not.
    pub from: usize,
    /// Numbers from a unit to the next, where that is no constant of the kernel.
    pub apart: usize,
    pub places: &'a [usize],
    /// `[place][number][block]`, and more.
    pub weights: &'a [Unit<T>],
    /// What the sums of each block begin with.
    pub shift: &'a [Unit<T>],
    /// What is added to each block in the end.
    pub add: Option<[&'a [Unit<T>]; 2]>,
    pub relu: bool,
    /// Whether the units are added to what stands in the output.
    pub sum: bool,
    /// The units of each block.
    pub out: [&'a mut [Unit<T>]; 2],
}

/// A distance of units for which there are no tiles: one unit is computed at a time.
pub(super) const ANY: usize = 0;

impl<T: Real> Line<'_, T> {
    /// Computes the units, which are `D` numbers apart or [`ANY`], with `L` numbers a place.
    #[inline(always)]
    pub fn run<S: Simd, const D: usize, const L: usize>(self, simd: S, blocks: usize) {
        if Width::<S, T, 1>::BLOCK == 1 {
            match blocks {
                1 => self.wide::<S, 1, D, L>(simd),
                _ => self.wide::<S, 2, D, L>(simd),
            }
        } else if Width::<S, T, 2>::BLOCK == 2 {
            self.wide::<S, 2, D, L>(simd);
        } else if Width::<S, T, 4>::BLOCK == 4 {
            self.wide::<S, 4, D, L>(simd);
        } else if Width::<S, T, 8>::BLOCK == 8 {
            self.wide::<S, 8, D, L>(simd);
        } else {
            self.wide::<S, 16, D, L>(simd);
        }
    }

    /// With rows of weights that are `NV` vectors wide: in tiles of as many units as leave registers for weights and a
    /// factor.
    #[inline(always)]
    fn wide<S: Simd, const NV: usize, const D: usize, const L: usize>(mut self, simd: S) {
        let length = self.out[0].len();
        let mut at = 0;
        if D == ANY {
            self.tiles::<S, NV, 1, D, L>(simd, &mut at, length);
        } else if Width::<S, T, NV>::LONG {
            // fifteen are eight and seven, sixteen twice eight
            let long = match length % 14 {
                rest @ (1 | 2) => length.saturating_sub(14 + rest),
                _ => length,
            };
            self.tiles::<S, NV, 14, D, L>(simd, &mut at, long);
            self.tiles::<S, NV, 8, D, L>(simd, &mut at, length);
            self.tiles::<S, NV, 7, D, L>(simd, &mut at, length);
            self.tiles::<S, NV, 4, D, L>(simd, &mut at, length);
            self.tiles::<S, NV, 2, D, L>(simd, &mut at, length);
            self.tiles::<S, NV, 1, D, L>(simd, &mut at, length);
        } else if Width::<S, T, NV>::SHORT {
            self.tiles::<S, NV, 6, D, L>(simd, &mut at, length);
            self.tiles::<S, NV, 4, D, L>(simd, &mut at, length);
            self.tiles::<S, NV, 2, D, L>(simd, &mut at, length);
            self.tiles::<S, NV, 1, D, L>(simd, &mut at, length);
        } else {
            self.tiles::<S, NV, 1, D, L>(simd, &mut at, length);
        }
    }

    /// As many tiles of `W` units as there is room for up to `end`, from `at` on.
    #[inline(always)]
    fn tiles<S: Simd, const NV: usize, const W: usize, const D: usize, const L: usize>(
        &mut self,
        simd: S,
        at: &mut usize,
        end: usize,
    ) {
        let count = end.saturating_sub(*at) / W;
        if count > 0 {
            // a function of its own, so that the compiler has few registers to think of
            simd.vectorize(Tiles::<T, NV, W, D, L> {
                line: self,
                at: *at,
                count,
            });
            *at += count * W;
        }
    }
}

/// What is known of tiles when a kernel is compiled, so that nothing is compiled for those that it does not use.
struct Width<S, T, const NV: usize>(PhantomData<(S, T)>);

impl<S: Simd, T: Real, const NV: usize> Width<S, T, NV> {
    /// Vectors of a block.
    const BLOCK: usize = LANES * size_of::<T>() / size_of::<T::Of<S>>();
    /// Lines of the cache that a row of weights takes, at least one.
    const LINES: usize = (NV * size_of::<T::Of<S>>()).div_ceil(64);
    /// Whether fourteen units by `NV` vectors stay in registers.
    const LONG: bool = S::REGISTER_COUNT >= 32 && NV <= 2;
    /// Whether six do.
    const SHORT: bool = S::REGISTER_COUNT >= 16 && NV <= 2 || S::REGISTER_COUNT >= 32 && NV <= 4;
}

/// Some tiles of `W` units.
struct Tiles<'a, 'l, T, const NV: usize, const W: usize, const D: usize, const L: usize> {
    line: &'a mut Line<'l, T>,
    at: usize,
    count: usize,
}

impl<T: Real, const NV: usize, const W: usize, const D: usize, const L: usize> WithSimd
    for Tiles<'_, '_, T, NV, W, D, L>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Tiles { line, at, count } = self;
        let each = Width::<S, T, NV>::BLOCK;
        let apart = if D == ANY { line.apart } else { D };
        let weights = T::vectors::<S>(line.weights.as_flattened());
        let shift = T::vectors::<S>(line.shift.as_flattened());
        let start: [T::Of<S>; NV] = std::array::from_fn(|v| shift[v]);
        for at in (at..at + count * W).step_by(W) {
            let from = line.from.wrapping_add(at * apart);
            let sums =
                sums::<S, T, NV, W, D, L>(simd, line.numbers, from, line.places, weights, start);
            for block in 0..NV / each {
                let out = &mut line.out[block][at..][..W];
                let add = line.add.map(|add| &add[block][at..][..W]);
                for (i, out) in out.iter_mut().enumerate() {
                    let out = T::vectors_mut::<S>(out);
                    for v in 0..each {
                        let mut y = sums[i][block * each + v];
                        if let Some(add) = add {
                            y = T::plus(simd, y, T::vectors::<S>(&add[i])[v]);
                        }
                        if line.sum {
                            y = T::plus(simd, y, out[v]);
                        }
                        out[v] = if line.relu { T::cut(simd, y) } else { y };
                    }
                }
            }
        }
    }
}

/// The sums of `W` units, each begun with those of `start`.
#[inline(always)]
fn sums<S: Simd, T: Real, const NV: usize, const W: usize, const D: usize, const L: usize>(
    simd: S,
    numbers: &[T],
    from: usize,
    places: &[usize],
    weights: &[T::Of<S>],
    start: [T::Of<S>; NV],
) -> [[T::Of<S>; NV]; W] {
    let ahead = AHEAD / size_of::<T::Of<S>>();
    let zero = T::splat(simd, T::zero());
    let mut total = [start; W];
    let parts = places.chunks(PARTIAL / L);
    for (places, weights) in parts.zip(weights.chunks(PARTIAL * NV)) {
        let mut sums = [[zero; NV]; W];
        for (&place, weights) in places.iter().zip(weights.chunks_exact(L * NV)) {
            let x = &numbers[from.wrapping_add(place)..][..(W - 1) * D + L];
            for lane in 0..L {
                for line in 0..Width::<S, T, NV>::LINES {
                    prefetch(
                        weights,
                        lane * NV + line * NV / Width::<S, T, NV>::LINES + ahead,
                    );
                }
                let weights: [_; NV] = std::array::from_fn(|v| weights[lane * NV + v]);
                for (i, sums) in sums.iter_mut().enumerate() {
                    let x = T::splat(simd, x[i * D + lane]);
                    for v in 0..NV {
                        sums[v] = T::times_plus(simd, x, weights[v], sums[v]);
                    }
                }
            }
        }
        for (total, sums) in total.iter_mut().zip(sums) {
            for v in 0..NV {
                total[v] = T::plus(simd, total[v], sums[v]);
            }
        }
    }
    total
}

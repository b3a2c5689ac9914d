//! The innermost loops of a product: tiles of up to 8 rows by two vectors, or 16 by one, whose sums stay in registers
//! over a part of the terms. Where there are sixteen registers only, 6 rows by two, or 12 by one.

#![allow(unsafe_code)]

use super::{Left, Part};
use crate::ops::cpu::Real;
use crate::ops::packed::ColumnBlock;
use pulp::Simd;
use std::ops::Range;

/// Whether sixteen sums and what they are made of stay in registers, as with AVX-512; AVX2 has sixteen in all.
const fn many<S: Simd>() -> bool {
    S::REGISTER_COUNT >= 32
}

/// What a part of the terms adds to the sums of a block `WIDE` vectors wide.
pub(super) struct Tiles<'a, S: Simd, T: Real, const WIDE: usize> {
    simd: S,
    left: &'a Left<'a, T>,
    part: &'a Part<'a>,
    /// What the block has for the part.
    right: &'a [T::Of<S>],
}

impl<'a, S: Simd, T: Real, const WIDE: usize> Tiles<'a, S, T, WIDE> {
    #[inline(always)]
    pub(super) fn new(
        simd: S,
        left: &'a Left<'a, T>,
        part: &'a Part<'a>,
        block: ColumnBlock<'a, T>,
    ) -> Self {
        let count = part.repeats.len() * part.terms.len();
        let right = T::vectors::<S>(block.numbers);
        Tiles {
            simd,
            left,
            part,
            right: &right[part.first * WIDE..][..count * WIDE],
        }
    }

    /// Adds to the sums of some rows, which the first part begins.
    #[inline(always)]
    pub(super) fn add(&self, rows: &Range<usize>, sums: &mut [T]) {
        let sums = T::vectors_mut::<S>(sums);
        let mut row = rows.start;
        while row < rows.end {
            let sums = &mut sums[(row - rows.start) * WIDE..];
            row += self.next(row, rows.end - row, sums);
        }
    }

    /// The next tile: as many rows as leave registers for the vectors and the number that they are multiplied
    /// with (with one vector more of them, so that as many sums go on at once), and so that few of the rows
    /// that are `left` go to a small tile at the end.
    #[inline(always)]
    fn next(&self, row: usize, left: usize, sums: &mut [T::Of<S>]) -> usize {
        match WIDE {
            1 => match left {
                14.. if many::<S>() && left.is_multiple_of(14) => self.tile::<14>(row, sums),
                16.. if many::<S>() => self.tile::<16>(row, sums),
                12.. if left.is_multiple_of(12) => self.tile::<12>(row, sums),
                10 | 17.. => self.tile::<10>(row, sums),
                8.. => self.tile::<8>(row, sums),
                4.. => self.tile::<4>(row, sums),
                2.. => self.tile::<2>(row, sums),
                _ => self.tile::<1>(row, sums),
            },
            _ => match left {
                // seven rows where that divides the work, as it does on maps of 7, 14, 28 and 56 units
                7.. if many::<S>() && left.is_multiple_of(7) => self.tile::<7>(row, sums),
                8.. if many::<S>() => self.tile::<8>(row, sums),
                6.. if left.is_multiple_of(6) => self.tile::<6>(row, sums),
                5 | 7 | 9.. => self.tile::<5>(row, sums),
                4.. => self.tile::<4>(row, sums),
                2.. => self.tile::<2>(row, sums),
                _ => self.tile::<1>(row, sums),
            },
        }
    }

    /// Adds a part to the sums of `ROWS` rows from `row` on; returns how many that are.
    #[inline(always)]
    fn tile<const ROWS: usize>(&self, row: usize, sums: &mut [T::Of<S>]) -> usize {
        let rows: [usize; ROWS] = self.left.rows[row..][..ROWS]
            .try_into()
            .expect("a slice of that length");
        let apart = (1..ROWS).any(|i| rows[i] != rows[0] + i);
        // neighbours need one address
        let tile = match apart {
            false => self.sums::<ROWS>(|term, i| rows[0] + term + i),
            true => self.sums::<ROWS>(|term, i| rows[i] + term),
        };
        let sums = &mut sums[..ROWS * WIDE];
        match self.part.first {
            0 => sums.copy_from_slice(tile.as_flattened()),
            _ => {
                for (sum, of_part) in sums.iter_mut().zip(tile.as_flattened()) {
                    *sum = T::plus(self.simd, *sum, *of_part);
                }
            }
        }
        ROWS
    }

    /// The sums of a tile over a part; `place` is the place of a term in a row, as an offset of both lists.
    #[inline(always)]
    fn sums<const ROWS: usize>(
        &self,
        place: impl Fn(usize, usize) -> usize,
    ) -> [[T::Of<S>; WIDE]; ROWS] {
        let (simd, part) = (self.simd, self.part);
        let mut sums = [[T::splat(simd, T::zero()); WIDE]; ROWS];
        let of_repeats = self.right.chunks_exact(part.terms.len() * WIDE);
        for (again, right) in part.repeats.clone().zip(of_repeats) {
            let numbers = &self.left.numbers[again * self.left.step..];
            for (&term, right) in part.terms.iter().zip(right.chunks_exact(WIDE)) {
                for (i, sums) in sums.iter_mut().enumerate() {
                    // SAFETY: `Left::new` has compared the largest row plus the largest term behind
                    // the last step with the length
                    let x = unsafe { *numbers.get_unchecked(place(term, i)) };
                    let x = T::splat(simd, x);
                    for v in 0..WIDE {
                        sums[v] = T::times_plus(simd, x, right[v], sums[v]);
                    }
                }
            }
        }
        sums
    }
}

//! The one kernel under convolution and its two gradients: a matrix product whose left operand is
//! read through offsets.
//!
//! `out[column][row] = sum over terms of left[rows[row] + terms[term]] * right[term][column]`
//!
//! | | rows | terms | columns |
//! |---|---|---|---|
//! | forward | output units | taps of all input maps | output maps |
//! | input gradient | input units | taps of all output maps | input maps |
//! | weight gradient | taps of all input maps | output units of all samples | output maps |
//!
//! No patch matrix is ever made: the left operand is the (padded) map itself, read one number at a
//! time and multiplied by vectors of the right operand, which is packed so that a block of columns
//! is contiguous.
//!
//! The work goes on in four loops. A *strip* of rows takes one *part* of the terms after the other, and of each
//! part one *block* of columns after the other: so what the left operand has for a part is in the second cache for
//! all blocks but the first, and what the right one has for it is read from the first cache by all *tiles* of the
//! strip. The sums of a strip are then written.
//!
//! Each output is the sum of its terms in order, in partial sums of some [`PARTIAL`] terms: no matter how
//! many threads share the work, and with a smaller rounding error than one long sum.

mod tile;
mod write;

use super::cpu::Real;
use super::packed::{Blocks, VECTORS};
use super::simd::dispatch;
use super::uninit::UninitChunk;
use pulp::{Simd, WithSimd};
use std::ops::Range;
use tile::Tiles;

/// Terms of a partial sum: those of two vectors of AVX2 fill half of a first cache.
const PARTIAL: usize = 256;

/// The same where each term of a row stands in a line of the cache by itself, as those of a 1x1 convolution do: of
/// such lines, those of a tile fill as much as the vectors.
const APART: usize = 128;

/// Numbers that are within a line of 64 bytes.
const LINE: usize = 16;

/// Rows of a strip: a multiple of what tiles have, with sums that fit the second cache beside all else.
pub(super) const STRIP: usize = 336;

/// Where sums are written, and what they become: into the columns of a block, and where these are shorter than the
/// rows are many, then into those of the next rows, and so on.
pub(super) enum To<'a, 'o, T> {
    /// For each row a place in its column.
    Places(&'a [usize], Vec<&'o mut [T]>),
    /// In order, added to what stands there.
    Itself(Vec<&'o mut [T]>),
    /// In order, each plus the number of its column, if columns have one.
    New(Option<&'a [T]>, Vec<UninitChunk<'o, T>>),
}

/// A left operand and how it is read.
pub(super) struct Left<'a, T> {
    numbers: &'a [T],
    rows: &'a [usize],
    terms: &'a [usize],
    repeat: usize,
    step: usize,
}

impl<'a, T: Real> Left<'a, T> {
    /// The terms are gone through `repeat` times, each time `step` numbers further on.
    ///
    /// # Panics
    /// If a number is asked for that is not there.
    pub(super) fn new(
        numbers: &'a [T],
        rows: &'a [usize],
        terms: &'a [usize],
        [repeat, step]: [usize; 2],
    ) -> Left<'a, T> {
        let reach = |offsets: &[usize]| offsets.iter().copied().max();
        // what the unchecked reads of `Tiles` lean on
        if let (Some(row), Some(term), 1..) = (reach(rows), reach(terms), repeat) {
            assert!(row + term + (repeat - 1) * step < numbers.len());
        }
        Left {
            numbers,
            rows,
            terms,
            repeat,
            step,
        }
    }

    /// The parts of the terms, in order.
    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let (terms, repeat) = (self.terms, self.repeat);
        let most = match terms {
            [first, second, ..] if first.abs_diff(*second) >= LINE => APART,
            _ => PARTIAL,
        };
        let together = (most / terms.len().max(1)).clamp(1, repeat.max(1));
        (0..repeat).step_by(together).flat_map(move |from| {
            let parts = terms.chunks(most).enumerate();
            parts.map(move |(i, part)| Part {
                first: from * terms.len() + i * most,
                repeats: from..repeat.min(from + together),
                terms: part,
            })
        })
    }
}

/// Terms that become one partial sum: all terms in some of their repetitions, or some of them in one.
struct Part<'a> {
    /// How many come before them.
    first: usize,
    repeats: Range<usize>,
    terms: &'a [usize],
}

/// Some columns of a product.
pub(super) struct Product<'a, 'o, T> {
    pub left: &'a Left<'a, T>,
    pub right: Blocks<'a, T>,
    pub to: To<'a, 'o, T>,
}

impl<T: Real> Product<'_, '_, T> {
    /// Computes it.
    pub(super) fn run(self) {
        let terms = self.left.terms.len() * self.left.repeat;
        assert_eq!(self.right.terms, terms);
        dispatch(self);
    }
}

impl<T: Real> WithSimd for Product<'_, '_, T> {
    type Output = ();

    /// All strips.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (left, right) = (self.left, self.right);
        let (all, lanes) = (left.rows.len(), T::lanes::<S>());
        let height = STRIP.min(all);
        let mut sums = vec![T::zero(); height * right.columns.next_multiple_of(lanes)];
        let mut transposed = vec![T::zero(); height * VECTORS * lanes];
        for from in (0..all).step_by(STRIP) {
            let rows = from..all.min(from + STRIP);
            // no part would write them
            if right.terms == 0 {
                sums.fill(T::zero());
            }
            for part in left.parts() {
                for block in right.each() {
                    let sums = &mut sums[height * block.first..][..rows.len() * block.width];
                    match block.width / lanes {
                        1 => Tiles::<S, T, 1>::new(simd, left, &part, block).add(&rows, sums),
                        _ => Tiles::<S, T, VECTORS>::new(simd, left, &part, block).add(&rows, sums),
                    }
                }
            }
            for block in right.each() {
                let sums = &sums[height * block.first..][..rows.len() * block.width];
                self.write(block, sums, &mut transposed, rows.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;

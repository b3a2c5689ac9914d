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
//! is contiguous. A tile of up to 8 rows by two vectors, or 16 by one, stays in registers over all terms; where
//! there are sixteen registers only, 6 rows by two, or 12 by one.
//!
//! Each output is the sum of its terms in order, in partial sums of [`PARTIAL`] terms: no matter how
//! many threads share the work, and with a smaller rounding error than one long sum.

#![allow(unsafe_code)]

mod write;

use super::cpu::Real;
use super::packed::{Block, VECTORS};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Terms of a partial sum.
const PARTIAL: usize = 256;

/// Where sums are written, and what they become.
#[derive(Clone, Copy)]
pub(super) enum To<'a, T> {
    /// In order from a column's front, each as it is.
    Order,
    /// For each row a place in its column.
    Places(&'a [usize]),
    /// In order, added to what stands there.
    Itself,
    /// In order, finished.
    Finished(Finish<'a, T>),
}

/// `sum * scale + shift`, each a number for its column, plus `add`, and with `relu` nothing negative.
#[derive(Clone, Copy)]
pub(super) struct Finish<'a, T> {
    pub scale: Option<&'a [T]>,
    pub shift: Option<&'a [T]>,
    /// Another block of columns, a column's rows all in a row.
    pub add: Option<&'a [T]>,
    pub relu: bool,
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
        // what the unchecked reads of `tile` lean on
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
}

/// A block of columns of a product.
pub(super) struct Product<'a, 'o, T> {
    pub left: &'a Left<'a, T>,
    /// Which of the rows.
    pub rows: Range<usize>,
    pub right: Block<'a, T>,
    pub to: To<'a, T>,
    /// The columns.
    pub out: Vec<&'o mut [T]>,
}

impl<T: Real> Product<'_, '_, T> {
    /// Computes it.
    pub(super) fn run(self) {
        let terms = self.left.terms.len() * self.left.repeat;
        assert_eq!(self.right.numbers.len(), terms * self.right.width);
        assert!(self.rows.end <= self.left.rows.len());
        assert!(self.out.len() <= self.right.width);
        Arch::new().dispatch(self);
    }
}

impl<T: Real> WithSimd for Product<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.right.width / T::lanes::<S>() {
            1 => self.narrow(simd),
            _ => self.wide(simd),
        }
    }
}

/// Whether sixteen sums and what they are made of stay in registers, as with AVX-512; AVX2 has sixteen in all.
const fn many<S: Simd>() -> bool {
    S::REGISTER_COUNT >= 32
}

impl<T: Real> Product<'_, '_, T> {
    /// Tiles of two vectors: as many rows as leave registers for the vectors and the number that they are
    /// multiplied with, and so that few rows are left for a small tile at the end.
    #[inline(always)]
    fn wide<S: Simd>(mut self, simd: S) {
        let mut row = self.rows.start;
        while row < self.rows.end {
            let left = self.rows.end - row;
            row += match left {
                // seven rows where that divides the work, as it does on maps of 7, 14, 28 and 56 units
                7.. if many::<S>() && left.is_multiple_of(7) => {
                    self.tile::<S, 7, VECTORS>(simd, row)
                }
                8.. if many::<S>() => self.tile::<S, 8, VECTORS>(simd, row),
                6.. if left.is_multiple_of(6) => self.tile::<S, 6, VECTORS>(simd, row),
                5 | 7 | 9.. => self.tile::<S, 5, VECTORS>(simd, row),
                4.. => self.tile::<S, 4, VECTORS>(simd, row),
                2.. => self.tile::<S, 2, VECTORS>(simd, row),
                _ => self.tile::<S, 1, VECTORS>(simd, row),
            };
        }
    }

    /// Tiles of one vector, of more rows, so that as many sums go on at once.
    #[inline(always)]
    fn narrow<S: Simd>(mut self, simd: S) {
        let mut row = self.rows.start;
        while row < self.rows.end {
            let left = self.rows.end - row;
            row += match left {
                14.. if many::<S>() && left.is_multiple_of(14) => self.tile::<S, 14, 1>(simd, row),
                16.. if many::<S>() => self.tile::<S, 16, 1>(simd, row),
                12.. if left.is_multiple_of(12) => self.tile::<S, 12, 1>(simd, row),
                10 | 17.. => self.tile::<S, 10, 1>(simd, row),
                8.. => self.tile::<S, 8, 1>(simd, row),
                4.. => self.tile::<S, 4, 1>(simd, row),
                2.. => self.tile::<S, 2, 1>(simd, row),
                _ => self.tile::<S, 1, 1>(simd, row),
            };
        }
    }

    /// `ROWS` rows from `row` on; returns how many that are.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const WIDE: usize>(
        &mut self,
        simd: S,
        row: usize,
    ) -> usize {
        let rows: [usize; ROWS] = self.left.rows[row..][..ROWS]
            .try_into()
            .expect("a slice of that length");
        let apart = (1..ROWS).any(|i| rows[i] != rows[0] + i);
        // neighbours need one address
        let sums = match apart {
            false => self.sums::<S, ROWS, WIDE>(simd, |term, i| rows[0] + term + i),
            true => self.sums::<S, ROWS, WIDE>(simd, |term, i| rows[i] + term),
        };
        self.write::<S, ROWS, WIDE>(simd, sums, row);
        ROWS
    }

    /// The sums of a tile; `place` is the place of a term in a row, as an offset of both lists.
    #[inline(always)]
    fn sums<S: Simd, const ROWS: usize, const WIDE: usize>(
        &self,
        simd: S,
        place: impl Fn(usize, usize) -> usize,
    ) -> [[T::Of<S>; WIDE]; ROWS] {
        let Left {
            numbers,
            terms,
            repeat,
            step,
            ..
        } = *self.left;
        let zero = T::splat(simd, T::zero());
        let mut total = [[zero; WIDE]; ROWS];
        let right = T::vectors::<S>(self.right.numbers);
        let once = terms.len() * WIDE;
        for again in 0..repeat {
            let numbers = &numbers[again * step..];
            let right = right[again * once..][..once].chunks(WIDE * PARTIAL);
            for (terms, right) in terms.chunks(PARTIAL).zip(right) {
                let mut sums = [[zero; WIDE]; ROWS];
                for (&term, right) in terms.iter().zip(right.chunks_exact(WIDE)) {
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
                for (total, sums) in total.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
                    *total = T::plus(simd, *total, *sums);
                }
            }
        }
        total
    }
}

#[cfg(test)]
mod tests;

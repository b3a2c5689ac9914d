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
//! The work goes on in three loops. A *strip* of rows takes one *part* of the terms after the other, so that
//! what the right operand has for a part is read from the first cache by all *tiles* of the strip. A tile is
//! up to 8 rows by two vectors, or 16 by one, whose sums stay in registers over the part; where there are
//! sixteen registers only, 6 rows by two, or 12 by one. The sums of a strip are then written.
//!
//! Each output is the sum of its terms in order, in partial sums of about [`PARTIAL`] terms: no matter how
//! many threads share the work, and with a smaller rounding error than one long sum.

#![allow(unsafe_code)]

mod write;

use super::cpu::Real;
use super::fresh::Slots;
use super::packed::{Block, VECTORS};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Terms of a partial sum: those of two vectors of AVX2 fill half of a first cache.
const PARTIAL: usize = 256;

/// Rows of a strip: a multiple of what tiles have, with sums that fit the second cache beside all else.
pub(super) const STRIP: usize = 336;

/// Where sums are written, and what they become: into the columns of a block, and where these are shorter than the
/// rows are many, then into those of the next rows, and so on.
pub(super) enum To<'a, 'o, T> {
    /// For each row a place in its column.
    Places(&'a [usize], Vec<&'o mut [T]>),
    /// In order, added to what stands there.
    Itself(Vec<&'o mut [T]>),
    /// In order, finished.
    Finished(Finish<'a, T>, Vec<Slots<'o, T>>),
}

/// `sum * scale + shift`, each a number for its column, plus `add`, and with `relu` nothing negative.
#[derive(Clone, Copy)]
pub(super) struct Finish<'a, T> {
    pub scale: Option<&'a [T]>,
    pub shift: Option<&'a [T]>,
    /// Numbers that stand as the output does.
    pub add: Option<Add<'a, T>>,
    pub relu: bool,
}

impl<T> Default for Finish<'_, T> {
    fn default() -> Self {
        Finish {
            scale: None,
            shift: None,
            add: None,
            relu: false,
        }
    }
}

/// What is added to a block of columns: columns `column` apart, and those of the next rows `set` further on.
#[derive(Clone, Copy)]
pub(super) struct Add<'a, T> {
    pub numbers: &'a [T],
    pub column: usize,
    pub set: usize,
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
    pub right: Block<'a, T>,
    pub columns: usize,
    pub to: To<'a, 'o, T>,
}

impl<T: Real> Product<'_, '_, T> {
    /// Computes it.
    pub(super) fn run(self) {
        let terms = self.left.terms.len() * self.left.repeat;
        assert_eq!(self.right.numbers.len(), terms * self.right.width);
        assert!(self.columns <= self.right.width);
        Arch::new().dispatch(self);
    }
}

impl<T: Real> WithSimd for Product<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.right.width / T::lanes::<S>() {
            1 => self.strips::<S, 1>(simd),
            _ => self.strips::<S, VECTORS>(simd),
        }
    }
}

/// Terms that become one partial sum: all terms in some of their repetitions, or some of them in one.
struct Part<'a, V> {
    repeats: Range<usize>,
    terms: &'a [usize],
    /// What the right operand has for them.
    right: &'a [V],
    is_first: bool,
}

/// Whether sixteen sums and what they are made of stay in registers, as with AVX-512; AVX2 has sixteen in all.
const fn many<S: Simd>() -> bool {
    S::REGISTER_COUNT >= 32
}

impl<T: Real> Product<'_, '_, T> {
    /// All strips, in tiles of `WIDE` vectors.
    #[inline(always)]
    fn strips<S: Simd, const WIDE: usize>(mut self, simd: S) {
        let (width, rows) = (self.right.width, self.left.rows.len());
        let [mut sums, mut turned] = [(); 2].map(|()| vec![T::zero(); STRIP.min(rows) * width]);
        for from in (0..rows).step_by(STRIP) {
            let strip = from..rows.min(from + STRIP);
            let sums = &mut sums[..strip.len() * width];
            if self.right.numbers.is_empty() {
                sums.fill(T::zero());
            }
            self.parts::<S, WIDE>(
                #[inline(always)]
                |part| {
                    let sums = T::vectors_mut::<S>(sums);
                    let mut row = strip.start;
                    while row < strip.end {
                        let sums = &mut sums[(row - strip.start) * WIDE..];
                        row += self.next::<S, WIDE>(simd, row, strip.end - row, &part, sums);
                    }
                },
            );
            self.write(sums, &mut turned, strip);
        }
    }

    /// The parts of the terms, in order.
    #[inline(always)]
    fn parts<S: Simd, const WIDE: usize>(&self, mut f: impl FnMut(Part<T::Of<S>>)) {
        let (terms, repeat) = (self.left.terms, self.left.repeat);
        let right = T::vectors::<S>(self.right.numbers);
        let together = (PARTIAL / terms.len().max(1)).clamp(1, repeat.max(1));
        for from in (0..repeat).step_by(together) {
            let repeats = from..repeat.min(from + together);
            for (i, terms_of_part) in terms.chunks(PARTIAL).enumerate() {
                let first = (from * terms.len() + i * PARTIAL) * WIDE;
                f(Part {
                    right: &right[first..][..repeats.len() * terms_of_part.len() * WIDE],
                    is_first: first == 0,
                    repeats: repeats.clone(),
                    terms: terms_of_part,
                });
            }
        }
    }

    /// The next tile: as many rows as leave registers for the vectors and the number that they are multiplied
    /// with (with one vector more of them, so that as many sums go on at once), and so that few of the rows
    /// that are `left` go to a small tile at the end.
    #[inline(always)]
    fn next<S: Simd, const WIDE: usize>(
        &self,
        simd: S,
        row: usize,
        left: usize,
        part: &Part<T::Of<S>>,
        sums: &mut [T::Of<S>],
    ) -> usize {
        match WIDE {
            1 => match left {
                14.. if many::<S>() && left.is_multiple_of(14) => {
                    self.tile::<S, 14, WIDE>(simd, row, part, sums)
                }
                16.. if many::<S>() => self.tile::<S, 16, WIDE>(simd, row, part, sums),
                12.. if left.is_multiple_of(12) => self.tile::<S, 12, WIDE>(simd, row, part, sums),
                10 | 17.. => self.tile::<S, 10, WIDE>(simd, row, part, sums),
                8.. => self.tile::<S, 8, WIDE>(simd, row, part, sums),
                4.. => self.tile::<S, 4, WIDE>(simd, row, part, sums),
                2.. => self.tile::<S, 2, WIDE>(simd, row, part, sums),
                _ => self.tile::<S, 1, WIDE>(simd, row, part, sums),
            },
            _ => match left {
                // seven rows where that divides the work, as it does on maps of 7, 14, 28 and 56 units
                7.. if many::<S>() && left.is_multiple_of(7) => {
                    self.tile::<S, 7, WIDE>(simd, row, part, sums)
                }
                8.. if many::<S>() => self.tile::<S, 8, WIDE>(simd, row, part, sums),
                6.. if left.is_multiple_of(6) => self.tile::<S, 6, WIDE>(simd, row, part, sums),
                5 | 7 | 9.. => self.tile::<S, 5, WIDE>(simd, row, part, sums),
                4.. => self.tile::<S, 4, WIDE>(simd, row, part, sums),
                2.. => self.tile::<S, 2, WIDE>(simd, row, part, sums),
                _ => self.tile::<S, 1, WIDE>(simd, row, part, sums),
            },
        }
    }

    /// Adds a part to the sums of `ROWS` rows from `row` on; returns how many that are.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const WIDE: usize>(
        &self,
        simd: S,
        row: usize,
        part: &Part<T::Of<S>>,
        sums: &mut [T::Of<S>],
    ) -> usize {
        let rows: [usize; ROWS] = self.left.rows[row..][..ROWS]
            .try_into()
            .expect("a slice of that length");
        let apart = (1..ROWS).any(|i| rows[i] != rows[0] + i);
        // neighbours need one address
        let tile = match apart {
            false => self.sums::<S, ROWS, WIDE>(simd, part, |term, i| rows[0] + term + i),
            true => self.sums::<S, ROWS, WIDE>(simd, part, |term, i| rows[i] + term),
        };
        let sums = &mut sums[..ROWS * WIDE];
        match part.is_first {
            true => sums.copy_from_slice(tile.as_flattened()),
            false => {
                for (sum, of_part) in sums.iter_mut().zip(tile.as_flattened()) {
                    *sum = T::plus(simd, *sum, *of_part);
                }
            }
        }
        ROWS
    }

    /// The sums of a tile over a part; `place` is the place of a term in a row, as an offset of both lists.
    #[inline(always)]
    fn sums<S: Simd, const ROWS: usize, const WIDE: usize>(
        &self,
        simd: S,
        part: &Part<T::Of<S>>,
        place: impl Fn(usize, usize) -> usize,
    ) -> [[T::Of<S>; WIDE]; ROWS] {
        let mut sums = [[T::splat(simd, T::zero()); WIDE]; ROWS];
        let of_repeats = part.right.chunks_exact(part.terms.len() * WIDE);
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

#[cfg(test)]
mod tests;

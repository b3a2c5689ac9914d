//! The one kernel under convolution and its two gradients: a matrix product whose left operand is
//! read through offsets.
//!
//! `out[column][row] = sum over terms of left[rows[row] + terms[term]] * right[term][column]`
//!
//! | | rows | terms | columns |
//! |---|---|---|---|
//! | forward | output units | taps of all input maps | output maps |
//! | input gradient | input units | taps of all output maps | input maps |
//! | weight gradient | taps of all input maps | output units | output maps |
//!
//! No patch matrix is ever made: the left operand is the (padded) map itself, read one number at a
//! time and multiplied by vectors of the right operand, which is packed so that a block of columns
//! is contiguous. A tile of up to 8 rows by two vectors stays in registers over all terms.
//!
//! Each output is the sum of its terms in order, in partial sums of [`PARTIAL`] terms: no matter how
//! many threads share the work, and with a smaller rounding error than one long sum.

#![allow(unsafe_code)]

use super::cpu::Real;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Vectors of a tile: with 8 rows, 16 sums stay in registers.
const VECTORS: usize = 2;
/// Terms of a partial sum.
const PARTIAL: usize = 256;

/// A right operand, packed: blocks of [`width`] columns, each `[term][column]`.
pub(super) struct Packed<T> {
    blocks: Vec<T>,
    terms: usize,
    columns: usize,
    width: usize,
}

/// What each output starts from.
#[derive(Clone, Copy)]
pub(super) enum Start<'a, T> {
    /// Zero.
    Zero,
    /// A number for its column.
    Column(&'a [T]),
    /// What stands there.
    Itself,
}

/// A product; each row's offset plus each term's must lie in `left`.
pub(super) struct Product<'a, T> {
    pub left: &'a [T],
    pub rows: &'a [usize],
    pub terms: &'a [usize],
    pub right: &'a Packed<T>,
    pub start: Start<'a, T>,
    /// Where in its column each row is written.
    pub places: &'a [usize],
}

/// Columns of a block.
fn width<T: Real>() -> usize {
    struct Width<T>(std::marker::PhantomData<T>);
    impl<T: Real> WithSimd for Width<T> {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            VECTORS * T::lanes::<S>()
        }
    }
    Arch::new().dispatch(Width::<T>(std::marker::PhantomData))
}

/// Packs a right operand; `at` says where `[term][column]` stands.
pub(super) fn pack<T: Real>(
    terms: usize,
    columns: usize,
    numbers: &[T],
    at: impl Fn(usize, usize) -> usize + Sync,
) -> Packed<T> {
    let width = width::<T>();
    let mut blocks = vec![T::zero(); columns.div_ceil(width) * width * terms];
    let fill = |(block, packed): (usize, &mut [T])| {
        let first = block * width;
        let columns = width.min(columns - first);
        for (term, row) in packed.chunks_exact_mut(width).enumerate() {
            for (column, number) in row[..columns].iter_mut().enumerate() {
                *number = numbers[at(term, first + column)];
            }
        }
    };
    if terms > 0 {
        blocks
            .par_chunks_mut(width * terms)
            .enumerate()
            .for_each(fill);
    }
    Packed {
        blocks,
        terms,
        columns,
        width,
    }
}

impl<T: Real> Product<'_, T> {
    /// Computes it into `out`, of which each column is a run of `stride` numbers.
    pub(super) fn run(&self, out: &mut [T], stride: usize) {
        assert_eq!(self.terms.len(), self.right.terms);
        assert_eq!(self.rows.len(), self.places.len());
        assert!(self.places.iter().all(|&place| place < stride));
        let reach = |offsets: &[usize]| offsets.iter().copied().max().unwrap_or(0);
        // what the unchecked reads of `tile` lean on
        assert!(
            self.terms.is_empty()
                || self.rows.is_empty()
                || reach(self.rows) + reach(self.terms) < self.left.len()
        );
        let width = self.right.width;
        let arch = Arch::new();
        out[..self.right.columns * stride]
            .par_chunks_mut(width * stride)
            .enumerate()
            .for_each(|(block, out)| {
                let terms = self.right.terms;
                arch.dispatch(Block {
                    product: self,
                    right: &self.right.blocks[block * width * terms..][..width * terms],
                    first: block * width,
                    out,
                    stride,
                });
            });
    }
}

/// A block of columns.
struct Block<'a, T> {
    product: &'a Product<'a, T>,
    right: &'a [T],
    first: usize,
    out: &'a mut [T],
    stride: usize,
}

impl<T: Real> WithSimd for Block<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let rows = self.product.rows.len();
        let mut row = 0;
        // seven rows where that divides the work, as it does on maps of 7, 14, 28 and 56 units
        while rows - row >= 8 && !(rows - row).is_multiple_of(7) {
            self.tile::<S, 8>(simd, row);
            row += 8;
        }
        while rows - row >= 7 {
            self.tile::<S, 7>(simd, row);
            row += 7;
        }
        while rows - row >= 4 {
            self.tile::<S, 4>(simd, row);
            row += 4;
        }
        while row < rows {
            self.tile::<S, 1>(simd, row);
            row += 1;
        }
    }
}

impl<T: Real> Block<'_, T> {
    /// `ROWS` rows from `row` on.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize>(&mut self, simd: S, row: usize) {
        let product = self.product;
        let left = product.left;
        let rows: &[usize; ROWS] = product.rows[row..row + ROWS]
            .try_into()
            .expect("a slice of that length");
        let zero = T::splat(simd, T::zero());
        let mut total = [[zero; VECTORS]; ROWS];
        let right = T::vectors::<S>(self.right).chunks(VECTORS * PARTIAL);
        for (terms, right) in product.terms.chunks(PARTIAL).zip(right) {
            let mut sums = [[zero; VECTORS]; ROWS];
            for (&term, right) in terms.iter().zip(right.chunks_exact(VECTORS)) {
                for i in 0..ROWS {
                    // SAFETY: `run` has compared the largest row plus the largest term with the length
                    let x = T::splat(simd, unsafe { *left.get_unchecked(rows[i] + term) });
                    for v in 0..VECTORS {
                        sums[i][v] = T::times_plus(simd, x, right[v], sums[i][v]);
                    }
                }
            }
            for i in 0..ROWS {
                for v in 0..VECTORS {
                    total[i][v] = T::plus(simd, total[i][v], sums[i][v]);
                }
            }
        }
        self.write::<S, ROWS>(&total, row);
    }

    /// Writes a tile, columns apart.
    #[inline(always)]
    fn write<S: Simd, const ROWS: usize>(
        &mut self,
        tile: &[[T::Of<S>; VECTORS]; ROWS],
        row: usize,
    ) {
        let places = &self.product.places[row..row + ROWS];
        // the longest vectors hold 16 numbers
        let mut numbers = [[T::zero(); VECTORS * 16]; ROWS];
        for (numbers, vectors) in numbers.iter_mut().zip(tile) {
            T::vectors_mut::<S>(numbers)[..VECTORS].copy_from_slice(vectors);
        }
        for (column, out) in self.out.chunks_exact_mut(self.stride).enumerate() {
            for (&place, numbers) in places.iter().zip(&numbers) {
                let start = match self.product.start {
                    Start::Zero => T::zero(),
                    Start::Column(start) => start[self.first + column],
                    Start::Itself => out[place],
                };
                out[place] = start + numbers[column];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    /// Every number of rows from 0 to 40, with columns that do not fill a block.
    #[test]
    fn is_the_sum_of_products() {
        for (rows, terms, columns) in (0..40)
            .map(|n| (n, 3 * n % 300, n % 37 + 1))
            .chain([(9, 700, 33)])
        {
            let number = |key: u64, i: usize| Key::seed(key).signed(i as u64);
            let left: Vec<f64> = (0..rows + 2 * terms + 1).map(|i| number(1, i)).collect();
            let right: Vec<f64> = (0..terms * columns).map(|i| number(2, i)).collect();
            let row_offsets: Vec<usize> = (0..rows).collect();
            let term_offsets: Vec<usize> = (0..terms).map(|i| 2 * i).collect();
            let packed = pack(terms, columns, &right, |term, column| {
                term * columns + column
            });
            let mut out = vec![0.5; columns * rows];
            if rows == 0 {
                continue;
            }
            Product {
                left: &left,
                rows: &row_offsets,
                terms: &term_offsets,
                right: &packed,
                start: Start::Itself,
                places: &row_offsets,
            }
            .run(&mut out, rows);
            for column in 0..columns {
                for row in 0..rows {
                    let expected: f64 = (0..terms)
                        .map(|t| left[row + 2 * t] * right[t * columns + column])
                        .sum();
                    let found = out[column * rows + row];
                    assert!((found - 0.5 - expected).abs() < 1e-12, "{found} {expected}");
                }
            }
        }
    }
}

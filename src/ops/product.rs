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
//! is contiguous. A tile of up to 8 rows by two vectors, or 16 by one, stays in registers over all terms.
//!
//! Each output is the sum of its terms in order, in partial sums of [`PARTIAL`] terms: no matter how
//! many threads share the work, and with a smaller rounding error than one long sum.

#![allow(unsafe_code)]

use super::cpu::Real;
use super::packed::{Block, VECTORS};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Terms of a partial sum.
const PARTIAL: usize = 256;

/// What becomes of a sum: `sum * scale + shift`, each a number for its column, `+ add`, and with `relu`
/// nothing negative.
#[derive(Clone, Copy)]
pub(super) struct Finish<'a, T> {
    pub scale: Option<&'a [T]>,
    pub shift: Option<&'a [T]>,
    pub add: Add<'a, T>,
    pub relu: bool,
}

/// What is added to an output.
#[derive(Clone, Copy)]
pub(super) enum Add<'a, T> {
    /// Nothing.
    Nothing,
    /// What stands there.
    Itself,
    /// What stands at the same place of another block of columns, a column's rows all in a row.
    Other(&'a [T]),
}

impl<T> Finish<'_, T> {
    /// The sum as it is.
    pub(super) const NOTHING: Self = Finish {
        scale: None,
        shift: None,
        add: Add::Nothing,
        relu: false,
    };
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
    pub finish: Finish<'a, T>,
    /// Where in its column each row is written; in order from the column's front without it.
    pub places: Option<&'a [usize]>,
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
        let Finish { scale, shift, .. } = self.finish;
        assert!(
            [scale, shift]
                .into_iter()
                .flatten()
                .all(|each| each.len() >= self.out.len())
        );
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

impl<T: Real> Product<'_, '_, T> {
    /// Tiles of two vectors.
    #[inline(always)]
    fn wide<S: Simd>(mut self, simd: S) {
        let mut row = self.rows.start;
        loop {
            let left = self.rows.end - row;
            row += match left {
                0 => break,
                // seven rows where that divides the work, as it does on maps of 7, 14, 28 and 56 units
                7.. if left.is_multiple_of(7) => self.tile::<S, 7, VECTORS>(simd, row),
                8.. => self.tile::<S, 8, VECTORS>(simd, row),
                4.. => self.tile::<S, 4, VECTORS>(simd, row),
                2.. => self.tile::<S, 2, VECTORS>(simd, row),
                1 => self.tile::<S, 1, VECTORS>(simd, row),
            };
        }
    }

    /// Tiles of one vector, of more rows, so that as many sums go on at once.
    #[inline(always)]
    fn narrow<S: Simd>(mut self, simd: S) {
        let mut row = self.rows.start;
        loop {
            let left = self.rows.end - row;
            row += match left {
                0 => break,
                14.. if left.is_multiple_of(14) => self.tile::<S, 14, 1>(simd, row),
                16.. => self.tile::<S, 16, 1>(simd, row),
                8.. => self.tile::<S, 8, 1>(simd, row),
                4.. => self.tile::<S, 4, 1>(simd, row),
                2.. => self.tile::<S, 2, 1>(simd, row),
                1 => self.tile::<S, 1, 1>(simd, row),
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

    /// Writes a tile, columns apart.
    #[inline(always)]
    fn write<S: Simd, const ROWS: usize, const WIDE: usize>(
        &mut self,
        simd: S,
        mut tile: [[T::Of<S>; WIDE]; ROWS],
        row: usize,
    ) {
        let Finish {
            scale,
            shift,
            add,
            relu,
        } = self.finish;
        let columns = self.out.len();
        if scale.is_some() || shift.is_some() {
            // the longest vectors hold 16 numbers
            let (mut all_scales, mut all_shifts) =
                ([T::one(); VECTORS * 16], [T::zero(); VECTORS * 16]);
            if let Some(scale) = scale {
                all_scales[..columns].copy_from_slice(&scale[..columns]);
            }
            if let Some(shift) = shift {
                all_shifts[..columns].copy_from_slice(&shift[..columns]);
            }
            let scale = &T::vectors::<S>(&all_scales)[..WIDE];
            let shift = &T::vectors::<S>(&all_shifts)[..WIDE];
            for sums in &mut tile {
                for v in 0..WIDE {
                    sums[v] = T::times_plus(simd, sums[v], scale[v], shift[v]);
                }
            }
        }
        let mut numbers = [[T::zero(); VECTORS * 16]; ROWS];
        for (numbers, vectors) in numbers.iter_mut().zip(&tile) {
            T::vectors_mut::<S>(numbers)[..WIDE].copy_from_slice(vectors);
        }
        match self.places {
            None => {
                let from = row - self.rows.start;
                let all = self.left.rows.len();
                let (fours, rest) = self.out.as_chunks_mut::<4>();
                for (four, out) in fours.iter_mut().enumerate() {
                    let first = 4 * four;
                    match add {
                        Add::Nothing => {
                            turn(&numbers, first, out, from, |_, _, _, x| relu_if(relu, x))
                        }
                        Add::Itself => turn(&numbers, first, out, from, |_, _, y, x| y + x),
                        Add::Other(other) => {
                            let other = |k: usize| &other[(first + k) * all + row..][..ROWS];
                            let others = [other(0), other(1), other(2), other(3)];
                            turn(&numbers, first, out, from, |k, i, _, x| {
                                relu_if(relu, others[k][i] + x)
                            });
                        }
                    }
                }
                let first = 4 * fours.len();
                for (column, out) in rest.iter_mut().enumerate() {
                    for (i, out) in out[from..][..ROWS].iter_mut().enumerate() {
                        let x = numbers[i][first + column];
                        *out = match add {
                            Add::Nothing => relu_if(relu, x),
                            Add::Itself => *out + x,
                            Add::Other(other) => {
                                relu_if(relu, other[(first + column) * all + row + i] + x)
                            }
                        };
                    }
                }
            }
            Some(places) => {
                let places = &places[row..][..ROWS];
                for (column, out) in self.out.iter_mut().enumerate() {
                    for (&place, numbers) in places.iter().zip(&numbers) {
                        let x = numbers[column];
                        out[place] = match add {
                            Add::Itself => out[place] + x,
                            Add::Nothing | Add::Other(_) => x,
                        };
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn relu_if<T: Real>(relu: bool, x: T) -> T {
    if relu & (x < T::zero()) { T::zero() } else { x }
}

/// Writes four columns of a tile, from `first` on, into rows from `from` on: what `becomes` makes of a
/// number's column and row, of what stands there, and of the number.
#[inline(always)]
fn turn<T: Real, const ROWS: usize>(
    tile: &[[T; VECTORS * 16]; ROWS],
    first: usize,
    out: &mut [&mut [T]; 4],
    from: usize,
    becomes: impl Fn(usize, usize, T, T) -> T,
) {
    let [a, b, c, d] = out;
    let rows = from..from + ROWS;
    let out = [
        &mut a[rows.clone()],
        &mut b[rows.clone()],
        &mut c[rows.clone()],
        &mut d[rows],
    ];
    let four = |i: usize| -> [T; 4] {
        let row = &tile[i];
        [row[first], row[first + 1], row[first + 2], row[first + 3]]
    };
    for i in (0..ROWS - ROWS % 4).step_by(4) {
        let columns = T::turn([four(i), four(i + 1), four(i + 2), four(i + 3)]);
        for k in 0..4 {
            for j in 0..4 {
                out[k][i + j] = becomes(k, i + j, out[k][i + j], columns[k][j]);
            }
        }
    }
    for (k, out) in out.into_iter().enumerate() {
        for i in ROWS - ROWS % 4..ROWS {
            out[i] = becomes(k, i, out[i], tile[i][first + k]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::packed::{Layout, Packed, blocks};
    use super::*;
    use crate::random::Key;

    /// Every number of rows from 0 to 40, in order and at places of their own, neighbours and not, with
    /// columns that fill no block, one and several, and terms that are gone through twice.
    #[test]
    fn is_the_sum_of_products() {
        let sizes = (0..40).map(|n| (n, 3 * n % 300, n % 37 + 1));
        for (rows, terms, columns) in sizes.chain([(9, 700, 33)]) {
            for (apart, scattered, repeat) in [(1, false, 1), (3, true, 1), (2, false, 2)] {
                let number = |key: u64, i: usize| Key::seed(key).signed(i as u64);
                let step = 5;
                let left: Vec<f64> = (0..apart * rows + 2 * terms + step)
                    .map(|i| number(1, i))
                    .collect();
                let right: Vec<f64> = (0..repeat * terms * columns)
                    .map(|i| number(2, i))
                    .collect();
                let row_offsets: Vec<usize> = (0..rows).map(|i| apart * i).collect();
                let term_offsets: Vec<usize> = (0..terms).map(|i| 2 * i).collect();
                let taps: Vec<usize> = (0..terms).map(|i| i * columns).collect();
                let layout = Layout {
                    column: 1,
                    outer: terms * columns,
                    taps: &taps,
                };
                let packed = Packed::new(&right, layout, repeat, columns);
                let places: Vec<usize> = (0..rows).rev().collect();
                let place = |row: usize| if scattered { places[row] } else { row };
                let mut out = vec![0.5; columns * rows];
                let source = Left::new(&left, &row_offsets, &term_offsets, [repeat, step]);
                let mut rest: Vec<&mut [f64]> = match rows {
                    0 => continue,
                    _ => out.chunks_exact_mut(rows).collect(),
                };
                for (i, columns) in blocks::<f64>(columns).enumerate() {
                    Product {
                        left: &source,
                        rows: 0..rows,
                        right: packed.block(i),
                        finish: Finish {
                            add: Add::Itself,
                            ..Finish::NOTHING
                        },
                        places: scattered.then_some(&places),
                        out: rest.drain(..columns.len()).collect(),
                    }
                    .run();
                }
                for column in 0..columns {
                    for row in 0..rows {
                        let term = |t: usize, again: usize| {
                            let right = right[(again * terms + t) * columns + column];
                            left[apart * row + 2 * t + again * step] * right
                        };
                        let all = (0..repeat).flat_map(|again| (0..terms).map(move |t| (t, again)));
                        let expected: f64 = all.map(|(t, again)| term(t, again)).sum();
                        let found = out[column * rows + place(row)];
                        assert!((found - 0.5 - expected).abs() < 1e-12, "{found} {expected}");
                    }
                }
            }
        }
    }
}

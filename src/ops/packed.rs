//! The right operand of a product, laid out so that a block of columns is contiguous.

use super::cpu::Real;
use super::fresh::Fresh;
use super::turn::{Rows, turn};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Vectors of a block: with 8 rows, 16 sums stay in registers.
pub(super) const VECTORS: usize = 2;

/// Where the numbers of a right operand stand: term `i * taps.len() + j` of a column is at
/// `column * columns + i * outer + taps[j]`.
#[derive(Clone, Copy)]
pub(super) struct Layout<'a> {
    /// How far columns are apart.
    pub column: usize,
    /// How far the terms are apart of which each stands for all taps.
    pub outer: usize,
    pub taps: &'a [usize],
}

/// A right operand: blocks of columns, each `[term][column]`, all of them two vectors wide but the last
/// one, which is narrower where one vector is enough.
pub(super) struct Packed<T> {
    numbers: Vec<T>,
    terms: usize,
    columns: usize,
    lanes: usize,
}

/// A block of a right operand.
#[derive(Clone, Copy)]
pub(super) struct Block<'a, T> {
    pub numbers: &'a [T],
    pub width: usize,
}

/// Numbers in a vector.
pub(super) fn lanes<T: Real>() -> usize {
    struct Count<T>(std::marker::PhantomData<T>);
    impl<T: Real> WithSimd for Count<T> {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            T::lanes::<S>()
        }
    }
    Arch::new().dispatch(Count::<T>(std::marker::PhantomData))
}

/// The columns of each block.
pub(super) fn blocks<T: Real>(columns: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let width = VECTORS * lanes::<T>();
    (0..columns.div_ceil(width)).map(move |i| i * width..columns.min((i + 1) * width))
}

impl<T: Real> Packed<T> {
    /// Packs numbers that stand as the layout says, with so many terms for each tap.
    pub(super) fn new(numbers: &[T], layout: Layout, outer: usize, columns: usize) -> Packed<T> {
        let (terms, lanes) = (outer * layout.taps.len(), lanes::<T>());
        let width = VECTORS * lanes;
        let mut packed = Fresh::new(columns.next_multiple_of(lanes) * terms);
        let blocks = packed.chunks(width * terms).enumerate();
        blocks.for_each_init(Vec::new, |near, (block, mut packed)| {
            let first = block * width;
            let numbers = &numbers[first * layout.column..];
            let block = pack(near, numbers, layout, outer, width.min(columns - first));
            packed.extend(block.numbers.iter().copied());
        });
        Packed {
            numbers: packed.finish(),
            terms,
            columns,
            lanes,
        }
    }

    /// A block.
    pub(super) fn block(&self, i: usize) -> Block<'_, T> {
        let full = VECTORS * self.lanes;
        let width = width(self.lanes, self.columns - i * full);
        Block {
            numbers: &self.numbers[i * full * self.terms..][..width * self.terms],
            width,
        }
    }
}

/// Packs one block into a vector, whose other numbers stay as they are where it was packed into before.
pub(super) fn pack<'a, T: Real>(
    packed: &'a mut Vec<T>,
    numbers: &[T],
    layout: Layout,
    outer: usize,
    columns: usize,
) -> Block<'a, T> {
    let width = width(lanes::<T>(), columns);
    packed.resize(width * outer * layout.taps.len(), T::zero());
    fill(packed, numbers, layout, columns);
    Block {
        numbers: packed,
        width,
    }
}

/// The width of a block, of which so many columns are there.
fn width(lanes: usize, columns: usize) -> usize {
    if columns <= lanes {
        lanes
    } else {
        VECTORS * lanes
    }
}

/// Fills a block, of which `columns` are there.
fn fill<T: Real>(packed: &mut [T], numbers: &[T], layout: Layout, columns: usize) {
    let width = width(lanes::<T>(), columns);
    let Layout {
        column,
        outer,
        taps,
    } = layout;
    for (i, packed) in packed.chunks_exact_mut(width * taps.len()).enumerate() {
        let numbers = &numbers[i * outer..];
        if column == 1 {
            for (row, &tap) in packed.chunks_exact_mut(width).zip(taps) {
                row[..columns].copy_from_slice(&numbers[tap..][..columns]);
            }
        } else if taps.windows(2).all(|pair| pair[1] == pair[0] + 1) {
            let (from, to) = (
                Rows {
                    numbers,
                    apart: column,
                },
                Rows {
                    numbers: packed,
                    apart: width,
                },
            );
            turn(from, taps[0], to, [taps.len(), columns]);
        } else {
            for (row, &tap) in packed.chunks_exact_mut(width).zip(taps) {
                for (k, x) in row[..columns].iter_mut().enumerate() {
                    *x = numbers[k * column + tap];
                }
            }
        }
    }
}

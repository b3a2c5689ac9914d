//! The right operand of a product, laid out so that a block of columns is contiguous.

use super::cpu::Real;
use super::simd::dispatch;
use super::transpose::{Rows, transpose};
use super::uninit::UninitVec;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// Vectors of a block: with 8 rows, 16 sums stay in registers.
pub(super) const VECTORS: usize = 2;

/// A right operand as it stands: term `i * taps.len() + j` of a column is at
/// `column * apart + i * repeat_stride + taps[j]`.
pub(super) struct Strided<'a, T> {
    pub numbers: &'a [T],
    pub columns: usize,
    /// How far columns are apart.
    pub apart: usize,
    pub taps: Cow<'a, [usize]>,
    /// How often all taps are gone through, and how far each repeat is from the one before.
    pub repeats: usize,
    pub repeat_stride: usize,
}

/// A right operand of which each block is packed once: beforehand if several pieces read it, and by its one
/// reader otherwise, in whose cache it then is.
pub(super) enum Right<'a, T> {
    Packed(Packed<T>),
    Strided(Strided<'a, T>),
}

/// A right operand: blocks of columns, each `[term][column]`, all of them two vectors wide but the last
/// one, which is narrower where one vector is enough.
pub(super) struct Packed<T> {
    numbers: Vec<T>,
    terms: usize,
}

/// Some blocks of a right operand, one behind the other.
#[derive(Clone, Copy)]
pub(super) struct Blocks<'a, T> {
    pub columns: usize,
    pub terms: usize,
    numbers: &'a [T],
}

/// A block of a right operand.
#[derive(Clone, Copy)]
pub(super) struct ColumnBlock<'a, T> {
    /// Its first column among those of all blocks.
    pub first: usize,
    pub columns: usize,
    /// Columns with those that are not there but fill a vector.
    pub width: usize,
    pub numbers: &'a [T],
}

impl<'a, T: Real> Blocks<'a, T> {
    /// Blocks with so many columns.
    fn new(numbers: &'a [T], terms: usize, columns: usize) -> Blocks<'a, T> {
        Blocks {
            columns,
            terms,
            numbers: &numbers[..columns.next_multiple_of(lanes::<T>()) * terms],
        }
    }

    /// One after the other.
    #[inline(always)]
    pub(super) fn each(self) -> impl Iterator<Item = ColumnBlock<'a, T>> {
        let lanes = lanes::<T>();
        (0..self.columns)
            .step_by(VECTORS * lanes)
            .map(move |first| {
                let columns = (self.columns - first).min(VECTORS * lanes);
                let width = width(lanes, columns);
                ColumnBlock {
                    first,
                    columns,
                    width,
                    numbers: &self.numbers[first * self.terms..][..width * self.terms],
                }
            })
    }
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
    dispatch(Count::<T>(std::marker::PhantomData))
}

/// Columns of a block that is full.
pub(super) fn full<T: Real>() -> usize {
    VECTORS * lanes::<T>()
}

impl<'a, T: Real> Right<'a, T> {
    /// Packed beforehand unless each block is read `once`.
    pub(super) fn new(strided: Strided<'a, T>, once: bool) -> Right<'a, T> {
        match once {
            true => Right::Strided(strided),
            false => Right::Packed(Packed::new(&strided)),
        }
    }

    /// The blocks of some columns, of which the first one begins a block; `scratch` is what a thread keeps to pack
    /// into.
    pub(super) fn blocks<'b>(
        &'b self,
        columns: Range<usize>,
        scratch: &'b mut Vec<T>,
    ) -> Blocks<'b, T> {
        match self {
            Right::Packed(packed) => {
                let numbers = &packed.numbers[columns.start * packed.terms..];
                Blocks::new(numbers, packed.terms, columns.len())
            }
            Right::Strided(strided) => strided.blocks(columns, scratch),
        }
    }
}

impl<T: Real> Packed<T> {
    /// All blocks.
    pub(super) fn new(strided: &Strided<T>) -> Packed<T> {
        let (terms, full) = (strided.terms(), full::<T>());
        let mut packed = UninitVec::new(strided.columns.next_multiple_of(lanes::<T>()) * terms);
        let blocks = packed.chunks(full * terms).enumerate();
        blocks.for_each_init(Vec::new, |scratch, (i, mut packed)| {
            let columns = i * full..strided.columns.min((i + 1) * full);
            packed.extend(strided.blocks(columns, scratch).numbers.iter().copied());
        });
        Packed {
            numbers: packed.finish(),
            terms,
        }
    }
}

impl<T: Real> Strided<'_, T> {
    fn terms(&self) -> usize {
        self.repeats * self.taps.len()
    }

    /// Packs the blocks of some columns into a vector, whose other numbers stay as they are where it was packed
    /// into before.
    pub(super) fn blocks<'b>(
        &self,
        columns: Range<usize>,
        scratch: &'b mut Vec<T>,
    ) -> Blocks<'b, T> {
        let (terms, count) = (self.terms(), columns.len());
        scratch.resize(count.next_multiple_of(lanes::<T>()) * terms, T::zero());
        let numbers = &self.numbers[columns.start * self.apart..];
        match self.apart {
            1 => self.by_rows(numbers, count, scratch),
            _ => self.by_blocks(numbers, count, scratch),
        }
        Blocks::new(scratch, terms, count)
    }

    /// Packs columns that are neighbours: row by row of the numbers, each of which goes through all blocks.
    fn by_rows(&self, numbers: &[T], count: usize, packed: &mut [T]) {
        let terms = self.terms();
        let starts = (0..self.repeats).flat_map(|i| self.taps.iter().map(move |tap| (i, tap)));
        for (term, (i, tap)) in starts.enumerate() {
            let row = &numbers[i * self.repeat_stride + tap..][..count];
            for (block, row) in row.chunks(full::<T>()).enumerate() {
                let (first, width) = (block * full::<T>(), width(lanes::<T>(), row.len()));
                copy(
                    row,
                    &mut packed[first * terms + term * width..][..row.len()],
                );
            }
        }
    }

    /// Packs columns that are apart: block by block, and in it repeat by repeat.
    fn by_blocks(&self, numbers: &[T], count: usize, packed: &mut [T]) {
        let terms = self.terms();
        for first in (0..count).step_by(full::<T>()) {
            let columns = (count - first).min(full::<T>());
            let width = width(lanes::<T>(), columns);
            let block = &mut packed[first * terms..][..width * terms];
            let numbers = &numbers[first * self.apart..];
            for (i, packed) in block.chunks_exact_mut(width * self.taps.len()).enumerate() {
                self.fill(packed, &numbers[i * self.repeat_stride..], width, columns);
            }
        }
    }

    /// Packs a repeat of a block, of which `columns` are there.
    fn fill(&self, packed: &mut [T], numbers: &[T], width: usize, columns: usize) {
        let (apart, taps) = (self.apart, &self.taps[..]);
        if taps.windows(2).all(|pair| pair[1] == pair[0] + 1) {
            let from = Rows { numbers, apart };
            let to = Rows {
                numbers: packed,
                apart: width,
            };
            transpose(from, taps[0], to, [taps.len(), columns]);
        } else {
            for (row, &tap) in packed.chunks_exact_mut(width).zip(taps) {
                for (k, x) in row[..columns].iter_mut().enumerate() {
                    *x = numbers[k * apart + tap];
                }
            }
        }
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

/// As `copy_from_slice`, whose call costs more than some vectors.
#[inline(always)]
fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    let ((from, from_rest), (to, to_rest)) = (from.as_chunks::<4>(), to.as_chunks_mut::<4>());
    (to.iter_mut().zip(from)).for_each(|(to, from)| *to = *from);
    (to_rest.iter_mut().zip(from_rest)).for_each(|(to, from)| *to = *from);
}

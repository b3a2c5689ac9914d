//! How do the sums of a strip become part of the output? They stand in rows, and a column of the output is a
//! run of rows, so they are transposed first.

use super::{Product, To};
use crate::ops::cpu::Real;
use crate::ops::packed::ColumnBlock;
use crate::ops::transpose::{Rows, transpose};
use std::ops::Range;

impl<T: Real> Product<'_, '_, T> {
    /// Writes a block's sums of some rows; `transposed` has as much room.
    #[inline(always)]
    pub(super) fn write(
        &mut self,
        block: ColumnBlock<T>,
        sums: &[T],
        transposed: &mut [T],
        rows: Range<usize>,
    ) {
        let transposed = &mut transposed[..rows.len() * block.columns];
        let from = Rows {
            numbers: sums,
            apart: block.width,
        };
        let to = Rows {
            numbers: &mut *transposed,
            apart: rows.len(),
        };
        transpose(from, 0, to, [block.columns, rows.len()]);
        let columns = block.first..block.first + block.columns;
        let transposed = transposed.chunks_exact(rows.len());
        match &mut self.to {
            To::Places(places, out) => {
                for (sums, out) in transposed.zip(&mut out[columns]) {
                    for (&place, &sum) in places[rows.clone()].iter().zip(sums) {
                        out[place] = sum;
                    }
                }
            }
            To::Itself(out) => {
                for (sums, out) in transposed.zip(&mut out[columns]) {
                    let out = &mut out[rows.clone()];
                    out.iter_mut().zip(sums).for_each(|(out, &sum)| *out += sum);
                }
            }
            To::New(shift, out) => {
                let length = out[0].len();
                for (column, sums) in columns.zip(transposed) {
                    let shift = shift.map_or(T::zero(), |shift| shift[column]);
                    let mut row = rows.start;
                    while row < rows.end {
                        let (set, first) = (row / length, row % length);
                        let count = (length - first).min(rows.end - row);
                        let sums = &sums[row - rows.start..][..count];
                        let out = &mut out[set * self.right.columns + column];
                        out.extend(sums.iter().map(move |&x| x + shift));
                        row += count;
                    }
                }
            }
        }
    }
}

//! How do the sums of a strip become part of the output? They stand in rows, and a column of the output is a
//! run of rows: four rows of four columns at a time are turned.

use super::{Finish, Product, To};
use crate::ops::cpu::Real;
use pulp::Simd;
use std::ops::Range;

impl<T: Real> Product<'_, '_, T> {
    /// Writes the sums of some rows, a block's width for each.
    #[inline(always)]
    pub(super) fn write<S: Simd>(&mut self, simd: S, sums: &mut [T], rows: Range<usize>) {
        let width = self.right.width;
        if let To::Finished(finish) = &self.to {
            line(simd, sums, width, finish, self.columns);
        }
        if let To::Places(places) = self.to {
            for (column, out) in self.out.iter_mut().enumerate() {
                for (&place, sums) in places[rows.clone()].iter().zip(sums.chunks_exact(width)) {
                    out[place] = sums[column];
                }
            }
            return;
        }
        let mut from = rows.start;
        while from < rows.end {
            // the columns of these rows, as far as they go
            let length = self.out[0].len();
            let (set, first) = (from / length, from % length);
            let to = rows.end.min((set + 1) * length);
            let sums = &sums[(from - rows.start) * width..(to - rows.start) * width];
            let out = &mut self.out[set * self.columns..][..self.columns];
            let cut = |x: T| if x < T::zero() { T::zero() } else { x };
            match self.to {
                To::Itself => turn(sums, width, out, first, |_, _, there, x| there + x),
                To::Finished(Finish { add, relu, .. }) => match (add, relu) {
                    (None, false) => turn(sums, width, out, first, |_, _, _, x| x),
                    (None, true) => turn(sums, width, out, first, |_, _, _, x| cut(x)),
                    (Some(add), relu) => {
                        let add = |column: usize, i: usize| {
                            add.numbers[set * add.set + column * add.column + first + i]
                        };
                        turn(sums, width, out, first, |column, i, _, x| {
                            let x = add(column, i) + x;
                            if relu { cut(x) } else { x }
                        });
                    }
                },
                To::Order | To::Places(_) => turn(sums, width, out, first, |_, _, _, x| x),
            }
            from = to;
        }
    }
}

/// Each sum times the factor of its column plus its summand.
#[inline(always)]
fn line<T: Real, S: Simd>(
    simd: S,
    sums: &mut [T],
    width: usize,
    finish: &Finish<T>,
    columns: usize,
) {
    if finish.scale.is_none() && finish.shift.is_none() {
        return;
    }
    let of_columns = |numbers: Option<&[T]>, without: T| {
        let mut all = vec![without; width];
        if let Some(numbers) = numbers {
            all[..columns].copy_from_slice(&numbers[..columns]);
        }
        all
    };
    let (scale, shift) = (
        of_columns(finish.scale, T::one()),
        of_columns(finish.shift, T::zero()),
    );
    let (scale, shift) = (T::vectors::<S>(&scale), T::vectors::<S>(&shift));
    for sums in T::vectors_mut::<S>(sums).chunks_exact_mut(scale.len()) {
        for ((sum, &scale), &shift) in sums.iter_mut().zip(scale).zip(shift) {
            *sum = T::times_plus(simd, *sum, scale, shift);
        }
    }
}

/// Writes rows of sums into columns, from `from` on: what `becomes` makes of a sum's column and row, of what
/// stands there, and of the sum.
#[inline(always)]
fn turn<T: Real>(
    sums: &[T],
    width: usize,
    out: &mut [&mut [T]],
    from: usize,
    becomes: impl Fn(usize, usize, T, T) -> T,
) {
    let rows = sums.len() / width;
    let (fours, rest) = out.as_chunks_mut::<4>();
    let after = 4 * fours.len();
    for (four, columns) in fours.iter_mut().enumerate() {
        let first = 4 * four;
        let [a, b, c, d] = columns.each_mut().map(|column| &mut column[from..][..rows]);
        let (a, a_rest) = a.as_chunks_mut::<4>();
        let (b, b_rest) = b.as_chunks_mut::<4>();
        let (c, c_rest) = c.as_chunks_mut::<4>();
        let (d, d_rest) = d.as_chunks_mut::<4>();
        let whole = 4 * a.len();
        let quads = a.iter_mut().zip(b).zip(c.iter_mut().zip(d));
        for (i, (((a, b), (c, d)), sums)) in quads.zip(sums.chunks_exact(4 * width)).enumerate() {
            let (row0, rest) = sums.split_at(width);
            let (row1, rest) = rest.split_at(width);
            let (row2, row3) = rest.split_at(width);
            let columns = T::turn([
                four_of(row0, first),
                four_of(row1, first),
                four_of(row2, first),
                four_of(row3, first),
            ]);
            let out = [a, b, c, d];
            for k in 0..4 {
                for j in 0..4 {
                    out[k][j] = becomes(first + k, 4 * i + j, out[k][j], columns[k][j]);
                }
            }
        }
        for (k, out) in [a_rest, b_rest, c_rest, d_rest].into_iter().enumerate() {
            for (i, out) in (whole..).zip(out) {
                *out = becomes(first + k, i, *out, sums[i * width + first + k]);
            }
        }
    }
    for (column, out) in (after..).zip(rest) {
        for (i, out) in out[from..][..rows].iter_mut().enumerate() {
            *out = becomes(column, i, *out, sums[i * width + column]);
        }
    }
}

/// Four numbers of a row.
#[inline(always)]
fn four_of<T: Copy>(row: &[T], first: usize) -> [T; 4] {
    let four = &row[first..][..4];
    [four[0], four[1], four[2], four[3]]
}

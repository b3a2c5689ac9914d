//! How does a tile become part of the output? Its sums stand in vectors over columns, and a column of the
//! output is a run of rows: four rows of four columns at a time are turned.

use super::{Finish, Product, To};
use crate::ops::cpu::Real;
use crate::ops::packed::VECTORS;
use pulp::Simd;

/// The most numbers that a row of a tile has: the longest vectors hold 16.
const WIDTH: usize = VECTORS * 16;

impl<T: Real> Product<'_, '_, T> {
    /// Writes the sums of the rows from `row` on.
    #[inline(always)]
    pub(super) fn write<S: Simd, const ROWS: usize, const WIDE: usize>(
        &mut self,
        simd: S,
        tile: [[T::Of<S>; WIDE]; ROWS],
        row: usize,
    ) {
        let from = row - self.rows.start;
        match self.to {
            To::Order => turn(
                &numbers::<T, S, ROWS, WIDE>(&tile),
                &mut self.out,
                from,
                |_, _, _, x| x,
            ),
            To::Itself => {
                turn(
                    &numbers::<T, S, ROWS, WIDE>(&tile),
                    &mut self.out,
                    from,
                    |_, _, there, x| there + x,
                );
            }
            To::Places(places) => {
                let tile = numbers::<T, S, ROWS, WIDE>(&tile);
                for (column, out) in self.out.iter_mut().enumerate() {
                    for (&place, numbers) in places[row..][..ROWS].iter().zip(&tile) {
                        out[place] = numbers[column];
                    }
                }
            }
            To::Finished(finish) => {
                let tile = numbers::<T, S, ROWS, WIDE>(&line(simd, tile, &finish, self.out.len()));
                let cut = |x: T| {
                    if finish.relu & (x < T::zero()) {
                        T::zero()
                    } else {
                        x
                    }
                };
                match finish.add {
                    None => turn(&tile, &mut self.out, from, |_, _, _, x| cut(x)),
                    Some(add) => {
                        let rows = self.left.rows.len();
                        let add = |column: usize, i: usize| add[column * rows + row + i];
                        turn(&tile, &mut self.out, from, |column, i, _, x| {
                            cut(add(column, i) + x)
                        });
                    }
                }
            }
        }
    }
}

/// Each sum times the factor of its column plus its summand.
#[inline(always)]
fn line<T: Real, S: Simd, const ROWS: usize, const WIDE: usize>(
    simd: S,
    mut tile: [[T::Of<S>; WIDE]; ROWS],
    finish: &Finish<T>,
    columns: usize,
) -> [[T::Of<S>; WIDE]; ROWS] {
    if finish.scale.is_none() && finish.shift.is_none() {
        return tile;
    }
    let of_columns = |numbers: Option<&[T]>, without: T| {
        let mut all = [without; WIDTH];
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
    for sums in &mut tile {
        for v in 0..WIDE {
            sums[v] = T::times_plus(simd, sums[v], scale[v], shift[v]);
        }
    }
    tile
}

/// A tile's rows as numbers.
#[inline(always)]
fn numbers<T: Real, S: Simd, const ROWS: usize, const WIDE: usize>(
    tile: &[[T::Of<S>; WIDE]; ROWS],
) -> [[T; WIDTH]; ROWS] {
    let mut numbers = [[T::zero(); WIDTH]; ROWS];
    for (numbers, vectors) in numbers.iter_mut().zip(tile) {
        T::vectors_mut::<S>(numbers)[..WIDE].copy_from_slice(vectors);
    }
    numbers
}

/// Writes a tile into columns, rows from `from` on: what `becomes` makes of a number's column and row in
/// the tile, of what stands there, and of the number.
#[inline(always)]
fn turn<T: Real, const ROWS: usize>(
    tile: &[[T; WIDTH]; ROWS],
    out: &mut [&mut [T]],
    from: usize,
    becomes: impl Fn(usize, usize, T, T) -> T,
) {
    let (fours, rest) = out.as_chunks_mut::<4>();
    let after = 4 * fours.len();
    for (four, [a, b, c, d]) in fours.iter_mut().enumerate() {
        let (first, rows) = (4 * four, from..from + ROWS);
        let out = [
            &mut a[rows.clone()],
            &mut b[rows.clone()],
            &mut c[rows.clone()],
            &mut d[rows],
        ];
        let of_row = |i: usize| -> [T; 4] {
            let row = &tile[i];
            [row[first], row[first + 1], row[first + 2], row[first + 3]]
        };
        for i in (0..ROWS - ROWS % 4).step_by(4) {
            let columns = T::turn([of_row(i), of_row(i + 1), of_row(i + 2), of_row(i + 3)]);
            for k in 0..4 {
                for j in 0..4 {
                    out[k][i + j] = becomes(first + k, i + j, out[k][i + j], columns[k][j]);
                }
            }
        }
        for (k, out) in out.into_iter().enumerate() {
            for i in ROWS - ROWS % 4..ROWS {
                out[i] = becomes(first + k, i, out[i], tile[i][first + k]);
            }
        }
    }
    for (k, out) in rest.iter_mut().enumerate() {
        for (i, out) in out[from..][..ROWS].iter_mut().enumerate() {
            *out = becomes(after + k, i, *out, tile[i][after + k]);
        }
    }
}

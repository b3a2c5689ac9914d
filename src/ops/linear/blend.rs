//! What do rows add up to, each times a factor? By vectors along the rows.
//!
//! A sum's terms are added in the order of the rows, in partial sums of [`PARTIAL`] rows.

use crate::ops::cpu::Real;
use crate::ops::dispatch;
use pulp::{Simd, WithSimd};

/// Rows of a partial sum.
const PARTIAL: usize = 256;

/// Writes the sum of `factor(i, row) * rows[row]` over all rows to `out[i]`, for each of them; rows and
/// sums have one length. The sums should fit the first cache, since they are read again for each few rows.
pub(super) fn blend<T: Real>(
    rows: &[&[T]],
    factor: impl Fn(usize, usize) -> T,
    out: &mut [&mut [T]],
) {
    let length = out.first().map_or(0, |out| out.len());
    assert!(rows.iter().all(|row| row.len() == length));
    assert!(out.iter().all(|out| out.len() == length));
    let mut part = Vec::new();
    for (i, rows) in rows.chunks(PARTIAL).enumerate() {
        let factor = |k: usize, row: usize| factor(k, i * PARTIAL + row);
        if i == 0 {
            dispatch(Blend { rows, factor, out });
            continue;
        }
        part.resize(out.len() * length, T::zero());
        let mut parts: Vec<&mut [T]> = part.chunks_exact_mut(length).collect();
        let out_of_part = &mut parts[..];
        dispatch(Blend {
            rows,
            factor,
            out: out_of_part,
        });
        for (out, part) in out.iter_mut().zip(&parts) {
            out.iter_mut()
                .zip(&**part)
                .for_each(|(out, &part)| *out += part);
        }
    }
}

/// The same for rows that are one partial sum.
struct Blend<'a, 'o, T, F> {
    rows: &'a [&'a [T]],
    factor: F,
    out: &'a mut [&'o mut [T]],
}

impl<T: Real, F: Fn(usize, usize) -> T> WithSimd for Blend<'_, '_, T, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Blend { rows, factor, out } = self;
        let (fours, ones) = rows.as_chunks::<4>();
        for (i, rows) in fours.iter().enumerate() {
            some_rows::<T, S, 4>(simd, rows, |k, row| factor(k, 4 * i + row), out, i > 0);
        }
        for (i, row) in ones.iter().enumerate() {
            let i = 4 * fours.len() + i;
            some_rows::<T, S, 1>(simd, &[row], |k, _| factor(k, i), out, i > 0);
        }
    }
}

/// Adds some rows to each sum, or starts the sums with them.
#[inline(always)]
fn some_rows<T: Real, S: Simd, const ROWS: usize>(
    simd: S,
    rows: &[&[T]; ROWS],
    factor: impl Fn(usize, usize) -> T,
    out: &mut [&mut [T]],
    add: bool,
) {
    let factors = |k: usize| std::array::from_fn(|row| factor(k, row));
    let (twos, ones) = out.as_chunks_mut::<2>();
    let after = 2 * twos.len();
    for (k, out) in twos.iter_mut().enumerate() {
        let factors = [factors(2 * k), factors(2 * k + 1)];
        tile::<T, S, ROWS, 2>(simd, rows, factors, out, add);
    }
    for out in ones {
        tile::<T, S, ROWS, 1>(simd, rows, [factors(after)], std::array::from_mut(out), add);
    }
}

/// The same for `OUT` sums; with four rows and two sums all factors stay in registers.
#[inline(always)]
fn tile<T: Real, S: Simd, const ROWS: usize, const OUT: usize>(
    simd: S,
    rows: &[&[T]; ROWS],
    factors: [[T; ROWS]; OUT],
    out: &mut [&mut [T]; OUT],
    add: bool,
) {
    let (length, lanes) = (out[0].len(), T::lanes::<S>());
    let count = length / lanes;
    // numbers that fill no vector
    for i in count * lanes..length {
        for (out, factors) in out.iter_mut().zip(&factors) {
            let start = if add { out[i] } else { T::zero() };
            let terms = rows.iter().zip(factors);
            out[i] = terms.fold(start, |sum, (row, &factor)| row[i] * factor + sum);
        }
    }
    let factors = factors.map(|factors| factors.map(|factor| T::splat(simd, factor)));
    let rows = rows.map(|row| T::vectors::<S>(row));
    let mut out = out.each_mut().map(|out| T::vectors_mut::<S>(out));
    // so that the loops check nothing
    assert!(rows.iter().all(|row| row.len() == count));
    assert!(out.iter().all(|out| out.len() == count));
    let zero = T::splat(simd, T::zero());
    match add {
        true => lines::<T, S, ROWS, OUT>(simd, rows, factors, &mut out, count, |sum| sum),
        false => lines::<T, S, ROWS, OUT>(simd, rows, factors, &mut out, count, |_| zero),
    }
}

/// The vectors of a tile; `start` says what terms are added to, of what stands there.
#[inline(always)]
fn lines<T: Real, S: Simd, const ROWS: usize, const OUT: usize>(
    simd: S,
    rows: [&[T::Of<S>]; ROWS],
    factors: [[T::Of<S>; ROWS]; OUT],
    out: &mut [&mut [T::Of<S>]; OUT],
    count: usize,
    start: impl Fn(T::Of<S>) -> T::Of<S>,
) {
    for i in 0..count {
        // read before anything is written, as the compiler does not know that rows and sums lie apart
        let x = rows.map(|row| row[i]);
        for k in 0..OUT {
            let mut sum = start(out[k][i]);
            for row in 0..ROWS {
                sum = T::times_plus(simd, x[row], factors[k][row], sum);
            }
            out[k][i] = sum;
        }
    }
}

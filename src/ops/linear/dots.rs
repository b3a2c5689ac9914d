//! How much of each row of a weight is in each sample? Dot products, by vectors along both.
//!
//! A part of the samples stays in the first cache while the rows' parts pass by. A dot product is summed
//! in the same order however many samples and rows there are: within a part by lanes, then part by part,
//! at last the lanes.

use crate::ops::cpu::Real;
use crate::ops::dispatch;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Terms of a part, a multiple of every vector's lanes: eight samples' parts fill half of the first cache.
const PART: usize = 512;

/// Writes the dot product of row `i` and sample `j`, all of them `width` long, to `out[i * samples + j]`.
pub(super) fn dots<T: Real>(rows: &[T], samples: &[T], width: usize, out: &mut [T]) {
    let (rows, samples): (Vec<_>, Vec<_>) = (
        rows.chunks_exact(width).collect(),
        samples.chunks_exact(width).collect(),
    );
    assert_eq!(rows.len() * samples.len(), out.len());
    dispatch(Dots {
        rows: &rows,
        samples: &samples,
        width,
        out,
    });
}

struct Dots<'a, T> {
    rows: &'a [&'a [T]],
    samples: &'a [&'a [T]],
    width: usize,
    out: &'a mut [T],
}

impl<T: Real> WithSimd for Dots<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Dots { rows, samples, .. } = self;
        let lanes = T::lanes::<S>();
        let mut by_lanes = vec![T::zero(); self.out.len() * lanes];
        let sums = T::vectors_mut::<S>(&mut by_lanes);
        let (fours, ones) = rows.as_chunks::<4>();
        for from in (0..self.width).step_by(PART) {
            let part = from..self.width.min(from + PART);
            let mut sums = sums.chunks_exact_mut(samples.len());
            for rows in fours {
                let sums = [(); 4].map(|()| sums.next().expect("there are sums of each row"));
                some_rows::<T, S, 4>(simd, rows, samples, &part, sums);
            }
            for (row, sums) in ones.iter().zip(sums) {
                some_rows::<T, S, 1>(simd, &[row], samples, &part, [sums]);
            }
        }
        // numbers that fill no vector
        let rest = self.width - self.width % lanes;
        let pairs = rows
            .iter()
            .flat_map(|row| samples.iter().map(move |sample| (row, sample)));
        let by_lanes = by_lanes.chunks_exact(lanes);
        for ((out, (row, sample)), sums) in self.out.iter_mut().zip(pairs).zip(by_lanes) {
            let rest = row[rest..].iter().zip(&sample[rest..]);
            *out = sums.iter().copied().sum::<T>() + rest.map(|(&a, &b)| a * b).sum();
        }
    }
}

/// Adds what a part gives to the sums of some rows, each with all samples.
#[inline(always)]
fn some_rows<T: Real, S: Simd, const ROWS: usize>(
    simd: S,
    rows: &[&[T]; ROWS],
    samples: &[&[T]],
    part: &Range<usize>,
    mut sums: [&mut [T::Of<S>]; ROWS],
) {
    let (twos, ones) = samples.as_chunks::<2>();
    for (i, samples) in twos.iter().enumerate() {
        let sums = sums.each_mut().map(|sums| &mut sums[2 * i..]);
        tile::<T, S, ROWS, 2>(simd, rows, samples, part, sums);
    }
    for sample in ones {
        let sums = sums.each_mut().map(|sums| &mut sums[2 * twos.len()..]);
        tile::<T, S, ROWS, 1>(simd, rows, &[sample], part, sums);
    }
}

/// The same for the first `SAMPLES` sums; with four rows and two samples eight sums go on at once.
#[inline(always)]
fn tile<T: Real, S: Simd, const ROWS: usize, const SAMPLES: usize>(
    simd: S,
    rows: &[&[T]; ROWS],
    samples: &[&[T]; SAMPLES],
    part: &Range<usize>,
    sums: [&mut [T::Of<S>]; ROWS],
) {
    let count = part.len() / T::lanes::<S>();
    let rows = rows.map(|row| &T::vectors::<S>(&row[part.clone()])[..count]);
    let samples = samples.map(|sample| &T::vectors::<S>(&sample[part.clone()])[..count]);
    let mut tile = [[T::splat(simd, T::zero()); SAMPLES]; ROWS];
    for k in 0..count {
        for i in 0..ROWS {
            for j in 0..SAMPLES {
                tile[i][j] = T::times_plus(simd, rows[i][k], samples[j][k], tile[i][j]);
            }
        }
    }
    for (sums, tile) in sums.into_iter().zip(tile) {
        for (sum, of_part) in sums.iter_mut().zip(tile) {
            *sum = T::plus(simd, *sum, of_part);
        }
    }
}

//! Which unit is the first of the largest in each window of a buffer?

use crate::ops::cpu::Real;
use crate::ops::phase_layout::{PhaseBuffer, PhaseLayout, Tap};

/// A buffer and what has been found in it.
pub(super) struct Search<T> {
    buffer: PhaseBuffer<T>,
    /// For each remainder of rows, the largest unit that each window has in that row.
    rows: Vec<Vec<T>>,
    /// The largest unit of each window.
    values: Vec<T>,
    /// How far the first of the largest lies behind the unit at which its window would start without
    /// padding.
    units: Vec<u32>,
}

impl<T: Real> Search<T> {
    pub fn new(layout: &PhaseLayout) -> Search<T> {
        let plane = vec![T::neg_infinity(); layout.plane()];
        Search {
            buffer: layout.buffer(T::neg_infinity()),
            rows: vec![plane; layout.down.stride],
            values: vec![T::neg_infinity(); layout.reach()],
            units: Vec::new(),
        }
    }

    /// The largest unit of each window, a NaN being larger than all.
    #[inline(always)]
    pub fn values(&mut self, layout: &PhaseLayout, maps: &[T], out: &mut [T]) {
        self.largest(layout, maps);
        let across = &layout.across;
        for (i, out) in out.chunks_exact_mut(across.output).enumerate() {
            let start = layout.row(i / layout.down.output, i % layout.down.output);
            out.copy_from_slice(&self.values[start..][..across.output]);
        }
    }

    /// The first of the largest units of each window.
    #[inline(always)]
    pub fn units(&mut self, layout: &PhaseLayout, maps: &[T]) {
        self.largest(layout, maps);
        let PhaseLayout { down, across, .. } = layout;
        self.units.resize(layout.reach(), 0);
        // the last tap first, so that the first that is as large stays
        for row in down.taps.iter().rev() {
            for column in across.taps.iter().rev() {
                let run = self.buffer.of(layout, row.phase, column.phase);
                let run = &run[row.shift * across.pitch + column.shift..];
                let unit = (row.first * across.input as isize + column.first) as u32;
                let found = self.units.iter_mut().zip(&self.values).zip(run);
                found.for_each(|((at, &best), &x)| {
                    *at = if (x == best) | x.is_nan() { unit } else { *at };
                });
            }
        }
    }

    #[inline(always)]
    fn largest(&mut self, layout: &PhaseLayout, maps: &[T]) {
        self.buffer.lay(layout, maps);
        let across = &layout.across;
        for (phase, row) in self.rows.iter_mut().enumerate() {
            let run = |tap: &Tap| &self.buffer.of(layout, phase, tap.phase)[tap.shift..];
            largest(row, across.taps.iter().map(run));
        }
        let run = |tap: &Tap| &self.rows[tap.phase][tap.shift * across.pitch..];
        largest(&mut self.values, layout.down.taps.iter().map(run));
    }
}

/// The largest of the numbers that runs have at each place; `best` as it is where there are no runs.
#[inline(always)]
fn largest<'a, T: Real>(best: &mut [T], mut runs: impl Iterator<Item = &'a [T]>) {
    let step = |x: T, best: T| if larger(x, best) { x } else { best };
    let Some(first) = runs.next() else { return };
    match runs.next() {
        None => best.iter_mut().zip(first).for_each(|(best, &x)| *best = x),
        Some(second) => {
            let pairs = best.iter_mut().zip(first.iter().zip(second));
            pairs.for_each(|(best, (&a, &b))| *best = step(b, a));
        }
    }
    for run in runs {
        best.iter_mut()
            .zip(run)
            .for_each(|(best, &x)| *best = step(x, *best));
    }
}

/// Whether a number takes another's place: it is larger, or the first NaN.
#[inline(always)]
#[expect(
    clippy::neg_cmp_op_on_partial_ord,
    reason = "a NaN is not at most the other"
)]
fn larger<T: Real>(x: T, best: T) -> bool {
    !(x <= best) & !best.is_nan()
}

/// Gives the gradient of each window to the unit that was found in it.
pub(super) fn place<T: Real>(layout: &PhaseLayout, found: &Search<T>, dy: &[T], dx: &mut [T]) {
    let (down, across) = (&layout.down, &layout.across);
    let maps = dx
        .chunks_exact_mut(layout.input())
        .zip(dy.chunks_exact(layout.output()));
    for (map, (dx, dy)) in maps.enumerate() {
        dx.fill(T::zero());
        for (i, dy) in dy.chunks_exact(across.output).enumerate() {
            let places = layout.row(map, i)..layout.row(map, i) + across.output;
            let (values, units) = (&found.values[places.clone()], &found.units[places]);
            // padding is not told from a window that has nothing but minus infinity
            let lowest = |low: bool, &x: &T| low | (x == T::neg_infinity());
            if values.iter().fold(false, lowest) {
                for (j, &dy) in dy.iter().enumerate() {
                    if values[j] == T::neg_infinity() {
                        first(layout, i, j)
                            .into_iter()
                            .for_each(|unit| dx[unit] += dy);
                    } else {
                        let start = i * down.stride * across.input + j * across.stride;
                        dx[units[j].wrapping_add(start as u32) as usize] += dy;
                    }
                }
                continue;
            }
            let mut start = (i * down.stride * across.input) as u32;
            for (&unit, &dy) in units.iter().zip(dy) {
                dx[unit.wrapping_add(start) as usize] += dy;
                start = start.wrapping_add(across.stride as u32);
            }
        }
    }
}

/// The first unit that a window sees.
#[cold]
fn first(layout: &PhaseLayout, i: usize, j: usize) -> Option<usize> {
    let (down, across) = (&layout.down, &layout.across);
    let row = down.taps.iter().find_map(|tap| down.row(tap.first, i))?;
    let column = across
        .taps
        .iter()
        .find_map(|tap| across.row(tap.first, j))?;
    Some(row * across.input + column)
}

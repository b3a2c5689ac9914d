//! Windows over windows, and the way back: whole rows are added up first, for all windows that share them,
//! then the columns of what came out.
//!
//! The rows' sums of several maps stand one under another, padded and, where windows step by more than
//! one column, sorted by the column's remainder. So each column of all windows is one run of neighbours,
//! and loops are long where maps are small.

use super::spans::Spans;
use crate::graph::{Window, pool};
use crate::ops::cpu::Real;
use crate::ops::phase_layout::{PhaseAxis, Tap};
use candle_core::Result;

/// Numbers that a task works on about: with what is computed from them they fit the second cache.
const SIZE: usize = 1 << 13;

/// Where windows or cells lie on maps.
pub(super) struct Windows {
    pub down: Spans,
    pub across: Spans,
    /// Windows at equal distances across; other cells are summed one by one.
    sliding: Option<PhaseAxis>,
    /// Input rows to the output rows that see them.
    seen_by: Vec<Vec<usize>>,
}

/// The columns of a row of a map that some window sees: the first of them, its place on a padded row, how
/// many.
struct Kept {
    from: usize,
    to: usize,
    columns: usize,
}

/// The numbers of a task.
pub(super) struct Work<T> {
    /// Windows of rows (backward: their gradients), padded.
    rows: Vec<T>,
    /// The same, columns sorted; empty where there is nothing to sort.
    sorted: Vec<T>,
    /// Windows of windows (backward: their gradients, behind as many zeros as a window reaches back).
    sums: Vec<T>,
}

impl Windows {
    /// Of windows.
    pub fn sliding(window: &Window, [h, w]: [usize; 2], count_pad: bool) -> Result<Windows> {
        let down = Spans::sliding(window, 0, h, count_pad)?;
        let across = Spans::sliding(window, 1, w, count_pad)?;
        Ok(Windows::new(
            down,
            across,
            Some(PhaseAxis::of(window, 1, w)?),
        ))
    }

    /// Of the cells of a grid, `[h, w]`.
    pub fn cells(cells: [usize; 2], [h, w]: [usize; 2]) -> Result<Windows> {
        let even = (w.is_multiple_of(cells[1])).then(|| PhaseAxis::of(&pool(w / cells[1]), 1, w));
        let (down, across) = (Spans::cells(cells[0], h), Spans::cells(cells[1], w));
        Ok(Windows::new(down, across, even.transpose()?))
    }

    fn new(down: Spans, across: Spans, sliding: Option<PhaseAxis>) -> Windows {
        Windows {
            seen_by: down.seen_by(),
            down,
            across,
            sliding,
        }
    }

    /// Units of a map.
    pub fn input(&self) -> usize {
        self.down.input * self.across.input
    }

    /// Outputs of a map, `[h, w]`.
    pub fn output(&self) -> [usize; 2] {
        [self.down.rows.len(), self.across.rows.len()]
    }

    /// Maps that a task works on.
    pub fn maps(&self) -> usize {
        let rows = self.down.rows.len() * self.width();
        (SIZE / rows.max(self.input()).max(1)).max(1)
    }

    /// Numbers of a padded row.
    fn width(&self) -> usize {
        let sliding = self.sliding.as_ref();
        sliding.map_or(self.across.input, |axis| axis.pitch * axis.stride)
    }

    /// How far rows of outputs are apart.
    fn pitch(&self) -> usize {
        let sliding = self.sliding.as_ref();
        sliding.map_or(self.across.rows.len(), |axis| axis.pitch)
    }

    /// How far a window reaches back, counted in outputs.
    fn reach(&self) -> usize {
        self.pitch() - self.across.rows.len()
    }

    fn kept(&self) -> Kept {
        let first = self.sliding.as_ref().and_then(|axis| axis.taps.first());
        let origin = first.map_or(0, |tap| tap.first);
        let from = origin.max(0) as usize;
        let to = (from as isize - origin) as usize;
        let room = self.width().saturating_sub(to);
        Kept {
            from,
            to,
            columns: self.across.input.saturating_sub(from).min(room),
        }
    }

    /// Empty numbers.
    pub fn work<T: Real>(&self) -> Work<T> {
        let rows = self.maps() * self.down.rows.len();
        let zeros = |count: usize| vec![T::zero(); count];
        let sorts = self.sliding.as_ref().is_some_and(|axis| axis.stride > 1);
        Work {
            rows: zeros(rows * self.width()),
            sorted: zeros(if sorts { rows * self.width() } else { 0 }),
            sums: zeros(self.reach() + rows * self.pitch()),
        }
    }

    /// Adds up each window of some maps; `becomes` is handed a map, an output row, its sums and where they
    /// go.
    #[inline(always)]
    pub fn forward<T: Real>(
        &self,
        work: &mut Work<T>,
        maps: &[T],
        out: &mut [T],
        becomes: impl Fn(usize, usize, &[T], &mut [T]),
    ) {
        let ([down, across], width, kept) = (self.output(), self.width(), self.kept());
        let mut rows = work.rows.chunks_exact_mut(width);
        for map in maps.chunks_exact(self.input()) {
            for (seen, row) in self.down.rows.iter().zip(&mut rows) {
                let run = |row: &usize| &map[row * self.across.input + kept.from..][..kept.columns];
                add(&mut row[kept.to..][..kept.columns], seen.iter().map(run));
            }
        }
        let count = out.len() / across;
        let rows = &work.rows[..count * width];
        match &self.sliding {
            Some(axis) => {
                let planes = match axis.stride {
                    1 => rows,
                    stride => {
                        sort(rows, &mut work.sorted[..count * width], stride);
                        &work.sorted
                    }
                };
                let sums = &mut work.sums[..count * axis.pitch - self.reach()];
                let plane = count * axis.pitch;
                let size = sums.len();
                let run = |tap: &Tap| &planes[tap.phase * plane + tap.shift..][..size];
                add(sums, axis.taps.iter().map(run));
            }
            None => {
                let sums = work.sums.chunks_exact_mut(across);
                for (row, sums) in rows.chunks_exact(width).zip(sums) {
                    for (columns, sum) in self.across.rows.iter().zip(sums) {
                        *sum = columns.iter().map(|&column| row[column]).sum();
                    }
                }
            }
        }
        for (i, out) in out.chunks_exact_mut(across).enumerate() {
            let sums = &work.sums[i * self.pitch()..][..across];
            becomes(i / down, i % down, sums, out);
        }
    }

    /// Spreads the gradient of each window of some maps over the units that it sees; `share` is handed a map,
    /// an output row, its gradients and where to put what each unit gets of them.
    #[inline(always)]
    pub fn backward<T: Real>(
        &self,
        work: &mut Work<T>,
        dy: &[T],
        dx: &mut [T],
        share: impl Fn(usize, usize, &[T], &mut [T]),
    ) {
        let ([down, across], width, kept) = (self.output(), self.width(), self.kept());
        let (reach, pitch) = (self.reach(), self.pitch());
        for (i, dy) in dy.chunks_exact(across).enumerate() {
            let sums = &mut work.sums[reach + i * pitch..][..across];
            share(i / down, i % down, dy, sums);
        }
        let count = dy.len() / across;
        let rows = &mut work.rows[..count * width];
        match &self.sliding {
            Some(axis) => {
                let plane = count * pitch;
                let planes = match axis.stride {
                    1 => &mut *rows,
                    _ => &mut work.sorted[..count * width],
                };
                for (phase, gradients) in planes.chunks_exact_mut(plane).enumerate() {
                    let taps = axis.taps.iter().filter(|tap| tap.phase == phase);
                    add(
                        gradients,
                        taps.map(|tap| &work.sums[reach - tap.shift..][..plane]),
                    );
                }
                if axis.stride > 1 {
                    unsort(&work.sorted[..count * width], rows, axis.stride);
                }
            }
            None => {
                let shares = work.sums.chunks_exact(across);
                for (row, shares) in rows.chunks_exact_mut(width).zip(shares) {
                    row.fill(T::zero());
                    for (columns, &share) in self.across.rows.iter().zip(shares) {
                        columns.iter().for_each(|&column| row[column] += share);
                    }
                }
            }
        }
        for (rows, dx) in rows
            .chunks_exact(down * width)
            .zip(dx.chunks_exact_mut(self.input()))
        {
            for (seen_by, dx) in self
                .seen_by
                .iter()
                .zip(dx.chunks_exact_mut(self.across.input))
            {
                let (before, dx) = dx.split_at_mut(kept.from);
                let (dx, after) = dx.split_at_mut(kept.columns);
                before.fill(T::zero());
                after.fill(T::zero());
                let run = |i: &usize| &rows[i * width + kept.to..][..kept.columns];
                add(dx, seen_by.iter().map(run));
            }
        }
    }
}

/// Adds up runs.
#[inline(always)]
fn add<'a, T: Real>(sum: &mut [T], mut runs: impl Iterator<Item = &'a [T]>) {
    match (runs.next(), runs.next()) {
        (Some(first), Some(second)) => {
            let pairs = sum.iter_mut().zip(first.iter().zip(second));
            pairs.for_each(|(sum, (&a, &b))| *sum = a + b);
        }
        (Some(first), None) => sum.copy_from_slice(first),
        (None, _) => sum.fill(T::zero()),
    }
    for run in runs {
        sum.iter_mut().zip(run).for_each(|(sum, &x)| *sum += x);
    }
}

/// Sorts numbers by the remainder of their place.
#[inline(always)]
fn sort<T: Real>(numbers: &[T], sorted: &mut [T], stride: usize) {
    let plane = numbers.len() / stride;
    if stride == 2 {
        let (even, odd) = sorted.split_at_mut(plane);
        let pairs = even.iter_mut().zip(odd).zip(numbers.chunks_exact(2));
        return pairs.for_each(|((even, odd), pair)| (*even, *odd) = (pair[0], pair[1]));
    }
    for (phase, sorted) in sorted.chunks_exact_mut(plane).enumerate() {
        let column = numbers[phase..].iter().step_by(stride);
        sorted.iter_mut().zip(column).for_each(|(to, &x)| *to = x);
    }
}

/// The way back of [`sort`].
#[inline(always)]
fn unsort<T: Real>(sorted: &[T], numbers: &mut [T], stride: usize) {
    let plane = numbers.len() / stride;
    if stride == 2 {
        let (even, odd) = sorted.split_at(plane);
        let pairs = numbers.chunks_exact_mut(2).zip(even.iter().zip(odd));
        return pairs.for_each(|(pair, (&even, &odd))| [pair[0], pair[1]] = [even, odd]);
    }
    for (phase, sorted) in sorted.chunks_exact(plane).enumerate() {
        let column = numbers[phase..].iter_mut().step_by(stride);
        column.zip(sorted).for_each(|(to, &x)| *to = x);
    }
}

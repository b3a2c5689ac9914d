//! How do threads share the work on an output?

use super::Unit;
use super::layout::Layout;
use rayon::prelude::*;
use std::ops::Range;

/// Multiply-accumulates that are worth a part of their own: some microseconds.
const WORTH: usize = 1 << 18;

/// Parts for each thread, so that one that is late is late by a small part.
const EACH: usize = 4;

/// Bytes of weights that are read anew for each part without loss.
const LIGHT: usize = 1 << 20;

/// Units of a part of work that costs little more than reading and writing: 64 KiB.
pub(super) const LIGHT_UNITS: usize = 1 << 10;

/// How an output is divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// Where its strips begin, in rows of all samples, and where the last one ends.
    pub rows: Vec<usize>,
    /// Blocks of a part.
    pub blocks: usize,
}

impl Cut {
    /// For an output of so many blocks, of which `together` are computed at once, for so many multiply-accumulates, by so
    /// many bytes of weights. A strip begins at one of `steps`, of which the last is the end. Where weights are many,
    /// each part reads some of them rather than all.
    ///
    /// The parts follow the number of threads, as a unit is computed in the same way in whichever part it is: what sums
    /// over units must not be divided so.
    pub fn of(steps: &[usize], blocks: usize, together: usize, work: usize, weights: usize) -> Cut {
        let (many, groups) = (steps.len() - 1, blocks.div_ceil(together));
        let parts = (work / WORTH).clamp(1, most());
        let of_groups = match weights > LIGHT || many < parts {
            true => groups.min(parts),
            false => 1,
        };
        let strips = parts.div_ceil(of_groups).min(many);
        Cut {
            rows: (0..=strips).map(|i| steps[many * i / strips]).collect(),
            blocks: groups.div_ceil(of_groups) * together,
        }
    }

    /// For work that costs little more than reading and writing; otherwise as [`Cut::of`].
    pub fn light(layout: &Layout) -> Cut {
        let parts = (layout.units() / LIGHT_UNITS).clamp(1, most());
        let of_blocks = layout.blocks().clamp(1, parts);
        let strips = parts.div_ceil(of_blocks).clamp(1, layout.rows().max(1));
        Cut {
            rows: (0..=strips).map(|i| layout.rows() * i / strips).collect(),
            blocks: layout.blocks().div_ceil(of_blocks),
        }
    }
}

/// Parts at most: one if there is one thread.
fn most() -> usize {
    match rayon::current_num_threads() {
        1 => 1,
        threads => EACH * threads,
    }
}

/// Some rows of some blocks of an output, to be written by one thread.
pub(super) struct Part<'a, T> {
    pub rows: Range<usize>,
    pub blocks: Range<usize>,
    width: usize,
    gap: usize,
    /// Of each block the rows, with the zeros behind each, and those in front of the first row of all.
    out: Vec<&'a mut [Unit<T>]>,
}

impl<T: Copy> Part<'_, T> {
    /// The units of a row of one of its blocks; both counted in the whole output.
    #[inline(always)]
    pub fn row(&mut self, block: usize, row: usize) -> &mut [Unit<T>] {
        self.units(block, row, 0, self.width)
    }

    /// So many units from one of a row on, of one of its blocks.
    #[inline(always)]
    pub fn units(&mut self, block: usize, row: usize, at: usize, count: usize) -> &mut [Unit<T>] {
        let front = if self.rows.start == 0 { self.gap } else { 0 };
        let from = front + (row - self.rows.start) * (self.width + self.gap) + at;
        &mut self.out[block - self.blocks.start][from..][..count]
    }

    /// So many units of a row for each of one or two of its blocks.
    #[inline(always)]
    pub fn of_blocks(
        &mut self,
        blocks: Range<usize>,
        row: usize,
        count: usize,
    ) -> [&mut [Unit<T>]; 2] {
        let front = if self.rows.start == 0 { self.gap } else { 0 };
        let from = front + (row - self.rows.start) * (self.width + self.gap);
        let first = blocks.start - self.blocks.start;
        match &mut self.out[first..first + blocks.len()] {
            [one, two] => [&mut one[from..][..count], &mut two[from..][..count]],
            [one, ..] => [&mut one[from..][..count], &mut []],
            [] => [&mut [], &mut []],
        }
    }

    /// Fills what stands beside the rows.
    #[inline(always)]
    pub fn fill_gaps(&mut self, zero: T) {
        let (gap, pitch) = (self.gap, self.width + self.gap);
        if gap == 0 {
            return;
        }
        let first = self.rows.start == 0;
        for out in &mut self.out {
            let mut rows = &mut out[..];
            if first {
                rows[..gap].fill([zero; _]);
                rows = &mut rows[gap..];
            }
            for row in rows.chunks_exact_mut(pitch) {
                row[pitch - gap..].fill([zero; _]);
            }
        }
    }
}

/// The parts of an output, whose units those are.
fn parts<'a, T>(layout: &Layout, units: &'a mut [Unit<T>], cut: &Cut) -> Vec<Part<'a, T>> {
    let strips = cut.rows.len() - 1;
    let firsts = (0..layout.blocks()).step_by(cut.blocks);
    let mut parts: Vec<Part<T>> = firsts
        .flat_map(|first| cut.rows.windows(2).map(move |rows| (first, rows)))
        .map(|(first, rows)| Part {
            rows: rows[0]..rows[1],
            blocks: first..layout.blocks().min(first + cut.blocks),
            width: layout.width,
            gap: layout.gap,
            out: Vec::with_capacity(cut.blocks),
        })
        .collect();
    for (block, mut units) in units.chunks_exact_mut(layout.block()).enumerate() {
        for part in &mut parts[block / cut.blocks * strips..][..strips] {
            let front = if part.rows.start == 0 { layout.gap } else { 0 };
            let (own, rest) = units.split_at_mut(front + part.rows.len() * layout.pitch());
            part.out.push(own);
            units = rest;
        }
    }
    parts
}

/// Has threads work on all parts.
pub(super) fn share<'a, T: Send>(
    layout: &Layout,
    units: &'a mut [Unit<T>],
    cut: &Cut,
    work: impl Fn(Part<'a, T>) + Sync + Send,
) {
    let mut parts = parts(layout, units, cut);
    match parts.len() {
        1 => parts.drain(..).for_each(work),
        _ => parts.into_par_iter().with_max_len(1).for_each(work),
    }
}

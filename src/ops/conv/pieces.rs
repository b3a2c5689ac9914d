//! How is a product divided among threads, and in which order is it worked off?

use crate::ops::cpu::Real;
use crate::ops::fresh::{Fresh, Slots};
use crate::ops::packed::blocks;
use crate::ops::product::STRIP;
use std::ops::Range;

/// One block of a group's columns, and some of its rows, in some samples.
pub(super) struct Piece<C> {
    pub samples: Range<usize>,
    pub group: usize,
    /// Which block.
    pub block: usize,
    /// Its first column.
    pub first: usize,
    /// Its rows in each sample: all of them, if there are several samples.
    pub rows: Range<usize>,
    /// How many columns it has.
    pub columns: usize,
    /// The columns of the first sample, as far as its rows go, then those of the next.
    pub out: Vec<C>,
}

/// How the outputs of groups are divided. No number depends on it.
///
/// All blocks of some rows come before the next rows: so what they read of the left operand is in a core's
/// second-level cache for all but the first.
pub(super) struct Division {
    groups: usize,
    /// Columns of a group.
    columns: usize,
    /// Rows of a column.
    rows: usize,
    /// Rows of a piece.
    part: usize,
    /// Samples of a piece.
    pub together: usize,
}

impl Division {
    /// Of groups in some samples whose columns are maps of `[h, w]` units, into pieces of about a strip of rows:
    /// some whole rows of a map, or some whole maps where they are small.
    pub fn strips<T: Real>(
        samples: usize,
        groups: usize,
        columns: usize,
        [h, w]: [usize; 2],
    ) -> Division {
        let strips = samples.div_ceil((STRIP / (h * w)).clamp(1, samples));
        let whole = Division {
            together: samples.div_ceil(strips),
            ..Division::whole(groups, columns, h * w)
        };
        let pieces = blocks::<T>(columns).count() * groups * strips;
        match whole.together {
            1 => whole.cut(pieces, (h * w).div_ceil(STRIP), [h, w]),
            _ => whole,
        }
    }

    /// Of groups whose columns stay whole but where threads would have nothing to do.
    pub fn columns<T: Real>(groups: usize, columns: usize, [h, w]: [usize; 2]) -> Division {
        let pieces = blocks::<T>(columns).count() * groups;
        Division::whole(groups, columns, h * w).cut(pieces, 1, [h, w])
    }

    /// Of groups whose columns stay whole.
    pub fn whole(groups: usize, columns: usize, rows: usize) -> Division {
        Division {
            groups,
            columns,
            rows,
            part: rows,
            together: 1,
        }
    }

    /// Cuts each of so many pieces into some parts of whole rows of the map, and more if threads need them.
    fn cut(self, pieces: usize, parts: usize, [h, w]: [usize; 2]) -> Division {
        let parts = rayon::current_num_threads().div_ceil(pieces).max(parts);
        Division {
            part: h.div_ceil(parts) * w,
            ..self
        }
    }

    /// The pieces of all groups, in the order in which they are best worked off, of an output that is not
    /// written yet.
    pub fn fresh<'o, T: Real>(&self, out: &'o mut Fresh<T>) -> Vec<Piece<Slots<'o, T>>> {
        let columns = out.cut(self.rows, self.part);
        self.pieces::<T, _>(columns)
    }

    /// The same of an output that is zero.
    pub fn zeros<'o, T: Real>(&self, out: &'o mut [T]) -> Vec<Piece<&'o mut [T]>> {
        let columns = out.chunks_exact_mut(self.rows);
        let parts = columns.flat_map(|column| column.chunks_mut(self.part));
        self.pieces::<T, _>(parts.collect())
    }

    /// The pieces of all groups, each with its parts of columns; they are in the order of the output.
    fn pieces<T: Real, C>(&self, columns: Vec<C>) -> Vec<Piece<C>> {
        let maps = self.groups * self.columns;
        let parts = self.rows.div_ceil(self.part);
        let samples = columns.len() / (maps * parts);
        let blocks: Vec<_> = blocks::<T>(self.columns).collect();
        let mut pieces = Vec::new();
        for from in (0..samples).step_by(self.together) {
            let samples = from..samples.min(from + self.together);
            for group in 0..self.groups {
                for row in (0..self.rows).step_by(self.part) {
                    pieces.extend(blocks.iter().enumerate().map(|(block, columns)| Piece {
                        samples: samples.clone(),
                        group,
                        block,
                        first: columns.start,
                        rows: row..self.rows.min(row + self.part),
                        columns: columns.len(),
                        out: Vec::with_capacity(samples.len() * columns.len()),
                    }));
                }
            }
        }
        let width = blocks.first().map_or(1, Range::len);
        for (i, column) in columns.into_iter().enumerate() {
            let (part, i) = (i % parts, i / parts);
            let (sample, group, of_group) = (i / maps, i % maps / self.columns, i % self.columns);
            let strip = (sample / self.together * self.groups + group) * parts + part;
            pieces[strip * blocks.len() + of_group / width]
                .out
                .push(column);
        }
        pieces
    }
}

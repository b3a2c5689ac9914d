//! How is a product divided among threads, and in which order is it worked off?

use crate::ops::cpu::Real;
use crate::ops::packed::full;
use crate::ops::product::STRIP;
use crate::ops::uninit::{UninitChunk, UninitVec};
use std::ops::Range;

/// Some blocks of a group's columns, and some of its rows, in some samples.
pub(super) struct Piece<C> {
    pub samples: Range<usize>,
    pub group: usize,
    pub columns: Range<usize>,
    /// Its rows in each sample: all of them, if there are several samples.
    pub rows: Range<usize>,
    /// The columns of the first sample, as far as its rows go, then those of the next.
    pub out: Vec<C>,
}

/// Blocks of a piece at most: those that read what one part of the terms has of its maps while it is in the second
/// cache, beside their sums.
const WIDE: usize = 8;

/// Whether the rows of so many maps of `[h, w]` units are worked off together, and each block of columns so is
/// read once.
pub(super) const fn is_one_strip(samples: usize, [h, w]: [usize; 2]) -> bool {
    samples * h * w <= STRIP
}

/// How the outputs of groups are divided. No number depends on it.
///
/// All blocks of some rows come before the next rows: so what they read of the left operand is in a core's
/// second-level cache for all but the first.
pub(super) struct Division {
    groups: usize,
    /// Columns of a group, and of a piece.
    columns: usize,
    wide: usize,
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
            ..Division::whole::<T>(groups, columns, h * w)
        };
        let division = match whole.together {
            1 => whole.cut(samples, (h * w).div_ceil(STRIP), [h, w]),
            _ => whole,
        };
        // so many that threads still end at about the same time
        let blocks = division.pieces(samples) / (2 * rayon::current_num_threads());
        Division {
            wide: blocks.clamp(1, WIDE) * division.wide,
            ..division
        }
    }

    /// Of groups whose columns stay whole but where threads would have nothing to do.
    pub fn columns<T: Real>(groups: usize, columns: usize, [h, w]: [usize; 2]) -> Division {
        Division::whole::<T>(groups, columns, h * w).cut(1, 1, [h, w])
    }

    /// Of groups whose columns stay whole.
    pub fn whole<T: Real>(groups: usize, columns: usize, rows: usize) -> Division {
        Division {
            groups,
            columns,
            wide: full::<T>(),
            rows,
            part: rows,
            together: 1,
        }
    }

    /// How many pieces there are.
    fn pieces(&self, samples: usize) -> usize {
        let (columns, rows) = (
            self.columns.div_ceil(self.wide),
            self.rows.div_ceil(self.part),
        );
        samples.div_ceil(self.together) * self.groups * columns * rows
    }

    /// Cuts each piece into so many parts of whole rows of the map, and more if threads need them.
    fn cut(self, samples: usize, parts: usize, [h, w]: [usize; 2]) -> Division {
        let needed = rayon::current_num_threads().div_ceil(self.pieces(samples));
        Division {
            part: h.div_ceil(needed.max(parts)) * w,
            ..self
        }
    }

    /// The pieces of all groups, in the order in which they are best worked off, of an output that is not
    /// written yet.
    pub fn uninit<'o, T: Real>(&self, out: &'o mut UninitVec<T>) -> Vec<Piece<UninitChunk<'o, T>>> {
        let columns = out.cut(self.rows, self.part);
        self.deal(columns)
    }

    /// The same of an output that is zero.
    pub fn zeros<'o, T: Real>(&self, out: &'o mut [T]) -> Vec<Piece<&'o mut [T]>> {
        let columns = out.chunks_exact_mut(self.rows);
        let parts = columns.flat_map(|column| column.chunks_mut(self.part));
        self.deal(parts.collect())
    }

    /// The pieces of all groups, each with its parts of columns, which are in the order of the output.
    fn deal<C>(&self, columns: Vec<C>) -> Vec<Piece<C>> {
        let maps = self.groups * self.columns;
        let parts = self.rows.div_ceil(self.part);
        let samples = columns.len() / (maps * parts);
        let wide = self.columns.div_ceil(self.wide);
        let mut pieces = Vec::new();
        for from in (0..samples).step_by(self.together) {
            let samples = from..samples.min(from + self.together);
            for group in 0..self.groups {
                for row in (0..self.rows).step_by(self.part) {
                    for first in (0..self.columns).step_by(self.wide) {
                        let columns = first..self.columns.min(first + self.wide);
                        pieces.push(Piece {
                            samples: samples.clone(),
                            group,
                            rows: row..self.rows.min(row + self.part),
                            out: Vec::with_capacity(samples.len() * columns.len()),
                            columns,
                        });
                    }
                }
            }
        }
        for (i, column) in columns.into_iter().enumerate() {
            let (part, i) = (i % parts, i / parts);
            let (sample, group, of_group) = (i / maps, i % maps / self.columns, i % self.columns);
            let strip = (sample / self.together * self.groups + group) * parts + part;
            pieces[strip * wide + of_group / self.wide].out.push(column);
        }
        pieces
    }
}

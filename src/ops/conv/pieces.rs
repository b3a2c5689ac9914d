//! How is a product divided among threads, and in which order is it worked off?

use crate::ops::cpu::Real;
use crate::ops::packed::blocks;
use std::ops::Range;

/// Bytes of a right operand that stay in a core's second-level cache beside the maps.
const NEAR: usize = 1 << 18;

/// One block of a group's columns, and some of its rows.
pub(super) struct Piece<'o, T> {
    /// Which group, among those of all samples.
    pub group: usize,
    /// Which block.
    pub block: usize,
    /// Its first column.
    pub first: usize,
    pub rows: Range<usize>,
    /// Its columns, as far as its rows go.
    pub out: Vec<&'o mut [T]>,
}

/// How the outputs of groups are divided. No number depends on it.
pub(super) struct Division {
    /// Columns of a group.
    columns: usize,
    /// Rows of a column.
    rows: usize,
    /// Rows of a piece.
    part: usize,
    /// Whether a block is worked off in all groups before the next one, as its right operand is too large to
    /// be read anew for each.
    pub block_first: bool,
}

impl Division {
    /// Of groups whose columns are maps of `[h, w]` units, each the sum of so many terms: into so many parts of
    /// whole rows of the map that `groups` of them are enough for all threads.
    pub fn new<T: Real>(
        groups: usize,
        columns: usize,
        [h, w]: [usize; 2],
        terms: usize,
    ) -> Division {
        let pieces = blocks::<T>(columns).count() * groups;
        Division {
            part: h.div_ceil(rayon::current_num_threads().div_ceil(pieces)) * w,
            block_first: columns * terms * size_of::<T>() > NEAR,
            ..Division::whole(columns, [h, w])
        }
    }

    /// Of groups whose columns stay whole.
    pub fn whole(columns: usize, [h, w]: [usize; 2]) -> Division {
        Division {
            columns,
            rows: h * w,
            part: h * w,
            block_first: false,
        }
    }

    /// The pieces of all groups, in the order in which they are best worked off.
    pub fn pieces<'o, T: Real>(&self, out: &'o mut [T]) -> Vec<Piece<'o, T>> {
        let mut pieces = Vec::new();
        let groups = out.chunks_exact_mut(self.columns * self.rows);
        for (group, mut out) in groups.enumerate() {
            for (block, columns) in blocks::<T>(self.columns).enumerate() {
                let (these, rest) = out.split_at_mut(columns.len() * self.rows);
                out = rest;
                let from = pieces.len();
                pieces.extend((0..self.rows).step_by(self.part).map(|row| Piece {
                    group,
                    block,
                    first: columns.start,
                    rows: row..self.rows.min(row + self.part),
                    out: Vec::with_capacity(columns.len()),
                }));
                for column in these.chunks_exact_mut(self.rows) {
                    let parts = column.chunks_mut(self.part);
                    let both = pieces[from..].iter_mut().zip(parts);
                    both.for_each(|(piece, part)| piece.out.push(part));
                }
            }
        }
        if self.block_first {
            pieces.sort_by_key(|piece| piece.block);
        }
        pieces
    }
}

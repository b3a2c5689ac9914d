//! How is a product divided among threads, and in which order is it worked off?

use super::geometry::Geometry;
use crate::ops::cpu::Real;
use crate::ops::packed::blocks;
use std::ops::Range;

/// Bytes of a right operand that stay in a core's second-level cache beside the maps.
const NEAR: usize = 1 << 18;

/// One block of the columns of one sample's group, and some of its rows.
pub(super) struct Piece<'o, T> {
    /// Sample and group, as their place among the groups of all samples.
    pub maps: usize,
    /// Which block.
    pub block: usize,
    /// Its first column.
    pub first: usize,
    pub rows: Range<usize>,
    /// Its columns, as far as its rows go.
    pub out: Vec<&'o mut [T]>,
}

/// How a group's outputs are divided. No number depends on it.
pub(super) struct Division {
    columns: usize,
    rows: usize,
    /// Rows of a part.
    part: usize,
    /// Whether a block is worked off in all samples before the next one.
    pub block_first: bool,
}

impl Division {
    /// Of columns that are maps of `[h, w]` units, each the sum of so many terms.
    pub fn new<T: Real>(
        geometry: &Geometry,
        columns: usize,
        terms: usize,
        [h, w]: [usize; 2],
    ) -> Division {
        let threads = rayon::current_num_threads();
        let blocks = blocks::<T>(columns).count() * geometry.groups;
        Division {
            columns,
            rows: h * w,
            // so many parts that one sample is enough for all threads, each of whole rows of the map
            part: h.div_ceil(threads.div_ceil(blocks)) * w,
            block_first: columns * terms * size_of::<T>() > NEAR,
        }
    }

    /// Whole columns.
    pub fn whole(columns: usize, [h, w]: [usize; 2]) -> Division {
        Division {
            columns,
            rows: h * w,
            part: h * w,
            block_first: false,
        }
    }

    /// The pieces of so many groups of columns, in the order in which they are best worked off.
    pub fn pieces<'o, T: Real>(&self, out: &'o mut [T], groups: usize) -> Vec<Piece<'o, T>> {
        let mut pieces = Vec::new();
        let each = out.chunks_exact_mut(self.columns * self.rows).take(groups);
        for (maps, mut out) in each.enumerate() {
            for (block, columns) in blocks::<T>(self.columns).enumerate() {
                let (these, rest) = out.split_at_mut(columns.len() * self.rows);
                out = rest;
                let from = pieces.len();
                pieces.extend((0..self.rows).step_by(self.part).map(|row| Piece {
                    maps,
                    block,
                    first: columns.start,
                    rows: row..self.rows.min(row + self.part),
                    out: Vec::with_capacity(columns.len()),
                }));
                for column in these.chunks_exact_mut(self.rows) {
                    let parts = column.chunks_mut(self.part);
                    (pieces[from..].iter_mut().zip(parts))
                        .for_each(|(piece, part)| piece.out.push(part));
                }
            }
        }
        if self.block_first {
            pieces.sort_by_key(|piece| piece.block);
        }
        pieces
    }
}

//! Where do branches stand?

use super::layout::{GAP, LANE, Layout, count};
use super::parts::Part;
use super::share::{columns, share};
use super::sketch::{End, Sketch};

/// From the line on which a fork's arrows part to its branches.
const FORK: i32 = 14;

impl Layout<'_> {
    /// Branches side by side, arrows without a box to their right.
    pub(super) fn fork(
        &self,
        branches: &[Vec<Part>],
        plain: usize,
        joins: bool,
        available: i32,
    ) -> Sketch {
        let mut sketch = Sketch::default();
        let lanes = LANE * count(plain);
        let room = available - lanes - GAP * (count(branches.len()) - 1).max(0);
        let naturals: Vec<i32> = branches.iter().map(|b| self.natural(b)).collect();
        let leasts: Vec<i32> = branches.iter().map(|b| self.least(b)).collect();
        let columns: Vec<i32> = branches.iter().map(|b| columns(b)).collect();
        let pieces: Vec<Sketch> = share(room, &naturals, &leasts, &columns)
            .into_iter()
            .zip(branches)
            .map(|(room, branch)| self.series(branch, room, 0, false))
            .collect();
        let highest = pieces.iter().map(|piece| piece.height).max().unwrap_or(0);
        let bottom = FORK + highest + 10;
        let total: i32 = pieces.iter().map(|piece| piece.left + piece.right).sum();
        let mut x = -(total + GAP * (count(pieces.len()) - 1)) / 2;
        if let [piece] = &pieces[..] {
            // one branch beside plain arrows stays on the spine
            x = -piece.left;
        }
        for (piece, branch) in pieces.into_iter().zip(branches) {
            let spine = x + piece.left;
            let top = FORK + (highest - piece.height) / 2;
            let end = self.end_at(branch);
            sketch.wire(&[(0, 0), (spine, 0), (spine, top)], end);
            let below = top + piece.height;
            if joins {
                sketch.wire(&[(spine, below), (spine, bottom), (0, bottom)], End::Open);
            }
            x = spine + piece.right + GAP;
            sketch.place(piece, spine, top);
        }
        for _ in 0..plain {
            x = x - GAP + LANE;
            sketch.wire(&[(0, 0), (x, 0), (x, bottom), (0, bottom)], End::Open);
            x += GAP;
        }
        sketch.height = bottom;
        sketch
    }

    /// A head beside the way that goes on.
    pub(super) fn side(&self, parts: &[Part], available: i32) -> Sketch {
        let mut sketch = Sketch::default();
        let piece = self.series(parts, available / 2 - 2 * LANE, 0, false);
        let (spine, bottom) = (piece.left + LANE, FORK + piece.height + 6);
        let end = self.end_at(parts);
        sketch.wire(&[(0, 0), (0, bottom)], End::Open);
        sketch.wire(&[(0, 0), (spine, 0), (spine, FORK)], end);
        sketch.place(piece, spine, FORK);
        sketch.height = bottom;
        sketch
    }
}

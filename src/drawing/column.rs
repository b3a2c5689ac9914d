//! How is a tangle with one box a row drawn?
//!
//! As a column with arcs at its right, one line a box, so that a dense block shows as nested arcs.

use super::layout::{LANE, Layout, STEM, boxed, narrow};
use super::sketch::{End, Sketch};
use super::tangle::Member;

/// Where a member stands.
#[derive(Clone, Copy)]
struct Spot {
    right: i32,
    top: i32,
    bottom: i32,
}

impl Layout<'_> {
    /// One box a row: arcs from side to side.
    pub(super) fn column(
        &self,
        members: &[Member],
        last: &[Option<usize>],
        available: i32,
    ) -> Sketch {
        let mut sketch = Sketch::default();
        let room = available - LANE * 6;
        let widths = members
            .iter()
            .filter(|m| !narrow(m.text.kind))
            .map(|m| m.text.width(room));
        let widest = widths.max().unwrap_or(0);
        let mut spots = Vec::new();
        let mut y = STEM;
        for member in members {
            let width = if narrow(member.text.kind) {
                member.text.width(room).max(44)
            } else {
                widest
            };
            let piece = boxed(member.text, member.tile, width);
            spots.push(Spot {
                right: piece.right,
                top: y,
                bottom: y + piece.height,
            });
            let height = piece.height;
            sketch.place(piece, 0, y);
            y += height + STEM;
        }
        let bottom = y - STEM + 10;
        let mut lane = sketch.right + LANE;
        // the arrow that starts last runs innermost
        let sources = (0..members.len()).rev().map(Some).chain([None]);
        for source in sources {
            let row = source.map_or(0, |source| members[source].row + 1);
            let from = source.map_or((0, 0), |source| {
                let spot: Spot = spots[source];
                (spot.right, spot.bottom - (spot.bottom - spot.top) / 3)
            });
            let mut far = Vec::new();
            for (spot, member) in spots.iter().zip(members) {
                if member.inputs.contains(&source) && member.row == row {
                    let above = source.map_or(0, |source| spots[source].bottom);
                    sketch.wire(&[(0, above), (0, spot.top)], End::Arrow);
                } else if member.inputs.contains(&source) {
                    let y = spot.top + (spot.bottom - spot.top) / 3;
                    far.push((y, spot.right, End::Arrow));
                }
            }
            if last.contains(&source) && row == members.len() {
                let above = source.map_or(0, |source| spots[source].bottom);
                sketch.wire(&[(0, above), (0, bottom)], End::Open);
            } else if last.contains(&source) {
                far.push((bottom, 0, End::Open));
            }
            let used = !far.is_empty();
            // one line to the farthest reader, from which the others branch off
            if let Some((y, right, end)) = far.pop() {
                sketch.wire(&[from, (lane, from.1), (lane, y), (right, y)], end);
            }
            for (y, right, end) in far {
                sketch.wire(&[(lane, y - LANE), (lane, y), (right, y)], end);
            }
            if used {
                lane += LANE - 2;
            }
        }
        sketch.height = bottom;
        sketch
    }
}

//! How is a tangle with several boxes a row drawn?
//!
//! Arrows run in the space between rows; those that pass rows run in lanes at the right.

use super::layout::{GAP, LANE, Layout, boxed, count};
use super::share::share;
use super::sketch::{End, Sketch};
use super::tangle::Member;

/// Where a member stands.
#[derive(Clone, Copy)]
struct Spot {
    x: i32,
    bottom: i32,
}

impl Layout<'_> {
    /// Several boxes a row: level strokes in the space between rows, each box's on a height of its own.
    pub(super) fn grid(
        &self,
        members: &[Member],
        last: &[Option<usize>],
        rows: usize,
        available: i32,
    ) -> Sketch {
        let sources: Vec<Option<usize>> = std::iter::once(None)
            .chain((0..members.len()).map(Some))
            .collect();
        let row_of = |source: Option<usize>| source.map_or(0, |source| members[source].row + 1);
        // rows in which each is read; the last stands for the box below
        let targets: Vec<Vec<usize>> = sources
            .iter()
            .map(|source| {
                let readers = members.iter().filter(|m| m.inputs.contains(source));
                let mut rows_read: Vec<usize> = readers.map(|m| m.row).collect();
                if last.contains(source) {
                    rows_read.push(rows);
                }
                rows_read
            })
            .collect();
        let far = |i: usize| targets[i].iter().any(|&row| row > row_of(sources[i]));
        let passing = (0..sources.len()).filter(|&i| far(i)).count();
        let room = available - LANE * count(passing);
        let mut pieces: Vec<Sketch> = Vec::new();
        let mut xs: Vec<i32> = Vec::new();
        for row in 0..rows {
            let row: Vec<&Member> = members.iter().filter(|m| m.row == row).collect();
            let naturals: Vec<i32> = row.iter().map(|m| m.text.natural().max(44)).collect();
            let leasts: Vec<i32> = row.iter().map(|m| m.text.least().max(44)).collect();
            let gaps = GAP * (count(row.len()) - 1);
            let widths = share(room - gaps, &naturals, &leasts, &vec![1; row.len()]);
            let mut x = -(widths.iter().sum::<i32>() + gaps) / 2;
            for (member, width) in row.into_iter().zip(widths) {
                let piece = boxed(member.text, member.tile, width);
                xs.push(x + piece.left);
                x += piece.left + piece.right + GAP;
                pieces.push(piece);
            }
        }
        let right = xs.iter().zip(&pieces).map(|(x, piece)| x + piece.right);
        let right = right.max().unwrap_or(0);
        let mut lane = right;
        let lanes: Vec<i32> = (0..sources.len())
            .map(|i| {
                lane += if far(i) { LANE - 2 } else { 0 };
                lane
            })
            .collect();
        let mut sketch = Sketch::default();
        let mut spots: Vec<Spot> = Vec::new();
        let mut y = 0;
        let mut lane_from: Vec<i32> = vec![0; sources.len()];
        for row in 0..=rows {
            // strokes of this space: of each source, where they start and end
            let strokes: Vec<usize> = (0..sources.len())
                .filter(|&i| {
                    let starts = row_of(sources[i]) == row;
                    targets[i].contains(&row) || (starts && far(i))
                })
                .collect();
            let space = 12 + 6 * count(strokes.len()) + 6;
            let below = y + space;
            let height = members
                .iter()
                .zip(&pieces)
                .filter(|(m, _)| m.row == row)
                .map(|(_, piece)| piece.height)
                .max()
                .unwrap_or(0);
            for (level, &i) in strokes.iter().enumerate() {
                let level = y + 6 + 6 * count(level);
                let starts = row_of(sources[i]) == row;
                let origin = if starts {
                    let (x, bottom) = sources[i].map_or((0, y), |s| (spots[s].x, spots[s].bottom));
                    vec![(x, bottom), (x, level)]
                } else {
                    vec![(lanes[i], lane_from[i]), (lanes[i], level)]
                };
                if starts && far(i) {
                    let mut points = origin.clone();
                    points.push((lanes[i], level));
                    sketch.wire(&points, End::Open);
                    lane_from[i] = level;
                }
                let readers = members.iter().enumerate().filter(|(_, m)| m.row == row);
                for (place, member) in readers {
                    if let Some(port) = member.inputs.iter().position(|s| *s == sources[i]) {
                        let ports = count(member.inputs.len());
                        let step = (2 * pieces[place].right / (ports + 1)).min(12);
                        let x = xs[place] + (2 * count(port) - (ports - 1)) * step / 2;
                        let top = below + (height - pieces[place].height) / 2;
                        let mut points = origin.clone();
                        points.extend([(x, level), (x, top)]);
                        sketch.wire(&points, End::Arrow);
                    }
                }
                if row == rows && last.contains(&sources[i]) {
                    let mut points = origin.clone();
                    points.extend([(0, level), (0, below)]);
                    sketch.wire(&points, End::Open);
                }
            }
            for (place, member) in members.iter().enumerate() {
                if member.row == row {
                    let piece = pieces[place].clone();
                    let top = below + (height - piece.height) / 2;
                    spots.push(Spot {
                        x: xs[place],
                        bottom: top + piece.height,
                    });
                    sketch.place(piece, xs[place], top);
                }
            }
            y = below + height;
        }
        sketch.height = y;
        sketch
    }
}

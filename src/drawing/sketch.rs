//! What a drawing is made of: boxes, arrows and notes, on whole units.

use super::text::{Span, wide};

/// A box with its place.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    /// The box, unless it stands for others.
    pub(super) tile: Option<usize>,
    /// Its class.
    pub(super) kind: &'static str,
    /// Left edge.
    pub(super) x: i32,
    /// Top edge.
    pub(super) y: i32,
    /// Width.
    pub(super) width: i32,
    /// Height.
    pub(super) height: i32,
    /// What it says.
    pub(super) lines: Vec<Vec<Span>>,
}

/// An arrow or bracket: level and upright strokes.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    /// Its corners.
    pub(super) points: Vec<(i32, i32)>,
    /// How it ends.
    pub(super) end: End,
}

/// How a wire ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It goes on in another.
    Open,
    /// With an arrowhead.
    Arrow,
    /// It is a bracket.
    Bracket,
}

/// Text beside an arrow or bracket.
#[derive(Debug, Clone)]
pub(super) struct Note {
    /// Where it starts, or ends if `before`.
    pub(super) x: i32,
    /// Its baseline.
    pub(super) y: i32,
    /// Whether it stands to the left of `x`.
    pub(super) before: bool,
    /// What it says.
    pub(super) text: String,
}

/// A drawing or a piece of one. Its spine, on which it is entered and left, is at x = 0; it starts at
/// y = 0.
#[derive(Debug, Clone, Default)]
pub(super) struct Sketch {
    /// Units to the left of the spine.
    pub(super) left: i32,
    /// Units to the right of it.
    pub(super) right: i32,
    /// Units from top to bottom.
    pub(super) height: i32,
    /// Its boxes.
    pub(super) boxes: Vec<Placed>,
    /// Its arrows and brackets.
    pub(super) wires: Vec<Wire>,
    /// Its notes.
    pub(super) notes: Vec<Note>,
}

impl Sketch {
    /// Adds a piece with its spine at `dx` and its top at `dy`.
    pub(super) fn place(&mut self, piece: Sketch, dx: i32, dy: i32) {
        self.left = self.left.max(piece.left - dx);
        self.right = self.right.max(piece.right + dx);
        self.height = self.height.max(piece.height + dy);
        self.boxes.extend(piece.boxes.into_iter().map(|b| Placed {
            x: b.x + dx,
            y: b.y + dy,
            ..b
        }));
        self.wires.extend(piece.wires.into_iter().map(|wire| Wire {
            points: wire.points.iter().map(|&(x, y)| (x + dx, y + dy)).collect(),
            ..wire
        }));
        self.notes.extend(piece.notes.into_iter().map(|note| Note {
            x: note.x + dx,
            y: note.y + dy,
            ..note
        }));
    }

    /// Draws a wire; strokes of no length are left out.
    pub(super) fn wire(&mut self, points: &[(i32, i32)], end: End) {
        let mut points = points.to_vec();
        points.dedup();
        if points.len() > 1 {
            for &(x, _) in &points {
                self.left = self.left.max(4 - x);
                self.right = self.right.max(4 + x);
            }
            self.wires.push(Wire { points, end });
        }
    }

    /// Writes a note to the right of a point, or to its left.
    pub(super) fn note(&mut self, x: i32, y: i32, before: bool, text: String) {
        let room = wide(&text);
        if before {
            self.left = self.left.max(room - x);
        } else {
            self.right = self.right.max(room + x);
        }
        self.notes.push(Note { x, y, before, text });
    }
}

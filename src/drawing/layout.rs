//! Where does each part stand?

use super::parts::Part;
use super::sketch::{End, Placed, Sketch};
use super::text::{LINE, Text, shape, wide};
use super::tiles::Tile;
use crate::graph::Graph;

/// Units that a drawing tries to stay within.
const WIDTH: i32 = 386;
/// Between branches.
pub(super) const GAP: i32 = 6;
/// From a branch to an arrow beside it, and between such arrows.
pub(super) const LANE: i32 = 12;
/// An arrow from box to box.
pub(super) const STEM: i32 = 16;
/// An arrow with a shape beside it.
const LABELLED: i32 = 22;

/// A network whose parts are to be placed.
pub(super) struct Layout<'a> {
    pub(super) graph: &'a Graph,
    pub(super) tiles: &'a [Tile],
    /// What each box says.
    pub(super) texts: &'a [Text],
}

impl Layout<'_> {
    /// All parts, one below the other, with the shapes between them.
    pub(super) fn drawing(&self, parts: &[Part]) -> Sketch {
        self.series(parts, WIDTH, 0, true)
    }

    /// Parts one below the other; with the shapes between them on the spine, where there is room.
    pub(super) fn series(
        &self,
        parts: &[Part],
        available: i32,
        least: i32,
        shapes: bool,
    ) -> Sketch {
        let mut sketch = Sketch::default();
        // boxes one below the other are equally wide
        let widest = self.widest(parts, available);
        let widest = ((widest + 39) / 40 * 40).min(available).max(widest);
        let widest = widest.max(least.min(available));
        let mut y = 0;
        for (i, part) in parts.iter().enumerate() {
            if let Some(above) = i.checked_sub(1).map(|i| &parts[i]) {
                let label = self.leaves(above).filter(|_| shapes);
                let length = match (&label, self.pointed(part)) {
                    (Some(_), _) => LABELLED,
                    (None, true) if matches!(above, Part::Tile(_) | Part::Repeat { .. }) => STEM,
                    (None, true) => 10,
                    (None, false) => 6,
                };
                if !matches!(part, Part::Tile(id) if !self.tiles[*id].is_drawn()) {
                    sketch.wire(&[(0, y), (0, y + length)], self.end(part));
                }
                if let Some(label) = label {
                    sketch.note(7, y + 14, false, label);
                }
                y += length;
            }
            sketch.place(self.part(part, available, widest, shapes), 0, y);
            y = sketch.height.max(y);
        }
        sketch
    }

    /// The width of the widest box below the others, repeated or not.
    fn widest(&self, parts: &[Part], available: i32) -> i32 {
        let widths = parts.iter().map(|part| match part {
            Part::Tile(id) if !narrow(self.texts[*id].kind) => self.texts[*id].width(available),
            Part::Repeat { parts, .. } => self.widest(parts, available),
            _ => 0,
        });
        widths.max().unwrap_or(0)
    }

    fn part(&self, part: &Part, available: i32, widest: i32, shapes: bool) -> Sketch {
        match part {
            Part::Tile(id) if narrow(self.texts[*id].kind) => {
                self.tile(*id, self.texts[*id].width(available).max(44))
            }
            Part::Tile(id) => self.tile(*id, widest),
            Part::Fork {
                branches,
                plain,
                joins,
            } => self.fork(branches, *plain, *joins, available),
            Part::Side(parts) => self.side(parts, available),
            Part::Tangle(tangle) => self.tangle(tangle, available),
            Part::Repeat {
                times,
                in_line,
                parts,
                ..
            } => {
                let note = repeat_note(*times, *in_line);
                // beside the spine there is room for a bracket
                let aside = if shapes { 0 } else { wide(&note) + 14 };
                let inner = self.series(parts, available - aside, widest, shapes);
                let (x, bottom) = (-inner.left - 6, inner.height);
                let mut sketch = Sketch::default();
                sketch.place(inner, 0, 0);
                sketch.wire(
                    &[(x + 5, 0), (x, 0), (x, bottom), (x + 5, bottom)],
                    End::Bracket,
                );
                sketch.note(x - 6, bottom / 2 + 4, true, note);
                sketch
            }
        }
    }

    /// A box of that width on the spine.
    pub(super) fn tile(&self, id: usize, width: i32) -> Sketch {
        if self.tiles[id].is_drawn() {
            boxed(&self.texts[id], Some(id), width)
        } else {
            Sketch::default()
        }
    }

    /// How an arrow to a part ends.
    fn end(&self, part: &Part) -> End {
        if self.pointed(part) {
            End::Arrow
        } else {
            End::Open
        }
    }

    /// How an arrow to the first of several parts ends.
    pub(super) fn end_at(&self, parts: &[Part]) -> End {
        parts.first().map_or(End::Open, |part| self.end(part))
    }

    /// Whether an arrow to a part ends at its top.
    fn pointed(&self, part: &Part) -> bool {
        match part {
            Part::Tile(id) => self.tiles[*id].is_drawn(),
            Part::Repeat { parts, .. } => parts.first().is_some_and(|part| self.pointed(part)),
            Part::Fork { .. } | Part::Side(_) | Part::Tangle(_) => false,
        }
    }

    /// The shape that leaves a part which ends in a box.
    fn leaves(&self, part: &Part) -> Option<String> {
        match part {
            Part::Tile(id) => {
                let last = self.tiles[*id].nodes.last()?;
                Some(shape(self.graph.nodes()[*last].shape))
            }
            Part::Repeat {
                grows_to: Some(last),
                times,
                ..
            } => {
                let shape = self.leaves(&Part::Tile(*last))?;
                Some(format!("{shape} after all {times}"))
            }
            Part::Repeat { parts, .. } => parts.last().and_then(|part| self.leaves(part)),
            Part::Fork { .. } | Part::Side(_) | Part::Tangle(_) => None,
        }
    }
}

/// A box with its text, on the spine.
pub(super) fn boxed(text: &Text, tile: Option<usize>, width: i32) -> Sketch {
    let lines = text.lines(width);
    let height = LINE * count(lines.len()) + 7;
    let half = (width + 1) / 2;
    Sketch {
        left: half,
        right: half,
        height,
        boxes: vec![Placed {
            tile,
            kind: text.kind,
            x: -half,
            y: 0,
            width: 2 * half,
            height,
            lines,
        }],
        ..Sketch::default()
    }
}

/// Kinds whose boxes are as small as their text.
pub(super) fn narrow(kind: &str) -> bool {
    matches!(kind, "join" | "gate" | "end" | "more")
}

pub(super) fn repeat_note(times: usize, in_line: bool) -> String {
    if in_line {
        format!("x {times}")
    } else {
        format!("{times} paths")
    }
}

/// A number of things as units; a drawing has no more than a few thousand.
pub(super) fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(100_000)
}

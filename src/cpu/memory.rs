//! Where in one piece of memory do the values of a program stand?

use super::layout::Layout;
use super::places::Places;
use super::{LANES, Unit};
use crate::arena::{self, Piece};
use crate::graph::{NodeId, lifetimes};
use std::collections::BTreeMap;
use std::ops::Range;

/// Where a value stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its units; while a program is built, within the memory of a piece.
    pub units: Range<usize>,
    pub layout: Layout,
    pub piece: usize,
}

impl Place {
    /// Where in the same memory, from that unit on, a value stands that is put there from elsewhere.
    pub fn part(&self, at: usize, from: &Layout) -> Place {
        let layout = Layout {
            gap: self.layout.gap,
            ..from.clone()
        };
        Place {
            units: at..at + layout.units(),
            layout,
            piece: self.piece,
        }
    }
}

/// The memory of a program while it is being built: pieces, each alive from the first step that touches it to the last.
#[derive(Default)]
pub(super) struct Memory {
    /// Units of each piece.
    pieces: Vec<usize>,
    /// The piece of each root.
    roots: BTreeMap<NodeId, usize>,
}

impl Memory {
    /// A new piece of so many units.
    pub fn piece(&mut self, units: usize) -> usize {
        self.pieces.push(units);
        self.pieces.len() - 1
    }

    /// A value for a moment.
    pub fn passing(&mut self, layout: Layout) -> Place {
        let units = layout.units();
        Place {
            units: 0..units,
            layout,
            piece: self.piece(units),
        }
    }

    /// Planes of so many channels, whose rows stand as those of the layout.
    pub fn planes(&mut self, layout: Layout, channels: usize) -> Place {
        let units = (channels * layout.block()).div_ceil(LANES);
        Place {
            units: 0..units,
            layout,
            piece: self.piece(units),
        }
    }

    /// The place of a layer's value.
    pub fn place(&mut self, places: &Places, id: NodeId) -> Place {
        let (root, from) = places.stands(id);
        let piece = match self.roots.get(&root) {
            Some(&piece) => piece,
            None => {
                let piece = self.piece(places.layout(root).units());
                self.roots.insert(root, piece);
                piece
            }
        };
        let layout = places.layout(id);
        Place {
            units: from..from + layout.units(),
            layout,
            piece,
        }
    }

    /// Where each piece begins, if those are the pieces that the steps touch one after the other.
    pub fn settled(&self, touched: Vec<Vec<usize>>) -> Settled {
        const UNIT: usize = size_of::<Unit<f32>>();
        let alive = lifetimes(self.pieces.len(), touched);
        let pieces: Vec<Piece> = (self.pieces.iter().zip(alive))
            .map(|(&units, alive)| Piece {
                bytes: if alive.is_some() { units * UNIT } else { 0 },
                alive: alive.unwrap_or([0, 0]),
            })
            .collect();
        let (starts, total) = arena::plan(&pieces);
        Settled {
            starts: starts.into_iter().map(|start| start / UNIT).collect(),
            units: total / UNIT,
        }
    }
}

/// Where pieces begin in the one memory that holds all.
pub(super) struct Settled {
    starts: Vec<usize>,
    /// Units of the memory.
    pub units: usize,
}

impl Settled {
    /// Turns a place within its piece into that in the memory.
    pub fn settle(&self, place: &mut Place) {
        let from = self.starts[place.piece];
        place.units = from + place.units.start..from + place.units.end;
    }
}

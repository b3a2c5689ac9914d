//! How do the maps of a batch stand in memory?
//!
//! `[block][sample][row][column][LANES]`: the blocks of a value follow each other, so that a concatenation is its parts
//! one behind the other. Behind each row, and in front of the first, stand some zeros, as many as the widest window
//! that reads it looks beyond an edge: the zeros behind a row are those before the next one.

use super::{LANES, Unit};
use std::sync::Arc;

/// What a lane holds that holds no channel.
pub(super) const NONE: u32 = u32::MAX;

/// The places of a value's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// For each lane of each block which channel it holds, or [`NONE`].
    pub lanes: Arc<[u32]>,
    pub samples: usize,
    pub height: usize,
    pub width: usize,
    /// Zeros beside each row.
    pub gap: usize,
}

/// Channels in order, the last block filled up.
pub(super) fn in_order(channels: usize) -> Arc<[u32]> {
    let lanes = channels.next_multiple_of(LANES) as u32;
    let lane = |lane| if lane < channels as u32 { lane } else { NONE };
    (0..lanes).map(lane).collect()
}

impl Layout {
    /// Numbers of channels, in lanes; of no channel a zero.
    pub fn in_lanes(&self, numbers: &[f32]) -> Vec<Unit<f32>> {
        let lane = |&channel: &u32| match channel {
            NONE => 0.0,
            channel => numbers[channel as usize],
        };
        let lanes: Vec<f32> = self.lanes.iter().map(lane).collect();
        lanes.as_chunks().0.to_vec()
    }

    /// The same maps with channels in the lanes of others.
    pub fn with_lanes_of(&self, other: &Layout) -> Layout {
        Layout {
            lanes: other.lanes.clone(),
            ..self.clone()
        }
    }

    pub fn blocks(&self) -> usize {
        self.lanes.len() / LANES
    }

    /// Rows of all samples.
    pub fn rows(&self) -> usize {
        self.samples * self.height
    }

    /// Units from a row to the next.
    pub fn pitch(&self) -> usize {
        self.width + self.gap
    }

    /// Units from a block to the next.
    pub fn block(&self) -> usize {
        self.gap + self.rows() * self.pitch()
    }

    /// Units of all blocks.
    pub fn units(&self) -> usize {
        self.blocks() * self.block()
    }

    /// Where a row begins in its block.
    pub fn row(&self, row: usize) -> usize {
        self.gap + row * self.pitch()
    }

    /// The same numbers as one column of units, where nothing stands between rows.
    pub fn flat(&self) -> Option<Layout> {
        (self.gap == 0).then(|| Layout {
            lanes: self.lanes.clone(),
            samples: 1,
            height: self.samples * self.height * self.width,
            width: 1,
            gap: 0,
        })
    }

    /// Each channel with its block and lane, in the order of lanes.
    pub fn channels(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let lanes = self.lanes.iter().enumerate();
        let held = lanes.filter(|(_, channel)| **channel != NONE);
        held.map(|(lane, &channel)| (channel as usize, lane / LANES, lane % LANES))
    }
}

/// A value: its units and how they stand.
#[derive(Clone, Copy)]
pub(super) struct Maps<'a, T> {
    pub units: &'a [Unit<T>],
    pub layout: &'a Layout,
}

impl<'a, T: Copy> Maps<'a, T> {
    /// The units of a row of a block.
    #[inline(always)]
    pub fn row(self, block: usize, row: usize) -> &'a [Unit<T>] {
        self.some(block, row, 0, self.layout.width)
    }

    /// So many units from one of a row on, of a block.
    #[inline(always)]
    pub fn some(self, block: usize, row: usize, at: usize, count: usize) -> &'a [Unit<T>] {
        &self.units[block * self.layout.block() + self.layout.row(row) + at..][..count]
    }
}

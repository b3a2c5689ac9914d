//! The gradient of a convolution's weights: sums over all units of an output.
//!
//! Sixteen sums by one vector, or eight by two, stay in registers while a strip of units goes by. The sums of strips are
//! added to those of a chunk of rows, those of chunks to each other: divided by shape alone, as everywhere.

mod sums;
mod tiled;

use super::super::buffer::Buffer;
use super::super::direct::{Source, Taps};
use super::super::layout::{Layout, NONE};
use super::super::weights::{Run, blocks_together};
use super::super::{LANES, Unit};
use crate::ops::wide::wide;
use crate::ops::{SimdWidth, dispatch};
use rayon::prelude::*;
use std::ops::Range;
use sums::Task;
use tiled::Tiled;

/// Units of a strip, about: what is read of them for all places of a window stays in the first cache.
const STRIP: usize = 128;

/// Multiply-accumulates that are worth a part of their own.
const WORTH: usize = 1 << 21;

/// Parts at most.
const MOST: usize = 32;

/// Sums of all chunks together, at most, where there are several.
const SUMS: usize = 1 << 18;

/// The sums of a convolution's weights.
pub(super) struct WeightGradient {
    taps: Taps,
    source: Source,
    output: Layout,
    /// Channels in and out of one group.
    group: [usize; 2],
    tiles: Vec<Tile>,
    /// Units of the sums of all tiles.
    units: usize,
    /// Where chunks of rows begin, and where the last one ends.
    chunks: Vec<usize>,
    /// The tiles of each part.
    parts: Vec<Range<usize>>,
    sums: Buffer<f32>,
    tiled: Option<Box<Tiled>>,
}

/// The sums of what one block of the input, or one row of a window on one plane, has to do with one or two blocks of the
/// output: `[output block][tap][lane]`.
struct Tile {
    source: usize,
    blocks: Range<usize>,
    /// Where its sums begin.
    at: usize,
}

impl WeightGradient {
    /// In tiles of `m` units a side, if that is said.
    pub fn new(
        taps: Taps,
        source: Source,
        output: Layout,
        group: [usize; 2],
        m: Option<usize>,
    ) -> WeightGradient {
        let [rows, columns] = taps.kernel;
        let (sources, of_tile) = match &source {
            Source::Blocks(layout) => (layout.blocks(), rows * columns * LANES),
            Source::Planes(_, channels) => (channels * rows, columns),
        };
        let together = blocks_together();
        let sees = |from: usize, blocks: &Range<usize>| match &source {
            Source::Planes(..) => true,
            Source::Blocks(layout) => {
                let groups = |lanes: &[u32], of: usize| -> Vec<usize> {
                    let held = lanes.iter().filter(|&&channel| channel != NONE);
                    held.map(|&channel| channel as usize / of).collect()
                };
                let inputs = groups(&layout.lanes[from * LANES..][..LANES], group[0]);
                let own = &output.lanes[blocks.start * LANES..blocks.end * LANES];
                groups(own, group[1]).iter().any(|own| inputs.contains(own))
            }
        };
        let (mut tiles, mut units) = (Vec::new(), 0);
        for from in 0..sources {
            for first in (0..output.blocks()).step_by(together) {
                let blocks = first..output.blocks().min(first + together);
                if sees(from, &blocks) {
                    let at = units;
                    units += blocks.len() * of_tile;
                    tiles.push(Tile {
                        source: from,
                        blocks,
                        at,
                    });
                }
            }
        }
        let work = units * LANES * output.rows() * output.width;
        let wanted = (work / WORTH).clamp(1, MOST);
        let strips = (output.rows() * output.width).div_ceil(STRIP).max(1);
        let chunks = wanted
            .min((SUMS / (units * LANES).max(1)).max(1))
            .min(strips);
        let each = wanted.div_ceil(chunks).clamp(1, tiles.len().max(1));
        let tiled = m.map(|m| {
            let layouts = [source.layout(), &output];
            Box::new(Tiled::new(m, taps.before, layouts, group))
        });
        let chunks = if tiled.is_some() { 1 } else { chunks };
        WeightGradient {
            tiled,
            chunks: (0..=chunks).map(|i| output.rows() * i / chunks).collect(),
            parts: (0..each)
                .map(|i| tiles.len() * i / each..tiles.len() * (i + 1) / each)
                .collect(),
            taps,
            source,
            output,
            group,
            tiles,
            units,
            sums: Buffer::new(0),
        }
    }

    /// The gradient, `[out][in of a group][taps]`.
    pub fn run(&mut self, x: &[f32], dy: &[Unit<f32>]) -> Vec<f32> {
        let mut sums = std::mem::replace(&mut self.sums, Buffer::new(0));
        let units = sums.at_least((self.chunks.len() - 1) * self.units);
        match &mut self.tiled {
            Some(tiled) => tiled.run(x.as_chunks().0, dy, units),
            None => self.sum(x, dy, units),
        }
        let gradient = self.gathered(sums.units());
        self.sums = sums;
        gradient
    }

    /// The sums of each chunk.
    fn sum(&self, x: &[f32], dy: &[Unit<f32>], mut rest: &mut [Unit<f32>]) {
        let mut parts = Vec::new();
        for rows in self.chunks.windows(2) {
            for tiles in &self.parts {
                let (own, behind) = rest.split_at_mut(self.units_of(tiles));
                rest = behind;
                parts.push((rows[0]..rows[1], &self.tiles[tiles.clone()], own));
            }
        }
        parts
            .into_par_iter()
            .with_max_len(1)
            .for_each(|(rows, tiles, sums)| {
                sums.fill([0.0; LANES]);
                dispatch(Task {
                    of: self,
                    x,
                    dy,
                    rows,
                    tiles,
                    sums,
                });
            });
    }

    /// Units of the sums of some tiles.
    fn units_of(&self, tiles: &Range<usize>) -> usize {
        let end = |tile: usize| self.tiles.get(tile).map_or(self.units, |tile| tile.at);
        end(tiles.end) - end(tiles.start)
    }

    /// The sums of all chunks, in the order of the weights.
    fn gathered(&self, sums: &[Unit<f32>]) -> Vec<f32> {
        let [inputs, outputs] = self.group;
        let [rows, columns] = self.taps.kernel;
        let places = rows * columns;
        let channels = (self.output.lanes.iter())
            .filter(|&&lane| lane != NONE)
            .count();
        let mut gradient = vec![0.0; channels * inputs * places];
        // a convolution has its output channels in order
        let blocks = gradient.par_chunks_mut(LANES * inputs * places);
        blocks.enumerate().for_each(|(block, gradient)| {
            let tiles = (self.tiles.iter()).filter(|tile| tile.blocks.contains(&block));
            for tile in tiles {
                let of_block = match self.source {
                    Source::Blocks(_) => places * LANES,
                    Source::Planes(..) => columns,
                };
                let at = tile.at + (block - tile.blocks.start) * of_block;
                let mut total = sums[at..][..of_block].to_vec();
                for chunk in 1..self.chunks.len() - 1 {
                    let more = &sums[chunk * self.units + at..][..of_block];
                    wide!(for (sum, more) in total.iter_mut().zip(more) {
                        (0..LANES).for_each(|lane| sum[lane] += more[lane]);
                    });
                }
                if let Some(read) = self.consecutive(block, tile.source) {
                    let from = read.first % inputs * places;
                    let rows = gradient.chunks_exact_mut(inputs * places);
                    let rows = rows.map(|row| &mut row[from..][..read.count * places]);
                    let rows: Vec<_> = rows.collect();
                    columns_to_rows(&total, places, rows);
                    continue;
                }
                for (i, sum) in total.into_iter().enumerate() {
                    let (channel, tap) = match &self.source {
                        Source::Blocks(layout) => (
                            layout.lanes[tile.source * LANES + i % LANES] as usize,
                            i / LANES,
                        ),
                        Source::Planes(..) => {
                            (tile.source / rows, tile.source % rows * columns + i)
                        }
                    };
                    if channel == NONE as usize {
                        continue;
                    }
                    let to = gradient.chunks_exact_mut(inputs * places);
                    for (out, (row, sum)) in to.zip(sum).enumerate() {
                        if (block * LANES + out) / outputs == channel / inputs {
                            row[channel % inputs * places + tap] = sum;
                        }
                    }
                }
            }
        });
        gradient
    }

    /// The channels of a block of the input, if they follow each other and belong to the group of a block of the output.
    fn consecutive(&self, block: usize, from: usize) -> Option<Run> {
        let Source::Blocks(layout) = &self.source else {
            return None;
        };
        let run = |layout: &Layout, block: usize| Run::of(&layout.lanes[block * LANES..][..LANES]);
        let (read, own) = (run(layout, from)?, run(&self.output, block)?);
        let [inputs, outputs] = self.group;
        read.in_one_group(inputs, own, outputs).then_some(read)
    }
}

/// Sums, `[tap][lane]`, a vector for each of the channels that are put out, as the rows of those: `[lane][tap]`.
fn columns_to_rows(sums: &[Unit<f32>], taps: usize, mut rows: Vec<&mut [f32]>) {
    let place = |i: usize| i % taps * LANES + i / taps;
    for (four, rows) in rows.chunks_mut(4).enumerate() {
        let length = rows[0].len();
        let whole = if rows.len() == 4 { length / 4 * 4 } else { 0 };
        for at in (0..whole).step_by(4) {
            let columns: [[f32; 4]; 4] =
                std::array::from_fn(|i| sums[place(at + i)].as_chunks().0[four]);
            for (row, numbers) in rows.iter_mut().zip(f32::transpose(columns)) {
                row[at..][..4].copy_from_slice(&numbers);
            }
        }
        for at in whole..length {
            let unit = &sums[place(at)][4 * four..];
            (rows.iter_mut().zip(unit)).for_each(|(row, &number)| row[at] = number);
        }
    }
}

#[cfg(test)]
mod tests;

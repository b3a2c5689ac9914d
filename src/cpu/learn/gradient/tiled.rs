//! The gradient of the weights of 3x3 windows by the adjoint of Winograd's filtering.
//!
//! Of transformed weights U and tiles V of the input, an output is A' (U V) A, number by number in the middle. So the
//! gradient of U is the sum over all tiles of V times A dY A', which for each number of a tile is a matrix product, and
//! that of the weights G' dU G (names as in Lavin & Gray, 2015).

use super::sums::Task;
use super::{SUMS, WeightGradient};
use crate::cpu::buffer::Buffer;
use crate::cpu::direct::{Source, Taps};
use crate::cpu::layout::Layout;
use crate::cpu::winograd::tiles::{Corner, Window};
use crate::cpu::winograd::transforms::{adjoint, forth, of_taps};
use crate::cpu::{LANES, Unit};
use crate::ops::wide::wide;
use crate::ops::{SimdWidth, dispatch};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::cell::RefCell;
use std::ops::Range;

/// Bytes of transformed tiles that are multiplied together, about: by all threads, or by one.
const TOGETHER: [usize; 2] = [4 << 20, 1 << 20];

/// Tiles that are multiplied together, at least and at most: short sums have smaller rounding errors.
const TILES: [usize; 2] = [64, 256];

/// Groups of chunks, where a thread takes a group: more of them have more sums to add in the end, which costs more than it
/// gains on the few cores that were measured; more cores than these are of no use here.
const GROUPS: usize = 8;

/// A gradient in tiles, planned.
///
/// Where the sums of the transformed weights are small, groups of chunks have sums of their own, and a thread takes a group
/// from its tiles to its sums. Otherwise all threads share each chunk.
pub(super) struct Tiled {
    /// Units along a side of a tile of the output.
    m: usize,
    before: [usize; 2],
    input: Layout,
    output: Layout,
    chunks: Vec<Chunk>,
    /// The chunks of each group.
    groups: Vec<Range<usize>>,
    /// Transformed tiles of the input and of the output's gradient, `[block][number][tile]`, that threads share.
    tiles: [Buffer<f32>; 2],
    /// Of each group the sums over its chunks so far, `[number][unit]`; of one group that of each part.
    sums: Buffer<f32>,
}

/// Tiles that are multiplied together.
struct Chunk {
    tiles: Range<usize>,
    /// As of a window of one tap on maps with a row for each number of a tile, a column for each tile.
    product: WeightGradient,
}

thread_local! {
    /// Transformed tiles of the input and of the output's gradient that one thread takes to their sums.
    static OWN: RefCell<[Buffer<f32>; 2]> = RefCell::new([Buffer::new(0), Buffer::new(0)]);
}

impl Chunk {
    fn new(
        tiles: Range<usize>,
        numbers: usize,
        [input, output]: [&Layout; 2],
        group: [usize; 2],
    ) -> Chunk {
        // a column more, so that the rows do not meet in one set of the first cache
        let layout = |of: &Layout| Layout {
            lanes: of.lanes.clone(),
            samples: 1,
            height: numbers,
            width: tiles.len(),
            gap: 1,
        };
        let taps = Taps {
            kernel: [1, 1],
            stride: [1, 1],
            dilation: [1, 1],
            before: [0, 0],
        };
        let source = Source::Blocks(layout(input));
        let product = WeightGradient::new(taps, source, layout(output), group, None);
        Chunk { tiles, product }
    }

    /// How its transformed tiles stand.
    fn layout(&self) -> &Layout {
        self.product.source.layout()
    }

    /// Adds its part of the sums of some tiles of the product to those of the chunks before it.
    fn add(&self, part: &Range<usize>, [seen, left]: [&[Unit<f32>]; 2], sums: &mut [Unit<f32>]) {
        let units = self.product.units_of(part);
        for (number, sums) in sums.chunks_exact_mut(units).enumerate() {
            dispatch(Task {
                of: &self.product,
                x: seen.as_flattened(),
                dy: left,
                rows: number..number + 1,
                tiles: &self.product.tiles[part.clone()],
                sums,
            });
        }
    }
}

impl Tiled {
    pub fn new(m: usize, before: [usize; 2], layouts: [&Layout; 2], group: [usize; 2]) -> Tiled {
        let [input, output] = layouts;
        let numbers = (m + 2).pow(2);
        let all = Corner::count(m, output);
        let of_tile = numbers * (input.blocks() + output.blocks()) * size_of::<Unit<f32>>();
        let chunks = |bytes: usize| -> Vec<Chunk> {
            let most = (bytes / of_tile).clamp(TILES[0], TILES[1]);
            let count = all.div_ceil(most).max(1);
            let tiles = (0..count).map(|i| all * i / count..all * (i + 1) / count);
            tiles
                .map(|tiles| Chunk::new(tiles, numbers, layouts, group))
                .collect()
        };
        let [shared, own] = TOGETHER.map(chunks);
        let all_sums = GROUPS * numbers * own[0].product.units;
        let (chunks, groups) = match own.len() >= GROUPS && all_sums <= SUMS {
            true => (own, GROUPS),
            false => (shared, 1),
        };
        let of = chunks.len();
        Tiled {
            m,
            before,
            input: input.clone(),
            output: output.clone(),
            groups: (0..groups)
                .map(|i| of * i / groups..of * (i + 1) / groups)
                .collect(),
            chunks,
            tiles: [Buffer::new(0), Buffer::new(0)],
            sums: Buffer::new(0),
        }
    }

    /// The gradient, `[tap][lane]` for each block of the input and of the output, in the order of tiles of a product.
    pub fn run(&mut self, x: &[Unit<f32>], dy: &[Unit<f32>], gradient: &mut [Unit<f32>]) {
        match (self.m, self.groups.len()) {
            (2, 1) => self.shared::<2, 4>(x, dy, gradient),
            (2, _) => self.grouped::<2, 4>(x, dy, gradient),
            (_, 1) => self.shared::<4, 6>(x, dy, gradient),
            _ => self.grouped::<4, 6>(x, dy, gradient),
        }
    }

    /// All threads on each chunk.
    fn shared<const M: usize, const A: usize>(
        &mut self,
        x: &[Unit<f32>],
        dy: &[Unit<f32>],
        gradient: &mut [Unit<f32>],
    ) {
        let units = self.chunks[0].product.units;
        let mut tiles = std::mem::replace(&mut self.tiles, [Buffer::new(0), Buffer::new(0)]);
        let mut sums = std::mem::replace(&mut self.sums, Buffer::new(0));
        sums.at_least(A * A * units).fill([0.0; LANES]);
        let parts = parts(
            self.chunks[0].product.tiles.len(),
            rayon::current_num_threads(),
        );
        for (i, chunk) in self.chunks.iter().enumerate() {
            let [seen, left] = &mut tiles;
            let block = chunk.layout().block();
            let seen = seen.at_least(self.input.blocks() * block);
            let left = left.at_least(self.output.blocks() * block);
            let of_blocks = |to: &mut [Unit<f32>], units: &[Unit<f32>], seen| {
                (to.par_chunks_exact_mut(block).enumerate())
                    .with_max_len(1)
                    .for_each(|(i, to)| self.transform::<M, A>(chunk, units, seen, i, to));
            };
            rayon::join(|| of_blocks(seen, x, true), || of_blocks(left, dy, false));
            let tiles = [&*seen, &*left];
            let (mut rest, mut to, mut works) = (sums.units_mut(), &mut *gradient, Vec::new());
            for part in &parts {
                let units = chunk.product.units_of(part);
                let (own, behind) = rest.split_at_mut(A * A * units);
                let (out, others) = to.split_at_mut(9 * units);
                (rest, to) = (behind, others);
                works.push((part, units, own, out));
            }
            let is_last = i + 1 == self.chunks.len();
            works
                .into_par_iter()
                .with_max_len(1)
                .for_each(|(part, units, sums, out)| {
                    chunk.add(part, tiles, sums);
                    if is_last {
                        of_weights::<M, A>(&[sums], units, 0..units, out);
                    }
                });
        }
        (self.tiles, self.sums) = (tiles, sums);
    }

    /// A thread on each group.
    fn grouped<const M: usize, const A: usize>(
        &mut self,
        x: &[Unit<f32>],
        dy: &[Unit<f32>],
        gradient: &mut [Unit<f32>],
    ) {
        let product = &self.chunks[0].product;
        let (units, all) = (product.units, 0..product.tiles.len());
        let mut buffer = std::mem::replace(&mut self.sums, Buffer::new(0));
        let sums = buffer.at_least(self.groups.len() * A * A * units);
        (sums.par_chunks_exact_mut(A * A * units).zip(&self.groups))
            .with_max_len(1)
            .for_each(|(sums, chunks)| {
                sums.fill([0.0; LANES]);
                OWN.with_borrow_mut(|[seen, left]| {
                    for chunk in &self.chunks[chunks.clone()] {
                        let block = chunk.layout().block();
                        let seen = seen.at_least(self.input.blocks() * block);
                        let left = left.at_least(self.output.blocks() * block);
                        for (i, to) in seen.chunks_exact_mut(block).enumerate() {
                            self.transform::<M, A>(chunk, x, true, i, to);
                        }
                        for (i, to) in left.chunks_exact_mut(block).enumerate() {
                            self.transform::<M, A>(chunk, dy, false, i, to);
                        }
                        chunk.add(&all, [seen, left], sums);
                    }
                });
            });
        let sums: Vec<&[Unit<f32>]> = sums.chunks_exact(A * A * units).collect();
        let (mut to, mut works) = (&mut *gradient, Vec::new());
        for part in parts(all.len(), rayon::current_num_threads()) {
            let at = product.tiles[part.start].at;
            let own = at..at + product.units_of(&part);
            let (out, others) = to.split_at_mut(9 * own.len());
            to = others;
            works.push((own, out));
        }
        works
            .into_par_iter()
            .with_max_len(1)
            .for_each(|(own, out)| of_weights::<M, A>(&sums, units, own, out));
        self.sums = buffer;
    }

    /// The tiles of a block that belong to a chunk, transformed: those of the input, which windows see, or those of the
    /// output's gradient.
    fn transform<const M: usize, const A: usize>(
        &self,
        chunk: &Chunk,
        units: &[Unit<f32>],
        seen: bool,
        block: usize,
        to: &mut [Unit<f32>],
    ) {
        let of = if seen { &self.input } else { &self.output };
        dispatch(Transform::<M, A> {
            units: &units[block * of.block()..][..of.block()],
            of,
            output: &self.output,
            before: seen.then_some(self.before),
            tiles: chunk.tiles.clone(),
            layout: chunk.layout(),
            to,
        });
    }
}

/// So many tiles of a product, divided among so many threads: which of them works on a sum changes nothing in it.
fn parts(tiles: usize, threads: usize) -> Vec<Range<usize>> {
    let parts = if threads == 1 { 1 } else { 4 * threads };
    let parts = parts.clamp(1, tiles.max(1));
    (0..parts)
        .map(|i| tiles * i / parts..tiles * (i + 1) / parts)
        .collect()
}

/// Tiles of a block, transformed: those that windows see, or with nothing `before` the output's.
struct Transform<'a, const M: usize, const A: usize> {
    units: &'a [Unit<f32>],
    of: &'a Layout,
    output: &'a Layout,
    before: Option<[usize; 2]>,
    tiles: Range<usize>,
    layout: &'a Layout,
    to: &'a mut [Unit<f32>],
}

impl<const M: usize, const A: usize> WithSimd for Transform<'_, M, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let zero = simd.splat_f32s(0.0);
        for (at, tile) in self.tiles.clone().enumerate() {
            let corner = Corner::of(tile, M, self.output);
            let before = self.before.unwrap_or([0, 0]);
            let window = Window {
                units: self.units,
                layout: self.of,
                sample: corner.sample,
                top: corner.y as isize - before[0] as isize,
                left: corner.x as isize - before[1] as isize,
                line: None,
            };
            for v in 0..LANES / f32::lanes::<S>() {
                let mut columns = [[zero; A]; A];
                for i in 0..if self.before.is_some() { A } else { M } {
                    let row = match self.before {
                        Some(_) => {
                            let row = window.row::<S, A>(simd, v, i);
                            row.map(|row| forth::<S, A>(simd, row))
                        }
                        None => {
                            let row = window.row::<S, M>(simd, v, i);
                            row.map(|row| adjoint::<S, A, M>(simd, row))
                        }
                    };
                    if let Some(row) = row {
                        (columns.iter_mut().zip(row)).for_each(|(column, x)| column[i] = x);
                    }
                }
                for (j, column) in columns.iter().enumerate() {
                    let turned = match self.before {
                        Some(_) => forth::<S, A>(simd, *column),
                        None => adjoint::<S, A, M>(simd, std::array::from_fn(|i| column[i])),
                    };
                    for (i, vector) in turned.into_iter().enumerate() {
                        let to = &mut self.to[self.layout.row(i * A + j) + at];
                        f32::vectors_mut::<S>(to)[v] = vector;
                    }
                }
            }
        }
    }
}

/// The gradients of some weights from those of transformed ones, which each group has summed, `[number][unit]`.
fn of_weights<const M: usize, const A: usize>(
    groups: &[&[Unit<f32>]],
    units: usize,
    own: Range<usize>,
    out: &mut [Unit<f32>],
) {
    let factors: [[f32; 3]; A] = std::array::from_fn(|i| of_taps(M, i).map(|factor| factor as f32));
    wide!(for (at, unit) in own.clone().enumerate() {
        let mut taps = [[0.0; LANES]; 9];
        for (i, of_row) in factors.iter().enumerate() {
            let mut row = [[0.0; LANES]; 3];
            for (j, factors) in factors.iter().enumerate() {
                let place = (i * A + j) * units + unit;
                let mut sum = groups[0][place];
                for group in &groups[1..] {
                    (0..LANES).for_each(|lane| sum[lane] += group[place][lane]);
                }
                for x in 0..3 {
                    (0..LANES).for_each(|lane| row[x][lane] += factors[x] * sum[lane]);
                }
            }
            for y in 0..3 {
                for x in 0..3 {
                    let tap = &mut taps[3 * y + x];
                    (0..LANES).for_each(|lane| tap[lane] += of_row[y] * row[x][lane]);
                }
            }
        }
        let from = at / LANES * 9 * LANES + at % LANES;
        for (tap, sum) in taps.into_iter().enumerate() {
            out[from + tap * LANES] = sum;
        }
    });
}

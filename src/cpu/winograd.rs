//! Convolution of 3x3 windows by Winograd's minimal filtering (Lavin & Gray, "Fast Algorithms for Convolutional Neural
//! Networks", 2015): `M` x `M` units of an output from (M + 2)^2 products rather than 9 M^2.
//!
//! Tiles of the input and the weights are transformed, multiplied number by number, which over all channels are
//! (M + 2)^2 matrix products, and transformed back. Rounding errors grow with `M`.

pub(super) mod tiles;
pub(super) mod transforms;

use super::buffer::Buffer;
use super::direct::Before;
use super::layout::{Layout, Maps};
use super::parts::{Cut, Part, share};
use super::tile::Line;
use super::weights::{Weights, blocks_together, parts};
use super::{LANES, Unit};
use crate::ops::wide::wide;
use crate::ops::{SimdWidth, dispatch};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::cell::RefCell;
use std::ops::Range;
use tiles::{Corner, Window};
use transforms::{back, forth, of_taps};

/// Tiles that are transformed together, at most: as many as one product takes at once, twice.
const TILES: usize = 28;

/// Bytes of transformed tiles that stay in the second cache beside weights.
const CACHED: usize = 640 << 10;

/// A convolution, planned; its weights are transformed and packed before it runs.
pub(super) struct Winograd {
    /// Units along a side of a tile of the output.
    pub(super) m: usize,
    before: [usize; 2],
    pub(super) input: Layout,
    pub(super) output: Layout,
    pub(super) groups: Vec<Group>,
    weights: Buffer<f32>,
    /// Units of the weights.
    units: usize,
    /// What is added to each lane.
    pub(super) shift: Vec<Unit<f32>>,
    relu: bool,
    normalised: Option<Before>,
    /// Whether it is added to what stands in the output.
    pub(super) sum: bool,
    cut: Cut,
    /// Tiles that are transformed together.
    together: usize,
    /// By how many tiles are transformed together: where those of each block begin.
    places: Vec<Vec<usize>>,
}

/// Output blocks that are computed together.
pub(super) struct Group {
    pub blocks: Range<usize>,
    /// Where its weights begin.
    pub weights: usize,
}

thread_local! {
    /// Transformed tiles, and products of them.
    static SCRATCH: RefCell<[Buffer<f32>; 2]> = RefCell::new([Buffer::new(0), Buffer::new(0)]);
}

impl Winograd {
    /// Of windows of 3x3 with those zeros above and left, in tiles of `m` units.
    pub fn new(
        m: usize,
        before: [usize; 2],
        [input, output]: [&Layout; 2],
        relu: bool,
        normalised: Option<Before>,
    ) -> Winograd {
        let side = m + 2;
        let blocks_at_once = blocks_together();
        let firsts = (0..output.blocks()).step_by(blocks_at_once);
        let ranges: Vec<Range<usize>> = firsts
            .map(|first| first..output.blocks().min(first + blocks_at_once))
            .collect();
        let terms = input.blocks() * LANES;
        let mut units = 0;
        let groups: Vec<Group> = (ranges.into_iter())
            .map(|blocks| {
                let weights = units;
                units += side * side * terms * blocks.len();
                Group { blocks, weights }
            })
            .collect();
        let rows = output.height.div_ceil(m);
        let step = |i: usize| i / rows * output.height + i % rows * m;
        let mut steps: Vec<usize> = (0..output.samples * rows).map(step).collect();
        steps.push(output.rows());
        let tiles = output.samples * rows * output.width.div_ceil(m);
        let work = side * side * terms * output.blocks() * LANES * tiles;
        let bytes = units * size_of::<Unit<f32>>();
        let tile = side * side * input.blocks() * size_of::<Unit<f32>>();
        Winograd {
            m,
            before,
            input: input.clone(),
            output: output.clone(),
            groups,
            weights: Buffer::new(0),
            units,
            shift: vec![[0.0; LANES]; output.blocks()],
            relu,
            normalised,
            sum: false,
            cut: Cut::of(&steps, output.blocks(), blocks_at_once, work, bytes),
            together: (CACHED / tile).clamp(7, TILES),
            places: (0..=TILES)
                .map(|count| {
                    (0..input.blocks())
                        .map(|block| block * count * LANES)
                        .collect()
                })
                .collect(),
        }
    }

    /// Takes weights; which of their taps stands where in the window, row by row.
    pub fn pack(&mut self, weights: Weights, taps: &[usize]) {
        match self.m {
            2 => self.transform::<4>(weights, taps),
            4 => self.transform::<6>(weights, taps),
            _ => self.transform::<8>(weights, taps),
        }
    }

    fn transform<const A: usize>(&mut self, weights: Weights, taps: &[usize]) {
        let (inputs, outputs) = (&self.input.lanes, &self.output.lanes);
        let terms = inputs.len();
        let factors: [[f32; 3]; A] =
            std::array::from_fn(|i| of_taps(self.m, i).map(|factor| factor as f32));
        let units = self.weights.at_least(self.units);
        let starts = self.groups.iter().map(|group| group.weights);
        let parts = parts(units, starts);
        self.groups
            .par_iter()
            .zip(parts)
            .for_each(|(group, units)| {
                let blocks = group.blocks.len();
                let mut cell = vec![[0.0; LANES]; 9 * LANES];
                for (i, block) in group.blocks.clone().enumerate() {
                    let outputs = &outputs[block * LANES..][..LANES];
                    for of in 0..terms / LANES {
                        weights.cell(outputs, &inputs[of * LANES..][..LANES], taps, &mut cell);
                        wide!(for lane in 0..LANES {
                            let tap = |tap: usize| cell[tap * LANES + lane];
                            let columns = |factors: &[f32; 3]| -> [Unit<f32>; 3] {
                                std::array::from_fn(|x| {
                                    three(factors, [tap(x), tap(3 + x), tap(6 + x)])
                                })
                            };
                            for (y, of_row) in factors.iter().enumerate() {
                                let half = columns(of_row);
                                for (x, factors) in factors.iter().enumerate() {
                                    let at = ((y * A + x) * terms + of * LANES + lane) * blocks + i;
                                    units[at] = three(factors, half);
                                }
                            }
                        });
                    }
                }
            });
    }

    /// Computes the output from the input.
    pub fn run(&self, x: &[Unit<f32>], add: Option<Maps<f32>>, out: &mut [Unit<f32>]) {
        share(&self.output, out, &self.cut, |part| {
            SCRATCH.with_borrow_mut(|scratch| {
                macro_rules! run {
                    ($m:literal) => {
                        dispatch(Task::<$m, { $m + 2 }> {
                            of: self,
                            x,
                            add,
                            part,
                            scratch,
                        })
                    };
                }
                match self.m {
                    2 => run!(2),
                    4 => run!(4),
                    _ => run!(6),
                }
            });
        });
    }
}

/// A part of a convolution in tiles of `M` units, which see `A`.
struct Task<'a, const M: usize, const A: usize> {
    of: &'a Winograd,
    x: &'a [Unit<f32>],
    add: Option<Maps<'a, f32>>,
    part: Part<'a, f32>,
    scratch: &'a mut [Buffer<f32>; 2],
}

impl<const M: usize, const A: usize> WithSimd for Task<'_, M, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let this = self.of;
        let (rows, blocks) = (self.part.rows.clone(), self.part.blocks.clone());
        self.part.fill_gaps(0.0);
        let output = &this.output;
        let across = output.width.div_ceil(M);
        let rows_of_sample = output.height.div_ceil(M);
        // a part begins and ends at a row of tiles
        let of_row =
            |row: usize| row / output.height * rows_of_sample + (row % output.height).div_ceil(M);
        let tiles = of_row(rows.start) * across..of_row(rows.end) * across;
        for first in tiles.clone().step_by(this.together) {
            let count = this.together.min(tiles.end - first);
            let mut corners = [Corner::default(); TILES];
            (0..count).for_each(|i| corners[i] = Corner::of(first + i, M, output));
            let corners = &corners[..count];
            self.transform::<S>(simd, corners);
            for group in this
                .groups
                .iter()
                .filter(|group| blocks.contains(&group.blocks.start))
            {
                self.multiply::<S>(simd, group, count);
                for block in group.blocks.clone() {
                    self.write::<S>(simd, group, block, corners);
                }
            }
        }
    }
}

impl<const M: usize, const A: usize> Task<'_, M, A> {
    /// The tiles of the input: `[A * A][block][tile]`.
    #[inline(always)]
    fn transform<S: Simd>(&mut self, simd: S, corners: &[Corner]) {
        let Task {
            of: this,
            x,
            scratch,
            ..
        } = self;
        let (input, count) = (&this.input, corners.len());
        let distance = apart(input.blocks(), count);
        let to = scratch[0].at_least(A * A * distance);
        let zero = simd.splat_f32s(0.0);
        let each = LANES / f32::lanes::<S>();
        for block in 0..input.blocks() {
            let units = &x[block * input.block()..][..input.block()];
            for (tile, corner) in corners.iter().enumerate() {
                let window = Window {
                    units,
                    layout: input,
                    sample: corner.sample,
                    top: corner.y as isize - this.before[0] as isize,
                    left: corner.x as isize - this.before[1] as isize,
                    line: (this.normalised.as_ref())
                        .map(|before| (&before.lines[block], before.relu)),
                };
                for v in 0..each {
                    let mut rows = [[zero; A]; A];
                    for (i, row) in rows.iter_mut().enumerate() {
                        if let Some(numbers) = window.row::<S, A>(simd, v, i) {
                            *row = forth::<S, A>(simd, numbers);
                        }
                    }
                    for j in 0..A {
                        let column = forth::<S, A>(simd, std::array::from_fn(|i| rows[i][j]));
                        for (i, number) in column.into_iter().enumerate() {
                            let to = &mut to[(i * A + j) * distance + block * count + tile];
                            f32::vectors_mut::<S>(to)[v] = number;
                        }
                    }
                }
            }
        }
    }

    /// The products of the transformed tiles with the weights of a group: `[A * A][block][tile]`.
    #[inline(always)]
    fn multiply<S: Simd>(&mut self, simd: S, group: &Group, count: usize) {
        let Task {
            of: this, scratch, ..
        } = self;
        let (inputs, blocks) = (this.input.blocks(), group.blocks.len());
        let (distance, to_distance) = (apart(inputs, count), apart(blocks, count));
        let [tiles, products] = &mut **scratch;
        let products = products.at_least(A * A * to_distance);
        for xi in 0..A * A {
            let (one, two) = products[xi * to_distance..][..blocks * count].split_at_mut(count);
            let line = Line {
                numbers: tiles.units()[xi * distance..][..inputs * count].as_flattened(),
                from: 0,
                apart: LANES,
                places: &this.places[count],
                weights: &this.weights.units()[group.weights + xi * inputs * LANES * blocks..],
                shift: &[[0.0; LANES]; 2],
                add: None,
                relu: false,
                sum: false,
                out: [one, two],
            };
            line.run::<S, LANES, LANES>(simd, blocks);
        }
    }

    /// The output of a block.
    #[inline(always)]
    fn write<S: Simd>(&mut self, simd: S, group: &Group, block: usize, corners: &[Corner]) {
        let Task {
            of: this,
            add,
            part,
            scratch,
            ..
        } = self;
        let (output, blocks) = (&this.output, group.blocks.len());
        let distance = apart(blocks, corners.len());
        let products = scratch[1].units();
        let shift = &f32::vectors::<S>(&this.shift[block])[..LANES / f32::lanes::<S>()];
        for (tile, corner) in corners.iter().enumerate() {
            let from = (block - group.blocks.start) * corners.len() + tile;
            let (rows, columns) = (
                M.min(output.height - corner.y),
                M.min(output.width - corner.x),
            );
            for (v, shift) in shift.iter().enumerate() {
                let product = |xi: usize| f32::vectors::<S>(&products[xi * distance + from])[v];
                let zero = simd.splat_f32s(0.0);
                let mut half = [[zero; A]; M];
                for j in 0..A {
                    let column = back::<S, A, M>(simd, std::array::from_fn(|i| product(i * A + j)));
                    (half.iter_mut().zip(column)).for_each(|(row, number)| row[j] = number);
                }
                for (i, half) in half.into_iter().enumerate().take(rows) {
                    let row = corner.sample * output.height + corner.y + i;
                    let out = part.units(block, row, corner.x, columns);
                    let add = add.map(|add| add.some(block, row, corner.x, columns));
                    let line = back::<S, A, M>(simd, half);
                    for (j, (out, y)) in out.iter_mut().zip(line).enumerate() {
                        let mut y = simd.add_f32s(y, *shift);
                        if let Some(add) = add {
                            y = simd.add_f32s(y, f32::vectors::<S>(&add[j])[v]);
                        }
                        if this.sum {
                            y = simd.add_f32s(y, f32::vectors::<S>(out)[v]);
                        }
                        f32::vectors_mut::<S>(out)[v] =
                            if this.relu { f32::cut(simd, y) } else { y };
                    }
                }
            }
        }
    }
}

/// Units between two of the transformed matrices: a line more than they have, so that they do not meet in one set of the
/// first cache.
const fn apart(blocks: usize, count: usize) -> usize {
    blocks * count + 1
}

#[inline(always)]
fn three(factors: &[f32; 3], [a, b, c]: [Unit<f32>; 3]) -> Unit<f32> {
    let mut sum = [0.0; LANES];
    for lane in 0..LANES {
        sum[lane] = factors[0] * a[lane] + factors[1] * b[lane] + factors[2] * c[lane];
    }
    sum
}

//! Convolution by its definition: each output unit is the sum of its terms.
//!
//! Of maps in blocks a place holds [`LANES`] terms of a window; of planes of single channels, as images are, it holds one.

use super::buffer::Buffer;
use super::layout::{Layout, Maps, NONE, in_order};
use super::parts::{Cut, Part, share};
use super::tile::{self, ANY};
use super::units::{Line, Units};
use super::weights::{Weights, blocks_together, parts, seen};
use super::{LANES, Unit};
use crate::ops::dispatch;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::cell::RefCell;
use std::ops::Range;

/// A window that slides over maps of known size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taps {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// Zeros above and left.
    pub before: [usize; 2],
}

/// What a convolution reads: maps in blocks, or planes with a channel each, `[channel][sample][row][column]`.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Blocks(Layout),
    Planes(Layout, usize),
}

impl Source {
    pub(super) fn layout(&self) -> &Layout {
        let (Source::Blocks(layout) | Source::Planes(layout, _)) = self;
        layout
    }

    /// Numbers of a unit.
    const fn lanes(&self) -> usize {
        match self {
            Source::Blocks(_) => LANES,
            Source::Planes(..) => 1,
        }
    }
}

/// A convolution, planned; its weights are packed before it runs.
pub(super) struct Direct {
    pub(super) taps: Taps,
    pub(super) source: Source,
    pub(super) output: Layout,
    /// Whether input and output are one row each.
    flat: bool,
    pub(super) groups: Vec<Group>,
    weights: Buffer<f32>,
    /// Units of the weights.
    units: usize,
    /// What is added to each lane.
    pub(super) shift: Vec<Unit<f32>>,
    relu: bool,
    /// Whether it is added to what stands in the output.
    pub(super) sum: bool,
    before: Option<Before>,
    cut: Cut,
    /// Rows that a thread takes through all its blocks, so that what it reads of them stays in its cache.
    strip: usize,
}

/// Output blocks that are computed together.
pub(super) struct Group {
    pub blocks: Range<usize>,
    /// Blocks of the input that it reads.
    pub seen: Range<usize>,
    /// Where the terms of a row of the window stand, row by row, from the place of its corner.
    places: Vec<usize>,
    /// Where its weights begin.
    pub weights: usize,
}

/// What becomes of each unit before it is read: a factor and a summand of each lane of each block, and with `relu`
/// nothing negative.
pub(super) struct Before {
    pub lines: Vec<Line>,
    pub relu: bool,
}

thread_local! {
    /// Units that were normalised before they are read.
    static SCRATCH: RefCell<Buffer<f32>> = RefCell::new(Buffer::new(0));
}

/// Bytes of maps that stay in the second cache beside weights.
const CACHED: usize = 192 << 10;

impl Direct {
    pub fn new(
        taps: Taps,
        source: Source,
        output: Layout,
        group: [usize; 2],
        relu: bool,
        (residual, before): (Option<&Layout>, Option<Before>),
    ) -> Direct {
        let input = source.layout().clone();
        let flat = matches!(source, Source::Blocks(_))
            && (taps.kernel, taps.stride, taps.before) == ([1, 1], [1, 1], [0, 0])
            && input.gap == 0
            && output.gap == 0
            && residual.is_none_or(|residual| residual.gap == 0);
        assert!(flat || before.is_none(), "`Direct::is_flat` has been asked");
        let (input, output) = match (flat, input.flat(), output.flat()) {
            (true, Some(input), Some(output)) => (input, output),
            _ => (input, output),
        };
        let lanes = source.lanes();
        let read = taps.stride[0] * input.pitch() * input.blocks() * size_of::<Unit<f32>>() * lanes
            / LANES;
        let strip = match flat {
            true => (CACHED / read.max(1)).max(1).next_multiple_of(56),
            false => (CACHED / read.max(1)).max(1),
        };
        // what is normalised stands in the memory of the thread
        let apart = if before.is_some() {
            strip
        } else {
            input.block()
        };
        let channels = output.lanes.iter().filter(|&&lane| lane != NONE).count();
        let together = match channels == group[1] {
            true => blocks_together(),
            false => 1,
        };
        let seen_by = |blocks: &Range<usize>| match &source {
            Source::Planes(_, channels) => 0..*channels,
            Source::Blocks(layout) => seen(
                group,
                &output.lanes[blocks.start * LANES..blocks.end * LANES],
                &layout.lanes,
            ),
        };
        let firsts = (0..output.blocks()).step_by(together);
        let ranges: Vec<Range<usize>> = firsts
            .map(|first| first..output.blocks().min(first + together))
            .collect();
        let [rows, columns] = taps.kernel;
        let places = |seen: Range<usize>| -> Vec<usize> {
            let place = |y: usize, block: usize, x: usize| {
                let unit =
                    block * apart + y * taps.dilation[0] * input.pitch() + x * taps.dilation[1];
                unit * lanes
            };
            let of_row = |y| {
                seen.clone()
                    .flat_map(move |block| (0..columns).map(move |x| place(y, block, x)))
            };
            (0..rows).flat_map(of_row).collect()
        };
        let seen: Vec<Range<usize>> = ranges.iter().map(seen_by).collect();
        let mut units = 0;
        let groups: Vec<Group> = (ranges.into_iter().zip(seen))
            .map(|(blocks, seen)| {
                let (places, weights) = (places(seen.clone()), units);
                units += places.len() * lanes * blocks.len();
                Group {
                    blocks,
                    seen,
                    places,
                    weights,
                }
            })
            .collect();
        let terms = groups
            .iter()
            .map(|group| group.places.len() * lanes)
            .max()
            .unwrap_or(0);
        let work = terms * LANES * output.blocks() * output.rows() * output.width;
        let bytes = units * size_of::<Unit<f32>>();
        // a long tile is the fastest one
        let step = if flat { 14 } else { 1 };
        let steps = (0..output.rows()).step_by(step).chain([output.rows()]);
        let steps: Vec<usize> = steps.collect();
        let cut = match before {
            None => Cut::of(&steps, output.blocks(), together, work, bytes),
            // each unit is normalised by one thread
            Some(_) => Cut::of(&steps, output.blocks(), output.blocks(), work, 0),
        };
        Direct {
            shift: vec![[0.0; LANES]; output.blocks()],
            strip,
            before,
            taps,
            source: match source {
                Source::Blocks(_) => Source::Blocks(input),
                Source::Planes(_, channels) => Source::Planes(input, channels),
            },
            output,
            flat,
            groups,
            weights: Buffer::new(0),
            units,
            relu,
            sum: false,
            cut,
        }
    }

    /// Takes weights; which of their taps stands where in the window, row by row.
    pub fn pack(&mut self, weights: Weights, taps: &[usize]) {
        let [rows, columns] = self.taps.kernel;
        debug_assert_eq!(taps.len(), rows * columns);
        let lanes = &self.output.lanes;
        let planes;
        let (inputs, of_place) = match &self.source {
            Source::Blocks(layout) => (&layout.lanes, LANES),
            Source::Planes(_, channels) => {
                planes = in_order(*channels);
                (&planes, 1)
            }
        };
        let units = self.weights.at_least(self.units);
        let starts = self.groups.iter().map(|group| group.weights);
        let work = |(group, units): (&Group, &mut [Unit<f32>])| {
            let (blocks, seen) = (group.blocks.len(), group.seen.len());
            let mut cell = vec![[0.0; LANES]; taps.len() * LANES];
            for (i, block) in group.blocks.clone().enumerate() {
                let outputs = &lanes[block * LANES..][..LANES];
                if of_place == 1 {
                    weights.cell(outputs, &inputs[..LANES], taps, &mut cell);
                    for (tap, cell) in cell.chunks_exact(LANES).enumerate() {
                        for (channel, unit) in cell.iter().enumerate().take(seen) {
                            let place = (tap / columns * seen + channel) * columns + tap % columns;
                            units[place * blocks + i] = *unit;
                        }
                    }
                    continue;
                }
                for (j, of) in group.seen.clone().enumerate() {
                    weights.cell(outputs, &inputs[of * LANES..][..LANES], taps, &mut cell);
                    for (tap, cell) in cell.chunks_exact(LANES).enumerate() {
                        let place = ((tap / columns * seen + j) * columns + tap % columns) * LANES;
                        let to = units[place * blocks..][..LANES * blocks].iter_mut();
                        (to.skip(i).step_by(blocks).zip(cell)).for_each(|(to, unit)| *to = *unit);
                    }
                }
            }
        };
        let parts = parts(units, starts);
        self.groups.par_iter().zip(parts).for_each(work);
    }

    /// Computes the output from the numbers of the input.
    pub fn run(&self, x: &[f32], add: Option<Maps<f32>>, out: &mut [Unit<f32>]) {
        let flat = add.map(|add| (add.units, add.layout.flat().filter(|_| self.flat)));
        let add = match &flat {
            Some((units, Some(layout))) => Some(Maps { units, layout }),
            _ => add,
        };
        let work = |part, scratch: &mut Buffer<f32>| {
            macro_rules! run {
                ($apart:expr, $lanes:expr) => {
                    dispatch(Task::<{ $apart }, $lanes> {
                        direct: self,
                        x,
                        add,
                        part,
                        scratch,
                    })
                };
            }
            match (self.taps.stride[1], &self.source) {
                (1, Source::Blocks(_)) => run!(LANES, LANES),
                (2, Source::Blocks(_)) => run!(2 * LANES, LANES),
                (1, Source::Planes(..)) => run!(1, 1),
                (2, Source::Planes(..)) => run!(2, 1),
                (4, Source::Planes(..)) => run!(4, 1),
                (_, Source::Blocks(_)) => run!(ANY, LANES),
                (_, Source::Planes(..)) => run!(ANY, 1),
            }
        };
        share(&self.output, out, &self.cut, |part| {
            SCRATCH.with_borrow_mut(|scratch| work(part, scratch));
        });
    }

    /// The rows of the window that lie on the map for a row of the output, and where its corner is, which may be in
    /// front of all.
    #[inline(always)]
    fn rows(&self, row: usize) -> (Range<usize>, usize) {
        let (input, taps) = (self.source.layout(), &self.taps);
        if self.flat {
            return (0..1, row * LANES);
        }
        let height = input.height as isize;
        let (sample, y) = (row / self.output.height, row % self.output.height);
        let top = (y * taps.stride[0]) as isize - taps.before[0] as isize;
        let apart = taps.dilation[0];
        let first = (-top).max(0).unsigned_abs().div_ceil(apart);
        let end = (height - top).max(0).unsigned_abs().div_ceil(apart);
        let end = end.min(taps.kernel[0]);
        let corner = ((sample as isize * height + top) * input.pitch() as isize
            + input.gap as isize
            - taps.before[1] as isize)
            * self.source.lanes() as isize;
        (first.min(end)..end, corner as usize)
    }
}

/// A part of a convolution whose units are `D` numbers apart, with `L` terms a place.
struct Task<'a, const D: usize, const L: usize> {
    direct: &'a Direct,
    x: &'a [f32],
    add: Option<Maps<'a, f32>>,
    part: Part<'a, f32>,
    scratch: &'a mut Buffer<f32>,
}

impl<const D: usize, const L: usize> WithSimd for Task<'_, D, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (direct, all) = (self.direct, self.part.rows.clone());
        self.part.fill_gaps(0.0);
        for from in all.clone().step_by(direct.strip) {
            let rows = from..all.end.min(from + direct.strip);
            if let Some(before) = &direct.before {
                self.normalise(simd, before, &rows);
            }
            let blocks = self.part.blocks.clone();
            let groups = direct.groups.iter();
            for group in groups.filter(|group| blocks.contains(&group.blocks.start)) {
                self.group::<S>(simd, group, rows.clone());
            }
        }
    }
}

impl<const D: usize, const L: usize> Task<'_, D, L> {
    /// Some units of all blocks of the input, normalised.
    #[inline(always)]
    fn normalise<S: Simd>(&mut self, simd: S, before: &Before, units: &Range<usize>) {
        let (strip, block) = (self.direct.strip, self.direct.source.layout().block());
        let scratch = self.scratch.at_least(before.lines.len() * strip);
        let x = self.x.as_chunks().0.chunks_exact(block);
        let blocks = before.lines.iter().zip(scratch.chunks_exact_mut(strip));
        for ((line, out), x) in blocks.zip(x) {
            let units = Units {
                x: &x[units.clone()],
                gates: None,
                line: *line,
                add: None,
                relu: before.relu,
                out: &mut out[..units.len()],
            };
            simd.vectorize(units);
        }
    }

    /// Some rows of a group of output blocks.
    #[inline(always)]
    fn group<S: Simd>(&mut self, simd: S, group: &Group, rows: Range<usize>) {
        let Task {
            direct,
            x,
            add,
            part,
            scratch,
        } = self;
        let blocks = group.blocks.clone();
        let of_row = group.places.len() / direct.taps.kernel[0];
        let (ends, length) = match direct.flat {
            true => (rows.start + 1, rows.len()),
            false => (rows.end, direct.output.width),
        };
        for row in rows.start..ends {
            let (seen, from) = direct.rows(row);
            let (numbers, from) = match direct.before {
                Some(_) => (scratch.units().as_flattened(), 0),
                None => (*x, from),
            };
            let first = seen.start * of_row;
            let line = tile::Line {
                numbers,
                from,
                apart: direct.taps.stride[1] * L,
                places: &group.places[first..seen.end * of_row],
                weights: &direct.weights.units()[group.weights + first * L * blocks.len()..],
                shift: &direct.shift[blocks.clone()],
                add: add.map(|add| {
                    let of = |block: usize| add.some(block, row, 0, length);
                    [
                        of(blocks.start),
                        if blocks.len() > 1 {
                            of(blocks.end - 1)
                        } else {
                            &[]
                        },
                    ]
                }),
                relu: direct.relu,
                sum: direct.sum,
                out: part.of_blocks(blocks.clone(), row, length),
            };
            line.run::<S, D, L>(simd, blocks.len());
        }
    }
}

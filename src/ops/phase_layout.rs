//! Maps laid out so that each tap of a window that slides over them is one run of neighbours.
//!
//! A buffer holds several maps, padded, one under another, with their rows and columns sorted by
//! remainder under the stride: plane `(a, b)` has the rows `a, a + stride, ...` and of them the columns
//! `b, b + stride, ...`. A tap then reads for all outputs of all maps one run of one plane, at a fixed
//! distance from the outputs. So loops are long where maps are small, and no loop has a stride.

use super::cpu::Real;
use crate::graph::Window;
use candle_core::{Error, Result};

/// Numbers that a buffer has about: with what is computed from them they fit the second cache.
const SIZE: usize = 1 << 14;

/// A row (or column) of a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tap {
    /// Its row in the first window; negative in the padding.
    pub first: isize,
    /// The remainder of its rows in the buffer.
    pub phase: usize,
    /// How many rows of its plane it lies behind the output.
    pub shift: usize,
}

/// Where the windows lie along one axis.
#[derive(Debug)]
pub(super) struct PhaseAxis {
    pub stride: usize,
    /// Those that see the map in some window, in order.
    pub taps: Vec<Tap>,
    pub input: usize,
    pub output: usize,
    /// The map's row that is the buffer's first.
    origin: isize,
    /// Rows that a map takes on each plane.
    pub pitch: usize,
}

impl PhaseAxis {
    pub fn of(window: &Window, axis: usize, input: usize) -> Result<PhaseAxis> {
        let positions = window
            .axis(axis, input)
            .map_err(|what| Error::Msg(what).bt())?;
        let (stride, output) = (window.stride[axis], positions.output);
        let row = |tap| (tap * window.dilation[axis]) as isize - positions.before as isize;
        let mut seeing = PhaseAxis {
            stride,
            taps: Vec::new(),
            input,
            output,
            origin: 0,
            pitch: output,
        };
        let rows: Vec<isize> = (0..window.kernel[axis])
            .map(row)
            .filter(|&first| (0..output).any(|i| seeing.row(first, i).is_some()))
            .collect();
        if let (Some(&origin), Some(&last)) = (rows.first(), rows.last()) {
            seeing.origin = origin;
            seeing.pitch = output + (last - origin) as usize / stride;
            let tap = |&first: &isize| Tap {
                first,
                phase: (first - origin) as usize % stride,
                shift: (first - origin) as usize / stride,
            };
            seeing.taps = rows.iter().map(tap).collect();
        }
        Ok(seeing)
    }

    /// The row of a tap in an output's window, if that is on the map.
    pub fn row(&self, first: isize, output: usize) -> Option<usize> {
        let row = first + (output * self.stride) as isize;
        usize::try_from(row).ok().filter(|&row| row < self.input)
    }

    /// The rows of the map that are in the buffer: the first of them, its place there, how many.
    fn kept(&self) -> (usize, usize, usize) {
        let from = self.origin.max(0) as usize;
        let to = (from as isize - self.origin) as usize;
        let room = (self.pitch * self.stride).saturating_sub(to);
        (from, to, self.input.saturating_sub(from).min(room))
    }
}

/// How maps stand in a buffer.
#[derive(Debug)]
pub(super) struct PhaseLayout {
    pub down: PhaseAxis,
    pub across: PhaseAxis,
    /// Maps in a buffer.
    pub maps: usize,
}

impl PhaseLayout {
    pub fn of(window: &Window, dims: &[usize]) -> Result<PhaseLayout> {
        let &[_, _, h, w] = dims else {
            return Err(Error::Msg(format!("pools maps, not {dims:?}")).bt());
        };
        let (down, across) = (PhaseAxis::of(window, 0, h)?, PhaseAxis::of(window, 1, w)?);
        let map = (down.pitch * down.stride).saturating_mul(across.pitch * across.stride);
        let maps = (SIZE / map.max(1)).max(1);
        Ok(PhaseLayout { down, across, maps })
    }

    /// Units of a map.
    pub fn input(&self) -> usize {
        self.down.input * self.across.input
    }

    /// Outputs of a map.
    pub fn output(&self) -> usize {
        self.down.output * self.across.output
    }

    /// Numbers of a plane.
    pub fn plane(&self) -> usize {
        self.maps * self.down.pitch * self.across.pitch
    }

    /// For each output, its place on a plane, as far as places count: outputs stand in rows of
    /// `across.pitch`, the first map's first.
    pub fn reach(&self) -> usize {
        let PhaseLayout { down, across, .. } = self;
        self.plane() - (down.pitch - down.output) * across.pitch - (across.pitch - across.output)
    }

    /// Where an output row starts on a plane.
    pub fn row(&self, map: usize, row: usize) -> usize {
        (map * self.down.pitch + row) * self.across.pitch
    }

    /// A buffer without maps, `padding` where no map comes.
    pub fn buffer<T: Real>(&self, padding: T) -> PhaseBuffer<T> {
        let size = self.plane() * self.down.stride * self.across.stride;
        PhaseBuffer {
            rows: vec![padding; size],
            sorted: vec![padding; if self.across.stride == 1 { 0 } else { size }],
        }
    }

    /// Each row of `maps` that is in the buffer: its part of the maps, then its part of the buffer before
    /// columns are sorted.
    fn rows(&self, units: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let PhaseLayout { down, across, .. } = self;
        let (from, to, rows) = down.kept();
        let (left, right, columns) = across.kept();
        let width = across.pitch * across.stride;
        (0..units / self.input().max(1)).flat_map(move |map| {
            (0..rows).map(move |i| {
                let (phase, row) = ((to + i) % down.stride, (to + i) / down.stride);
                let row = (phase * self.maps + map) * down.pitch + row;
                let unit = (map * down.input + from + i) * across.input + left;
                (unit, row * width + right, columns)
            })
        })
    }
}

/// The numbers of maps that are laid out.
pub(super) struct PhaseBuffer<T> {
    /// Rows sorted, columns not.
    rows: Vec<T>,
    /// Both sorted; empty where there is nothing to sort.
    sorted: Vec<T>,
}

impl<T: Real> PhaseBuffer<T> {
    /// Fills the buffer with maps.
    #[inline(always)]
    pub fn lay(&mut self, layout: &PhaseLayout, maps: &[T]) {
        for (unit, place, columns) in layout.rows(maps.len()) {
            self.rows[place..][..columns].copy_from_slice(&maps[unit..][..columns]);
        }
        let (plane, stride) = (layout.plane(), layout.across.stride);
        if stride == 1 {
            return;
        }
        let phases = self.rows.chunks_exact(plane * stride);
        for (rows, sorted) in phases.zip(self.sorted.chunks_exact_mut(plane * stride)) {
            if stride == 2 {
                let (even, odd) = sorted.split_at_mut(plane);
                let pairs = even.iter_mut().zip(odd).zip(rows.chunks_exact(2));
                pairs.for_each(|((even, odd), pair)| (*even, *odd) = (pair[0], pair[1]));
                continue;
            }
            for (phase, sorted) in sorted.chunks_exact_mut(plane).enumerate() {
                let column = rows[phase..].iter().step_by(stride);
                sorted.iter_mut().zip(column).for_each(|(to, &x)| *to = x);
            }
        }
    }

    /// The plane of two remainders.
    pub fn of(&self, layout: &PhaseLayout, down: usize, across: usize) -> &[T] {
        let all = if self.sorted.is_empty() {
            &self.rows
        } else {
            &self.sorted
        };
        let plane = layout.plane();
        &all[(down * layout.across.stride + across) * plane..][..plane]
    }
}

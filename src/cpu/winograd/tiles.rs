//! Tiles of maps: where they stand, and what they see.

use super::super::Unit;
use super::super::layout::Layout;
use super::super::units::Line;
use crate::ops::SimdWidth;
use pulp::Simd;

/// Where a tile of the output begins: in which sample, at which row and column.
#[derive(Clone, Copy, Default)]
pub(in crate::cpu) struct Corner {
    pub sample: usize,
    pub y: usize,
    pub x: usize,
}

impl Corner {
    /// Of the tiles of `m` units a side of all maps of an output, row by row.
    pub fn of(tile: usize, m: usize, output: &Layout) -> Corner {
        let across = output.width.div_ceil(m);
        let rows = output.height.div_ceil(m);
        Corner {
            sample: tile / across / rows,
            y: tile / across % rows * m,
            x: tile % across * m,
        }
    }

    /// How many there are.
    pub fn count(m: usize, output: &Layout) -> usize {
        output.samples * output.height.div_ceil(m) * output.width.div_ceil(m)
    }
}

/// A window of units on the map of a block.
pub(in crate::cpu) struct Window<'a> {
    /// Those of the block.
    pub units: &'a [Unit<f32>],
    pub layout: &'a Layout,
    pub sample: usize,
    /// Its first row and column; beyond the edges it sees zeros.
    pub top: isize,
    pub left: isize,
    /// What becomes of each unit that it sees: a factor and a summand, and with the flag nothing negative.
    pub line: Option<(&'a Line, bool)>,
}

impl Window<'_> {
    /// A row of `N` vectors, those of lanes from `v` vectors on; nothing beyond the edges.
    #[inline(always)]
    pub fn row<S: Simd, const N: usize>(
        &self,
        simd: S,
        v: usize,
        i: usize,
    ) -> Option<[S::f32s; N]> {
        let Window { layout, left, .. } = *self;
        let y = self.top + i as isize;
        if y < 0 || y >= layout.height as isize {
            return None;
        }
        let read = |unit: &Unit<f32>| f32::vectors::<S>(unit)[v];
        let zero = simd.splat_f32s(0.0);
        let inside = left >= 0 && left + N as isize <= layout.width as isize;
        let from = layout.row(self.sample * layout.height + y as usize);
        let units = &self.units[from..][..layout.width];
        let mut numbers: [S::f32s; N] = match inside {
            true => {
                let units = &units[left as usize..][..N];
                std::array::from_fn(|j| read(&units[j]))
            }
            false => std::array::from_fn(|j| {
                let unit = units.get((left + j as isize) as usize);
                unit.map_or(zero, read)
            }),
        };
        if let Some((line, relu)) = self.line {
            let [scale, shift] = line.each_ref().map(read);
            for (j, number) in numbers.iter_mut().enumerate() {
                // what is beside the map stays zero
                if inside || units.len() > (left + j as isize) as usize {
                    let y = simd.mul_add_e_f32s(*number, scale, shift);
                    *number = if relu { f32::cut(simd, y) } else { y };
                }
            }
        }
        Some(numbers)
    }
}

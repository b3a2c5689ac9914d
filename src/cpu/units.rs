//! What is done unit by unit: scale and shift, sums, gates, and lanes that change places.

use super::layout::{Layout, Maps};
use super::parts::{Cut, share};
use super::{LANES, Unit};
use crate::ops::{SimdWidth, dispatch};
use pulp::{Simd, WithSimd};

/// For each lane of a block a factor and a summand; those of no channel are zero.
pub(super) type Line = [Unit<f32>; 2];

/// What becomes of some neighbouring units of a block: `x * gate * scale + shift + add`, and with `relu` nothing negative.
pub(super) struct Units<'a> {
    pub x: &'a [Unit<f32>],
    /// A factor of each unit.
    pub gates: Option<&'a [Unit<f32>]>,
    pub line: Line,
    pub add: Option<&'a [Unit<f32>]>,
    pub relu: bool,
    pub out: &'a mut [Unit<f32>],
}

impl WithSimd for Units<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let each = LANES / f32::lanes::<S>();
        let [scale, shift] = &self.line;
        for v in 0..each {
            let scale = f32::vectors::<S>(scale)[v];
            let shift = f32::vectors::<S>(shift)[v];
            for (i, (out, x)) in self.out.iter_mut().zip(self.x).enumerate() {
                let mut y = f32::vectors::<S>(x)[v];
                if let Some(gates) = self.gates {
                    y = simd.mul_f32s(y, f32::vectors::<S>(&gates[i])[v]);
                }
                y = simd.mul_add_e_f32s(y, scale, shift);
                if let Some(add) = self.add {
                    y = simd.add_f32s(y, f32::vectors::<S>(&add[i])[v]);
                }
                f32::vectors_mut::<S>(out)[v] = if self.relu { f32::cut(simd, y) } else { y };
            }
        }
    }
}

/// What a value becomes unit by unit.
pub(super) struct Each {
    output: Layout,
    cut: Cut,
    /// Of each block, if it is scaled and shifted.
    lines: Option<Vec<Line>>,
    relu: bool,
}

impl Each {
    /// Scaled and shifted, if there are lines, and cut at zero with `relu`.
    pub fn new(output: Layout, lines: Option<Vec<Line>>, relu: bool) -> Each {
        Each {
            cut: Cut::light(&output),
            output,
            lines,
            relu,
        }
    }

    /// Computes the output from a value and its gates, if it has any: one for each map of a sample, or one for each unit.
    /// Something may be added before it is cut.
    pub fn run(
        &self,
        x: Maps<f32>,
        gates: Option<Maps<f32>>,
        add: Option<Maps<f32>>,
        out: &mut [Unit<f32>],
    ) {
        let of_maps = gates.filter(|gates| gates.layout.height * gates.layout.width == 1);
        let of_units = gates.filter(|gates| gates.layout.height * gates.layout.width != 1);
        share(&self.output, out, &self.cut, |mut part| {
            part.fill_gaps(0.0);
            for block in part.blocks.clone() {
                let line = self.lines.as_ref().map(|lines| lines[block]);
                let line = line.unwrap_or([[1.0; LANES], [0.0; LANES]]);
                for row in part.rows.clone() {
                    let mut line = line;
                    if let Some(gates) = of_maps {
                        let gates = gates.row(block, row / self.output.height)[0];
                        (line[0].iter_mut().zip(gates)).for_each(|(scale, gate)| *scale *= gate);
                    }
                    dispatch(Units {
                        x: x.row(block, row),
                        gates: of_units.map(|gates| gates.row(block, row)),
                        line,
                        add: add.map(|add| add.row(block, row)),
                        relu: self.relu,
                        out: part.row(block, row),
                    });
                }
            }
        });
    }
}

/// Channels that change places, of each `stride`-th unit of a row and of a column.
pub(super) struct Lanes {
    output: Layout,
    cut: Cut,
    /// For each lane of the output the block and the lane that it comes from, if it does.
    from: Vec<Option<(usize, usize)>>,
    stride: usize,
}

impl Lanes {
    /// The output's channel `c` is the input's channel `of(c)`.
    pub fn new(
        input: &Layout,
        output: Layout,
        stride: usize,
        of: impl Fn(usize) -> Option<usize>,
    ) -> Lanes {
        let mut places = vec![None; input.lanes.len()];
        for (channel, block, lane) in input.channels() {
            places[channel] = Some((block, lane));
        }
        let from = |&channel: &u32| {
            let channel = usize::try_from(channel)
                .ok()
                .filter(|_| channel != super::layout::NONE);
            *places.get(of(channel?)?)?
        };
        Lanes {
            from: output.lanes.iter().map(from).collect(),
            cut: Cut::light(&output),
            output,
            stride,
        }
    }

    /// Computes the output.
    pub fn run(&self, x: Maps<f32>, out: &mut [Unit<f32>]) {
        share(&self.output, out, &self.cut, |mut part| {
            part.fill_gaps(0.0);
            for block in part.blocks.clone() {
                let from = &self.from[block * LANES..][..LANES];
                for row in part.rows.clone() {
                    let (sample, y) = (row / self.output.height, row % self.output.height);
                    let row_of_x = sample * x.layout.height + y * self.stride;
                    let out = part.row(block, row);
                    for (lane, from) in from.iter().enumerate() {
                        match from {
                            None => out.iter_mut().for_each(|unit| unit[lane] = 0.0),
                            Some((block, of)) => {
                                let x = x.row(*block, row_of_x).iter().step_by(self.stride);
                                out.iter_mut()
                                    .zip(x)
                                    .for_each(|(unit, x)| unit[lane] = x[*of]);
                            }
                        }
                    }
                }
            }
        });
    }
}

/// A function of each unit.
pub(super) fn map(x: Maps<f32>, f: fn(f32) -> f32, output: &Layout, out: &mut [Unit<f32>]) {
    share(output, out, &Cut::light(output), |mut part| {
        part.fill_gaps(0.0);
        for block in part.blocks.clone() {
            for row in part.rows.clone() {
                let units = part.row(block, row).iter_mut().zip(x.row(block, row));
                units.for_each(|(y, x)| *y = x.map(f));
            }
        }
    });
}

/// A copy that stands elsewhere.
pub(super) fn copy(x: Maps<f32>, output: &Layout, out: &mut [Unit<f32>]) {
    share(output, out, &Cut::light(output), |mut part| {
        part.fill_gaps(0.0);
        for block in part.blocks.clone() {
            for row in part.rows.clone() {
                part.row(block, row).copy_from_slice(x.row(block, row));
            }
        }
    });
}

//! Which output units does an input unit's gradient come from, under a stride?

use super::geometry::Geometry;
use super::padded::Frame;
use crate::ops::cpu::Real;
use crate::ops::packed::{Right, Strided};

/// The input units whose windows begin at the same remainder of the stride: under them lie the same
/// taps.
pub(super) struct Phase<'a, T> {
    pub rows: Vec<usize>,
    /// Where they stand in their map.
    pub places: Vec<usize>,
    pub terms: Vec<usize>,
    /// Of each group.
    pub right: Vec<Right<'a, T>>,
}

/// All phases, and how the output's gradient is padded for them.
pub(super) struct Phases<'a, T> {
    pub phases: Vec<Phase<'a, T>>,
    pub frame: Frame,
}

impl<'a, T: Real> Phases<'a, T> {
    /// `once` says whether each block of weights is read once.
    pub fn new(geometry: &Geometry, weight: &'a [T], once: bool) -> Phases<'a, T> {
        let steps = [0, 1].map(|i| Steps::new(geometry, i));
        let padded = [steps[0].padded, steps[1].padded];
        let mut phases = Vec::new();
        for h in steps[0].phases() {
            for w in steps[1].phases() {
                // no tap reaches the units of some remainders
                if !h.taps.is_empty() && !w.taps.is_empty() {
                    phases.push(phase(geometry, [&h, &w], padded, (weight, once)));
                }
            }
        }
        Phases {
            phases,
            frame: Frame {
                size: geometry.output(),
                step: [1, 1],
                before: [steps[0].before, steps[1].before],
                padded,
            },
        }
    }
}

/// One axis of the input gradient: the input unit at `u` behind the padding's edge reads, through
/// tap `k`, the output at `(u - k dilation) / stride`, where that is a whole number.
struct Steps {
    /// Zeros in front of the outputs.
    before: usize,
    padded: usize,
    /// Zeros in front of the input.
    edge: usize,
    input: usize,
    stride: usize,
    kernel: usize,
    dilation: usize,
}

/// Of one remainder, the input units with their place on the padded outputs, and the taps with theirs.
struct AxisPhase {
    units: Vec<(usize, usize)>,
    taps: Vec<(usize, usize)>,
}

impl Steps {
    fn new(geometry: &Geometry, i: usize) -> Steps {
        let (stride, kernel, dilation) =
            (geometry.stride[i], geometry.kernel[i], geometry.dilation[i]);
        let (edge, input) = (geometry.axes[i].before, geometry.input[i]);
        let before = (kernel - 1) * dilation / stride;
        let last = (edge + input - 1) / stride + 1;
        Steps {
            before,
            padded: before + last.max(geometry.axes[i].output),
            edge,
            input,
            stride,
            kernel,
            dilation,
        }
    }

    fn phases(&self) -> impl Iterator<Item = AxisPhase> {
        (0..self.stride).map(|remainder| AxisPhase {
            units: (0..self.input)
                .filter(|unit| (unit + self.edge) % self.stride == remainder)
                .map(|unit| (unit, (unit + self.edge) / self.stride))
                .collect(),
            taps: (0..self.kernel)
                .filter(|tap| tap * self.dilation % self.stride == remainder)
                .map(|tap| (tap, self.before - tap * self.dilation / self.stride))
                .collect(),
        })
    }
}

fn phase<'a, T: Real>(
    geometry: &Geometry,
    [h, w]: [&AxisPhase; 2],
    padded: [usize; 2],
    (weight, once): (&'a [T], bool),
) -> Phase<'a, T> {
    let [group_in, group_out] = geometry.group();
    let units = || (h.units.iter()).flat_map(|a| w.units.iter().map(move |b| (a, b)));
    let taps: Vec<_> = (h.taps.iter())
        .flat_map(|a| w.taps.iter().map(move |b| (a, b)))
        .collect();
    let terms = (0..group_out)
        .flat_map(|map| {
            let taps = taps.iter();
            taps.map(move |(a, b)| map * padded[0] * padded[1] + a.1 * padded[1] + b.1)
        })
        .collect::<Vec<_>>();
    let (all, first) = (geometry.taps(), geometry.kernel[1]);
    let chosen: Vec<usize> = taps.iter().map(|(a, b)| a.0 * first + b.0).collect();
    let right = (0..geometry.groups)
        .map(|group| {
            let strided = Strided {
                numbers: &weight[group * group_out * group_in * all..],
                columns: group_in,
                apart: all,
                taps: chosen.clone().into(),
                repeats: group_out,
                repeat_stride: group_in * all,
            };
            Right::new(strided, once)
        })
        .collect();
    let places = units().map(|(a, b)| a.0 * geometry.input[1] + b.0);
    Phase {
        rows: units().map(|(a, b)| a.1 * padded[1] + b.1).collect(),
        places: places.collect(),
        terms,
        right,
    }
}

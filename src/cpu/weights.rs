//! The weights of a product in the order in which tiles read them.

use super::layout::NONE;
use super::{LANES, Unit};
use crate::ops::wide::wide;
use crate::ops::{SimdWidth, dispatch};
use std::ops::Range;

/// Blocks of output channels that a tile computes together: two where a vector holds a block, else one.
pub(super) fn blocks_together() -> usize {
    match lanes() {
        LANES => 2,
        _ => 1,
    }
}

/// Numbers in a vector of this machine.
fn lanes() -> usize {
    struct Width;
    impl pulp::WithSimd for Width {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) -> usize {
            f32::lanes::<S>()
        }
    }
    dispatch(Width)
}

/// Memory that groups of output blocks share, in the parts that begin there.
pub(super) fn parts(
    mut units: &mut [Unit<f32>],
    starts: impl Iterator<Item = usize>,
) -> Vec<&mut [Unit<f32>]> {
    let ends: Vec<usize> = starts.skip(1).chain([units.len()]).collect();
    let (mut parts, mut start) = (Vec::new(), 0);
    for end in ends {
        let (own, behind) = units.split_at_mut(end - start);
        (units, start) = (behind, end);
        parts.push(own);
    }
    parts
}

/// The blocks of inputs that some output lanes see; of one group so many channels.
pub(super) fn seen(
    [of_inputs, of_outputs]: [usize; 2],
    outputs: &[u32],
    inputs: &[u32],
) -> Range<usize> {
    let group = |channel: u32, of: usize| (channel != NONE).then(|| channel as usize / of);
    let sees = |block: &[u32]| {
        block.iter().any(|&channel| {
            let own = group(channel, of_inputs);
            own.is_some() && outputs.iter().any(|&out| group(out, of_outputs) == own)
        })
    };
    let mut seen = (0..inputs.len() / LANES).filter(|i| sees(&inputs[i * LANES..][..LANES]));
    let first = seen.next().unwrap_or(0);
    first..seen.next_back().unwrap_or(first) + 1
}

/// The weights of a convolution, `[out][in of a group][taps]`, as they are read forward, or turned around for the gradient
/// of its input, whose channels then are what it puts out.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    pub numbers: &'a [f32],
    /// Channels in and out of one group.
    pub group: [usize; 2],
    pub taps: usize,
    pub turned: bool,
}

impl Weights<'_> {
    /// The weight of a channel that is read for one that is put out.
    fn at(&self, out: u32, channel: u32, tap: usize) -> f32 {
        let (out, channel) = match self.turned {
            true => (channel, out),
            false => (out, channel),
        };
        let [inputs, outputs] = self.group;
        let (out, channel) = (out as usize, channel as usize);
        if out == NONE as usize || channel == NONE as usize || channel / inputs != out / outputs {
            return 0.0;
        }
        self.numbers[(out * inputs + channel % inputs) * self.taps + tap]
    }

    /// The weights of a block that is read for a block that is put out: `[tap][lane]`.
    pub fn cell(&self, outputs: &[u32], inputs: &[u32], taps: &[usize], cell: &mut [Unit<f32>]) {
        let [mut of_inputs, mut of_outputs] = self.group;
        if self.turned {
            (of_inputs, of_outputs) = (of_outputs, of_inputs);
        }
        match (Run::of(outputs), Run::of(inputs)) {
            (Some(own), Some(read)) if own.in_one_group(of_outputs, read, of_inputs) => {
                wide!(match self.turned {
                    false => self.along(own, read, taps, cell),
                    true => self.across(own, read, taps, cell),
                });
            }
            _ if self.is_whole(outputs, inputs) => self.scattered(outputs, inputs, taps, cell),
            _ => {
                for (cell, &tap) in cell.chunks_exact_mut(LANES).zip(taps) {
                    for (unit, &channel) in cell.iter_mut().zip(inputs) {
                        *unit = std::array::from_fn(|lane| self.at(outputs[lane], channel, tap));
                    }
                }
            }
        }
    }

    /// Whether no lane is empty and all weights belong to one group.
    fn is_whole(&self, outputs: &[u32], inputs: &[u32]) -> bool {
        let [of_inputs, of_outputs] = self.group;
        let is_one = self.numbers.len() == of_inputs * of_outputs * self.taps;
        is_one && outputs.iter().chain(inputs).all(|&lane| lane != NONE)
    }

    /// Channels in any order.
    fn scattered(&self, outputs: &[u32], inputs: &[u32], taps: &[usize], cell: &mut [Unit<f32>]) {
        let row = self.group[0] * self.taps;
        let [along, across] = match self.turned {
            true => [row, self.taps],
            false => [self.taps, row],
        };
        for (cell, &tap) in cell.chunks_exact_mut(LANES).zip(taps) {
            for (unit, &channel) in cell.iter_mut().zip(inputs) {
                let from = channel as usize * along + tap;
                for (number, &out) in unit.iter_mut().zip(outputs) {
                    *number = self.numbers[from + out as usize * across];
                }
            }
        }
    }

    /// Sixteen rows of weights become columns.
    #[inline(always)]
    fn along(&self, own: Run, read: Run, taps: &[usize], cell: &mut [Unit<f32>]) {
        let (Run { first, count }, held) = (own, read.count);
        let inputs = self.group[0];
        let length = held * self.taps;
        let row = |out: usize| {
            let at = ((first + out) * inputs + read.first % inputs) * self.taps;
            &self.numbers[at..][..length]
        };
        if held < LANES {
            cell.fill([0.0; LANES]);
        }
        let all = taps.len() == self.taps;
        let place = |i: usize| (i % self.taps * LANES) + i / self.taps;
        if count == LANES && all {
            for four in 0..4 {
                let rows: [&[f32]; 4] = std::array::from_fn(|i| row(4 * four + i));
                let whole = length / 4 * 4;
                for at in (0..whole).step_by(4) {
                    let rows = rows.map(|row| [row[at], row[at + 1], row[at + 2], row[at + 3]]);
                    for (i, column) in f32::transpose(rows).into_iter().enumerate() {
                        cell[place(at + i)][4 * four..][..4].copy_from_slice(&column);
                    }
                }
                for at in whole..length {
                    (0..4).for_each(|i| cell[place(at)][4 * four + i] = rows[i][at]);
                }
            }
            return;
        }
        cell.fill([0.0; LANES]);
        for out in 0..count {
            let row = row(out);
            for (cell, &tap) in cell.chunks_exact_mut(LANES).zip(taps) {
                (0..held).for_each(|lane| cell[lane][out] = row[lane * self.taps + tap]);
            }
        }
    }

    /// Rows of weights become rows of each tap.
    #[inline(always)]
    fn across(&self, own: Run, read: Run, taps: &[usize], cell: &mut [Unit<f32>]) {
        let (Run { first, count }, held) = (own, read.count);
        let inputs = self.group[0];
        if count < LANES || held < LANES {
            cell.fill([0.0; LANES]);
        }
        // where each tap goes; four channels of four taps at once, if all are asked for
        let mut places = vec![0; self.taps];
        (taps.iter().enumerate()).for_each(|(place, &tap)| places[tap] = place);
        let whole = match count == LANES && taps.len() == self.taps {
            true => self.taps / 4 * 4,
            false => 0,
        };
        for lane in 0..held {
            let at = ((read.first + lane) * inputs + first % inputs) * self.taps;
            let row = &self.numbers[at..][..count * self.taps];
            if self.taps == 1 {
                cell[lane][..count].copy_from_slice(row);
                continue;
            }
            for four in 0..LANES / 4 {
                for at in (0..whole).step_by(4) {
                    let rows: [[f32; 4]; 4] = std::array::from_fn(|i| {
                        let row = &row[(4 * four + i) * self.taps + at..];
                        [row[0], row[1], row[2], row[3]]
                    });
                    for (place, column) in places[at..].iter().zip(f32::transpose(rows)) {
                        cell[place * LANES + lane][4 * four..][..4].copy_from_slice(&column);
                    }
                }
            }
            for (cell, &tap) in cell.chunks_exact_mut(LANES).zip(taps) {
                if tap < whole {
                    continue;
                }
                let unit = &mut cell[lane];
                for (to, weights) in unit.iter_mut().zip(row.chunks_exact(self.taps)) {
                    *to = weights[tap];
                }
            }
        }
    }
}

/// The weights of a connection table among zeros.
pub(super) fn of_table(
    table: &[Vec<usize>],
    weights: &[f32],
    channels: usize,
    taps: usize,
) -> Vec<f32> {
    let mut dense = vec![0.0; table.len() * channels * taps];
    let kernels = (table.iter().enumerate())
        .flat_map(|(out, row)| row.iter().map(move |channel| out * channels + channel));
    for (kernel, weights) in kernels.zip(weights.chunks_exact(taps)) {
        dense[kernel * taps..][..taps].copy_from_slice(weights);
    }
    dense
}

/// Channels that follow each other in a block which holds nothing else.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub first: usize,
    pub count: usize,
}

impl Run {
    /// Those of a block, if it is so.
    pub fn of(lanes: &[u32]) -> Option<Run> {
        let count = lanes.iter().take_while(|&&lane| lane != NONE).count();
        let (own, rest) = lanes.split_at(count);
        let follow = (own.iter().enumerate()).all(|(i, &lane)| lane == own[0] + i as u32);
        let all = count > 0 && follow && rest.iter().all(|&lane| lane == NONE);
        all.then(|| Run {
            first: own[0] as usize,
            count,
        })
    }

    /// Whether all of them and all others belong to one group, which has so many of either.
    pub fn in_one_group(self, of: usize, other: Run, of_other: usize) -> bool {
        let ends = |run: Run, of: usize| [run.first / of, (run.first + run.count - 1) / of];
        let [own, other] = [ends(self, of), ends(other, of_other)];
        own[0] == own[1] && own == other
    }
}

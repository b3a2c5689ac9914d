//! Axes whose ticks are round numbers.

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::ops::Range;

/// So many ticks an axis of plain numbers has at most.
const MOST_TICKS: f64 = 6.0;
/// Fewer powers of ten than this leave room for ticks between them.
const FEW_POWERS: f64 = 3.0;
/// Of more powers of ten than this, only every fifth has a tick.
const MANY_POWERS: f64 = 12.0;

/// A range and the places of its ticks.
pub(super) struct Axis {
    range: RangedCoordf64,
    ticks: Vec<f64>,
    step: f64,
}

impl Axis {
    /// Whole numbers.
    pub(super) fn plain(range: Range<f64>) -> Axis {
        Axis::stepped(range, 1.0)
    }

    /// Numbers of any size.
    pub(super) fn fine(range: Range<f64>) -> Axis {
        Axis::stepped(range, 0.0)
    }

    /// Ticks in equal steps of at least that.
    fn stepped(range: Range<f64>, least: f64) -> Axis {
        let least = ((range.end - range.start) / MOST_TICKS).max(least);
        let power = 10f64.powf(least.log10().floor());
        let mut steps = [1.0, 2.0, 5.0].map(|digit| digit * power).into_iter();
        let step = steps.find(|&step| step >= least).unwrap_or(10.0 * power);
        let ticks = (range.start / step).ceil() as i64..=(range.end / step).floor() as i64;
        Axis {
            ticks: ticks.map(|i| i as f64 * step).collect(),
            range: range.into(),
            step,
        }
    }

    /// How many digits behind the point tell its ticks apart.
    pub(super) fn decimals(&self) -> usize {
        // a step of 0.05 is 0.05000000000000001 to the logarithm
        (-(self.step.log10() + 1e-9).floor()).clamp(0.0, 12.0) as usize
    }

    /// Decimal logarithms.
    pub(super) fn logarithmic(range: Range<f64>) -> Axis {
        let digits: &[f64] = if range.end - range.start < FEW_POWERS {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let every = if range.end - range.start > MANY_POWERS {
            5
        } else {
            1
        };
        let powers = (range.start.floor() as i32..=range.end.ceil() as i32)
            .filter(|power| power.rem_euclid(every) == 0);
        let ticks =
            powers.flat_map(|power| digits.iter().map(move |d| d.log10() + f64::from(power)));
        Axis {
            ticks: ticks.filter(|tick| range.contains(tick)).collect(),
            range: range.into(),
            step: 1.0,
        }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.range.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.range()
    }
}

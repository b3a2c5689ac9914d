//! How many times as fast? Of engines that took turns, round by round.

use super::{Engine, Platform, Timing, What};
use crate::stats::Interval;

/// How many times as long a peer takes as this program does: above 1, this program is faster.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratio {
    /// The ratio of medians in each round.
    pub rounds: Vec<f64>,
    /// The median of these.
    pub median: f64,
    /// The least and the largest of these. Of five rounds they have the true median between them in fifteen of
    /// sixteen cases, whatever the distribution.
    pub interval: Interval,
}

/// The ratio of a peer's time to ours, over the rounds that both have on a platform; nothing without one.
pub fn against(timings: &[Timing], what: &What, platform: Platform, peer: Engine) -> Option<Ratio> {
    let of = |engine: Engine| {
        let of = move |timing: &&Timing| timing.is(engine, what, platform);
        timings.iter().filter(of)
    };
    let ours = |round: u32| of(Engine::Convcheck).find(|timing| timing.round == round);
    let ratio = |theirs: &Timing| {
        let ours = ours(theirs.round)?;
        Some(median(&theirs.seconds) / median(&ours.seconds))
    };
    let rounds: Vec<f64> = of(peer).filter_map(ratio).collect();
    Some(Ratio {
        median: median(&rounds),
        interval: Interval {
            low: rounds.iter().copied().reduce(f64::min)?,
            high: rounds.iter().copied().reduce(f64::max)?,
        },
        rounds,
    })
}

/// The middle value; not a number for no values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (
        sorted.get(sorted.len().wrapping_sub(1) / 2),
        sorted.get(sorted.len() / 2),
    ) {
        (Some(low), Some(high)) => (low + high) / 2.0,
        _ => f64::NAN,
    }
}

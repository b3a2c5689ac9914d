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

/// The peer that is fastest at something, and how many times as long it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// Who.
    pub peer: Engine,
    /// Against this program.
    pub ratio: Ratio,
}

/// The best peer of those that took turns on a platform, over all rounds: not the luckiest of each round.
pub fn best(timings: &[Timing], what: &What, platform: Platform) -> Option<Best> {
    let peers = Engine::PEERS.into_iter();
    let ratios = peers.filter_map(|peer| {
        let ratio = against(timings, what, platform, peer)?;
        Some(Best { peer, ratio })
    });
    ratios.min_by(|one, other| one.ratio.median.total_cmp(&other.ratio.median))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Samples, StepKind};

    #[test]
    fn the_best_peer_is_best_over_all_rounds() {
        let what = What::Network {
            model: "m".into(),
            batch: 1,
            step: StepKind::Inference,
        };
        let of = |engine, round, seconds| {
            let samples = Samples {
                seconds: vec![seconds],
                cpu_seconds: None,
            };
            Timing {
                round,
                ..Timing::new((engine, "1"), ("m", "1970-01-01"), what.clone(), samples)
            }
        };
        use Engine::{Convcheck, OnnxRuntime, Openvino, Pytorch};
        let mut timings = Vec::new();
        for (engine, rounds) in [
            (Pytorch, [9.0, 9.0, 9.0]),
            (Openvino, [1.0, 4.0, 5.0]),
            (Convcheck, [2.0, 2.0, 2.0]),
            (OnnxRuntime, [3.0, 3.0, 7.0]),
        ] {
            let rounds = (1..).zip(rounds);
            timings.extend(rounds.map(|(round, seconds)| of(engine, round, seconds)));
        }
        let platform = timings[0].platform();
        let best = best(&timings, &what, platform).unwrap();
        // OpenVINO wins a round, ONNX Runtime the median
        assert_eq!(
            (best.peer, best.ratio.rounds),
            (OnnxRuntime, vec![1.5, 1.5, 3.5])
        );
        assert_eq!(best.ratio.median, 1.5);
        assert_eq!(super::best(&timings[6..9], &what, platform), None);
    }
}

//! Does what two records timed take longer in the second?

use crate::bench::{Engine, Timing, What, median};
use std::collections::BTreeMap;

/// What two records timed on one machine, in the same numbers and threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retimed {
    /// How many steps and layers, each by one engine.
    pub both: usize,
    /// The least time after, as a multiple of that before: a ratio of medians over all rounds.
    pub least: f64,
    /// The median of these.
    pub median: f64,
    /// The largest.
    pub most: f64,
}

/// Who timed what, and where.
type Place<'a> = (Engine, &'a What, &'a str, usize, &'a str);

/// What became of the time that steps and layers take; nothing where none was timed on both sides. It decides nothing: a
/// machine that does something else meanwhile takes longer too.
pub fn compare_timings(before: &[Timing], after: &[Timing]) -> Option<Retimed> {
    let (before, after) = (medians(before), medians(after));
    let ratio = |(place, before): (&Place, &f64)| Some(after.get(place)? / before);
    let mut ratios: Vec<f64> = before.iter().filter_map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    Some(Retimed {
        both: ratios.len(),
        least: *ratios.first()?,
        median: median(&ratios),
        most: *ratios.last()?,
    })
}

/// Of the samples of all rounds.
fn medians(timings: &[Timing]) -> BTreeMap<Place<'_>, f64> {
    let mut samples: BTreeMap<Place, Vec<f64>> = BTreeMap::new();
    for timing in timings {
        let on = timing.platform();
        let place = (
            timing.engine,
            &timing.what,
            on.dtype,
            on.threads,
            on.machine,
        );
        samples.entry(place).or_default().extend(&timing.seconds);
    }
    let samples = samples.into_iter();
    samples
        .map(|(place, seconds)| (place, median(&seconds)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Samples, StepKind};

    fn timing(model: &str, round: u32, seconds: &[f64]) -> Timing {
        let what = What::Network {
            model: model.into(),
            batch: 1,
            step: StepKind::Inference,
        };
        let by = (Engine::Convcheck, "1");
        let samples = Samples {
            seconds: seconds.to_vec(),
            cpu_seconds: None,
        };
        Timing {
            round,
            ..Timing::new(by, ("a machine", "1970-01-01"), what, samples)
        }
    }

    #[test]
    fn only_the_like_is_compared() {
        let before = [
            timing("a", 1, &[1.0, 1.0]),
            timing("a", 2, &[3.0]),
            timing("b", 1, &[2.0]),
            timing("c", 1, &[1.0]),
        ];
        let after = [
            timing("b", 9, &[1.0]),
            timing("a", 1, &[2.0]),
            timing("d", 1, &[1.0]),
        ];
        let retimed = Retimed {
            both: 2,
            least: 0.5,
            median: 1.25,
            most: 2.0,
        };
        assert_eq!(compare_timings(&before, &after), Some(retimed));
        let elsewhere = after.map(|timing| Timing {
            machine: "another".into(),
            ..timing
        });
        assert_eq!(compare_timings(&before, &elsewhere), None);
        assert_eq!(compare_timings(&[], &[]), None);
    }
}

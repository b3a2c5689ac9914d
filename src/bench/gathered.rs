//! What was timed, and where? The rows that a report has and that a measure asks for.

use super::{Best, Engine, Platform, StepKind, Timing, What, best};

/// The different platforms of timings, in the order of the record.
pub fn platforms<'a>(timings: impl IntoIterator<Item = &'a Timing>) -> Vec<Platform<'a>> {
    let mut seen = Vec::new();
    for platform in timings.into_iter().map(Timing::platform) {
        if !seen.contains(&platform) {
            seen.push(platform);
        }
    }
    seen
}

/// The different things that were timed on a platform, in the order of the record.
pub fn rows<'a>(timings: &'a [Timing], platform: Platform) -> Vec<&'a What> {
    let mut seen: Vec<&What> = Vec::new();
    for timing in timings {
        if timing.platform() == platform && !seen.contains(&&timing.what) {
            seen.push(&timing.what);
        }
    }
    seen
}

/// The best peer of each row of a step of networks that has one, in the order of the record.
pub fn best_of_rows(timings: &[Timing], step: StepKind, platform: Platform) -> Vec<Best> {
    let is_step = |what: &&What| matches!(what, What::Network { step: of, .. } if *of == step);
    let rows = rows(timings, platform).into_iter().filter(is_step);
    rows.filter_map(|what| best(timings, what, platform))
        .collect()
}

/// What an engine took for something on a platform, in seconds: the samples of all rounds.
pub fn seconds(timings: &[Timing], engine: Engine, what: &What, platform: Platform) -> Vec<f64> {
    let of = |timing: &&Timing| timing.is(engine, what, platform);
    let timings = timings.iter().filter(of);
    timings
        .flat_map(|timing| timing.seconds.iter().copied())
        .collect()
}

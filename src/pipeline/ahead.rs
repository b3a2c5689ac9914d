//! What is to be trained, and about how long does it take?

use crate::experiment::{Job, Wanted};
use std::collections::BTreeMap;

/// Runs that are to be trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Ahead {
    /// How many of each experiment, in their order.
    pub runs: Vec<(String, usize)>,
    /// How many others of what was asked for are finished.
    pub finished: usize,
    /// The work of a step by experiment and arm: in seconds, where it was estimated for a run, or else in multiply-accumulates.
    pub step: BTreeMap<(String, String), f64>,
    /// The work of all.
    pub work: f64,
    /// About how many seconds all take, if that was estimated.
    pub seconds: Option<f64>,
}

/// The work of jobs of which so many go side by side, and of which each takes so many seconds, where that is known.
pub fn ahead(
    jobs: &[Job],
    finished: usize,
    seconds: &dyn Fn(&Job) -> Option<f64>,
    at_once: usize,
) -> Ahead {
    let mut runs: Vec<(String, usize)> = Vec::new();
    for job in jobs {
        let name = &job.experiment().name;
        match runs.iter_mut().find(|(known, _)| known == name) {
            Some((_, n)) => *n += 1,
            None => runs.push((name.clone(), 1)),
        }
    }
    // a network without products takes time too
    let counted = |job: &Job| Wanted::of(job).macs().unwrap_or_default().max(1.0);
    let timed: Option<Vec<f64>> = jobs.iter().map(seconds).collect();
    let is_timed = timed.is_some();
    let work = timed.unwrap_or_else(|| jobs.iter().map(counted).collect());
    let step = jobs.iter().zip(&work).map(|(job, work)| {
        let of = (job.experiment().name.clone(), job.arm().to_string());
        (of, work / job.task().steps().max(1) as f64)
    });
    let step = step.collect();
    let all: f64 = work.iter().sum();
    let longest = work.iter().copied().fold(0.0, f64::max);
    Ahead {
        runs,
        finished,
        step,
        work: all,
        seconds: is_timed.then(|| (all / at_once.max(1) as f64).max(longest)),
    }
}

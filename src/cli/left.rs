//! How much of a training is done, and about how long does the rest take?

use convcheck::experiment::ProgressEvent;
use convcheck::pipeline::Ahead;
use std::collections::BTreeMap;

/// So much of the work, as a share, is believed to take what was estimated before it began.
const BELIEVED: f64 = 0.05;
/// Before so much of the work is done, as a share, nothing is said of the rest, if nothing was estimated.
const TOO_LITTLE: f64 = 0.01;

/// A training under way.
pub struct Left {
    ahead: Ahead,
    /// Steps taken of each run.
    steps: BTreeMap<(String, String, u64), u64>,
    /// Runs of an experiment that are not at their end.
    runs: BTreeMap<String, usize>,
    /// The work of steps that had been taken before.
    before: f64,
    /// The work of those taken since.
    since: f64,
}

impl Left {
    pub fn new(ahead: &Ahead) -> Left {
        Left {
            runs: ahead.runs.iter().cloned().collect(),
            ahead: ahead.clone(),
            steps: BTreeMap::new(),
            before: 0.0,
            since: 0.0,
        }
    }

    /// A step was taken; whether it was the last one of its experiment.
    pub fn took(&mut self, event: &ProgressEvent) -> bool {
        let (experiment, arm) = (event.experiment.to_string(), event.arm.to_string());
        let arm = (experiment, arm);
        let work = self.ahead.step.get(&arm).copied().unwrap_or_default();
        let run = (arm.0, arm.1, event.seed);
        let step = event.progress.step.min(event.steps);
        // a run that goes on, or is at its end already, took its first steps before
        let is_now = event.progress.images > 0;
        let known = self.steps.get(&run).copied();
        let last = known.unwrap_or_else(|| {
            let before = step.saturating_sub(u64::from(is_now));
            self.before += work * before as f64;
            before
        });
        self.since += work * step.saturating_sub(last) as f64;
        let ends = step == event.steps && known != Some(step);
        let experiment = run.0.clone();
        self.steps.insert(run, step.max(last));
        let runs = self.runs.get_mut(&experiment).filter(|_| ends);
        runs.is_some_and(|runs| {
            *runs = runs.saturating_sub(1);
            *runs == 0
        })
    }

    /// The share of the work that is done.
    pub fn share(&self) -> f64 {
        match self.ahead.work > 0.0 {
            true => ((self.before + self.since) / self.ahead.work).min(1.0),
            false => 1.0,
        }
    }

    /// About how many seconds are left, so many after the first began: as fast as it went since, and in the beginning as fast
    /// as it was estimated to go.
    pub fn seconds(&self, elapsed: f64) -> Option<f64> {
        let all = self.ahead.work;
        let (work, seconds) = match self.ahead.seconds {
            Some(seconds) => (self.since + BELIEVED * all, elapsed + BELIEVED * seconds),
            None if self.since < TOO_LITTLE * all => return None,
            None => (self.since, elapsed),
        };
        let left = (all - self.before - self.since).max(0.0);
        (work > 0.0).then(|| left * seconds / work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use convcheck::train::StepProgress;

    fn ahead(seconds: Option<f64>) -> Ahead {
        let arm = |experiment: &str, arm: &str| (experiment.to_string(), arm.to_string());
        Ahead {
            runs: vec![("a".into(), 2), ("b".into(), 1)],
            finished: 0,
            step: [(arm("a", "x"), 1.0), (arm("b", "y"), 10.0)].into(),
            // ten steps each
            work: 120.0,
            seconds,
        }
    }

    fn event<'a>(
        experiment: &'a str,
        arm: &'a str,
        seed: u64,
        step: u64,
        images: u64,
    ) -> ProgressEvent<'a> {
        ProgressEvent {
            experiment,
            arm,
            seed,
            steps: 10,
            progress: StepProgress {
                step,
                images,
                loss: 1.0,
            },
        }
    }

    #[test]
    fn work_is_counted_and_not_steps() {
        let mut left = Left::new(&ahead(None));
        assert_eq!((left.share(), left.seconds(1.0)), (0.0, None));
        for step in 1..=9 {
            assert!(!left.took(&event("a", "x", 0, step, 8)));
        }
        assert_eq!(left.share(), 9.0 / 120.0);
        // 9 parts of 120 took 9 seconds
        assert_eq!(left.seconds(9.0), Some(111.0));
        assert!(!left.took(&event("a", "x", 0, 10, 8)));
        // an evaluation is no step, and a run ends once
        assert!(!left.took(&event("a", "x", 0, 10, 0)));
        assert_eq!(left.share(), 10.0 / 120.0);
        // one that was finished before, and the last of its experiment
        assert!(left.took(&event("a", "x", 1, 10, 0)));
        assert_eq!(left.share(), 20.0 / 120.0);
        assert_eq!(left.seconds(10.0), Some(100.0));
        // one that goes on from its sixth step
        assert!(!left.took(&event("b", "y", 0, 7, 8)));
        assert_eq!(left.share(), 90.0 / 120.0);
        assert_eq!(left.seconds(20.0), Some(30.0));
        for step in 8..=10 {
            assert_eq!(left.took(&event("b", "y", 0, step, 8)), step == 10);
        }
        assert_eq!((left.share(), left.seconds(50.0)), (1.0, Some(0.0)));
    }

    /// What was estimated stands in the beginning, and what was measured soon outweighs it.
    #[test]
    fn an_estimate_does_not_jump() {
        let mut left = Left::new(&ahead(Some(120.0)));
        assert_eq!(left.seconds(0.0), Some(120.0));
        // all goes at half the speed that was estimated
        let mut last = 120.0;
        for step in 1..=9 {
            left.took(&event("a", "x", 0, step, 8));
            let now = left.seconds(2.0 * step as f64).unwrap();
            let truly = 2.0 * (120.0 - step as f64);
            assert!(now > 100.0 && now < truly, "{step}: {now}");
            assert!((now - last).abs() < 25.0, "{step}: {last}, then {now}");
            last = now;
        }
    }
}

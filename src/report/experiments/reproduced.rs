//! What do runs come to beside the published result that their arm repeats?

use crate::data::Source;
use crate::experiment::{Experiment, Published, PublishedNumber, PublishedResult, answer};
use crate::report::number::{counted, hundredths, short, trimmed};
use crate::stats::{self, Further, Interval, LEVEL, further_interval};
use crate::train::Trained;
use std::collections::{BTreeMap, BTreeSet};

/// A published result, and the runs of its arm.
pub(super) struct Reproduced<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// The table or the figure in which the result stands.
    pub published: &'a Published,
    /// The result.
    pub result: &'a PublishedResult,
    /// The runs of its arm, by seed.
    pub runs: BTreeMap<u64, &'a Trained>,
    /// What each came to that did not diverge.
    values: Vec<f64>,
    /// The seeds of those that did, and where.
    diverged: Vec<String>,
    interval: Option<Interval>,
}

/// Every published result of an experiment, in its order, with the runs among those.
pub(super) fn reproduced<'a>(
    experiment: &'a Experiment,
    runs: &[&'a Trained],
) -> Vec<Reproduced<'a>> {
    let of = |published: &'a Published| {
        let results = published.results.iter();
        results.map(move |result| Reproduced::new(experiment, published, result, runs))
    };
    experiment.published.iter().flat_map(of).collect()
}

impl<'a> Reproduced<'a> {
    fn new(
        experiment: &'a Experiment,
        published: &'a Published,
        result: &'a PublishedResult,
        runs: &[&'a Trained],
    ) -> Reproduced<'a> {
        let is_of_arm = |run: &&&Trained| {
            run.experiment == experiment.name
                && run.scale == published.scale
                && run.arm == result.arm
        };
        let runs: BTreeMap<u64, &Trained> = (runs.iter().filter(is_of_arm))
            .map(|run| (run.seed, *run))
            .collect();
        let (mut values, mut diverged) = (Vec::new(), Vec::new());
        for (&seed, run) in &runs {
            match value(run, result) {
                Some(value) => values.push(value),
                None => {
                    let place = run.divergence().map(|place| format!(" {place}"));
                    diverged.push(format!("seed {seed}{}", place.unwrap_or_default()));
                }
            }
        }
        let all: Vec<&Trained> = runs.values().copied().collect();
        let question = result.question.as_ref();
        let interval = match question.and_then(|name| experiment.question(name)) {
            // one interval for one number: that of the rule, which knows on how many images it was counted
            Some(question) => answer(question, &all).interval,
            None => further_interval(&values, LEVEL, result.further()),
        };
        Reproduced {
            experiment,
            published,
            result,
            runs,
            values,
            diverged,
            interval,
        }
    }

    /// How many of its seeds are to be trained, and how many of those are here.
    fn seeds(&self) -> [usize; 2] {
        let planned = self.experiment.seeds.get(&self.published.scale).cloned();
        let planned = planned.unwrap_or_default();
        let here = self.runs.keys().filter(|seed| planned.contains(seed));
        [(planned.end - planned.start) as usize, here.count()]
    }

    /// Whether all runs are here and none diverged, so that something follows.
    fn is_whole(&self) -> bool {
        let [planned, here] = self.seeds();
        here == planned && self.diverged.is_empty()
    }

    /// Where in the publication it stands.
    pub(super) fn place(&self) -> String {
        format!("{}, {}", self.published.table, self.result.cell)
    }

    /// The published number, as it is printed, but for digits beyond the fourth.
    pub(super) fn published_value(&self) -> String {
        let about = if self.result.is_read_off {
            "about "
        } else {
            ""
        };
        let value = self.digits(self.result.value);
        let deviation = match self.result.number {
            PublishedNumber::MeanOf { deviation, .. } => deviation,
            _ => None,
        };
        let deviation = deviation.map(|one| format!(" ± {}", trimmed(&self.digits(one))));
        let deviation = deviation.unwrap_or_default();
        format!("{about}{}{deviation}{}", trimmed(&value), self.unit())
    }

    /// A number with the digits that runs differ in: four of a share or a loss behind its point.
    fn digits(&self, x: f64) -> String {
        match self.result.metric.is_share() {
            true => hundredths(x),
            false => format!("{x:.4}"),
        }
    }

    fn unit(&self) -> &'static str {
        match self.result.metric.is_share() {
            true => " %",
            false => "",
        }
    }

    /// What the published number is.
    pub(super) fn number(&self) -> String {
        let number = match self.result.number {
            PublishedNumber::SingleRun => "single run".to_string(),
            PublishedNumber::BestEpoch => "best epoch of a run".into(),
            PublishedNumber::BestOf(k) => format!("best of {k} runs"),
            PublishedNumber::MedianOf(k) => format!("median of {k} runs"),
            PublishedNumber::MeanOf { runs, .. } => format!("mean of {runs} runs"),
        };
        match self.result.is_read_off {
            true => format!("{number}, read off the figure"),
            false => number,
        }
    }

    /// What of a run is held beside it.
    pub(super) fn looked_at(&self) -> String {
        let metric = &self.result.metric;
        format!(
            "{}, {}",
            metric.quantity().replace('_', " "),
            metric.place()
        )
    }

    /// How many runs there are, of how many, and how many of them diverged.
    pub(super) fn count(&self) -> String {
        let [planned, here] = self.seeds();
        let n = self.runs.len();
        let count = match here == planned {
            true => n.to_string(),
            false => format!("{here} of {planned}"),
        };
        match self.diverged.len() {
            0 => count,
            diverged => format!("{count}, {diverged} diverged"),
        }
    }

    /// Mean and standard deviation of the runs that did not diverge.
    pub(super) fn mean(&self) -> Option<String> {
        let deviation = stats::deviation(&self.values);
        let deviation = Some(deviation).filter(|deviation| deviation.is_finite());
        let deviation = deviation.map(|one| format!(" ± {}", self.digits(one)));
        let mean = self.digits(stats::mean(&self.values));
        let deviation = deviation.unwrap_or_default();
        (!self.values.is_empty()).then(|| format!("{mean}{deviation}{}", self.unit()))
    }

    /// The least and the largest of them.
    pub(super) fn range(&self) -> Option<String> {
        let low = self.values.iter().copied().reduce(f64::min)?;
        let high = self.values.iter().copied().reduce(f64::max)?;
        Some(self.range_text(low, high))
    }

    /// Where a number like the published one would lie, were it made of runs like these; not before all are here, and no
    /// further than there are such numbers.
    pub(super) fn interval(&self) -> Option<String> {
        let Interval { low, high } = self.interval.filter(|_| self.is_whole())?;
        let [least, most] = self.result.metric.bounds();
        Some(self.range_text(low.max(least), high.min(most)))
    }

    fn range_text(&self, low: f64, high: f64) -> String {
        format!(
            "{} to {}{}",
            self.digits(low),
            self.digits(high),
            self.unit()
        )
    }

    /// Of which further runs the interval is.
    pub(super) fn of_further(&self) -> String {
        match self.result.further() {
            Further::One => "one more run".into(),
            Further::Mean(k) => format!("the mean of {k} more runs"),
            Further::Median(k) => format!("the median of {k} more runs"),
            Further::Least(k) => format!("the least of {k} more runs"),
            Further::Largest(k) => format!("the largest of {k} more runs"),
        }
    }

    /// The variance of a share that is counted on so many images, as a part of the variance between runs.
    pub(super) fn sampling(&self) -> Option<String> {
        let images = self.published.test_images?;
        let variance = stats::deviation(&self.values).powi(2);
        let is_counted = self.result.metric.is_of_test_images() && self.is_whole();
        let sampling = stats::binomial_variance(stats::mean(&self.values), images);
        Some(short(sampling / variance)).filter(|_| is_counted && variance > 0.0)
    }

    /// What follows, in a sentence; it is no verdict.
    pub(super) fn words(&self) -> String {
        let [planned, here] = self.seeds();
        if self.runs.is_empty() {
            return "No run yet.".into();
        }
        if !self.diverged.is_empty() {
            return format!(
                "{} of {} diverged ({}), so nothing is said: the others are chosen by how they ended.",
                self.diverged.len(),
                counted(self.runs.len(), "run"),
                self.diverged.join("; ")
            );
        }
        if here < planned {
            return format!("{here} of {planned} runs are here; nothing is said before all are.");
        }
        let Some(Interval { low, high }) = self.interval else {
            return "A spread takes two runs or more.".into();
        };
        let value = self.result.value;
        let side = match () {
            () if low == high => {
                return format!(
                    "All {} came to the same, so their spread is unknown.",
                    counted(self.runs.len(), "run")
                );
            }
            () if value < low => "below",
            () if value > high => "above",
            () => "within",
        };
        let flattered = match self.result.number {
            PublishedNumber::BestEpoch => {
                " Published is the best epoch, which no last epoch can be expected to reach."
            }
            _ => "",
        };
        format!(
            "The published value lies {side} the interval for {}.{flattered}",
            self.of_further()
        )
    }

    /// What trains the runs that are missing.
    pub(super) fn command(&self) -> Option<String> {
        let scale = self.published.scale;
        let Experiment { name, seeds, .. } = self.experiment;
        let arm = self.experiment.arm(&self.result.arm)?;
        let missing = seeds.get(&scale)?.clone();
        let missing = missing.filter(|seed| !self.runs.contains_key(seed));
        let missing: String = missing.map(|seed| format!(" --seed {seed}")).collect();
        let which = match (missing.is_empty(), self.runs.is_empty()) {
            (true, _) => return None,
            (_, true) => String::new(),
            (_, false) => missing,
        };
        let data = match arm.recipes.get(&scale)?.data {
            Source::Digits => "",
            _ => " --data DIR",
        };
        let (scale, arm) = (scale.name(), &arm.name);
        Some(format!(
            "convcheck train {name} --scale {scale} --arm {arm}{which}{data}"
        ))
    }

    /// Each of some words about its runs that occurs.
    pub(super) fn each(&self, of: impl Fn(&Trained) -> String) -> BTreeSet<String> {
        self.runs.values().map(|run| of(run)).collect()
    }

    /// Hours that its runs took together.
    pub(super) fn hours(&self) -> f64 {
        let seconds = self.runs.values().map(|run| run.seconds);
        seconds.sum::<f64>() / 3600.0
    }
}

/// What a run came to; nothing where it diverged, though some of its epochs may have been numbers.
fn value(run: &Trained, result: &PublishedResult) -> Option<f64> {
    let value = result.metric.of(&run.curve)?;
    (value.is_finite() && run.divergence().is_none()).then_some(value)
}

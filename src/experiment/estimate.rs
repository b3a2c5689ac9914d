//! How long do runs take on this machine? As long as finished runs of the same arm took here; as long as the steps of one that is begun
//! make likely; or as their multiply-accumulates do, at a rate that is measured briefly.

use super::prepared::Job;
use crate::analysis::MACS;
use crate::data::Source;
use crate::graph::Graph;
use crate::stats;
use crate::train::{Engine, Recipe, Scale, TrainError, Trained, seconds_of_step};
use crate::zoo::Model;
use serde::Serialize;

/// A training pass costs about as much as so many passes in evaluation: one forward, and two backward.
const PASSES: f64 = 3.0;

/// A run whose time is asked.
pub struct Wanted<'a> {
    /// The experiment.
    pub experiment: &'a str,
    /// At which scale.
    pub scale: Scale,
    /// The arm.
    pub arm: &'a str,
    /// Its recipe.
    pub recipe: &'a Recipe,
    /// Its network.
    pub model: &'a Model,
    /// The same, as layers.
    pub graph: &'a Graph,
    /// Steps of the whole run, where they are known.
    pub steps: Option<u64>,
    /// Images that it is evaluated on, where they are known.
    pub tested: Option<u64>,
    /// Steps that were taken, and seconds for them, of one that is begun.
    pub begun: Option<(u64, f64)>,
}

/// How long a run takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// Seconds of the whole run.
    pub seconds: f64,
    /// Of what is left of it.
    pub left: f64,
    /// By what.
    pub from: Basis,
}

/// What an estimate goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Finished runs of the same recipe and network on this machine.
    FinishedRuns,
    /// Its own first steps.
    FirstSteps,
    /// Its multiply-accumulates, at the rate of a step that was measured here.
    MeasuredRate,
}

impl Basis {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Basis::FinishedRuns => "finished runs",
            Basis::FirstSteps => "its first steps",
            Basis::MeasuredRate => "a measured rate",
        }
    }
}

impl<'a> Wanted<'a> {
    /// Of a run that is ready, of which nothing is there yet.
    pub fn of(job: &Job<'a>) -> Wanted<'a> {
        let (experiment, scale, arm, task) = (job.experiment(), job.scale(), job.arm(), job.task());
        Wanted {
            experiment: &experiment.name,
            scale,
            arm,
            recipe: task.recipe(),
            model: job.model(),
            graph: task.graph(),
            steps: Some(task.steps()),
            tested: Some(task.tested()),
            begun: None,
        }
    }

    /// Passes of the whole run, in multiply-accumulates.
    pub fn macs(&self) -> Option<f64> {
        Some(self.work()?.0)
    }

    /// Passes of the whole run and of a step, in multiply-accumulates; nothing where nobody knows how many steps there are.
    fn work(&self) -> Option<(f64, f64)> {
        let macs = MACS.total(self.graph).ok()? as f64;
        let step = self.recipe.batch as f64 * macs * PASSES;
        let (train, test) = published(self.recipe.data).unzip();
        let steps = self.steps.or_else(|| {
            let images = self.recipe.images.or(train)?;
            Some(self.recipe.steps_of_epoch(images) * u64::from(self.recipe.epochs))
        })?;
        let tested = self.tested.or(test)? as f64 * f64::from(self.recipe.epochs);
        Some((steps as f64 * step + tested * macs, step))
    }

    /// Seconds that finished runs of it took on this machine.
    fn finished(&self, engine: &str, machine: &str, runs: &[Trained]) -> Option<f64> {
        let recipe = self.recipe.fingerprint();
        let network = self.graph.digest();
        let is_one = |run: &&Trained| {
            (&*run.experiment, run.scale, &*run.arm) == (self.experiment, self.scale, self.arm)
                && (&run.recipe, run.network.as_ref()) == (&recipe, Some(&network))
                && (&*run.backend, &*run.machine) == (engine, machine)
                && run.divergence().is_none()
        };
        let seconds: Vec<f64> = runs.iter().filter(is_one).map(|run| run.seconds).collect();
        (!seconds.is_empty()).then(|| stats::mean(&seconds))
    }
}

/// How many images there are to train and to test with, as published.
const fn published(source: Source) -> Option<(usize, u64)> {
    match source {
        Source::Digits => Some((1297, 500)),
        Source::Mnist => Some((60_000, 10_000)),
        Source::Cifar10 | Source::Cifar100 => Some((50_000, 10_000)),
        Source::Folder => None,
    }
}

/// How long each run takes on an engine of this machine, of which there are these finished runs; nothing where nobody can know, as of a
/// folder of pictures that was not named. A rate is measured only where nothing else is known, once for all.
///
/// # Errors
/// [`TrainError`] of the measurement.
pub fn estimates<E: Engine>(
    engine: &E,
    machine: &str,
    finished: &[Trained],
    wanted: &[Wanted],
) -> Result<Vec<Option<Estimate>>, TrainError> {
    let known: Vec<Option<(f64, Basis)>> = (wanted.iter())
        .map(|run| {
            let finished = run.finished(engine.name(), machine, finished);
            finished
                .map(|seconds| (seconds, Basis::FinishedRuns))
                .or_else(|| Some((of_first_steps(run)?, Basis::FirstSteps)))
        })
        .collect();
    let unknown = wanted
        .iter()
        .zip(&known)
        .filter(|(_, known)| known.is_none());
    let least = unknown
        .filter_map(|(run, _)| Some((run, run.work()?.1)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    let rate = match least {
        None => None,
        Some((run, step)) => {
            Some(step / seconds_of_step(engine, run.scale, run.recipe, run.model)?)
        }
    };
    let estimate = |(run, known): (&Wanted, Option<(f64, Basis)>)| {
        let (seconds, from) = known.or_else(|| {
            let (work, _) = run.work()?;
            Some((work / rate?, Basis::MeasuredRate))
        })?;
        let done = run
            .begun
            .zip(run.steps)
            .map_or(0.0, |((step, _), steps)| step as f64 / steps.max(1) as f64);
        Some(Estimate {
            seconds,
            left: seconds * (1.0 - done).max(0.0),
            from,
        })
    };
    Ok(wanted.iter().zip(known).map(estimate).collect())
}

fn of_first_steps(run: &Wanted) -> Option<f64> {
    let (step, seconds) = run.begun.filter(|(step, _)| *step > 0)?;
    Some(seconds * run.steps? as f64 / step as f64)
}

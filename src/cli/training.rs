//! The command that trains: from options to finished runs and answers.

use super::TrainOptions;
use super::device::described;
use super::progress::watched;
use super::runs::{self, find, seeds};
use super::said::{Said, Stopped, json, lacks, warn, wrong};
use anyhow::{Result, bail};
use convcheck::data::{Part, Source};
use convcheck::experiment::{
    self, Answer, By, DataSets, Done, Existing, Experiment, Job, Keep, Notice, Plan,
    PreparedExperiment, ProgressEvent, train_all,
};
use convcheck::gpu::{Cuda, Trainer};
use convcheck::pipeline::{Progress, Watch, ahead};
use convcheck::project::Project;
use convcheck::record::{self, Lines, RecordError};
use convcheck::report;
use convcheck::train::{Cpu, Divergence, Engine, Scale, Trained};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// Trains what the options name, as long as `goes_on`, and says what its runs answer; where only some are named, what became of
/// those.
pub fn train(
    options: &TrainOptions,
    project: &Project,
    by: By,
    goes_on: fn() -> bool,
) -> Result<Said> {
    let output = options.which.output.clone().unwrap_or(project.report());
    let experiment = find(options.which.experiment(), project)?;
    let (runs, damage) = watched(in_time(options, goes_on), |watch| {
        run(options, &experiment, &output, by, watch)
    })?;
    wrong(&damage);
    let text = match (names_runs(options), options.json) {
        (false, true) => json(&answers(&experiment, &runs))?,
        (false, false) => {
            report::answers_text(&answers(&experiment, &runs))
                + &report::published_text(&experiment, &runs)
        }
        (true, true) => json(&runs.iter().map(Ended::of).collect::<Vec<_>>())?,
        (true, false) => runs.iter().map(|run| Ended::of(run).line()).collect(),
    };
    Ok(Said {
        text,
        outcome: lacks(&damage),
    })
}

/// Whether to go on: nobody asked for an end, and the time is not up.
pub(super) fn in_time(options: &TrainOptions, goes_on: fn() -> bool) -> impl Fn() -> bool + Sync {
    let (since, until) = (Instant::now(), options.until);
    move || goes_on() && until.is_none_or(|until| since.elapsed() < until)
}

/// Whether some of an experiment's runs are named, and not all of them.
fn names_runs(options: &TrainOptions) -> bool {
    !options.which.arms.is_empty() || !options.which.only_seeds.is_empty()
}

/// A run that came to its end.
#[derive(Serialize)]
pub(super) struct Ended<'a> {
    experiment: &'a str,
    scale: Scale,
    arm: &'a str,
    seed: u64,
    state: &'static str,
    diverged: Option<Divergence>,
    test_error: Option<f64>,
    seconds: f64,
}

impl Ended<'_> {
    pub(super) fn of(run: &Trained) -> Ended<'_> {
        Ended {
            experiment: &run.experiment,
            scale: run.scale,
            arm: &run.arm,
            seed: run.seed,
            state: match run.divergence() {
                None => "done",
                Some(_) => "diverged",
            },
            diverged: run.divergence(),
            test_error: run.end().map(|epoch| epoch.test_error),
            seconds: run.seconds,
        }
    }

    pub(super) fn line(&self) -> String {
        let diverged = |at: &Divergence| format!(" {at}");
        let percent = |error: f64| format!(", test error {:.2} %", 100.0 * error);
        format!(
            "{}, {}, seed {}: {}{}{}, {:.1} s\n",
            self.experiment,
            self.arm,
            self.seed,
            self.state,
            self.diverged.as_ref().map_or(String::new(), diverged),
            self.test_error.map_or(String::new(), percent),
            self.seconds
        )
    }
}

/// What computes, who runs it, and how runs are kept.
pub(super) struct Setting {
    gpus: Option<Trainer<Cuda>>,
    by: By,
    existing: Existing,
    every: Duration,
}

impl Setting {
    pub(super) fn of(options: &TrainOptions, by: By) -> Result<Setting> {
        let Ok(every) = Duration::try_from_secs_f64(options.snapshot_every) else {
            bail!(
                "--snapshot-every is {}, must be seconds",
                options.snapshot_every
            );
        };
        // said before anything is read, if there is none
        let gpus = options.which.on.trainer(options.at_once)?;
        let by = match &gpus {
            None => by,
            Some(gpus) => By {
                machine: described(gpus),
                ..by
            },
        };
        let existing = match options.resume {
            true => Existing::GoOn,
            false => Existing::Refused,
        };
        Ok(Setting {
            gpus,
            by,
            existing,
            every,
        })
    }

    /// What the record of a folder holds of runs, if they go on; without that they begin anew.
    pub(super) fn recorded(&self, output: &Path) -> Result<Lines<Trained>, RecordError> {
        match self.existing {
            Existing::Refused => Ok(Lines {
                good: Vec::new(),
                damage: Vec::new(),
            }),
            Existing::GoOn | Existing::MakeRoom => record::recorded(output),
        }
    }

    /// Runs of an experiment, kept in a folder, of which some are recorded.
    pub(super) fn plan<'a>(
        &'a self,
        experiment: &'a Experiment,
        scale: Scale,
        (arms, seeds): (&'a [String], Vec<u64>),
        folder: &'a Path,
        recorded: &'a [Trained],
    ) -> Plan<'a> {
        Plan {
            experiment,
            scale,
            arms,
            seeds,
            keep: Some(Keep {
                folder,
                recorded,
                existing: self.existing,
                every: self.every,
            }),
            by: &self.by,
        }
    }

    /// Device and numbers, as records name them.
    pub(super) fn backend(&self) -> &str {
        self.gpus.as_ref().map_or(Cpu.name(), Engine::name)
    }

    /// Trains runs, in order, and says on standard error what there is to say of those that were kept.
    pub(super) fn finish(&self, jobs: &[Job], watch: Watch) -> Done {
        // as they are in multiply-accumulates, which costs nothing to know
        watch(Progress::Training(&ahead(jobs, 0, &|_| None, 1)));
        match &self.gpus {
            None => finish(jobs, &Cpu, watch),
            Some(gpus) => finish(jobs, gpus, watch),
        }
    }
}

/// The runs, and what is wrong with the record that they were added to.
fn run(
    options: &TrainOptions,
    experiment: &Experiment,
    output: &Path,
    by: By,
    watch: Watch,
) -> Result<(Vec<Trained>, Vec<RecordError>)> {
    let which = &options.which;
    let scale = Scale::from(which.scale);
    let seeds = seeds(which, experiment, scale)?;
    let setting = Setting::of(options, by)?;
    let folder = runs::folder(output, experiment, scale);
    let recorded = setting.recorded(output)?;
    let plan = setting.plan(
        experiment,
        scale,
        (&which.arms, seeds),
        &folder,
        &recorded.good,
    );
    let ready = PreparedExperiment::new(plan, &mut DataSets::new(which.data.as_deref()))?;
    if let Some(data) = &which.data {
        remark(experiment, scale, data);
    }
    let jobs: Vec<_> = ready.jobs().collect();
    let Done { runs, fault } = setting.finish(&jobs, watch);
    // runs that are named one by one, as by a cluster, stay in their own files: whoever reads a record reads them too
    let damage = match runs.is_empty() || names_runs(options) {
        true => recorded.damage,
        false => add(experiment, output, &runs, watch)?,
    };
    match fault {
        Some(fault) if fault.is_stop() => {
            Err(Stopped(format!("{fault}; --resume goes on from there")).into())
        }
        Some(fault) => Err(fault.into()),
        None => Ok((runs, damage)),
    }
}

/// Adds runs to the record of a folder, and returns what is wrong with it.
fn add(
    experiment: &Experiment,
    output: &Path,
    runs: &[Trained],
    watch: Watch,
) -> Result<Vec<RecordError>> {
    let recorded = record::add_training(output, runs, &|| watch(Progress::Saving))?;
    let place = |run: &Trained| (run.scale, run.arm.clone(), run.seed);
    let trained: BTreeSet<_> = runs.iter().map(place).collect();
    let before = recorded.good.iter().skip(runs.len());
    let of_these =
        |old: &&Trained| old.experiment == experiment.name && trained.contains(&place(old));
    match before.filter(of_these).count() {
        0 => {}
        n => warn(format!(
            "{}: {} of the same arms and seeds {} there behind these, of which the first of a recipe counts",
            output.join(record::TRAINING).display(),
            report::counted(n, "earlier run"),
            report::agreeing(n, "stays", "stay"),
        )),
    }
    Ok(recorded.damage)
}

/// Says on standard error what there is to say of the data that an experiment learns from.
pub(super) fn remark(experiment: &Experiment, scale: Scale, data: &Path) {
    let arms = experiment.arms.iter();
    let recipes = arms.filter_map(|arm| arm.recipes.get(&scale));
    let sources: BTreeSet<Source> = recipes.map(|recipe| recipe.data).collect();
    let remarks = |source: Source| source.remarks(data, &[Part::Train, Part::Test]);
    wrong(sources.into_iter().flat_map(remarks));
}

fn finish<E: Engine>(jobs: &[Job], engine: &E, watch: Watch) -> Done {
    let say = |notice: Notice| warn(notice);
    train_all(engine, jobs, &say, &|event: ProgressEvent| {
        watch(Progress::Step(event))
    })
}

/// The answers that runs give to an experiment's questions.
fn answers(experiment: &Experiment, runs: &[Trained]) -> Vec<Answer> {
    let runs: Vec<&Trained> = runs.iter().collect();
    let Some(first) = runs.first() else {
        return Vec::new();
    };
    (experiment.questions_at(first.scale))
        .map(|question| experiment::answer(question, &runs))
        .collect()
}

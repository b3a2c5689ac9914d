//! The command that trains: from options to finished runs and answers.

use super::device::first_gpu;
use super::{ScaleOption, TrainOptions};
use anyhow::{Context, Result, bail};
use convcheck::claim::{Claim, Suite};
use convcheck::evidence::Training;
use convcheck::experiment::{
    self, Answer, By, Experiment, ExperimentFault, Finding, Keep, Plan, PreparedExperiment,
    ProgressEvent,
};
use convcheck::gpu::{Cuda, Trainer};
use convcheck::nearest::did_you_mean;
use convcheck::record;
use convcheck::train::{Cpu, Engine, Scale, Trained};
use convcheck::zoo::Registry;
use indicatif::ProgressBar;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

impl From<ScaleOption> for Scale {
    fn from(option: ScaleOption) -> Scale {
        match option {
            ScaleOption::Quick => Scale::Quick,
            ScaleOption::Full => Scale::Full,
        }
    }
}

/// The experiment of that name, or of that file.
pub fn find(name: &str, registry: &Registry) -> Result<Experiment> {
    if name.ends_with(".toml") {
        return Ok(experiment::load(Path::new(name), registry)?);
    }
    let all = experiment::embedded(registry)?;
    let known = all.iter().map(|experiment| experiment.name.as_str());
    let hint = did_you_mean(name, known, "convcheck list experiments");
    match all.into_iter().find(|experiment| experiment.name == name) {
        Some(found) => Ok(found),
        None => bail!("there is no experiment `{name}`; {hint}"),
    }
}

/// Trains what the options name, with a bar of so many steps, as long as `goes_on`.
pub fn train(
    options: &TrainOptions,
    experiment: &Experiment,
    by: &By,
    bar: impl FnOnce(usize) -> Result<ProgressBar>,
    goes_on: impl Fn() -> bool + Sync,
) -> Result<Vec<Trained>> {
    let scale = Scale::from(options.scale);
    if !(options.snapshot_every >= 0.0 && options.snapshot_every.is_finite()) {
        bail!(
            "--snapshot-every is {}, must be seconds",
            options.snapshot_every
        );
    }
    let (name, of_scale) = (&experiment.name, scale.name());
    let Some(seeds) = experiment.seeds.get(&scale).cloned() else {
        bail!("{name} has no {of_scale} scale")
    };
    let seeds = match options.seeds {
        None => seeds,
        Some(0) => bail!("--seeds is 0: nothing would be trained"),
        Some(count) => seeds.start..seeds.start.saturating_add(count),
    };
    let gpu = options.on.gpu()?;
    let by = match gpu {
        None => by.clone(),
        // said before anything is read, if there is none
        Some(_) => By {
            machine: Cuda::describe(0)?,
            ..by.clone()
        },
    };
    let folder = options
        .output
        .join("runs")
        .join(format!("{name}-{of_scale}"));
    let ready = PreparedExperiment::new(Plan {
        experiment,
        scale,
        seeds,
        data: options.data.as_deref(),
        keep: Some(Keep {
            folder: &folder,
            resume: options.resume,
            every: Duration::from_secs_f64(options.snapshot_every),
        }),
        by: &by,
    })?;
    let progress = bar(ready.steps() as usize)?;
    let runs = match gpu {
        None => watched(&ready, &Cpu, &progress, goes_on),
        Some(precision) => {
            // a run is a function of recipe, data and seed there too
            let trainer = Trainer::new("cuda", precision, first_gpu(precision, true));
            watched(&ready, &trainer, &progress, goes_on)
        }
    };
    progress.finish_and_clear();
    let runs = match runs {
        Err(error) if error.is_stop() => bail!("{error}; --resume goes on from there"),
        runs => runs?,
    };
    // runs of other experiments and seeds stay where they are
    save(&options.output, &runs, |old| {
        let same = |run: &Trained| {
            (&run.experiment, run.scale, &run.arm, run.seed)
                == (&old.experiment, old.scale, &old.arm, old.seed)
        };
        !runs.iter().any(same)
    })?;
    Ok(runs)
}

/// Writes the runs that count into a folder; those there of experiments that are not the program's are a
/// user's own, and stay.
pub fn save_counting(output: &Path, training: &Training) -> Result<()> {
    save(output, training.runs(), |old| {
        training.experiment(&old.experiment).is_none()
    })
}

/// Writes runs into a folder, before those that are there already and stay.
fn save(output: &Path, runs: &[Trained], stays: impl Fn(&Trained) -> bool) -> Result<()> {
    let before = record::load_training(output)?.into_iter().filter(stays);
    let all: Vec<Trained> = runs.iter().cloned().chain(before).collect();
    Ok(record::save_training(output, &all)?)
}

/// Trains the experiments for which a claim asks at the quick scale; nothing is kept of a run that is
/// stopped.
pub fn quick(
    suites: &[Suite],
    experiments: &[Experiment],
    by: &By,
    bar: impl FnOnce(usize) -> Result<ProgressBar>,
    goes_on: impl Fn() -> bool + Sync + Copy,
) -> Result<Vec<Trained>> {
    let claims = suites.iter().flat_map(|suite| &suite.claims);
    let quick = claims
        .filter_map(Claim::trial)
        .filter(|trial| trial.scale == Scale::Quick);
    let asked: BTreeSet<&str> = quick.map(|trial| &*trial.experiment).collect();
    let asked = experiments.iter().filter(|one| asked.contains(&*one.name));
    let with_seeds = asked.filter_map(|experiment| {
        let seeds = experiment.seeds.get(&Scale::Quick)?.clone();
        Some((experiment, seeds))
    });
    let ready = with_seeds
        .map(|(experiment, seeds)| {
            PreparedExperiment::new(Plan {
                experiment,
                scale: Scale::Quick,
                seeds,
                data: None,
                keep: None,
                by,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let progress = bar(ready.iter().map(PreparedExperiment::steps).sum::<u64>() as usize)?;
    let mut runs = Vec::new();
    for ready in &ready {
        match watched(ready, &Cpu, &progress, goes_on) {
            Err(error) if error.is_stop() => bail!("{error}; nothing was written"),
            done => runs.extend(done?),
        }
    }
    progress.finish_and_clear();
    Ok(runs)
}

/// The finished runs in these folders and in those within them, those of the last name first; without a
/// folder those of `reports`, if it is there.
pub fn kept(folders: &[PathBuf]) -> Result<Vec<Trained>> {
    let reports = PathBuf::from("reports");
    let folders = match folders {
        [] if !reports.is_dir() => &[],
        [] => std::slice::from_ref(&reports),
        named => named,
    };
    let mut runs = Vec::new();
    for folder in folders {
        let unreadable = || format!("{}: cannot read the folder of records", folder.display());
        let entries = std::fs::read_dir(folder).with_context(unreadable)?;
        let mut inside = (entries.map(|entry| entry.map(|entry| entry.path())))
            .collect::<Result<Vec<_>, _>>()
            .with_context(unreadable)?;
        inside.sort();
        runs.extend(record::load_training(folder)?);
        for folder in inside.iter().rev().filter(|folder| folder.is_dir()) {
            runs.extend(record::load_training(folder)?);
        }
    }
    Ok(runs)
}

/// Runs an experiment under a bar that says images a second and the last loss.
pub fn watched(
    ready: &PreparedExperiment,
    engine: &impl Engine,
    progress: &ProgressBar,
    goes_on: impl Fn() -> bool + Sync,
) -> Result<Vec<Trained>, ExperimentFault> {
    let (start, images) = (Instant::now(), AtomicU64::new(0));
    let on_step = |event: ProgressEvent| {
        if event.progress.images > 0 {
            let all =
                images.fetch_add(event.progress.images, Ordering::Relaxed) + event.progress.images;
            let rate = all as f64 / start.elapsed().as_secs_f64();
            progress.inc(1);
            progress.set_message(format!(
                "{} {}: loss {:.3}, {rate:.0} images/s",
                event.arm, event.seed, event.progress.loss
            ));
        }
        goes_on()
    };
    ready.run(engine, &on_step)
}

/// The answers that runs give to an experiment's questions.
pub fn answers(experiment: &Experiment, runs: &[Trained]) -> Vec<Answer> {
    let runs: Vec<&Trained> = runs.iter().collect();
    let Some(first) = runs.first() else {
        return Vec::new();
    };
    (experiment.questions_at(first.scale))
        .map(|question| experiment::answer(question, &runs))
        .collect()
}

/// Answers, for people.
pub fn text(answers: &[Answer]) -> String {
    let mut text = String::new();
    for answer in answers {
        let finding = match &answer.finding {
            Finding::Holds => "holds".to_string(),
            Finding::Fails => "fails".to_string(),
            Finding::Open(why) => format!("open: {why}"),
        };
        let interval = answer.interval.map_or(String::new(), |interval| {
            format!(" [{:.4}, {:.4}]", interval.low, interval.high)
        });
        let _ = writeln!(
            text,
            "{}: {finding}\n  {}\n  {} {:.4}{interval}, {} seeds; {}",
            answer.question,
            answer.says,
            answer.metric,
            answer.mean,
            answer.seeds.len(),
            answer.rule
        );
    }
    text
}

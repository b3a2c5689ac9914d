//! The command that trains: from options to finished runs and answers.

use super::device::first_gpu;
use super::progress::watched;
use super::said::{Said, json, warn};
use super::{ScaleOption, TrainOptions};
use anyhow::{Result, bail};
use convcheck::experiment::{
    self, Answer, BegunBefore, By, Experiment, ExperimentFault, Keep, MOST_SEEDS, Plan,
    PreparedExperiment, ProgressEvent,
};
use convcheck::gpu::{Cuda, Trainer};
use convcheck::nearest::did_you_mean;
use convcheck::pipeline::{Progress, Watch};
use convcheck::project::Project;
use convcheck::record;
use convcheck::report;
use convcheck::train::{Cpu, Engine, Scale, Trained};
use std::path::Path;
use std::time::Duration;

impl From<ScaleOption> for Scale {
    fn from(option: ScaleOption) -> Scale {
        match option {
            ScaleOption::Quick => Scale::Quick,
            ScaleOption::Full => Scale::Full,
        }
    }
}

/// The experiment of that name, or of that file.
fn find(name: &str, project: &Project) -> Result<Experiment> {
    if name.ends_with(".toml") {
        return Ok(experiment::load(Path::new(name), project.registry())?);
    }
    let all = project.experiments()?;
    let known = all.iter().map(|experiment| experiment.name.as_str());
    let hint = did_you_mean(name, known, "convcheck list experiments");
    match all.into_iter().find(|experiment| experiment.name == name) {
        Some(found) => Ok(found),
        None => bail!("there is no experiment `{name}`; {hint}"),
    }
}

/// Trains what the options name, as long as `goes_on`, and says what its runs answer.
pub fn train(
    options: &TrainOptions,
    project: &Project,
    by: By,
    goes_on: fn() -> bool,
) -> Result<Said> {
    let experiment = find(&options.experiment, project)?;
    let output = options.output.clone().unwrap_or(project.report());
    let runs = watched(goes_on, |watch| {
        run(options, &experiment, &output, by, watch)
    })?;
    let answers = answers(&experiment, &runs);
    Ok(match options.json {
        true => json(&answers)?,
        false => report::answers_text(&answers),
    }
    .into())
}

fn run(
    options: &TrainOptions,
    experiment: &Experiment,
    output: &Path,
    by: By,
    watch: Watch,
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
        Some(count) if !(1..=MOST_SEEDS).contains(&count) => {
            bail!("--seeds is {count}, must be from 1 to {MOST_SEEDS}")
        }
        Some(count) => seeds.start..seeds.start.saturating_add(count),
    };
    let gpu = options.on.gpu()?;
    let by = match gpu {
        None => by,
        // said before anything is read, if there is none
        Some(_) => By {
            machine: Cuda::describe(0)?,
            ..by
        },
    };
    let folder = output.join("runs").join(format!("{name}-{of_scale}"));
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
    let runs = match gpu {
        None => finish(&ready, &Cpu, watch),
        Some(precision) => {
            // a run is a function of recipe, data and seed there too
            let trainer = Trainer::new("cuda", precision, first_gpu(precision, true));
            finish(&ready, &trainer, watch)
        }
    };
    let runs = match runs {
        Err(error) if error.is_stop() => bail!("{error}; --resume goes on from there"),
        runs => runs?,
    };
    // runs of other experiments and seeds stay where they are
    save(output, &runs, |old| {
        let same = |run: &Trained| {
            (&run.experiment, run.scale, &run.arm, run.seed)
                == (&old.experiment, old.scale, &old.arm, old.seed)
        };
        !runs.iter().any(same)
    })?;
    Ok(runs)
}

/// Runs what is prepared, and says on standard error which runs another version of the program began.
fn finish<E: Engine>(
    ready: &PreparedExperiment,
    engine: &E,
    watch: Watch,
) -> Result<Vec<Trained>, ExperimentFault> {
    let say = |run: BegunBefore| {
        warn(format_args!(
            "{}, seed {}: another version of the program took its first steps ({})",
            run.arm,
            run.seed,
            run.by.join(", ")
        ));
    };
    watch(Progress::Training(ready.steps()));
    ready.run(engine, &say, &|event: ProgressEvent| {
        watch(Progress::Step(event))
    })
}

/// Writes runs into a folder, before those that are there already and stay.
fn save(output: &Path, runs: &[Trained], stays: impl Fn(&Trained) -> bool) -> Result<()> {
    let before = record::load_training(output)?.into_iter().filter(stays);
    let all: Vec<Trained> = runs.iter().cloned().chain(before).collect();
    Ok(record::save_training(output, &all)?)
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

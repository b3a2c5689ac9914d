//! The command that lists runs, and which runs options mean.

use super::device::described;
use super::said::{Said, json, lacks, warn, wrong};
use super::{RunsOptions, ScaleOption};
use anyhow::{Result, bail};
use convcheck::experiment::{
    self, By, DataSets, Experiment, MOST_SEEDS, Query, followed, statuses, times,
};
use convcheck::nearest::did_you_mean;
use convcheck::project::Project;
use convcheck::record::{self, Lines};
use convcheck::report;
use convcheck::train::{Cpu, Engine, Scale};
use std::path::{Path, PathBuf};

impl From<ScaleOption> for Scale {
    fn from(option: ScaleOption) -> Scale {
        match option {
            ScaleOption::Quick => Scale::Quick,
            ScaleOption::Full => Scale::Full,
        }
    }
}

/// The experiment of that name, or of that file.
pub fn find(name: &str, project: &Project) -> Result<Experiment> {
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

/// The seeds under which the arms are trained.
pub fn seeds(options: &RunsOptions, experiment: &Experiment, scale: Scale) -> Result<Vec<u64>> {
    let (name, of_scale) = (&experiment.name, scale.name());
    let Some(own) = experiment.seeds.get(&scale).cloned() else {
        bail!("{name} has no {of_scale} scale")
    };
    if let Some(count) = options.seeds {
        if !(1..=MOST_SEEDS).contains(&count) {
            bail!("--seeds is {count}, must be from 1 to {MOST_SEEDS}")
        }
        return Ok((own.start..own.start.saturating_add(count)).collect());
    }
    if options.only_seeds.is_empty() {
        return Ok(own.collect());
    }
    let known = own.start..own.start.saturating_add(MOST_SEEDS);
    if let Some(unknown) = options.only_seeds.iter().find(|seed| !known.contains(seed)) {
        bail!(
            "--seed is {unknown}, must be from {} to {}: runs of {name} count under no others at the {of_scale} scale",
            known.start,
            known.end - 1
        )
    }
    let mut seeds = options.only_seeds.clone();
    seeds.sort_unstable();
    seeds.dedup();
    Ok(seeds)
}

/// Where the runs of an experiment are kept.
pub fn folder(output: &Path, experiment: &Experiment, scale: Scale) -> PathBuf {
    let name = format!("{}-{}", experiment.name, scale.name());
    output.join("runs").join(name)
}

/// Lists the runs that are meant, with how far each is and how long it takes here.
pub fn list(options: &RunsOptions, as_json: bool, project: &Project, by: By) -> Result<Said> {
    let experiment = find(&options.experiment, project)?;
    let scale = Scale::from(options.scale);
    let seeds = seeds(options, &experiment, scale)?;
    let output = options.output.clone().unwrap_or(project.report());
    let gpus = options.on.trainer(None)?;
    let query = Query {
        experiment: &experiment,
        scale,
        arms: &options.arms,
        seeds: &seeds,
        folder: &folder(&output, &experiment, scale),
        backend: gpus.as_ref().map_or(Cpu.name(), Engine::name),
    };
    let follows = followed(&query, &mut DataSets::new(options.data.as_deref()))?;
    let Lines {
        good: finished,
        damage,
    } = record::load_training(&output)?;
    wrong(&damage);
    if follows.iter().any(|arm| !arm.has_data) {
        warn(format!(
            "{}: the data are not known without --data, so fingerprints are none, and runs of other data count as these",
            experiment.name
        ));
    }
    let runs = statuses(&query, &follows, &finished)?;
    let machine = match &gpus {
        None => by.machine,
        Some(gpus) => described(gpus),
    };
    let times = match &gpus {
        None => times(&Cpu, &machine, &query, &follows, &runs, &finished)?,
        Some(gpus) => times(gpus, &machine, &query, &follows, &runs, &finished)?,
    };
    let listing = report::list_runs(&query, &follows, &runs, &times)?;
    Ok(Said {
        text: match as_json {
            true => json(&listing.rows)?,
            false => listing.text,
        },
        outcome: lacks(&damage),
    })
}

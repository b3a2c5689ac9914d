//! The command that lists runs, and which runs options mean.

use super::device::described;
use super::said::{Said, json, lacks, warn, wrong};
use super::{RunsOptions, ScaleOption};
use anyhow::{Result, bail};
use convcheck::experiment::{
    self, By, DataSets, Experiment, MOST_SEEDS, PlannedRuns, Query, RunPlan, followed, statuses,
    times,
};
use convcheck::gpu::backend;
use convcheck::nearest::did_you_mean;
use convcheck::pipeline;
use convcheck::project::Project;
use convcheck::record;
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
    record::runs_folder(output, &experiment.name, scale)
}

/// Where the data set of runs is, in a folder of data sets: in the folder that the plan names or that is called as the set
/// is, if it is there, else anywhere in it.
pub fn data_folder(folder: &Path, part: &PlannedRuns, scale: Scale) -> PathBuf {
    let mut recipes = (part.experiment.arms.iter()).filter_map(|arm| arm.recipes.get(&scale));
    let source = recipes.next().map(|recipe| recipe.data.name());
    match (&part.data, source) {
        (Some(named), _) => folder.join(named),
        (None, Some(source)) if folder.join(source).is_dir() => folder.join(source),
        _ => folder.to_path_buf(),
    }
}

/// Runs of an experiment that are meant, and where their data are.
struct Part {
    experiment: Experiment,
    arms: Vec<String>,
    seeds: Vec<u64>,
    data: Option<PathBuf>,
}

/// The runs that options mean, in order: those of an experiment, or of a plan.
fn parts(options: &RunsOptions, project: &Project) -> Result<(Scale, Vec<Part>)> {
    let Some(plan) = &options.plan else {
        let scale = Scale::from(options.scale);
        let experiment = find(options.experiment(), project)?;
        let part = Part {
            seeds: seeds(options, &experiment, scale)?,
            experiment,
            arms: options.arms.clone(),
            data: options.data.clone(),
        };
        return Ok((scale, vec![part]));
    };
    let RunPlan { scale, parts, .. } =
        RunPlan::find(plan, &project.experiments()?, project.registry())?;
    let part = |part: PlannedRuns| Part {
        data: (options.data.as_deref()).map(|folder| data_folder(folder, &part, scale)),
        experiment: part.experiment,
        arms: part.arms,
        seeds: part.seeds,
    };
    Ok((scale, parts.into_iter().map(part).collect()))
}

/// Lists the runs that are meant, with how far each is and how long it takes here.
pub fn list(options: &RunsOptions, as_json: bool, project: &Project, by: By) -> Result<Said> {
    let (scale, parts) = parts(options, project)?;
    let output = options.output.clone().unwrap_or(project.report());
    let precision = options.on.gpu()?;
    // where a cluster takes jobs there often is no GPU: how far runs are is known without one
    let gpus = options.on.trainer(None).unwrap_or_else(|error| {
        warn(format!(
            "{error}; how long runs take on it is not known here"
        ));
        None
    });
    let backend = precision.map_or(Cpu.name().into(), |precision| backend("cuda", precision));
    let (own, others) = (
        record::load_training(&output)?,
        pipeline::finished_runs(&options.runs)?,
    );
    let damage = [own.damage, others.damage].concat();
    wrong(&damage);
    let finished = [own.good, others.good].concat();
    let (mut rows, mut text) = (Vec::new(), String::new());
    for part in &parts {
        let query = Query {
            experiment: &part.experiment,
            scale,
            arms: &part.arms,
            seeds: &part.seeds,
            folder: &folder(&output, &part.experiment, scale),
            backend: &backend,
        };
        let follows = followed(&query, &mut DataSets::new(part.data.as_deref()))?;
        if follows.iter().any(|arm| !arm.has_data) {
            warn(format!(
                "{}: the data are not known without --data, so fingerprints are none, and runs of other data count as these",
                part.experiment.name
            ));
        }
        let runs = statuses(&query, &follows, &finished)?;
        let times = match (precision, &gpus) {
            (None, _) => times(&Cpu, &by.machine, &query, &follows, &runs, &finished)?,
            (Some(_), Some(gpus)) => {
                let machine = described(gpus);
                times(gpus, &machine, &query, &follows, &runs, &finished)?
            }
            (Some(_), None) => vec![None; runs.len()],
        };
        let listing = report::list_runs(&query, &follows, &runs, &times)?;
        rows.extend(listing.rows.as_array().cloned().unwrap_or_default());
        if options.plan.is_some() {
            text += &format!("{}\n", part.experiment.name);
        }
        text += &listing.text;
    }
    Ok(Said {
        text: match as_json {
            true => json(&rows)?,
            false => text,
        },
        outcome: lacks(&damage),
    })
}

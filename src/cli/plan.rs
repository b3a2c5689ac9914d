//! The command that trains a plan: from options to finished runs of several experiments.

use super::TrainOptions;
use super::progress::watched;
use super::runs;
use super::said::{Said, Stopped, json, lacks, warn, wrong};
use super::training::{Ended, Setting, in_time, remark};
use anyhow::{Result, bail};
use convcheck::experiment::{By, DataSets, Done, ExperimentFault, Job, PlannedRuns};
use convcheck::experiment::{PreparedExperiment, RunPlan};
use convcheck::pipeline::{self, Watch};
use convcheck::project::Project;
use convcheck::report::{agreeing, counted};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Trains the runs of a plan that are not finished, in its order, as long as `goes_on`, and says what became of them. They
/// stay in their own files: whoever reads a record reads them too.
pub fn train(
    name: &str,
    options: &TrainOptions,
    project: &Project,
    by: By,
    goes_on: fn() -> bool,
) -> Result<Said> {
    let output = options.which.output.clone().unwrap_or(project.report());
    watched(in_time(options, goes_on), |watch| {
        run(name, options, project, &output, by, watch)
    })
}

fn run(
    name: &str,
    options: &TrainOptions,
    project: &Project,
    output: &Path,
    by: By,
    watch: Watch,
) -> Result<Said> {
    let RunPlan { scale, parts, .. } =
        RunPlan::find(name, &project.experiments()?, project.registry())?;
    let setting = Setting::of(options, by)?;
    let places: Vec<(PathBuf, Option<PathBuf>)> = (parts.iter())
        .map(|part| {
            let data = options.which.data.as_deref();
            let data = data.map(|folder| runs::data_folder(folder, part, scale));
            (runs::folder(output, &part.experiment, scale), data)
        })
        .collect();
    let recorded = setting.recorded(output)?;
    let (mut ready, mut missing) = (Vec::new(), Missing::default());
    let (mut data, mut remarked) = (BTreeMap::new(), BTreeSet::new());
    for (part, (folder, place)) in parts.iter().zip(&places) {
        let place = place.as_deref();
        let sets = data.entry(place).or_insert_with(|| DataSets::new(place));
        let runs = (&*part.arms, part.seeds.clone());
        let plan = setting.plan(&part.experiment, scale, runs, folder, &recorded.good);
        match PreparedExperiment::new(plan, sets) {
            Ok(prepared) => ready.push(prepared),
            Err(fault) => missing.add(part, &fault),
        }
        if let Some(place) = place.filter(|&place| remarked.insert((place, &part.experiment.name)))
        {
            remark(&part.experiment, scale, place);
        }
    }
    if ready.is_empty() {
        bail!("{}", missing.lines().join("; "));
    }
    missing.lines().iter().for_each(warn);
    let elsewhere = pipeline::finished_runs(&options.which.runs)?;
    let damage = [&recorded.damage[..], &elsewhere.damage].concat();
    wrong(&damage);
    let is_done = |job: &Job| {
        let mut runs = elsewhere.good.iter();
        runs.any(|run| job.is_run(run, setting.backend()))
    };
    let jobs = ready.iter().flat_map(PreparedExperiment::jobs);
    let (done, left): (Vec<Job>, Vec<Job>) = jobs.partition(is_done);
    let Done { runs, fault } = setting.finish(&left, watch);
    match fault {
        Some(fault) if fault.is_stop() => {
            let (finished, all) = (done.len() + runs.len(), done.len() + left.len());
            let what = format!(
                "{finished} of {all} runs {} finished; {fault}; --resume goes on",
                agreeing(finished, "is", "are")
            );
            return Err(Stopped(what).into());
        }
        Some(fault) => return Err(fault.into()),
        None => {}
    }
    let ended = runs.iter().map(Ended::of);
    Ok(Said {
        text: match options.json {
            true => json(&ended.collect::<Vec<_>>())?,
            false => ended.map(|ended| ended.line()).collect(),
        },
        outcome: match missing.0.is_empty() {
            true => lacks(&damage),
            false => lacks(&missing.0),
        },
    })
}

/// What cannot be trained here: why, of which experiments, and how many runs.
#[derive(Default)]
struct Missing(Vec<(String, Vec<String>, usize)>);

impl Missing {
    fn add(&mut self, part: &PlannedRuns, fault: &ExperimentFault) {
        let (why, runs) = (fault.to_string(), part.arms.len() * part.seeds.len());
        let name = &part.experiment.name;
        match self.0.iter_mut().find(|(known, ..)| *known == why) {
            None => self.0.push((why, vec![name.clone()], runs)),
            Some((_, names, all)) => {
                *all += runs;
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
    }

    /// A line each.
    fn lines(&self) -> Vec<String> {
        let line = |(why, names, runs): &(String, Vec<String>, usize)| {
            let (runs, are) = (counted(*runs, "run"), agreeing(*runs, "is", "are"));
            format!("{runs} of {} {are} left out: {why}", names.join(", "))
        };
        self.0.iter().map(line).collect()
    }
}

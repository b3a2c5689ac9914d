//! Trains the experiments for which a claim asks at the quick scale.

use super::ahead::ahead;
use super::{Job, JobError, Progress, Watch};
use crate::claim::{Claim, Scale};
use crate::experiment::{
    self, By, DataSets, Existing, Experiment, Keep, Notice, Plan, PreparedExperiment,
    ProgressEvent, Wanted, estimates, train_all,
};
use crate::project::Subject;
use crate::record;
use crate::train::{Cpu, Engine, Trained};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// Time between snapshots of a run.
const EVERY: Duration = Duration::from_secs(60);

/// The runs that claims ask for. Those that are finished in the folder of the report count; each other is kept there as soon as it
/// is finished. All are prepared before the first is trained.
pub(super) fn train(job: &Job, own: &[Trained], watch: Watch) -> Result<Vec<Trained>, JobError> {
    let by = By {
        commit: job.provenance.commit.clone(),
        machine: job.provenance.machine.clone(),
        date: job.provenance.date.clone(),
    };
    let mut data = DataSets::new(None);
    let asked: Vec<(&Experiment, PathBuf)> = (asked(job.subject))
        .map(|one| {
            (
                one,
                record::runs_folder(job.output, &one.name, Scale::Quick),
            )
        })
        .collect();
    let mut prepared = Vec::new();
    for (experiment, folder) in &asked {
        let Some(seeds) = experiment.seeds.get(&Scale::Quick) else {
            continue;
        };
        let plan = Plan {
            experiment,
            scale: Scale::Quick,
            arms: &[],
            seeds: seeds.clone().collect(),
            keep: Some(Keep {
                folder,
                recorded: own,
                existing: Existing::MakeRoom,
                every: EVERY,
            }),
            by: &by,
        };
        prepared.push(PreparedExperiment::new(plan, &mut data)?);
    }
    let (mut runs, mut jobs) = (Vec::new(), Vec::new());
    for one in prepared.iter().flat_map(PreparedExperiment::jobs) {
        match one.found(Cpu.name()) {
            Some(run) => {
                one.tidy(Cpu.name());
                runs.push(run);
            }
            None => jobs.push(one),
        }
    }
    let seconds = seconds(job, &jobs, own);
    let seconds = |one: &experiment::Job| {
        let arm = (&*one.experiment().name, one.arm());
        seconds.get(&arm).copied()
    };
    let ahead = ahead(&jobs, runs.len(), &seconds, Cpu.at_once(Scale::Quick));
    watch(Progress::Planned(&ahead));
    watch(Progress::Training(&ahead));
    let say = |notice: Notice| {
        watch(Progress::Notice(&notice));
    };
    let step = |event: ProgressEvent| watch(Progress::Step(event));
    let done = train_all(&Cpu, &jobs, &say, &step);
    match done.fault {
        Some(fault) if fault.is_stop() => Err(JobError::TrainingStopped(fault)),
        Some(fault) => Err(fault.into()),
        None => {
            runs.extend(done.runs);
            Ok(runs)
        }
    }
}

/// About how many seconds a run takes, by experiment and arm. What cannot be estimated has none: whoever trains it says why.
fn seconds<'a>(
    job: &Job,
    jobs: &[experiment::Job<'a>],
    own: &[Trained],
) -> BTreeMap<(&'a str, &'a str), f64> {
    let arm = |one: &experiment::Job<'a>| (&*one.experiment().name, one.arm());
    let one_each: BTreeMap<_, _> = jobs.iter().map(|one| (arm(one), Wanted::of(one))).collect();
    let (arms, wanted): (Vec<_>, Vec<Wanted>) = one_each.into_iter().unzip();
    let known = [own, &job.kept.good].concat();
    let estimates = estimates(&Cpu, &job.provenance.machine, &known, &wanted);
    let arms = arms.into_iter().zip(estimates.unwrap_or_default());
    arms.filter_map(|(arm, estimate)| Some((arm, estimate?.seconds)))
        .collect()
}

/// The experiments that claims ask for at the quick scale.
fn asked(subject: &Subject) -> impl Iterator<Item = &Experiment> {
    let claims = subject.suites.iter().flat_map(|suite| &suite.claims);
    let quick = claims
        .filter_map(Claim::trial)
        .filter(|trial| trial.scale == Scale::Quick);
    let asked: BTreeSet<&str> = quick.map(|trial| &*trial.experiment).collect();
    let experiments = subject.experiments.iter();
    experiments.filter(move |one| asked.contains(&*one.name))
}

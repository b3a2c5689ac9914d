//! Trains the experiments for which a claim asks at the quick scale.

use super::{JobError, Progress, Watch};
use crate::claim::{Claim, Scale, Suite};
use crate::experiment::{
    By, DataSets, Experiment, Plan, PreparedExperiment, ProgressEvent, train_all,
};
use crate::train::{Cpu, Trained};
use std::collections::BTreeSet;

/// All are prepared before the first is trained; nothing is kept of a run that is stopped.
pub(super) fn train(
    suites: &[Suite],
    experiments: &[Experiment],
    by: &By,
    watch: Watch,
) -> Result<Vec<Trained>, JobError> {
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
    let mut data = DataSets::new(None);
    let prepared = with_seeds
        .map(|(experiment, seeds)| {
            let plan = Plan {
                experiment,
                scale: Scale::Quick,
                arms: &[],
                seeds: seeds.collect(),
                keep: None,
                by,
            };
            PreparedExperiment::new(plan, &mut data)
        })
        .collect::<Result<Vec<_>, _>>()?;
    watch(Progress::Training(
        prepared.iter().map(PreparedExperiment::steps).sum(),
    ));
    let step = |event: ProgressEvent| watch(Progress::Step(event));
    let jobs: Vec<_> = prepared.iter().flat_map(PreparedExperiment::jobs).collect();
    let done = train_all(&Cpu, &jobs, &|_| {}, &step);
    match done.fault {
        Some(fault) if fault.is_stop() => Err(JobError::TrainingStopped(fault)),
        Some(fault) => Err(fault.into()),
        None => Ok(done.runs),
    }
}

//! Trains the experiments for which a claim asks at the quick scale.

use super::{JobError, Progress, Watch};
use crate::claim::{Claim, Scale, Suite};
use crate::experiment::{By, Experiment, Plan, PreparedExperiment, ProgressEvent};
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
    let prepared = with_seeds
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
    watch(Progress::Training(
        prepared.iter().map(PreparedExperiment::steps).sum(),
    ));
    let step = |event: ProgressEvent| watch(Progress::Step(event));
    let mut runs = Vec::new();
    for one in &prepared {
        match one.run(&Cpu, &|_| {}, &step) {
            Err(fault) if fault.is_stop() => return Err(JobError::TrainingStopped(fault)),
            done => runs.extend(done?),
        }
    }
    Ok(runs)
}

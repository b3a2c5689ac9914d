//! What is ready to be trained: an experiment's arms with their networks and images, and each of its runs.

use super::data_sets::DataSets;
use super::kept::Keep;
use super::{Arm, Experiment, ExperimentFault};
use crate::nearest::suggestion;
use crate::train::{Recipe, Scale, Task, TrainError, Trained};
use crate::zoo::Model;

/// How an experiment is run.
pub struct Plan<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// At which scale.
    pub scale: Scale,
    /// Those of its arms that are trained, by name; all if none is named.
    pub arms: &'a [String],
    /// Under which seeds.
    pub seeds: Vec<u64>,
    /// Where unfinished and finished runs are kept; without it nothing is written.
    pub keep: Option<Keep<'a>>,
    /// Who runs it: commit, machine and date.
    pub by: &'a By,
}

/// Who runs an experiment.
#[derive(Debug, Clone)]
pub struct By {
    /// Commit of the program.
    pub commit: Option<String>,
    /// The machine, in a line.
    pub machine: String,
    /// The date.
    pub date: String,
}

/// An experiment that is ready to run.
pub struct PreparedExperiment<'a> {
    pub(super) plan: Plan<'a>,
    pub(super) tasks: Vec<(&'a str, Task)>,
}

/// An arm as it is trained at a scale.
pub(super) struct ArmAt<'a> {
    pub arm: &'a Arm,
    pub recipe: &'a Recipe,
    pub model: &'a Model,
}

impl Experiment {
    /// Those of its arms at a scale that are named, in their order; all if none is.
    pub(super) fn arms_at(
        &self,
        scale: Scale,
        named: &[String],
    ) -> Result<Vec<ArmAt<'_>>, ExperimentFault> {
        let of_scale = self.arms.iter().filter_map(|arm| {
            Some(ArmAt {
                arm,
                recipe: arm.recipes.get(&scale)?,
                model: arm.models.get(&scale)?,
            })
        });
        let mut all: Vec<ArmAt> = of_scale.collect();
        if all.is_empty() {
            return Err(ExperimentFault::NoScale {
                experiment: self.name.clone(),
                scale: scale.name(),
            });
        }
        let names = || all.iter().map(|at| &*at.arm.name);
        if let Some(unknown) = named.iter().find(|&name| names().all(|it| it != name)) {
            let every = names().collect::<Vec<_>>().join(", ");
            return Err(ExperimentFault::NoArm {
                experiment: self.name.clone(),
                arm: unknown.clone(),
                scale: scale.name(),
                hint: suggestion(unknown, names()).unwrap_or(format!("its arms: {every}")),
            });
        }
        all.retain(|at| named.is_empty() || named.contains(&at.arm.name));
        Ok(all)
    }
}

/// A run of an experiment that is ready: an arm under a seed.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    pub(super) of: &'a PreparedExperiment<'a>,
    pub(super) task: usize,
    pub(super) seed: u64,
}

impl<'a> PreparedExperiment<'a> {
    /// Reads the data that are not there yet, and puts every arm's task together. Nothing is written.
    ///
    /// # Errors
    /// [`ExperimentFault`].
    pub fn new(plan: Plan<'a>, data: &mut DataSets) -> Result<Self, ExperimentFault> {
        let Plan {
            experiment, scale, ..
        } = plan;
        let mut tasks = Vec::new();
        for ArmAt { arm, recipe, model } in experiment.arms_at(scale, plan.arms)? {
            let images = data.of(recipe, model)?;
            let task = Task::new(recipe, model, images);
            let fault = |error: TrainError| ExperimentFault::Run {
                experiment: experiment.name.clone(),
                arm: arm.name.clone(),
                seed: plan.seeds.first().copied().unwrap_or_default(),
                error: Box::new(error),
            };
            tasks.push((arm.name.as_str(), task.map_err(fault)?));
        }
        Ok(PreparedExperiment { plan, tasks })
    }

    /// Its runs: all arms of a seed before those of the next.
    pub fn jobs(&'a self) -> impl Iterator<Item = Job<'a>> {
        let tasks = 0..self.tasks.len();
        let seeds = self.plan.seeds.iter().copied();
        seeds.flat_map(move |seed| {
            tasks.clone().map(move |task| Job {
                of: self,
                task,
                seed,
            })
        })
    }

    /// Steps of all runs together.
    pub fn steps(&self) -> u64 {
        let steps = self.tasks.iter().map(|(_, task)| task.steps());
        let of_a_seed = steps.fold(0, u64::saturating_add);
        of_a_seed.saturating_mul(self.plan.seeds.len() as u64)
    }
}

impl<'a> Job<'a> {
    /// The experiment.
    pub fn experiment(&self) -> &'a Experiment {
        self.of.plan.experiment
    }

    /// At which scale.
    pub fn scale(&self) -> Scale {
        self.of.plan.scale
    }

    /// The arm.
    pub fn arm(&self) -> &'a str {
        self.of.tasks[self.task].0
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The model that it trains.
    pub fn model(&self) -> &'a Model {
        let experiment = self.experiment();
        let arm = experiment.arm(self.arm()).expect("it was prepared");
        &arm.models[&self.scale()]
    }

    /// Whether a finished run is this one, on that backend, and counts.
    pub fn is_run(&self, run: &Trained, backend: &str) -> bool {
        let own = (
            &*self.experiment().name,
            self.scale(),
            self.arm(),
            self.seed,
        );
        let task = self.task();
        own == (&*run.experiment, run.scale, &*run.arm, run.seed)
            && task.fingerprint(backend).is_of(&run.fingerprint()).is_ok()
            && run.contradiction(Some(task.recipe())).is_none()
    }

    /// What is learned.
    pub fn task(&self) -> &'a Task {
        &self.of.tasks[self.task].1
    }
}

//! Which runs has an experiment, and how far is each?

use super::data_sets::DataSets;
use super::estimate::{Estimate, Wanted, estimates};
use super::kept::{self, Existing, Keep, Unfit};
use super::prepared::ArmAt;
use super::{Experiment, ExperimentFault};
use crate::data::DataError;
use crate::digest;
use crate::graph::Graph;
use crate::train::{
    Begun, Divergence, Engine, Fingerprint, Recipe, Scale, Task, TrainError, Trained, begun,
};
use crate::zoo::Model;
use std::path::Path;
use std::time::Duration;

/// Which runs are asked for.
pub struct Query<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// At which scale.
    pub scale: Scale,
    /// Those of its arms, by name; all if none is named.
    pub arms: &'a [String],
    /// Under which seeds.
    pub seeds: &'a [u64],
    /// Where they are kept.
    pub folder: &'a Path,
    /// What they are trained on.
    pub backend: &'a str,
}

/// An arm as its runs follow it.
pub struct Followed<'a> {
    /// Its name.
    pub arm: &'a str,
    /// Its recipe.
    pub recipe: &'a Recipe,
    /// Its model.
    pub model: &'a Model,
    /// The network.
    pub graph: Graph,
    /// All that decides its runs but the seed; without the data, if they were not there.
    pub fingerprint: Fingerprint,
    /// Whether the data are known.
    pub has_data: bool,
    steps: Option<u64>,
    tested: Option<u64>,
}

/// A run, and how far it is.
pub struct Status {
    /// The arm, by its place among those that were asked for.
    pub arm: usize,
    /// The seed.
    pub seed: u64,
    /// How far it is.
    pub state: State,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Nothing is there of it.
    ToDo,
    /// It is begun.
    Begun {
        /// Steps taken.
        step: u64,
        /// Seconds for them.
        seconds: f64,
    },
    /// It is finished.
    Done {
        /// Seconds taken.
        seconds: f64,
    },
    /// It is finished, since it diverged.
    Diverged {
        /// Where.
        at: Divergence,
        /// Seconds taken.
        seconds: f64,
    },
}

impl Followed<'_> {
    /// One name for all that decides its runs but the seed; nothing if the data are not known.
    pub fn digest(&self) -> Option<String> {
        let Fingerprint {
            recipe,
            network,
            data,
            backend,
        } = &self.fingerprint;
        (self.has_data).then(|| digest::of_json(&(recipe, network, data, backend)))
    }

    /// Steps of a run, where they are known.
    pub fn steps(&self) -> Option<u64> {
        self.steps
    }

    /// A run of it whose time is asked.
    pub fn wanted<'a>(&'a self, of: &Query<'a>, state: &State) -> Wanted<'a> {
        Wanted {
            experiment: &of.experiment.name,
            scale: of.scale,
            arm: self.arm,
            recipe: self.recipe,
            model: self.model,
            graph: &self.graph,
            steps: self.steps,
            tested: self.tested,
            begun: match state {
                State::Begun { step, seconds } => Some((*step, *seconds)),
                _ => None,
            },
        }
    }

    /// Whether a run follows it, as far as is known.
    fn is_followed_by(&self, kept: &Fingerprint) -> Result<(), String> {
        let own = match self.has_data {
            true => self.fingerprint.clone(),
            false => Fingerprint {
                data: kept.data.clone(),
                ..self.fingerprint.clone()
            },
        };
        own.is_of(kept)
    }
}

/// What runs follow: the arms of a query. Without a folder of data, those that need one are followed as far as that goes.
///
/// # Errors
/// [`ExperimentFault`] of images that cannot be read, and of an arm that cannot be put together.
pub fn followed<'a>(
    query: &Query<'a>,
    data: &mut DataSets,
) -> Result<Vec<Followed<'a>>, ExperimentFault> {
    let arms = query.experiment.arms_at(query.scale, query.arms)?;
    let arms = arms.into_iter().map(|ArmAt { arm, recipe, model }| {
        let arm = &*arm.name;
        let fault = |error: TrainError| ExperimentFault::Run {
            experiment: query.experiment.name.clone(),
            arm: arm.to_string(),
            seed: query.seeds.first().copied().unwrap_or_default(),
            error: Box::new(error),
        };
        let task = match data.of(recipe, model) {
            Err(DataError::Nowhere(_)) => None,
            images => Some(Task::new(recipe, model, images?).map_err(fault)?),
        };
        let graph = model.graph().map_err(|error| fault(error.into()))?;
        Ok(Followed {
            arm,
            recipe,
            model,
            fingerprint: match &task {
                Some(task) => task.fingerprint(query.backend),
                None => Fingerprint {
                    recipe: recipe.fingerprint(),
                    network: Some(graph.digest()),
                    data: String::new(),
                    backend: query.backend.into(),
                },
            },
            has_data: task.is_some(),
            steps: task.as_ref().map(Task::steps),
            tested: task.as_ref().map(Task::tested),
            graph,
        })
    });
    arms.collect()
}

/// How long each run takes on an engine of this machine, by its place among `runs`; nothing of those that are finished, and where nobody
/// can know.
///
/// # Errors
/// [`TrainError`] of a measurement, which is made where nothing else says it.
pub fn times<E: Engine>(
    engine: &E,
    machine: &str,
    query: &Query,
    arms: &[Followed],
    runs: &[Status],
    finished: &[Trained],
) -> Result<Vec<Option<Estimate>>, TrainError> {
    let is_open = |run: &&Status| matches!(run.state, State::ToDo | State::Begun { .. });
    let open: Vec<Wanted> = (runs.iter().filter(is_open))
        .map(|run| arms[run.arm].wanted(query, &run.state))
        .collect();
    let mut found = estimates(engine, machine, finished, &open)?.into_iter();
    let time = |run: &Status| is_open(&run).then(|| found.next()).flatten().flatten();
    Ok(runs.iter().map(time).collect())
}

/// The runs of arms, all of a seed before those of the next, with what is there of each: `finished` are the runs of the folder's records.
///
/// # Errors
/// [`ExperimentFault`]: what is there under the name of a run and is of another, which training would refuse.
pub fn statuses(
    query: &Query,
    arms: &[Followed],
    finished: &[Trained],
) -> Result<Vec<Status>, ExperimentFault> {
    let mut all = Vec::new();
    for &seed in query.seeds {
        for (arm, followed) in arms.iter().enumerate() {
            let state = state(query, followed, seed, finished)?;
            all.push(Status { arm, seed, state });
        }
    }
    Ok(all)
}

fn state(
    query: &Query,
    arm: &Followed,
    seed: u64,
    finished: &[Trained],
) -> Result<State, ExperimentFault> {
    let is_it = |run: &&Trained| {
        run.experiment == query.experiment.name
            && (run.scale, &*run.arm, run.seed) == (query.scale, arm.arm, seed)
            && arm.is_followed_by(&run.fingerprint()).is_ok()
    };
    if let Some(run) = finished.iter().find(is_it) {
        let seconds = run.seconds;
        return Ok(match run.divergence() {
            None => State::Done { seconds },
            Some(at) => State::Diverged { at, seconds },
        });
    }
    let keep = Keep {
        folder: query.folder,
        recorded: &[],
        existing: Existing::GoOn,
        every: Duration::ZERO,
    };
    let files = keep.files(arm.arm, seed);
    if files.is_finished() && arm.has_data {
        // one that is damaged is set aside by whoever trains it
        match kept::read(&files.finished, (arm.arm, seed), &arm.fingerprint) {
            Err(Unfit::Another(fault) | Unfit::Fault(fault)) => return Err(fault),
            Ok(_) | Err(Unfit::Damaged(_)) => {}
        }
    }
    let snapshot = &files.paths.snapshot;
    let fault = |what: String| ExperimentFault::File {
        path: snapshot.clone(),
        what,
    };
    match begun(snapshot) {
        Ok(None) | Err(TrainError::Damaged(_)) => Ok(State::ToDo),
        Err(error) => Err(fault(error.to_string())),
        Ok(Some(Begun {
            fingerprint,
            steps,
            seconds,
        })) => {
            arm.is_followed_by(&fingerprint).map_err(fault)?;
            Ok(State::Begun {
                step: steps,
                seconds,
            })
        }
    }
}

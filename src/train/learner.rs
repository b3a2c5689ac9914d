//! A network as it learns: the state of a run, and how it goes on from there.

use super::backend::{Backend, Batch, Engine, State, Step, StepMetrics};
use super::feed::Fed;
use super::optimizer::OptimizerState;
use super::schedule::lr_factor;
use super::task::{Portion, Task};
use super::{Curve, Divergence, Epoch, TrainError};
use crate::random::Key;
use crate::run::{BATCH, Score, score};
use candle_core::DType;
use serde::{Deserialize, Serialize};

/// The commit of this program, where it is built from a checkout.
pub const COMMIT: Option<&str> = option_env!("CONVCHECK_COMMIT");

/// This version of the program.
pub(super) const PROGRAM: &str = match COMMIT {
    Some(commit) => commit,
    None => concat!("version ", env!("CARGO_PKG_VERSION")),
};

/// The state of a run: all that the rest of it depends on, besides its task.
pub(super) struct Learner<B> {
    pub(super) backend: B,
    /// As far as it is known: the last steps may not have said what came of them.
    pub(super) progress: Progress,
    /// Steps taken.
    pub(super) taken: u64,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    /// The seed.
    pub seed: u64,
    /// Steps taken whose loss is known.
    pub steps: u64,
    /// Time taken, without what a kill has lost.
    pub seconds: f64,
    /// Sums over the epoch that is under way.
    pub sums: Sums,
    /// What has happened.
    pub curve: Curve,
    /// The versions of the program that took the steps, in order.
    #[serde(default)]
    pub programs: Vec<String>,
}

impl Progress {
    /// The versions of the program before the last one, which may have taken earlier steps too.
    pub fn begun_by(&self) -> Vec<String> {
        let others = |program: &&String| Some(*program) != self.programs.last();
        self.programs.iter().filter(others).cloned().collect()
    }
}

/// Sums over the images of an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sums {
    images: u64,
    right: u64,
    loss: f64,
}

/// A run before its first step.
pub(super) fn begin(task: &Task, seed: u64) -> Result<(State, Progress), TrainError> {
    let state = State {
        weights: task.recipe.init.weights(&task.graph, seed, DType::F32)?,
        optimizer: OptimizerState::default(),
    };
    let progress = Progress {
        seed,
        steps: 0,
        seconds: 0.0,
        sums: Sums::default(),
        curve: Curve::default(),
        programs: vec![PROGRAM.into()],
    };
    Ok((state, progress))
}

impl<B: Backend> Learner<B> {
    /// A run that goes on from a state.
    pub(super) fn new<E: Engine<Backend = B>>(
        engine: &E,
        task: &Task,
        (state, progress): (State, Progress),
    ) -> Result<Learner<B>, TrainError> {
        Ok(Learner {
            backend: engine.start(task, state)?,
            taken: progress.steps,
            progress,
        })
    }

    /// Whether every step is taken and every epoch evaluated.
    pub(super) fn is_done(&self, task: &Task) -> bool {
        self.progress.curve.epochs.len() as u64 == u64::from(task.recipe.epochs)
    }

    /// Whether an epoch has ended and is not evaluated yet.
    pub(super) fn ends_epoch(&self, task: &Task) -> bool {
        let evaluated = self.progress.curve.epochs.len() as u64;
        self.taken == (evaluated + 1) * task.steps_of_epoch()
    }

    /// Takes a step; what it says is heard later.
    pub(super) fn step(&mut self, task: &Task, batch: &Fed<B>) -> Result<(), TrainError> {
        let recipe = &task.recipe;
        let key = Key::seed(self.progress.seed).fold_in_name("step");
        let step = Step {
            number: batch.step + 1,
            lr_factor: lr_factor(&recipe.schedule, recipe.warm_up, batch.step, task.steps()),
            key: key.fold_in(batch.step),
        };
        (self.backend).step(task, &batch.images, &batch.labels, step)?;
        self.taken += 1;
        Ok(())
    }

    /// Hears what the steps taken have said: as far as it is known, or, if `all`, of every step.
    ///
    /// # Errors
    /// Those of the backend; [`TrainError::Diverged`] at the first step whose loss is no number, with all before it in the curve. The
    /// state is of later steps then.
    pub(super) fn hear(&mut self, all: bool) -> Result<(), TrainError> {
        let outcomes = self.backend.outcomes(all)?;
        let Progress {
            steps, sums, curve, ..
        } = &mut self.progress;
        for StepMetrics {
            images,
            loss,
            right,
        } in outcomes
        {
            if !loss.is_finite() {
                return Err(TrainError::Diverged {
                    step: *steps + 1,
                    loss,
                    layer: None,
                });
            }
            *steps += 1;
            sums.images += images as u64;
            sums.right += right as u64;
            sums.loss += loss * images as f64;
            curve.losses.push(loss as f32);
        }
        Ok(())
    }

    /// How often the network is right about a portion of the data; nothing if `goes_on` said no.
    fn score(
        &mut self,
        task: &Task,
        portion: Portion,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Option<Score>, TrainError> {
        let epoch = self.progress.curve.epochs.len() as u64;
        let key = task.key(self.progress.seed, "evaluation", epoch);
        let (split, _) = task.images(portion);
        let scores = |images: Vec<usize>| {
            let batch = Batch {
                portion,
                images,
                key,
            };
            self.backend.scores(task, &batch)
        };
        score(split, scores, |_| goes_on())
    }

    /// Whether the loss over the test images is no number at its end.
    pub(super) fn diverged_in_test(
        &mut self,
        task: &Task,
    ) -> Result<Option<Divergence>, TrainError> {
        let last = self.progress.curve.epochs.last();
        if last.is_none_or(|last| last.test_loss.is_finite()) {
            return Ok(None);
        }
        let epoch = self.progress.curve.epochs.len() as u64 - 1;
        let images: Vec<usize> = (0..task.data.test.len()).collect();
        let mut layer = None;
        for images in images.chunks(BATCH) {
            let batch = Batch {
                portion: Portion::Test,
                images: images.to_vec(),
                key: task.key(self.progress.seed, "evaluation", epoch),
            };
            layer = self.backend.first_fault(task, &batch)?;
            if layer.is_some() {
                break;
            }
        }
        Ok(Some(Divergence {
            step: self.progress.steps,
            layer,
        }))
    }

    /// Evaluates the epoch that has ended; nothing if `goes_on` said no.
    pub(super) fn close_epoch(
        &mut self,
        task: &Task,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Option<()>, TrainError> {
        let Some(test) = self.score(task, Portion::Test, goes_on)? else {
            return Ok(None);
        };
        let validation_error = match &task.data.validation {
            None => None,
            Some(_) => match self.score(task, Portion::Validation, goes_on)? {
                None => return Ok(None),
                Some(score) => Some((score.total - score.correct) as f64 / score.total as f64),
            },
        };
        let Progress { sums, curve, .. } = &mut self.progress;
        let images = sums.images as f64;
        curve.epochs.push(Epoch {
            train_loss: sums.loss / images,
            train_error: (sums.images - sums.right) as f64 / images,
            test_loss: test.loss,
            test_error: (test.total - test.correct) as f64 / test.total as f64,
            validation_error,
        });
        *sums = Sums::default();
        Ok(Some(()))
    }
}

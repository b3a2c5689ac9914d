//! A network as it learns: the state of a run, and how it goes on from there.

use super::feed::Batch;
use super::optimizer::Memory;
use super::schedule::share;
use super::task::Task;
use super::{Curve, Epoch, TrainError};
use crate::net::{Mode, Net, Pass};
use crate::ops::loss::cross_entropy;
use crate::random::Key;
use crate::run::{evaluate, right};
use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

/// The state of a run: all that the rest of it depends on, besides its task.
pub(super) struct Learner {
    pub(super) net: Net,
    pub(super) memory: Memory,
    pub(super) progress: Progress,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    /// The seed.
    pub seed: u64,
    /// Steps taken.
    pub steps: u64,
    /// Time taken, without what a kill has lost.
    pub seconds: f64,
    /// Sums over the epoch that is under way.
    pub sums: Sums,
    /// What has happened.
    pub curve: Curve,
}

/// Sums over the images of an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sums {
    images: u64,
    right: u64,
    loss: f64,
}

impl Learner {
    /// A run before its first step.
    pub(super) fn start(task: &Task, seed: u64) -> Result<Learner, TrainError> {
        let weights = task.recipe.init.weights(&task.graph, seed, DType::F32)?;
        Ok(Learner {
            net: Net::new(task.graph.clone(), weights, DType::F32)?,
            memory: Memory::default(),
            progress: Progress {
                seed,
                steps: 0,
                seconds: 0.0,
                sums: Sums::default(),
                curve: Curve::default(),
            },
        })
    }

    /// Whether every step is taken and every epoch evaluated.
    pub(super) fn is_done(&self, task: &Task) -> bool {
        self.progress.curve.epochs.len() as u64 == u64::from(task.recipe.epochs)
    }

    /// Whether an epoch has ended and is not evaluated yet.
    pub(super) fn ends_epoch(&self, task: &Task) -> bool {
        let evaluated = self.progress.curve.epochs.len() as u64;
        self.progress.steps == (evaluated + 1) * task.steps_of_epoch()
    }

    /// Takes a step.
    pub(super) fn step(&mut self, task: &Task, batch: &Batch) -> Result<(), TrainError> {
        let recipe = &task.recipe;
        let mode = Mode::Train {
            key: Key::seed(self.progress.seed)
                .with_name("step")
                .with(batch.step),
            norm: recipe.norm,
        };
        let pass = self.net.forward(&batch.x, mode)?;
        let (loss, mut slopes) = self.losses(task, &pass, &batch.labels)?;
        if !loss.is_finite() {
            return Err(TrainError::Diverged {
                step: batch.step + 1,
                loss,
                layer: self.first_fault(&batch.x, mode)?,
            });
        }
        let right = right(pass.output(), &batch.labels)?;
        self.net.settle(&pass)?;
        let outputs = self.net.graph().outputs();
        let seeds: Vec<_> = (outputs.iter().zip(&mut slopes))
            .filter_map(|(output, slope)| Some((output.node, slope.as_ref()?)))
            .collect();
        let gradients = self.net.backward(pass, &seeds, false)?;
        let share = share(&recipe.schedule, recipe.warm_up, batch.step, task.steps());
        self.memory.step(
            &recipe.optimizer,
            batch.step + 1,
            share,
            &mut self.net,
            &gradients,
        )?;
        let Progress {
            steps, sums, curve, ..
        } = &mut self.progress;
        *steps += 1;
        sums.images += batch.labels.len() as u64;
        sums.right += right as u64;
        sums.loss += loss * batch.labels.len() as f64;
        curve.losses.push(loss as f32);
        Ok(())
    }

    /// The loss of the prediction, and for each output the gradient of the loss that is followed: that of
    /// the prediction, and with their weight those of the auxiliary heads.
    fn losses(
        &self,
        task: &Task,
        pass: &Pass,
        labels: &[usize],
    ) -> Result<(f64, Vec<Option<Tensor>>), TrainError> {
        let wrong = |error: candle_core::Error| TrainError::Task {
            model: task.recipe.model.clone(),
            what: error.to_string(),
        };
        let (mut first, mut slopes) = (None, Vec::new());
        for (_, scores) in pass.outputs() {
            if first.is_some() && task.recipe.auxiliary == 0.0 {
                slopes.push(None);
                continue;
            }
            let (loss, slope) =
                cross_entropy(scores, labels, task.recipe.smoothing).map_err(wrong)?;
            slopes.push(Some(match first {
                None => slope,
                Some(_) => (slope * task.recipe.auxiliary).map_err(wrong)?,
            }));
            first.get_or_insert(loss);
        }
        Ok((first.unwrap_or(f64::NAN), slopes))
    }

    /// The first layer whose value is not finite.
    fn first_fault(&self, x: &Tensor, mode: Mode) -> Result<String, TrainError> {
        let mut first = None;
        self.net.forward_with(x, mode, |node, value| {
            let sum = value.to_dtype(DType::F64).and_then(|v| v.sum_all());
            let sum = sum.and_then(|sum| sum.to_scalar::<f64>());
            if first.is_none() && !sum.is_ok_and(f64::is_finite) {
                first = Some(node.path.clone());
            }
        })?;
        Ok(first.unwrap_or_else(|| self.net.graph().prediction().path.clone()))
    }

    /// Evaluates the epoch that has ended; nothing if `goes_on` said no.
    pub(super) fn close_epoch(
        &mut self,
        task: &Task,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Option<()>, TrainError> {
        let epoch = self.progress.curve.epochs.len() as u64;
        let key = task.key(self.progress.seed, "evaluation", epoch);
        let score = |split| evaluate(&self.net, split, &task.evaluation, key, |_| goes_on());
        let Some(test) = score(&task.data.test)? else {
            return Ok(None);
        };
        let validation_error = match &task.data.validation {
            None => None,
            Some(split) => match score(split)? {
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

//! Steps of a run on the CPU.

use super::backend::{Backend, Batch, Engine, State, Step, StepMetrics};
use super::loss::loss_weights;
use super::optimizer::OptimizerState;
use super::task::Task;
use super::{Scale, TrainError};
use crate::cpu::{Learner, Predictor};
use crate::data::batch;
use crate::graph::NodeId;
use crate::net::{Mode, Net};
use crate::ops::loss::cross_entropy;
use crate::run::right;
use candle_core::{DType, Tensor};

const NAME: &str = "cpu-f32";

/// The name, as records have it that are from before there was another engine.
pub(super) fn name() -> String {
    NAME.into()
}

/// The CPU, in f32.
pub struct Cpu;

/// A network as it learns on the CPU.
pub struct Learning {
    net: Net,
    /// For evaluation, by the weights as they are; none since they changed.
    predictor: Option<Predictor>,
    learner: Learner,
    optimizer: OptimizerState,
    /// Of steps that nobody has asked about.
    outcomes: Vec<StepMetrics>,
}

impl Engine for Cpu {
    type Backend = Learning;

    fn name(&self) -> &'static str {
        NAME
    }

    fn at_once(&self, scale: Scale) -> usize {
        match scale {
            // small nets do not fill several processors
            Scale::Quick => rayon::current_num_threads(),
            Scale::Full => 1,
        }
    }

    fn start(&self, task: &Task, state: State) -> Result<Learning, TrainError> {
        let losses = loss_weights(&task.graph, task.recipe.auxiliary);
        let followed: Vec<NodeId> = losses.into_iter().map(|(id, _)| id).collect();
        Ok(Learning {
            learner: Learner::new(&task.graph, &followed),
            net: Net::new(task.graph.clone(), state.weights, DType::F32)?,
            predictor: None,
            optimizer: state.optimizer,
            outcomes: Vec::new(),
        })
    }
}

impl Backend for Learning {
    type Collated = Tensor;

    fn collate(task: &Task, images: &Batch) -> Result<Tensor, TrainError> {
        let (split, preparation) = task.images(images.portion);
        let x = batch(split, &images.images, preparation, images.key, DType::F32)?;
        Ok(x)
    }

    fn step(
        &mut self,
        task: &Task,
        x: &Tensor,
        labels: &[usize],
        step: Step,
    ) -> Result<(), TrainError> {
        let recipe = &task.recipe;
        let mode = Mode::Train {
            key: step.key,
            norm: recipe.norm,
        };
        self.learner.forward(&self.net, x, mode)?;
        let (loss, seeds) = self.losses(task, labels)?;
        if !loss.is_finite() {
            return Err(TrainError::Diverged {
                step: step.number,
                loss,
                layer: self
                    .not_finite(x, mode)?
                    .or_else(|| Some(self.net.graph().prediction().path.clone())),
            });
        }
        let prediction = self.net.graph().outputs()[0].node;
        let right = right(&self.learner.output(&self.net, prediction)?, labels)?;
        let statistics = self.learner.statistics();
        self.predictor = None;
        self.net.take_in(recipe.norm, labels.len(), statistics)?;
        let seeds: Vec<(NodeId, &Tensor)> = seeds.iter().map(|(id, seed)| (*id, seed)).collect();
        let gradients = self.learner.backward(&self.net, &seeds)?;
        let (number, lr_factor) = (step.number, step.lr_factor);
        let net = &mut self.net;
        (self.optimizer).step(&recipe.optimizer, number, lr_factor, net, &gradients)?;
        self.outcomes.push(StepMetrics {
            images: labels.len(),
            loss,
            right,
        });
        Ok(())
    }

    fn outcomes(&mut self, _: bool) -> Result<Vec<StepMetrics>, TrainError> {
        Ok(std::mem::take(&mut self.outcomes))
    }

    fn scores(&mut self, task: &Task, batch: &Batch) -> Result<Tensor, TrainError> {
        let x = Learning::collate(task, batch)?;
        let predictor = || Predictor::new(&self.net);
        Ok(self.predictor.get_or_insert_with(predictor).predict(&x)?)
    }

    fn first_fault(&mut self, task: &Task, batch: &Batch) -> Result<Option<String>, TrainError> {
        self.not_finite(&Learning::collate(task, batch)?, Mode::Eval)
    }

    fn state(&mut self) -> Result<State, TrainError> {
        let weights = self.net.weights();
        Ok(State {
            weights: weights
                .map(|(name, _, weight)| (name, weight.clone()))
                .collect(),
            optimizer: self.optimizer.clone(),
        })
    }
}

impl Learning {
    /// The first layer whose value is not finite.
    fn not_finite(&self, x: &Tensor, mode: Mode) -> Result<Option<String>, TrainError> {
        let mut first = None;
        self.net.forward_with(x, mode, |node, value| {
            let sum = value.to_dtype(DType::F64).and_then(|v| v.sum_all());
            let sum = sum.and_then(|sum| sum.to_scalar::<f64>());
            if first.is_none() && !sum.is_ok_and(f64::is_finite) {
                first = Some(node.path.clone());
            }
        })?;
        Ok(first)
    }

    /// The loss of the prediction, and by layer the gradients of the losses that are followed, times their weights.
    fn losses(
        &self,
        task: &Task,
        labels: &[usize],
    ) -> Result<(f64, Vec<(NodeId, Tensor)>), TrainError> {
        let wrong = |error: candle_core::Error| TrainError::Task {
            model: task.recipe.model.clone(),
            what: error.to_string(),
        };
        let (mut prediction, mut gradients) = (None, Vec::new());
        for (id, weight) in loss_weights(&task.graph, task.recipe.auxiliary) {
            let scores = self.learner.output(&self.net, id)?;
            let (loss, gradient) =
                cross_entropy(&scores, labels, task.recipe.smoothing).map_err(wrong)?;
            // the first is the prediction's
            prediction.get_or_insert(loss);
            let gradient = match weight == 1.0 {
                true => gradient,
                false => (gradient * weight).map_err(wrong)?,
            };
            gradients.push((id, gradient));
        }
        Ok((prediction.expect("a network has a prediction"), gradients))
    }
}

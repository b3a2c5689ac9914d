//! One step of a network, ready to be taken again and again.

use super::{BenchError, StepKind, What};
use crate::cpu::{Learner, Predictor};
use crate::graph::NodeId;
use crate::net::{Fill, Init, Mode, Net};
use crate::ops::loss::cross_entropy;
use crate::train::{Optimizer, OptimizerState, Sgd};
use crate::zoo::Model;
use candle_core::{DType, Tensor};

/// A network with untrained weights, a batch and its labels.
pub struct Workload {
    what: What,
    net: Net,
    /// For inference.
    predictor: Option<Predictor>,
    /// For training; of the outputs only the prediction counts.
    learner: Learner,
    x: Tensor,
    labels: Vec<usize>,
    prediction: NodeId,
    optimizer: OptimizerState,
    taken: u64,
}

/// So slow that weights stay in the range in which they start.
pub(super) const UPDATE: Optimizer = Optimizer::Sgd(Sgd {
    rate: 1e-4,
    momentum: 0.9,
    nesterov: false,
    weight_decay: 0.0,
    decay_all: false,
});

/// The seed of the weights.
pub(super) const SEED: u64 = 1;

impl Workload {
    /// Weights by He et al. under a fixed seed, numbers that depend on nothing for images, labels in turn.
    ///
    /// # Errors
    /// [`BenchError::Task`] for an empty batch, or if training needs scores and the network has none.
    pub fn new(model: &Model, batch: usize, step: StepKind) -> Result<Workload, BenchError> {
        let wrong = |what: &str| BenchError::Task(format!("{}: {what}", model.name));
        if batch == 0 {
            return Err(wrong("a batch of 0 images cannot be timed"));
        }
        let graph = model.graph()?;
        let shape = graph.prediction().shape;
        if step == StepKind::Training && shape.dims().len() != 1 {
            return Err(wrong("has no scores to train by"));
        }
        let weights = Init::He.weights(&graph, SEED, DType::F32)?;
        let x = Fill::input(&graph, batch, DType::F32)?;
        let prediction = graph.outputs()[0].node;
        let net = Net::new(graph, weights, DType::F32)?;
        Ok(Workload {
            what: What::Network {
                model: model.name.to_string(),
                batch,
                step,
            },
            predictor: match step {
                StepKind::Inference => {
                    let mut predictor = Predictor::new(&net);
                    predictor.plan(batch)?;
                    Some(predictor)
                }
                StepKind::Training => None,
            },
            x,
            learner: Learner::new(net.graph(), &[prediction]),
            labels: (0..batch).map(|i| i % shape.channels()).collect(),
            prediction,
            net,
            optimizer: OptimizerState::default(),
            taken: 0,
        })
    }

    /// What it is.
    pub fn what(&self) -> &What {
        &self.what
    }

    /// The network as it stands after the steps taken.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// The batch.
    pub fn x(&self) -> &Tensor {
        &self.x
    }

    /// The labels.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Takes the step, to its end on the device.
    ///
    /// # Errors
    /// Those of the network.
    pub fn run(&mut self) -> Result<(), BenchError> {
        match &mut self.predictor {
            Some(predictor) => {
                predictor.predict(&self.x)?;
            }
            None => self.learn()?,
        }
        Ok(self.x.device().synchronize()?)
    }

    /// As a run of training learns.
    fn learn(&mut self) -> Result<(), BenchError> {
        let mode = Mode::train(SEED, self.taken);
        self.learner.forward(&self.net, &self.x, mode)?;
        let scores = self.learner.output(&self.net, self.prediction)?;
        let (_, gradient) = cross_entropy(&scores, &self.labels, 0.0)?;
        let statistics = self.learner.statistics();
        (self.net).take_in(mode.norm(), self.labels.len(), statistics)?;
        let seeds = [(self.prediction, &gradient)];
        let gradients = self.learner.backward(&self.net, &seeds)?;
        self.taken += 1;
        self.optimizer
            .step(&UPDATE, self.taken, 1.0, &mut self.net, &gradients)?;
        Ok(())
    }
}

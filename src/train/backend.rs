//! What computes the steps of a run: the program's own kernels, or a device.

use super::optimizer::OptimizerState;
use super::task::{Portion, Task};
use super::{Scale, TrainError};
use crate::random::Key;
use candle_core::Tensor;
use std::collections::BTreeMap;

/// All that a step changes.
#[derive(Clone, Default)]
pub struct State {
    /// Weights and running statistics by `state_dict` key, in f32.
    pub weights: BTreeMap<String, Tensor>,
    /// What the optimiser remembers of them.
    pub optimizer: OptimizerState,
}

/// Images that are seen together.
pub struct Batch {
    /// Which part of the data they are of.
    pub portion: Portion,
    /// Their numbers there.
    pub images: Vec<usize>,
    /// What happens to them depends on it and on their numbers.
    pub key: Key,
}

/// Where in a run a step is.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Which it is, from 1.
    pub number: u64,
    /// By what the schedule multiplies the learning rate.
    pub lr_factor: f64,
    /// What its masks depend on, as in [`crate::net::Mode::Train`].
    pub key: Key,
}

/// What a step says about the weights before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepMetrics {
    /// Samples.
    pub images: usize,
    /// The mean loss of the prediction.
    pub loss: f64,
    /// Samples whose prediction was right.
    pub right: usize,
}

/// Starts runs, each with a [`Backend`] of its own.
pub trait Engine: Sync {
    /// What computes the steps of a run.
    type Backend: Backend;

    /// Device and numbers, as records name them: `cpu-f32`.
    fn name(&self) -> &str;

    /// How many runs of a scale go side by side, each on a thread of its own.
    fn at_once(&self, scale: Scale) -> usize;

    /// A run that goes on from a state.
    ///
    /// # Errors
    /// [`TrainError`] for a state that is not the network's, and a device that does not take it;
    /// [`TrainError::NoRoom`] where it may take it once another run has ended.
    fn start(&self, task: &Task, state: State) -> Result<Self::Backend, TrainError>;
}

/// Computes the steps of a run.
pub trait Backend: Sized {
    /// The input of a step, as the backend takes it.
    type Collated: Send;

    /// Makes the input of a step of images; it may happen while another step is taken.
    ///
    /// # Errors
    /// Those of the images.
    fn collate(task: &Task, batch: &Batch) -> Result<Self::Collated, TrainError>;

    /// Takes a step by images and their labels. What it says is known later, where nobody waits for the step's end.
    ///
    /// # Errors
    /// Those of network and device; [`TrainError::Diverged`] where it knows the layer.
    fn step(
        &mut self,
        task: &Task,
        images: &Self::Collated,
        labels: &[usize],
        step: Step,
    ) -> Result<(), TrainError>;

    /// What the steps said that were taken since this was asked last, in their order: as far as it is known, or, if
    /// `all`, of every step, which may take a while.
    ///
    /// # Errors
    /// Those of the device.
    fn outcomes(&mut self, all: bool) -> Result<Vec<StepMetrics>, TrainError>;

    /// The scores of images in evaluation, `[n, classes]`.
    ///
    /// # Errors
    /// Those of images, network and device.
    fn scores(&mut self, task: &Task, batch: &Batch) -> Result<Tensor, TrainError>;

    /// Path of the first layer whose value is not finite for images in evaluation; nothing if there is none, or nobody knows.
    ///
    /// # Errors
    /// Those of images, network and device.
    fn first_fault(&mut self, _: &Task, _: &Batch) -> Result<Option<String>, TrainError> {
        Ok(None)
    }

    /// The state after the steps taken.
    ///
    /// # Errors
    /// Those of the device.
    fn state(&mut self) -> Result<State, TrainError>;
}

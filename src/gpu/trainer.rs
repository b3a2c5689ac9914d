//! Steps of a run on a device.

use super::plan::Setup;
use super::{DeviceDataset, GpuError, Machine, Precision, Session, Training};
use crate::run::BATCH;
use crate::train::{
    Backend, Batch, Engine, OptimizerState, Portion, Scale, State, Step, StepMetrics, Task,
    TrainError,
};
use candle_core::Tensor;
use std::collections::BTreeSet;

/// Trains on a machine, which `machine` makes of the bytes that are needed and the images of the largest batch.
/// All images of a task are on the device and are altered there; weights and what the optimiser remembers leave it
/// for a snapshot only.
pub struct Trainer<F> {
    name: String,
    precision: Precision,
    machine: F,
}

impl<F> Trainer<F> {
    /// On a device of that name, as records write it: `cuda`.
    pub fn new(device: &str, precision: Precision, machine: F) -> Trainer<F> {
        Trainer {
            name: [device, "-", precision.name()].concat(),
            precision,
            machine,
        }
    }
}

/// A network as it learns on a device.
pub struct Learning<M>(Session<M>);

impl From<GpuError> for TrainError {
    fn from(error: GpuError) -> TrainError {
        TrainError::Device(error.to_string())
    }
}

impl<M, F> Engine for Trainer<F>
where
    M: Machine,
    F: Fn(usize, usize) -> Result<M, GpuError> + Sync,
{
    type Backend = Learning<M>;

    fn name(&self) -> &str {
        &self.name
    }

    fn at_once(&self, _: Scale) -> usize {
        1
    }

    fn start(&self, task: &Task, state: State) -> Result<Learning<M>, TrainError> {
        let recipe = task.recipe();
        let training = Training {
            optimizer: recipe.optimizer,
            norm: recipe.norm,
            smoothing: recipe.smoothing,
            auxiliary: recipe.auxiliary,
        };
        let dataset = dataset(task);
        let evaluated = task.portions().filter(|&portion| portion != Portion::Train);
        let predict: BTreeSet<usize> = evaluated
            .flat_map(|portion| sizes(task.images(portion).0.len(), BATCH))
            .collect();
        let predict: Vec<usize> = predict.into_iter().collect();
        let mut learn: Vec<usize> =
            sizes(task.images(Portion::Train).0.len(), recipe.batch).collect();
        if recipe.last_batch == crate::train::LastBatch::Drop {
            learn.truncate(1);
        }
        let setup = Setup {
            graph: task.graph(),
            element: self.precision.element(),
            predict: &predict,
            learn: Some((&training, &learn)),
            dataset: Some(&dataset),
        };
        let mut session = Session::new(&setup, &state.weights, &self.machine)?;
        if !state.optimizer.0.is_empty() {
            session.set_optimizer_state(&state.optimizer.0)?;
        }
        Ok(Learning(session))
    }
}

/// The sizes of batches into which so many images are divided: whole ones, and what is left.
fn sizes(images: usize, batch: usize) -> impl Iterator<Item = usize> {
    let whole = (images >= batch).then_some(batch);
    whole
        .into_iter()
        .chain(Some(images % batch).filter(|&rest| rest > 0))
}

fn dataset(task: &Task) -> DeviceDataset<'_> {
    DeviceDataset::new(
        task.portions()
            .map(|portion| task.images(portion))
            .collect(),
    )
}

/// What the device is told of a batch.
fn indices(task: &Task, batch: &Batch) -> Vec<u8> {
    let part = task.portions().position(|portion| portion == batch.portion);
    let part = part.expect("a batch is of a portion that there is");
    dataset(task).indices(part, &batch.images, batch.key)
}

impl<M: Machine> Backend for Learning<M> {
    type Collated = Vec<u8>;

    fn collate(task: &Task, batch: &Batch) -> Result<Vec<u8>, TrainError> {
        Ok(indices(task, batch))
    }

    fn step(
        &mut self,
        _: &Task,
        images: &Vec<u8>,
        labels: &[usize],
        step: Step,
    ) -> Result<(), TrainError> {
        let Learning(session) = self;
        session.gather(labels.len(), images)?;
        Ok(session.learn(labels, step)?)
    }

    fn outcomes(&mut self, all: bool) -> Result<Vec<StepMetrics>, TrainError> {
        let Learning(session) = self;
        Ok(session.outcomes(all)?)
    }

    fn scores(&mut self, task: &Task, batch: &Batch) -> Result<Tensor, TrainError> {
        let Learning(session) = self;
        session.gather(batch.images.len(), &indices(task, batch))?;
        session.predict()?;
        Ok(session.scores()?)
    }

    fn state(&mut self) -> Result<State, TrainError> {
        let Learning(session) = self;
        Ok(State {
            weights: session.weights()?,
            optimizer: OptimizerState(session.optimizer_state()?),
        })
    }
}

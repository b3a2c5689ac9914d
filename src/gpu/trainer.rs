//! Steps of runs on devices.

use super::lease::{Lease, Station};
use super::plan::Setup;
use super::{DeviceDataset, Gpu, GpuError, Precision, Session, Training};
use crate::run::BATCH;
use crate::train::{
    Backend, Batch, Engine, LastBatch, OptimizerState, Portion, Scale, State, Step, StepMetrics,
    Task, TrainError,
};
use candle_core::Tensor;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Runs that go side by side on a device unless somebody says how many: small networks leave most of it idle, and it takes
/// turns with large ones, which share the time.
const AT_ONCE: usize = 8;

/// Trains on devices, which share out the runs. All images of a task are on a device and are altered there; weights and what the
/// optimiser remembers leave it for a snapshot only. A run has the bits that it would have alone.
pub struct Trainer<G: Gpu> {
    name: String,
    precision: Precision,
    at_once: usize,
    stations: Vec<Arc<Station<G>>>,
    /// Held by the run that looks for a device.
    choosing: Mutex<()>,
}

/// What records call computing on devices of a kind.
pub fn backend(kind: &str, precision: Precision) -> String {
    [kind, "-", precision.name()].concat()
}

impl<G: Gpu> Trainer<G> {
    /// On devices of one kind, as records write it: `cuda`.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(kind: &str, precision: Precision, devices: Vec<G>) -> Trainer<G> {
        assert!(!devices.is_empty());
        let stations = devices.into_iter().map(|gpu| Arc::new(Station::new(gpu)));
        Trainer {
            name: backend(kind, precision),
            precision,
            at_once: AT_ONCE,
            stations: stations.collect(),
            choosing: Mutex::new(()),
        }
    }

    /// With so many runs side by side on each device.
    pub fn side_by_side(self, at_once: usize) -> Trainer<G> {
        Trainer { at_once, ..self }
    }

    /// The devices.
    pub fn devices(&self) -> impl Iterator<Item = &G> {
        self.stations.iter().map(|station| &station.gpu)
    }

    /// A place on the device that has the fewest runs.
    fn enter(&self, task: &Task) -> Lease<G> {
        // it guards nothing that could be half done
        let _one = self.choosing.lock().unwrap_or_else(PoisonError::into_inner);
        let fewest = self.stations.iter().min_by_key(|station| station.runs());
        let station = fewest.expect("there is a device");
        station.enter(task.fingerprint(&self.name))
    }
}

/// A network as it learns on a device.
pub struct Learning<G: Gpu>(Lease<G>);

impl<G: Gpu> Engine for Trainer<G> {
    type Backend = Learning<G>;

    fn name(&self) -> &str {
        &self.name
    }

    fn at_once(&self, _: Scale) -> usize {
        self.at_once * self.stations.len()
    }

    fn start(&self, task: &Task, state: State) -> Result<Learning<G>, TrainError> {
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
        if recipe.last_batch == LastBatch::Drop {
            learn.truncate(1);
        }
        let setup = Setup {
            graph: task.graph(),
            element: self.precision.element(),
            predict: &predict,
            learn: Some((&training, &learn)),
            dataset: Some(&dataset),
        };
        let mut lease = self.enter(task);
        if let Err(error) = lease.begin(&setup, &state.weights) {
            return Err(
                match error.is_lack_of_memory() && lease.station().runs() > 1 {
                    true => TrainError::NoRoom(named(&lease, &error)),
                    false => failed(&lease, &error),
                },
            );
        }
        let mut learning = Learning(lease);
        if !state.optimizer.0.is_empty() {
            learning.with(|session| session.set_optimizer_state(&state.optimizer.0))?;
        }
        Ok(learning)
    }
}

/// What a device said, with its name.
fn named<G: Gpu>(lease: &Lease<G>, error: &GpuError) -> String {
    format!("{}: {error}", lease.station().gpu.name())
}

fn failed<G: Gpu>(lease: &Lease<G>, error: &GpuError) -> TrainError {
    TrainError::Device(named(lease, error))
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

impl<G: Gpu> Learning<G> {
    fn with<T>(
        &mut self,
        act: impl FnOnce(&mut Session<G::Machine>) -> Result<T, GpuError>,
    ) -> Result<T, TrainError> {
        let Learning(lease) = self;
        lease.with(act).map_err(|error| failed(lease, &error))
    }
}

impl<G: Gpu> Backend for Learning<G> {
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
        self.with(|session| {
            session.gather(labels.len(), images)?;
            session.learn(labels, step)
        })
    }

    fn outcomes(&mut self, all: bool) -> Result<Vec<StepMetrics>, TrainError> {
        self.with(|session| session.outcomes(all))
    }

    fn scores(&mut self, task: &Task, batch: &Batch) -> Result<Tensor, TrainError> {
        self.with(|session| {
            session.gather(batch.images.len(), &indices(task, batch))?;
            session.predict()?;
            session.scores()
        })
    }

    fn state(&mut self) -> Result<State, TrainError> {
        self.with(|session| {
            Ok(State {
                weights: session.weights()?,
                optimizer: OptimizerState(session.optimizer_state()?),
            })
        })
    }
}

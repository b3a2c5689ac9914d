//! A network on a device: predicting, and learning step by step.

use super::outcomes::Outcomes;
use super::plan::{Batch, Plan, Setup, units};
use super::{Address, Element, GpuError, Machine, ProgramId, Training};
use crate::graph::Graph;
use crate::train::{Step, StepMetrics};
use candle_core::{DType, Device, Tensor};
use std::collections::BTreeMap;

/// A network on a device, for batches of some sizes, which share its weights.
///
/// Images, labels and weights stay on the device; a step that is told nothing new uses them again.
pub struct Session<M> {
    machine: M,
    graph: Graph,
    training: Option<Training>,
    plan: Plan<ProgramId>,
    /// Images of the batch that was loaded last.
    batch: usize,
    /// Whether weights have changed since normalisations were folded.
    changed: bool,
    outcomes: Outcomes,
}

impl<M: Machine> Session<M> {
    /// Puts a network on a device, with weights by `state_dict` key. `machine` is told how many bytes of device
    /// memory are needed, and how many images the largest batch has that is learned from, if one is; images that stay on the
    /// device ([`DeviceDataset::images`](super::DeviceDataset::images)) must be what it shares.
    ///
    /// # Errors
    /// [`GpuError`] for weights that are not the network's, for a network that cannot run or learn, and
    /// those of the machine.
    pub fn new(
        setup: &Setup,
        weights: &BTreeMap<String, Tensor>,
        machine: impl FnOnce(usize, usize) -> Result<M, GpuError>,
    ) -> Result<Session<M>, GpuError> {
        let plan = Plan::new(setup)?;
        let array = plan.weights.array(weights)?;
        let sizes = setup.learn.map_or(setup.predict, |(_, sizes)| sizes);
        let batch = sizes.iter().copied().max().unwrap_or(0);
        let mut machine = machine(plan.bytes, batch)?;
        let plan = plan.map(|program| machine.add(program))?;
        for (address, mask) in plan.weights.tables() {
            machine.write(address, &bytes(&mask))?;
        }
        if let (Some(dataset), Some(layout)) = (setup.dataset, &plan.layout) {
            let (address, table) = dataset.table(layout);
            machine.write(address, &table)?;
        }
        let mut session = Session {
            machine,
            graph: setup.graph.clone(),
            training: setup.learn.map(|(training, _)| training.clone()),
            outcomes: Outcomes::new(plan.slots),
            plan,
            batch,
            changed: true,
        };
        session.begin(&array)?;
        Ok(session)
    }

    /// Begins anew with other weights: what is learned from then on is what a new session would learn, but nothing is
    /// planned, compiled or captured again.
    ///
    /// # Errors
    /// [`GpuError::Network`] for weights that are not the network's, [`GpuError::Device`].
    pub fn reset(&mut self, weights: &BTreeMap<String, Tensor>) -> Result<(), GpuError> {
        let array = self.plan.weights.array(weights)?;
        self.begin(&array)
    }

    fn begin(&mut self, weights: &[f32]) -> Result<(), GpuError> {
        let (address, _) = self.plan.weights.all();
        self.machine.write(address, &bytes(weights))?;
        self.outcomes = Outcomes::new(self.plan.slots);
        self.changed = true;
        self.machine.run(self.plan.start)
    }

    /// The machine.
    pub fn machine(&mut self) -> &mut M {
        &mut self.machine
    }

    /// Turns to batches of another size.
    fn turn_to(&mut self, batch: usize) -> Result<(), GpuError> {
        if !self.plan.batches.contains_key(&batch) {
            let sizes: Vec<String> = self.plan.batches.keys().map(usize::to_string).collect();
            return Err(GpuError::Network(format!(
                "the session takes batches of {}, not of {batch} images",
                sizes.join(" or ")
            )));
        }
        self.batch = batch;
        Ok(())
    }

    /// What belongs to batches of the size that was loaded last.
    fn of_batch(&self) -> &Batch<ProgramId> {
        &self.plan.batches[&self.batch]
    }

    /// Copies images to the device, `[n, c, h, w]` of f32, of one of the session's sizes of batches.
    ///
    /// # Errors
    /// [`GpuError::Network`] for other images, [`GpuError::Device`].
    pub fn load(&mut self, x: &Tensor) -> Result<(), GpuError> {
        let dims = self.graph.input().dims();
        let batch = match x.dims() {
            [n, rest @ ..] if *rest == dims[..] && x.dtype() == DType::F32 => *n,
            found => {
                return Err(GpuError::Network(format!(
                    "the session takes images of {dims:?} of F32, not {found:?} of {:?}",
                    x.dtype()
                )));
            }
        };
        self.turn_to(batch)?;
        let numbers = x
            .contiguous()
            .and_then(|x| Ok(bytes(&crate::ops::view::<f32>(&x)?)))
            .map_err(|error| GpuError::Network(error.to_string()))?;
        let to = self.of_batch().images;
        self.machine.write(to, &numbers)
    }

    /// Makes a batch of so many of the images that stay on the device; `indices` is [`super::DeviceDataset::indices`].
    ///
    /// # Errors
    /// [`GpuError::Network`] for a size of batches that the session does not have, and without images that stay;
    /// [`GpuError::Device`].
    pub fn gather(&mut self, batch: usize, indices: &[u8]) -> Result<(), GpuError> {
        self.turn_to(batch)?;
        let Some((place, gather)) = self.of_batch().indices else {
            return Err(GpuError::Network("no images stay in this session".into()));
        };
        self.machine.write(place.address(), indices)?;
        self.machine.run(gather)
    }

    /// Predicts from the images on the device, without waiting for it.
    ///
    /// # Errors
    /// [`GpuError::Network`] if the session does not predict from such batches, [`GpuError::Device`].
    pub fn predict(&mut self) -> Result<(), GpuError> {
        let predict = self.of_batch().predict;
        let predict = predict.ok_or_else(|| self.refused("predict"))?;
        if std::mem::take(&mut self.changed) {
            self.machine.run(self.plan.fold)?;
        }
        self.machine.run(predict)
    }

    fn refused(&self, what: &str) -> GpuError {
        let batch = self.batch;
        GpuError::Network(format!(
            "this session does not {what} from batches of {batch}"
        ))
    }

    /// The scores of the last prediction, in f32.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn scores(&mut self) -> Result<Tensor, GpuError> {
        let shape = self.graph.prediction().shape;
        let numbers = self.numbers(self.of_batch().scores, units(shape, self.batch)?)?;
        Tensor::from_vec(numbers, shape.of_batch(self.batch), &Device::Cpu)
            .map_err(|error| GpuError::Network(error.to_string()))
    }

    /// The scores of images.
    ///
    /// # Errors
    /// As [`Session::load`].
    pub fn infer(&mut self, x: &Tensor) -> Result<Tensor, GpuError> {
        self.load(x)?;
        self.predict()?;
        self.scores()
    }

    /// Takes a step by the images on the device, without waiting for it.
    ///
    /// # Errors
    /// [`GpuError::Network`] for labels that are not one for each image, of the classes, and if the session
    /// does not learn; [`GpuError::Device`].
    pub fn learn(&mut self, labels: &[usize], step: Step) -> Result<(), GpuError> {
        let batch = &self.plan.batches[&self.batch];
        let both = self.training.as_ref().zip(batch.learn);
        let (training, learn) = both.ok_or_else(|| self.refused("learn"))?;
        let (constants, optimizer) = (&batch.constants, &training.optimizer);
        constants.check(labels)?;
        let slot = self.outcomes.slot(&mut self.machine, self.batch)?;
        let numbers = constants.bytes(&self.graph, optimizer, labels, step, slot);
        self.machine.write(constants.base(), &numbers)?;
        self.changed = true;
        self.machine.run(learn)
    }

    /// What the steps said since this was asked last, in their order. Of what is still on the device only if `all`, which
    /// waits for it.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn outcomes(&mut self, all: bool) -> Result<Vec<StepMetrics>, GpuError> {
        self.outcomes.take(&mut self.machine, all)
    }

    /// Takes a step by images and labels, and says what came of it.
    ///
    /// # Errors
    /// As [`Session::load`] and [`Session::learn`].
    pub fn step(
        &mut self,
        x: &Tensor,
        labels: &[usize],
        step: Step,
    ) -> Result<StepMetrics, GpuError> {
        self.load(x)?;
        self.learn(labels, step)?;
        let last = self.outcomes(true)?.pop();
        last.ok_or_else(|| self.refused("say what a step said"))
    }

    /// All weights and running statistics, by `state_dict` key, in f32.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn weights(&mut self) -> Result<BTreeMap<String, Tensor>, GpuError> {
        let (address, count) = self.plan.weights.all();
        let array = self.numbers(address, count)?;
        self.plan.weights.tensors(&array)
    }

    /// The gradients of the last step, in f32, of the weights that learn.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn gradients(&mut self) -> Result<BTreeMap<String, Tensor>, GpuError> {
        let learned = self.plan.weights.learned();
        let (first, vectors) = (learned.first, learned.count - learned.first);
        let (at, behind) = (learned.matrices, learned.vectors);
        let (Some(at), Some(behind)) = (at, behind) else {
            return Ok(BTreeMap::new());
        };
        let mut array = match self.plan.weights.element() {
            Element::F32 => self.numbers(at, first)?,
            Element::Bf16 => self.halves(at, first)?,
        };
        array.extend(self.numbers(behind, vectors)?);
        self.plan.weights.learned_tensors(&array)
    }

    /// What the optimiser remembers of each weight that learns: the velocity, or the means of gradients and
    /// of squares.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn optimizer_state(&mut self) -> Result<BTreeMap<String, Vec<Tensor>>, GpuError> {
        let learned = self.plan.weights.learned();
        let (count, places) = (learned.count, learned.state.to_vec());
        let mut state: BTreeMap<String, Vec<Tensor>> = BTreeMap::new();
        for place in places {
            let array = self.numbers(place, count)?;
            for (name, tensor) in self.plan.weights.learned_tensors(&array)? {
                state.entry(name).or_default().push(tensor);
            }
        }
        Ok(state)
    }

    /// Sets the state of the optimiser to what [`Session::optimizer_state`] has said.
    ///
    /// # Errors
    /// [`GpuError::Network`] for states that are not those of what learns, [`GpuError::Device`].
    pub fn set_optimizer_state(
        &mut self,
        state: &BTreeMap<String, Vec<Tensor>>,
    ) -> Result<(), GpuError> {
        for (i, &place) in self.plan.weights.learned().state.iter().enumerate() {
            let array = self
                .plan
                .weights
                .learned_array(|name| state.get(name)?.get(i))?;
            self.machine.write(place, &bytes(&array))?;
        }
        Ok(())
    }

    /// Waits until all that was asked for has happened.
    ///
    /// # Errors
    /// [`GpuError::Device`]: what went wrong on the way.
    pub fn wait(&mut self) -> Result<(), GpuError> {
        self.machine.wait()
    }

    fn numbers(&mut self, from: Address, count: usize) -> Result<Vec<f32>, GpuError> {
        let mut bytes = vec![0; count * 4];
        self.machine.read(from, &mut bytes)?;
        let number = |x: &[u8]| f32::from_ne_bytes([x[0], x[1], x[2], x[3]]);
        Ok(bytes.chunks_exact(4).map(number).collect())
    }

    fn halves(&mut self, from: Address, count: usize) -> Result<Vec<f32>, GpuError> {
        let mut bytes = vec![0; count * 2];
        self.machine.read(from, &mut bytes)?;
        let number = |x: &[u8]| f32::from_bits(u32::from(u16::from_ne_bytes([x[0], x[1]])) << 16);
        Ok(bytes.chunks_exact(2).map(number).collect())
    }
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0; numbers.len() * 4];
    let places = bytes.chunks_exact_mut(4).zip(numbers);
    places.for_each(|(place, number)| place.copy_from_slice(&number.to_ne_bytes()));
    bytes
}

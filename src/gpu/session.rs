//! A network on a device: predicting, and learning step by step.

use super::plan::{Plan, units};
use super::{Address, Element, GpuError, Machine, ProgramId, Step, Training};
use crate::graph::Graph;
use candle_core::{DType, Device, Tensor};
use std::collections::BTreeMap;

/// A network on a device, for batches of one size.
///
/// A smaller batch at the end of an epoch is a session of its own, or filled up and its scores cut off.
/// Images, labels and weights stay on the device; a step that is told nothing new uses them again.
pub struct Session<M> {
    machine: M,
    graph: Graph,
    batch: usize,
    training: Option<Training>,
    plan: Placed,
    /// Whether weights have changed since normalisations were folded.
    changed: bool,
}

/// A plan whose programs the machine has.
struct Placed {
    plan: Plan,
    fold: ProgramId,
    predict: ProgramId,
    learn: Option<ProgramId>,
}

/// What a step says about the weights before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The mean loss of the prediction.
    pub loss: f64,
    /// Samples whose prediction was right.
    pub right: usize,
}

impl<M: Machine> Session<M> {
    /// Puts a network on a device: `weights` by `state_dict` key, batches of so many images, and what it
    /// learns by, if it learns. `machine` is told how many bytes of device memory are needed.
    ///
    /// # Errors
    /// [`GpuError`] for weights that are not the network's, for a network that cannot run or learn, and
    /// those of the machine.
    pub fn new(
        graph: &Graph,
        weights: &BTreeMap<String, Tensor>,
        batch: usize,
        element: Element,
        training: Option<&Training>,
        machine: impl FnOnce(usize) -> Result<M, GpuError>,
    ) -> Result<Session<M>, GpuError> {
        let mut plan = Plan::new(graph, batch, element, training)?;
        let array = plan.weights.array(weights)?;
        let mut machine = machine(plan.bytes)?;
        // the plan keeps no programs that the machine has
        let mut add = |program: &mut super::Program| {
            let commands = std::mem::take(&mut program.commands);
            machine.add(super::Program {
                element: program.element,
                commands,
            })
        };
        let start = add(&mut plan.start)?;
        let (fold, predict) = (add(&mut plan.fold)?, add(&mut plan.predict)?);
        let learn = plan.learn.as_mut().map(add).transpose()?;
        machine.write(plan.weights.all().0, &bytes(&array))?;
        for (address, mask) in plan.weights.tables() {
            machine.write(address, &bytes(&mask))?;
        }
        machine.run(start)?;
        Ok(Session {
            machine,
            graph: graph.clone(),
            batch,
            training: training.cloned(),
            plan: Placed {
                plan,
                fold,
                predict,
                learn,
            },
            changed: true,
        })
    }

    /// Images of a batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The machine.
    pub fn machine(&mut self) -> &mut M {
        &mut self.machine
    }

    /// Copies images to the device, `[batch, c, h, w]` of f32.
    ///
    /// # Errors
    /// [`GpuError::Network`] for other images, [`GpuError::Device`].
    pub fn load(&mut self, x: &Tensor) -> Result<(), GpuError> {
        let mut dims = vec![self.batch];
        dims.extend_from_slice(&self.graph.input().dims());
        if x.dims() != dims || x.dtype() != DType::F32 {
            return Err(GpuError::Network(format!(
                "the session takes {dims:?} of F32, not {:?} of {:?}",
                x.dims(),
                x.dtype()
            )));
        }
        let numbers = x
            .contiguous()
            .and_then(|x| Ok(bytes(&crate::ops::view::<f32>(&x)?)))
            .map_err(|error| GpuError::Network(error.to_string()))?;
        self.machine.write(self.plan.plan.images, &numbers)
    }

    /// Predicts from the images on the device, without waiting for it.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn predict(&mut self) -> Result<(), GpuError> {
        if std::mem::take(&mut self.changed) {
            self.machine.run(self.plan.fold)?;
        }
        self.machine.run(self.plan.predict)
    }

    /// The scores of the last prediction, in f32.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn scores(&mut self) -> Result<Tensor, GpuError> {
        let shape = self.graph.prediction().shape;
        let numbers = self.numbers(self.plan.plan.scores, units(shape, self.batch)?)?;
        let mut dims = vec![self.batch];
        dims.extend_from_slice(&shape.dims());
        Tensor::from_vec(numbers, dims, &Device::Cpu)
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
        let (Some(training), Some(learn)) = (&self.training, self.plan.learn) else {
            return Err(GpuError::Network("this session does not learn".into()));
        };
        let constants = &self.plan.plan.constants;
        let numbers = constants.bytes(&self.graph, &training.optimizer, labels, step)?;
        self.machine.write(constants.base(), &numbers)?;
        self.changed = true;
        self.machine.run(learn)
    }

    /// What the last step said.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn outcome(&mut self) -> Result<Outcome, GpuError> {
        let told = self.plan.plan.told;
        let losses = self.numbers(told.losses, self.batch)?;
        let mut right = vec![0; self.batch * 4];
        self.machine.read(told.right, &mut right)?;
        Ok(Outcome {
            loss: losses.iter().map(|&x| f64::from(x)).sum::<f64>() / self.batch as f64,
            right: right.chunks_exact(4).filter(|&x| x != [0; 4]).count(),
        })
    }

    /// Takes a step by images and labels.
    ///
    /// # Errors
    /// As [`Session::load`] and [`Session::learn`].
    pub fn step(&mut self, x: &Tensor, labels: &[usize], step: Step) -> Result<Outcome, GpuError> {
        self.load(x)?;
        self.learn(labels, step)?;
        self.outcome()
    }

    /// All weights and running statistics, by `state_dict` key, in f32.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn weights(&mut self) -> Result<BTreeMap<String, Tensor>, GpuError> {
        let (address, count) = self.plan.plan.weights.all();
        let array = self.numbers(address, count)?;
        self.plan.plan.weights.tensors(&array)
    }

    /// The gradients of the last step, in f32, of the weights that learn.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn gradients(&mut self) -> Result<BTreeMap<String, Tensor>, GpuError> {
        let learned = self.plan.plan.weights.learned();
        let (first, vectors) = (learned.first, learned.count - learned.first);
        let (at, behind) = (learned.matrices, learned.vectors);
        let (Some(at), Some(behind)) = (at, behind) else {
            return Ok(BTreeMap::new());
        };
        let mut array = match self.plan.plan.start.element {
            Element::F32 => self.numbers(at, first)?,
            Element::Bf16 => self.halves(at, first)?,
        };
        array.extend(self.numbers(behind, vectors)?);
        self.plan.plan.weights.learned_tensors(&array)
    }

    /// What the optimiser remembers of each weight that learns: the velocity, or the means of gradients and
    /// of squares.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn memory(&mut self) -> Result<BTreeMap<String, Vec<Tensor>>, GpuError> {
        let learned = self.plan.plan.weights.learned();
        let (count, places) = (learned.count, learned.memory.to_vec());
        let mut memory: BTreeMap<String, Vec<Tensor>> = BTreeMap::new();
        for place in places {
            let array = self.numbers(place, count)?;
            for (name, tensor) in self.plan.plan.weights.learned_tensors(&array)? {
                memory.entry(name).or_default().push(tensor);
            }
        }
        Ok(memory)
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

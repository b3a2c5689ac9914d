//! The numeric interpreter: the same graphs, with tensors.
//!
//! The graph is the tape. [`Net::forward`] runs the layers in order and keeps what [`Net::backward`]
//! will read; in evaluation it keeps nothing beyond a value's last reader.

mod accumulate;
mod backward;
mod fold;
mod forward;
mod gradients;
mod init;
mod keep;
mod mode;
mod norm;
mod weights;

pub mod checkpoint;

pub(crate) use accumulate::Accumulator;
pub use forward::ForwardPass;
pub use gradients::Gradients;
pub use init::{Fill, Init};
pub use mode::{Mode, Norm};
pub use weights::{Misfit, Mismatch};

use crate::device;
use crate::graph::{Graph, Node, NodeId, Op, Role, TensorKind};
use crate::ops::batch_norm::Statistics;
use candle_core::{DType, Device, Tensor};
use std::collections::BTreeMap;

/// A network with weights.
#[derive(Clone)]
pub struct Net {
    graph: Graph,
    /// For each layer its weights and running statistics, in the order of [`Graph::tensors_of`].
    weights: Vec<Vec<Tensor>>,
    dtype: DType,
    /// Asked before each layer, on the thread that runs the pass.
    goes_on: Option<fn() -> bool>,
}

/// Why a network cannot be built or run.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// Weights that are not those of the network.
    #[error("the weights do not fit the network: {0}")]
    Misfit(Misfit),
    /// A weight of another type, or that cannot be read.
    #[error("weight `{name}` {what}")]
    Weight {
        /// Its key in the `state_dict`.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// An input that the network does not take.
    #[error("the network takes {expected}, not {found}")]
    Input {
        /// Dimensions and type that would be right.
        expected: String,
        /// Those that came.
        found: String,
    },
    /// A network that cannot run.
    #[error("the network cannot run: {0}")]
    Graph(String),
    /// Whoever waited for it has stopped it.
    #[error("it was stopped")]
    Stopped,
    /// A layer that fails.
    #[error("layer `{path}`: {what}")]
    Layer {
        /// Its path.
        path: String,
        /// What is wrong.
        what: String,
    },
}

impl NetError {
    /// A batch whose values need so many bytes, which are not to be had.
    pub(crate) fn no_room(bytes: usize) -> NetError {
        let gib = bytes as f64 / (1_u64 << 30) as f64;
        NetError::Graph(format!(
            "the values of this batch need {gib:.1} GiB, which the system does not give; a smaller batch needs less"
        ))
    }
}

/// Asks for room for a batch whose size somebody chose.
///
/// # Errors
/// [`NetError::Graph`] if the machine does not have so many bytes.
pub(crate) fn room_for_batch(bytes: usize) -> Result<(), NetError> {
    match device::has_memory(bytes) {
        true => Ok(()),
        false => Err(NetError::no_room(bytes)),
    }
}

impl Net {
    /// A network that computes with numbers of that type, with weights by `state_dict` key: all that
    /// the graph names and no others, of the same type.
    ///
    /// # Errors
    /// [`NetError::Misfit`] says which do not fit, [`NetError::Weight`] which is of another type.
    pub fn new(
        graph: Graph,
        mut weights: BTreeMap<String, Tensor>,
        dtype: DType,
    ) -> Result<Net, NetError> {
        graph.can_run().map_err(NetError::Graph)?;
        let found = weights.iter().map(|(name, weight)| (name.as_str(), weight));
        Misfit::between(named_dims(&graph), &found.collect()).check()?;
        let mut take = |name: String| {
            let weight = weights.remove(&name).expect("it was compared");
            let fault = |what| NetError::Weight { name, what };
            match weight.dtype() == dtype {
                true => (weight.contiguous()).map_err(|error| fault(error.to_string())),
                false => Err(fault(format!("is {:?}, must be {dtype:?}", weight.dtype()))),
            }
        };
        let mut of_layer = Vec::with_capacity(graph.nodes().len());
        for node in graph.nodes() {
            let tensors = graph.tensors_of(node).into_iter().enumerate();
            let taken = tensors.map(|(i, tensor)| take(node.key(i, &tensor)));
            of_layer.push(taken.collect::<Result<Vec<_>, _>>()?);
        }
        Ok(Net {
            graph,
            weights: of_layer,
            dtype,
            goes_on: None,
        })
    }

    /// The network, whose passes end with [`NetError::Stopped`] once `goes_on` no longer holds on the thread that runs them; a
    /// layer that has begun is finished.
    #[must_use]
    pub fn watched(self, goes_on: fn() -> bool) -> Net {
        Net {
            goes_on: Some(goes_on),
            ..self
        }
    }

    /// Whether whoever waits for a pass lets it go on.
    pub(crate) fn go_on(&self) -> Result<(), NetError> {
        match self.goes_on.is_none_or(|goes_on| goes_on()) {
            true => Ok(()),
            false => Err(NetError::Stopped),
        }
    }

    /// Runs a pass: from inside the pool of threads, where handing work on costs a fifth of what it does from outside; on
    /// the thread it is called from, if that is asked whether it goes on.
    pub(crate) fn pass<T: Send>(&self, walk: impl FnOnce() -> T + Send) -> T {
        match self.goes_on {
            Some(_) => walk(),
            None => rayon::scope(|_| walk()),
        }
    }

    /// The description.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The type of number that it computes with.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Every weight and running statistic, in `state_dict` order.
    pub fn weights(&self) -> impl Iterator<Item = (String, TensorKind, &Tensor)> {
        self.graph.state_order().iter().flat_map(move |&id| {
            let node = &self.graph.nodes()[id];
            let described = self.graph.tensors_of(node).into_iter().enumerate();
            described
                .zip(&self.weights[id])
                .map(move |((i, tensor), weight)| (node.key(i, &tensor), tensor.kind, weight))
        })
    }

    /// Replaces each trainable weight that has a gradient by what `update` makes of its key, its role, itself and
    /// its gradient, in `state_dict` order.
    ///
    /// # Errors
    /// Those of `update`.
    pub fn update(
        &mut self,
        gradients: &Gradients,
        mut update: impl FnMut(&str, Role, &Tensor, &Tensor) -> candle_core::Result<Tensor>,
    ) -> Result<(), NetError> {
        for &id in self.graph.state_order() {
            let node = &self.graph.nodes()[id];
            let described = self.graph.tensors_of(node).into_iter().enumerate();
            let weights = described.zip(&mut self.weights[id]);
            for (((i, tensor), weight), gradient) in weights.zip(gradients.of(id)) {
                if tensor.kind != TensorKind::Trainable {
                    continue;
                }
                let name = node.key(i, &tensor);
                let updated = update(&name, tensor.role, weight, gradient);
                *weight = updated.map_err(|error| failed(node, &error))?;
            }
        }
        Ok(())
    }

    /// Lets the running statistics take in those of the batches of a training pass.
    ///
    /// # Errors
    /// [`NetError::Layer`] if a tensor cannot be computed.
    pub fn update_running_stats(&mut self, pass: &ForwardPass) -> Result<(), NetError> {
        self.take_in(pass.mode().norm(), pass.samples, &pass.statistics)
    }

    /// Lets the running statistics take in those of a batch of so many samples, by layer.
    ///
    /// # Errors
    /// [`NetError::Layer`] if a tensor cannot be computed.
    pub(crate) fn take_in(
        &mut self,
        norm: Norm,
        samples: usize,
        statistics: &[Option<Statistics>],
    ) -> Result<(), NetError> {
        for (id, node) in self.graph.nodes().iter().enumerate() {
            let (Op::BatchNorm { momentum, .. }, Some(batch)) = (&node.op, &statistics[id]) else {
                continue;
            };
            let units = samples * node.shape.extent().iter().product::<usize>();
            let correction = norm.correction(units);
            let correction = correction.map_err(|what| NetError::Layer {
                path: node.path.clone(),
                what,
            })?;
            let correction = correction.expect("a pass has statistics where it ran by them");
            let weights = &mut self.weights[self.graph.owner(id)];
            let blend = |running: &Tensor, new: &Tensor, factor: f64| {
                (running * (1.0 - momentum))? + (new * (momentum * factor))?
            };
            let blended = blend(&weights[2], &batch.mean, 1.0)
                .and_then(|mean| Ok((mean, blend(&weights[3], &batch.variance, correction)?)));
            let (mean, variance) = blended.map_err(|error| failed(node, &error))?;
            weights[2] = mean;
            weights[3] = variance;
        }
        Ok(())
    }

    /// The weights that a layer uses, be they its own or another's.
    pub(crate) fn weights_of(&self, id: NodeId) -> &[Tensor] {
        &self.weights[self.graph.owner(id)]
    }

    /// Scale, shift and running statistics of a batch normalisation.
    fn norm(&self, id: NodeId) -> (&Tensor, &Tensor, Statistics) {
        let [weight, bias, mean, variance] = self.weights_of(id) else {
            unreachable!("a batch normalisation has four tensors")
        };
        let running = Statistics {
            mean: mean.clone(),
            variance: variance.clone(),
        };
        (weight, bias, running)
    }
}

/// Evaluation without, training mode with `train`: batch statistics and masks under seed 0, the running
/// statistics left as they are.
impl candle_nn::ModuleT for Net {
    fn forward_t(&self, x: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        let mode = match train {
            true => Mode::train(0, 0),
            false => Mode::Eval,
        };
        let pass = self.forward(x, mode).map_err(candle_core::Error::wrap)?;
        Ok(pass.output().clone())
    }
}

/// The names and shapes of all that a network names.
fn named_dims(graph: &Graph) -> impl Iterator<Item = (String, Vec<usize>)> {
    let tensors = graph.tensors();
    tensors.map(|(name, tensor)| (name, tensor.dims.to_vec()))
}

fn failed(node: &Node, error: &candle_core::Error) -> NetError {
    NetError::Layer {
        path: node.path.clone(),
        what: error.to_string(),
    }
}

/// A tensor of numbers given in f64, rounded to the type asked for.
fn tensor(numbers: Vec<f64>, dims: &[usize], dtype: DType) -> candle_core::Result<Tensor> {
    Tensor::from_vec(numbers, dims, &Device::Cpu)?.to_dtype(dtype)
}

//! The numeric interpreter: the same graphs, with tensors.
//!
//! The graph is the tape. [`Net::forward`] runs the layers in order and keeps what [`Net::backward`]
//! will read; in evaluation it keeps nothing beyond a value's last reader.

mod accumulate;
mod backward;
mod forward;
mod gradients;
mod init;
mod keep;
mod mode;
mod norm;
mod packed_conv;
mod weights;

pub mod checkpoint;

pub(crate) use accumulate::Accumulator;
pub use forward::ForwardPass;
pub use gradients::Gradients;
pub use init::{Fill, Init};
pub use mode::{Mode, Norm};
pub use weights::{Misfit, Mismatch};

use crate::graph::{Graph, Node, NodeId, Op, Role, TensorKind};
use crate::ops::batch_norm::Statistics;
use candle_core::{DType, Device, Tensor};
use packed_conv::PackedCache;
use std::collections::BTreeMap;

/// A network with weights.
#[derive(Clone)]
pub struct Net {
    graph: Graph,
    /// For each layer its weights and running statistics, in the order of [`Graph::tensors_of`].
    weights: Vec<Vec<Tensor>>,
    packed: PackedCache,
    dtype: DType,
    /// Asked before each layer.
    goes_on: fn() -> bool,
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
            let tensors = graph.tensors_of(node).into_iter();
            let taken = tensors.map(|tensor| take([&node.path, ".", tensor.name].concat()));
            of_layer.push(taken.collect::<Result<Vec<_>, _>>()?);
        }
        Ok(Net {
            packed: PackedCache::none(graph.nodes().len()),
            graph,
            weights: of_layer,
            dtype,
            goes_on: || true,
        })
    }

    /// The network, whose passes end with [`NetError::Stopped`] once `goes_on` no longer holds on the thread that runs them; a
    /// layer that has begun is finished.
    #[must_use]
    pub fn watched(self, goes_on: fn() -> bool) -> Net {
        Net { goes_on, ..self }
    }

    fn go_on(&self) -> Result<(), NetError> {
        match (self.goes_on)() {
            true => Ok(()),
            false => Err(NetError::Stopped),
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
            let described = self.graph.tensors_of(node).into_iter();
            described
                .zip(&self.weights[id])
                .map(move |(tensor, weight)| {
                    ([&node.path, ".", tensor.name].concat(), tensor.kind, weight)
                })
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
        self.packed = PackedCache::none(self.graph.nodes().len());
        for &id in self.graph.state_order() {
            let node = &self.graph.nodes()[id];
            let described = self.graph.tensors_of(node).into_iter();
            let weights = described.zip(&mut self.weights[id]);
            for ((tensor, weight), gradient) in weights.zip(gradients.of(id)) {
                let name = [&node.path, ".", tensor.name].concat();
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
        self.packed = PackedCache::none(self.graph.nodes().len());
        for (id, node) in self.graph.nodes().iter().enumerate() {
            let (Op::BatchNorm { momentum, .. }, Some(batch)) = (&node.op, pass.statistics(id))
            else {
                continue;
            };
            let correction = pass.mode().norm().correction(pass.units(node));
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
    fn weights_of(&self, id: NodeId) -> &[Tensor] {
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

//! Weights from a seed and a name: independent of order, threads and device.

use super::{NetError, failed, room_for_batch, tensor};
use crate::graph::{Facts, Graph, Role, Tensor as Described};
use crate::random::Key;
use candle_core::{DType, Tensor};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A rule by which untrained weights are drawn. Normalisation starts as the identity under each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// PyTorch's default for convolutions and linear layers: weights and biases uniform within
    /// 1 / sqrt(fan in).
    #[default]
    Torch,
    /// Keras' default: weights uniform within sqrt(6 / (fan in + fan out)), biases zero.
    Keras,
    /// He et al. 2015, section 2.2: weights normal with variance 2 / fan in, biases zero.
    He,
    /// Glorot & Bengio 2010: weights normal with variance 2 / (fan in + fan out), biases zero.
    Glorot,
}

/// Weights that any other framework can be given, for comparing outputs; they depend on names alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Weights uniform with variance 2 / fan in.
    Default,
    /// Weights uniform with variance 1 / fan in.
    Gain1,
}

impl Init {
    /// Weights for every layer of a graph.
    ///
    /// # Errors
    /// [`NetError::Layer`] for tensors that cannot be made.
    pub fn weights(
        self,
        graph: &Graph,
        seed: u64,
        dtype: DType,
    ) -> Result<BTreeMap<String, Tensor>, NetError> {
        let seed = Key::seed(seed);
        each_tensor(graph, dtype, |tensor, facts, name| {
            let key = seed.fold_in_name(name);
            let (fan_in, fan_out) = (facts.fan_in as f64, facts.fan_out as f64);
            let within =
                |bound: f64| -> Numbers { Box::new(move |i| bound * (2.0 * key.uniform(i) - 1.0)) };
            let normal =
                |deviation: f64| -> Numbers { Box::new(move |i| deviation * key.normal(i)) };
            match tensor.role {
                Role::NormScale | Role::RunningVariance => Box::new(|_| 1.0),
                Role::NormShift | Role::RunningMean => Box::new(|_| 0.0),
                Role::Code => {
                    // the codes are part of the network, not of a run
                    let key = Key::named(name);
                    Box::new(move |i| if key.bits(i) & 1 == 0 { 1.0 } else { -1.0 })
                }
                Role::Bias => match self {
                    Init::Torch => within(fan_in.sqrt().recip()),
                    Init::Keras | Init::He | Init::Glorot => Box::new(|_| 0.0),
                },
                Role::Weight | Role::Coefficient => match self {
                    Init::Torch => within(fan_in.sqrt().recip()),
                    Init::Keras => within((6.0 / (fan_in + fan_out)).sqrt()),
                    Init::He => normal((2.0 / fan_in).sqrt()),
                    Init::Glorot => normal((2.0 / (fan_in + fan_out)).sqrt()),
                },
            }
        })
    }
}

impl Fill {
    /// Weights for every layer of a graph.
    ///
    /// # Errors
    /// [`NetError::Layer`] for tensors that cannot be made.
    pub fn weights(
        self,
        graph: &Graph,
        dtype: DType,
    ) -> Result<BTreeMap<String, Tensor>, NetError> {
        let variance: f64 = match self {
            Fill::Default => 2.0,
            Fill::Gain1 => 1.0,
        };
        each_tensor(graph, dtype, |tensor, facts, name| {
            let key = Key::named(name);
            let around = |center: f64, width: f64| -> Numbers {
                Box::new(move |i| center + width * key.signed(i))
            };
            match tensor.role {
                Role::NormScale => around(1.0, 0.1),
                Role::RunningVariance => around(1.0, 0.25),
                Role::NormShift | Role::RunningMean => around(0.0, 0.1),
                Role::Weight | Role::Code => {
                    around(0.0, (3.0 / facts.fan_in as f64).sqrt() * variance.sqrt())
                }
                Role::Coefficient | Role::Bias => around(0.0, 0.05),
            }
        })
    }

    /// A batch for networks of that input shape.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn input(graph: &Graph, samples: usize, dtype: DType) -> Result<Tensor, NetError> {
        let dims = graph.input().of_batch(samples);
        // the numbers, then the tensor
        let size = (dims.iter()).fold(size_of::<f64>(), |size, &dim| size.saturating_mul(dim));
        room_for_batch(size)?;
        let key = Key::named("input");
        let numbers = (0..dims.iter().product::<usize>() as u64).map(|i| key.signed(i));
        tensor(numbers.collect(), &dims, dtype).map_err(|error| failed(&graph.nodes()[0], &error))
    }
}

/// The i-th number of a tensor.
type Numbers = Box<dyn Fn(u64) -> f64 + Sync>;

/// A tensor for each that the graph names; `numbers` is handed its description, what is known of its layer, and its
/// key in the `state_dict`.
fn each_tensor(
    graph: &Graph,
    dtype: DType,
    numbers: impl Fn(&Described, &Facts, &str) -> Numbers,
) -> Result<BTreeMap<String, Tensor>, NetError> {
    let mut weights = BTreeMap::new();
    for node in graph.nodes() {
        let facts = graph.facts(node);
        for described in graph.tensors_of(node) {
            let key = [&node.path, ".", described.name].concat();
            let number = numbers(&described, &facts, &key);
            let size = described.dims.iter().product::<usize>() as u64;
            let made = tensor(
                (0..size).into_par_iter().map(&number).collect(),
                &described.dims,
                dtype,
            )
            .map_err(|error| failed(node, &error))?;
            weights.insert(key, made);
        }
    }
    Ok(weights)
}

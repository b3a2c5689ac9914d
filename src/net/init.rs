//! Weights from a seed and a name: independent of order, threads and device.

use super::{NetError, failed, tensor};
use crate::graph::{Conv, Graph, Node, Op};
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
        each_tensor(graph, dtype, |node, name, key| {
            let key = match name {
                // the codes are part of the network, not of a run
                "weight" if matches!(node.op, Op::Rbf { .. }) => Key::named(key),
                _ => seed.fold_in_name(key),
            };
            let [fan_in, fan_out] = fans(graph, node);
            let within = move |bound: f64| move |i| bound * (2.0 * key.uniform(i) - 1.0);
            match (&node.op, name) {
                (Op::BatchNorm { .. }, "weight" | "running_var") => Box::new(|_| 1.0),
                (Op::BatchNorm { .. }, _) => Box::new(|_| 0.0),
                (Op::Rbf { .. }, _) => {
                    Box::new(move |i| if key.bits(i) & 1 == 0 { 1.0 } else { -1.0 })
                }
                (_, "bias") => match self {
                    Init::Torch => Box::new(within(fan_in.sqrt().recip())),
                    Init::Keras | Init::He | Init::Glorot => Box::new(|_| 0.0),
                },
                _ => match self {
                    Init::Torch => Box::new(within(fan_in.sqrt().recip())),
                    Init::Keras => Box::new(within((6.0 / (fan_in + fan_out)).sqrt())),
                    Init::He => Box::new(move |i| (2.0 / fan_in).sqrt() * key.normal(i)),
                    Init::Glorot => {
                        Box::new(move |i| (2.0 / (fan_in + fan_out)).sqrt() * key.normal(i))
                    }
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
        each_tensor(graph, dtype, |node, name, key| {
            let key = Key::named(key);
            let scale = (3.0 / fans(graph, node)[0]).sqrt() * variance.sqrt();
            let vector = matches!(node.op, Op::Subsample { .. });
            match (&node.op, name) {
                (Op::BatchNorm { .. }, "weight") => Box::new(move |i| 1.0 + 0.1 * key.signed(i)),
                (Op::BatchNorm { .. }, "running_var") => {
                    Box::new(move |i| 1.0 + 0.25 * key.signed(i))
                }
                (Op::BatchNorm { .. }, _) => Box::new(move |i| 0.1 * key.signed(i)),
                (_, "weight") if !vector => Box::new(move |i| scale * key.signed(i)),
                _ => Box::new(move |i| 0.05 * key.signed(i)),
            }
        })
    }

    /// A batch for networks of that input shape.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn input(graph: &Graph, samples: usize, dtype: DType) -> Result<Tensor, NetError> {
        let mut dims = vec![samples];
        dims.extend_from_slice(&graph.input().dims());
        let key = Key::named("input");
        let numbers = (0..dims.iter().product::<usize>() as u64).map(|i| key.signed(i));
        tensor(numbers.collect(), &dims, dtype).map_err(|error| failed(&graph.nodes()[0], &error))
    }
}

/// The i-th number of a tensor.
type Numbers<'a> = Box<dyn Fn(u64) -> f64 + Sync + 'a>;

/// A tensor for each that the graph names; `numbers` is told the layer, the tensor's name in it and
/// its key in the `state_dict`.
fn each_tensor<'a>(
    graph: &'a Graph,
    dtype: DType,
    numbers: impl Fn(&'a Node, &'static str, &str) -> Numbers<'a>,
) -> Result<BTreeMap<String, Tensor>, NetError> {
    let mut weights = BTreeMap::new();
    for node in graph.nodes() {
        for described in graph.tensors_of(node) {
            let key = [&node.path, ".", described.name].concat();
            let number = numbers(node, described.name, &key);
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

/// Inputs of one unit of a layer, and units that read one of its inputs, as initialisation counts them.
fn fans(graph: &Graph, node: &Node) -> [f64; 2] {
    let c = graph.input_of(node).channels();
    let [fan_in, fan_out] = match &node.op {
        Op::Conv(Conv {
            out,
            window,
            groups,
            table,
            ..
        }) => {
            let maps = match table {
                // rows differ in length; the longest is the paper's bound for all
                Some(table) => table.iter().map(|row| row.len()).max().unwrap_or(0),
                None => c / groups,
            };
            [maps * window.taps(), out * window.taps()]
        }
        Op::Linear { out, .. } | Op::Rbf { out } => [c, *out],
        Op::Subsample { window } => [window.taps(), 1],
        _ => [1, 1],
    };
    [fan_in as f64, fan_out as f64]
}

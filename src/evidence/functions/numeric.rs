//! What can be asked of a network that runs.
//!
//! Weights come from a rule and a seed, images and labels from the same seed, all in f64. Numbers are
//! rounded to six significant digits: what lies behind depends on the processor's vector instructions.

mod gradients;
mod units;

pub(super) use gradients::{
    first_loss, gradient_norms, reach, tensors_without_gradient, weight_gradients, zero_gradients,
};
pub(super) use units::{code_distances, difference, forward, lrn, residue};

use super::super::budget;
use super::arguments::{size, text};
use crate::analysis::QUANTITIES;
use crate::claim::Datum;
use crate::graph::{Graph, Role};
use crate::net::{Init, Net};
use crate::random::Key;
use candle_core::{DType, Device, Tensor};
use std::collections::BTreeMap;

/// Images in the batches of which gradients are taken.
const SAMPLES: usize = 4;

/// A network with the weights that a rule of that name draws under a seed.
fn net(graph: &Graph, init: &str, seed: u64) -> Result<Net, String> {
    with_weights(graph, weights(graph, init, seed)?)
}

/// A network with those weights.
fn with_weights(graph: &Graph, weights: BTreeMap<String, Tensor>) -> Result<Net, String> {
    let net = Net::new(graph.clone(), weights, DType::F64).map_err(say)?;
    Ok(net.watched(budget::goes_on))
}

/// The rule and the seed of a call, in that order from an argument on.
fn drawn(args: &[Datum], from: usize) -> Result<(&str, u64), String> {
    Ok((text(args, from)?, size(args, from + 1)? as u64))
}

fn weights(graph: &Graph, init: &str, seed: u64) -> Result<BTreeMap<String, Tensor>, String> {
    let rule = match init {
        "torch" | "zero" => Init::Torch,
        "keras" => Init::Keras,
        "he" => Init::He,
        "glorot" => Init::Glorot,
        other => {
            return Err(format!(
                "there is no initialisation `{other}`; there are torch, keras, he, glorot and zero"
            ));
        }
    };
    let mut weights = rule.weights(graph, seed, DType::F64).map_err(say)?;
    if init == "zero" {
        for (name, tensor) in graph.tensors() {
            match tensor.role {
                Role::Weight | Role::Coefficient | Role::Bias => {
                    let weight = weights.get_mut(&name).expect("every tensor was drawn");
                    *weight = weight.zeros_like().map_err(say)?;
                }
                Role::NormScale
                | Role::NormShift
                | Role::RunningMean
                | Role::RunningVariance
                | Role::Code => {}
            }
        }
    }
    Ok(weights)
}

/// Random images: standard normal, as after a normalisation; uniform in [0, 1), as after a division by
/// 255; or the bytes before it. So many of them must be [`affordable`].
fn images(graph: &Graph, kind: &str, samples: usize, seed: u64) -> Result<Tensor, String> {
    let key = Key::seed(seed).fold_in_name("images");
    let number: Box<dyn Fn(u64) -> f64> = match kind {
        "normal" => Box::new(move |i| key.normal(i)),
        "uniform" => Box::new(move |i| key.uniform(i)),
        "bytes" => Box::new(move |i| (256.0 * key.uniform(i)).floor()),
        other => {
            return Err(format!(
                "there are no images `{other}`; there are normal, uniform and bytes"
            ));
        }
    };
    let dims = graph.input().of_batch(samples);
    let size = dims.iter().product::<usize>() as u64;
    Tensor::from_vec((0..size).map(number).collect(), dims, &Device::Cpu).map_err(say)
}

/// What a pass takes, in multiply-accumulates of a forward pass.
#[derive(Clone, Copy)]
enum Pass {
    Forward = 1,
    /// There and back: as much again for the gradient of the inputs, and of the weights.
    Backward = 3,
}

/// Whether the measure may run a network on so many images: a suite may ask for any size and any batch.
fn affordable(graph: &Graph, samples: usize, pass: Pass) -> Result<(), String> {
    let mut counts = [0; 3];
    for (count, name) in counts.iter_mut().zip(["macs", "activations", "params"]) {
        let quantity = QUANTITIES.iter().find(|quantity| quantity.name == name);
        let quantity = quantity.expect("they are counted of every network");
        *count = quantity.total(graph).map_err(say)?;
    }
    let what = format!("a run on {samples} images of {}", graph.input());
    budget::run(&what, counts, samples, pass as u64)
}

/// Random labels for a network that puts out scores.
fn labels(graph: &Graph, samples: usize, seed: u64) -> Vec<usize> {
    let key = Key::seed(seed).fold_in_name("labels");
    let classes = graph.prediction().shape.channels() as u64;
    (0..samples as u64)
        .map(|i| (key.bits(i) % classes) as usize)
        .collect()
}

fn numbers(tensor: &Tensor) -> Result<Vec<f64>, String> {
    tensor
        .flatten_all()
        .and_then(|flat| flat.to_vec1())
        .map_err(say)
}

/// The Euclidean norm over tensors.
fn norm<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Result<f64, String> {
    let mut sum = 0.0;
    for tensor in tensors {
        sum += numbers(tensor)?.iter().map(|x| x * x).sum::<f64>();
    }
    Ok(sum.sqrt())
}

/// Six significant digits.
fn rounded(x: f64) -> Datum {
    Datum::Float(format!("{x:.5e}").parse().unwrap_or(x))
}

fn list(numbers: impl IntoIterator<Item = f64>) -> Datum {
    Datum::List(numbers.into_iter().map(rounded).collect())
}

/// A distance in parts of a size, to nine decimals: rounding errors of f64 are none.
fn relative(apart: f64, whole: f64) -> Datum {
    let share = if whole > 0.0 { apart / whole } else { apart };
    Datum::Float((share * 1e9).round() / 1e9)
}

fn say(error: impl ToString) -> String {
    error.to_string()
}

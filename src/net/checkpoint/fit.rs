//! Are these the weights of that network?

use super::super::{Misfit, Mismatch, named_dims};
use super::CheckpointError;
use super::names::{Names, auxiliary, counter};
use crate::graph::{Graph, Modules, Role};
use crate::ops;
use crate::zoo::{Model, Registry};
use candle_core::{DType, Tensor};
use std::collections::BTreeMap;

/// What becomes of the layer that gives the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// It is in the checkpoint like everything else.
    Same,
    /// If the checkpoint has it for another number of classes or not at all, it starts anew.
    Any,
}

/// A checkpoint's weights under the network's names.
#[derive(Debug)]
pub struct Fitted {
    /// The tensors of the network, apart from `reinitialised`.
    pub tensors: BTreeMap<String, Tensor>,
    /// Tensors of the network that have to be initialised, which [`Head::Any`] allows: those of a
    /// class head.
    pub reinitialised: Vec<String>,
    /// Tensors of the checkpoint for which the network has no use: counters, and the auxiliary heads of
    /// training where the network has none.
    pub unused: Vec<String>,
}

/// A checkpoint's tensors as the network's weights, converted to that type of number.
///
/// Names and shapes must be the network's. A prefix in front of them (`module.`, `_orig_mod.`) is dropped, and so
/// are counters and, where the network has none, auxiliary heads; the names that torchvision
/// once gave to the layers of DenseNet are translated.
///
/// # Errors
/// [`CheckpointError::Misfit`] lists what differs, [`CheckpointError::Tensor`] names a tensor that
/// holds a NaN, an infinity or whole numbers, or a negative variance.
pub fn fit(
    tensors: &BTreeMap<String, Tensor>,
    graph: &Graph,
    head: Head,
    dtype: DType,
) -> Result<Fitted, CheckpointError> {
    let (theirs, unused, mut misfit) = compare(tensors, graph);
    let reinitialised = match head {
        Head::Same => Vec::new(),
        Head::Any => reinitialised(&mut misfit, graph),
    };
    if misfit.count() > 0 {
        return Err(CheckpointError::Misfit(misfit));
    }
    let fitted = (graph.tensors())
        .filter(|(name, _)| !reinitialised.contains(name))
        .map(|(name, described)| {
            let variance = described.role == Role::RunningVariance;
            let made = weights(theirs[&name], variance, dtype);
            let tensor = made.map_err(|what| CheckpointError::Tensor {
                name: name.clone(),
                what,
            })?;
            Ok((name, tensor))
        })
        .collect::<Result<_, CheckpointError>>()?;
    Ok(Fitted {
        tensors: fitted,
        reinitialised,
        unused,
    })
}

/// Takes the class heads that the checkpoint lacks, or has for other classes, out of what differs.
fn reinitialised(misfit: &mut Misfit, graph: &Graph) -> Vec<String> {
    let mut reinitialised = Vec::new();
    for head in heads(graph) {
        let of_head = |name: &str| head.iter().any(|(own, _)| own == name);
        let replaceable = |m: &Mismatch| of_head(&m.name) && m.expected[1..] == m.found[1..];
        let differs = misfit.missing.iter().any(|name| of_head(name))
            || misfit.mismatched.iter().any(replaceable);
        if differs {
            misfit.missing.retain(|name| !of_head(name));
            misfit.mismatched.retain(|m| !replaceable(m));
            reinitialised.extend(head.into_iter().map(|(name, _)| name));
        }
    }
    reinitialised
}

/// What differs between the checkpoint's tensors and the network's: under the network's names those that are missing or of another
/// shape, under their own those that are not expected; and those for which it has no use, as [`fit`] has them.
pub fn misfit(tensors: &BTreeMap<String, Tensor>, graph: &Graph) -> (Misfit, Vec<String>) {
    let (_, unused, misfit) = compare(tensors, graph);
    (misfit, unused)
}

/// How many tensors agree with the network, and how many differ.
pub(super) fn agreement(
    tensors: &BTreeMap<String, Tensor>,
    graph: &Graph,
    head: Head,
) -> (usize, usize) {
    let (theirs, _, mut misfit) = compare(tensors, graph);
    let agree = theirs.len() - misfit.mismatched.len();
    if head == Head::Any {
        reinitialised(&mut misfit, graph);
    }
    (agree, misfit.count())
}

/// What stands in front of the network's names in the checkpoint; empty if nothing does.
pub fn prefix(tensors: &BTreeMap<String, Tensor>, graph: &Graph) -> String {
    let ours: BTreeMap<String, Vec<usize>> = named_dims(graph).collect();
    Names::of(tensors, &|name| ours.contains_key(name)).prefix
}

/// How many tensors differ between the checkpoint and each registered model, the nearest first; none for a
/// checkpoint of more tensors than any network has.
pub fn best_fit<'m>(
    tensors: &BTreeMap<String, Tensor>,
    registry: &'m Registry,
) -> Vec<(&'m str, usize)> {
    const MOST: usize = 10_000;
    if tensors.len() > MOST {
        return Vec::new();
    }
    let differ = |model: &'m Model| {
        let (_, _, misfit) = compare(tensors, &model.graph().ok()?);
        Some((model.name.as_str(), misfit.count()))
    };
    let mut counts: Vec<(&str, usize)> = registry.models().filter_map(differ).collect();
    counts.sort_by_key(|&(_, count)| count); // stable: the registry's order among equals
    counts
}

/// The checkpoint's tensors under the network's names, those without use, and what differs.
fn compare<'t>(
    tensors: &'t BTreeMap<String, Tensor>,
    graph: &Graph,
) -> (BTreeMap<String, &'t Tensor>, Vec<String>, Misfit) {
    let ours: BTreeMap<String, Vec<usize>> = named_dims(graph).collect();
    let has = |scope: &str| graph.modules().find(Modules::ROOT, scope).is_some();
    let beside = |name: &str| auxiliary(name).is_some_and(|scope| !has(scope));
    let names = Names::of(tensors, &|name| ours.contains_key(name));
    let (mut theirs, mut unused, mut unexpected) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (full, tensor) in tensors {
        match names.ours(full) {
            Some(name) if ours.contains_key(&name) && !theirs.contains_key(&name) => {
                theirs.insert(name, tensor);
            }
            name if counter(full, tensor) || name.as_deref().is_some_and(beside) => {
                unused.push(full.clone());
            }
            _ => unexpected.push(full.clone()),
        }
    }
    let found = theirs.iter().map(|(name, tensor)| (name.as_str(), *tensor));
    let mut misfit = Misfit::between(ours, &found.collect());
    misfit.unexpected = unexpected;
    (theirs, unused, misfit)
}

/// The tensors of each layer that gives classes: the last with weights before an output.
fn heads(graph: &Graph) -> Vec<Vec<(String, Vec<usize>)>> {
    (graph.outputs().iter())
        .filter_map(|output| {
            let mut node = &graph.nodes()[output.node];
            loop {
                let tensors = graph.facts(node).tensors;
                match node.inputs[..] {
                    _ if tensors.iter().any(|tensor| tensor.role == Role::Weight) => break,
                    [input] if tensors.is_empty() => node = &graph.nodes()[input],
                    _ => return None,
                }
            }
            let tensors = graph.tensors_of(node).into_iter();
            Some(
                tensors
                    .map(|t| (format!("{}.{}", node.path, t.name), t.dims.to_vec()))
                    .collect(),
            )
        })
        .collect()
}

/// A stored tensor as weights: in that type of number, every one finite; a variance is not negative.
fn weights(tensor: &Tensor, variance: bool, dtype: DType) -> Result<Tensor, String> {
    if !tensor.dtype().is_float() {
        return Err(format!(
            "has whole numbers ({:?}), not weights",
            tensor.dtype()
        ));
    }
    let tensor = (tensor.to_dtype(dtype))
        .and_then(|tensor| tensor.contiguous())
        .map_err(|e| e.to_string())?;
    let strange = match dtype {
        DType::F64 => strange::<f64>(&tensor, variance),
        _ => strange::<f32>(&tensor, variance),
    };
    match strange.map_err(|e| e.to_string())? {
        None => Ok(tensor),
        Some((i, number, finite)) => Err(format!(
            "has {number} as number {i} of {}; {}",
            tensor.elem_count(),
            match finite {
                true => "a variance is not negative",
                false => "weights are finite",
            }
        )),
    }
}

/// The first number that is not finite, or negative where it must not be: where it is, itself, and whether it
/// is finite.
fn strange<T: ops::Real>(
    tensor: &Tensor,
    variance: bool,
) -> candle_core::Result<Option<(usize, String, bool)>> {
    let numbers = ops::view::<T>(tensor)?;
    let strange = (numbers.iter().enumerate())
        .find(|(_, number)| !number.is_finite() || variance && **number < T::zero());
    Ok(strange.map(|(i, number)| (i, number.to_string(), number.is_finite())))
}

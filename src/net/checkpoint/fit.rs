//! Are these the weights of that network?

use super::super::{Misfit, Mismatch, named_dims};
use super::CheckpointError;
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
    /// Tensors of the checkpoint for which the network has no use: counters of batches, and the
    /// auxiliary heads of training where the network has none.
    pub unused: Vec<String>,
}

/// A checkpoint's tensors as the network's weights, converted to that type of number.
///
/// Names and shapes must be the network's. A prefix `module.` that all names share is dropped, and so
/// are counters of batches and, where the network has none, auxiliary heads; the names that torchvision
/// once gave to the layers of DenseNet are translated.
///
/// # Errors
/// [`CheckpointError::Misfit`] lists what differs, [`CheckpointError::Tensor`] names a tensor that
/// holds a NaN, an infinity or whole numbers.
pub fn fit(
    tensors: &BTreeMap<String, Tensor>,
    graph: &Graph,
    head: Head,
    dtype: DType,
) -> Result<Fitted, CheckpointError> {
    let (theirs, unused, mut misfit) = compare(tensors, graph);
    let mut reinitialised = Vec::new();
    if head == Head::Any {
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
    }
    if misfit.count() > 0 {
        return Err(CheckpointError::Misfit(misfit));
    }
    let fitted = (graph.tensors())
        .filter(|(name, _)| !reinitialised.contains(name))
        .map(|(name, _)| {
            let tensor = weights(theirs[&name], dtype).map_err(|what| CheckpointError::Tensor {
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

/// How many tensors differ between the checkpoint and each registered model, the nearest first.
pub fn best_fit<'m>(
    tensors: &BTreeMap<String, Tensor>,
    registry: &'m Registry,
) -> Vec<(&'m str, usize)> {
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
    let (mut theirs, mut unused, mut unexpected) = (BTreeMap::new(), Vec::new(), Vec::new());
    let parallel = tensors.keys().all(|name| name.starts_with("module."));
    for (full, tensor) in tensors {
        let name = match full.strip_prefix("module.") {
            Some(rest) if parallel => rest,
            _ => full,
        };
        let name = current(name);
        let auxiliary = AUXILIARY
            .iter()
            .any(|&scope| below(&name, scope) && !has(scope));
        if auxiliary || name.rsplit('.').next() == Some("num_batches_tracked") {
            unused.push(full.clone());
        } else if !ours.contains_key(&name) || theirs.contains_key(&name) {
            unexpected.push(full.clone());
        } else {
            theirs.insert(name, tensor);
        }
    }
    let found = theirs.iter().map(|(name, tensor)| (name.as_str(), *tensor));
    let mut misfit = Misfit::between(ours, &found.collect());
    misfit.unexpected = unexpected;
    (theirs, unused, misfit)
}

/// The scopes of auxiliary heads in torchvision's and timm's GoogLeNet and Inception-v3. Evaluation
/// does not run them, and no other published network has scopes of these names.
const AUXILIARY: [&str; 3] = ["aux1", "aux2", "AuxLogits"];

/// Whether a checkpoint's name begins with that of a scope.
fn below(name: &str, scope: &str) -> bool {
    (name.strip_prefix(scope)).is_some_and(|rest| rest.starts_with('.'))
}

/// The name that torchvision has for a tensor now: in DenseNet, `denselayer1.norm.1.weight` is
/// `denselayer1.norm1.weight` since dots in names of modules are not allowed.
fn current(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    if let [
        before @ ..,
        layer,
        kind @ ("norm" | "conv"),
        number @ ("1" | "2"),
        tensor,
    ] = &parts[..]
        && layer.starts_with("denselayer")
    {
        let before: String = before.iter().map(|part| format!("{part}.")).collect();
        return format!("{before}{layer}.{kind}{number}.{tensor}");
    }
    name.to_string()
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

/// A stored tensor as weights: in that type of number, every one finite.
fn weights(tensor: &Tensor, dtype: DType) -> Result<Tensor, String> {
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
        DType::F64 => strange::<f64>(&tensor),
        _ => strange::<f32>(&tensor),
    };
    match strange.map_err(|e| e.to_string())? {
        None => Ok(tensor),
        Some((i, number)) => Err(format!(
            "has {number} as number {i} of {}; weights are finite",
            tensor.elem_count()
        )),
    }
}

/// The first number that is not finite, and where it is.
fn strange<T: ops::Real>(tensor: &Tensor) -> candle_core::Result<Option<(usize, String)>> {
    let numbers = ops::view::<T>(tensor)?;
    let strange = (numbers.iter().enumerate()).find(|(_, number)| !number.is_finite());
    Ok(strange.map(|(i, number)| (i, number.to_string())))
}

//! Does the zoo agree with an independent description of the same networks?
//!
//! Reads a folder with `models.json` (totals), `layers/<model>.json` (what a forward pass executes)
//! and `keys/<model>.json` (the `state_dict`), as exported from PyTorch, torchvision and timm, and
//! lists every disagreement with our graphs.

use crate::analysis::{MACS, PARAMS, TRAINABLE};
use crate::graph::{Graph, Node, Op, TensorKind};
use crate::zoo::{self, Model};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How one model compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Our registry name.
    pub model: &'static str,
    /// What differs, a line each: ours, then the reference's.
    pub disagreements: Vec<String>,
    /// Which parts the reference does not have.
    pub missing: Vec<&'static str>,
}

/// Why a reference cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The file cannot be read.
    #[error("{}: {error}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {error}", .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column and what was expected.
        error: serde_json::Error,
    },
    /// Our own description does not fit together.
    #[error(transparent)]
    Zoo(#[from] zoo::ZooError),
    /// A count that does not fit.
    #[error(transparent)]
    Overflow(#[from] crate::analysis::Overflow),
}

#[derive(Deserialize)]
struct Record {
    source: String,
    input_shape: Vec<usize>,
    output_shape: Vec<usize>,
    total_params: u64,
    trainable_params: u64,
    buffers_tensors: u64,
    buffers_elements: u64,
    state_dict_tensors: u64,
    macs: u64,
    activation_elements_conv_linear: u64,
}

#[derive(Deserialize)]
struct Layers {
    executed: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    output: serde_json::Value,
    kernel: Option<serde_json::Value>,
    stride: Option<serde_json::Value>,
    padding: Option<serde_json::Value>,
    groups: Option<usize>,
    params: Option<u64>,
    macs: Option<u64>,
}

#[derive(Deserialize)]
struct Key {
    key: String,
    shape: Vec<usize>,
}

/// Compares every registered model that the folder knows, in registry order.
///
/// # Errors
/// [`ReferenceError`] when a file of the folder is missing its meaning, or a graph does not build.
pub fn compare(folder: &Path) -> Result<Vec<Comparison>, ReferenceError> {
    let records: BTreeMap<String, Record> = read(&folder.join("models.json"))?;
    let by_name: BTreeMap<String, (&str, &Record)> = records
        .iter()
        .map(|(name, record)| (registry_name(name), (name.as_str(), record)))
        .collect();
    zoo::models()
        .filter_map(|model| {
            by_name
                .get(model.name)
                .map(|&(name, record)| (model, name, record))
        })
        .map(|(model, name, record)| compare_one(folder, model, name, record))
        .collect()
}

/// The registry's name for a reference's: lower case, `_` for `-`.
fn registry_name(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

fn compare_one(
    folder: &Path,
    model: &Model,
    name: &str,
    record: &Record,
) -> Result<Comparison, ReferenceError> {
    let graph = model.graph()?;
    let mut comparison = Comparison {
        model: model.name,
        disagreements: Vec::new(),
        missing: Vec::new(),
    };
    totals(&graph, record, &mut comparison.disagreements)?;
    let layers = folder.join("layers").join(format!("{name}.json"));
    if layers.exists() {
        sequence(
            &graph,
            &read::<Layers>(&layers)?,
            &mut comparison.disagreements,
        )?;
    } else {
        comparison.missing.push("layers");
    }
    let keys = folder.join("keys").join(format!("{name}.json"));
    if !keys.exists() {
        comparison.missing.push("keys");
    } else if record.source.starts_with("own") {
        // another author's names are no evidence; the totals above are
        comparison.missing.push("names of a public library");
    } else {
        state_dict(
            &graph,
            &read::<Vec<Key>>(&keys)?,
            &mut comparison.disagreements,
        );
    }
    Ok(comparison)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ReferenceError> {
    let text = std::fs::read_to_string(path).map_err(|error| ReferenceError::Read {
        path: path.to_path_buf(),
        error,
    })?;
    serde_json::from_str(&text).map_err(|error| ReferenceError::Parse {
        path: path.to_path_buf(),
        error,
    })
}

fn differ<T: PartialEq + std::fmt::Debug>(found: &mut Vec<String>, what: &str, ours: T, theirs: T) {
    if ours != theirs {
        found.push(format!(
            "{what}: {ours:?} here, {theirs:?} in the reference"
        ));
    }
}

fn totals(graph: &Graph, record: &Record, found: &mut Vec<String>) -> Result<(), ReferenceError> {
    let norms = graph
        .nodes()
        .iter()
        .filter(|node| matches!(node.op, Op::BatchNorm { .. }))
        .count() as u64;
    let tensors = graph.tensors().count() as u64;
    let (mut buffers, mut buffer_elements) = (0, 0);
    for (_, tensor) in graph
        .tensors()
        .filter(|(_, t)| t.kind == TensorKind::Buffer)
    {
        buffers += 1;
        buffer_elements += tensor.elements().unwrap_or(u64::MAX);
    }
    let activations = graph
        .nodes()
        .iter()
        .zip(graph.live())
        .filter(|(node, live)| *live && matches!(node.op, Op::Conv { .. } | Op::Linear { .. }))
        .filter_map(|(node, _)| node.shape.elements())
        .sum();
    differ(
        found,
        "input",
        graph.input().dims(),
        sample(&record.input_shape),
    );
    differ(
        found,
        "output",
        graph.prediction().shape.dims(),
        sample(&record.output_shape),
    );
    differ(found, "params", PARAMS.total(graph)?, record.total_params);
    differ(
        found,
        "trainable",
        TRAINABLE.total(graph)?,
        record.trainable_params,
    );
    differ(found, "macs", MACS.total(graph)?, record.macs);
    // the reference counts one `num_batches_tracked` for each batch normalisation
    differ(found, "buffers", buffers + norms, record.buffers_tensors);
    differ(
        found,
        "buffer elements",
        buffer_elements + norms,
        record.buffers_elements,
    );
    if !record.source.starts_with("own") {
        differ(
            found,
            "state_dict tensors",
            tensors + norms,
            record.state_dict_tensors,
        );
    }
    differ(
        found,
        "activations of conv and linear layers",
        activations,
        record.activation_elements_conv_linear,
    );
    Ok(())
}

/// Dimensions behind the batch.
fn sample(shape: &[usize]) -> Vec<usize> {
    shape.iter().skip(1).copied().collect()
}

/// What both sides say of a layer, in words that can be compared.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    kind: &'static str,
    output: Vec<usize>,
    params: u64,
    /// Of layers where both sides have it.
    detail: Option<Detail>,
}

#[derive(Debug, Clone, PartialEq)]
struct Detail {
    macs: u64,
    kernel: Vec<usize>,
    stride: Vec<usize>,
    pad: Vec<usize>,
    groups: usize,
}

fn sequence(graph: &Graph, layers: &Layers, found: &mut Vec<String>) -> Result<(), ReferenceError> {
    let (ours, theirs) = (our_steps(graph)?, their_steps(layers));
    differ(
        found,
        "conv, linear, norm and pool layers",
        ours.len(),
        theirs.len(),
    );
    for ((path, a), (name, b)) in ours.iter().zip(&theirs) {
        let mut a = a.clone();
        if b.detail.is_none() {
            a.detail = None;
        }
        if a != *b {
            found.push(format!(
                "{path} is {a:?} here, {name} is {b:?} in the reference"
            ));
        }
    }
    Ok(())
}

fn our_steps(graph: &Graph) -> Result<Vec<(String, Step)>, ReferenceError> {
    let mut steps = Vec::new();
    for (node, _) in graph
        .nodes()
        .iter()
        .zip(graph.live())
        .filter(|(_, live)| *live)
    {
        let kind = match &node.op {
            Op::Conv { .. } => "conv",
            Op::Linear { .. } => "linear",
            Op::BatchNorm { .. } | Op::Lrn { .. } => "norm",
            Op::MaxPool { .. }
            | Op::AvgPool { .. }
            | Op::AdaptiveAvgPool { .. }
            | Op::Subsample { .. } => "pool",
            _ => continue,
        };
        steps.push((
            node.path.clone(),
            Step {
                kind,
                output: node.shape.dims(),
                params: PARAMS.of(graph, node)?,
                detail: our_detail(graph, node)?,
            },
        ));
    }
    Ok(steps)
}

/// Of a convolution that PyTorch's own could be: no table, the same padding on both sides.
fn our_detail(graph: &Graph, node: &Node) -> Result<Option<Detail>, ReferenceError> {
    let Op::Conv {
        window,
        groups,
        table: None,
        ..
    } = &node.op
    else {
        return Ok(None);
    };
    let extent = graph.input_of(node).extent();
    let pads = [0, 1].map(|axis| {
        let along = window.axis(axis, extent[axis]).ok()?;
        (along.before == along.after).then_some(along.before)
    });
    let [Some(h), Some(w)] = pads else {
        return Ok(None);
    };
    Ok(Some(Detail {
        macs: MACS.of(graph, node)?,
        kernel: window.kernel.to_vec(),
        stride: window.stride.to_vec(),
        pad: vec![h, w],
        groups: *groups,
    }))
}

fn their_steps(layers: &Layers) -> Vec<(String, Step)> {
    let list = |value: &Option<serde_json::Value>| value.as_ref().map(sizes).unwrap_or_default();
    layers
        .executed
        .iter()
        .filter_map(|layer| {
            let detail = (layer.kind == "Conv2d").then(|| Detail {
                macs: layer.macs.unwrap_or(0),
                kernel: list(&layer.kernel),
                stride: list(&layer.stride),
                pad: list(&layer.padding),
                groups: layer.groups.unwrap_or(1),
            });
            let step = Step {
                kind: kind(&layer.kind)?,
                output: sample(&sizes(&layer.output)),
                params: layer.params.unwrap_or(0),
                detail,
            };
            Some((
                layer.name.clone().unwrap_or_else(|| layer.kind.clone()),
                step,
            ))
        })
        .collect()
}

/// The kind of a PyTorch module or function that takes part in the comparison.
fn kind(name: &str) -> Option<&'static str> {
    match name {
        _ if name.contains("Conv2d") => Some("conv"),
        "Linear" => Some("linear"),
        _ if name.contains("Norm") || name.ends_with("LRN") => Some("norm"),
        _ if name.contains("Pool") || name.contains("_pool") || name == "Subsample" => Some("pool"),
        _ => None,
    }
}

/// A number or a list of numbers, as a list.
fn sizes(value: &serde_json::Value) -> Vec<usize> {
    let number = |v: &serde_json::Value| v.as_u64().and_then(|n| usize::try_from(n).ok());
    match value {
        serde_json::Value::Array(values) => values.iter().filter_map(number).collect(),
        value => number(value).into_iter().collect(),
    }
}

fn state_dict(graph: &Graph, keys: &[Key], found: &mut Vec<String>) {
    let theirs: Vec<(&str, &[usize])> = keys
        .iter()
        .filter(|key| !key.key.ends_with("num_batches_tracked"))
        .map(|key| (key.key.as_str(), key.shape.as_slice()))
        .collect();
    let ours: Vec<_> = graph.tensors().collect();
    differ(found, "named tensors", ours.len(), theirs.len());
    for ((name, tensor), theirs) in ours.iter().zip(&theirs) {
        differ(
            found,
            "state_dict",
            (name.as_str(), tensor.dims.as_slice()),
            *theirs,
        );
    }
}

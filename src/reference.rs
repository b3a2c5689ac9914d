//! Does the zoo agree with an independent description of the same networks?
//!
//! Reads a folder with `models.json` (totals), `layers/<model>.json` (what a forward pass executes)
//! and `keys/<model>.json` (the `state_dict`), as exported from PyTorch, torchvision and timm, and
//! lists every disagreement with our graphs.

mod sequence;

use crate::analysis::{MACS, PARAMS, TRAINABLE};
use crate::graph::{Graph, Reference, Role, TensorKind};
use crate::zoo::{Model, Registry, ZooError};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How one model compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Our registry name.
    pub model: String,
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
    Zoo(#[from] ZooError),
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
struct Key {
    key: String,
    shape: Vec<usize>,
}

/// Compares every registered model that the folder knows, in registry order.
///
/// # Errors
/// [`ReferenceError`] when a file of the folder is missing its meaning, or a graph does not build.
pub fn compare(folder: &Path, registry: &Registry) -> Result<Vec<Comparison>, ReferenceError> {
    let records: BTreeMap<String, Record> = read(&folder.join("models.json"))?;
    let by_name: BTreeMap<String, (&str, &Record)> = records
        .iter()
        .map(|(name, record)| (registry_name(name), (name.as_str(), record)))
        .collect();
    registry
        .models()
        .filter_map(|model| {
            by_name
                .get(&model.name)
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
        model: model.name.clone(),
        disagreements: Vec::new(),
        missing: Vec::new(),
    };
    totals(&graph, record, &mut comparison.disagreements)?;
    let layers = folder.join("layers").join(format!("{name}.json"));
    // where nobody can tell, reading it says why
    if matches!(layers.try_exists(), Ok(false)) {
        comparison.missing.push("layers");
    } else {
        sequence::compare(
            &graph,
            &read::<sequence::Layers>(&layers)?,
            &mut comparison.disagreements,
        )?;
    }
    let keys = folder.join("keys").join(format!("{name}.json"));
    if matches!(keys.try_exists(), Ok(false)) {
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
    // the reference counts one `num_batches_tracked` for each layer with running statistics
    let norms = graph
        .tensors()
        .filter(|(_, tensor)| tensor.role == Role::RunningMean)
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
        .filter(|(node, live)| {
            *live
                && matches!(
                    node.op.kind().reference,
                    Some(Reference::Conv | Reference::Linear)
                )
        })
        .filter_map(|(node, _)| node.shape.elements())
        .sum();
    differ(
        found,
        "input",
        graph.input().dims().to_vec(),
        sample(&record.input_shape),
    );
    differ(
        found,
        "output",
        graph.prediction().shape.dims().to_vec(),
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

fn state_dict(graph: &Graph, keys: &[Key], found: &mut Vec<String>) {
    let theirs: Vec<(&str, &[usize])> = keys
        .iter()
        .filter(|key| !key.key.ends_with("num_batches_tracked"))
        .map(|key| (key.key.as_str(), key.shape.as_slice()))
        .collect();
    let ours: Vec<_> = graph.tensors().collect();
    differ(found, "named tensors", ours.len(), theirs.len());
    for ((name, tensor), theirs) in ours.iter().zip(&theirs) {
        differ(found, "state_dict", (name.as_str(), &*tensor.dims), *theirs);
    }
}

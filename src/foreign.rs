//! Networks of files that others wrote: what is in them, as a [`Graph`].
//!
//! A file states the shape of each value, and a [`Graph`] works it out: an operator counts as understood if both agree. Any
//! other is [opaque](crate::graph::Opaque): it is counted, drawn and compared, and not run. A file comes from a stranger:
//! nothing in it runs, and no length is believed that its bytes do not bear out.

mod assembly;
mod onnx;
mod patterns;
mod pt2;
mod stock;
mod toml;

pub use toml::{schema, written};

use crate::few::few;
use crate::graph::{Graph, Op};
use crate::visible::line;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A network that a file describes.
#[derive(Debug, Clone)]
pub struct Foreign {
    /// Its layers, under the names of the modules that it was made of.
    pub graph: Graph,
    /// Who wrote the file, as far as it says.
    pub source: String,
    /// What there is to say of it, a line each.
    pub remarks: Vec<String>,
    /// Why the parameters in the file are not those of the network, if they may not be.
    pub count_refused: Option<String>,
}

/// A tensor of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    /// Of which type its numbers are.
    pub number: Number,
    /// Its dimensions.
    pub dims: Vec<usize>,
    /// Its numbers, little-endian, the last axis fastest.
    pub bytes: Vec<u8>,
}

/// A type of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// Half precision.
    F16,
    /// Its form with the exponent of f32.
    Bf16,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// Whole numbers.
    I64,
}

/// Why a file is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {what}", .path.display())]
pub struct ForeignError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// Whether a text names a file of a network.
pub fn is_file(name: &str) -> bool {
    Format::of(Path::new(name)).is_some()
}

/// A network as the bytes of a file.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The file.
    pub bytes: Vec<u8>,
    /// What is in the file otherwise than in the network, a line each.
    pub remarks: Vec<String>,
}

/// A network with those weights, in single precision by key, as a file of ONNX that computes what the network predicts.
///
/// # Errors
/// The first layer that ONNX has no operator for, or a tensor that is missing, by its path.
pub fn onnx(graph: &Graph, weights: &BTreeMap<String, Numbers>) -> Result<Exported, String> {
    onnx::written(graph, weights)
}

/// The same as a file that `torch.export.load` reads, of PyTorch 2.9 and later.
///
/// # Errors
/// The first layer that PyTorch has no operator for, or a tensor that is missing, by its path.
pub fn pt2(graph: &Graph, weights: &BTreeMap<String, Numbers>) -> Result<Exported, String> {
    pt2::written(graph, weights)
}

/// By its extension, what a file is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Pt2,
    Onnx,
    Toml,
}

impl Format {
    fn of(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "pt2" => Some(Format::Pt2),
            "onnx" => Some(Format::Onnx),
            "toml" => Some(Format::Toml),
            _ => None,
        }
    }
}

/// Reads a network's structure, not its weights.
///
/// # Errors
/// [`ForeignError`] says what is wrong with the file.
pub fn read(path: &Path) -> Result<Foreign, ForeignError> {
    let read = match Format::of(path) {
        Some(Format::Onnx) => onnx::read(path),
        Some(Format::Toml) => toml::read(path),
        Some(Format::Pt2) | None => pt2::read(path),
    };
    read.map_err(|what| ForeignError {
        path: path.to_path_buf(),
        // a stranger's names stand in it
        what: line(&what).into_owned(),
    })
}

/// The tensors of a file by key, weights and constants, as they are stored.
///
/// # Errors
/// What is wrong with the file, in a line.
pub fn weights(path: &Path) -> Result<BTreeMap<String, Numbers>, String> {
    match Format::of(path) {
        Some(Format::Onnx) => onnx::weights(path),
        _ => pt2::weights::weights(path),
    }
    .map_err(|what| line(&what).into_owned())
}

/// Whether a file is a network: one of `torch.export.save` whatever its name, or one of ONNX by its name.
pub fn recognises(path: &Path) -> bool {
    Format::of(path) == Some(Format::Onnx) || pt2::recognises(path)
}

/// The operators that are not known, with how often they stand there, in a line; none if all are.
fn opaque(graph: &Graph) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for node in graph.nodes() {
        if let Op::Opaque(opaque) = &node.op {
            *counts.entry(&opaque.operator).or_default() += 1;
        }
    }
    if counts.is_empty() {
        return None;
    }
    let named = counts
        .iter()
        .map(|(operator, count)| format!("{operator} ({count})"));
    let named: Vec<String> = named.collect();
    Some(format!(
        "operators that are not known: {}; their layers are counted by the shapes that the file states (of multiply-accumulates only those of convolutions and matrix products) and cannot run",
        few(&named, 8)
    ))
}

//! Files of ONNX, opset 9 and later.
//!
//! They name operators and tensors, and mostly no shapes: those follow from the input's, node by node.

mod arrays;
mod before;
mod constant;
mod fold;
mod functions;
mod infer;
mod initialisers;
mod names;
mod network;
mod node;
mod reading;
mod rewrite;
mod source;
mod tensors;
#[cfg(test)]
mod tests;
mod values;
mod walk;
mod wire;
mod write;

pub(super) use write::written;

use super::Foreign;
use super::Numbers;
use crate::visible::line;
use node::Node;
use rten_onnx::onnx::{GraphProto, ModelProto};
use rten_onnx::protobuf::DecodeMessage;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use tensors::Store;

/// The oldest operator set that is read, of 2019.
const OLDEST: i64 = 9;

/// A file's graph.
struct Model {
    graph: GraphProto,
    nodes: Vec<Node>,
    opset: i64,
    /// Who wrote it.
    source: String,
    store: Store,
}

/// Reads a network's structure.
///
/// # Errors
/// What is wrong, in a line.
pub(super) fn read(path: &Path) -> Result<Foreign, String> {
    let model = Model::open(path)?;
    let read = walk::read(&model.graph, &model.nodes, &model.store, model.opset)?;
    Ok(Foreign {
        source: model.source.clone(),
        ..read.foreign
    })
}

/// The tensors of a file by key, as the network has them.
///
/// # Errors
/// What is wrong with the file, in a line.
pub(super) fn weights(path: &Path) -> Result<BTreeMap<String, Numbers>, String> {
    let model = Model::open(path)?;
    let read = walk::read(&model.graph, &model.nodes, &model.store, model.opset)?;
    // constants that settings were read from are no layer's
    let used: BTreeSet<String> = read.foreign.graph.tensors().map(|(key, _)| key).collect();
    let sources = read
        .sources
        .into_iter()
        .filter(|(key, _)| used.contains(key));
    let tensors = sources.map(|(key, source)| {
        let tensor = (model.store).weight(source.tensor, &source.dims, source.transposed);
        let tensor = tensor.map_err(|what| format!("its tensor `{}`: {what}", line(&key)))?;
        Ok((key, tensor))
    });
    tensors.collect()
}

impl Model {
    fn open(path: &Path) -> Result<Model, String> {
        let cannot = |error: std::io::Error| format!("cannot read it: {error}");
        let file = File::open(path).map_err(cannot)?;
        if !file.metadata().map_err(cannot)?.is_file() {
            return Err("is no file".into());
        }
        let mut bounded = wire::Bounded::new(file).map_err(cannot)?;
        bounded.check()?;
        let model = ModelProto::decode(bounded).map_err(|error| {
            format!("is no ONNX file, or damaged: {}", line(&error.to_string()))
        })?;
        let opset = (model.opset_import.iter())
            .find(|set| matches!(set.domain.as_deref(), None | Some("" | "ai.onnx")))
            .and_then(|set| set.version);
        let opset = opset.ok_or("does not say which version of ONNX's operators it means")?;
        if opset < OLDEST {
            return Err(format!(
                "is written in version {opset} of ONNX's operators; {OLDEST} and later are read: `onnx.version_converter` writes it anew"
            ));
        }
        let mut graph = model.graph.ok_or("has no graph, as an ONNX file has")?;
        let nodes = std::mem::take(&mut graph.node)
            .into_iter()
            .map(Node::new)
            .collect();
        let producer = [model.producer_name, model.producer_version].map(Option::unwrap_or_default);
        let producer = producer.join(" ");
        let source = match producer.trim() {
            "" => format!("ONNX, opset {opset}"),
            producer => format!("ONNX, opset {opset}, of {}", line(producer)),
        };
        let store = Store {
            path: path.to_path_buf(),
        };
        Ok(Model {
            nodes: rewrite::rewritten(nodes, &graph, &store),
            graph,
            opset,
            source,
            store,
        })
    }
}

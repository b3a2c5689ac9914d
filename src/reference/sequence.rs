//! Do both sides execute the same convolutions, linear layers, norms and pools in the same order?

use super::{differ, sample};
use crate::analysis::{MACS, Overflow, PARAMS};
use crate::graph::{Conv, Graph, Node, Op, Reference};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Layers {
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
    args: Option<serde_json::Value>,
}

/// What both sides say of a layer, in words that can be compared.
#[derive(Debug, Clone, PartialEq)]
struct Compared {
    kind: Reference,
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

/// Adds what differs between our layers and theirs.
pub(super) fn compare(
    graph: &Graph,
    layers: &Layers,
    found: &mut Vec<String>,
) -> Result<(), Overflow> {
    let (ours, theirs) = (our_layers(graph)?, their_layers(layers));
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

fn our_layers(graph: &Graph) -> Result<Vec<(String, Compared)>, Overflow> {
    let mut layers = Vec::new();
    for (node, _) in graph
        .nodes()
        .iter()
        .zip(graph.live())
        .filter(|(_, live)| *live)
    {
        let Some(kind) = node.op.kind().reference else {
            continue;
        };
        layers.push((
            node.path.clone(),
            Compared {
                kind,
                output: node.shape.dims().to_vec(),
                params: PARAMS.of(graph, node)?,
                detail: our_detail(graph, node)?,
            },
        ));
    }
    Ok(layers)
}

/// Of a convolution that PyTorch's own could be: no table, the same padding on both sides.
fn our_detail(graph: &Graph, node: &Node) -> Result<Option<Detail>, Overflow> {
    let Op::Conv(Conv {
        window,
        groups,
        table: None,
        ..
    }) = &node.op
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

fn their_layers(layers: &Layers) -> Vec<(String, Compared)> {
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
            let compared = Compared {
                kind: kind(layer)?,
                output: sample(&sizes(&layer.output)),
                params: layer.params.unwrap_or(0),
                detail,
            };
            Some((
                layer.name.clone().unwrap_or_else(|| layer.kind.clone()),
                compared,
            ))
        })
        .collect()
}

/// The kind of a PyTorch module or function that takes part in the comparison.
fn kind(layer: &Layer) -> Option<Reference> {
    match layer.kind.as_str() {
        name if name.contains("Conv2d") => Some(Reference::Conv),
        "Linear" => Some(Reference::Linear),
        name if name.contains("Norm") || name.ends_with("LRN") => Some(Reference::Norm),
        name if name.contains("Pool") || name.contains("_pool") => Some(Reference::Pool),
        "Subsample" => Some(Reference::Pool),
        // over rows and columns, not over values that are joined
        "F.mean" => (layer.args == Some(serde_json::json!([[2, 3]]))).then_some(Reference::Pool),
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

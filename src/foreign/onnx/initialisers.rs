//! The tensors that a file has: which of them are parameters, which statistics, and which say how to compute.

use super::names::is_key;
use super::network::Network;
use super::node::Node;
use super::source::Source;
use super::tensors::is_float;
use crate::few::few;
use crate::graph::TensorKind;
use crate::visible::line;
use rten_onnx::onnx::{GraphProto, TensorProto};
use std::collections::{BTreeMap, BTreeSet};

/// What nodes do with a tensor.
#[derive(Default, Clone, Copy)]
struct Use {
    /// A running statistic.
    statistic: bool,
    /// It says how to compute.
    setting: bool,
    /// The second matrix of a product, `[in, out]`.
    turned: bool,
    /// A factor for each channel of a parametric ReLU.
    slope: bool,
    /// Anything else.
    other: bool,
}

/// Registers all tensors of a graph; aliases that have a key of their own are tensors of their own, which an exporter found
/// equal.
pub(super) fn register<'a>(network: &mut Network<'a>, graph: &'a GraphProto) -> Result<(), String> {
    let mut tensors: BTreeMap<&str, &TensorProto> = BTreeMap::new();
    for tensor in &graph.initializer {
        let name = tensor.name.as_deref().unwrap_or_default();
        if name.is_empty() || tensors.insert(name, tensor).is_some() {
            return Err(format!(
                "has two tensors, or one without a name, at `{}`",
                line(name)
            ));
        }
    }
    let mut aliases: BTreeMap<&str, &str> = BTreeMap::new();
    let mut own: Vec<(&str, &TensorProto)> = Vec::new();
    for (i, node) in network.nodes.iter().enumerate() {
        let (Some(of), Some(name)) = (node.input(0), node.output(0)) else {
            continue;
        };
        if node.op != "Identity" {
            continue;
        }
        let root = aliases.get(of).copied().unwrap_or(of);
        if let Some(&tensor) = tensors.get(root) {
            aliases.insert(name, root);
            if is_key(name) && is_float(tensor) && !tensors.contains_key(name) {
                own.push((name, tensor));
                network.done.insert(i);
            }
        }
    }
    let uses = uses(network.nodes, &aliases, &own);
    let first = graph.initializer.iter();
    let first = first.filter_map(|tensor| Some((tensor.name.as_deref()?, tensor)));
    for (name, tensor) in first.chain(own) {
        let wrong = |what: String| format!("its tensor `{}`: {what}", line(name));
        let used = uses.get(name).copied().unwrap_or_default();
        let mut source = Source::of(tensor).map_err(wrong)?;
        let units: usize = source.dims.iter().product();
        let only = |one: bool| one && !used.other && !used.statistic;
        if !is_float(tensor)
            || only(used.setting)
            || (units == 1 && !is_key(name) && !only(used.slope))
        {
            network.constant(name, tensor)?;
            continue;
        }
        if only(used.turned) && !used.slope && source.dims.len() == 2 {
            source.dims.reverse();
            source.transposed = true;
        }
        if let ([c, rest @ ..], true) = (&source.dims[..], only(used.slope))
            && rest.iter().all(|&size| size == 1)
        {
            source.dims = vec![*c];
        }
        let kind = match used.statistic && !used.other {
            true => TensorKind::Buffer,
            false => TensorKind::Trainable,
        };
        network.keep(name, name, kind, source);
    }
    Ok(())
}

/// What nodes do with each tensor, under the name that it has there.
fn uses<'a>(
    nodes: &'a [Node],
    aliases: &BTreeMap<&'a str, &'a str>,
    own: &[(&'a str, &TensorProto)],
) -> BTreeMap<&'a str, Use> {
    let own: BTreeSet<&str> = own.iter().map(|(name, _)| *name).collect();
    let mut uses: BTreeMap<&str, Use> = BTreeMap::new();
    for node in nodes.iter().filter(|node| node.op != "Identity") {
        for (i, name) in node.inputs.iter().enumerate() {
            let name = name.as_str();
            let root = aliases.get(name).copied().filter(|_| !own.contains(name));
            let used = uses.entry(root.unwrap_or(name)).or_default();
            match (node.op.as_str(), i) {
                ("BatchNormalization", 3 | 4) => used.statistic = true,
                ("MatMul", 1) => used.turned = true,
                ("Gemm", 1) if node.int("transB", 0) == 0 => used.turned = true,
                ("PRelu", 1) => used.slope = true,
                (
                    "Reshape" | "Expand" | "Tile" | "Slice" | "Pad" | "Clip" | "Unsqueeze"
                    | "Squeeze" | "Split" | "Resize" | "Upsample" | "Dropout" | "TopK" | "OneHot",
                    1..,
                ) => used.setting = true,
                (op, 1) if op.starts_with("Reduce") => used.setting = true,
                ("ConstantOfShape" | "Range", _) => used.setting = true,
                _ => used.other = true,
            }
        }
    }
    uses
}

/// Why the parameters in the file are not counted as those of the network, if so, and what there is to say.
pub(super) fn refused(network: &Network) -> (Option<String>, Vec<String>) {
    let mut reasons = Vec::new();
    if network.folded > 0 {
        let (count, layers) = match network.folded {
            1 => ("a".to_string(), "convolution"),
            count => (count.to_string(), "convolutions"),
        };
        reasons.push(format!(
            "its exporter may have folded batch normalisations into {count} {layers} (tensors `onnx::Conv_N` or `weight_bias`)"
        ));
    }
    if !network.merged.is_empty() {
        let keys: Vec<String> = network
            .merged
            .iter()
            .map(|key| format!("`{}`", line(key)))
            .collect();
        reasons.push(format!(
            "equal tensors were stored once ({}), or layers share a part of their tensors",
            few(&keys, 3)
        ));
    }
    if reasons.is_empty() {
        return (None, Vec::new());
    }
    let reason = format!(
        "{}: parameters and buffers in the file are not taken for those of the network; export it with `training=TrainingMode.PRESERVE` and `do_constant_folding=False`, or as a `.pt2` file",
        reasons.join(", and ")
    );
    (Some(reason.clone()), vec![reason])
}

//! From a network to the words of a file.

use super::format::{InputFile, OfFile, StoredFile, prediction};
use super::words::verb;
use crate::graph::{Graph, Module, ModuleId, Node, NodeId};
use serde::Serialize;

/// A network in words that [`read`](crate::foreign::read()) reads back.
///
/// # Errors
/// The layer that cannot be said.
pub fn network(graph: &Graph, source: &str) -> Result<String, String> {
    let mut text = String::new();
    if !source.is_empty() {
        text += &format!("source = {}\n", value(&source)?);
    }
    let inputs = graph.inputs();
    text += &match inputs {
        [one] if one.path == "input" => format!("input = {}\n", value(&one.shape.to_string())?),
        several => {
            let several = several.iter().map(|input| InputFile {
                name: input.path.clone(),
                size: input.shape.to_string(),
            });
            format!("input = {}\n", value(&several.collect::<Vec<_>>())?)
        }
    };
    // how many modules there are once the layers so far stand
    let mut registered = 1;
    let mut layers = String::new();
    for id in 0..graph.nodes().len() {
        let ahead = ahead(graph, id, &mut registered);
        if id >= inputs.len() {
            layers += &layer(graph, id, &ahead)?;
        }
    }
    let all = registered..graph.modules().len();
    let behind: Vec<String> = leaves(graph, all.collect());
    if !behind.is_empty() {
        text += &format!("registers = {}\n", value(&behind)?);
    }
    text += &layers;
    let last = graph.nodes().len() - 1;
    let is_plain =
        |output: &crate::graph::Output| output.node == last && output.name == prediction();
    if !matches!(graph.outputs(), [one] if is_plain(one)) {
        for output in graph.outputs() {
            text += "\n[[output]]\n";
            if output.name != prediction() {
                text += &format!("name = {}\n", value(&output.name)?);
            }
            text += &format!("of = {}\n", value(&graph.nodes()[output.node].path)?);
            if output.auxiliary {
                text += "auxiliary = true\n";
            }
        }
    }
    Ok(text)
}

fn layer(graph: &Graph, id: NodeId, ahead: &[String]) -> Result<String, String> {
    let node: &Node = &graph.nodes()[id];
    let path = |id: NodeId| graph.nodes()[id].path.clone();
    let verb = verb(&node.op).ok_or_else(|| {
        let what = node.op.operator().unwrap_or(node.op.name());
        format!(
            "layer `{}`: {what} cannot be said in TOML: it is counted, and nothing is known of what it computes",
            node.path
        )
    })?;
    let mut text = format!("\n[[layer]]\nname = {}\n", value(&node.path)?);
    let follows = node.inputs == [id - 1] && (id > 1 || graph.inputs().len() == 1);
    let is_join = node.inputs.len() != 1 || super::ops::joins(&node.op);
    if !follows || is_join {
        let of = match &node.inputs[..] {
            [one] => OfFile::One(path(*one)),
            several => OfFile::Many(several.iter().copied().map(path).collect()),
        };
        text += &format!("of = {}\n", value(&of)?);
    }
    if !ahead.is_empty() {
        text += &format!("registers = {}\n", value(&ahead)?);
    }
    // `{ conv = { .. } }` without the outer braces
    let said = value(&verb)?;
    let said = said.trim().trim_start_matches('{').trim_end();
    let said = said.strip_suffix('}').unwrap_or(said).trim();
    text += &format!("{said}\n");
    if let Some(of) = node.weights_of {
        text += &format!("weights_of = {}\n", value(&path(of))?);
    }
    if !node.stored.is_empty() {
        let stored = node.stored.iter().map(|stored| StoredFile {
            key: stored.key.clone(),
            kind: stored.kind,
        });
        text += &format!("stored = {}\n", value(&stored.collect::<Vec<_>>())?);
    }
    Ok(text)
}

/// The modules that are registered before a layer, behind the one before it, and are neither it nor around it.
fn ahead(graph: &Graph, id: NodeId, registered: &mut ModuleId) -> Vec<String> {
    let modules = graph.modules();
    let own = modules.of_layer(id);
    if own < *registered {
        return Vec::new();
    }
    // what naming the layer registers: the modules around it that were not there, one behind the other
    let mut natural = own;
    while natural > *registered && modules.get(natural).parent == Some(natural - 1) {
        natural -= 1;
    }
    let ahead = leaves(graph, (*registered..natural).collect());
    *registered = own + 1;
    ahead
}

/// Their paths, without those that the path behind them says too.
fn leaves(graph: &Graph, ids: Vec<ModuleId>) -> Vec<String> {
    let modules = graph.modules();
    let is_said = |i: usize| {
        let next: Option<&Module> = ids.get(i + 1).map(|&next| modules.get(next));
        next.is_some_and(|next| next.parent == Some(ids[i]))
    };
    let left = (0..ids.len()).filter(|&i| !is_said(i));
    left.map(|i| modules.path(ids[i])).collect()
}

/// In a line.
fn value(of: &impl Serialize) -> Result<String, String> {
    let mut text = String::new();
    let written = of.serialize(toml::ser::ValueSerializer::new(&mut text));
    written.map_err(|error| format!("cannot be written as TOML: {error}"))?;
    Ok(text)
}

//! What can be asked about a registered model.

use super::super::budget;
use super::Answer;
use super::arguments::{optional_text, text};
use crate::analysis::{self, Field, QUANTITIES};
use crate::claim::Datum;
use crate::graph::{Constant, Conv, Graph, Node, NodeId, Op, TensorKind};
use crate::nearest::suggestion;

/// The sum of one of [`QUANTITIES`], by name, over a model, or over the layers at or below a path.
pub(super) fn quantity(name: &str, graph: &Graph, args: &[Datum]) -> Answer {
    let quantity = QUANTITIES
        .iter()
        .find(|quantity| quantity.name == name)
        .ok_or("it is not a quantity")?;
    let within = within(graph, optional_text(args, 1)?)?;
    let total = quantity
        .sum(graph, |id| within[id])
        .map_err(|error| error.to_string())?;
    int(total)
}

/// Whether a quantity counts numbers of tensors, of which a file may have lost some.
pub(super) fn counts_tensors(name: &str) -> bool {
    ["params", "trainable", "frozen", "buffers"].contains(&name)
}

pub(super) fn peak_activations(graph: &Graph, _: &[Datum]) -> Answer {
    int(analysis::peak_activations(graph).map_err(|error| error.to_string())?)
}

pub(super) fn depth(graph: &Graph, _: &[Datum]) -> Answer {
    size(analysis::depth(graph))
}

pub(super) fn path_count(graph: &Graph, _: &[Datum]) -> Answer {
    int(analysis::path_count(graph).map_err(|error| error.to_string())?)
}

pub(super) fn layer_links(graph: &Graph, args: &[Datum]) -> Answer {
    let within = within(graph, optional_text(args, 1)?)?;
    int(analysis::layer_links(graph, |id| within[id]))
}

pub(super) fn params_without_grad(graph: &Graph, args: &[Datum]) -> Answer {
    let within = within(graph, optional_text(args, 1)?)?;
    let names = analysis::params_without_grad(graph, |id| within[id]);
    Ok(Datum::List(names.into_iter().map(Datum::Text).collect()))
}

pub(super) fn padded_weights(graph: &Graph, args: &[Datum]) -> Answer {
    let within = within(graph, optional_text(args, 1)?)?;
    let weights = analysis::padded_weights(graph, |id| within[id]);
    int(weights.map_err(|error| error.to_string())?)
}

pub(super) fn input(graph: &Graph, args: &[Datum]) -> Answer {
    sizes(&match optional_text(args, 1)? {
        Some(path) => graph.input_of(layer(graph, path)?).dims(),
        None => graph.input().dims(),
    })
}

pub(super) fn output(graph: &Graph, args: &[Datum]) -> Answer {
    sizes(&match optional_text(args, 1)? {
        Some(path) => layer(graph, path)?.shape.dims(),
        None => graph.prediction().shape.dims(),
    })
}

pub(super) fn outputs(graph: &Graph, args: &[Datum]) -> Answer {
    of_kind(graph, text(args, 1)?)?
        .into_iter()
        .map(|node| sizes(&node.shape.dims()))
        .collect::<Result<_, _>>()
        .map(Datum::List)
}

pub(super) fn layers(graph: &Graph, args: &[Datum]) -> Answer {
    let within = within(graph, optional_text(args, 2)?)?;
    let is_of_kind = is_of_kind(text(args, 1)?)?;
    let nodes = graph.nodes().iter().zip(within);
    size(
        nodes
            .filter(|(node, within)| *within && is_of_kind(&node.op))
            .count(),
    )
}

pub(super) fn ops(graph: &Graph, args: &[Datum]) -> Answer {
    let ids = match optional_text(args, 1)? {
        Some(path) => below(graph, path)?,
        None => (graph.inputs().len()..graph.nodes().len()).collect(),
    };
    Ok(ids
        .into_iter()
        .map(|id| graph.nodes()[id].op.name())
        .collect::<Vec<_>>()
        .into())
}

pub(super) fn paths(graph: &Graph, args: &[Datum]) -> Answer {
    let nodes = of_kind(graph, text(args, 1)?)?;
    Ok(nodes
        .into_iter()
        .map(|node| node.path.as_str())
        .collect::<Vec<_>>()
        .into())
}

pub(super) fn op(graph: &Graph, args: &[Datum]) -> Answer {
    Ok(layer(graph, text(args, 1)?)?.op.name().into())
}

pub(super) fn reads(graph: &Graph, args: &[Datum]) -> Answer {
    let inputs = &layer(graph, text(args, 1)?)?.inputs;
    Ok(inputs
        .iter()
        .map(|&id| graph.nodes()[id].path.as_str())
        .collect::<Vec<_>>()
        .into())
}

pub(super) fn constant(graph: &Graph, args: &[Datum]) -> Answer {
    let node = layer(graph, text(args, 1)?)?;
    let name = text(args, 2)?;
    let constants = node.op.constants();
    match constants.into_iter().find(|(known, _)| *known == name) {
        Some((_, constant)) => stated(constant),
        None => Err(format!("a {} has no constant `{name}`", node.op.name())),
    }
}

/// A constant as a value of measures.
fn stated(constant: Constant) -> Answer {
    match constant {
        Constant::Flag(flag) => Ok(Datum::Bool(flag)),
        Constant::Size(n) => size(n),
        Constant::Pair(pair) => sizes(&pair),
        Constant::Number(number) => Ok(Datum::Float(number)),
        Constant::Word(word) => Ok(word.into()),
        Constant::Text(text) => Ok(text.as_str().into()),
        Constant::Rows(rows) => rows
            .iter()
            .map(|row| sizes(row))
            .collect::<Result<_, _>>()
            .map(Datum::List),
    }
}

pub(super) fn table(graph: &Graph, args: &[Datum]) -> Answer {
    let path = text(args, 1)?;
    match &layer(graph, path)?.op {
        Op::Conv(Conv {
            table: Some(table), ..
        }) => table
            .iter()
            .map(|row| sizes(row))
            .collect::<Result<_, _>>()
            .map(Datum::List),
        _ => Err(format!(
            "`{path}` has no connection table: it reads every map"
        )),
    }
}

pub(super) fn tensor(graph: &Graph, args: &[Datum]) -> Answer {
    let name = text(args, 1)?;
    match graph.tensors().find(|(full, _)| full == name) {
        Some((_, tensor)) => sizes(&tensor.dims),
        None => {
            let names: Vec<String> = graph.tensors().map(|(name, _)| name).collect();
            Err(unknown("tensor", name, names.iter().map(String::as_str)))
        }
    }
}

pub(super) fn tensors(graph: &Graph, args: &[Datum]) -> Answer {
    let within = within(graph, optional_text(args, 1)?)?;
    let nodes = graph.nodes().iter().zip(within);
    nodes
        .filter(|(_, within)| *within)
        .flat_map(|(node, _)| graph.tensors_of(node))
        .filter(|tensor| tensor.kind == TensorKind::Trainable)
        .map(|tensor| sizes(&tensor.dims))
        .collect::<Result<_, _>>()
        .map(Datum::List)
}

pub(super) fn field_size(graph: &Graph, args: &[Datum]) -> Answer {
    pair(field(graph, args)?.size.map(i64::try_from).map(Result::ok))
}

pub(super) fn field_stride(graph: &Graph, args: &[Datum]) -> Answer {
    pair(
        field(graph, args)?
            .stride
            .map(i64::try_from)
            .map(Result::ok),
    )
}

pub(super) fn field_offset(graph: &Graph, args: &[Datum]) -> Answer {
    pair(field(graph, args)?.offset.map(Some))
}

pub(super) fn accepts(graph: &Graph, args: &[Datum]) -> Answer {
    let input = text(args, 1)?;
    budget::network(&format!("{}@{input}", text(args, 0)?), Some(graph))?;
    Ok(Datum::Bool(graph.at(input.parse()?).is_ok()))
}

fn field(graph: &Graph, args: &[Datum]) -> Result<Field, String> {
    let fields = analysis::receptive_fields(graph);
    match optional_text(args, 1)? {
        Some(path) => {
            let id = layer_id(graph, path)?;
            Ok(fields[id])
        }
        None => analysis::feature_field(graph, &fields)
            .map(|(_, field)| field)
            .ok_or_else(|| "no layer slides a window".into()),
    }
}

/// One number where both directions agree, or `[h, w]`.
fn pair(both: [Option<i64>; 2]) -> Answer {
    match both {
        [Some(h), Some(w)] if h == w => Ok(Datum::Int(h)),
        [Some(h), Some(w)] => Ok(Datum::List(vec![Datum::Int(h), Datum::Int(w)])),
        _ => Err("the field exceeds 2^63 - 1".into()),
    }
}

fn int(n: u64) -> Answer {
    i64::try_from(n)
        .map(Datum::Int)
        .map_err(|_| format!("{n} exceeds 2^63 - 1"))
}

fn size(n: usize) -> Answer {
    int(n as u64)
}

pub(super) fn sizes(dims: &[usize]) -> Answer {
    dims.iter()
        .map(|&n| size(n))
        .collect::<Result<_, _>>()
        .map(Datum::List)
}

pub(super) fn layer<'a>(graph: &'a Graph, path: &str) -> Result<&'a Node, String> {
    layer_id(graph, path).map(|id| &graph.nodes()[id])
}

pub(super) fn layer_id(graph: &Graph, path: &str) -> Result<NodeId, String> {
    let known = || graph.nodes().iter().map(|node| node.path.as_str());
    (graph.id(path)).ok_or_else(|| unknown("layer", path, known()))
}

/// The layers at or below a path.
pub(super) fn below(graph: &Graph, path: &str) -> Result<Vec<NodeId>, String> {
    let found = graph.below(path);
    if found.is_empty() {
        let known = graph.nodes().iter().map(|node| node.path.as_str());
        return Err(unknown("layer or scope", path, known));
    }
    Ok(found)
}

/// For each layer whether it is at or below a path, or, without one, whatever it is.
fn within(graph: &Graph, path: Option<&str>) -> Result<Vec<bool>, String> {
    let Some(path) = path else {
        return Ok(vec![true; graph.nodes().len()]);
    };
    let mut within = vec![false; graph.nodes().len()];
    below(graph, path)?
        .into_iter()
        .for_each(|id| within[id] = true);
    Ok(within)
}

/// The layers of a kind.
fn of_kind<'a>(graph: &'a Graph, kind: &str) -> Result<Vec<&'a Node>, String> {
    let is_of_kind = is_of_kind(kind)?;
    Ok(graph
        .nodes()
        .iter()
        .filter(|node| is_of_kind(&node.op))
        .collect())
}

/// Whether a layer is of a kind; `weighted` stands for all that papers count.
pub(super) fn is_of_kind(kind: &str) -> Result<impl Fn(&Op) -> bool, String> {
    if kind != "weighted" && !Op::NAMES.contains(&kind) {
        return Err(unknown("kind of layer", kind, Op::NAMES.iter().copied()));
    }
    Ok(move |op: &Op| match kind {
        "weighted" => op.kind().weighted,
        kind => op.name() == kind,
    })
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let hint = suggestion(name, known).map_or(String::new(), |hint| format!("; {hint}"));
    format!("there is no {what} `{name}`{hint}")
}

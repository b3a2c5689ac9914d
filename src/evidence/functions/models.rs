//! What can be asked about a registered model.

use super::Function;
use super::arguments::{optional_text, text};
use crate::analysis::{self, Field, QUANTITIES};
use crate::claim::Value;
use crate::graph::{Graph, Node, Op, Pad, Shape, TensorKind};
use crate::zoo;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The networks built so far, by the name under which a measure asked for them.
#[derive(Default)]
pub struct Graphs(Mutex<BTreeMap<String, Arc<Graph>>>);

impl Graphs {
    /// The network of that name, or, as in `vgg16@3x256x256`, on another input.
    fn build(&self, name: &str) -> Result<Arc<Graph>, String> {
        let mut built = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(graph) = built.get(name) {
            return Ok(Arc::clone(graph));
        }
        let graph = match name.split_once('@') {
            None => zoo::find(name).and_then(zoo::Model::graph),
            Some((model, input)) => {
                let input = input.parse::<Shape>()?;
                zoo::find(model).and_then(|model| model.graph_at(input))
            }
        };
        let graph = Arc::new(graph.map_err(|error| error.to_string())?);
        built.insert(name.to_string(), Arc::clone(&graph));
        Ok(graph)
    }
}

type Compute = fn(&Graphs, &Function, &[Value]) -> Result<Value, String>;
type Answer = Result<Value, String>;

/// A function about a model.
pub(super) const fn about(
    name: &'static str,
    signature: &'static str,
    returns: &'static str,
    arity: (usize, usize),
    compute: Compute,
) -> Function {
    Function {
        name,
        signature,
        returns,
        about_models: true,
        arity,
        compute,
    }
}

/// The sum of one of [`QUANTITIES`] over a model, or over the layers at or below a path.
pub(super) const fn quantity(
    name: &'static str,
    signature: &'static str,
    returns: &'static str,
) -> Function {
    about(
        name,
        signature,
        returns,
        (1, 2),
        |graphs, function, args| {
            let quantity = QUANTITIES
                .iter()
                .find(|quantity| quantity.name == function.name)
                .ok_or("it is not a quantity")?;
            let graph = graphs.build(text(args, 0)?)?;
            let path = optional_text(args, 1)?;
            if let Some(path) = path {
                below(&graph, path)?;
            }
            let total = quantity
                .sum(&graph, |node| path.is_none_or(|path| is_below(node, path)))
                .map_err(|error| error.to_string())?;
            int(total)
        },
    )
}

pub(super) fn peak_activations(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    int(analysis::peak_activations(&graph).map_err(|error| error.to_string())?)
}

pub(super) fn depth(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    size(analysis::depth(&graph))
}

pub(super) fn input(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    sizes(&match optional_text(args, 1)? {
        Some(path) => graph.input_of(layer(&graph, path)?).dims(),
        None => graph.input().dims(),
    })
}

pub(super) fn output(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    sizes(&match optional_text(args, 1)? {
        Some(path) => layer(&graph, path)?.shape.dims(),
        None => graph.prediction().shape.dims(),
    })
}

pub(super) fn outputs(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    of_kind(&graph, text(args, 1)?)?
        .into_iter()
        .map(|node| sizes(&node.shape.dims()))
        .collect::<Result<_, _>>()
        .map(Value::List)
}

pub(super) fn layers(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let path = optional_text(args, 2)?;
    if let Some(path) = path {
        below(&graph, path)?;
    }
    let found = of_kind(&graph, text(args, 1)?)?
        .into_iter()
        .filter(|node| path.is_none_or(|path| is_below(node, path)));
    size(found.count())
}

pub(super) fn ops(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let nodes = match optional_text(args, 1)? {
        Some(path) => below(&graph, path)?,
        None => graph.nodes()[1..].iter().collect(),
    };
    Ok(nodes
        .into_iter()
        .map(|node| node.op.name())
        .collect::<Vec<_>>()
        .into())
}

pub(super) fn paths(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let nodes = of_kind(&graph, text(args, 1)?)?;
    Ok(nodes
        .into_iter()
        .map(|node| node.path.as_str())
        .collect::<Vec<_>>()
        .into())
}

pub(super) fn op(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    Ok(layer(&graph, text(args, 1)?)?.op.name().into())
}

pub(super) fn reads(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let inputs = &layer(&graph, text(args, 1)?)?.inputs;
    Ok(inputs
        .iter()
        .map(|&id| graph.nodes()[id].path.as_str())
        .collect::<Vec<_>>()
        .into())
}

pub(super) fn constant(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let node = layer(&graph, text(args, 1)?)?;
    let name = text(args, 2)?;
    let none = || format!("a {} has no constant `{name}`", node.op.name());
    if let Some(window) = node.op.window() {
        match name {
            "kernel" => return sizes(&window.kernel),
            "stride" => return sizes(&window.stride),
            "dilation" => return sizes(&window.dilation),
            "ceil" => return Ok(Value::Bool(window.ceil)),
            "pad" => {
                return match window.pad {
                    Pad::Even(pad) => sizes(&pad),
                    Pad::Same => Ok("same".into()),
                };
            }
            _ => {}
        }
    }
    match (&node.op, name) {
        (Op::Conv { groups, .. }, "groups") => size(*groups),
        (Op::Conv { bias, .. } | Op::Linear { bias, .. }, "bias") => Ok(Value::Bool(*bias)),
        (Op::Lrn { size: n, .. }, "size") => size(*n),
        (Op::Lrn { alpha, .. }, "alpha") => Ok(Value::Float(*alpha)),
        (Op::Lrn { beta, .. }, "beta") => Ok(Value::Float(*beta)),
        (Op::Lrn { k, .. }, "k") => Ok(Value::Float(*k)),
        (Op::Dropout { p }, "p") => Ok(Value::Float(*p)),
        (Op::BatchNorm { eps, .. }, "eps") => Ok(Value::Float(*eps)),
        (Op::BatchNorm { momentum, .. }, "momentum") => Ok(Value::Float(*momentum)),
        (Op::Rbf { out }, "classes") => size(*out),
        (Op::PadShortcut { stride, .. }, "stride") => sizes(&[*stride, *stride]),
        _ => Err(none()),
    }
}

pub(super) fn table(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let path = text(args, 1)?;
    match &layer(&graph, path)?.op {
        Op::Conv {
            table: Some(table), ..
        } => table
            .iter()
            .map(|row| sizes(row))
            .collect::<Result<_, _>>()
            .map(Value::List),
        _ => Err(format!(
            "`{path}` has no connection table: it reads every map"
        )),
    }
}

pub(super) fn tensor(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let name = text(args, 1)?;
    match graph.tensors().find(|(full, _)| full == name) {
        Some((_, tensor)) => sizes(&tensor.dims),
        None => {
            let names: Vec<String> = graph.tensors().map(|(name, _)| name).collect();
            Err(unknown("tensor", name, names.iter().map(String::as_str)))
        }
    }
}

pub(super) fn tensors(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let nodes = match optional_text(args, 1)? {
        Some(path) => below(&graph, path)?,
        None => graph.nodes().iter().collect(),
    };
    nodes
        .into_iter()
        .flat_map(|node| node.op.tensors(graph.input_of(node)))
        .filter(|tensor| tensor.kind == TensorKind::Trainable)
        .map(|tensor| sizes(&tensor.dims))
        .collect::<Result<_, _>>()
        .map(Value::List)
}

pub(super) fn field_size(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    pair(field(graphs, args)?.size.map(i64::try_from).map(Result::ok))
}

pub(super) fn field_stride(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    pair(
        field(graphs, args)?
            .stride
            .map(i64::try_from)
            .map(Result::ok),
    )
}

pub(super) fn field_offset(graphs: &Graphs, _: &Function, args: &[Value]) -> Answer {
    pair(field(graphs, args)?.offset.map(Some))
}

pub(super) fn accepts(_: &Graphs, _: &Function, args: &[Value]) -> Answer {
    let model = zoo::find(text(args, 0)?).map_err(|error| error.to_string())?;
    Ok(Value::Bool(model.graph_at(text(args, 1)?.parse()?).is_ok()))
}

fn field(graphs: &Graphs, args: &[Value]) -> Result<Field, String> {
    let graph = graphs.build(text(args, 0)?)?;
    let fields = analysis::receptive_fields(&graph);
    match optional_text(args, 1)? {
        Some(path) => {
            let node = layer(&graph, path)?;
            let id = graph
                .nodes()
                .iter()
                .position(|other| other.path == node.path);
            id.map(|id| fields[id]).ok_or_else(|| path.to_string())
        }
        None => analysis::feature_field(&graph, &fields)
            .map(|(_, field)| field)
            .ok_or_else(|| "no layer slides a window".into()),
    }
}

/// One number where both directions agree, or `[h, w]`.
fn pair(both: [Option<i64>; 2]) -> Answer {
    match both {
        [Some(h), Some(w)] if h == w => Ok(Value::Int(h)),
        [Some(h), Some(w)] => Ok(Value::List(vec![Value::Int(h), Value::Int(w)])),
        _ => Err("the field exceeds 2^63 - 1".into()),
    }
}

fn int(n: u64) -> Answer {
    i64::try_from(n)
        .map(Value::Int)
        .map_err(|_| format!("{n} exceeds 2^63 - 1"))
}

fn size(n: usize) -> Answer {
    int(n as u64)
}

fn sizes(dims: &[usize]) -> Answer {
    dims.iter()
        .map(|&n| size(n))
        .collect::<Result<_, _>>()
        .map(Value::List)
}

fn layer<'a>(graph: &'a Graph, path: &str) -> Result<&'a Node, String> {
    graph
        .node(path)
        .ok_or_else(|| unknown("layer", path, graph.nodes().iter().map(|n| n.path.as_str())))
}

fn is_below(node: &Node, path: &str) -> bool {
    node.path
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The layers at or below a path.
fn below<'a>(graph: &'a Graph, path: &str) -> Result<Vec<&'a Node>, String> {
    let found: Vec<&Node> = graph
        .nodes()
        .iter()
        .filter(|node| is_below(node, path))
        .collect();
    if found.is_empty() {
        return Err(unknown(
            "layer or scope",
            path,
            graph.nodes().iter().map(|n| n.path.as_str()),
        ));
    }
    Ok(found)
}

/// The layers of a kind; `weighted` stands for all that papers count.
fn of_kind<'a>(graph: &'a Graph, kind: &str) -> Result<Vec<&'a Node>, String> {
    if kind != "weighted" && !Op::NAMES.contains(&kind) {
        return Err(unknown("kind of layer", kind, Op::NAMES.iter().copied()));
    }
    let is_of_kind = |op: &Op| match kind {
        "weighted" => analysis::is_weighted(op),
        kind => op.name() == kind,
    };
    Ok(graph
        .nodes()
        .iter()
        .filter(|node| is_of_kind(&node.op))
        .collect())
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match zoo::nearest(name, known).as_slice() {
        [] => format!("there is no {what} `{name}`"),
        names => format!(
            "there is no {what} `{name}`; did you mean {}?",
            names.join(", ")
        ),
    }
}

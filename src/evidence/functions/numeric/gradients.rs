//! Losses and gradients of untrained networks.

use super::super::arguments::{optional_text, size, text};
use super::super::models::{below, is_of_kind, layer_id, sizes};
use super::super::{Answer, Graphs};
use super::{
    Pass, SAMPLES, affordable, drawn, images, labels, list, net, norm, numbers, rounded, say,
    weights, with_weights,
};
use crate::claim::Datum;
use crate::graph::{Graph, Node, NodeId, TensorKind};
use crate::net::{Gradients, Mode};
use crate::ops::loss::cross_entropy;
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;

/// A gradient that is smaller than this part of the network's largest is rounding.
const ROUNDING: f64 = 1e-10;

pub(in super::super) fn first_loss(graphs: &Graphs, args: &[Datum]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let (init, seed) = drawn(args, 1)?;
    let batch = size(args, 3)?;
    let mode = match text(args, 4)? {
        "train" => Mode::train(seed, 0),
        "inference" => Mode::Eval,
        other => {
            return Err(format!(
                "there is no mode `{other}`; there are train and inference"
            ));
        }
    };
    let kind = optional_text(args, 5)?.unwrap_or("normal");
    affordable(&graph, batch, Pass::Forward)?;
    let x = images(&graph, kind, batch, seed)?;
    let pass = net(&graph, init, seed)?.forward(&x, mode).map_err(say)?;
    let labels = labels(&graph, batch, seed);
    let (loss, _) = cross_entropy(pass.output(), &labels, 0.0).map_err(say)?;
    Ok(rounded(loss))
}

pub(in super::super) fn gradient_norms(graphs: &Graphs, args: &[Datum]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let of_kind = is_of_kind(text(args, 1)?)?;
    let mut norms = BTreeMap::new();
    let mut fault = None;
    gradients(&graph, args, 2, SAMPLES, |node, gradient| {
        match norm([gradient]) {
            Ok(norm) => {
                norms.insert(node.path.clone(), norm);
            }
            Err(error) => fault = Some(error),
        }
    })?;
    match fault {
        Some(error) => Err(error),
        None => Ok(list(
            (graph.nodes().iter())
                .filter(|node| of_kind(&node.op))
                .map(|node| norms.get(&node.path).copied().unwrap_or(0.0)),
        )),
    }
}

pub(in super::super) fn weight_gradients(graphs: &Graphs, args: &[Datum]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let of_kind = is_of_kind(text(args, 1)?)?;
    let gradients = gradients(&graph, args, 2, SAMPLES, |_, _| {})?;
    let nodes = graph.nodes().iter().enumerate();
    let norms = nodes
        .filter(|(_, node)| of_kind(&node.op))
        .map(|(id, _)| norm(gradients.of(id)));
    norms.collect::<Result<Vec<_>, _>>().map(list)
}

pub(in super::super) fn tensors_without_gradient(graphs: &Graphs, args: &[Datum]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let mut largest = 0f64;
    let mut of_tensor = Vec::new();
    for (_, name, numbers) in trained(&graph, args, SAMPLES)? {
        let here = numbers.iter().fold(0f64, |a, x| a.max(x.abs()));
        largest = largest.max(here);
        of_tensor.push((name, here));
    }
    let without = of_tensor
        .into_iter()
        .filter(|(_, here)| *here <= ROUNDING * largest)
        .map(|(name, _)| Datum::Text(name));
    Ok(Datum::List(without.collect()))
}

pub(in super::super) fn zero_gradients(graphs: &Graphs, args: &[Datum]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let trained = trained(&graph, args, size(args, 3)?)?;
    let asked = match optional_text(args, 4)? {
        None => None,
        // a tensor, or all those of a layer or a scope
        Some(path) if trained.iter().any(|(_, name, _)| name == path) => Some((Vec::new(), path)),
        Some(path) => Some((below(&graph, path)?, path)),
    };
    let zeros = trained
        .into_iter()
        .filter(|(id, name, _)| match &asked {
            None => true,
            Some((ids, path)) => ids.contains(id) || name == path,
        })
        .map(|(_, _, numbers)| numbers.iter().filter(|&&x| x == 0.0).count());
    Ok(Datum::Int(zeros.sum::<usize>() as i64))
}

pub(in super::super) fn reach(graphs: &Graphs, args: &[Datum]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let id = layer_id(&graph, text(args, 1)?)?;
    affordable(&graph, 1, Pass::Backward)?;
    // nothing negative, so that no ReLU stops a gradient and no two ways cancel
    let x = images(&graph, "uniform", 1, 0)?;
    let mut positive = weights(&graph, "torch", 0)?;
    for weight in positive.values_mut() {
        *weight = weight.abs().map_err(say)?;
    }
    let net = with_weights(&graph, positive)?;
    let pass = net.forward(&x, Mode::Probe).map_err(say)?;
    let shape = graph.nodes()[id].shape;
    let [h, w] = shape.extent();
    let centre = h / 2 * w + w / 2;
    let seed = (0..shape.channels() * h * w)
        .map(|i| f64::from(u8::from(i % (h * w) == centre)))
        .collect();
    let seed = Tensor::from_vec(seed, shape.of_batch(1), &Device::Cpu).map_err(say)?;
    let gradients = net.backward(pass, &[(id, &seed)], true).map_err(say)?;
    let gradient = gradients.input.ok_or("it does not depend on the input")?;
    let [_, width] = graph.input().extent();
    let (mut rows, mut columns) = (Span::default(), Span::default());
    for (i, x) in numbers(&gradient)?.into_iter().enumerate() {
        if x != 0.0 {
            rows.add(i / width % graph.input().extent()[0]);
            columns.add(i % width);
        }
    }
    match (rows.length(), columns.length()) {
        (h, w) if h == w => Ok(Datum::Int(h as i64)),
        (h, w) => sizes(&[h, w]),
    }
}

/// From the first to the last of the numbers seen.
#[derive(Default)]
struct Span(Option<(usize, usize)>);

impl Span {
    fn add(&mut self, i: usize) {
        self.0 = Some(match self.0 {
            Some((first, last)) => (first.min(i), last.max(i)),
            None => (i, i),
        });
    }

    fn length(&self) -> usize {
        self.0.map_or(0, |(first, last)| last - first + 1)
    }
}

/// The gradient of the first loss on a batch of normal images, batch normalisation by the batch;
/// rule and seed stand from an argument on.
fn gradients(
    graph: &Graph,
    args: &[Datum],
    from: usize,
    batch: usize,
    seen: impl FnMut(&Node, &Tensor),
) -> Result<Gradients, String> {
    let (init, seed) = drawn(args, from)?;
    affordable(graph, batch, Pass::Backward)?;
    let x = images(graph, "normal", batch, seed)?;
    let net = net(graph, init, seed)?;
    let pass = net.forward(&x, Mode::train(seed, 0)).map_err(say)?;
    let labels = labels(graph, batch, seed);
    let (_, gradient) = cross_entropy(pass.output(), &labels, 0.0).map_err(say)?;
    let prediction = graph.outputs()[0].node;
    net.backward_with(pass, &[(prediction, &gradient)], false, seen)
        .map_err(say)
}

/// The trainable tensors by layer and name, each with its gradient.
fn trained(
    graph: &Graph,
    args: &[Datum],
    batch: usize,
) -> Result<Vec<(NodeId, String, Vec<f64>)>, String> {
    let gradients = gradients(graph, args, 1, batch, |_, _| {})?;
    let mut found = Vec::new();
    for (id, node) in graph.nodes().iter().enumerate() {
        let tensors = graph.tensors_of(node).into_iter().enumerate();
        let trainable = tensors.filter(|(_, tensor)| tensor.kind == TensorKind::Trainable);
        for (i, (at, tensor)) in trainable.enumerate() {
            let gradient = match gradients.of(id).get(i) {
                Some(gradient) => numbers(gradient)?,
                None => vec![0.0; tensor.dims.iter().product()],
            };
            found.push((id, node.key(at, &tensor), gradient));
        }
    }
    Ok(found)
}

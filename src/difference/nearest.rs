//! Which registered network is nearest to one that somebody else made?
//!
//! All are ranked by what they consist of, in whichever order; the best are held against it layer by layer, as they are and for as many
//! classes as it tells apart.

use super::constants::{is_for_training, is_of_training, written};
use super::{Difference, TensorDifference, networks, of_network};
use crate::graph::{Graph, Op};
use crate::net::checkpoint::best_fit;
use crate::zoo::{Model, Registry};
use candle_core::Tensor;
use std::collections::BTreeMap;

/// A registered network, and what differs from it.
pub struct Near<D> {
    /// The network, with arguments where these make it nearer.
    pub model: Model,
    /// From it, A, to the other, B.
    pub difference: D,
}

/// So many of those that are ranked first are compared in full.
const COMPARED: usize = 8;

/// Layers by what they do.
type Inventory = BTreeMap<String, usize>;

/// The nearest registered networks, the nearest first.
pub fn nearest(graph: &Graph, registry: &Registry, most: usize) -> Vec<Near<Difference>> {
    let own = inventory(graph);
    let size: usize = own.values().sum();
    let params = tensors_of(graph);
    let mut ranked: Vec<(usize, u64, &Model)> = (registry.models())
        .filter_map(|model| {
            let other = model.graph().ok()?;
            let theirs = inventory(&other);
            let common: usize = (own.iter())
                .map(|(what, &count)| count.min(theirs.get(what).copied().unwrap_or(0)))
                .sum();
            let apart = size + theirs.values().sum::<usize>() - 2 * common;
            Some((apart, params.abs_diff(tensors_of(&other)), model))
        })
        .collect();
    ranked.sort_by_key(|&(apart, params, _)| (apart, params)); // stable: the registry's order among equals
    let mut near: Vec<Near<Difference>> = (ranked.iter().take(COMPARED))
        .filter_map(|(.., model)| {
            let variants = variants(model, Some(graph), classes(graph), registry);
            let compared = variants.into_iter().filter_map(|model| {
                let difference = networks(&model.graph().ok()?, graph).ok()?;
                Some(Near { model, difference })
            });
            compared.min_by_key(|near| apart(&near.difference))
        })
        .collect();
    near.sort_by_key(|near| apart(&near.difference));
    near.truncate(most);
    near
}

/// The nearest registered networks to a checkpoint, the nearest first.
pub fn nearest_of_tensors(
    tensors: &BTreeMap<String, Tensor>,
    registry: &Registry,
    most: usize,
) -> Vec<Near<TensorDifference>> {
    let mut near: Vec<Near<TensorDifference>> = (best_fit(tensors, registry).into_iter())
        .take(COMPARED)
        .filter_map(|(name, _)| {
            let model = registry.find(name).ok()?;
            let difference = of_network(&model.graph().ok()?, tensors);
            let classes = classes(&model.graph().ok()?);
            // the units of a head that has other classes, of inputs that are as many
            let mut heads = (difference.reshaped.iter())
                .filter(|one| one.a.first() == Some(&classes) && one.a[1..] == one.b[1..]);
            let found = heads.next().and_then(|one| one.b.first().copied());
            let other = found.into_iter().flat_map(|classes| {
                let variants = variants(&model, None, classes, registry);
                let compared = variants.into_iter().filter_map(|model| {
                    let difference = of_network(&model.graph().ok()?, tensors);
                    Some(Near { model, difference })
                });
                compared.collect::<Vec<_>>()
            });
            let mut all: Vec<Near<TensorDifference>> = other.collect();
            all.insert(0, Near { model, difference });
            all.into_iter().min_by_key(|near| near.difference.count())
        })
        .collect();
    near.sort_by_key(|near| near.difference.count());
    near.truncate(most);
    near
}

/// How far apart two networks are: what they compute counts before what training does, and this before names.
fn apart(difference: &Difference) -> (usize, usize, usize, usize) {
    (
        difference.count(),
        difference.follows.len(),
        difference.training.len(),
        difference.renamed.len(),
    )
}

/// A model as it is, for another number of classes, for another input, and for both.
fn variants(
    model: &Model,
    graph: Option<&Graph>,
    classes: usize,
    registry: &Registry,
) -> Vec<Model> {
    let takes = model
        .arguments()
        .iter()
        .any(|one| one.name == "classes" && one.value != classes.to_string());
    let classes = takes.then(|| format!("classes={classes}"));
    let input = (graph.map(Graph::input)).filter(|&input| input != model.input);
    let input = input.map(|input| format!("input={input}"));
    let both = classes.iter().zip(&input);
    let both: Vec<String> = both.map(|(a, b)| format!("{a},{b}")).collect();
    let arguments = classes.iter().chain(&input).chain(&both);
    let others = arguments.filter_map(|arguments| {
        let text = format!("{}{{{arguments}}}", model.name);
        registry.find(&text).ok()
    });
    std::iter::once(model.clone()).chain(others).collect()
}

/// How many classes the prediction tells apart, if it does.
fn classes(graph: &Graph) -> usize {
    graph.prediction().shape.channels()
}

/// Layers by what they do, without those that do nothing once a network is trained.
fn inventory(graph: &Graph) -> Inventory {
    let mut inventory = Inventory::new();
    let layers = graph.nodes().iter().skip(graph.inputs().len());
    for node in layers.filter(|node| !is_for_training(&node.op)) {
        *inventory.entry(what(&node.op)).or_default() += 1;
    }
    inventory
}

/// A kind of layer with its constants.
fn what(op: &Op) -> String {
    let constants = written(op).into_iter();
    let told = constants.filter(|(name, _)| !is_of_training(op.name(), name));
    told.fold(op.name().to_string(), |what, (name, value)| {
        what + " " + name + "=" + &value
    })
}

/// Numbers in all tensors.
fn tensors_of(graph: &Graph) -> u64 {
    let sizes = graph.tensors().filter_map(|(_, tensor)| tensor.elements());
    sizes.fold(0, u64::saturating_add)
}

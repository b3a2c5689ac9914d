//! What does a network need on the device, and what does it run there?
//!
//! What stays from step to step stands first: weights, gradients, the optimiser's memory, images, labels.
//! Behind it stands what a program needs while it runs; the programs share that place.

use super::constants::Constants;
use super::draft::{Draft, launch};
use super::learn::{Told, Training, update};
use super::slopes::Slopes;
use super::weights::{Stack, Weights};
use super::writer::{Mode, Writer};
use super::{Address, Element, GpuError, Program};
use crate::graph::{Graph, Group, NodeId, Op, Shape, groups};
use crate::net::needed;
use std::collections::{BTreeMap, BTreeSet};

/// A network for one size of batch.
pub(super) struct Plan {
    pub weights: Weights,
    pub constants: Constants,
    /// `float` `[n][c][h][w]`.
    pub images: Address,
    /// `float` `[n][c][h][w]`, or `[n][c]`.
    pub scores: Address,
    pub told: Told,
    /// Bytes of all.
    pub bytes: usize,
    /// What runs once, behind the weights.
    pub start: Program,
    /// What runs before a prediction if weights have changed.
    pub fold: Program,
    pub predict: Program,
    pub learn: Option<Program>,
}

/// Units of a value in a batch.
pub(super) fn units(shape: Shape, batch: usize) -> Result<usize, GpuError> {
    let units = shape
        .elements()
        .and_then(|units| usize::try_from(units).ok());
    let units = units.and_then(|units| units.checked_mul(batch));
    super::draft::counted(units.unwrap_or(usize::MAX))
}

impl Plan {
    /// Of a network that learns, or does not.
    ///
    /// # Errors
    /// [`GpuError::Network`] for a batch of no images, tensors beyond what kernels count, and what cannot
    /// learn.
    pub fn new(
        graph: &Graph,
        batch: usize,
        element: Element,
        training: Option<&Training>,
    ) -> Result<Plan, GpuError> {
        if batch == 0 {
            return Err(GpuError::Network("a batch of 0 images".into()));
        }
        for node in graph.nodes() {
            units(node.shape, batch)?;
        }
        let seeds = training.map_or(Vec::new(), |training| seeds(graph, training));
        let reached = reached(graph, &seeds);
        let mut learns = vec![false; graph.nodes().len()];
        for id in (0..learns.len()).filter(|&id| reached[id]) {
            learns[graph.owner(id)] = true;
        }
        let mut stack = Stack(0);
        let memories = training.map_or(0, Training::memories);
        let weights = Weights::new(graph, element, &learns, memories, &mut stack)?;
        let classes = seeds
            .iter()
            .map(|&(id, _)| graph.nodes()[id].shape.channels());
        let classes = classes.min().unwrap_or(0);
        let constants = Constants::new(graph, batch, classes, &mut stack);
        let images = stack.take(units(graph.input(), batch)? * 4);
        let scores = stack.take(units(graph.prediction().shape, batch)? * 4);
        let told = Told {
            losses: stack.take(batch * 4),
            right: stack.take(batch * 4),
        };
        let live = groups(graph, &graph.live(), leads);
        let folded: BTreeMap<NodeId, [Address; 2]> = live
            .iter()
            .filter_map(|group| group.norm)
            .map(|norm| {
                let bytes = graph.nodes()[norm].shape.channels() * 4;
                (norm, [stack.take(bytes), stack.take(bytes)])
            })
            .collect();
        let writer = |mode| Writer::new(graph, batch, &weights, mode, Draft::new(element));
        let eval = Mode::Eval { folded: &folded };
        let drafts = [
            Some(start(element, &weights)?),
            Some(fold(writer(eval), &live, &folded)?),
            Some(predict(writer(eval), &live, images, scores)?),
            match training {
                None => None,
                Some(training) => {
                    let mode = Mode::Train {
                        norm: training.norm,
                        constants: &constants,
                    };
                    Some(learn(
                        writer(mode),
                        training,
                        &seeds,
                        &constants,
                        images,
                        told,
                    )?)
                }
            },
        ];
        let mut bytes = stack.0;
        let [start, fold, predict, learn] = drafts.map(|draft| {
            let (program, end) = draft?.place(stack.0);
            bytes = bytes.max(end);
            Some(program)
        });
        let there = |program: Option<Program>| program.expect("always written");
        let [start, fold, predict] = [start, fold, predict].map(there);
        Ok(Plan {
            weights,
            constants,
            images,
            scores,
            told,
            bytes,
            start,
            fold,
            predict,
            learn,
        })
    }
}

/// The outputs whose loss counts, with its weight.
fn seeds(graph: &Graph, training: &Training) -> Vec<(NodeId, f64)> {
    let heads = graph.outputs()[1..].iter();
    let heads = heads.map(|output| (output.node, training.auxiliary));
    let prediction = (graph.outputs()[0].node, 1.0);
    std::iter::once(prediction)
        .chain(heads.filter(|(_, weight)| *weight != 0.0))
        .collect()
}

/// For each layer whether a loss depends on it.
fn reached(graph: &Graph, seeds: &[(NodeId, f64)]) -> Vec<bool> {
    let mut reached = vec![false; graph.nodes().len()];
    seeds.iter().for_each(|&(id, _)| reached[id] = true);
    for (id, node) in graph.nodes().iter().enumerate().rev() {
        if reached[id] {
            node.inputs.iter().for_each(|&input| reached[input] = true);
        }
    }
    reached
}

/// Whether a layer takes along what follows it: products and normalisations.
fn leads(op: &Op) -> bool {
    matches!(op, Op::Conv(_) | Op::Linear { .. } | Op::BatchNorm { .. })
}

/// Copies weights as units, and clears what has no number yet.
fn start(element: Element, weights: &Weights) -> Result<Draft, GpuError> {
    let mut draft = Draft::new(element);
    if let Some((low, count)) = weights.low().filter(|(_, count)| *count > 0) {
        launch!(draft, "cast", count, weights.all().0, low)?;
    }
    let learned = weights.learned();
    let vectors = learned.count - learned.first;
    if let Some(matrices) = learned.matrices.filter(|_| learned.first > 0) {
        launch!(draft, "clear", learned.first, matrices)?;
    }
    if let Some(place) = learned.vectors.filter(|_| vectors > 0) {
        launch!(draft, "clear_float", vectors, place)?;
    }
    for &memory in learned.memory.iter().filter(|_| learned.count > 0) {
        launch!(draft, "clear_float", learned.count, memory)?;
    }
    Ok(draft)
}

/// A factor and a summand of each channel of each normalisation.
fn fold(
    mut writer: Writer<'_>,
    groups: &[Group],
    folded: &BTreeMap<NodeId, [Address; 2]>,
) -> Result<Draft, GpuError> {
    for group in groups {
        let Some(norm) = group.norm else { continue };
        let Op::BatchNorm { eps, .. } = writer.node(norm).op else {
            continue;
        };
        let [scale, shift] = folded[&norm];
        let offset = match norm == group.first {
            true => None,
            false => writer.float(group.first, 1),
        };
        let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|which| writer.float(norm, which));
        launch!(
            writer.draft,
            "norm_folded",
            writer.maps(norm).c,
            mean,
            variance,
            weight,
            bias,
            offset,
            scale,
            shift,
            eps
        )?;
    }
    Ok(writer.draft)
}

fn predict(
    mut writer: Writer<'_>,
    groups: &[Group],
    images: Address,
    scores: Address,
) -> Result<Draft, GpuError> {
    writer.forward(groups, images)?;
    let id = writer.graph.outputs()[0].node;
    let (maps, value) = (writer.maps(id), writer.value(id));
    let units = writer.units(id);
    launch!(
        writer.draft,
        "scores",
        units,
        value,
        scores,
        maps.c,
        maps.plane()
    )?;
    Ok(writer.draft)
}

fn learn(
    mut writer: Writer<'_>,
    training: &Training,
    seeds: &[(NodeId, f64)],
    constants: &Constants,
    images: Address,
    told: Told,
) -> Result<Draft, GpuError> {
    let graph = writer.graph;
    // heads that do not count have running statistics all the same
    let groups = groups(graph, &vec![true; graph.nodes().len()], leads);
    writer.forward(&groups, images)?;
    let mut slopes = Slopes {
        needed: needed(graph, false),
        values: vec![None; graph.nodes().len()],
        started: BTreeSet::new(),
    };
    for (i, &(id, weight)) in seeds.iter().enumerate() {
        let told = (i == 0).then_some(told);
        writer.loss(id, constants.labels(), told, training, weight, &mut slopes)?;
    }
    writer.backward(&groups, &mut slopes)?;
    let learned = writer.weights.learned();
    update(
        &mut writer.draft,
        &training.optimizer,
        &learned,
        constants.base(),
    )?;
    Ok(writer.draft)
}

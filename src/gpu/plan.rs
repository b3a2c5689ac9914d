//! What does a network need on the device, and what does it run there?
//!
//! What stays from step to step stands first: weights, gradients, the optimiser's state, images, labels.
//! Behind it stands what a program needs while it runs; the programs share that place.

use super::builder::{ProgramBuilder, launch};
use super::constants::Constants;
use super::dataset::{BatchIndices, DatasetLayout, DeviceDataset};
use super::fused::leading;
use super::grad_buffers::GradBuffers;
use super::layers::runs;
use super::learn::{LossOutputs, Training, update};
use super::lowering::{Lowering, Mode};
use super::outcomes::LossSlots;
use super::weights::{BumpAllocator, Weights};
use super::{Address, Element, GpuError, Program};
use crate::graph::{FusedGroup, Graph, NodeId, Op, Shape, fuse};
use crate::train::loss_weights;
use std::collections::{BTreeMap, BTreeSet};

/// A network for some sizes of batches, which share everything but what depends on the size.
pub(super) struct Plan<P> {
    pub weights: Weights,
    /// Images that stay.
    pub layout: Option<DatasetLayout>,
    /// Bytes of all.
    pub bytes: usize,
    /// What runs once, behind the weights.
    pub start: P,
    /// What runs before a prediction if weights have changed.
    pub fold: P,
    /// Where steps say what came of them.
    pub slots: LossSlots,
    /// By the number of images.
    pub batches: BTreeMap<usize, Batch<P>>,
}

/// What batches of one size need.
pub(super) struct Batch<P> {
    pub constants: Constants,
    /// `float` `[n][c][h][w]`.
    pub images: Address,
    /// `float` `[n][c][h][w]`, or `[n][c]`.
    pub scores: Address,
    /// What fills the images from those that stay.
    pub indices: Option<(BatchIndices, P)>,
    pub predict: Option<P>,
    pub learn: Option<P>,
}

/// What a session is for.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// The network.
    pub graph: &'a Graph,
    /// What activations are stored as.
    pub element: Element,
    /// Images of the batches that it predicts from.
    pub predict: &'a [usize],
    /// What it learns by, and images of the batches that it learns from.
    pub learn: Option<(&'a Training, &'a [usize])>,
    /// Images that stay on the device.
    pub dataset: Option<&'a DeviceDataset<'a>>,
}

/// Units of a value in a batch.
pub(super) fn units(shape: Shape, batch: usize) -> Result<usize, GpuError> {
    let units = shape
        .elements()
        .and_then(|units| usize::try_from(units).ok());
    let units = units.and_then(|units| units.checked_mul(batch));
    super::builder::counted(units.unwrap_or(usize::MAX))
}

impl Plan<Program> {
    /// Of a network that learns, or does not.
    ///
    /// # Errors
    /// [`GpuError::Network`] for a batch of no images, tensors beyond what kernels count, and what cannot
    /// learn.
    pub fn new(setup: &Setup) -> Result<Plan<Program>, GpuError> {
        let Setup { graph, element, .. } = *setup;
        graph.can_run().map_err(GpuError::Network)?;
        runs(graph)?;
        let (training, learned) = setup.learn.unzip();
        let learned = learned.unwrap_or_default();
        let sizes: BTreeSet<usize> = setup.predict.iter().chain(learned).copied().collect();
        for &batch in &sizes {
            if batch == 0 {
                return Err(GpuError::Network("a batch of 0 images".into()));
            }
            for node in graph.nodes() {
                units(node.shape, batch)?;
            }
        }
        let seeds = training.map_or(Vec::new(), |training| {
            loss_weights(graph, training.auxiliary)
        });
        let reached = graph.reached(seeds.iter().map(|&(id, _)| id));
        let learns = graph.by_owner(&reached);
        let mut allocator = BumpAllocator(0);
        let states = training.map_or(0, |training| training.optimizer.states());
        let weights = Weights::new(graph, element, &learns, states, &mut allocator)?;
        let live = fuse(graph, &graph.live(), leads);
        let folded: BTreeMap<NodeId, [Address; 2]> = live
            .iter()
            .filter_map(|group| group.norm)
            .map(|norm| {
                let bytes = graph.nodes()[norm].shape.channels() * 4;
                (norm, [allocator.take(bytes), allocator.take(bytes)])
            })
            .collect();
        let layout = setup.dataset.map(|dataset| dataset.layout(&mut allocator));
        let eval = Mode::Eval { folded: &folded };
        let lowering =
            |batch, mode| Lowering::new(graph, batch, &weights, mode, ProgramBuilder::new(element));
        let mut batches = BTreeMap::new();
        for &size in &sizes {
            let mut batch = Batch::new(graph, size, &seeds, &mut allocator)?;
            let x = batch.images;
            if let Some(layout) = &layout {
                let indices = layout.indices(size, &mut allocator);
                let gather = layout.gather(indices, size, graph.input(), x, element)?;
                batch.indices = Some((indices, gather));
            }
            batches.insert(size, batch);
        }
        let slots = LossSlots::new(learned.iter().copied().max().unwrap_or(0), &mut allocator)?;
        // behind what stays, all programs share one place
        let mut bytes = allocator.0;
        let mut place = |builder: ProgramBuilder| {
            let (program, end) = builder.place(allocator.0);
            bytes = bytes.max(end);
            program
        };
        let start = place(start(element, &weights)?);
        let fold = place(fold(lowering(1, eval), &live, &folded)?);
        for (&size, batch) in &mut batches {
            if setup.predict.contains(&size) {
                let (images, scores) = (batch.images, batch.scores);
                batch.predict = Some(place(predict(lowering(size, eval), &live, images, scores)?));
            }
            if let Some(training) = training.filter(|_| learned.contains(&size)) {
                let mode = Mode::Train {
                    norm: training.norm,
                    constants: &batch.constants,
                };
                let lowering = lowering(size, mode);
                batch.learn = Some(place(learn(lowering, training, &seeds, batch, slots)?));
            }
        }
        Ok(Plan {
            weights,
            layout,
            bytes,
            start,
            fold,
            slots,
            batches,
        })
    }

    /// The same with what becomes of each program.
    ///
    /// # Errors
    /// Those of `f`.
    pub fn map<Q>(
        self,
        mut f: impl FnMut(Program) -> Result<Q, GpuError>,
    ) -> Result<Plan<Q>, GpuError> {
        Ok(Plan {
            weights: self.weights,
            layout: self.layout,
            bytes: self.bytes,
            start: f(self.start)?,
            fold: f(self.fold)?,
            slots: self.slots,
            batches: (self.batches.into_iter())
                .map(|(size, batch)| Ok((size, batch.map(&mut f)?)))
                .collect::<Result<_, GpuError>>()?,
        })
    }
}

impl<P> Batch<P> {
    /// Without programs.
    fn new(
        graph: &Graph,
        size: usize,
        seeds: &[(NodeId, f64)],
        allocator: &mut BumpAllocator,
    ) -> Result<Batch<P>, GpuError> {
        let classes = seeds
            .iter()
            .map(|&(id, _)| graph.nodes()[id].shape.channels());
        let classes = classes.min().unwrap_or(0);
        Ok(Batch {
            constants: Constants::new(graph, size, classes, allocator),
            images: allocator.take(units(graph.input(), size)? * 4),
            scores: allocator.take(units(graph.prediction().shape, size)? * 4),
            indices: None,
            predict: None,
            learn: None,
        })
    }

    fn map<Q>(self, f: &mut impl FnMut(P) -> Result<Q, GpuError>) -> Result<Batch<Q>, GpuError> {
        let indices = self
            .indices
            .map(|(indices, gather)| Ok((indices, f(gather)?)));
        Ok(Batch {
            constants: self.constants,
            images: self.images,
            scores: self.scores,
            indices: indices.transpose()?,
            predict: self.predict.map(&mut *f).transpose()?,
            learn: self.learn.map(&mut *f).transpose()?,
        })
    }
}

/// Whether a layer leads a fused group.
fn leads(op: &Op) -> bool {
    leading(op).is_some()
}

/// Copies weights as units, and clears what has no number yet.
fn start(element: Element, weights: &Weights) -> Result<ProgramBuilder, GpuError> {
    let mut builder = ProgramBuilder::new(element);
    if let Some((low, count)) = weights.low().filter(|(_, count)| *count > 0) {
        launch!(builder, "cast", count, [weights.all().0, low])?;
    }
    let learned = weights.learned();
    let vectors = learned.count - learned.first;
    if let Some(matrices) = learned.matrices.filter(|_| learned.first > 0) {
        launch!(builder, "clear", learned.first, [matrices])?;
    }
    if let Some(place) = learned.vectors.filter(|_| vectors > 0) {
        launch!(builder, "clear_float", vectors, [place])?;
    }
    for &state in learned.state.iter().filter(|_| learned.count > 0) {
        launch!(builder, "clear_float", learned.count, [state])?;
    }
    Ok(builder)
}

/// A factor and a summand of each channel of each normalisation.
fn fold(
    mut lowering: Lowering<'_>,
    groups: &[FusedGroup],
    folded: &BTreeMap<NodeId, [Address; 2]>,
) -> Result<ProgramBuilder, GpuError> {
    for group in groups {
        let Some(norm) = group.norm else { continue };
        let Op::BatchNorm { eps, .. } = lowering.node(norm).op else {
            continue;
        };
        let [scale, shift] = folded[&norm];
        let offset = match norm == group.first {
            true => None,
            false => lowering.float(group.first, 1),
        };
        let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|which| lowering.float(norm, which));
        launch!(
            lowering.builder,
            "norm_folded",
            lowering.maps(norm).c,
            [mean, variance, weight, bias, offset, scale, shift, eps]
        )?;
    }
    Ok(lowering.builder)
}

fn predict(
    mut lowering: Lowering<'_>,
    groups: &[FusedGroup],
    images: Address,
    scores: Address,
) -> Result<ProgramBuilder, GpuError> {
    lowering.forward(groups, images)?;
    let id = lowering.graph.outputs()[0].node;
    let (maps, value) = (lowering.maps(id), lowering.value(id));
    let units = lowering.units(id);
    launch!(
        lowering.builder,
        "scores",
        units,
        [value, scores, maps.c, maps.plane()]
    )?;
    Ok(lowering.builder)
}

fn learn(
    mut lowering: Lowering<'_>,
    training: &Training,
    seeds: &[(NodeId, f64)],
    batch: &Batch<Program>,
    slots: LossSlots,
) -> Result<ProgramBuilder, GpuError> {
    let constants = &batch.constants;
    let graph = lowering.graph;
    // heads that do not count have running statistics all the same
    let groups = fuse(graph, &vec![true; graph.nodes().len()], leads);
    lowering.forward(&groups, batch.images)?;
    let mut gradients = GradBuffers::new(graph);
    for (i, &(id, weight)) in seeds.iter().enumerate() {
        let slot = constants.slot();
        let outputs = (i == 0).then_some(LossOutputs { slots, slot });
        lowering.loss(
            id,
            constants.labels(),
            outputs,
            training,
            weight,
            &mut gradients,
        )?;
    }
    lowering.backward(&groups, &mut gradients)?;
    let learned = lowering.weights.learned();
    update(
        &mut lowering.builder,
        &training.optimizer,
        &learned,
        constants.base(),
    )?;
    Ok(lowering.builder)
}

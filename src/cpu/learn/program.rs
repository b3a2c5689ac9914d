//! Which steps compute a network's outputs in training, and then the gradients, and where do their values stand?
//!
//! The gradient of a value stands as the value does: that of a concatenation is those of its parts one behind the other,
//! so that handing it on costs nothing. What several readers of a value give is added where it stands.

mod backward;
mod builder;
mod forward;

use super::super::algorithm::Convolutions;
use super::super::memory::{Memory, Place};
use super::super::places::Places;
use super::super::pool::Pooling;
use super::super::product::Product;
use super::super::units::Each;
use super::Part;
use super::gradient::WeightGradient;
use crate::graph::{Activation, FusedGroup, Graph, NodeId, Op, fuse};
use builder::Builder;
use std::collections::BTreeMap;

/// A step of training, ready to be run again and again.
pub(super) struct Program {
    /// The first ones compute the outputs.
    pub steps: Vec<Step>,
    pub forward: usize,
    /// Units of its memory.
    pub units: usize,
    /// Each output.
    pub outputs: Vec<(NodeId, Place)>,
}

/// One thing that is done.
pub(super) struct Step {
    pub work: Work,
    /// The layer.
    pub node: NodeId,
    pub reads: Vec<Place>,
    pub writes: Option<Place>,
}

/// What is done; where it says so, the result is added to what is there.
pub(super) enum Work {
    /// The images, as planes.
    Planes(usize),
    /// The images, in blocks.
    Blocks(usize),
    /// A convolution, by weights that are packed first.
    Product {
        product: Box<Product>,
        turned: bool,
    },
    Norm {
        relu: bool,
    },
    Each(Each),
    Pool(Box<Pooling>),
    Mean,
    Copy,
    Flatten,
    /// Channels in other lanes.
    Relane {
        channels: usize,
        add: bool,
    },
    /// As the second witness computes it, on tensors.
    Plain {
        dims: Vec<Vec<usize>>,
    },
    /// The outputs are read, and seeds come.
    Outputs,
    /// The gradient of an output.
    Seed {
        add: bool,
    },
    Zero,
    /// A gradient, cut where it stands.
    Mask,
    Pass {
        add: bool,
    },
    NormBack {
        relu: bool,
        add: bool,
    },
    WeightGradient(Box<WeightGradient>),
    Interleave {
        remainders: Vec<[usize; 2]>,
        stride: [usize; 2],
        add: bool,
    },
    PoolBack {
        pooling: Box<Pooling>,
        add: bool,
    },
    Spread {
        add: bool,
    },
    Unflatten {
        add: bool,
    },
    /// As the second witness computes it: reads the gradient, then what of the layer's inputs and its output is kept.
    PlainBack {
        dims: Vec<Vec<usize>>,
        kept: [bool; 2],
        /// Where the gradient of each input goes.
        inputs: Vec<Option<(Place, bool)>>,
    },
}

/// The layers that run as one in training: a normalisation with the sum and the ReLU behind it, a convolution with a ReLU.
pub(super) fn groups(graph: &Graph) -> Vec<FusedGroup> {
    let all = vec![true; graph.nodes().len()];
    let mut groups = fuse(graph, &all, |op| matches!(op, Op::BatchNorm { .. }));
    let mut readers = vec![0; graph.nodes().len()];
    let inputs = graph.nodes().iter().flat_map(|node| &node.inputs);
    inputs.for_each(|&input| readers[input] += 1);
    graph
        .outputs()
        .iter()
        .for_each(|output| readers[output.node] += 1);
    let mut taken = Vec::new();
    for group in &groups {
        let node = &graph.nodes()[group.first];
        if let (Op::Activation(Activation::Relu), [input]) = (&node.op, &node.inputs[..])
            && matches!(graph.nodes()[*input].op, Op::Conv(_))
            && readers[*input] == 1
        {
            taken.push((*input, group.first));
        }
    }
    for (conv, relu) in taken {
        groups.retain(|group| group.first != relu);
        let group = groups.iter_mut().find(|group| group.first == conv);
        let group = group.expect("a convolution is a group of its own");
        (group.relu, group.last) = (true, relu);
    }
    groups.sort_by_key(|group| group.last);
    groups
}

impl Program {
    /// For so many samples, and the gradients of those outputs.
    pub fn new(graph: &Graph, samples: usize, seeded: &[NodeId], winograd: bool) -> Program {
        let groups = groups(graph);
        let mut builder = Builder {
            graph,
            places: Places::new(
                Convolutions {
                    graph,
                    samples,
                    winograd,
                    training: true,
                },
                &groups,
            ),
            samples,
            steps: Vec::new(),
            memory: Memory::default(),
            gradients: BTreeMap::new(),
            started: BTreeMap::new(),
            gaps: vec![0; graph.nodes().len()],
            required: graph.requires_grad(false),
            planes: BTreeMap::new(),
        };
        builder.settle_gaps(&groups);
        groups.iter().for_each(|group| builder.forward(group));
        let outputs = graph.outputs().iter();
        let outputs: Vec<_> = outputs
            .map(|output| (output.node, builder.place(output.node)))
            .collect();
        let places = outputs.iter().map(|(_, place)| place.clone()).collect();
        let forward = builder.steps.len();
        builder.step(0, Work::Outputs, places, None);
        seeded.iter().for_each(|&id| builder.seed(id));
        groups
            .iter()
            .rev()
            .for_each(|group| builder.backward(group));
        builder.placed(forward, outputs)
    }

    /// Which part of a layer's work a step is; nothing of other layers, and of what comes from outside.
    pub fn part_of(&self, step: usize, id: NodeId) -> Option<Part> {
        let Step { work, node, .. } = &self.steps[step];
        match work {
            _ if *node != id => None,
            Work::Planes(_) | Work::Blocks(_) | Work::Outputs | Work::Seed { .. } => None,
            _ if step < self.forward => Some(Part::Forward),
            Work::WeightGradient(_) => Some(Part::WeightGradient),
            _ => Some(Part::InputGradient),
        }
    }
}

impl Builder<'_> {
    /// The program, its values at places of one memory.
    fn placed(mut self, forward: usize, mut outputs: Vec<(NodeId, Place)>) -> Program {
        let touched = self.steps.iter().map(|step| {
            let more: Vec<usize> = match &step.work {
                Work::PlainBack { inputs, .. } => inputs
                    .iter()
                    .flatten()
                    .map(|(place, _)| place.piece)
                    .collect(),
                _ => Vec::new(),
            };
            let reads = step.reads.iter().chain(&step.writes);
            reads
                .map(|place| place.piece)
                .chain(more)
                .collect::<Vec<_>>()
        });
        let memory = self.memory.settled(touched.collect());
        for step in &mut self.steps {
            let more: Vec<&mut Place> = match &mut step.work {
                Work::PlainBack { inputs, .. } => inputs
                    .iter_mut()
                    .flatten()
                    .map(|(place, _)| place)
                    .collect(),
                _ => Vec::new(),
            };
            let places = step.reads.iter_mut().chain(&mut step.writes).chain(more);
            places.for_each(|place| memory.settle(place));
        }
        outputs
            .iter_mut()
            .for_each(|(_, place)| memory.settle(place));
        Program {
            steps: self.steps,
            forward,
            units: memory.units,
            outputs,
        }
    }
}

//! Which steps compute a network's prediction, and where do their values stand?

mod groups;

use super::Unit;
use super::algorithm::Convolutions;
use super::layout::Layout;
use super::memory::{Memory, Place};
use super::places::Places;
use super::pool::Pooling;
use super::product::Product;
use super::units::{Each, Lanes};
use crate::graph::{FusedGroup, Graph, NodeId, Op, fuse};
use crate::net::{Net, NetError};
use candle_core::Tensor;
use std::collections::BTreeMap;

/// A pass, ready to be run again and again.
pub(super) struct Program {
    pub steps: Vec<Step>,
    /// Units of its memory.
    pub units: usize,
    pub output: Place,
}

/// One thing that is done.
pub(super) struct Step {
    pub work: Work,
    pub reads: Vec<Place>,
    pub writes: Place,
    /// The layer.
    pub path: String,
}

/// What is done.
pub(super) enum Work {
    /// The images, as planes.
    Planes(usize),
    /// The images, in blocks.
    Blocks(usize),
    Product(Product),
    Each(Each),
    /// The same times gates.
    Gate(Each),
    Lanes(Lanes),
    /// A function of each unit.
    Map(fn(f32) -> f32),
    Pool(Box<Pooling>),
    /// The mean of each map.
    Mean,
    Copy,
    Flatten,
    /// As the second witness computes it, on tensors of those dimensions.
    Plain {
        op: Op,
        dims: Vec<Vec<usize>>,
        weights: Vec<Tensor>,
    },
}

const fn leads(op: &Op) -> bool {
    matches!(
        op,
        Op::Conv(_) | Op::Linear { .. } | Op::BatchNorm { .. } | Op::Gate
    )
}

/// A program while it is being built.
struct Builder<'a> {
    net: &'a Net,
    graph: &'a Graph,
    places: Places<'a>,
    samples: usize,
    steps: Vec<Step>,
    memory: Memory,
    /// By convolution the normalisation that it computes as it reads.
    normalised: BTreeMap<NodeId, FusedGroup>,
}

impl Program {
    /// Of the prediction of a network for so many samples.
    ///
    /// # Errors
    /// [`NetError::Layer`] for weights that cannot be read.
    pub fn new(net: &Net, samples: usize, winograd: bool) -> Result<Program, NetError> {
        let graph = net.graph();
        let groups = fuse(graph, &graph.live(), leads);
        let mut builder = Builder {
            net,
            graph,
            places: Places::new(
                Convolutions {
                    graph,
                    samples,
                    winograd,
                    training: false,
                },
                &groups,
            ),
            samples,
            steps: Vec::new(),
            memory: Memory::default(),
            normalised: BTreeMap::new(),
        };
        builder.normalised = builder.normalised_by_readers(&groups);
        let by_readers: Vec<NodeId> = builder.normalised.values().map(|norm| norm.first).collect();
        for group in groups
            .iter()
            .filter(|group| !by_readers.contains(&group.first))
        {
            builder.group(group).map_err(|error| NetError::Layer {
                path: graph.nodes()[group.last].path.clone(),
                what: error.to_string(),
            })?;
        }
        let output = builder.place(graph.outputs()[0].node);
        Ok(builder.placed(output))
    }
}

impl Builder<'_> {
    /// The place of a value.
    fn place(&mut self, id: NodeId) -> Place {
        self.memory.place(&self.places, id)
    }

    fn step(&mut self, id: NodeId, work: Work, reads: Vec<Place>, writes: Place) {
        self.steps.push(Step {
            work,
            reads,
            writes,
            path: self.graph.nodes()[id].path.clone(),
        });
    }

    /// The same value with channels in those lanes.
    fn in_lanes(&mut self, id: NodeId, of: &Layout) -> Place {
        let place = self.place(id);
        if place.layout.lanes == of.lanes {
            return place;
        }
        let layout = place.layout.with_lanes_of(of);
        let to = self.memory.passing(layout.clone());
        let lanes = Lanes::new(&place.layout, layout, 1, Some);
        self.step(id, Work::Lanes(lanes), vec![place], to.clone());
        to
    }

    /// The program, its values at places of one memory.
    fn placed(mut self, mut output: Place) -> Program {
        // the output is read at the end
        let touched = self.steps.iter().map(|step| {
            let reads = step.reads.iter().map(|place| place.piece);
            reads.chain([step.writes.piece]).collect::<Vec<_>>()
        });
        let end = [vec![output.piece]];
        let memory = self.memory.settled(touched.chain(end).collect());
        for step in &mut self.steps {
            let places = step.reads.iter_mut().chain([&mut step.writes]);
            places.for_each(|place| memory.settle(place));
        }
        memory.settle(&mut output);
        Program {
            steps: self.steps,
            units: memory.units,
            output,
        }
    }
}

/// A number of each channel, in lanes; zero where there is no channel.
fn of_lanes(numbers: &[f32], lanes: &[u32]) -> Unit<f32> {
    std::array::from_fn(|lane| numbers.get(lanes[lane] as usize).copied().unwrap_or(0.0))
}

//! A network that learns on the CPU: its outputs in training, and from their gradients those of its weights.

mod gradient;
mod moves;
mod norm;
mod pass;
mod phases;
mod program;

use super::buffer::Buffer;
use crate::graph::{Graph, NodeId};
use crate::net::{Accumulator, Gradients, Mode, Net, NetError};
use crate::ops::batch_norm::Statistics;
use crate::ops::{self, view};
use candle_core::{Error, Result, Tensor};
use norm::Lanes;
use pass::{Pass, from_blocks};
use program::Program;

/// What trains a network in f32, to the rounding errors of transformed sums as [`Net::forward`] and [`Net::backward`] do.
/// The weights are those of the network at each pass.
///
/// It has programs for batches of the two sizes that came last, as the last batch of an epoch is a smaller one.
pub struct Learner {
    seeded: Vec<NodeId>,
    winograd: bool,
    ready: Vec<Ready>,
    memory: Buffer<f32>,
    /// Of the last pass.
    mode: Option<Mode>,
    state: State,
}

/// A part of what a layer does in a step of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its value, by weights that are packed first.
    Forward,
    /// The gradients that it hands on, and those of its weights where both are one.
    InputGradient,
    /// The gradient of its weights, where that is for itself.
    WeightGradient,
}

/// A program for batches of one size.
struct Ready {
    samples: usize,
    program: Program,
}

/// Programs that are kept.
const KEPT: usize = 2;

/// What steps leave for others besides values.
struct State {
    /// By layer, what a normalisation went by.
    lanes: Vec<Lanes>,
    statistics: Vec<Option<Statistics>>,
    seeds: Vec<Option<Tensor>>,
    weights: Accumulator<Vec<Tensor>>,
}

impl Learner {
    /// Of networks of that graph, by the gradients of those layers' values.
    pub fn new(graph: &Graph, seeded: &[NodeId]) -> Learner {
        Learner {
            seeded: seeded.to_vec(),
            winograd: true,
            ready: Vec::new(),
            memory: Buffer::new(0),
            mode: None,
            state: State::new(graph),
        }
    }

    /// The same without Winograd's filtering, whose rounding errors are larger than those of plain sums.
    pub fn direct(graph: &Graph, seeded: &[NodeId]) -> Learner {
        Learner {
            winograd: false,
            ..Learner::new(graph, seeded)
        }
    }

    /// Bytes of all values and gradients of the largest batch.
    pub fn bytes(&self) -> usize {
        size_of_val(self.memory.units())
    }

    /// Computes the outputs of a batch.
    ///
    /// # Errors
    /// As [`Net::forward`].
    pub fn forward(
        &mut self,
        net: &Net,
        x: &Tensor,
        mode: Mode,
    ) -> std::result::Result<(), NetError> {
        let samples = net.accept(x)?;
        let of_input = |error: Error| failed(net, 0, &error);
        let x = x.contiguous().map_err(of_input)?;
        let images = view::<f32>(&x).map_err(of_input)?;
        self.plan(net.graph(), samples)?;
        self.state = State::new(net.graph());
        self.mode = Some(mode);
        let forward = self.now().program.forward;
        self.run(net, mode, &images, 0..forward)
    }

    /// Has the program for batches of that size stand last.
    fn plan(&mut self, graph: &Graph, samples: usize) -> std::result::Result<(), NetError> {
        let found = self.ready.iter().position(|it| it.samples == samples);
        let ready = match found {
            Some(at) => self.ready.remove(at),
            None => Ready {
                samples,
                program: Program::new(graph, samples, &self.seeded, self.winograd),
            },
        };
        if self.ready.len() == KEPT {
            self.ready.remove(0);
        }
        if self.memory.units().len() < ready.program.units {
            // what there was goes before there is more, and with it the last pass
            self.memory = Buffer::new(0);
            let kept = std::mem::take(&mut self.ready);
            self.memory = Buffer::of_batch(ready.program.units)?;
            self.ready = kept;
        }
        self.ready.push(ready);
        Ok(())
    }

    /// The program of the last pass.
    fn now(&self) -> &Ready {
        self.ready.last().expect("a pass has been planned")
    }

    /// The value of an output in the last pass.
    ///
    /// # Errors
    /// [`NetError::Layer`] for a layer that is no output, or before a pass.
    pub fn output(&self, net: &Net, id: NodeId) -> std::result::Result<Tensor, NetError> {
        let outputs = self
            .ready
            .last()
            .map(|ready| (ready, &ready.program.outputs));
        let found = outputs.and_then(|(ready, outputs)| {
            let (_, place) = outputs.iter().find(|(output, _)| *output == id)?;
            Some((ready.samples, place))
        });
        let tensor = match found {
            Some((samples, place)) => {
                let dims = net.graph().nodes()[id].shape.of_batch(samples);
                from_blocks(self.memory.units(), place, &dims)
            }
            None => Err(Error::Msg("has not been computed as an output".into())),
        };
        tensor.map_err(|error| failed(net, id, &error))
    }

    /// By layer, the statistics of the batch at the normalisations that ran by them.
    pub fn statistics(&self) -> &[Option<Statistics>] {
        &self.state.statistics
    }

    /// The gradients of the sum of value times seed over the seeded layers, a seed for each, after a pass.
    ///
    /// # Errors
    /// [`NetError::Layer`] for a seed of another shape and for a layer that fails.
    pub fn backward(
        &mut self,
        net: &Net,
        seeds: &[(NodeId, &Tensor)],
    ) -> std::result::Result<Gradients, NetError> {
        let wrong = |id: NodeId, what: &str| failed(net, id, &Error::Msg(what.into()));
        let mode = self.mode.take();
        let mode = mode.ok_or_else(|| wrong(0, "has not been computed"))?;
        for &id in &self.seeded {
            let seed = seeds.iter().find(|(of, _)| *of == id);
            let (_, seed) = seed.ok_or_else(|| wrong(id, "has no seed"))?;
            let dims = net.graph().nodes()[id].shape.of_batch(self.now().samples);
            if seed.dims() != dims {
                let what = format!("a seed of {:?} for a value of {dims:?}", seed.dims());
                return Err(wrong(id, &what));
            }
            self.state.seeds[id] = Some((*seed).clone());
        }
        let program = &self.now().program;
        let steps = program.forward..program.steps.len();
        self.run(net, mode, &[], steps)?;
        let none = Accumulator::new(Vec::new());
        let layers = std::mem::replace(&mut self.state.weights, none).into_sums();
        let layers = layers.into_iter().map(Option::unwrap_or_default).collect();
        Ok(Gradients::of_layers(layers))
    }

    /// Does a part of what a layer did in the last step once more, by what its memory holds now: the work is the same,
    /// the numbers are not. For who measures how long it takes.
    ///
    /// # Errors
    /// [`NetError::Layer`] before a step, for a layer that has no such part, and for one that fails.
    pub fn again(
        &mut self,
        net: &Net,
        mode: Mode,
        id: NodeId,
        part: Part,
    ) -> std::result::Result<(), NetError> {
        let nodes = net.graph().nodes().len();
        self.state.weights = Accumulator::new(vec![true; nodes]);
        let steps = self.ready.last().map_or(Vec::new(), |ready| {
            let is_of = |&i: &usize| ready.program.part_of(i, id) == Some(part);
            (0..ready.program.steps.len()).filter(is_of).collect()
        });
        if steps.is_empty() {
            let what = Error::Msg(format!("has no {part:?} in what was computed last"));
            return Err(failed(net, id, &what));
        }
        let mut steps = steps.into_iter();
        steps.try_for_each(|i| self.run(net, mode, &[], i..i + 1))
    }

    fn run(
        &mut self,
        net: &Net,
        mode: Mode,
        images: &[f32],
        steps: std::ops::Range<usize>,
    ) -> std::result::Result<(), NetError> {
        let ready = self.ready.last_mut().expect("a pass has been planned");
        let (program, memory) = (&mut ready.program, self.memory.units_mut());
        let pass = Pass { net, mode, images };
        let state = &mut self.state;
        net.pass(|| {
            let mut steps = program.steps[steps].iter_mut();
            steps.try_for_each(|step| {
                net.go_on()?;
                let node = step.node;
                (pass.step(step, state, memory)).map_err(|error| failed(net, node, &error))
            })
        })
    }
}

impl State {
    fn new(graph: &Graph) -> State {
        let nodes = graph.nodes().len();
        State {
            lanes: (0..nodes).map(|_| Lanes::default()).collect(),
            statistics: vec![None; nodes],
            seeds: vec![None; nodes],
            weights: Accumulator::new(vec![true; nodes]),
        }
    }

    fn take_gradients(&mut self, owner: NodeId, gradients: Vec<Tensor>) -> Result<()> {
        (self.weights).accumulate(owner, gradients, |sums: Vec<Tensor>, more| {
            let pairs = sums.into_iter().zip(more);
            pairs
                .map(|(sum, more)| ops::join::add(&sum, &more))
                .collect()
        })
    }
}

fn failed(net: &Net, id: NodeId, error: &Error) -> NetError {
    NetError::Layer {
        path: net.graph().nodes()[id].path.clone(),
        what: error.to_string(),
    }
}

#[cfg(test)]
mod tests;

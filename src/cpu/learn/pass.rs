//! How each step of training is done.

use super::super::algorithm::of_group;
use super::super::layout::{Layout, Maps};
use super::super::memory::Place;
use super::super::predictor::apart;
use super::super::weights::Weights;
use super::super::weights::of_table;
use super::super::{LANES, Unit, pool, turn, units};
use super::State;
use super::moves;
use super::norm::{self, Lanes, of_channels};
use super::program::{Step, Work};
use crate::graph::{NodeId, Op};
use crate::net::{Mode, Net};
use crate::ops::batch_norm::Statistics;
use crate::ops::{self, LayerGradients, Saved, view};
use candle_core::{Device, Error, Result, Tensor};
use std::borrow::Cow;

/// A value as a tensor.
pub(super) fn from_blocks(memory: &[Unit<f32>], place: &Place, dims: &[usize]) -> Result<Tensor> {
    let units = &memory[place.units.clone()];
    let layout = &place.layout;
    let maps = turn::from_blocks(Maps { units, layout }, dims[1]);
    Tensor::from_vec(maps, dims, &Device::Cpu)
}

/// A tensor as a value, or added to it.
fn to_blocks(x: &Tensor, add: bool, place: &Place, memory: &mut [Unit<f32>]) -> Result<()> {
    let x = x.contiguous()?;
    let (numbers, channels) = (view::<f32>(&x)?, x.dims()[1]);
    let (layout, out) = (&place.layout, &mut memory[place.units.clone()]);
    if !add {
        turn::to_blocks(&numbers, channels, layout, out);
        return Ok(());
    }
    let mut units = vec![[0.0; LANES]; layout.units()];
    turn::to_blocks(&numbers, channels, layout, &mut units);
    let more = Maps {
        units: &units,
        layout,
    };
    moves::pass(more, true, layout, out);
    Ok(())
}

/// What all steps of a pass know.
pub(super) struct Pass<'a> {
    pub net: &'a Net,
    pub mode: Mode,
    pub images: &'a [f32],
}

impl Pass<'_> {
    pub fn step(&self, step: &mut Step, state: &mut State, memory: &mut [Unit<f32>]) -> Result<()> {
        let id = step.node;
        match &step.work {
            Work::Outputs => return Ok(()),
            Work::Plain { dims } => return self.plain(step, dims, memory),
            Work::PlainBack { dims, kept, inputs } => {
                let gradients = self.plain_back(step, dims, *kept, inputs, memory)?;
                return state.take_gradients(self.net.graph().owner(id), gradients);
            }
            Work::Relane { channels, add } => {
                let (from, to) = (&step.reads[0], step.writes.as_ref().expect("it writes"));
                let layout = &from.layout;
                let dims = [layout.samples, *channels, layout.height, layout.width];
                let x = from_blocks(memory, from, &dims)?;
                return to_blocks(&x, *add, to, memory);
            }
            Work::Seed { add } => {
                let seed = state.seeds[id].take().expect("each seed has come");
                let to = step.writes.as_ref().expect("it writes");
                return to_blocks(&seed, *add, to, memory);
            }
            _ => {}
        }
        let nowhere = &Layout {
            lanes: [].into(),
            samples: 0,
            height: 0,
            width: 0,
            gap: 0,
        };
        let (layout, to) = match &step.writes {
            Some(place) => (&place.layout, place.units.clone()),
            None => (nowhere, 0..0),
        };
        let (out, reads) = apart(memory, to, &step.reads);
        let at = |i: usize| Maps {
            units: reads[i],
            layout: &step.reads[i].layout,
        };
        let second = (reads.len() > 1).then(|| at(1));
        match &mut step.work {
            Work::Planes(channels) => {
                turn::to_planes(self.images, *channels, layout, out.as_flattened_mut());
            }
            Work::Blocks(channels) => turn::to_blocks(self.images, *channels, layout, out),
            Work::Product { product, turned } => {
                let bias = self.net.weights_of(id).get(1).filter(|_| !*turned);
                let bias = bias.map(view::<f32>).transpose()?;
                self.with_weights(id, *turned, |weights| {
                    product.pack(weights, bias.as_deref());
                })?;
                product.run(reads[0], None, out);
            }
            Work::Norm { relu } => {
                let relu = *relu;
                let lanes = self.normalised(id, at(0), state)?;
                norm::forward(&lanes, at(0), second, relu, layout, out);
                state.lanes[id] = lanes;
            }
            Work::Each(each) => each.run(at(0), None, second, out),
            Work::Pool(pooling) => pooling.run(at(0), out),
            Work::Mean => pool::mean(at(0), layout, out),
            Work::Copy => units::copy(at(0), layout, out),
            Work::Flatten => turn::flatten(at(0), out),
            Work::Zero => moves::zero(layout, out),
            Work::Mask => moves::mask(at(0), layout, out),
            Work::Pass { add } => moves::pass(at(0), *add, layout, out),
            Work::NormBack { relu, add } => {
                let of_batch = state.statistics[id].is_some();
                let (lanes, dy) = (&state.lanes[id], second.expect("its gradient"));
                let dx = step.writes.is_some().then_some(out);
                let flags = [*relu, of_batch];
                let sums = norm::backward(lanes, at(0), dy, flags, (layout, *add), dx);
                let channels = self.net.graph().nodes()[id].shape.channels();
                let tensors = sums.map(|sums| {
                    let numbers = of_channels(&sums, &step.reads[0].layout, channels, 0.0);
                    Tensor::from_vec(numbers, channels, &Device::Cpu)
                });
                let [weight, bias] = tensors;
                state.take_gradients(self.net.graph().owner(id), vec![weight?, bias?])?;
            }
            Work::WeightGradient(gradient) => {
                let dy = second.expect("its gradient");
                let numbers = gradient.run(reads[0].as_flattened(), dy.units);
                let weights = self.net.weights_of(id);
                let numbers = match self.table(id) {
                    Some((table, channels, taps)) => picked(table, &numbers, channels, taps),
                    None => numbers,
                };
                let mut tensors = vec![Tensor::from_vec(numbers, weights[0].dims(), &Device::Cpu)?];
                if let Some(bias) = weights.get(1) {
                    let sums = norm::totals(dy);
                    let channels = bias.elem_count();
                    let numbers = of_channels(&sums, dy.layout, channels, 0.0);
                    tensors.push(Tensor::from_vec(numbers, channels, &Device::Cpu)?);
                }
                state.take_gradients(self.net.graph().owner(id), tensors)?;
            }
            Work::Interleave {
                remainders,
                stride,
                add,
            } => {
                let phases = remainders.iter().enumerate();
                let phases: Vec<_> = phases.map(|(i, place)| (*place, at(i))).collect();
                moves::interleave(&phases, *stride, *add, layout, out);
            }
            Work::PoolBack { pooling, add } => {
                let [x, y] = match reads.len() {
                    3 => [at(1), at(2)],
                    _ => [at(0), at(0)],
                };
                moves::pooled(pooling, [x, y], at(0), *add, layout, out);
            }
            Work::Spread { add } => moves::spread(at(0), *add, layout, out),
            Work::Unflatten { add } => moves::unflatten(reads[0], *add, layout, out),
            Work::Outputs
            | Work::Plain { .. }
            | Work::PlainBack { .. }
            | Work::Relane { .. }
            | Work::Seed { .. } => unreachable!("it has been run"),
        }
        Ok(())
    }

    /// The table of a convolution that has one, with its input's channels and its taps.
    fn table(&self, id: NodeId) -> Option<(&[Vec<usize>], usize, usize)> {
        let graph = self.net.graph();
        let node = &graph.nodes()[id];
        match &node.op {
            Op::Conv(conv) => {
                let channels = graph.input_of(node).channels();
                let table = conv.table.as_ref()?;
                Some((table, channels, conv.window.taps()))
            }
            _ => None,
        }
    }

    fn with_weights(&self, id: NodeId, turned: bool, f: impl FnOnce(Weights)) -> Result<()> {
        let graph = self.net.graph();
        let node = &graph.nodes()[id];
        let Op::Conv(conv) = &node.op else {
            unreachable!("a convolution has weights to pack");
        };
        let weights = view::<f32>(&self.net.weights_of(id)[0])?;
        let numbers: Cow<[f32]> = match self.table(id) {
            Some((table, channels, taps)) => Cow::Owned(of_table(table, &weights, channels, taps)),
            None => Cow::Borrowed(&weights),
        };
        f(Weights {
            numbers: &numbers,
            group: of_group(conv, graph.input_of(node).channels()),
            taps: conv.window.taps(),
            turned,
        });
        Ok(())
    }

    /// What a normalisation of `x` goes by.
    fn normalised(&self, id: NodeId, x: Maps<f32>, state: &mut State) -> Result<Lanes> {
        let node = &self.net.graph().nodes()[id];
        let Op::BatchNorm { eps, .. } = node.op else {
            unreachable!("it is a normalisation");
        };
        let weights = self.net.weights_of(id);
        let channels = node.shape.channels();
        let of = |i: usize| Ok::<_, Error>(x.layout.in_lanes(&view::<f32>(&weights[i])?));
        let units = x.layout.rows() * x.layout.width;
        let correction = self.mode.norm().correction(units).map_err(Error::Msg)?;
        let [mean, variance] = match correction {
            None => [of(2)?, of(3)?],
            Some(_) => norm::statistics(x),
        };
        if correction.is_some() {
            let tensor = |lanes: &[Unit<f32>]| {
                let numbers = of_channels(lanes, x.layout, channels, 0.0);
                Tensor::from_vec(numbers, channels, &Device::Cpu)
            };
            state.statistics[id] = Some(Statistics {
                mean: tensor(&mean)?,
                variance: tensor(&variance)?,
            });
        }
        let inverse: Vec<Unit<f64>> = (variance.iter())
            .map(|unit| unit.map(|variance| 1.0 / (f64::from(variance) + eps).sqrt()))
            .collect();
        let weight = of(0)?;
        let scale = weight.iter().zip(&variance).map(|(weight, variance)| {
            std::array::from_fn(|lane| {
                (f64::from(weight[lane]) / (f64::from(variance[lane]) + eps).sqrt()) as f32
            })
        });
        Ok(Lanes {
            scale: scale.collect(),
            bias: of(1)?,
            mean,
            inverse,
        })
    }

    /// Computes a layer on tensors.
    fn plain(&self, step: &Step, dims: &[Vec<usize>], memory: &mut [Unit<f32>]) -> Result<()> {
        let id = step.node;
        let inputs =
            (step.reads.iter().zip(dims)).map(|(place, dims)| from_blocks(memory, place, dims));
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        let inputs: Vec<&Tensor> = inputs.iter().collect();
        let op = &self.net.graph().nodes()[id].op;
        let y = ops::forward(op, &inputs, self.net.weights_of(id), self.mode.key(id))?;
        let to = step.writes.as_ref().expect("it writes");
        to_blocks(&y, false, to, memory)
    }

    /// The gradients of a layer on tensors: those of its weights.
    fn plain_back(
        &self,
        step: &Step,
        dims: &[Vec<usize>],
        kept: [bool; 2],
        inputs: &[Option<(Place, bool)>],
        memory: &mut [Unit<f32>],
    ) -> Result<Vec<Tensor>> {
        let id = step.node;
        let node = &self.net.graph().nodes()[id];
        let own = node.shape.of_batch(dims[0][0]);
        let dy = from_blocks(memory, &step.reads[0], &own)?;
        let [of_inputs, of_output] = kept;
        let mut values: Vec<Option<Tensor>> = vec![None; dims.len()];
        if of_inputs {
            for ((value, place), dims) in values.iter_mut().zip(&step.reads[1..]).zip(dims) {
                *value = Some(from_blocks(memory, place, dims)?);
            }
        }
        let output = match (of_output, step.reads.last()) {
            (true, Some(place)) => Some(from_blocks(memory, place, &own)?),
            _ => None,
        };
        let saved = Saved {
            weights: self.net.weights_of(id),
            key: self.mode.key(id),
            inputs: values.iter().map(Option::as_ref).collect(),
            dims: dims.to_vec(),
            output: output.as_ref(),
            input_required: inputs[0].is_some(),
        };
        let LayerGradients {
            inputs: dx,
            weights,
        } = ops::backward(&node.op, &saved, &dy)?;
        for (slot, dx) in inputs.iter().zip(dx) {
            if let (Some((place, add)), Some(dx)) = (slot, dx) {
                to_blocks(&dx, *add, place, memory)?;
            }
        }
        Ok(weights)
    }
}

/// Of gradients for every pair of maps those that a connection table names.
fn picked(table: &[Vec<usize>], numbers: &[f32], channels: usize, taps: usize) -> Vec<f32> {
    let rows = table.iter().enumerate();
    let kernels =
        rows.flat_map(|(out, row)| row.iter().map(move |channel| out * channels + channel));
    kernels
        .flat_map(|kernel| numbers[kernel * taps..][..taps].iter().copied())
        .collect()
}

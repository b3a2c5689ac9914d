//! A network that predicts on the CPU.

use super::buffer::Buffer;
use super::layout::Maps;
use super::memory::Place;
use super::plan::{Program, Step, Work};
use super::{Unit, pool, turn, units};
use crate::net::{Net, NetError};
use crate::ops::{self, view};
use candle_core::{Device, Tensor};

/// A network that predicts in f32, to the rounding errors of fused and transformed sums as [`Net::forward`] does.
///
/// It has one program, for batches of the size that came last: who runs through many images has two sizes at most, that
/// of the last batch being the second.
pub struct Predictor {
    net: Net,
    winograd: bool,
    ready: Option<Ready>,
}

/// A program and its memory.
struct Ready {
    samples: usize,
    program: Program,
    memory: Buffer<f32>,
}

impl Predictor {
    /// Of a network with the weights that it has now.
    pub fn new(net: &Net) -> Predictor {
        Predictor {
            net: net.clone(),
            winograd: true,
            ready: None,
        }
    }

    /// The same without Winograd's filtering, whose rounding errors are larger than those of plain sums.
    pub fn direct(net: &Net) -> Predictor {
        Predictor {
            winograd: false,
            ..Predictor::new(net)
        }
    }

    /// The network.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Plans for batches of so many samples, as [`Predictor::predict`] does where it has to.
    ///
    /// # Errors
    /// [`NetError::Layer`] for a layer whose weights cannot be read, as those of a network of f64; [`NetError::Graph`] for a
    /// batch that does not fit into memory.
    pub fn plan(&mut self, samples: usize) -> Result<(), NetError> {
        if self.ready.as_ref().is_none_or(|it| it.samples != samples) {
            // the program of another size goes before there is a new one
            self.ready = None;
            let program = Program::new(&self.net, samples, self.winograd)?;
            self.ready = Some(Ready {
                samples,
                memory: Buffer::of_batch(program.units)?,
                program,
            });
        }
        Ok(())
    }

    /// The prediction for a batch, `[n, classes]` or maps. It ends before a step if the network is [watched](Net::watched)
    /// and does not go on.
    ///
    /// # Errors
    /// As [`Net::forward`].
    pub fn predict(&mut self, x: &Tensor) -> Result<Tensor, NetError> {
        let samples = self.net.accept(x)?;
        self.plan(samples)?;
        let Predictor { net, ready, .. } = self;
        let prediction = net.graph().prediction();
        let failed = |path: &str, error: candle_core::Error| NetError::Layer {
            path: path.to_string(),
            what: error.to_string(),
        };
        let of_input = |error| failed(&net.graph().nodes()[0].path, error);
        let x = x.contiguous().map_err(of_input)?;
        let images = view::<f32>(&x).map_err(of_input)?;
        let images: &[f32] = &images;
        let Ready {
            program, memory, ..
        } = ready.as_mut().expect("it was made");
        let units = memory.units_mut();
        net.pass(|| {
            program.steps.iter().try_for_each(|step| {
                net.go_on()?;
                run(step, images, units).map_err(|error| failed(&step.path, error))
            })
        })?;
        let Place { units, layout, .. } = &program.output;
        let units = &memory.units()[units.clone()];
        let scores = turn::from_blocks(Maps { units, layout }, prediction.shape.channels());
        let dims = prediction.shape.of_batch(samples);
        let scores = Tensor::from_vec(scores, dims, &Device::Cpu);
        scores.map_err(|error| failed(&prediction.path, error))
    }
}

fn run(step: &Step, images: &[f32], memory: &mut [Unit<f32>]) -> candle_core::Result<()> {
    let (layout, to) = (&step.writes.layout, step.writes.units.clone());
    if let Work::Plain { op, dims, weights } = &step.work {
        let inputs = (step.reads.iter().zip(dims)).map(|(place, dims)| {
            let units = &memory[place.units.clone()];
            let maps = turn::from_blocks(
                Maps {
                    units,
                    layout: &place.layout,
                },
                dims[1],
            );
            Tensor::from_vec(maps, &dims[..], &Device::Cpu)
        });
        let inputs = inputs.collect::<candle_core::Result<Vec<_>>>()?;
        let inputs: Vec<&Tensor> = inputs.iter().collect();
        let y = ops::forward(op, &inputs, weights, None)?.contiguous()?;
        turn::to_blocks(&view::<f32>(&y)?, y.dims()[1], layout, &mut memory[to]);
        return Ok(());
    }
    let (out, reads) = apart(memory, to, &step.reads);
    let at = |i: usize| Maps {
        units: reads[i],
        layout: &step.reads[i].layout,
    };
    let add = (reads.len() > 1).then(|| at(1));
    match &step.work {
        Work::Planes(channels) => {
            turn::to_planes(images, *channels, layout, out.as_flattened_mut())
        }
        Work::Blocks(channels) => turn::to_blocks(images, *channels, layout, out),
        Work::Product(product) => product.run(reads[0], add, out),
        Work::Each(each) => each.run(at(0), None, add, out),
        Work::Gate(each) => each.run(at(0), Some(at(1)), (reads.len() > 2).then(|| at(2)), out),
        Work::Lanes(lanes) => lanes.run(at(0), out),
        Work::Map(function) => units::map(at(0), *function, layout, out),
        Work::Pool(pooling) => pooling.run(at(0), out),
        Work::Mean => pool::mean(at(0), layout, out),
        Work::Copy => units::copy(at(0), layout, out),
        Work::Flatten => turn::flatten(at(0), out),
        Work::Plain { .. } => unreachable!("it has been run"),
    }
    Ok(())
}

/// The units that a step writes, and those that it reads, none of which it writes.
pub(super) fn apart<'m>(
    memory: &'m mut [Unit<f32>],
    to: std::ops::Range<usize>,
    reads: &[Place],
) -> (&'m mut [Unit<f32>], Vec<&'m [Unit<f32>]>) {
    let (before, rest) = memory.split_at_mut(to.start);
    let (out, behind) = rest.split_at_mut(to.len());
    let (before, behind) = (&*before, &*behind);
    let read = |place: &Place| match place.units.end <= to.start {
        true => &before[place.units.clone()],
        false => &behind[place.units.start - to.end..place.units.end - to.end],
    };
    let reads = reads.iter().map(read).collect();
    (out, reads)
}

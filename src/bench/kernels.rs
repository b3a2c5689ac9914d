//! Layers by themselves, on the shapes that the networks have, as a step of training runs them.

use super::workload::SEED;
use super::{BenchError, Pass, What};
use crate::cpu::{Learner, Part};
use crate::graph::{Conv, Graph, Shape, Value, Window, conv, pool};
use crate::net::{Fill, Init, Mode, Net};
use candle_core::DType;

/// A pass of a layer on a shape.
pub struct Kernel {
    layer: Layer,
    pass: Pass,
    input: [usize; 4],
}

/// What is timed.
pub type Runnable = Box<dyn FnMut() -> Result<(), BenchError>>;

#[derive(Clone)]
enum Layer {
    Conv(Conv),
    MaxPool(Window),
    BatchNorm,
    Relu,
}

/// Samples, input maps, output maps, side, kernel, stride, padding, groups.
#[rustfmt::skip]
const CONVOLUTIONS: &[[usize; 8]] = &[
    [8, 64, 64, 56, 3, 1, 1, 1],
    [8, 256, 64, 56, 1, 1, 0, 1],
    [8, 64, 256, 56, 1, 1, 0, 1],
    [8, 512, 512, 7, 3, 1, 1, 1],
    [8, 3, 64, 224, 7, 2, 3, 1],
    [64, 16, 16, 32, 3, 1, 1, 1],
    [64, 32, 32, 16, 3, 1, 1, 1],
    [64, 64, 64, 8, 3, 1, 1, 1],
    [8, 128, 128, 28, 3, 1, 1, 1],
    [8, 256, 256, 14, 3, 1, 1, 1],
    [8, 256, 512, 14, 1, 2, 0, 1],
    [8, 64, 128, 56, 3, 2, 1, 1],
    [2, 128, 128, 56, 3, 1, 1, 32],
    [32, 3, 16, 32, 5, 1, 0, 1],
    [32, 6, 16, 14, 5, 1, 0, 1],
    [8, 2048, 512, 7, 1, 1, 0, 1],
    [8, 512, 2048, 7, 1, 1, 0, 1],
];

/// Maps of the layers without a window, and of pooling.
const MAPS: [usize; 4] = [8, 64, 112, 112];

/// Channels of images.
const IMAGE: usize = 3;

/// Each pass of each layer.
pub fn kernels() -> Vec<Kernel> {
    let mut kernels = Vec::new();
    for &[n, maps, out, side, kernel, stride, pad, groups] in CONVOLUTIONS {
        let conv = conv(out, kernel).stride(stride).pad(pad).groups(groups);
        let conv = conv.no_bias();
        for pass in [Pass::Forward, Pass::InputGradient, Pass::WeightGradient] {
            // nobody needs the gradient of images
            if maps == IMAGE && pass == Pass::InputGradient {
                continue;
            }
            kernels.push(Kernel {
                layer: Layer::Conv(conv.clone()),
                pass,
                input: [n, maps, side, side],
            });
        }
    }
    let window = pool(3).stride(2).pad(1);
    for layer in [Layer::BatchNorm, Layer::Relu, Layer::MaxPool(window)] {
        for pass in [Pass::Forward, Pass::Backward] {
            kernels.push(Kernel {
                layer: layer.clone(),
                pass,
                input: MAPS,
            });
        }
    }
    kernels
}

impl Kernel {
    /// What it is.
    pub fn what(&self) -> What {
        let [n, c, side, _] = self.input;
        let inputs = self.input.iter().product::<usize>();
        let outputs = self.output().iter().product::<usize>();
        let shape = format!("{n}x{c}x{side}x{side}");
        let stride = |window: &Window| match window.stride {
            [1, _] => String::new(),
            [stride, _] => format!("/{stride}"),
        };
        let (name, flop, numbers) = match &self.layer {
            Layer::Conv(conv) => {
                let [kernel, _] = conv.window.kernel;
                let groups = match conv.groups {
                    1 => String::new(),
                    groups => format!(" in {groups} groups"),
                };
                let step = stride(&conv.window);
                let name = format!(
                    "conv {kernel}x{kernel}{step} {shape} to {}{groups}",
                    conv.out
                );
                let taps = c / conv.groups * conv.window.taps();
                (name, 2 * outputs * taps, inputs + outputs + conv.out * taps)
            }
            Layer::MaxPool(window) => {
                let [kernel, _] = window.kernel;
                let name = format!("max pool {kernel}x{kernel}{} {shape}", stride(window));
                let numbers = match self.pass {
                    Pass::Forward => inputs + outputs,
                    _ => 2 * inputs + outputs,
                };
                (name, outputs * (window.taps() - 1), numbers)
            }
            // mean, variance, scale and shift; then two sums over the gradient, and three factors
            Layer::BatchNorm => match self.pass {
                Pass::Forward => (format!("batch norm {shape}"), 6 * inputs, 2 * inputs),
                _ => (format!("batch norm {shape}"), 8 * inputs, 3 * inputs),
            },
            Layer::Relu => match self.pass {
                Pass::Forward => (format!("ReLU {shape}"), inputs, 2 * inputs),
                _ => (format!("ReLU {shape}"), inputs, 3 * inputs),
            },
        };
        What::Kernel {
            name,
            pass: self.pass,
            flop: flop as u64,
            bytes: (numbers * size_of::<f32>()) as u64,
        }
    }

    fn output(&self) -> [usize; 4] {
        let [n, c, h, w] = self.input;
        let through = |window: &Window, maps: usize| {
            let side = |axis: usize, input: usize| {
                let axis = window.axis(axis, input);
                axis.expect("the shapes above fit their windows").output
            };
            [n, maps, side(0, h), side(1, w)]
        };
        match &self.layer {
            Layer::Conv(conv) => through(&conv.window, conv.out),
            Layer::MaxPool(window) => through(window, c),
            Layer::BatchNorm | Layer::Relu => self.input,
        }
    }

    /// A network that has the layer, behind others from which it gets what it reads.
    fn graph(&self) -> Result<Graph, BenchError> {
        let [_, c, h, w] = self.input;
        fn before<'g>(x: Value<'g>) -> Value<'g> {
            x.bn("before")
        }
        let graph = Graph::build(Shape::map(c, h, w), |x| match &self.layer {
            Layer::Conv(conv) if c == IMAGE => x.conv(LAYER, conv.clone()),
            Layer::Conv(conv) => before(x).conv(LAYER, conv.clone()),
            Layer::MaxPool(window) => before(x).max_pool(LAYER, *window),
            Layer::BatchNorm => before(x).bn(LAYER),
            // behind a normalisation it would be part of that
            Layer::Relu => before(x).max_pool("pool", pool(3).stride(1).pad(1)).relu(),
        });
        graph.map_err(|error| BenchError::Task(error.to_string()))
    }

    /// The pass as a step, once everything has run.
    ///
    /// # Errors
    /// Those of the network around the layer.
    pub fn ready(self) -> Result<Runnable, BenchError> {
        let (graph, samples) = (self.graph()?, self.input[0]);
        let weights = Init::He.weights(&graph, SEED, DType::F32)?;
        let x = Fill::input(&graph, samples, DType::F32)?;
        let id = graph.outputs()[0].node;
        let part = match self.pass {
            Pass::Forward => Part::Forward,
            Pass::InputGradient | Pass::Backward => Part::InputGradient,
            Pass::WeightGradient => Part::WeightGradient,
        };
        let mode = Mode::train(SEED, 0);
        let mut learner = Learner::new(&graph, &[id]);
        let net = Net::new(graph, weights, DType::F32)?;
        learner.forward(&net, &x, mode)?;
        let y = learner.output(&net, id)?;
        learner.backward(&net, &[(id, &y)])?;
        Ok(Box::new(move || Ok(learner.again(&net, mode, id, part)?)))
    }
}

/// The name of the layer that is timed.
const LAYER: &str = "layer";

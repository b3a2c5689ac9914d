//! Layers by themselves, on the shapes that the networks have.

use super::{BenchError, Pass, What};
use crate::graph::{Activation, Conv, Window, conv, pool};
use crate::ops::{activation, batch_norm, conv as convolution, max_pool};
use crate::random::Key;
use candle_core::{Device, Result, Tensor};

/// A pass of a layer on a shape.
pub struct Kernel {
    layer: Layer,
    pass: Pass,
    input: [usize; 4],
}

/// What is timed.
pub type Runnable = Box<dyn FnMut() -> std::result::Result<(), BenchError>>;

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

/// Each pass of each layer.
pub fn kernels() -> Vec<Kernel> {
    let mut kernels = Vec::new();
    for &[n, maps, out, side, kernel, stride, pad, groups] in CONVOLUTIONS {
        let conv = conv(out, kernel).stride(stride).pad(pad).groups(groups);
        let conv = conv.no_bias();
        for pass in [Pass::Forward, Pass::InputGradient, Pass::WeightGradient] {
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

    /// The pass as a step, its tensors made.
    ///
    /// # Errors
    /// Tensors that cannot be made.
    pub fn ready(self) -> std::result::Result<Runnable, BenchError> {
        let x = tensor("x", &self.input)?;
        let dy = tensor("dy", &self.output())?;
        let channels = self.input[1];
        let pass = self.pass;
        Ok(match self.layer {
            Layer::Conv(conv) => {
                let [kh, kw] = conv.window.kernel;
                let weight = tensor("weight", &[conv.out, channels / conv.groups, kh, kw])?;
                step(move || match pass {
                    Pass::Forward => convolution::forward(&conv, &x, &weight, None).map(drop),
                    Pass::WeightGradient => convolution::weight_gradient(&conv, &x, &dy).map(drop),
                    _ => convolution::input_gradient(&conv, &x, &weight, &dy).map(drop),
                })
            }
            Layer::MaxPool(window) => step(move || match pass {
                Pass::Forward => max_pool::forward(&window, &x).map(drop),
                _ => max_pool::backward(&window, &x, &dy).map(drop),
            }),
            Layer::BatchNorm => {
                let (weight, bias) = (tensor("weight", &[channels])?, tensor("bias", &[channels])?);
                let statistics = batch_norm::Statistics::of(&x)?;
                step(move || match pass {
                    Pass::Forward => {
                        let statistics = batch_norm::Statistics::of(&x)?;
                        let (affine, epilogue) =
                            ([&weight, &bias], batch_norm::Epilogue::default());
                        batch_norm::forward(&x, &statistics, EPS, affine, epilogue).map(drop)
                    }
                    _ => {
                        let upstream = batch_norm::UpstreamGradient {
                            dy: &dy,
                            relu_output: None,
                        };
                        batch_norm::backward(&x, &statistics, EPS, &weight, upstream, true)
                            .map(drop)
                    }
                })
            }
            Layer::Relu => {
                let y = activation::forward(Activation::Relu, &x)?;
                step(move || match pass {
                    Pass::Forward => activation::forward(Activation::Relu, &x).map(drop),
                    _ => activation::backward(Activation::Relu, &y, &dy).map(drop),
                })
            }
        })
    }
}

const EPS: f64 = 1e-5;

fn step(mut run: impl FnMut() -> Result<()> + 'static) -> Runnable {
    Box::new(move || Ok(run()?))
}

fn tensor(name: &str, dims: &[usize]) -> Result<Tensor> {
    let key = Key::named(name);
    let size = dims.iter().product::<usize>() as u64;
    let numbers: Vec<f32> = (0..size).map(|i| key.signed(i) as f32).collect();
    Tensor::from_vec(numbers, dims, &Device::Cpu)
}

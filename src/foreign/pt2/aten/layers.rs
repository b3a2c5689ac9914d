//! Convolutions, fully connected layers, normalisations, pools, and functions of one unit.

use super::Reading;
use crate::graph::{
    Activation, Array, Conv, Function, NodeId, Op, Reduction, Transposed, Window, conv, pool,
};

impl Reading<'_, '_, '_> {
    /// The layer that this call is.
    pub fn layers(&mut self) -> Option<NodeId> {
        match self.call.name {
            "conv2d" | "convolution" | "conv_transpose2d" | "_convolution" => self.convolution(),
            "linear" => self.linear(),
            "batch_norm"
            | "_native_batch_norm_legit_no_training"
            | "native_batch_norm"
            | "cudnn_batch_norm" => self.batch_norm(),
            "group_norm" | "instance_norm" => self.group_norm(),
            "layer_norm" | "native_layer_norm" => self.layer_norm(),
            "prelu" | "_prelu_kernel" => {
                let factor = self.stored("weight")?;
                let shared = self.calls.assembly.kept[factor].dims == [1];
                self.with("self", Op::PRelu { shared }, &[factor])
            }
            "max_pool2d" | "max_pool2d_with_indices" => {
                let window = self.window()?.dilation(self.call.pair("dilation", 1)?);
                self.unary(Op::MaxPool { window })
            }
            "avg_pool2d" if self.call.get("divisor_override").is_none() => {
                let count_include_pad = self.call.flag("count_include_pad", true)?;
                let window = self.window()?;
                self.unary(Op::AvgPool {
                    window,
                    count_include_pad,
                })
            }
            "adaptive_avg_pool2d" => {
                let output = self.call.pair("output_size", 1)?;
                self.unary(Op::AdaptiveAvgPool { output })
            }
            "adaptive_max_pool2d" if self.call.pair("output_size", 1)? == [1, 1] => {
                let (by, axes, keep) = (Reduction::Maximum, [1, 2].into(), true);
                self.unary(Op::Array(Array::Reduce { by, axes, keep }))
            }
            "dropout" | "native_dropout" => {
                let p = self.call.float("p", 0.5)?;
                self.unary(Op::Dropout { p })
            }
            _ => {
                let op = self.function()?;
                self.unary(op)
            }
        }
    }

    /// A layer of the first value alone.
    pub fn unary(&mut self, op: Op) -> Option<NodeId> {
        let x = self.x()?;
        self.calls.assembly.plain(&self.step, op, &[x], self.stated)
    }

    /// A layer of one value and tensors of its own.
    fn with(&mut self, x: &str, op: Op, tensors: &[usize]) -> Option<NodeId> {
        let x = self.layer(x)?;
        self.calls
            .assembly
            .with(&self.step, op, &[x], tensors, self.stated)
    }

    /// A function of one unit, or softmax over the channels.
    fn function(&self) -> Option<Op> {
        let call = self.call;
        let function = match call.name {
            "relu" => return Some(Op::Activation(Activation::Relu)),
            "sigmoid" => return Some(Op::Activation(Activation::Sigmoid)),
            "tanh" => return Some(Op::Activation(Activation::Tanh)),
            "relu6" => Function::Clip { min: 0.0, max: 6.0 },
            "hardtanh" => Function::Clip {
                min: call.float("min_val", -1.0)?,
                max: call.float("max_val", 1.0)?,
            },
            "clamp" => Function::Clip {
                min: call.float("min", f64::NEG_INFINITY)?,
                max: call.float("max", f64::INFINITY)?,
            },
            "clamp_min" => Function::Clip {
                min: call.float("min", f64::NEG_INFINITY)?,
                max: f64::INFINITY,
            },
            "clamp_max" => Function::Clip {
                min: f64::NEG_INFINITY,
                max: call.float("max", f64::INFINITY)?,
            },
            "hardswish" => Function::HardSwish,
            "hardsigmoid" => Function::HardSigmoid,
            "silu" => Function::Silu,
            "gelu" => match call.text("approximate") {
                None | Some("none") => Function::Gelu,
                Some("tanh") => Function::GeluTanh,
                Some(_) => return None,
            },
            "leaky_relu" => Function::LeakyRelu {
                slope: call.float("negative_slope", 0.01)?,
            },
            "elu" if call.float("input_scale", 1.0)? == 1.0 => Function::Elu {
                alpha: call.float("alpha", 1.0)?,
                scale: call.float("scale", 1.0)?,
            },
            // Klambauer et al. 2017, "Self-normalizing neural networks", section 2
            "selu" => Function::Elu {
                alpha: 1.673_263_242_354_377_2,
                scale: 1.050_700_987_355_480_5,
            },
            "celu" if call.float("alpha", 1.0)? == 1.0 => Function::Elu {
                alpha: 1.0,
                scale: 1.0,
            },
            "softplus" => Function::Softplus {
                beta: call.float("beta", 1.0)?,
            },
            "mish" => Function::Mish,
            "exp" => Function::Exp,
            "abs" => Function::Abs,
            "sqrt" => Function::Power { exponent: 0.5 },
            "rsqrt" => Function::Power { exponent: -0.5 },
            "square" => Function::Power { exponent: 2.0 },
            "reciprocal" => Function::Power { exponent: -1.0 },
            "pow" => Function::Power {
                exponent: super::super::call::scalar(call.get("exponent")?)?,
            },
            "neg" => {
                return Some(Op::Scale {
                    factor: -1.0,
                    offset: 0.0,
                });
            }
            _ => return None,
        };
        Some(Op::Array(Array::Function(function)))
    }

    /// The window of a pool.
    fn window(&self) -> Option<Window> {
        let kernel = self.call.pair("kernel_size", 1)?;
        let stride = match self.call.ints("stride") {
            None => kernel,
            Some(stride) if stride.is_empty() => kernel,
            Some(_) => self.call.pair("stride", 1)?,
        };
        let window = pool(kernel)
            .stride(stride)
            .pad(self.call.pair("padding", 0)?);
        Some(match self.call.flag("ceil_mode", false)? {
            true => window.ceil(),
            false => window,
        })
    }

    fn convolution(&mut self) -> Option<NodeId> {
        let call = self.call;
        let weight = self.stored("weight")?;
        let bias = self.all_stored(&["bias"])?;
        let [first, second, h, w] = self.calls.assembly.kept[weight].dims[..] else {
            return None;
        };
        let groups = usize::try_from(call.int("groups", 1)?).ok()?;
        let (stride, dilation) = (call.pair("stride", 1)?, call.pair("dilation", 1)?);
        let transposed = call.name == "conv_transpose2d" || call.flag("transposed", false)?;
        let tensors: Vec<usize> = [weight].into_iter().chain(bias.iter().copied()).collect();
        if transposed {
            let window = conv(1, [h, w])
                .stride(stride)
                .dilation(dilation)
                .pad(call.pair("padding", 0)?)
                .window;
            let op = Op::ConvTranspose(Transposed {
                out: second.checked_mul(groups)?,
                window,
                extra: call.pair("output_padding", 0)?,
                groups,
                bias: !bias.is_empty(),
            });
            return self.with("input", op, &tensors);
        }
        let layer = conv(first, [h, w])
            .stride(stride)
            .dilation(dilation)
            .groups(groups);
        let layer = match call.text("padding") {
            None => layer.pad(call.pair("padding", 0)?),
            Some("valid") => layer,
            // of an odd number the larger half stands behind
            Some("same") => {
                let total = |axis: usize| Some(layer.window.span(axis)? - 1);
                let (before, after) = (
                    [total(0)? / 2, total(1)? / 2],
                    [total(0)?.div_ceil(2), total(1)?.div_ceil(2)],
                );
                layer.pad_around(before, after)
            }
            Some(_) => return None,
        };
        let layer = Conv {
            bias: !bias.is_empty(),
            ..layer
        };
        self.with("input", Op::Conv(layer), &tensors)
    }

    fn linear(&mut self) -> Option<NodeId> {
        let weight = self.stored("weight")?;
        let bias = self.all_stored(&["bias"])?;
        let [out, _] = self.calls.assembly.kept[weight].dims[..] else {
            return None;
        };
        let tensors: Vec<usize> = [weight].into_iter().chain(bias.iter().copied()).collect();
        let x = self.layer("input")?;
        let bias = !bias.is_empty();
        let op = match self.calls.assembly.of(x).shape.is_vector() {
            true => Op::Linear { out, bias },
            false => Op::LinearLast { out, bias },
        };
        self.with("input", op, &tensors)
    }

    fn batch_norm(&mut self) -> Option<NodeId> {
        let tensors = self.all_stored(&["weight", "bias", "running_mean", "running_var"])?;
        let op = Op::BatchNorm {
            eps: self.call.float("eps", 1e-5)?,
            momentum: self.call.float("momentum", 0.1)?,
        };
        self.with("input", op, &tensors)
    }

    fn group_norm(&mut self) -> Option<NodeId> {
        let x = self.layer("input")?;
        let groups = match self.call.name {
            "group_norm" => usize::try_from(self.call.int("num_groups", 0)?).ok()?,
            // by its running statistics it would be a batch normalisation
            _ if self.call.get("running_mean").is_some()
                || !self.call.flag("use_input_stats", true)? =>
            {
                return None;
            }
            _ => self.calls.assembly.of(x).shape.channels(),
        };
        let tensors = self.all_stored(&["weight", "bias"])?;
        let op = Op::GroupNorm {
            groups,
            eps: self.call.float("eps", 1e-5)?,
            affine: !tensors.is_empty(),
        };
        self.with("input", op, &tensors)
    }

    fn layer_norm(&mut self) -> Option<NodeId> {
        let tensors = self.all_stored(&["weight", "bias"])?;
        let has = |name: &str| self.call.get(name).is_some();
        let op = Op::LayerNorm {
            axes: self.call.ints("normalized_shape")?.len(),
            eps: self.call.float("eps", 1e-5)?,
            scale: has("weight"),
            shift: has("bias"),
        };
        self.with("input", op, &tensors)
    }
}

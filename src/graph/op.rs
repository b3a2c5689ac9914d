//! The closed list of what a layer can be, with its shape rule and its weights.
//!
//! Every interpreter matches on [`Op`] exhaustively, so a new variant is a compile error in each
//! place that must learn of it.

use super::{Conv, Dims, Shape, Window};

/// A layer's computation, with the constants that the papers give.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// The sample itself.
    Input,
    /// Convolution.
    Conv(Conv),
    /// Fully connected layer on a vector.
    Linear {
        /// Output units.
        out: usize,
        /// Whether each unit adds a bias.
        bias: bool,
    },
    /// Batch normalisation with scale and shift (Ioffe & Szegedy 2015).
    BatchNorm {
        /// Added to the variance.
        eps: f64,
        /// Weight of the new batch in the running statistics, as PyTorch counts it.
        momentum: f64,
    },
    /// Local response normalisation over neighbouring channels, as the AlexNet paper writes it:
    /// the sum of squares is not divided by `size` (Krizhevsky et al. 2012, section 3.3).
    Lrn {
        /// Channels that take part.
        size: usize,
        /// Factor of the sum of squares.
        alpha: f64,
        /// Exponent.
        beta: f64,
        /// Constant.
        k: f64,
    },
    /// An element-wise function, or softmax over the channels.
    Activation(Activation),
    /// The largest value in each window.
    MaxPool {
        /// Geometry.
        window: Window,
    },
    /// The mean of each window.
    AvgPool {
        /// Geometry.
        window: Window,
        /// Whether padded zeros count in the mean's divisor.
        count_include_pad: bool,
    },
    /// The mean of each cell of a grid laid over the map, whatever its size; a grid of 1x1 is global
    /// average pooling.
    AdaptiveAvgPool {
        /// Cells, `[h, w]`.
        output: [usize; 2],
    },
    /// LeNet-5's trainable subsampling: the sum of a window times one coefficient plus one bias per
    /// map (LeCun et al. 1998, section II-B).
    Subsample {
        /// Geometry.
        window: Window,
    },
    /// Squared Euclidean distance to fixed codes (LeNet-5's output layer).
    Rbf {
        /// Codes, one per class.
        out: usize,
    },
    /// Zeroes units at random in training.
    Dropout {
        /// Probability of zero.
        p: f64,
    },
    /// Maps to a vector, channel by channel.
    Flatten,
    /// Channels of all inputs one after the other.
    Concat,
    /// Sum of inputs of one shape: the residual join.
    Add,
    /// Sum of inputs where a map of one row or column is repeated to the other's size. No paper means
    /// this; a listing depends on it.
    BroadcastAdd,
    /// The first input times the second: a channel gate, whose second input has one value per channel
    /// (SENet, Hu et al. 2018, section 3), or unit by unit (Highway networks, Srivastava et al. 2015).
    Gate,
    /// Mean of inputs of one shape: the join of FractalNet (Larsson et al. 2017, section 2), in
    /// training over the inputs that drop-path leaves.
    Mean {
        /// Probability that local drop-path drops an input.
        drop_path: f64,
    },
    /// The channels from one number up to another: dual path networks divide their maps so.
    Slice {
        /// First channel.
        from: usize,
        /// Channel behind the last.
        to: usize,
    },
    /// Each unit times a constant plus a constant: residual scaling (Szegedy et al. 2017, section 3.3),
    /// a Highway layer's carry gate 1 - T.
    Scale {
        /// Factor.
        factor: f64,
        /// Added after it.
        offset: f64,
    },
    /// ResNet's parameter-free shortcut, option A: every `stride`-th unit, and zero maps up to
    /// `channels`, half in front, half behind (He et al. 2015, section 3.3).
    PadShortcut {
        /// Maps after padding.
        channels: usize,
        /// Step in both directions.
        stride: usize,
    },
}

/// Functions of one unit, and softmax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// 1.7159 tanh(2x / 3) (LeCun et al. 1998, appendix A).
    ScaledTanh,
    /// Exponentials over the channels, scaled to sum 1.
    Softmax,
}

/// What a tensor of the `state_dict` is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TensorKind {
    /// Learned by gradient.
    Trainable,
    /// A parameter that training leaves alone (LeNet-5's RBF codes).
    Frozen,
    /// A running statistic.
    Buffer,
}

/// One tensor of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Name within the layer, as PyTorch has it.
    pub name: &'static str,
    /// Dimensions; convolutions are `[out, in / groups, h, w]`, linear layers `[out, in]`.
    pub dims: Dims,
    /// Purpose.
    pub kind: TensorKind,
}

impl Tensor {
    /// Values that it holds, unless they exceed 2^64 - 1.
    pub fn elements(&self) -> Option<u64> {
        self.dims
            .iter()
            .try_fold(1u64, |n, &d| n.checked_mul(d as u64))
    }
}

impl Op {
    /// Every name that [`Op::name`] can return.
    pub const NAMES: [&str; 26] = [
        "input",
        "conv",
        "linear",
        "batch_norm",
        "lrn",
        "relu",
        "sigmoid",
        "tanh",
        "scaled_tanh",
        "softmax",
        "max_pool",
        "avg_pool",
        "global_avg_pool",
        "adaptive_avg_pool",
        "subsample",
        "rbf",
        "dropout",
        "flatten",
        "concat",
        "add",
        "broadcast_add",
        "pad_shortcut",
        "gate",
        "mean",
        "slice",
        "scale",
    ];

    /// The name that listings, measures and reports use.
    pub const fn name(&self) -> &'static str {
        match self {
            Op::Input => "input",
            Op::Conv(_) => "conv",
            Op::Linear { .. } => "linear",
            Op::BatchNorm { .. } => "batch_norm",
            Op::Lrn { .. } => "lrn",
            Op::Activation(Activation::Relu) => "relu",
            Op::Activation(Activation::Sigmoid) => "sigmoid",
            Op::Activation(Activation::Tanh) => "tanh",
            Op::Activation(Activation::ScaledTanh) => "scaled_tanh",
            Op::Activation(Activation::Softmax) => "softmax",
            Op::MaxPool { .. } => "max_pool",
            Op::AvgPool { .. } => "avg_pool",
            Op::AdaptiveAvgPool { output: [1, 1] } => "global_avg_pool",
            Op::AdaptiveAvgPool { .. } => "adaptive_avg_pool",
            Op::Subsample { .. } => "subsample",
            Op::Rbf { .. } => "rbf",
            Op::Dropout { .. } => "dropout",
            Op::Flatten => "flatten",
            Op::Concat => "concat",
            Op::Add => "add",
            Op::BroadcastAdd => "broadcast_add",
            Op::PadShortcut { .. } => "pad_shortcut",
            Op::Gate => "gate",
            Op::Mean { .. } => "mean",
            Op::Slice { .. } => "slice",
            Op::Scale { .. } => "scale",
        }
    }

    /// The sliding window, for the layers that have one.
    pub const fn window(&self) -> Option<&Window> {
        match self {
            Op::Conv(Conv { window, .. })
            | Op::MaxPool { window }
            | Op::AvgPool { window, .. }
            | Op::Subsample { window } => Some(window),
            _ => None,
        }
    }

    /// The tensors of the layer on that input, in `state_dict` order.
    pub fn tensors(&self, input: Shape) -> Vec<Tensor> {
        let c = input.channels();
        let tensor = |name, dims, kind| Tensor { name, dims, kind };
        let trainable = |name, dims: Dims| tensor(name, dims, TensorKind::Trainable);
        match *self {
            Op::Conv(Conv {
                out,
                window,
                groups,
                bias,
                table,
            }) => {
                let [h, w] = window.kernel;
                let weight = match table {
                    // one kernel for each entry of the table, row by row
                    Some(table) => [table.iter().map(|row| row.len()).sum(), h, w].into(),
                    None => [out, c / groups, h, w].into(),
                };
                let mut tensors = vec![trainable("weight", weight)];
                if bias {
                    tensors.push(trainable("bias", [out].into()));
                }
                tensors
            }
            Op::Linear { out, bias } => {
                let mut tensors = vec![trainable("weight", [out, c].into())];
                if bias {
                    tensors.push(trainable("bias", [out].into()));
                }
                tensors
            }
            Op::BatchNorm { .. } => vec![
                trainable("weight", [c].into()),
                trainable("bias", [c].into()),
                tensor("running_mean", [c].into(), TensorKind::Buffer),
                tensor("running_var", [c].into(), TensorKind::Buffer),
            ],
            Op::Subsample { .. } => vec![
                trainable("weight", [c].into()),
                trainable("bias", [c].into()),
            ],
            Op::Rbf { out } => vec![tensor("weight", [out, c].into(), TensorKind::Frozen)],
            Op::Input
            | Op::Lrn { .. }
            | Op::Activation(_)
            | Op::MaxPool { .. }
            | Op::AvgPool { .. }
            | Op::AdaptiveAvgPool { .. }
            | Op::Dropout { .. }
            | Op::Flatten
            | Op::Concat
            | Op::Add
            | Op::BroadcastAdd
            | Op::PadShortcut { .. }
            | Op::Gate
            | Op::Mean { .. }
            | Op::Slice { .. }
            | Op::Scale { .. } => Vec::new(),
        }
    }

    /// The output shape on those inputs.
    ///
    /// # Errors
    /// What does not fit, and what would.
    pub(super) fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = inputs[0];
        match *self {
            Op::Input
            | Op::BatchNorm { .. }
            | Op::Lrn { .. }
            | Op::Activation(_)
            | Op::Dropout { .. }
            | Op::Scale { .. } => Ok(input),
            Op::Conv(Conv {
                out,
                window,
                groups,
                table,
                ..
            }) => {
                let c = input.channels();
                if !c.is_multiple_of(groups) || !out.is_multiple_of(groups) {
                    return Err(format!(
                        "{groups} groups must divide its {c} input maps and {out} output maps"
                    ));
                }
                if let Some(table) = table {
                    if table.len() != out {
                        return Err(format!(
                            "its table has {} rows for {out} output maps",
                            table.len()
                        ));
                    }
                    if table.iter().any(|row| row.iter().any(|&map| map >= c)) {
                        return Err(format!("its table names a map beyond its {c} input maps"));
                    }
                }
                slide(&window, input, out)
            }
            Op::MaxPool { window } | Op::AvgPool { window, .. } | Op::Subsample { window } => {
                slide(&window, input, input.channels())
            }
            Op::AdaptiveAvgPool { output: [h, w] } => {
                maps(input).map(|_| Shape::map(input.channels(), h, w))
            }
            Op::Linear { out, .. } | Op::Rbf { out } => match input {
                Shape::Vector { .. } => Ok(Shape::vector(out)),
                Shape::Map { .. } => Err(format!(
                    "takes a vector, but maps of {input} come in: flatten them first"
                )),
            },
            Op::Flatten => input
                .elements()
                .and_then(|n| usize::try_from(n).ok())
                .map(Shape::vector)
                .ok_or_else(|| format!("{input} has more units than the machine's integers")),
            Op::Concat => {
                if let Some(other) = inputs.iter().find(|s| s.extent() != input.extent()) {
                    return Err(format!(
                        "cannot put {other} beside {input}: the sizes differ"
                    ));
                }
                inputs
                    .iter()
                    .try_fold(0usize, |sum, s| sum.checked_add(s.channels()))
                    .map(|c| input.with_channels(c))
                    .ok_or_else(|| "too many channels".into())
            }
            Op::Add | Op::Mean { .. } => match inputs.iter().find(|&&s| s != input) {
                None => Ok(input),
                Some(other) => Err(format!("cannot add {other} to {input}: the shapes differ")),
            },
            Op::Gate => match inputs[1] {
                gate if gate == input => Ok(input),
                gate if gate.channels() == input.channels() && gate.extent() == [1, 1] => Ok(input),
                gate => Err(format!(
                    "cannot gate {input} by {gate}: one value per channel or per unit is needed"
                )),
            },
            Op::Slice { from, to } => {
                if from < to && to <= input.channels() {
                    Ok(input.with_channels(to - from))
                } else {
                    Err(format!(
                        "cannot take channels {from} to {to} of {}",
                        input.channels()
                    ))
                }
            }
            Op::BroadcastAdd => {
                let join = |a: usize, b: usize| (a == b || a == 1 || b == 1).then(|| a.max(b));
                inputs
                    .iter()
                    .try_fold(input, |sum, &s| match (sum, s) {
                        (
                            Shape::Map { c, h, w },
                            Shape::Map {
                                c: c2,
                                h: h2,
                                w: w2,
                            },
                        ) => Some(Shape::map(join(c, c2)?, join(h, h2)?, join(w, w2)?)),
                        (a, b) => (a == b).then_some(a),
                    })
                    .ok_or_else(|| format!("cannot repeat {inputs:?} to one shape"))
            }
            Op::PadShortcut { channels, stride } => {
                let [h, w] = maps(input)?;
                if stride == 0 || channels < input.channels() {
                    return Err(format!(
                        "can add maps to its {}, not cut them to {channels}, with a stride of at least 1",
                        input.channels()
                    ));
                }
                Ok(Shape::map(channels, h.div_ceil(stride), w.div_ceil(stride)))
            }
        }
    }
}

fn maps(input: Shape) -> Result<[usize; 2], String> {
    match input {
        Shape::Map { h, w, .. } => Ok([h, w]),
        Shape::Vector { c } => Err(format!("takes maps, but a vector of {c} comes in")),
    }
}

fn slide(window: &Window, input: Shape, channels: usize) -> Result<Shape, String> {
    let [h, w] = maps(input)?;
    Ok(Shape::map(
        channels,
        window.axis(0, h)?.output,
        window.axis(1, w)?.output,
    ))
}

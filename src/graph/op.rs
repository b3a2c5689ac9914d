//! The closed list of what a layer can be, and what is true of each kind wherever it stands.
//!
//! A new variant is a compile error in each `match` of this file and of [`facts`], and these are all that
//! others ask: counts, initialisation, depth, drawing and the rest read what is said here once.

mod facts;

pub use facts::{Facts, Sees};

use super::array::{Arithmetic, Array, Function, Reduction, list};
use super::kind::Features::{Gated, HandedOn, Made};
use super::kind::{Constant, Drawn, INPUTS, Kind, NOTHING, OUTPUT, Reference, kind};
use super::window::words_of_stride;
use super::{Conv, Dims, Shape, TensorKind, Transposed, Window};
use std::fmt;
use std::sync::Arc;

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
    Lrn(Lrn),
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
    /// Transposed convolution.
    ConvTranspose(Transposed),
    /// Normalisation of each group of channels of a sample (Wu & He 2018); of one channel each it is instance normalisation
    /// (Ulyanov et al. 2016).
    GroupNorm {
        /// Groups.
        groups: usize,
        /// Added to the variance.
        eps: f64,
        /// Whether each channel is scaled and shifted then.
        affine: bool,
    },
    /// Normalisation over the last axes (Ba et al. 2016).
    LayerNorm {
        /// How many axes.
        axes: usize,
        /// Added to the variance.
        eps: f64,
        /// Whether each unit is scaled then.
        scale: bool,
        /// Whether each unit is shifted then.
        shift: bool,
    },
    /// x, below zero a learned factor of it (He et al. 2015, "Delving deep into rectifiers").
    PRelu {
        /// Whether all channels share one factor.
        shared: bool,
    },
    /// Fully connected layer on the last axis, whatever stands before it.
    LinearLast {
        /// Output units.
        out: usize,
        /// Whether each unit adds a bias.
        bias: bool,
    },
    /// Arithmetic with a tensor of the layer's own: layer scale (Touvron et al. 2021, "Going deeper with image transformers").
    Own(Own),
    /// An operation on arrays, without weights.
    Array(Array),
    /// A tensor that no layer has as its own: it is counted, and operators that are not known may read it.
    Parameter {
        /// Its dimensions.
        dims: Dims,
        /// What training does with it.
        kind: TensorKind,
    },
    /// An operator of a file that is not known: it has the shapes that the file states, and cannot run.
    Opaque(Arc<Opaque>),
}

/// Arithmetic of the input with a tensor of the layer's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// Which.
    pub by: Arithmetic,
    /// The tensor's dimensions.
    pub dims: Dims,
    /// Under which it is repeated to the input's: the same units, behind the batch.
    pub view: Dims,
    /// Whether the tensor stands before the operator: of `1 - x`, the 1.
    pub first: bool,
    /// What training does with it.
    pub kind: TensorKind,
}

/// An operator that is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct Opaque {
    /// How its file names it.
    pub operator: String,
    /// The line of the user's program that made it, as far as the file has it.
    pub line: Option<String>,
    /// Its inputs, as the file states them.
    pub inputs: Vec<Shape>,
    /// Its output, as the file states it.
    pub output: Shape,
    /// Multiply-accumulates, where they follow from the shapes: of convolutions and matrix products.
    pub macs: u64,
}

/// The constants of local response normalisation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lrn {
    /// Channels that take part.
    pub size: usize,
    /// Factor of the sum of squares.
    pub alpha: f64,
    /// Exponent.
    pub beta: f64,
    /// Constant.
    pub k: f64,
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

impl Activation {
    /// Amplitude and slope of [`Activation::ScaledTanh`].
    pub const SCALED_TANH: [f64; 2] = [1.7159, 2.0 / 3.0];
}

/// Every kind of layer, a row each, and the row of an op.
macro_rules! kinds {
    ($($op:pat => $row:expr,)*) => {
        const KINDS: &[Kind] = &[$(kind($row)),*];

        impl Op {
            /// What is true of the layer whatever its constants and its input.
            pub const fn kind(&self) -> &'static Kind {
                match self {
                    $($op => const { &kind($row) },)*
                }
            }
        }
    };
}

#[rustfmt::skip]
kinds! {
    // op => (name, weighted, features, what backward reads, centres, drawn as, kind in a reference)
    Op::Input => ("input", false, Made, NOTHING, false, Drawn::End, None),
    Op::Conv(_) => ("conv", true, Made, INPUTS, false, Drawn::Conv, Some(Reference::Conv)),
    Op::Linear { .. } => ("linear", true, Made, INPUTS, false, Drawn::Linear, Some(Reference::Linear)),
    Op::BatchNorm { .. } => ("batch_norm", false, HandedOn, INPUTS, true, Drawn::Behind, Some(Reference::Norm)),
    Op::Lrn(_) => ("lrn", false, HandedOn, INPUTS, false, Drawn::Behind, Some(Reference::Norm)),
    Op::Activation(Activation::Relu) => ("relu", false, HandedOn, OUTPUT, false, Drawn::Behind, None),
    Op::Activation(Activation::Sigmoid) => ("sigmoid", false, HandedOn, OUTPUT, false, Drawn::Behind, None),
    Op::Activation(Activation::Tanh) => ("tanh", false, HandedOn, OUTPUT, false, Drawn::Behind, None),
    Op::Activation(Activation::ScaledTanh) => ("scaled_tanh", false, HandedOn, OUTPUT, false, Drawn::Behind, None),
    Op::Activation(Activation::Softmax) => ("softmax", false, HandedOn, OUTPUT, false, Drawn::Behind, None),
    Op::MaxPool { .. } => ("max_pool", false, HandedOn, INPUTS, false, Drawn::Pool, Some(Reference::Pool)),
    Op::AvgPool { .. } => ("avg_pool", false, HandedOn, NOTHING, false, Drawn::Pool, Some(Reference::Pool)),
    Op::AdaptiveAvgPool { output: [1, 1] } => ("global_avg_pool", false, HandedOn, NOTHING, false, Drawn::Pool, Some(Reference::Pool)),
    Op::AdaptiveAvgPool { .. } => ("adaptive_avg_pool", false, HandedOn, NOTHING, false, Drawn::Pool, Some(Reference::Pool)),
    Op::Subsample { .. } => ("subsample", true, Made, INPUTS, false, Drawn::Pool, Some(Reference::Pool)),
    Op::Rbf { .. } => ("rbf", true, Made, INPUTS, false, Drawn::Linear, None),
    Op::Dropout { .. } => ("dropout", false, HandedOn, NOTHING, false, Drawn::Behind, None),
    Op::Flatten => ("flatten", false, HandedOn, NOTHING, false, Drawn::Behind, None),
    Op::Concat => ("concat", false, HandedOn, NOTHING, false, Drawn::Join, None),
    Op::Add => ("add", false, Made, NOTHING, false, Drawn::Join, None),
    Op::BroadcastAdd => ("broadcast_add", false, Made, NOTHING, false, Drawn::Join, None),
    Op::PadShortcut { .. } => ("pad_shortcut", false, HandedOn, NOTHING, false, Drawn::Pool, None),
    Op::Gate => ("gate", false, Gated, INPUTS, false, Drawn::Gate, None),
    Op::Mean { .. } => ("mean", false, Made, NOTHING, false, Drawn::Join, None),
    Op::Slice { .. } => ("slice", false, HandedOn, NOTHING, false, Drawn::Behind, None),
    Op::Scale { .. } => ("scale", false, HandedOn, NOTHING, false, Drawn::Behind, None),
    Op::ConvTranspose(_) => ("conv_transpose", true, Made, INPUTS, false, Drawn::Conv, Some(Reference::Conv)),
    Op::GroupNorm { .. } => ("group_norm", false, HandedOn, INPUTS, false, Drawn::Behind, Some(Reference::Norm)),
    Op::LayerNorm { .. } => ("layer_norm", false, HandedOn, INPUTS, false, Drawn::Behind, Some(Reference::Norm)),
    Op::PRelu { .. } => ("prelu", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::LinearLast { .. } => ("linear_last", true, Made, INPUTS, false, Drawn::Linear, Some(Reference::Linear)),
    Op::Own(Own { by: Arithmetic::Multiply, .. }) => ("layer_scale", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Own(_) => ("own", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Function(Function::Clip { .. })) => ("clip", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Function(Function::HardSwish)) => ("hard_swish", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Function(Function::HardSigmoid)) => ("hard_sigmoid", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Function(Function::Silu)) => ("silu", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Function(Function::Gelu)) => ("gelu", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Function(Function::GeluTanh)) => ("gelu_tanh", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Function(Function::LeakyRelu { .. })) => ("leaky_relu", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Function(Function::Elu { .. })) => ("elu", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Function(Function::Softplus { .. })) => ("softplus", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Function(Function::Mish)) => ("mish", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Function(Function::Power { .. })) => ("power", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Function(Function::Exp)) => ("exp", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Function(Function::Abs)) => ("abs", false, HandedOn, INPUTS, false, Drawn::Behind, None),
    Op::Array(Array::Arithmetic(Arithmetic::Add)) => ("sum", false, Made, NOTHING, false, Drawn::Join, None),
    Op::Array(Array::Arithmetic(Arithmetic::Subtract)) => ("subtract", false, Made, NOTHING, false, Drawn::Join, None),
    Op::Array(Array::Arithmetic(Arithmetic::Multiply)) => ("multiply", false, Made, INPUTS, false, Drawn::Join, None),
    Op::Array(Array::Arithmetic(Arithmetic::Divide)) => ("divide", false, Made, INPUTS, false, Drawn::Join, None),
    Op::Array(Array::Arithmetic(Arithmetic::Maximum)) => ("maximum", false, Made, INPUTS, false, Drawn::Join, None),
    Op::Array(Array::Arithmetic(Arithmetic::Minimum)) => ("minimum", false, Made, INPUTS, false, Drawn::Join, None),
    Op::Array(Array::Reduce { by: Reduction::Maximum, .. }) => ("reduce_max", false, HandedOn, INPUTS, false, Drawn::Pool, None),
    Op::Array(Array::Reduce { by: Reduction::Mean, .. }) => ("reduce_mean", false, HandedOn, NOTHING, false, Drawn::Pool, None),
    Op::Array(Array::Reduce { by: Reduction::Sum, .. }) => ("reduce_sum", false, HandedOn, NOTHING, false, Drawn::Pool, None),
    Op::Array(Array::Softmax { .. }) => ("softmax_over", false, HandedOn, OUTPUT, false, Drawn::Behind, None),
    Op::Array(Array::Resize(_)) => ("resize", false, HandedOn, NOTHING, false, Drawn::Pool, None),
    Op::Array(Array::Pad { .. }) => ("pad", false, HandedOn, NOTHING, false, Drawn::Behind, None),
    Op::Array(Array::Reshape { .. }) => ("reshape", false, HandedOn, NOTHING, false, Drawn::Behind, None),
    Op::Array(Array::Permute { .. }) => ("permute", false, HandedOn, NOTHING, false, Drawn::Behind, None),
    Op::Array(Array::Slice { .. }) => ("slice_of", false, HandedOn, NOTHING, false, Drawn::Behind, None),
    Op::Array(Array::Concat { .. }) => ("concat_on", false, HandedOn, NOTHING, false, Drawn::Join, None),
    Op::Array(Array::ChannelShuffle { .. }) => ("channel_shuffle", false, HandedOn, NOTHING, false, Drawn::Behind, None),
    Op::Array(Array::PixelShuffle { .. }) => ("pixel_shuffle", false, HandedOn, NOTHING, false, Drawn::Pool, None),
    Op::Array(Array::StochasticDepth { .. }) => ("stochastic_depth", false, HandedOn, NOTHING, false, Drawn::Behind, None),
    Op::Parameter { .. } => ("parameter", false, Made, NOTHING, false, Drawn::End, None),
    Op::Opaque(_) => ("opaque", false, Made, NOTHING, false, Drawn::Join, None),
}

impl Op {
    /// Every name that [`Op::name`] can return.
    pub const NAMES: [&str; KINDS.len()] = {
        let mut names = [""; KINDS.len()];
        let mut i = 0;
        while i < names.len() {
            names[i] = KINDS[i].name;
            i += 1;
        }
        names
    };

    /// The name that listings, measures and reports use.
    pub const fn name(&self) -> &'static str {
        self.kind().name
    }

    /// How a file names an operator that is not known.
    pub fn operator(&self) -> Option<&str> {
        match self {
            Op::Opaque(opaque) => Some(&opaque.operator),
            _ => None,
        }
    }

    /// Why no engine can run it, if that is so.
    pub(super) fn cannot_run(&self) -> Option<String> {
        match self {
            Op::Opaque(opaque) => {
                let line = (opaque.line.as_ref())
                    .map_or(String::new(), |line| format!(" (from `{line}`)"));
                Some(format!(
                    "its operator {}{line} is not known, so it is counted and not run",
                    opaque.operator
                ))
            }
            _ => None,
        }
    }

    /// The sliding window, for the layers that have one.
    pub const fn window(&self) -> Option<&Window> {
        self.geometry().0
    }

    /// In how many groups of maps that do not see each other it works, for the layers that have such.
    pub const fn groups(&self) -> Option<usize> {
        self.geometry().1
    }

    /// Window and groups.
    const fn geometry(&self) -> (Option<&Window>, Option<usize>) {
        match self {
            Op::Conv(Conv { window, groups, .. }) => (Some(window), Some(*groups)),
            Op::ConvTranspose(Transposed { window, groups, .. }) => (Some(window), Some(*groups)),
            Op::MaxPool { window } | Op::AvgPool { window, .. } | Op::Subsample { window } => {
                (Some(window), None)
            }
            Op::GroupNorm { .. }
            | Op::LayerNorm { .. }
            | Op::PRelu { .. }
            | Op::LinearLast { .. }
            | Op::Own(_)
            | Op::Array(_)
            | Op::Parameter { .. }
            | Op::Opaque(_)
            | Op::Input
            | Op::Linear { .. }
            | Op::BatchNorm { .. }
            | Op::Lrn(_)
            | Op::Activation(_)
            | Op::AdaptiveAvgPool { .. }
            | Op::Rbf { .. }
            | Op::Dropout { .. }
            | Op::Flatten
            | Op::Concat
            | Op::Add
            | Op::BroadcastAdd
            | Op::PadShortcut { .. }
            | Op::Gate
            | Op::Mean { .. }
            | Op::Slice { .. }
            | Op::Scale { .. } => (None, None),
        }
    }

    /// Its constants by the names that measures and a graph's [digest](super::Graph::digest) have for
    /// them, every one: two ops of one kind with equal constants are equal.
    pub fn constants(&self) -> Vec<(&'static str, Constant)> {
        use Constant::{Flag, Number, Pair, Size, Text, Word};
        match *self {
            // no `..` in these patterns: a new constant must be named here
            Op::Conv(ref conv) => conv.constants(),
            Op::Linear { out, bias } | Op::LinearLast { out, bias } => {
                vec![("out", Size(out)), ("bias", Flag(bias))]
            }
            Op::ConvTranspose(ref transposed) => transposed.constants(),
            Op::GroupNorm {
                groups,
                eps,
                affine,
            } => vec![
                ("groups", Size(groups)),
                ("eps", Number(eps)),
                ("affine", Flag(affine)),
            ],
            Op::LayerNorm {
                axes,
                eps,
                scale,
                shift,
            } => vec![
                ("axes", Size(axes)),
                ("eps", Number(eps)),
                ("scale", Flag(scale)),
                ("shift", Flag(shift)),
            ],
            Op::PRelu { shared } => vec![("shared", Flag(shared))],
            Op::Own(Own {
                by,
                dims,
                view,
                first,
                kind,
            }) => {
                let mut constants = vec![
                    ("dims", list(dims)),
                    ("view", list(view)),
                    ("first", Flag(first)),
                    ("kind", Word(kind.name())),
                ];
                // the name of the kind says the other
                if by != Arithmetic::Multiply {
                    constants.push(("by", Word(by.name())));
                }
                constants
            }
            Op::Array(ref array) => array.constants(),
            Op::Parameter { dims, kind } => {
                vec![("dims", list(dims)), ("kind", Word(kind.name()))]
            }
            Op::Opaque(ref opaque) => vec![
                ("operator", Text(opaque.operator.clone())),
                ("macs", Text(opaque.macs.to_string())),
            ],
            Op::BatchNorm { eps, momentum } => {
                vec![("eps", Number(eps)), ("momentum", Number(momentum))]
            }
            Op::Lrn(Lrn {
                size,
                alpha,
                beta,
                k,
            }) => vec![
                ("size", Size(size)),
                ("alpha", Number(alpha)),
                ("beta", Number(beta)),
                ("k", Number(k)),
            ],
            Op::MaxPool { ref window } | Op::Subsample { ref window } => window.constants().into(),
            Op::AvgPool {
                ref window,
                count_include_pad,
            } => {
                let mut constants = window.constants().to_vec();
                constants.push(("count_include_pad", Flag(count_include_pad)));
                constants
            }
            Op::AdaptiveAvgPool { output } => vec![("output", Pair(output))],
            Op::Rbf { out } => vec![("classes", Size(out))],
            Op::Dropout { p } => vec![("p", Number(p))],
            Op::PadShortcut { channels, stride } => {
                vec![("channels", Size(channels)), ("stride", Pair([stride; 2]))]
            }
            Op::Mean { drop_path } => vec![("drop_path", Number(drop_path))],
            Op::Slice { from, to } => vec![("from", Size(from)), ("to", Size(to))],
            Op::Scale { factor, offset } => {
                vec![("factor", Number(factor)), ("offset", Number(offset))]
            }
            Op::Input
            | Op::Activation(_)
            | Op::Flatten
            | Op::Concat
            | Op::Add
            | Op::BroadcastAdd
            | Op::Gate => Vec::new(),
        }
    }
}

/// In a few words, as a drawing has it: `3x3 conv 64 /2`.
impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: String = match self {
            Op::Input => "input".into(),
            Op::Conv(conv) => conv.to_string(),
            Op::Linear { out, .. } => format!("linear {out}"),
            Op::BatchNorm { .. } => "BN".into(),
            Op::Lrn(_) => "LRN".into(),
            Op::Activation(Activation::Relu) => "ReLU".into(),
            Op::Activation(Activation::Sigmoid) => "sigmoid".into(),
            Op::Activation(Activation::Tanh) => "tanh".into(),
            Op::Activation(Activation::ScaledTanh) => "scaled tanh".into(),
            Op::Activation(Activation::Softmax) => "softmax".into(),
            Op::MaxPool { window } => window.words("max pool"),
            Op::AvgPool { window, .. } => window.words("avg pool"),
            Op::AdaptiveAvgPool { output: [1, 1] } => "global avg pool".into(),
            Op::AdaptiveAvgPool { output: [h, w] } => format!("avg pool to {h}x{w}"),
            Op::Subsample { window } => window.words("subsampling"),
            Op::Rbf { out } => format!("RBF {out}"),
            Op::Dropout { p } => format!("dropout {p}"),
            Op::Flatten => "flatten".into(),
            Op::Concat => "concat".into(),
            Op::Add => "add".into(),
            Op::BroadcastAdd => "broadcast add".into(),
            Op::Gate => "gate".into(),
            Op::Mean { .. } => "mean".into(),
            Op::Slice { from, to } => format!("maps {from} to {}", to.saturating_sub(1)),
            Op::Scale { factor, offset } => scaled(*factor, *offset),
            Op::PadShortcut { channels, stride } => {
                format!("zero maps to {channels}{}", words_of_stride(*stride))
            }
            Op::ConvTranspose(transposed) => {
                let words = format!("transposed conv {}", transposed.out);
                transposed.window.words(&words)
            }
            Op::GroupNorm { groups, .. } => format!("group norm {groups}"),
            Op::LayerNorm { .. } => "layer norm".into(),
            Op::PRelu { .. } => "PReLU".into(),
            Op::LinearLast { out, .. } => format!("linear {out}"),
            Op::Own(Own {
                by: Arithmetic::Multiply,
                ..
            }) => "layer scale".into(),
            Op::Own(own) => format!("{} a tensor", own.by.name()),
            Op::Array(array) => array.to_string(),
            Op::Parameter { .. } => "parameter".into(),
            Op::Opaque(opaque) => opaque.operator.clone(),
        };
        f.write_str(&words)
    }
}

/// A scale without the parts that do nothing.
fn scaled(factor: f64, offset: f64) -> String {
    if factor == -1.0 {
        format!("{offset} - x")
    } else if offset == 0.0 {
        format!("times {factor}")
    } else {
        format!("times {factor} plus {offset}")
    }
}

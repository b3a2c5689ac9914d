//! The layer that the words of a file mean.

use super::constants::{
    AxisFile, BatchNormFile, ClipFile, DropFile, EluFile, FactorFile, GridFile, GroupNormFile,
    GroupsFile, LayerNormFile, LeakyReluFile, LinearFile, LrnFile, MeanFile, Nothing, PReluFile,
    PadShortcutFile, PaddingFile, PermuteFile, PoolFile, PowerFile, RbfFile, ReduceFile,
    ReshapeFile, ResizeFile, ScaleFile, SliceFile, SliceOfFile, SoftplusFile, With,
};
use super::sides::{PadFile, PadWord, Sides};
use super::verb::Verb;
use crate::graph::{
    Activation, Arithmetic, Array, Conv, Dims, Function, Lrn, Op, Own, Padding, Reduction, Resize,
    Transposed, Window,
};

/// The layer that words mean.
///
/// # Errors
/// A constant that no layer can have.
pub fn op(verb: Verb) -> Result<Op, String> {
    let function = |function| Op::Array(Array::Function(function));
    let arithmetic = |by| Op::Array(Array::Arithmetic(by));
    let reduce = |by, read: ReduceFile| -> Result<Op, String> {
        let (axes, keep) = (dims(&read.axes)?, read.keep);
        Ok(Op::Array(Array::Reduce { by, axes, keep }))
    };
    Ok(match verb {
        Verb::Conv(read) => Op::Conv(Conv {
            out: read.out,
            window: window(
                read.kernel,
                Some(read.stride),
                read.pad,
                read.dilation,
                read.ceil,
            ),
            groups: read.groups,
            bias: read.bias,
            table: read.table.map(Into::into),
        }),
        Verb::Linear(LinearFile { out, bias }) => Op::Linear { out, bias },
        Verb::LinearLast(LinearFile { out, bias }) => Op::LinearLast { out, bias },
        Verb::BatchNorm(BatchNormFile { eps, momentum }) => Op::BatchNorm {
            eps: number(eps)?,
            momentum: number(momentum)?,
        },
        Verb::Lrn(LrnFile { size: 0, .. }) => return Err("takes at least one channel".into()),
        Verb::Lrn(LrnFile {
            size,
            alpha,
            beta,
            k,
        }) => Op::Lrn(Lrn {
            size,
            alpha: number(alpha)?,
            beta: number(beta)?,
            k: number(k)?,
        }),
        Verb::Relu(Nothing {}) => Op::Activation(Activation::Relu),
        Verb::Sigmoid(Nothing {}) => Op::Activation(Activation::Sigmoid),
        Verb::Tanh(Nothing {}) => Op::Activation(Activation::Tanh),
        Verb::ScaledTanh(Nothing {}) => Op::Activation(Activation::ScaledTanh),
        Verb::Softmax(Nothing {}) => Op::Activation(Activation::Softmax),
        Verb::MaxPool(read) => Op::MaxPool { window: pool(read) },
        Verb::Subsample(read) => Op::Subsample { window: pool(read) },
        Verb::AvgPool(read) => Op::AvgPool {
            window: window(read.kernel, read.stride, read.pad, read.dilation, read.ceil),
            count_include_pad: read.count_include_pad,
        },
        Verb::GlobalAvgPool(Nothing {}) => Op::AdaptiveAvgPool { output: [1, 1] },
        Verb::AdaptiveAvgPool(GridFile { output }) => Op::AdaptiveAvgPool {
            output: output.pair(),
        },
        Verb::Rbf(RbfFile { classes }) => Op::Rbf { out: classes },
        Verb::Dropout(DropFile { p }) => Op::Dropout { p: share(p)? },
        Verb::StochasticDepth(DropFile { p }) => Op::Array(Array::StochasticDepth { p: share(p)? }),
        Verb::Flatten(Nothing {}) => Op::Flatten,
        Verb::Concat(Nothing {}) => Op::Concat,
        Verb::Add(Nothing {}) => Op::Add,
        Verb::BroadcastAdd(Nothing {}) => Op::BroadcastAdd,
        Verb::Gate(Nothing {}) => Op::Gate,
        Verb::Mean(MeanFile { drop_path }) => Op::Mean {
            drop_path: share(drop_path)?,
        },
        Verb::Slice(SliceFile { from, to }) => Op::Slice { from, to },
        Verb::Scale(ScaleFile { factor, offset }) => Op::Scale {
            factor: number(factor)?,
            offset: number(offset)?,
        },
        Verb::PadShortcut(PadShortcutFile { channels, stride }) => {
            Op::PadShortcut { channels, stride }
        }
        Verb::ConvTranspose(read) => Op::ConvTranspose(Transposed {
            out: read.out,
            window: window(
                read.kernel,
                Some(read.stride),
                read.pad,
                read.dilation,
                false,
            ),
            extra: read.extra.pair(),
            groups: read.groups,
            bias: read.bias,
        }),
        Verb::GroupNorm(GroupNormFile {
            groups,
            eps,
            affine,
        }) => Op::GroupNorm {
            groups,
            eps: number(eps)?,
            affine,
        },
        Verb::LayerNorm(LayerNormFile {
            axes,
            eps,
            scale,
            shift,
        }) => Op::LayerNorm {
            axes,
            eps: number(eps)?,
            scale,
            shift,
        },
        Verb::PRelu(PReluFile { shared }) => Op::PRelu { shared },
        Verb::Own(read) => Op::Own(Own {
            by: read.by,
            dims: dims(&read.dims)?,
            view: dims(read.view.as_ref().unwrap_or(&read.dims))?,
            first: read.first,
            kind: read.kind,
        }),
        Verb::Clip(ClipFile { min, max }) if min <= max => function(Function::Clip { min, max }),
        Verb::Clip(ClipFile { min, max }) => {
            return Err(format!(
                "its bounds are {min} and {max}: min must not exceed max"
            ));
        }
        Verb::HardSwish(Nothing {}) => function(Function::HardSwish),
        Verb::HardSigmoid(Nothing {}) => function(Function::HardSigmoid),
        Verb::Silu(Nothing {}) => function(Function::Silu),
        Verb::Gelu(Nothing {}) => function(Function::Gelu),
        Verb::GeluTanh(Nothing {}) => function(Function::GeluTanh),
        Verb::LeakyRelu(LeakyReluFile { slope }) => function(Function::LeakyRelu {
            slope: number(slope)?,
        }),
        Verb::Elu(EluFile { alpha, scale }) => function(Function::Elu {
            alpha: number(alpha)?,
            scale: number(scale)?,
        }),
        Verb::Softplus(SoftplusFile { beta }) => function(Function::Softplus {
            beta: number(beta)?,
        }),
        Verb::Mish(Nothing {}) => function(Function::Mish),
        Verb::Power(PowerFile { exponent }) => function(Function::Power {
            exponent: number(exponent)?,
        }),
        Verb::Exp(Nothing {}) => function(Function::Exp),
        Verb::Abs(Nothing {}) => function(Function::Abs),
        Verb::Sum(Nothing {}) => arithmetic(Arithmetic::Add),
        Verb::Subtract(Nothing {}) => arithmetic(Arithmetic::Subtract),
        Verb::Multiply(Nothing {}) => arithmetic(Arithmetic::Multiply),
        Verb::Divide(Nothing {}) => arithmetic(Arithmetic::Divide),
        Verb::Maximum(Nothing {}) => arithmetic(Arithmetic::Maximum),
        Verb::Minimum(Nothing {}) => arithmetic(Arithmetic::Minimum),
        Verb::ReduceMax(read) => reduce(Reduction::Maximum, read)?,
        Verb::ReduceMean(read) => reduce(Reduction::Mean, read)?,
        Verb::ReduceSum(read) => reduce(Reduction::Sum, read)?,
        Verb::SoftmaxOver(AxisFile { axis }) => Op::Array(Array::Softmax { axis }),
        Verb::ConcatOn(AxisFile { axis }) => Op::Array(Array::Concat { axis }),
        Verb::Resize(ResizeFile { output, by, scale }) => {
            let output = output.pair();
            Op::Array(Array::Resize(Resize { output, by, scale }))
        }
        Verb::Pad(PaddingFile {
            before,
            after,
            with,
            value,
        }) => Op::Array(Array::Pad {
            before: dims(&before)?,
            after: dims(&after)?,
            with: match with {
                With::Constant => Padding::Constant(number(value)?),
                _ if value != 0.0 => return Err("only a constant padding has a value".into()),
                With::Reflect => Padding::Reflect,
                With::Replicate => Padding::Replicate,
                With::Circular => Padding::Circular,
            },
        }),
        Verb::Reshape(ReshapeFile { to }) => Op::Array(Array::Reshape { to: dims(&to)? }),
        Verb::Permute(PermuteFile { axes }) => Op::Array(Array::Permute { axes: dims(&axes)? }),
        Verb::SliceOf(SliceOfFile {
            axis,
            from,
            to,
            step,
        }) => Op::Array(Array::Slice {
            axis,
            from,
            to,
            step,
        }),
        Verb::ChannelShuffle(GroupsFile { groups }) => Op::Array(Array::ChannelShuffle { groups }),
        Verb::PixelShuffle(FactorFile { factor }) => Op::Array(Array::PixelShuffle { factor }),
    })
}

/// How many layers it can read.
pub fn takes(op: &Op) -> (usize, usize) {
    match op {
        Op::Gate | Op::Array(Array::Arithmetic(_)) => (2, 2),
        Op::Add
        | Op::Mean { .. }
        | Op::Concat
        | Op::BroadcastAdd
        | Op::Array(Array::Concat { .. }) => (1, usize::MAX),
        _ => (1, 1),
    }
}

/// Whether it can read several, so that a file must say which.
pub fn joins(op: &Op) -> bool {
    takes(op).1 > 1
}

fn pool(read: PoolFile) -> Window {
    window(read.kernel, read.stride, read.pad, read.dilation, read.ceil)
}

fn window(
    kernel: Sides,
    stride: Option<Sides>,
    pad: PadFile,
    dilation: Sides,
    ceil: bool,
) -> Window {
    let window = Window {
        ceil,
        ..crate::graph::pool(kernel.pair())
            .stride(stride.unwrap_or(kernel).pair())
            .dilation(dilation.pair())
    };
    match pad {
        PadFile::One(pad) => window.pad(pad),
        PadFile::Two(pad) => window.pad(pad),
        PadFile::Around([before, after]) => window.pad_around(before, after),
        PadFile::Word(PadWord::Same) => window.same(),
    }
}

fn dims(sizes: &[usize]) -> Result<Dims, String> {
    let what = || format!("has {} sizes; at most {}", sizes.len(), Dims::MOST);
    Dims::from_slice(sizes).ok_or_else(what)
}

/// A number with which one can count.
fn number(x: f64) -> Result<f64, String> {
    match x.is_finite() {
        true => Ok(x),
        false => Err(format!("its constant {x} must be a finite number")),
    }
}

/// A probability.
fn share(p: f64) -> Result<f64, String> {
    match (0.0..=1.0).contains(&p) {
        true => Ok(p),
        false => Err(format!("its probability {p} must be from 0 to 1")),
    }
}

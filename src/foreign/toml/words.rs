//! The words of a file that mean a layer.

use super::constants::{
    AvgPoolFile, AxisFile, BatchNormFile, ClipFile, ConvFile, DropFile, EluFile, FactorFile,
    GridFile, GroupNormFile, GroupsFile, LayerNormFile, LeakyReluFile, LinearFile, LrnFile,
    MeanFile, Nothing, OwnFile, PReluFile, PadShortcutFile, PaddingFile, PermuteFile, PoolFile,
    PowerFile, RbfFile, ReduceFile, ReshapeFile, ResizeFile, ScaleFile, SliceFile, SliceOfFile,
    SoftplusFile, TransposedFile, With,
};
use super::sides::{PadFile, PadWord, Sides};
use super::verb::Verb;
use crate::graph::{
    Activation, Arithmetic, Array, Conv, Function, Lrn, Op, Own, Pad, Padding, Reduction, Resize,
    Transposed, Window,
};

/// The words that mean a layer; none for inputs and for what no engine knows.
pub fn verb(op: &Op) -> Option<Verb> {
    const NONE: Nothing = Nothing {};
    Some(match *op {
        Op::Input | Op::Parameter { .. } | Op::Opaque(_) => return None,
        Op::Conv(Conv {
            out,
            ref window,
            groups,
            bias,
            ref table,
        }) => Verb::Conv(ConvFile {
            out,
            kernel: Sides::of(window.kernel),
            stride: Sides::of(window.stride),
            pad: padding(window.pad),
            dilation: Sides::of(window.dilation),
            ceil: window.ceil,
            groups,
            bias,
            table: table.as_ref().map(|table| table.to_vec()),
        }),
        Op::Linear { out, bias } => Verb::Linear(LinearFile { out, bias }),
        Op::LinearLast { out, bias } => Verb::LinearLast(LinearFile { out, bias }),
        Op::BatchNorm { eps, momentum } => Verb::BatchNorm(BatchNormFile { eps, momentum }),
        Op::Lrn(Lrn {
            size,
            alpha,
            beta,
            k,
        }) => Verb::Lrn(LrnFile {
            size,
            alpha,
            beta,
            k,
        }),
        Op::Activation(Activation::Relu) => Verb::Relu(NONE),
        Op::Activation(Activation::Sigmoid) => Verb::Sigmoid(NONE),
        Op::Activation(Activation::Tanh) => Verb::Tanh(NONE),
        Op::Activation(Activation::ScaledTanh) => Verb::ScaledTanh(NONE),
        Op::Activation(Activation::Softmax) => Verb::Softmax(NONE),
        Op::MaxPool { ref window } => Verb::MaxPool(pooled(window)),
        Op::Subsample { ref window } => Verb::Subsample(pooled(window)),
        Op::AvgPool {
            ref window,
            count_include_pad,
        } => {
            let PoolFile {
                kernel,
                stride,
                pad,
                dilation,
                ceil,
            } = pooled(window);
            Verb::AvgPool(AvgPoolFile {
                kernel,
                stride,
                pad,
                dilation,
                ceil,
                count_include_pad,
            })
        }
        Op::AdaptiveAvgPool { output: [1, 1] } => Verb::GlobalAvgPool(NONE),
        Op::AdaptiveAvgPool { output } => Verb::AdaptiveAvgPool(GridFile {
            output: Sides::of(output),
        }),
        Op::Rbf { out } => Verb::Rbf(RbfFile { classes: out }),
        Op::Dropout { p } => Verb::Dropout(DropFile { p }),
        Op::Flatten => Verb::Flatten(NONE),
        Op::Concat => Verb::Concat(NONE),
        Op::Add => Verb::Add(NONE),
        Op::BroadcastAdd => Verb::BroadcastAdd(NONE),
        Op::Gate => Verb::Gate(NONE),
        Op::Mean { drop_path } => Verb::Mean(MeanFile { drop_path }),
        Op::Slice { from, to } => Verb::Slice(SliceFile { from, to }),
        Op::Scale { factor, offset } => Verb::Scale(ScaleFile { factor, offset }),
        Op::PadShortcut { channels, stride } => {
            Verb::PadShortcut(PadShortcutFile { channels, stride })
        }
        Op::ConvTranspose(Transposed {
            out,
            ref window,
            extra,
            groups,
            bias,
        }) => Verb::ConvTranspose(TransposedFile {
            out,
            kernel: Sides::of(window.kernel),
            stride: Sides::of(window.stride),
            pad: padding(window.pad),
            dilation: Sides::of(window.dilation),
            extra: Sides::of(extra),
            groups,
            bias,
        }),
        Op::GroupNorm {
            groups,
            eps,
            affine,
        } => Verb::GroupNorm(GroupNormFile {
            groups,
            eps,
            affine,
        }),
        Op::LayerNorm {
            axes,
            eps,
            scale,
            shift,
        } => Verb::LayerNorm(LayerNormFile {
            axes,
            eps,
            scale,
            shift,
        }),
        Op::PRelu { shared } => Verb::PRelu(PReluFile { shared }),
        Op::Own(Own {
            by,
            dims,
            view,
            first,
            kind,
        }) => Verb::Own(OwnFile {
            by,
            dims: dims.to_vec(),
            view: (view != dims).then(|| view.to_vec()),
            first,
            kind,
        }),
        Op::Array(ref array) => of_array(array),
    })
}

fn of_array(array: &Array) -> Verb {
    const NONE: Nothing = Nothing {};
    match *array {
        Array::Function(ref function) => of_function(function),
        Array::Arithmetic(Arithmetic::Add) => Verb::Sum(NONE),
        Array::Arithmetic(Arithmetic::Subtract) => Verb::Subtract(NONE),
        Array::Arithmetic(Arithmetic::Multiply) => Verb::Multiply(NONE),
        Array::Arithmetic(Arithmetic::Divide) => Verb::Divide(NONE),
        Array::Arithmetic(Arithmetic::Maximum) => Verb::Maximum(NONE),
        Array::Arithmetic(Arithmetic::Minimum) => Verb::Minimum(NONE),
        Array::Reduce { by, axes, keep } => {
            let axes = axes.to_vec();
            match by {
                Reduction::Maximum => Verb::ReduceMax(ReduceFile { axes, keep }),
                Reduction::Mean => Verb::ReduceMean(ReduceFile { axes, keep }),
                Reduction::Sum => Verb::ReduceSum(ReduceFile { axes, keep }),
            }
        }
        Array::Softmax { axis } => Verb::SoftmaxOver(AxisFile { axis }),
        Array::Concat { axis } => Verb::ConcatOn(AxisFile { axis }),
        Array::Resize(Resize { output, by, scale }) => {
            let output = Sides::of(output);
            Verb::Resize(ResizeFile { output, by, scale })
        }
        Array::Pad {
            before,
            after,
            with,
        } => {
            let (with, value) = match with {
                Padding::Constant(value) => (With::Constant, value),
                Padding::Reflect => (With::Reflect, 0.0),
                Padding::Replicate => (With::Replicate, 0.0),
                Padding::Circular => (With::Circular, 0.0),
            };
            Verb::Pad(PaddingFile {
                before: before.to_vec(),
                after: after.to_vec(),
                with,
                value,
            })
        }
        Array::Reshape { to } => Verb::Reshape(ReshapeFile { to: to.to_vec() }),
        Array::Permute { axes } => Verb::Permute(PermuteFile {
            axes: axes.to_vec(),
        }),
        Array::Slice {
            axis,
            from,
            to,
            step,
        } => Verb::SliceOf(SliceOfFile {
            axis,
            from,
            to,
            step,
        }),
        Array::ChannelShuffle { groups } => Verb::ChannelShuffle(GroupsFile { groups }),
        Array::PixelShuffle { factor } => Verb::PixelShuffle(FactorFile { factor }),
        Array::StochasticDepth { p } => Verb::StochasticDepth(DropFile { p }),
    }
}

fn of_function(function: &Function) -> Verb {
    const NONE: Nothing = Nothing {};
    match *function {
        Function::Clip { min, max } => Verb::Clip(ClipFile { min, max }),
        Function::HardSwish => Verb::HardSwish(NONE),
        Function::HardSigmoid => Verb::HardSigmoid(NONE),
        Function::Silu => Verb::Silu(NONE),
        Function::Gelu => Verb::Gelu(NONE),
        Function::GeluTanh => Verb::GeluTanh(NONE),
        Function::LeakyRelu { slope } => Verb::LeakyRelu(LeakyReluFile { slope }),
        Function::Elu { alpha, scale } => Verb::Elu(EluFile { alpha, scale }),
        Function::Softplus { beta } => Verb::Softplus(SoftplusFile { beta }),
        Function::Mish => Verb::Mish(NONE),
        Function::Power { exponent } => Verb::Power(PowerFile { exponent }),
        Function::Exp => Verb::Exp(NONE),
        Function::Abs => Verb::Abs(NONE),
    }
}

fn pooled(window: &Window) -> PoolFile {
    PoolFile {
        kernel: Sides::of(window.kernel),
        stride: (window.stride != window.kernel).then(|| Sides::of(window.stride)),
        pad: padding(window.pad),
        dilation: Sides::of(window.dilation),
        ceil: window.ceil,
    }
}

fn padding(pad: Pad) -> PadFile {
    match pad {
        Pad::Even([h, w]) if h == w => PadFile::One(h),
        Pad::Even(pad) => PadFile::Two(pad),
        Pad::Around { before, after } => PadFile::Around([before, after]),
        Pad::Same => PadFile::Word(PadWord::Same),
    }
}

//! What a layer can be, by the name that a file has for it: that of [`Op::name`], but `own` for all arithmetic with a tensor of
//! the layer's own.
//!
//! [`Op::name`]: crate::graph::Op::name

use super::constants::{
    AvgPoolFile, AxisFile, BatchNormFile, ClipFile, ConvFile, DropFile, EluFile, FactorFile,
    GridFile, GroupNormFile, GroupsFile, LayerNormFile, LeakyReluFile, LinearFile, LrnFile,
    MeanFile, Nothing, OwnFile, PReluFile, PadShortcutFile, PaddingFile, PermuteFile, PoolFile,
    PowerFile, RbfFile, ReduceFile, ReshapeFile, ResizeFile, ScaleFile, SliceFile, SliceOfFile,
    SoftplusFile, TransposedFile,
};
use schemars::JsonSchema;
use serde::de::{DeserializeSeed, Deserializer};
use serde::{Deserialize, Serialize};

/// The kinds: name in a file, variant, its constants, what it is.
macro_rules! verbs {
    ($($name:literal $variant:ident($constants:ty) $doc:literal,)*) => {
        /// What a layer computes.
        #[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
        pub enum Verb {
            $(
                #[doc = $doc]
                #[serde(rename = $name)]
                $variant($constants),
            )*
        }

        impl Verb {
            /// All names.
            pub const NAMES: &[&str] = &[$($name),*];
        }

        impl<'de> DeserializeSeed<'de> for Named<'_> {
            /// None if nothing has that name.
            type Value = Option<Verb>;

            fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<Verb>, D::Error> {
                match self.0 {
                    $($name => <$constants>::deserialize(from).map(|read| Some(Verb::$variant(read))),)*
                    _ => serde::de::IgnoredAny::deserialize(from).map(|_| None),
                }
            }
        }
    };
}

/// Reads the constants of the kind that has that name.
pub struct Named<'a>(pub &'a str);

verbs! {
    "conv" Conv(ConvFile) "Convolution.",
    "linear" Linear(LinearFile) "Fully connected layer on a vector.",
    "batch_norm" BatchNorm(BatchNormFile) "Batch normalisation with scale and shift.",
    "lrn" Lrn(LrnFile) "Local response normalisation.",
    "relu" Relu(Nothing) "max(x, 0).",
    "sigmoid" Sigmoid(Nothing) "1 / (1 + exp(-x)).",
    "tanh" Tanh(Nothing) "Hyperbolic tangent.",
    "scaled_tanh" ScaledTanh(Nothing) "1.7159 tanh(2x / 3).",
    "softmax" Softmax(Nothing) "Softmax over the channels.",
    "max_pool" MaxPool(PoolFile) "The largest value in each window.",
    "avg_pool" AvgPool(AvgPoolFile) "The mean of each window.",
    "global_avg_pool" GlobalAvgPool(Nothing) "The mean of each map.",
    "adaptive_avg_pool" AdaptiveAvgPool(GridFile) "The mean of each cell of a grid.",
    "subsample" Subsample(PoolFile) "LeNet-5's trainable subsampling.",
    "rbf" Rbf(RbfFile) "Squared distances to fixed codes.",
    "dropout" Dropout(DropFile) "Zeroes units at random in training.",
    "flatten" Flatten(Nothing) "Maps to a vector.",
    "concat" Concat(Nothing) "Channels of all inputs, one after the other.",
    "add" Add(Nothing) "Sum of inputs of one shape.",
    "broadcast_add" BroadcastAdd(Nothing) "Sum of inputs in which a map of one row or column is repeated.",
    "gate" Gate(Nothing) "Each map of the first input times its value of the second.",
    "mean" Mean(MeanFile) "Mean of inputs of one shape.",
    "slice" Slice(SliceFile) "Some of the channels.",
    "scale" Scale(ScaleFile) "Each unit times a constant plus a constant.",
    "pad_shortcut" PadShortcut(PadShortcutFile) "ResNet's shortcut of option A.",
    "conv_transpose" ConvTranspose(TransposedFile) "Transposed convolution.",
    "group_norm" GroupNorm(GroupNormFile) "Normalisation of each group of channels.",
    "layer_norm" LayerNorm(LayerNormFile) "Normalisation over the last axes.",
    "prelu" PRelu(PReluFile) "x, below zero a learned factor of it.",
    "linear_last" LinearLast(LinearFile) "Fully connected layer on the last axis.",
    "own" Own(OwnFile) "Arithmetic with a tensor of the layer's own.",
    "clip" Clip(ClipFile) "min(max(x, min), max): ReLU6 is 0 to 6.",
    "hard_swish" HardSwish(Nothing) "x min(max(x + 3, 0), 6) / 6.",
    "hard_sigmoid" HardSigmoid(Nothing) "min(max(x + 3, 0), 6) / 6.",
    "silu" Silu(Nothing) "x sigmoid(x).",
    "gelu" Gelu(Nothing) "x Phi(x).",
    "gelu_tanh" GeluTanh(Nothing) "Its approximation by a hyperbolic tangent.",
    "leaky_relu" LeakyRelu(LeakyReluFile) "x, below zero a factor of it.",
    "elu" Elu(EluFile) "scale x, below zero scale alpha (exp(x) - 1).",
    "softplus" Softplus(SoftplusFile) "log(1 + exp(beta x)) / beta.",
    "mish" Mish(Nothing) "x tanh(softplus(x)).",
    "power" Power(PowerFile) "x to a power.",
    "exp" Exp(Nothing) "exp(x).",
    "abs" Abs(Nothing) "|x|.",
    "sum" Sum(Nothing) "Two inputs added, repeated where one has one unit.",
    "subtract" Subtract(Nothing) "The second input taken from the first.",
    "multiply" Multiply(Nothing) "Two inputs multiplied.",
    "divide" Divide(Nothing) "The first input divided by the second.",
    "maximum" Maximum(Nothing) "The larger of two inputs.",
    "minimum" Minimum(Nothing) "The smaller of two inputs.",
    "reduce_max" ReduceMax(ReduceFile) "The largest along axes.",
    "reduce_mean" ReduceMean(ReduceFile) "The mean along axes.",
    "reduce_sum" ReduceSum(ReduceFile) "The sum along axes.",
    "softmax_over" SoftmaxOver(AxisFile) "Softmax along an axis.",
    "resize" Resize(ResizeFile) "Maps of another size.",
    "pad" Pad(PaddingFile) "Units around an array.",
    "reshape" Reshape(ReshapeFile) "The same units under other axes.",
    "permute" Permute(PermuteFile) "Axes in another order.",
    "slice_of" SliceOf(SliceOfFile) "Some units along an axis.",
    "concat_on" ConcatOn(AxisFile) "Inputs one after the other along an axis.",
    "channel_shuffle" ChannelShuffle(GroupsFile) "Channels of groups dealt out.",
    "pixel_shuffle" PixelShuffle(FactorFile) "Channels become squares of units.",
    "stochastic_depth" StochasticDepth(DropFile) "A sample's value is dropped in training.",
}

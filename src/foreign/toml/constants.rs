//! The constants of layers as they stand in a file: what is left out has the value that PyTorch gives it.

use super::sides::{PadFile, Sides};
use crate::graph::{Arithmetic, Interpolation, TensorKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A record of the format: unknown keys are refused.
macro_rules! records {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)*
            }
        )*
    };
}

records! {
    /// A layer without constants.
    Nothing {}

    /// A convolution.
    ConvFile {
        /// Output maps.
        out: usize,
        /// Size of the window.
        kernel: Sides,
        /// Step of the window.
        #[serde(default = "Sides::one", skip_serializing_if = "Sides::is_one")]
        stride: Sides,
        /// Zeros around the map.
        #[serde(default, skip_serializing_if = "PadFile::is_none")]
        pad: PadFile,
        /// Distance between neighbouring taps.
        #[serde(default = "Sides::one", skip_serializing_if = "Sides::is_one")]
        dilation: Sides,
        /// Whether a last window that hangs over the edge counts.
        #[serde(default, skip_serializing_if = "is_no")]
        ceil: bool,
        /// Groups of maps that do not see each other.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        groups: usize,
        /// Whether each output map adds a bias.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        bias: bool,
        /// For each output map the input maps that it reads; all of them without a table.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        table: Option<Vec<Vec<usize>>>,
    }

    /// A transposed convolution.
    TransposedFile {
        /// Output maps.
        out: usize,
        /// Size of the window.
        kernel: Sides,
        /// What the maps grow by.
        #[serde(default = "Sides::one", skip_serializing_if = "Sides::is_one")]
        stride: Sides,
        /// Rows and columns that are cut off on each side.
        #[serde(default, skip_serializing_if = "PadFile::is_none")]
        pad: PadFile,
        /// Distance between neighbouring taps.
        #[serde(default = "Sides::one", skip_serializing_if = "Sides::is_one")]
        dilation: Sides,
        /// Rows and columns of the output behind those that windows reach: PyTorch's `output_padding`.
        #[serde(default = "Sides::zero", skip_serializing_if = "Sides::is_zero")]
        extra: Sides,
        /// Groups of maps that do not see each other.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        groups: usize,
        /// Whether each output map adds a bias.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        bias: bool,
    }

    /// A window that slides over each map.
    PoolFile {
        /// Size of the window.
        kernel: Sides,
        /// Step of the window; its size, if it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<Sides>,
        /// Zeros around the map.
        #[serde(default, skip_serializing_if = "PadFile::is_none")]
        pad: PadFile,
        /// Distance between neighbouring taps.
        #[serde(default = "Sides::one", skip_serializing_if = "Sides::is_one")]
        dilation: Sides,
        /// Whether a last window that hangs over the edge counts.
        #[serde(default, skip_serializing_if = "is_no")]
        ceil: bool,
    }

    /// Average pooling.
    AvgPoolFile {
        /// Size of the window.
        kernel: Sides,
        /// Step of the window; its size, if it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<Sides>,
        /// Zeros around the map.
        #[serde(default, skip_serializing_if = "PadFile::is_none")]
        pad: PadFile,
        /// Distance between neighbouring taps.
        #[serde(default = "Sides::one", skip_serializing_if = "Sides::is_one")]
        dilation: Sides,
        /// Whether a last window that hangs over the edge counts.
        #[serde(default, skip_serializing_if = "is_no")]
        ceil: bool,
        /// Whether padded zeros count in the mean.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        count_include_pad: bool,
    }

    /// A fully connected layer.
    LinearFile {
        /// Output units.
        out: usize,
        /// Whether each unit adds a bias.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        bias: bool,
    }

    /// Batch normalisation.
    BatchNormFile {
        /// Added to the variance.
        #[serde(default = "eps", skip_serializing_if = "is_eps")]
        eps: f64,
        /// Weight of the new batch in the running statistics.
        #[serde(default = "tenth", skip_serializing_if = "is_tenth")]
        momentum: f64,
    }

    /// Normalisation of groups of channels.
    GroupNormFile {
        /// Groups.
        groups: usize,
        /// Added to the variance.
        #[serde(default = "eps", skip_serializing_if = "is_eps")]
        eps: f64,
        /// Whether each channel is scaled and shifted then.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        affine: bool,
    }

    /// Normalisation over the last axes.
    LayerNormFile {
        /// How many axes.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        axes: usize,
        /// Added to the variance.
        #[serde(default = "eps", skip_serializing_if = "is_eps")]
        eps: f64,
        /// Whether each unit is scaled then.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        scale: bool,
        /// Whether each unit is shifted then.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        shift: bool,
    }

    /// Local response normalisation, the sum of squares not divided by `size`.
    LrnFile {
        /// Channels that take part.
        size: usize,
        /// Factor of the sum of squares.
        alpha: f64,
        /// Exponent.
        beta: f64,
        /// Constant.
        k: f64,
    }

    /// PReLU.
    PReluFile {
        /// Whether all channels share one factor.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        shared: bool,
    }

    /// A grid.
    GridFile {
        /// Cells.
        output: Sides,
    }

    /// Distances to codes.
    RbfFile {
        /// Codes, one a class.
        classes: usize,
    }

    /// What drops units, samples or paths.
    DropFile {
        /// Probability.
        p: f64,
    }

    /// The mean of inputs of one shape.
    MeanFile {
        /// Probability that an input is dropped in training.
        #[serde(default, skip_serializing_if = "is_zero")]
        drop_path: f64,
    }

    /// Some of the channels.
    SliceFile {
        /// First channel.
        from: usize,
        /// Channel behind the last.
        to: usize,
    }

    /// A linear function of each unit.
    ScaleFile {
        /// Factor.
        #[serde(default = "unit", skip_serializing_if = "is_unit")]
        factor: f64,
        /// Added after it.
        #[serde(default, skip_serializing_if = "is_zero")]
        offset: f64,
    }

    /// ResNet's shortcut of option A.
    PadShortcutFile {
        /// Maps after padding.
        channels: usize,
        /// Step in both directions.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        stride: usize,
    }

    /// Arithmetic with a tensor of the layer's own.
    OwnFile {
        /// Which.
        by: Arithmetic,
        /// The tensor's dimensions.
        dims: Vec<usize>,
        /// Under which it is repeated to the input's; the dimensions, if it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        view: Option<Vec<usize>>,
        /// Whether the tensor stands before the operator.
        #[serde(default, skip_serializing_if = "is_no")]
        first: bool,
        /// What training does with it.
        #[serde(default = "trainable", skip_serializing_if = "is_trainable")]
        kind: TensorKind,
    }

    /// Bounds.
    ClipFile {
        /// Least value.
        min: f64,
        /// Largest value.
        max: f64,
    }

    /// Leaky ReLU.
    LeakyReluFile {
        /// Factor below zero.
        #[serde(default = "hundredth", skip_serializing_if = "is_hundredth")]
        slope: f64,
    }

    /// ELU, and SELU.
    EluFile {
        /// Limit below zero.
        #[serde(default = "unit", skip_serializing_if = "is_unit")]
        alpha: f64,
        /// Factor.
        #[serde(default = "unit", skip_serializing_if = "is_unit")]
        scale: f64,
    }

    /// Softplus.
    SoftplusFile {
        /// Steepness.
        #[serde(default = "unit", skip_serializing_if = "is_unit")]
        beta: f64,
    }

    /// A power.
    PowerFile {
        /// Exponent.
        exponent: f64,
    }

    /// Axes that become one value.
    ReduceFile {
        /// Which, in ascending order; 0 are the channels.
        axes: Vec<usize>,
        /// Whether they stay, with one unit.
        #[serde(default, skip_serializing_if = "is_no")]
        keep: bool,
    }

    /// An axis.
    AxisFile {
        /// Which; 0 are the channels.
        axis: usize,
    }

    /// Maps of another size.
    ResizeFile {
        /// Size of the output.
        output: Sides,
        /// Between which units.
        by: Interpolation,
        /// Output units an input unit, where it was given as such.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scale: Option<[f64; 2]>,
    }

    /// Units around an array.
    PaddingFile {
        /// In front, for each axis.
        before: Vec<usize>,
        /// Behind, for each axis.
        after: Vec<usize>,
        /// Of which values.
        #[serde(default, skip_serializing_if = "With::is_constant")]
        with: With,
        /// The number, of a constant.
        #[serde(default, skip_serializing_if = "is_zero")]
        value: f64,
    }

    /// Sizes.
    ReshapeFile {
        /// Sizes; at most one is 0, and follows from the others.
        to: Vec<usize>,
    }

    /// Axes.
    PermuteFile {
        /// For each axis of the output the one of the input.
        axes: Vec<usize>,
    }

    /// Some units along an axis.
    SliceOfFile {
        /// Along which; 0 are the channels.
        axis: usize,
        /// First unit.
        from: usize,
        /// Unit behind the last.
        to: usize,
        /// Units from one to the next.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        step: usize,
    }

    /// Groups of channels.
    GroupsFile {
        /// How many.
        groups: usize,
    }

    /// A square of units.
    FactorFile {
        /// Its side.
        factor: usize,
    }
}

/// Which values stand around an array.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum With {
    /// One number.
    #[default]
    Constant,
    /// The array mirrored, its edge not repeated.
    Reflect,
    /// Its edge repeated.
    Replicate,
    /// Its other end.
    Circular,
}

impl With {
    fn is_constant(&self) -> bool {
        *self == With::Constant
    }
}

const fn one() -> usize {
    1
}
const fn is_one(n: &usize) -> bool {
    *n == 1
}
const fn yes() -> bool {
    true
}
const fn is_yes(is: &bool) -> bool {
    *is
}
const fn is_no(is: &bool) -> bool {
    !*is
}
const fn eps() -> f64 {
    1e-5
}
fn is_eps(x: &f64) -> bool {
    *x == eps()
}
const fn tenth() -> f64 {
    0.1
}
fn is_tenth(x: &f64) -> bool {
    *x == tenth()
}
const fn hundredth() -> f64 {
    0.01
}
fn is_hundredth(x: &f64) -> bool {
    *x == hundredth()
}
const fn unit() -> f64 {
    1.0
}
fn is_unit(x: &f64) -> bool {
    *x == 1.0
}
fn is_zero(x: &f64) -> bool {
    x.to_bits() == 0
}
const fn trainable() -> TensorKind {
    TensorKind::Trainable
}
fn is_trainable(kind: &TensorKind) -> bool {
    *kind == TensorKind::Trainable
}

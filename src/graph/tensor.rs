//! Which tensors has a layer, and what is each for?

use super::Dims;

/// What a tensor of a layer is for. Initialisation, weight decay and the order of weights on a device
/// follow from it, and so do its name and [kind](TensorKind).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Factors of a matrix product: kernels, or a row a unit.
    Weight,
    /// One factor a map (LeNet-5's subsampling).
    Coefficient,
    /// What each unit or map adds.
    Bias,
    /// A normalisation's factor for each channel.
    NormScale,
    /// What a normalisation adds to each channel.
    NormShift,
    /// The mean of each channel over the batches so far.
    RunningMean,
    /// The variance of each channel over the batches so far.
    RunningVariance,
    /// What is compared with and never learned (LeNet-5's RBF codes).
    Code,
}

/// What becomes of a tensor of the `state_dict` in training.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TensorKind {
    /// Learned by gradient.
    Trainable,
    /// A parameter that training leaves alone.
    Frozen,
    /// A running statistic.
    Buffer,
    /// Numbers of the description, which a file keeps beside the `state_dict`.
    Constant,
}

impl TensorKind {
    /// Whether it is a parameter, trainable or frozen.
    pub const fn is_parameter(self) -> bool {
        match self {
            TensorKind::Trainable | TensorKind::Frozen => true,
            TensorKind::Buffer | TensorKind::Constant => false,
        }
    }

    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            TensorKind::Trainable => "trainable",
            TensorKind::Frozen => "frozen",
            TensorKind::Buffer => "buffer",
            TensorKind::Constant => "constant",
        }
    }
}

impl Role {
    /// What training does with it.
    pub const fn kind(self) -> TensorKind {
        match self {
            Role::Weight | Role::Coefficient | Role::Bias | Role::NormScale | Role::NormShift => {
                TensorKind::Trainable
            }
            Role::RunningMean | Role::RunningVariance => TensorKind::Buffer,
            Role::Code => TensorKind::Frozen,
        }
    }

    /// Whether inputs are multiplied by it as by a matrix.
    pub const fn is_matrix(self) -> bool {
        match self {
            Role::Weight => true,
            Role::Coefficient
            | Role::Bias
            | Role::NormScale
            | Role::NormShift
            | Role::RunningMean
            | Role::RunningVariance
            | Role::Code => false,
        }
    }

    /// Whether weight decay shrinks it even where a recipe does not let all weights decay.
    pub const fn decays(self) -> bool {
        self.is_matrix()
    }

    /// Its name within a layer, as PyTorch has it.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Weight | Role::Coefficient | Role::NormScale | Role::Code => "weight",
            Role::Bias | Role::NormShift => "bias",
            Role::RunningMean => "running_mean",
            Role::RunningVariance => "running_var",
        }
    }
}

/// One tensor of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Name within the layer, as PyTorch has it.
    pub name: &'static str,
    /// Dimensions; convolutions are `[out, in / groups, h, w]`, linear layers `[out, in]`.
    pub dims: Dims,
    /// What it is for.
    pub role: Role,
    /// What training does with it.
    pub kind: TensorKind,
}

impl Tensor {
    /// A tensor under the name that its role has.
    pub(super) fn new(role: Role, dims: impl Into<Dims>) -> Tensor {
        Tensor {
            name: role.name(),
            dims: dims.into(),
            role,
            kind: role.kind(),
        }
    }

    /// Values that it holds, unless they exceed 2^64 - 1.
    pub fn elements(&self) -> Option<u64> {
        self.dims
            .iter()
            .try_fold(1u64, |n, &d| n.checked_mul(d as u64))
    }
}

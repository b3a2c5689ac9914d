//! What a pass is for.

use crate::random::Key;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Prediction: running statistics, nothing dropped, auxiliary heads not run, nothing kept.
    Eval,
    /// As `Eval`, but with auxiliary heads, and all is kept that gradients need.
    Probe,
    /// Training: dropout and drop-path under a key of this step.
    Train {
        /// What this step's masks depend on.
        key: Key,
        /// How batch normalisation runs.
        norm: Norm,
    },
}

/// How batch normalisation runs in training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// By the batch's statistics; the running variance takes in the unbiased one, as in PyTorch.
    #[default]
    Torch,
    /// By the batch's statistics; the running variance takes in the biased one, as in Keras.
    Keras,
    /// By the running statistics, which stay as they are: inference mode while training, as a
    /// listing of the document runs it by accident.
    Running,
}

impl Mode {
    /// Training as PyTorch runs it, at a step of a run.
    pub const fn train(seed: u64, step: u64) -> Mode {
        Mode::Train {
            key: Key::seed(seed).fold_in(step),
            norm: Norm::Torch,
        }
    }

    /// Whether batch normalisation runs by the batch's statistics.
    pub(super) fn uses_batch(self) -> bool {
        matches!(
            self,
            Mode::Train {
                norm: Norm::Torch | Norm::Keras,
                ..
            }
        )
    }

    /// The key of a layer's mask, in training.
    pub(super) fn key(self, layer: usize) -> Option<Key> {
        match self {
            Mode::Train { key, .. } => Some(key.fold_in(layer as u64)),
            Mode::Eval | Mode::Probe => None,
        }
    }
}

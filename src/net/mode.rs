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

impl Norm {
    /// Whether it runs by the batch's statistics.
    pub(crate) const fn uses_batch(self) -> bool {
        match self {
            Norm::Torch | Norm::Keras => true,
            Norm::Running => false,
        }
    }

    /// By what the batch's variance, over so many units a channel, is multiplied before the running variance takes it
    /// in; nothing where the running statistics are used and stay.
    ///
    /// # Errors
    /// A single unit has no variance.
    pub(crate) fn correction(self, units: usize) -> Result<Option<f64>, String> {
        if self.uses_batch() && units < 2 {
            return Err("batch normalisation in training needs more than one value a channel: use a larger batch".into());
        }
        Ok(match self {
            Norm::Torch => Some(units as f64 / (units - 1) as f64),
            Norm::Keras => Some(1.0),
            Norm::Running => None,
        })
    }
}

impl Mode {
    /// Training as PyTorch runs it, at a step of a run.
    pub const fn train(seed: u64, step: u64) -> Mode {
        Mode::Train {
            key: Key::seed(seed).fold_in(step),
            norm: Norm::Torch,
        }
    }

    /// How batch normalisation runs: outside training by the running statistics.
    pub(crate) const fn norm(self) -> Norm {
        match self {
            Mode::Train { norm, .. } => norm,
            Mode::Eval | Mode::Probe => Norm::Running,
        }
    }

    /// The key of a layer's mask, in training.
    pub(crate) fn key(self, layer: usize) -> Option<Key> {
        match self {
            Mode::Train { key, .. } => Some(key.fold_in(layer as u64)),
            Mode::Eval | Mode::Probe => None,
        }
    }
}

//! What came of a training run, in a form that outlives it.

use crate::claim::Scale;
use serde::{Deserialize, Serialize};

/// A finished run: what was trained, by whom, and its curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trained {
    /// The experiment.
    pub experiment: String,
    /// At which scale.
    pub scale: Scale,
    /// Which of its arms.
    pub arm: String,
    /// The seed.
    pub seed: u64,
    /// The model.
    pub model: String,
    /// Fingerprint of the recipe.
    pub recipe: String,
    /// Fingerprint of the data.
    pub data: String,
    /// Commit of the program that ran it, if it was built from a checkout.
    pub commit: Option<String>,
    /// Processor, cores, memory and operating system.
    pub machine: String,
    /// Date of the run, UTC.
    pub date: String,
    /// Time taken.
    pub seconds: f64,
    /// What happened.
    pub curve: Curve,
}

/// A run's losses and errors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// The loss of each step's batch, before the step.
    pub losses: Vec<f32>,
    /// What each epoch came to.
    pub epochs: Vec<Epoch>,
}

/// What an epoch came to. Errors are shares of images whose class did not have the highest score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epoch {
    /// Mean loss over its images, as they came, in training mode.
    pub train_loss: f64,
    /// Error over the same.
    pub train_error: f64,
    /// Mean loss over the whole test part, after the epoch.
    pub test_loss: f64,
    /// Error over the same.
    pub test_error: f64,
    /// Error over the validation part, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_error: Option<f64>,
}

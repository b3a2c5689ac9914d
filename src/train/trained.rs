//! What came of a training run, in a form that outlives it.

use super::{Divergence, Fingerprint};
use crate::claim::Scale;
use serde::{Deserialize, Deserializer, Serialize};

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
    /// Digest of the network's graph; nothing in runs from before they named it, which count for no network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Fingerprint of the data.
    pub data: String,
    /// Commit of the program that ran it, if it was built from a checkout.
    pub commit: Option<String>,
    /// Other versions of the program that took its first steps, in order: those that it was gone on with from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub begun_by: Vec<String>,
    /// Where it diverged, which ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diverged: Option<Divergence>,
    /// Device and numbers that it ran on: `cpu-f32`, `cuda-bf16`.
    #[serde(default = "super::cpu::name")]
    pub backend: String,
    /// Processor, cores, memory and operating system, or the device with its driver.
    pub machine: String,
    /// Date of the run, UTC.
    pub date: String,
    /// Time taken.
    pub seconds: f64,
    /// What happened.
    pub curve: Curve,
}

impl Trained {
    /// Whether it is this run: of the same arm and seed, by the same recipe, with the same curve. Who made it, where and
    /// when does not matter.
    pub fn is_same_run(&self, other: &Trained) -> bool {
        let of = |run: &Trained| (run.experiment.clone(), run.scale, run.arm.clone(), run.seed);
        of(self) == of(other)
            && self.fingerprint() == other.fingerprint()
            && self.curve.is_same(&other.curve)
    }

    /// What its last epoch came to; nothing of a run that diverged, whose earlier epochs are no end.
    pub fn end(&self) -> Option<&Epoch> {
        let last = self.curve.epochs.last();
        last.filter(|_| self.divergence().is_none())
    }

    /// All that decided it but its seed.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            recipe: self.recipe.clone(),
            network: self.network.clone(),
            data: self.data.clone(),
            backend: self.backend.clone(),
        }
    }
}

/// A run's losses and errors. Those of a run that diverged may be no numbers; JSON has no name for them,
/// so that they are written as null, and read back as not a number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// The loss of each step's batch, before the step.
    #[serde(deserialize_with = "losses")]
    pub losses: Vec<f32>,
    /// What each epoch came to.
    pub epochs: Vec<Epoch>,
}

impl Curve {
    /// Whether it is the same bit by bit; what is no number equals whatever is none, as in JSON.
    pub fn is_same(&self, other: &Curve) -> bool {
        let bits = |x: f64| x.is_finite().then(|| x.to_bits());
        let losses = |curve: &Curve| -> Vec<Option<u64>> {
            curve.losses.iter().map(|&x| bits(f64::from(x))).collect()
        };
        let epochs = |curve: &Curve| -> Vec<[Option<Option<u64>>; 5]> {
            let epochs = curve.epochs.iter().map(|epoch| {
                [
                    Some(epoch.train_loss),
                    Some(epoch.train_error),
                    Some(epoch.test_loss),
                    Some(epoch.test_error),
                    epoch.validation_error,
                ]
                .map(|x| x.map(bits))
            });
            epochs.collect()
        };
        losses(self) == losses(other) && epochs(self) == epochs(other)
    }
}

/// What an epoch came to. Errors are shares of images whose class did not have the highest score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epoch {
    /// Mean loss over its images, as they came, in training mode.
    #[serde(deserialize_with = "loss")]
    pub train_loss: f64,
    /// Error over the same.
    pub train_error: f64,
    /// Mean loss over the whole test part, after the epoch.
    #[serde(deserialize_with = "loss")]
    pub test_loss: f64,
    /// Error over the same.
    pub test_error: f64,
    /// Error over the validation part, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_error: Option<f64>,
}

fn loss<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

fn losses<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f32>, D::Error> {
    let losses: Vec<Option<f32>> = Vec::deserialize(from)?;
    Ok(losses
        .into_iter()
        .map(|loss| loss.unwrap_or(f32::NAN))
        .collect())
}

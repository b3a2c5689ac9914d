//! Where did a run stop being one of numbers?

use super::Trained;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a run stopped being one of numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Divergence {
    /// The step, from 1: the first whose loss is no number, or the last one, if only the loss over the test images behind it is none.
    pub step: u64,
    /// Path of the first layer whose value is not finite, if the backend knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at step {}", self.step)?;
        match &self.layer {
            Some(layer) => write!(f, ", in layer `{layer}`"),
            None => Ok(()),
        }
    }
}

impl Trained {
    /// Where it diverged, if it did; runs from before it was kept are known by their curves.
    pub fn divergence(&self) -> Option<Divergence> {
        let (losses, epochs) = (&self.curve.losses, &self.curve.epochs);
        let in_training = losses.last().is_some_and(|loss| !loss.is_finite())
            || epochs.iter().any(|epoch| !epoch.train_loss.is_finite());
        let in_test = (epochs.last()).is_some_and(|last| !last.test_loss.is_finite());
        let known = self.diverged.clone();
        known.or_else(|| {
            (in_training || in_test).then_some(Divergence {
                step: losses.len() as u64,
                layer: None,
            })
        })
    }
}

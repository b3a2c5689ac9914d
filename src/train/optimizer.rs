//! How do weights follow their gradients, step by step?

use super::recipe::{Adam, AdamForm, Optimizer, Sgd};
use crate::net::{Gradients, Net, NetError};
use crate::ops::descent::{Moments, Momentum, moments, momentum};
use candle_core::{Result, Tensor};
use std::collections::BTreeMap;

/// What an optimiser remembers of each weight, by the weight's key in the `state_dict`: the velocity, or
/// the means of gradients and of squares.
#[derive(Clone, Default)]
pub(super) struct Memory(pub(super) BTreeMap<String, Vec<Tensor>>);

impl Memory {
    /// Moves every weight that has a gradient; `step` counts from 1, `share` is the schedule's.
    pub(super) fn step(
        &mut self,
        optimizer: &Optimizer,
        step: u64,
        share: f64,
        net: &mut Net,
        gradients: &Gradients,
    ) -> std::result::Result<(), NetError> {
        net.update(gradients, |name, weight, gradient| {
            let old = self.0.get(name).map_or(&[][..], Vec::as_slice);
            let (weight, new) = match optimizer {
                Optimizer::Sgd(sgd) => descend(sgd, share, weight, gradient, old)?,
                Optimizer::Adam(adam) => adapt(adam, false, step, share, weight, gradient, old)?,
                Optimizer::AdamW(adam) => adapt(adam, true, step, share, weight, gradient, old)?,
            };
            if !new.is_empty() {
                self.0.insert(name.to_string(), new);
            }
            Ok(weight)
        })
    }
}

/// Biases and the tensors of normalisations are vectors; all other weights have more dimensions.
fn decays(all: bool, weight: &Tensor) -> bool {
    all || weight.rank() > 1
}

fn descend(
    sgd: &Sgd,
    share: f64,
    weight: &Tensor,
    gradient: &Tensor,
    old: &[Tensor],
) -> Result<(Tensor, Vec<Tensor>)> {
    let constants = Momentum {
        rate: sgd.rate * share,
        momentum: sgd.momentum,
        nesterov: sgd.nesterov,
        decay: match decays(sgd.decay_all, weight) {
            true => sgd.weight_decay,
            false => 0.0,
        },
    };
    let (weight, velocity) = momentum(&constants, weight, gradient, old.first())?;
    let kept = if sgd.momentum > 0.0 { 1 } else { 0 };
    Ok((weight, [velocity].into_iter().take(kept).collect()))
}

fn adapt(
    adam: &Adam,
    decoupled: bool,
    step: u64,
    share: f64,
    weight: &Tensor,
    gradient: &Tensor,
    old: &[Tensor],
) -> Result<(Tensor, Vec<Tensor>)> {
    let rate = adam.rate * share;
    // beyond that many steps the corrections are 1 in f64
    let t = i32::try_from(step).unwrap_or(i32::MAX);
    let (first, second) = (1.0 - adam.beta1.powi(t), 1.0 - adam.beta2.powi(t));
    let decay = match decays(adam.decay_all, weight) {
        true => adam.weight_decay,
        false => 0.0,
    };
    let constants = Moments {
        beta1: adam.beta1,
        beta2: adam.beta2,
        rate: match adam.form {
            AdamForm::Torch => rate / first,
            AdamForm::Keras => rate * second.sqrt() / first,
        },
        root: match adam.form {
            AdamForm::Torch => second.sqrt(),
            AdamForm::Keras => 1.0,
        },
        epsilon: match adam.form {
            AdamForm::Torch => 1e-8,
            AdamForm::Keras => 1e-7,
        },
        decay: if decoupled { 0.0 } else { decay },
        shrink: if decoupled { 1.0 - rate * decay } else { 1.0 },
    };
    let (weight, means) = match old {
        [mean, square] => moments(&constants, weight, gradient, [mean, square])?,
        _ => {
            let zero = weight.zeros_like()?;
            moments(&constants, weight, gradient, [&zero, &zero])?
        }
    };
    Ok((weight, means.into()))
}

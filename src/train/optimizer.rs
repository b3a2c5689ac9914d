//! How do weights follow their gradients, step by step?

use super::recipe::{Adam, AdamForm, Optimizer, Sgd};
use crate::net::{Gradients, Net, NetError};
use crate::ops::descent::{Moments, Momentum, moments, momentum};
use candle_core::{Result, Tensor};
use std::collections::BTreeMap;

/// What an optimiser remembers of each weight, by the weight's key in the `state_dict`: the velocity, or
/// the means of gradients and of squares.
#[derive(Clone, Default)]
pub struct OptimizerState(pub BTreeMap<String, Vec<Tensor>>);

impl OptimizerState {
    /// Moves every weight that has a gradient; `step` counts from 1, `lr_factor` is the schedule's.
    ///
    /// # Errors
    /// [`NetError::Layer`] for a gradient that does not fit its weight.
    pub fn step(
        &mut self,
        optimizer: &Optimizer,
        step: u64,
        lr_factor: f64,
        net: &mut Net,
        gradients: &Gradients,
    ) -> std::result::Result<(), NetError> {
        net.update(gradients, |name, role, weight, gradient| {
            let old = self.0.get(name).map_or(&[][..], Vec::as_slice);
            let (weight, mut new) = match optimizer.constants(step, lr_factor, role.decays()) {
                StepConstants::Momentum(constants) => descend(&constants, weight, gradient, old)?,
                StepConstants::Moments(constants) => adapt(&constants, weight, gradient, old)?,
            };
            new.truncate(optimizer.states());
            if !new.is_empty() {
                self.0.insert(name.to_string(), new);
            }
            Ok(weight)
        })
    }
}

/// The constants of a step, as the function that takes it has them.
pub(crate) enum StepConstants {
    Momentum(Momentum),
    Moments(Moments),
}

impl StepConstants {
    /// How much of the weight is added to its gradient.
    pub fn decay(&self) -> f64 {
        match self {
            StepConstants::Momentum(Momentum { decay, .. })
            | StepConstants::Moments(Moments { decay, .. }) => *decay,
        }
    }
}

impl Optimizer {
    /// Numbers that it remembers of each weight.
    pub(crate) fn states(&self) -> usize {
        match self {
            Optimizer::Sgd(sgd) if sgd.momentum > 0.0 => 1,
            Optimizer::Sgd(_) => 0,
            Optimizer::Adam(_) | Optimizer::AdamW(_) => 2,
        }
    }

    /// The constants of a step, which counts from 1, for weights that decay, or do so only where all do.
    pub(crate) fn constants(&self, step: u64, lr_factor: f64, decays: bool) -> StepConstants {
        match self {
            Optimizer::Sgd(sgd) => StepConstants::Momentum(sgd.constants(lr_factor, decays)),
            Optimizer::Adam(adam) => {
                StepConstants::Moments(adam.constants(false, step, lr_factor, decays))
            }
            Optimizer::AdamW(adam) => {
                StepConstants::Moments(adam.constants(true, step, lr_factor, decays))
            }
        }
    }
}

impl Sgd {
    fn constants(&self, lr_factor: f64, decays: bool) -> Momentum {
        Momentum {
            rate: self.rate * lr_factor,
            momentum: self.momentum,
            nesterov: self.nesterov,
            decay: match decays || self.decay_all {
                true => self.weight_decay,
                false => 0.0,
            },
        }
    }
}

impl Adam {
    /// `decoupled` says whether a weight that decays shrinks by itself.
    fn constants(&self, decoupled: bool, step: u64, lr_factor: f64, decays: bool) -> Moments {
        let rate = self.rate * lr_factor;
        // beyond that many steps the corrections are 1 in f64
        let t = i32::try_from(step).unwrap_or(i32::MAX);
        let (first, second) = (1.0 - self.beta1.powi(t), 1.0 - self.beta2.powi(t));
        let decay = match decays || self.decay_all {
            true => self.weight_decay,
            false => 0.0,
        };
        Moments {
            beta1: self.beta1,
            beta2: self.beta2,
            rate: match self.form {
                AdamForm::Torch => rate / first,
                AdamForm::Keras => rate * second.sqrt() / first,
            },
            root: match self.form {
                AdamForm::Torch => second.sqrt(),
                AdamForm::Keras => 1.0,
            },
            epsilon: match self.form {
                AdamForm::Torch => 1e-8,
                AdamForm::Keras => 1e-7,
            },
            decay: if decoupled { 0.0 } else { decay },
            shrink: if decoupled { 1.0 - rate * decay } else { 1.0 },
        }
    }
}

fn descend(
    constants: &Momentum,
    weight: &Tensor,
    gradient: &Tensor,
    old: &[Tensor],
) -> Result<(Tensor, Vec<Tensor>)> {
    let (weight, velocity) = momentum(constants, weight, gradient, old.first())?;
    Ok((weight, vec![velocity]))
}

fn adapt(
    constants: &Moments,
    weight: &Tensor,
    gradient: &Tensor,
    old: &[Tensor],
) -> Result<(Tensor, Vec<Tensor>)> {
    let (weight, means) = match old {
        [mean, square] => moments(constants, weight, gradient, [mean, square])?,
        _ => {
            let zero = weight.zeros_like()?;
            moments(constants, weight, gradient, [&zero, &zero])?
        }
    };
    Ok((weight, means.into()))
}

/// PyTorch's and Keras' own optimisers move the weights of one layer; `suites/fixtures/optimizers.py`
/// wrote down where to.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Graph, Shape};
    use crate::net::Mode;
    use candle_core::{DType, Device};

    fn fixture() -> serde_json::Value {
        serde_json::from_str(include_str!("../../suites/fixtures/optimizers.json")).unwrap()
    }

    fn numbers(value: &serde_json::Value) -> Vec<f64> {
        match value {
            serde_json::Value::Array(values) => values.iter().flat_map(numbers).collect(),
            number => vec![number.as_f64().unwrap()],
        }
    }

    fn path(optimizer: &Optimizer) -> Vec<Vec<f64>> {
        let fixture = fixture();
        let tensor = |value: &serde_json::Value, dims: &[usize]| {
            Tensor::from_vec(numbers(value), dims, &Device::Cpu).unwrap()
        };
        let graph = Graph::build(Shape::vector(3), |x| x.linear("fc", 2)).unwrap();
        let weights = [
            ("fc.weight".to_string(), tensor(&fixture["weight"], &[2, 3])),
            ("fc.bias".to_string(), tensor(&fixture["bias"], &[2])),
        ];
        let mut net = Net::new(graph, weights.into(), DType::F64).unwrap();
        let (mut optimizer_state, mut path) = (OptimizerState::default(), Vec::new());
        let steps = fixture["x"].as_array().unwrap().iter();
        for (step, (x, dy)) in (1..).zip(steps.zip(fixture["gradient"].as_array().unwrap())) {
            let pass = net
                .forward(&tensor(x, &[1, 3]), Mode::train(0, step))
                .unwrap();
            let seeds = [(1, &tensor(dy, &[1, 2]))];
            let gradients = net.backward(pass, &seeds, false).unwrap();
            optimizer_state
                .step(optimizer, step, 1.0, &mut net, &gradients)
                .unwrap();
            let of = |weight: &Tensor| weight.flatten_all().unwrap().to_vec1::<f64>().unwrap();
            path.push(
                net.weights()
                    .flat_map(|(_, _, weight)| of(weight))
                    .collect(),
            );
        }
        path
    }

    #[test]
    fn each_goes_where_the_frameworks_go() {
        let sgd = |momentum, nesterov, weight_decay| {
            Optimizer::Sgd(Sgd {
                rate: 0.1,
                momentum,
                nesterov,
                weight_decay,
                decay_all: true,
            })
        };
        let adam = |form, weight_decay| Adam {
            rate: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            form,
            weight_decay,
            decay_all: true,
        };
        let (torch, keras) = (AdamForm::Torch, AdamForm::Keras);
        let fixture = fixture();
        for (name, optimizer) in [
            ("sgd", sgd(0.0, false, 0.0)),
            ("momentum", sgd(0.9, false, 0.01)),
            ("nesterov", sgd(0.9, true, 0.01)),
            ("adam", Optimizer::Adam(adam(torch, 0.0))),
            ("adam-decay", Optimizer::Adam(adam(torch, 0.1))),
            ("adam-w", Optimizer::AdamW(adam(torch, 0.1))),
            ("adam-keras", Optimizer::Adam(adam(keras, 0.0))),
        ] {
            let right = fixture["paths"][name].as_array().unwrap();
            let found = path(&optimizer);
            assert_eq!(found.len(), right.len());
            for (found, right) in found.iter().zip(right) {
                for (found, right) in found.iter().zip(numbers(right)) {
                    assert!((found - right).abs() < 1e-12, "{name}: {found} {right}");
                }
            }
        }
        // the two forms of Adam are not the same
        assert_ne!(fixture["paths"]["adam"], fixture["paths"]["adam-keras"]);
    }

    #[test]
    fn vectors_decay_on_request_only() {
        let sgd = |decay_all| {
            Optimizer::Sgd(Sgd {
                rate: 0.1,
                momentum: 0.0,
                nesterov: false,
                weight_decay: 0.5,
                decay_all,
            })
        };
        let (all, some) = (&path(&sgd(true))[0], &path(&sgd(false))[0]);
        assert_eq!(all[..6], some[..6]);
        assert_ne!(all[6..], some[6..]);
    }
}

//! A convolution with what it takes along, as one.

use super::{ForwardPass, Net};
use crate::graph::{Conv, Group, Op};
use crate::ops::batch_norm::fold;
use crate::ops::conv::{self, Then, Weights};
use candle_core::{Result, Tensor};
use std::sync::{Arc, OnceLock};

/// For each layer, if it is a convolution that has run in an evaluation, its weights as the kernel
/// reads them. They are worked out once; whoever changes a weight drops them.
#[derive(Clone)]
pub(super) struct Ready(Vec<OnceLock<Arc<Laid>>>);

impl Ready {
    /// Of no layer yet.
    pub fn none(layers: usize) -> Ready {
        Ready(vec![OnceLock::new(); layers])
    }
}

/// The weights of a unit.
struct Laid {
    weights: Weights,
    /// Factor of each map, where a normalisation is folded.
    scale: Option<Tensor>,
    /// Summand of each map.
    shift: Option<Tensor>,
}

impl Net {
    /// The value of a unit.
    pub(super) fn unit(&self, unit: &Group, pass: &ForwardPass) -> Result<Tensor> {
        let node = &self.graph.nodes()[unit.first];
        let Op::Conv(conv) = &node.op else {
            unreachable!("a unit begins with a convolution");
        };
        let value = |id: usize| {
            pass.values[id]
                .as_ref()
                .expect("freed after its last reader")
        };
        let x = value(node.inputs[0]);
        let laid = match self.ready.0[unit.first].get() {
            Some(laid) => laid.clone(),
            None => {
                let laid = Arc::new(self.lay(unit, conv, x.dims()[1])?);
                self.ready.0[unit.first].get_or_init(|| laid).clone()
            }
        };
        let then = Then {
            scale: laid.scale.as_ref(),
            shift: laid.shift.as_ref(),
            add: unit.beside.map(value),
            relu: unit.relu,
        };
        conv::forward_then(conv, x, &laid.weights, then)
    }

    fn lay(&self, unit: &Group, conv: &Conv, maps: usize) -> Result<Laid> {
        let weights = self.weights_of(unit.first);
        let (scale, shift) = match unit.norm {
            None => (None, weights.get(1).cloned()),
            Some(id) => {
                let Op::BatchNorm { eps, .. } = self.graph.nodes()[id].op else {
                    unreachable!("a unit's norm is a batch normalisation");
                };
                let (weight, bias, running) = self.norm(id);
                let (scale, shift) = fold(&running, eps, weight, bias, weights.get(1))?;
                (Some(scale), Some(shift))
            }
        };
        Ok(Laid {
            weights: Weights::new(conv, &weights[0], maps)?,
            scale,
            shift,
        })
    }
}

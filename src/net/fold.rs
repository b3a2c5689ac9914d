//! A normalisation as a factor and a summand of each channel, for passes that fuse it with its neighbours.

use super::Net;
use crate::graph::{FusedGroup, Op};
use crate::ops::batch_norm::fold;
use candle_core::{Result, Tensor};

impl Net {
    /// The factor and the summand of each channel by which a group's normalisation is folded into the product that leads
    /// it, or is computed itself; without one the product's bias, if it has any.
    pub(crate) fn folded(&self, group: &FusedGroup) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let weights = match group.norm == Some(group.first) {
            true => &[],
            false => self.weights_of(group.first),
        };
        Ok(match group.norm {
            None => (None, weights.get(1).cloned()),
            Some(id) => {
                let Op::BatchNorm { eps, .. } = self.graph.nodes()[id].op else {
                    unreachable!("a group's norm is a batch normalisation");
                };
                let (weight, bias, running) = self.norm(id);
                let (scale, shift) = fold(&running, eps, weight, bias, weights.get(1))?;
                (Some(scale), Some(shift))
            }
        })
    }
}

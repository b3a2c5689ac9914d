//! A convolution fused with what follows it: batch normalisation, a residual sum, ReLU.

use super::{ForwardPass, Net};
use crate::graph::{Conv, FusedGroup, Op};
use crate::ops::batch_norm::fold;
use crate::ops::conv::{self, Epilogue, PackedWeights};
use candle_core::{Result, Tensor};
use std::sync::{Arc, OnceLock};

/// For each layer, if it is a convolution that has run in evaluation mode, its weights as the kernel
/// reads them. They are packed once and dropped whenever a weight changes.
#[derive(Clone)]
pub(super) struct PackedCache(Vec<OnceLock<Arc<PackedConv>>>);

impl PackedCache {
    /// Of no layer yet.
    pub fn none(layers: usize) -> PackedCache {
        PackedCache(vec![OnceLock::new(); layers])
    }
}

/// The weights of a fused convolution.
struct PackedConv {
    weights: PackedWeights,
    /// Factor of each map, where a normalisation is folded.
    scale: Option<Tensor>,
    /// Summand of each map.
    shift: Option<Tensor>,
}

impl Net {
    /// The value of a group that a convolution leads.
    pub(super) fn fused_conv(&self, group: &FusedGroup, pass: &ForwardPass) -> Result<Tensor> {
        let node = &self.graph.nodes()[group.first];
        let Op::Conv(conv) = &node.op else {
            unreachable!("a convolution leads the group");
        };
        let value = |id: usize| {
            pass.values[id]
                .as_ref()
                .expect("freed after its last reader")
        };
        let x = value(node.inputs[0]);
        let packed = match self.packed.0[group.first].get() {
            Some(packed) => packed.clone(),
            None => {
                let packed = Arc::new(self.pack(group, conv, x.dims()[1])?);
                self.packed.0[group.first].get_or_init(|| packed).clone()
            }
        };
        let epilogue = Epilogue {
            scale: packed.scale.as_ref(),
            shift: packed.shift.as_ref(),
            add: group.residual.map(value),
            relu: group.relu,
        };
        conv::forward_fused(conv, x, &packed.weights, epilogue)
    }

    fn pack(&self, group: &FusedGroup, conv: &Conv, maps: usize) -> Result<PackedConv> {
        let weights = self.weights_of(group.first);
        let (scale, shift) = match group.norm {
            None => (None, weights.get(1).cloned()),
            Some(id) => {
                let Op::BatchNorm { eps, .. } = self.graph.nodes()[id].op else {
                    unreachable!("a group's norm is a batch normalisation");
                };
                let (weight, bias, running) = self.norm(id);
                let (scale, shift) = fold(&running, eps, weight, bias, weights.get(1))?;
                (Some(scale), Some(shift))
            }
        };
        Ok(PackedConv {
            weights: PackedWeights::new(conv, &weights[0], maps)?,
            scale,
            shift,
        })
    }
}

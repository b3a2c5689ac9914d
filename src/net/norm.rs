//! A batch normalisation fused with what follows it: a residual sum, ReLU.

use super::{ForwardPass, Mode, Net};
use crate::graph::{FusedGroup, NodeId, Op};
use crate::ops::batch_norm::{
    Epilogue, Gradients, Statistics, UpstreamGradient, backward, forward,
};
use candle_core::{Error, Result, Tensor};

impl Net {
    /// The value of a group that a normalisation leads; the pass keeps the statistics of the batch, if it runs by
    /// them.
    pub(super) fn normalised(&self, group: &FusedGroup, pass: &mut ForwardPass) -> Result<Tensor> {
        let id = group.first;
        let node = &self.graph.nodes()[id];
        let value = |id: usize| {
            let value = pass.values[id].as_ref();
            value.expect("freed after its last reader")
        };
        let x = value(node.inputs[0]);
        let epilogue = Epilogue {
            add: group.residual.map(value),
            relu: group.relu,
        };
        let (weight, bias, running) = self.norm(id);
        let correction = pass.mode.norm().correction(pass.units(node));
        if correction.map_err(Error::Msg)?.is_none() {
            return forward(x, &running, self.eps(id), [weight, bias], epilogue);
        }
        let batch = Statistics::of(x)?;
        let y = forward(x, &batch, self.eps(id), [weight, bias], epilogue)?;
        pass.statistics[id] = Some(batch);
        Ok(y)
    }

    /// The gradients of a normalisation of `x`.
    pub(super) fn normalised_backward(
        &self,
        id: NodeId,
        pass: &ForwardPass,
        x: &Tensor,
        upstream: UpstreamGradient,
    ) -> Result<Gradients> {
        let (weight, _, running) = self.norm(id);
        let of_batch = pass.statistics(id);
        let statistics = of_batch.unwrap_or(&running);
        let eps = self.eps(id);
        backward(x, statistics, eps, weight, upstream, of_batch.is_some())
    }

    fn eps(&self, id: NodeId) -> f64 {
        match self.graph.nodes()[id].op {
            Op::BatchNorm { eps, .. } => eps,
            _ => unreachable!("a normalisation leads the group"),
        }
    }
}

/// Which layers lead a fused group in a pass of that mode.
pub(super) const fn leads(mode: Mode, op: &Op) -> bool {
    match mode {
        Mode::Train { .. } => matches!(op, Op::BatchNorm { .. }),
        Mode::Eval | Mode::Probe => false,
    }
}

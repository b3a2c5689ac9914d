//! How are the loss and the step of the optimiser written as commands?

use super::builder::{KernelArg, ProgramBuilder, launch};
use super::grad_buffers::GradBuffers;
use super::lowering::Lowering;
use super::outcomes::LossSlots;
use super::weights::Learned;
use super::{Address, GpuError};
use crate::graph::NodeId;
use crate::train::{Optimizer, StepConstants};

/// What training a network on the device needs to know besides the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// How weights follow their gradients.
    pub optimizer: Optimizer,
    /// How batch normalisation runs.
    pub norm: crate::net::Norm,
    /// Share of the target that is spread over all classes.
    pub smoothing: f64,
    /// Weight of the loss of each auxiliary head.
    pub auxiliary: f64,
}

/// Where a loss goes, for each sample, and whether its prediction is right: in which slot says the step.
#[derive(Clone, Copy)]
pub(super) struct LossOutputs {
    pub slots: LossSlots,
    /// Where the number of the step's slot stands.
    pub slot: Address,
}

impl Lowering<'_> {
    /// The loss of scores, and its gradient times `factor`.
    pub fn loss(
        &mut self,
        id: NodeId,
        labels: Address,
        outputs: Option<LossOutputs>,
        training: &Training,
        factor: f64,
        gradients: &mut GradBuffers,
    ) -> Result<(), GpuError> {
        let (scores, classes, n) = (self.value(id), self.maps(id).c, self.batch);
        if !self.node(id).shape.is_vector() {
            let what = ": has no scores to train by";
            return Err(GpuError::Network([&self.node(id).path, what].concat()));
        }
        let (losses, right, slot) = (
            outputs.map(|outputs| outputs.slots.losses),
            outputs.map(|outputs| outputs.slots.right),
            outputs.map(|outputs| outputs.slot),
        );
        let each = outputs.map_or(0, |outputs| outputs.slots.each);
        let lines = self.builder.floats(2 * n)?;
        let smoothing = training.smoothing;
        launch!(
            self.builder,
            "loss",
            n,
            [
                scores, labels, lines, losses, right, slot, smoothing, each, classes
            ]
        )?;
        let Some((dx, add)) = gradients.slot(self, id)? else {
            return Ok(());
        };
        launch!(
            self.builder,
            "loss_backward",
            n * classes,
            [
                scores,
                labels,
                lines,
                dx,
                smoothing,
                factor / n as f64,
                classes,
                n,
                add
            ]
        )
    }
}

/// Moves all that learns; `now` are the step's numbers.
pub(super) fn update(
    builder: &mut ProgramBuilder,
    optimizer: &Optimizer,
    learned: &Learned<'_>,
    now: Address,
) -> Result<(), GpuError> {
    if learned.count == 0 {
        return Ok(());
    }
    let state = |i: usize| KernelArg::At(learned.state.get(i).copied());
    // those of their constants that are the same in every step
    let [matrices, vectors] = [true, false].map(|decays| optimizer.constants(1, 1.0, decays));
    match matrices {
        StepConstants::Momentum(constants) => launch!(
            builder,
            "descend",
            learned.count,
            [
                learned.weights,
                learned.low,
                learned.matrices,
                learned.vectors,
                state(0),
                now,
                constants.momentum,
                constants.decay,
                vectors.decay(),
                constants.nesterov,
                learned.first
            ]
        ),
        StepConstants::Moments(constants) => launch!(
            builder,
            "adapt",
            learned.count,
            [
                learned.weights,
                learned.low,
                learned.matrices,
                learned.vectors,
                state(0),
                state(1),
                now,
                constants.beta1,
                constants.beta2,
                1.0 - constants.beta1,
                1.0 - constants.beta2,
                constants.epsilon,
                constants.decay,
                vectors.decay(),
                learned.first
            ]
        ),
    }
}

//! How are the loss and the step of the optimiser written as commands?

use super::builder::{KernelArg, ProgramBuilder, launch};
use super::grad_buffers::GradBuffers;
use super::lowering::Lowering;
use super::weights::Learned;
use super::{Address, GpuError};
use crate::graph::NodeId;
use crate::train::{Adam, Optimizer};

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

impl Training {
    /// Numbers that the optimiser remembers of each weight.
    pub(super) fn states(&self) -> usize {
        match self.optimizer {
            Optimizer::Sgd(sgd) if sgd.momentum > 0.0 => 1,
            Optimizer::Sgd(_) => 0,
            Optimizer::Adam(_) | Optimizer::AdamW(_) => 2,
        }
    }
}

/// Where a loss goes, for each sample, and whether its prediction is right.
#[derive(Clone, Copy)]
pub(super) struct LossOutputs {
    pub losses: Address,
    pub right: Address,
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
        if self.node(id).shape.dims().len() != 1 {
            let what = ": has no scores to train by";
            return Err(GpuError::Network([&self.node(id).path, what].concat()));
        }
        let (losses, right) = (
            outputs.map(|outputs| outputs.losses),
            outputs.map(|outputs| outputs.right),
        );
        let lines = self.builder.floats(2 * n)?;
        let smoothing = training.smoothing;
        launch!(
            self.builder,
            "loss",
            n,
            [scores, labels, lines, losses, right, smoothing, classes]
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
    let mut adapt = |adam: &Adam, decoupled: bool| {
        // those numbers that are the same in every step
        let [matrix, vector] =
            [true, adam.decay_all].map(|decays| adam.constants(decoupled, 1, 1.0, decays));
        launch!(
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
                adam.beta1,
                adam.beta2,
                1.0 - adam.beta1,
                1.0 - adam.beta2,
                matrix.epsilon,
                matrix.decay,
                vector.decay,
                learned.first
            ]
        )
    };
    match optimizer {
        Optimizer::Sgd(sgd) => {
            let [matrix, vector] = [true, sgd.decay_all].map(|decays| sgd.constants(1.0, decays));
            launch!(
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
                    sgd.momentum,
                    matrix.decay,
                    vector.decay,
                    sgd.nesterov,
                    learned.first
                ]
            )
        }
        Optimizer::Adam(adam) => adapt(adam, false),
        Optimizer::AdamW(adam) => adapt(adam, true),
    }
}

//! One step of a network on a device, ready to be taken again and again.

use super::{BenchError, StepKind, What, Workload};
use crate::gpu::{GpuError, Machine, Precision, Session, Setup, Training};
use crate::net::Norm;
use crate::random::Key;
use crate::train::Step;
use crate::zoo::Model;

/// The network, batch and labels of a [`Workload`], on a machine.
pub struct OnDevice<M> {
    what: What,
    step: StepKind,
    session: Session<M>,
    labels: Vec<usize>,
    taken: u64,
}

impl<M: Machine> OnDevice<M> {
    /// Puts what a [`Workload`] would compute on the CPU on a machine, which `machine` makes of the bytes
    /// that are needed and the images of the batch. Images are on the device before the first step, weights stay there.
    ///
    /// # Errors
    /// As [`Workload::new`], and those of the machine.
    pub fn new(
        model: &Model,
        batch: usize,
        step: StepKind,
        precision: Precision,
        machine: impl FnOnce(usize, usize) -> Result<M, GpuError>,
    ) -> Result<OnDevice<M>, BenchError> {
        let workload = Workload::new(model, batch, step)?;
        let net = workload.net();
        let weights = net.weights();
        let weights = weights
            .map(|(name, _, weight)| (name, weight.clone()))
            .collect();
        let training = Training {
            optimizer: super::workload::UPDATE,
            norm: Norm::Torch,
            smoothing: 0.0,
            auxiliary: 0.0,
        };
        let sizes = [batch];
        let (predict, learn) = match step {
            StepKind::Inference => (&sizes[..], None),
            StepKind::Training => (&[][..], Some((&training, &sizes[..]))),
        };
        let setup = Setup {
            graph: net.graph(),
            element: precision.element(),
            predict,
            learn,
            dataset: None,
        };
        let mut session = Session::new(&setup, &weights, machine)?;
        session.load(workload.x())?;
        Ok(OnDevice {
            what: workload.what().clone(),
            step,
            session,
            labels: workload.labels().to_vec(),
            taken: 0,
        })
    }

    /// What it is.
    pub fn what(&self) -> &What {
        &self.what
    }

    /// The network as it stands after the steps taken.
    pub fn session(&mut self) -> &mut Session<M> {
        &mut self.session
    }

    /// Takes the step, to its end on the device.
    ///
    /// # Errors
    /// Those of the machine.
    pub fn run(&mut self) -> Result<(), BenchError> {
        match self.step {
            StepKind::Inference => self.session.predict()?,
            StepKind::Training => {
                let step = Step {
                    number: self.taken + 1,
                    lr_factor: 1.0,
                    key: Key::seed(super::workload::SEED).fold_in(self.taken),
                };
                self.session.learn(&self.labels, step)?;
                self.taken += 1;
            }
        }
        Ok(self.session.wait()?)
    }
}

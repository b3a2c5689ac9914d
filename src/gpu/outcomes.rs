//! What do steps say, and when is it read?
//!
//! Whoever reads from a device waits until all that it was asked for has happened. So each step leaves its losses in a slot
//! of its own, and they are read when somebody wants to know, or when no slot is free.

use super::builder::counted;
use super::weights::BumpAllocator;
use super::{Address, GpuError, Machine};
use crate::train::StepMetrics;

/// Steps that may take place before they are read.
const SLOTS: usize = 256;

/// Where steps leave what they say.
#[derive(Clone, Copy)]
pub(super) struct LossSlots {
    /// A `float` for each sample of each slot.
    pub losses: Address,
    /// An `int` for each: whether the prediction is right.
    pub right: Address,
    /// Samples of a slot.
    pub each: usize,
}

impl LossSlots {
    /// For batches of at most so many samples.
    ///
    /// # Errors
    /// [`GpuError::Network`] for more than a kernel counts.
    pub fn new(most: usize, allocator: &mut BumpAllocator) -> Result<LossSlots, GpuError> {
        let bytes = counted(most.saturating_mul(SLOTS))? * 4;
        Ok(LossSlots {
            losses: allocator.take(bytes),
            right: allocator.take(bytes),
            each: most,
        })
    }
}

/// What the steps of a session have said, of which some is still on the device.
pub(super) struct Outcomes {
    slots: LossSlots,
    /// Samples of each step that is still there, from the first slot on.
    there: Vec<usize>,
    known: Vec<StepMetrics>,
}

impl Outcomes {
    /// Of no step.
    pub const fn new(slots: LossSlots) -> Outcomes {
        Outcomes {
            slots,
            there: Vec::new(),
            known: Vec::new(),
        }
    }

    /// The slot for another step by so many samples.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn slot(&mut self, machine: &mut impl Machine, samples: usize) -> Result<usize, GpuError> {
        if self.there.len() == SLOTS {
            self.read(machine)?;
        }
        self.there.push(samples);
        Ok(self.there.len() - 1)
    }

    /// What was said since this was asked last; of what is still on the device only if `all`.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn take(
        &mut self,
        machine: &mut impl Machine,
        all: bool,
    ) -> Result<Vec<StepMetrics>, GpuError> {
        if all {
            self.read(machine)?;
        }
        Ok(std::mem::take(&mut self.known))
    }

    fn read(&mut self, machine: &mut impl Machine) -> Result<(), GpuError> {
        let (each, count) = (self.slots.each, self.there.len());
        if count == 0 {
            return Ok(());
        }
        let [mut losses, mut right] = [0, 0].map(|_| vec![0; count * each * 4]);
        machine.read(self.slots.losses, &mut losses)?;
        machine.read(self.slots.right, &mut right)?;
        let steps = losses.chunks(each * 4).zip(right.chunks(each * 4));
        for (images, (losses, right)) in self.there.drain(..).zip(steps) {
            let number = |x: &[u8]| f64::from(f32::from_ne_bytes([x[0], x[1], x[2], x[3]]));
            let losses = losses.chunks_exact(4).take(images);
            let right = right.chunks_exact(4).take(images);
            self.known.push(StepMetrics {
                images,
                loss: losses.map(number).sum::<f64>() / images as f64,
                right: right.filter(|&x| x != [0; 4]).count(),
            });
        }
        Ok(())
    }
}

//! How is what training drops at random written as commands: units, and the inputs of a mean?

use super::builder::{KernelArg, launch};
use super::lowering::{Lowering, Mode};
use super::{Address, GpuError};
use crate::graph::NodeId;

type Result<T> = std::result::Result<T, GpuError>;

/// Values that the kernel of means reads at once.
pub(super) const MEANS: usize = 4;

impl Lowering<'_> {
    /// Masks a value, or a gradient.
    pub fn dropout(&mut self, id: NodeId, p: f64, x: Address, y: Address, add: bool) -> Result<()> {
        let (maps, units) = (self.maps(id), self.units(id));
        let mask = match self.mode {
            Mode::Train { constants, .. } => constants.mask(id),
            Mode::Eval { .. } => None,
        };
        // where all is dropped the factor does not matter
        let factor = if p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 };
        launch!(
            self.builder,
            "dropout",
            units,
            [x, y, mask, factor, maps.c, maps.plane(), add]
        )
    }

    /// The mean of up to four values by the shares that a join's inputs have from one on.
    pub fn mean(
        &mut self,
        id: NodeId,
        values: &[Address],
        input: usize,
        y: Address,
        add: bool,
    ) -> Result<()> {
        let shares = match self.mode {
            Mode::Train { constants, .. } => constants.shares(id, input),
            Mode::Eval { .. } => None,
        };
        let value = |i: usize| KernelArg::At(values.get(i).copied());
        let factor = 1.0 / self.node(id).inputs.len() as f64;
        let (units, each) = (self.units(id), self.maps(id).units());
        launch!(
            self.builder,
            "mean",
            units,
            [
                value(0),
                value(1),
                value(2),
                value(3),
                shares,
                factor,
                self.batch,
                each,
                y,
                add
            ]
        )
    }
}

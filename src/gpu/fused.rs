//! How does a fused group run, forward and backward?

use super::builder::{KernelArg, launch};
use super::grad_buffers::GradBuffers;
use super::lowering::{Lowering, Mode};
use super::norm::ReluMask;
use super::sums::Strips;
use super::{Address, GpuError};
use crate::graph::{FusedGroup, Op};

type Result<T> = std::result::Result<T, GpuError>;

/// What leads a group.
#[derive(Clone, Copy)]
pub(super) enum Leading {
    Product,
    Norm,
}

/// What leads a fused group, for the layers that do.
pub(super) const fn leading(op: &Op) -> Option<Leading> {
    match op {
        Op::Conv(_) | Op::Linear { .. } => Some(Leading::Product),
        Op::BatchNorm { .. } => Some(Leading::Norm),
        _ => None,
    }
}

impl Lowering<'_> {
    /// Computes the values of the groups from images, `float` `[n][c][h][w]`.
    pub fn forward(&mut self, groups: &[FusedGroup], images: Address) -> Result<()> {
        for group in groups {
            let id = group.first;
            let node = self.node(id);
            let x = match node.inputs.first() {
                Some(&input) => self.value(input),
                None => images,
            };
            let value = match leading(&node.op) {
                Some(Leading::Product) => {
                    let y = self.multiply(id, x)?;
                    self.values[id] = Some(y);
                    self.finish(group, Leading::Product, y)?
                }
                Some(Leading::Norm) => self.finish(group, Leading::Norm, x)?,
                None => self.layer(id, x)?,
            };
            self.values[group.last] = Some(value);
        }
        Ok(())
    }

    /// Computes the gradients of all weights that the gradients of values in `gradients` reach.
    pub fn backward(&mut self, groups: &[FusedGroup], gradients: &mut GradBuffers) -> Result<()> {
        for group in groups.iter().rev() {
            if let Some(dy) = gradients.of(group.last) {
                match leading(&self.node(group.first).op) {
                    Some(leading) => self.fused_backward(group, leading, dy, gradients)?,
                    None => self.layer_backward(group.first, dy, gradients)?,
                }
            }
        }
        Ok(())
    }

    /// What follows the product of a group, or its normalisation and what follows that.
    fn finish(&mut self, group: &FusedGroup, leading: Leading, x: Address) -> Result<Address> {
        let (c, units) = (self.maps(group.last).c, self.units(group.last));
        let strips = Strips::of_units(self.rows(group.last), self.builder.blocks(c));
        let Strips {
            rows,
            each,
            threads,
            ..
        } = strips;
        let residual = group.residual.map(|id| self.value(id));
        let bias = match leading {
            Leading::Product => self.float(group.first, 1),
            Leading::Norm => None,
        };
        match (group.norm, self.mode) {
            (Some(norm), Mode::Train { .. }) => {
                if bias.is_some() {
                    let nothing = KernelArg::At(None);
                    launch!(
                        self.builder,
                        "finish",
                        threads,
                        [x, nothing, bias, nothing, x, c, false, rows, each]
                    )?;
                }
                let scale_shift = self.scale_shift(norm, x)?;
                self.kept[norm] = Some(scale_shift);
                let y = self.builder.units(units)?;
                launch!(
                    self.builder,
                    "normalise",
                    threads,
                    [x, scale_shift, residual, y, c, group.relu, rows, each]
                )?;
                Ok(y)
            }
            (None, _) if bias.is_none() && residual.is_none() && !group.relu => Ok(x),
            (norm, mode) => {
                let (scale, shift) = match (norm, mode) {
                    (Some(norm), Mode::Eval { folded }) => {
                        let [scale, shift] = folded[&norm];
                        (Some(scale), Some(shift))
                    }
                    _ => (None, bias),
                };
                // a product's output has no other consumer
                let y = match leading {
                    Leading::Product => x,
                    Leading::Norm => self.builder.units(units)?,
                };
                launch!(
                    self.builder,
                    "finish",
                    threads,
                    [x, scale, shift, residual, y, c, group.relu, rows, each]
                )?;
                Ok(y)
            }
        }
    }

    /// The gradients of a fused group that a product or a normalisation leads.
    fn fused_backward(
        &mut self,
        group: &FusedGroup,
        leading: Leading,
        dy: Address,
        gradients: &mut GradBuffers,
    ) -> Result<()> {
        let (first, y) = (group.first, self.value(group.last));
        let input = self.node(first).inputs[0];
        let (mut dy, mut dz) = (dy, dy);
        let mut relu_output = group.relu.then_some(y);
        if let Some(norm) = group.norm {
            let whole = dy;
            let mask = match (relu_output.take(), group.residual) {
                (None, _) => ReluMask::Nothing,
                (Some(_), None) => ReluMask::ByInput,
                (Some(y), Some(_)) => {
                    dy = self.builder.units(self.units(norm))?;
                    ReluMask::ByOutput(y, dy)
                }
            };
            let owner = self.graph.owner(norm);
            let add = gradients.adds_to_weights(owner);
            let weights = [self.gradient(norm, 0), self.gradient(norm, 1)];
            let (x, dx) = match leading {
                Leading::Product => {
                    dz = self.builder.units(self.units(first))?;
                    (self.value(first), Some((dz, false)))
                }
                Leading::Norm => (self.value(input), gradients.slot(self, input)?),
            };
            self.norm_backward(norm, x, whole, mask, (weights, add), dx)?;
        }
        if matches!(leading, Leading::Product) {
            self.product_backward(first, dz, relu_output, gradients)?;
        }
        match group.residual {
            Some(residual) => gradients.accumulate(self, residual, dy),
            None => Ok(()),
        }
    }
}

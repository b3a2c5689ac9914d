//! Where do the gradients of values accumulate on the device?

use super::builder::sweep;
use super::lowering::Lowering;
use super::{Address, GpuError};
use crate::graph::NodeId;
use std::collections::BTreeSet;

type Result<T> = std::result::Result<T, GpuError>;

/// The gradients while they are being computed.
pub(super) struct GradBuffers {
    /// For each layer whether the gradient of its output is needed.
    pub needed: Vec<bool>,
    /// The sum of what the consumers of a value have given so far.
    pub values: Vec<Option<Address>>,
    /// The weights, by owner, that have a gradient already: further ones are added.
    pub started: BTreeSet<NodeId>,
}

impl GradBuffers {
    /// Where a gradient of a layer's output goes, and whether it is added to what stands there; none if
    /// it is not needed.
    pub fn slot(
        &mut self,
        lowering: &mut Lowering<'_>,
        id: NodeId,
    ) -> Result<Option<(Address, bool)>> {
        Ok(match self.values[id] {
            _ if !self.needed[id] => None,
            Some(there) => Some((there, true)),
            None => {
                let place = lowering.builder.units(lowering.units(id))?;
                self.values[id] = Some(place);
                Some((place, false))
            }
        })
    }

    /// Adds a gradient that is not needed elsewhere: the first one stays where it is.
    pub fn accumulate(
        &mut self,
        lowering: &mut Lowering<'_>,
        id: NodeId,
        gradient: Address,
    ) -> Result<()> {
        match self.values[id] {
            _ if !self.needed[id] => Ok(()),
            None => {
                self.values[id] = Some(gradient);
                Ok(())
            }
            Some(there) => {
                let units = lowering.units(id);
                sweep!(
                    lowering.builder,
                    "scale",
                    units,
                    gradient,
                    there,
                    1.0,
                    0.0,
                    true
                )
            }
        }
    }
}

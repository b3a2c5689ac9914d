//! Where do the gradients of values accumulate on the device?

use super::builder::sweep;
use super::lowering::Lowering;
use super::{Address, GpuError};
use crate::graph::{Graph, NodeId};
use crate::net::Accumulator;

type Result<T> = std::result::Result<T, GpuError>;

/// The gradients while they are being computed.
pub(super) struct GradBuffers {
    /// By layer, the sum of what the consumers of its value have given so far.
    values: Accumulator<Address>,
    /// By owner, whether its weights have a gradient already.
    weights: Vec<bool>,
}

impl GradBuffers {
    /// None yet.
    pub fn new(graph: &Graph) -> GradBuffers {
        GradBuffers {
            values: Accumulator::new(graph.requires_grad(false)),
            weights: vec![false; graph.nodes().len()],
        }
    }

    /// The gradient of a layer's output, if there is one.
    pub fn of(&self, id: NodeId) -> Option<Address> {
        self.values.get(id)
    }

    /// Where a gradient of a layer's output goes, and whether it is added to what stands there; none if
    /// it is not required.
    pub fn slot(
        &mut self,
        lowering: &mut Lowering<'_>,
        id: NodeId,
    ) -> Result<Option<(Address, bool)>> {
        let units = lowering.units(id);
        self.values.slot(id, || lowering.builder.units(units))
    }

    /// Whether a gradient of an owner's weights is added to one that is there; from now on there is one.
    pub fn adds_to_weights(&mut self, owner: NodeId) -> bool {
        std::mem::replace(&mut self.weights[owner], true)
    }

    /// Adds a gradient that is not needed elsewhere: the first one stays where it is.
    pub fn accumulate(
        &mut self,
        lowering: &mut Lowering<'_>,
        id: NodeId,
        gradient: Address,
    ) -> Result<()> {
        let units = lowering.units(id);
        self.values.accumulate(id, gradient, |there, gradient| {
            sweep!(
                lowering.builder,
                "scale",
                units,
                [gradient, there, 1.0, 0.0, true]
            )?;
            Ok(there)
        })
    }
}

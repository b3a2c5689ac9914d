//! The gradients of a network's values while they are being computed.

use super::draft::sweep;
use super::writer::Writer;
use super::{Address, GpuError};
use crate::graph::NodeId;
use std::collections::BTreeSet;

type Result<T> = std::result::Result<T, GpuError>;

/// The gradients while they are being computed.
pub(super) struct Slopes {
    /// For each layer whether anybody needs the gradient of its output.
    pub needed: Vec<bool>,
    /// The sum of what the readers of a value have given so far.
    pub values: Vec<Option<Address>>,
    /// The weights, by owner, that have a gradient already: further ones are added.
    pub started: BTreeSet<NodeId>,
}

impl Slopes {
    /// Where a gradient of a layer's output goes, and whether it is added to what stands there; none if
    /// nobody needs it.
    pub fn into(&mut self, writer: &mut Writer<'_>, id: NodeId) -> Result<Option<(Address, bool)>> {
        Ok(match self.values[id] {
            _ if !self.needed[id] => None,
            Some(there) => Some((there, true)),
            None => {
                let place = writer.draft.units(writer.units(id))?;
                self.values[id] = Some(place);
                Some((place, false))
            }
        })
    }

    /// Hands on a gradient that its owner needs no more.
    pub fn give(&mut self, writer: &mut Writer<'_>, id: NodeId, slope: Address) -> Result<()> {
        match self.values[id] {
            _ if !self.needed[id] => Ok(()),
            None => {
                self.values[id] = Some(slope);
                Ok(())
            }
            Some(there) => {
                let units = writer.units(id);
                sweep!(writer.draft, "scale", units, slope, there, 1.0, 0.0, true)
            }
        }
    }
}

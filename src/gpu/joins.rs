//! How are channels that are copied, and gates, written as commands?

use super::builder::launch;
use super::lowering::Lowering;
use super::{Address, GpuError};
use crate::graph::NodeId;

type Result<T> = std::result::Result<T, GpuError>;

impl Lowering<'_> {
    /// Copies `count` channels: how many the source has and from which on, the same of the target, and `count`.
    pub fn copy_channels(
        &mut self,
        places: usize,
        x: Address,
        y: Address,
        [of, from, to, at, count]: [usize; 5],
        add: bool,
    ) -> Result<()> {
        launch!(
            self.builder,
            "channels",
            places,
            [x, y, of, from, to, at, count, add]
        )
    }

    /// Each unit times its gate: its own, or that of its map.
    pub fn gate(
        &mut self,
        id: NodeId,
        x: Address,
        gates: Address,
        y: Address,
        by_unit: bool,
        add: bool,
    ) -> Result<()> {
        let (maps, places) = (self.maps(id), self.places(id));
        launch!(
            self.builder,
            "gate",
            places,
            [x, gates, y, maps.c, maps.plane(), by_unit, add]
        )
    }
}

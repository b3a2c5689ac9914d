//! How is a sum over each map of each sample written as commands? Means of maps are such sums, and gradients of gates.

use super::builder::{KernelArg, launch};
use super::lowering::Lowering;
use super::{Address, GpuError};
use crate::graph::NodeId;

/// Units of a map that a thread adds up.
const MAPPED: usize = 64;

impl Lowering<'_> {
    /// The sums over each map of each sample of a layer's size, of a value or of the product of two, times a factor.
    pub fn map_sums(
        &mut self,
        id: NodeId,
        [x, b]: [KernelArg; 2],
        factor: f64,
        y: Address,
        add: bool,
    ) -> Result<(), GpuError> {
        let maps = self.maps(id);
        let each = maps.plane().min(MAPPED);
        let strips = maps.plane().div_ceil(each);
        let sums = self.batch * strips;
        let parts = self.builder.floats(sums * maps.c)?;
        let threads = sums * self.builder.blocks(maps.c);
        launch!(
            self.builder,
            "map_sums",
            threads,
            [x, b, parts, maps.c, maps.plane(), each]
        )?;
        launch!(
            self.builder,
            "map_fold",
            self.batch * maps.c,
            [parts, y, factor, strips, maps.c, add]
        )
    }

    /// The gradient of such sums of one value: each unit of the layer's size takes that of its map, times the factor.
    pub fn map_spread(
        &mut self,
        id: NodeId,
        dy: Address,
        factor: f64,
        dx: Address,
        add: bool,
    ) -> Result<(), GpuError> {
        let (maps, places) = (self.maps(id), self.places(id));
        launch!(
            self.builder,
            "map_spread",
            places,
            [dy, dx, factor, maps.c, maps.plane(), add]
        )
    }
}

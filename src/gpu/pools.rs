//! How is pooling by maximum, and what LeNet-5's subsampling learns, written as commands?

use super::builder::launch;
use super::grad_buffers::GradBuffers;
use super::lowering::{Lowering, Mode};
use super::sums::Strips;
use super::{Address, GpuError};
use crate::graph::{NodeId, Window};

type Result<T> = std::result::Result<T, GpuError>;

impl Lowering<'_> {
    /// In training it keeps, for each window, which of its taps had the maximum.
    pub fn max_pool(&mut self, id: NodeId, window: &Window, x: Address, y: Address) -> Result<()> {
        if matches!(self.mode, Mode::Train { .. }) {
            if window.taps() >= usize::from(u16::MAX) {
                let what = ": a window of 65535 taps or more";
                return Err(GpuError::Network([&self.node(id).path, what].concat()));
            }
            let units = self.units(id);
            self.kept[id] = Some(self.builder.tensor(units, 2)?);
        }
        let between = [x.into(), y.into(), self.kept[id].into()];
        self.slide("max_pool", self.places(id), id, window, &between, &[])
    }

    /// The gradients of coefficients and biases.
    pub fn subsample_weights(
        &mut self,
        id: NodeId,
        window: &Window,
        x: Address,
        dy: Address,
        gradients: &mut GradBuffers,
    ) -> Result<()> {
        let c = self.maps(id).c;
        let strips = Strips::new(self.rows(id), self.builder.blocks(c));
        let parts = self.builder.floats(strips.many * 2 * c)?;
        let (between, last) = (
            [x.into(), dy.into(), parts.into()],
            [strips.rows.into(), strips.each.into()],
        );
        self.slide(
            "subsample_sums",
            strips.threads,
            id,
            window,
            &between,
            &last,
        )?;
        let add = gradients.adds_to_weights(self.graph.owner(id));
        let parts = strips.fold(&mut self.builder, parts, 2 * c)?;
        for which in 0..2 {
            let to_weight = self.gradient(id, which);
            launch!(
                self.builder,
                "fold_last",
                c,
                [parts.parts, to_weight, parts.many, 2 * c, which * c, add]
            )?;
        }
        Ok(())
    }
}

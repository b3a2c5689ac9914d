//! How is batch normalisation written as commands?

use super::builder::launch;
use super::lowering::{Lowering, Mode};
use super::sums::Strips;
use super::{Address, GpuError};
use crate::graph::{NodeId, Op};
use crate::net::Norm;

/// Which gradients the ReLU behind a normalisation lets through.
#[derive(Clone, Copy)]
pub(super) enum ReluMask {
    /// All: there is no ReLU.
    Nothing,
    /// Where the normalised input, computed again, is positive.
    ByInput,
    /// Where the output, to which a residual was added, is positive; the masked gradient goes to the second address.
    ByOutput(Address, Address),
}

impl Lowering<'_> {
    fn norm(&self) -> Norm {
        match self.mode {
            Mode::Train { norm, .. } => norm,
            Mode::Eval { .. } => Norm::Running,
        }
    }

    /// What each channel of `x` is normalised by; the running statistics take in the batch's.
    pub fn scale_shift(&mut self, id: NodeId, x: Address) -> Result<Address, GpuError> {
        let node = self.node(id);
        let Op::BatchNorm { eps, momentum } = node.op else {
            unreachable!("a batch normalisation has scale and shift");
        };
        let (c, rows) = (self.maps(id).c, self.rows(id));
        let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|which| self.float(id, which));
        let scale_shift = self.builder.floats(4 * c)?;
        let correction = self.norm().correction(rows);
        let correction =
            correction.map_err(|what| GpuError::Network([&node.path, ": ", &what].concat()))?;
        let Some(correction) = correction else {
            launch!(
                self.builder,
                "norm_running",
                c,
                [mean, variance, weight, bias, scale_shift, eps]
            )?;
            return Ok(scale_shift);
        };
        let strips = Strips::new(rows, self.builder.blocks(c));
        let parts = self.builder.floats(strips.many * 2 * c)?;
        launch!(
            self.builder,
            "norm_statistics",
            strips.threads,
            [x, parts, c, rows, strips.each]
        )?;
        let parts = strips.fold_statistics(&mut self.builder, parts, c)?;
        launch!(
            self.builder,
            "norm_scale_shift",
            c,
            [
                parts.parts,
                weight,
                bias,
                scale_shift,
                mean,
                variance,
                parts.many,
                c,
                rows,
                parts.each,
                eps,
                momentum,
                correction
            ]
        )?;
        Ok(scale_shift)
    }

    /// The gradients of weight and bias, to `[dweight, dbias]`, and of the input `x`, to `dx`.
    pub fn norm_backward(
        &mut self,
        id: NodeId,
        x: Address,
        dy: Address,
        mask: ReluMask,
        weights: ([Address; 2], bool),
        dx: Option<(Address, bool)>,
    ) -> Result<(), GpuError> {
        let (c, rows) = (self.maps(id).c, self.rows(id));
        let blocks = self.builder.blocks(c);
        let scale_shift =
            self.kept[id].expect("the forward pass keeps a normalisation's scale and shift");
        let of_batch = self.norm().uses_batch();
        let strips = Strips::new(rows, blocks);
        let parts = self.builder.floats(strips.many * 2 * c)?;
        let (threads, each) = (strips.threads, strips.each);
        let by_input = matches!(mask, ReluMask::ByInput);
        let mut dz = dy;
        if let ReluMask::ByOutput(y, left) = mask {
            dz = left;
            launch!(
                self.builder,
                "norm_sums_masked",
                threads,
                [x, dy, y, left, scale_shift, parts, c, rows, each]
            )?;
        } else {
            launch!(
                self.builder,
                "norm_sums",
                threads,
                [x, dy, scale_shift, parts, c, by_input, rows, each]
            )?;
        }
        let parts = strips.fold(&mut self.builder, parts, 2 * c)?;
        let terms = self.builder.floats(2 * c)?;
        let ([dweight, dbias], add) = weights;
        launch!(
            self.builder,
            "norm_gradients",
            c,
            [
                parts.parts,
                scale_shift,
                dweight,
                dbias,
                terms,
                parts.many,
                c,
                rows,
                of_batch,
                add
            ]
        )?;
        let Some((dx, add)) = dx else { return Ok(()) };
        let strips = Strips::of_units(rows, blocks);
        launch!(
            self.builder,
            "norm_backward",
            strips.threads,
            [
                x,
                dz,
                scale_shift,
                terms,
                dx,
                c,
                by_input,
                add,
                rows,
                strips.each
            ]
        )
    }
}

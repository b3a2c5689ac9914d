//! How is batch normalisation written as commands?

use super::draft::launch;
use super::sums::Strips;
use super::writer::{Mode, Writer};
use super::{Address, GpuError};
use crate::graph::{NodeId, Op};
use crate::net::Norm;

/// What ReLU cuts off behind a normalisation.
#[derive(Clone, Copy)]
pub(super) enum Cut {
    /// Nothing: there is none.
    Nothing,
    /// What the normalised input tells.
    ByInput,
    /// What the output tells, which has something added to it; what is left of the gradient goes to the other place.
    ByOutput(Address, Address),
}

impl Writer<'_> {
    /// What each channel of `x` is normalised by; the running statistics take in the batch's.
    pub fn line(&mut self, id: NodeId, x: Address) -> Result<Address, GpuError> {
        let node = self.node(id);
        let Op::BatchNorm { eps, momentum } = node.op else {
            unreachable!("a batch normalisation has a line");
        };
        let (c, rows) = (self.maps(id).c, self.rows(id));
        let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|which| self.float(id, which));
        let line = self.draft.floats(4 * c)?;
        let correction = match self.mode {
            Mode::Eval { .. }
            | Mode::Train {
                norm: Norm::Running,
                ..
            } => {
                launch!(
                    self.draft,
                    "norm_running",
                    c,
                    mean,
                    variance,
                    weight,
                    bias,
                    line,
                    eps
                )?;
                return Ok(line);
            }
            _ if rows < 2 => {
                let what = ": batch normalisation in training needs more than one value a channel: use a larger batch";
                return Err(GpuError::Network([&node.path, what].concat()));
            }
            Mode::Train {
                norm: Norm::Torch, ..
            } => rows as f64 / (rows - 1) as f64,
            Mode::Train {
                norm: Norm::Keras, ..
            } => 1.0,
        };
        let strips = Strips::new(rows, self.draft.blocks(c));
        let parts = self.draft.floats(strips.many * 2 * c)?;
        launch!(
            self.draft,
            "norm_statistics",
            strips.threads,
            x,
            parts,
            c,
            rows,
            strips.each
        )?;
        let parts = strips.fold_statistics(&mut self.draft, parts, c)?;
        launch!(
            self.draft,
            "norm_line",
            c,
            parts.parts,
            weight,
            bias,
            line,
            mean,
            variance,
            parts.many,
            c,
            rows,
            parts.each,
            eps,
            momentum,
            correction
        )?;
        Ok(line)
    }

    /// The gradients of weight and bias, to `[dweight, dbias]`, and of the input `x`, to `dx`.
    pub fn norm_backward(
        &mut self,
        id: NodeId,
        x: Address,
        dy: Address,
        cut: Cut,
        weights: ([Address; 2], bool),
        dx: Option<(Address, bool)>,
    ) -> Result<(), GpuError> {
        let (c, rows) = (self.maps(id).c, self.rows(id));
        let blocks = self.draft.blocks(c);
        let line = self.kept[id].expect("the forward pass keeps a normalisation's line");
        let of_batch = !matches!(
            self.mode,
            Mode::Train {
                norm: Norm::Running,
                ..
            }
        );
        let strips = Strips::new(rows, blocks);
        let parts = self.draft.floats(strips.many * 2 * c)?;
        let (threads, each) = (strips.threads, strips.each);
        let by_input = matches!(cut, Cut::ByInput);
        let mut dz = dy;
        if let Cut::ByOutput(y, left) = cut {
            dz = left;
            launch!(
                self.draft,
                "norm_sums_cut",
                threads,
                x,
                dy,
                y,
                left,
                line,
                parts,
                c,
                rows,
                each
            )?;
        } else {
            launch!(
                self.draft,
                "norm_sums",
                threads,
                x,
                dy,
                line,
                parts,
                c,
                by_input,
                rows,
                each
            )?;
        }
        let parts = strips.fold(&mut self.draft, parts, 2 * c)?;
        let slopes = self.draft.floats(2 * c)?;
        let ([dweight, dbias], add) = weights;
        launch!(
            self.draft,
            "norm_slopes",
            c,
            parts.parts,
            line,
            dweight,
            dbias,
            slopes,
            parts.many,
            c,
            rows,
            of_batch,
            add
        )?;
        let Some((dx, add)) = dx else { return Ok(()) };
        let strips = Strips::of_units(rows, blocks);
        launch!(
            self.draft,
            "norm_backward",
            strips.threads,
            x,
            dz,
            line,
            slopes,
            dx,
            c,
            by_input,
            add,
            rows,
            strips.each
        )
    }
}

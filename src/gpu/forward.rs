//! How is the forward pass of a network written as commands?

use super::builder::{KernelArg, launch, sweep};
use super::lowering::{Lowering, Mode};
use super::{Address, GpuError};
use crate::graph::{Activation, FusedGroup, NodeId, Op};

type Result<T> = std::result::Result<T, GpuError>;

/// Values that the kernel of means reads at once.
pub(super) const MEANS: usize = 4;

/// The number of a function in `kernels/units.cu`; none for softmax, which has kernels of its own.
pub(super) fn kind(activation: Activation) -> Option<i32> {
    match activation {
        Activation::Relu => Some(0),
        Activation::Sigmoid => Some(1),
        Activation::Tanh => Some(2),
        Activation::ScaledTanh => Some(3),
        Activation::Softmax => None,
    }
}

impl Lowering<'_> {
    /// Computes the values of the groups from images, `float` `[n][c][h][w]`.
    pub fn forward(&mut self, groups: &[FusedGroup], images: Address) -> Result<()> {
        for group in groups {
            let value = self.group(group, images)?;
            self.values[group.last] = Some(value);
        }
        Ok(())
    }

    fn group(&mut self, group: &FusedGroup, images: Address) -> Result<Address> {
        let id = group.first;
        let node = self.node(id);
        let (to, units) = (self.maps(id), self.units(id));
        // the input and its size; of the network's input itself
        let from = self.maps(node.inputs.first().copied().unwrap_or(id));
        let x = match node.inputs.first() {
            Some(&input) => self.value(input),
            None => images,
        };
        match &node.op {
            Op::Input => {
                let y = self.builder.units(units)?;
                launch!(self.builder, "images", units, x, y, to.c, to.plane())?;
                Ok(y)
            }
            Op::Conv(_) | Op::Linear { .. } => {
                let y = self.multiply(id, x)?;
                self.values[id] = Some(y);
                self.finish(group, y)
            }
            Op::BatchNorm { .. } => self.finish(group, x),
            &Op::Lrn {
                size,
                alpha,
                beta,
                k,
            } => {
                let y = self.builder.units(units)?;
                launch!(self.builder, "lrn", units, x, y, to.c, size, alpha, beta, k)?;
                Ok(y)
            }
            Op::Activation(activation) => {
                let y = self.builder.units(units)?;
                match kind(*activation) {
                    Some(kind) => sweep!(self.builder, "activate", units, x, y, kind)?,
                    None => launch!(self.builder, "softmax", self.rows(id), x, y, to.c)?,
                }
                Ok(y)
            }
            Op::MaxPool { window } => {
                let y = self.builder.units(units)?;
                if matches!(self.mode, Mode::Train { .. }) {
                    if window.taps() >= usize::from(u16::MAX) {
                        let what = ": a window of 65535 taps or more";
                        return Err(GpuError::Network([&node.path, what].concat()));
                    }
                    self.kept[id] = Some(self.builder.tensor(units, 2)?);
                }
                let before = [x.into(), y.into(), self.kept[id].into()];
                self.slide("max_pool", self.places(id), id, window, &before, &[])?;
                Ok(y)
            }
            Op::AvgPool {
                window,
                count_include_pad,
            } => {
                let y = self.builder.units(units)?;
                let padded = [KernelArg::from(*count_include_pad)];
                self.slide(
                    "avg_pool",
                    self.places(id),
                    id,
                    window,
                    &[x.into(), y.into()],
                    &padded,
                )?;
                Ok(y)
            }
            Op::AdaptiveAvgPool { .. } => {
                let y = self.builder.units(units)?;
                if to.plane() == 1 {
                    let input = node.inputs[0];
                    let share = 1.0 / from.plane() as f64;
                    self.map_sums(input, [x.into(), KernelArg::At(None)], share, y, false)?;
                    return Ok(y);
                }
                launch!(
                    self.builder,
                    "cells",
                    units,
                    x,
                    y,
                    to.c,
                    from.h,
                    from.w,
                    to.h,
                    to.w
                )?;
                Ok(y)
            }
            Op::Subsample { window } => {
                let y = self.builder.units(units)?;
                let (weight, bias) = (self.float(id, 0), self.float(id, 1));
                let before = [x.into(), weight.into(), bias.into(), y.into()];
                self.slide("subsample", self.places(id), id, window, &before, &[])?;
                Ok(y)
            }
            Op::Rbf { out } => {
                let y = self.builder.units(units)?;
                let codes = self.float(id, 0);
                launch!(self.builder, "rbf", units, x, codes, y, from.c, *out)?;
                Ok(y)
            }
            Op::Dropout { p } => match self.mode {
                Mode::Eval { .. } => Ok(x),
                Mode::Train { .. } => {
                    let y = self.builder.units(units)?;
                    self.dropout(id, *p, x, y, false)?;
                    Ok(y)
                }
            },
            Op::Flatten => {
                if from.plane() == 1 || from.c == 1 {
                    return Ok(x);
                }
                let y = self.builder.units(units)?;
                // a thread for each unit of the maps
                launch!(self.builder, "flatten", units, x, y, from.c, from.plane())?;
                Ok(y)
            }
            Op::Concat => {
                let y = self.builder.units(units)?;
                let mut at = 0;
                for &input in &node.inputs {
                    let (x, c) = (self.value(input), self.maps(input).c);
                    let count = self.places(input);
                    launch!(
                        self.builder,
                        "channels",
                        count,
                        x,
                        y,
                        c,
                        0usize,
                        to.c,
                        at,
                        c,
                        false
                    )?;
                    at += c;
                }
                Ok(y)
            }
            Op::Slice { from: first, .. } => {
                let y = self.builder.units(units)?;
                let places = self.places(id);
                launch!(
                    self.builder,
                    "channels",
                    places,
                    x,
                    y,
                    from.c,
                    *first,
                    to.c,
                    0usize,
                    to.c,
                    false
                )?;
                Ok(y)
            }
            Op::Add => {
                let y = self.builder.units(units)?;
                sweep!(self.builder, "sum", units, x, self.input(id, 1), y)?;
                Ok(y)
            }
            Op::BroadcastAdd => {
                let y = self.builder.units(units)?;
                let (other, b) = (self.input(id, 1), self.maps(node.inputs[1]));
                launch!(
                    self.builder,
                    "broadcast_add",
                    units,
                    x,
                    other,
                    y,
                    from.c,
                    from.h,
                    from.w,
                    b.c,
                    b.h,
                    b.w,
                    to.c,
                    to.h,
                    to.w
                )?;
                Ok(y)
            }
            Op::Gate => {
                let y = self.builder.units(units)?;
                let by_unit = self.units(node.inputs[1]) == units;
                let (gates, places) = (self.input(id, 1), self.places(id));
                launch!(
                    self.builder,
                    "gate",
                    places,
                    x,
                    gates,
                    y,
                    to.c,
                    to.plane(),
                    by_unit,
                    false
                )?;
                Ok(y)
            }
            Op::Mean { .. } => {
                let y = self.builder.units(units)?;
                let values: Vec<Address> = node.inputs.iter().map(|&id| self.value(id)).collect();
                for (i, some) in values.chunks(MEANS).enumerate() {
                    self.mean(id, some, i * MEANS, y, i > 0)?;
                }
                Ok(y)
            }
            Op::Scale { factor, offset } => {
                let y = self.builder.units(units)?;
                sweep!(self.builder, "scale", units, x, y, *factor, *offset, false)?;
                Ok(y)
            }
            Op::PadShortcut { stride, .. } => {
                let y = self.builder.units(units)?;
                let front = (to.c - from.c) / 2;
                launch!(
                    self.builder,
                    "shortcut",
                    units,
                    x,
                    y,
                    from.c,
                    from.h,
                    from.w,
                    to.c,
                    to.h,
                    to.w,
                    front,
                    *stride
                )?;
                Ok(y)
            }
        }
    }

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
            x,
            y,
            mask,
            factor,
            maps.c,
            maps.plane(),
            add
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
        )
    }
}

//! How is the backward pass of a network written as commands?

use super::draft::{Given, launch};
use super::forward::kind;
use super::groups::Group;
use super::norm::Cut;
use super::sums::Strips;
use super::writer::Writer;
use super::{Address, GpuError, Pass};
use crate::graph::{NodeId, Op};
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
    fn give(&mut self, writer: &mut Writer<'_>, id: NodeId, slope: Address) -> Result<()> {
        match self.values[id] {
            _ if !self.needed[id] => Ok(()),
            None => {
                self.values[id] = Some(slope);
                Ok(())
            }
            Some(there) => {
                let units = writer.units(id);
                launch!(writer.draft, "scale", units, slope, there, 1.0, 0.0, true)
            }
        }
    }
}

impl Writer<'_> {
    /// Computes the gradients of all weights that the gradients of values in `slopes` reach.
    pub fn backward(&mut self, groups: &[Group], slopes: &mut Slopes) -> Result<()> {
        for group in groups.iter().rev() {
            if let Some(dy) = slopes.values[group.last].filter(|_| slopes.needed[group.last]) {
                self.group_backward(group, dy, slopes)?;
            }
        }
        Ok(())
    }

    fn group_backward(&mut self, group: &Group, dy: Address, slopes: &mut Slopes) -> Result<()> {
        let id = group.first;
        let node = self.node(id);
        let (to, units) = (self.maps(id), self.units(id));
        let Some(&input) = node.inputs.first() else {
            return Ok(());
        };
        let (x, from) = (self.value(input), self.maps(input));
        match &node.op {
            Op::Input => {}
            Op::Conv(_) | Op::Linear { .. } | Op::BatchNorm { .. } => {
                self.unit_backward(group, dy, slopes)?;
            }
            &Op::Lrn {
                size,
                alpha,
                beta,
                k,
            } => {
                if let Some((dx, add)) = slopes.into(self, input)? {
                    let taken = self.draft.floats(units)?;
                    launch!(
                        self.draft,
                        "lrn_taken",
                        units,
                        x,
                        dy,
                        taken,
                        to.c,
                        size,
                        alpha,
                        beta,
                        k
                    )?;
                    let factor = 2.0 * alpha * beta;
                    launch!(
                        self.draft,
                        "lrn_backward",
                        units,
                        x,
                        dy,
                        taken,
                        dx,
                        to.c,
                        size,
                        alpha,
                        beta,
                        k,
                        factor,
                        add
                    )?;
                }
            }
            Op::Activation(activation) => {
                let y = self.value(id);
                if let Some((dx, add)) = slopes.into(self, input)? {
                    match kind(*activation) {
                        Some(kind) => {
                            launch!(self.draft, "activate_backward", units, y, dy, dx, kind, add)?
                        }
                        None => {
                            let rows = self.rows(id);
                            launch!(self.draft, "softmax_backward", rows, y, dy, dx, to.c, add)?;
                        }
                    }
                }
            }
            Op::MaxPool { window } => {
                if let Some((dx, add)) = slopes.into(self, input)? {
                    let which = self.kept[id];
                    self.slide(
                        "max_pool_backward",
                        self.units(input),
                        id,
                        window,
                        &[dy.into(), which.into(), dx.into()],
                        &[add.into()],
                    )?;
                }
            }
            Op::AvgPool {
                window,
                count_include_pad,
            } => {
                if let Some((dx, add)) = slopes.into(self, input)? {
                    self.slide(
                        "avg_pool_backward",
                        self.units(input),
                        id,
                        window,
                        &[dy.into(), dx.into()],
                        &[(*count_include_pad).into(), add.into()],
                    )?;
                }
            }
            Op::AdaptiveAvgPool { .. } => {
                if let Some((dx, add)) = slopes.into(self, input)? {
                    let units = self.units(input);
                    launch!(
                        self.draft,
                        "cells_backward",
                        units,
                        dy,
                        dx,
                        to.c,
                        from.h,
                        from.w,
                        to.h,
                        to.w,
                        add
                    )?;
                }
            }
            Op::Subsample { window } => {
                let strips = Strips::new(self.rows(id), to.c);
                let parts = self.draft.floats(strips.many * 2 * to.c)?;
                self.slide(
                    "subsample_sums",
                    strips.many * to.c,
                    id,
                    window,
                    &[x.into(), dy.into(), parts.into()],
                    &[strips.rows.into(), strips.each.into()],
                )?;
                let owner = self.graph.owner(id);
                let add = !slopes.started.insert(owner);
                let parts = strips.fold(&mut self.draft, parts, 2 * to.c)?;
                for which in 0..2 {
                    let to_weight = self.gradient(id, which);
                    launch!(
                        self.draft,
                        "fold_last",
                        to.c,
                        parts.parts,
                        to_weight,
                        parts.many,
                        2 * to.c,
                        which * to.c,
                        add
                    )?;
                }
                if let Some((dx, add)) = slopes.into(self, input)? {
                    let weight = self.float(id, 0);
                    self.slide(
                        "subsample_backward",
                        self.units(input),
                        id,
                        window,
                        &[dy.into(), weight.into(), dx.into()],
                        &[add.into()],
                    )?;
                }
            }
            Op::Rbf { out } => {
                if let Some((dx, add)) = slopes.into(self, input)? {
                    let (codes, units) = (self.float(id, 0), self.units(input));
                    launch!(
                        self.draft,
                        "rbf_backward",
                        units,
                        x,
                        codes,
                        dy,
                        dx,
                        from.c,
                        *out,
                        add
                    )?;
                }
            }
            Op::Dropout { p } => {
                if let Some((dx, add)) = slopes.into(self, input)? {
                    self.dropout(id, *p, dy, dx, add)?;
                }
            }
            Op::Flatten => {
                if from.plane() == 1 || from.c == 1 {
                    return slopes.give(self, input, dy);
                }
                if let Some((dx, add)) = slopes.into(self, input)? {
                    let plane = from.plane();
                    launch!(
                        self.draft,
                        "flatten_backward",
                        units,
                        dy,
                        dx,
                        from.c,
                        plane,
                        add
                    )?;
                }
            }
            Op::Concat => {
                let mut at = 0;
                for &input in &node.inputs {
                    let (c, count) = (self.maps(input).c, self.units(input));
                    if let Some((dx, add)) = slopes.into(self, input)? {
                        launch!(
                            self.draft, "channels", count, dy, dx, to.c, at, c, 0usize, c, add
                        )?;
                    }
                    at += c;
                }
            }
            Op::Slice { from: first, .. } => {
                if let Some((dx, add)) = slopes.into(self, input)? {
                    if !add {
                        launch!(self.draft, "clear", self.units(input), dx)?;
                    }
                    launch!(
                        self.draft, "channels", units, dy, dx, to.c, 0usize, from.c, *first, to.c,
                        add
                    )?;
                }
            }
            Op::Add => {
                // the second takes a copy, as the first may take the gradient itself
                if let Some((dx, add)) = slopes.into(self, node.inputs[1])? {
                    launch!(self.draft, "scale", units, dy, dx, 1.0, 0.0, add)?;
                }
                slopes.give(self, input, dy)?;
            }
            Op::BroadcastAdd => {
                for &input in &node.inputs {
                    let (maps, count) = (self.maps(input), self.units(input));
                    if let Some((dx, add)) = slopes.into(self, input)? {
                        launch!(
                            self.draft,
                            "broadcast_add_backward",
                            count,
                            dy,
                            dx,
                            maps.c,
                            maps.h,
                            maps.w,
                            to.c,
                            to.h,
                            to.w,
                            add
                        )?;
                    }
                }
            }
            Op::Gate => self.gate_backward(id, dy, slopes)?,
            Op::Mean { .. } => {
                for (i, &input) in node.inputs.iter().enumerate() {
                    if let Some((dx, add)) = slopes.into(self, input)? {
                        self.mean(id, &[dy], i, dx, add)?;
                    }
                }
            }
            Op::Scale { factor, .. } => {
                if let Some((dx, add)) = slopes.into(self, input)? {
                    launch!(self.draft, "scale", units, dy, dx, *factor, 0.0, add)?;
                }
            }
            Op::PadShortcut { stride, .. } => {
                if let Some((dx, add)) = slopes.into(self, input)? {
                    let (units, front) = (self.units(input), (to.c - from.c) / 2);
                    launch!(
                        self.draft,
                        "shortcut_backward",
                        units,
                        dy,
                        dx,
                        from.c,
                        from.h,
                        from.w,
                        to.c,
                        to.h,
                        to.w,
                        front,
                        *stride,
                        add
                    )?;
                }
            }
        }
        Ok(())
    }

    fn gate_backward(&mut self, id: NodeId, dy: Address, slopes: &mut Slopes) -> Result<()> {
        let [input, gate] = self.node(id).inputs[..] else {
            unreachable!("a gate has two inputs");
        };
        let (maps, units, gates) = (self.maps(id), self.units(id), self.units(gate));
        let (c, plane, by_unit) = (maps.c, maps.plane(), gates == units);
        let (x, values) = (self.value(input), self.value(gate));
        if let Some((dx, add)) = slopes.into(self, input)? {
            launch!(
                self.draft, "gate", units, dy, values, dx, c, plane, by_unit, add
            )?;
        }
        match slopes.into(self, gate)? {
            Some((dgate, add)) if by_unit => {
                launch!(self.draft, "gate", units, dy, x, dgate, c, plane, true, add)
            }
            Some((dgate, add)) => {
                launch!(
                    self.draft,
                    "gate_backward",
                    gates,
                    x,
                    dy,
                    dgate,
                    c,
                    plane,
                    add
                )
            }
            None => Ok(()),
        }
    }

    /// A product or a normalisation with what it takes along.
    fn unit_backward(&mut self, group: &Group, dy: Address, slopes: &mut Slopes) -> Result<()> {
        let (first, y) = (group.first, self.value(group.last));
        let input = self.node(first).inputs[0];
        let is_product = group.norm != Some(first);
        let mut dz = dy;
        let mut cut = group.relu.then_some(y);
        if let Some(norm) = group.norm {
            let cut = match (cut.take(), group.beside) {
                (None, _) => Cut::Nothing,
                (Some(_), None) => Cut::ByInput,
                (Some(y), Some(_)) => Cut::ByOutput(y),
            };
            let owner = self.graph.owner(norm);
            let add = !slopes.started.insert(owner);
            let weights = [self.gradient(norm, 0), self.gradient(norm, 1)];
            let (x, dx) = match is_product {
                true => {
                    dz = self.draft.units(self.units(first))?;
                    (self.value(first), Some((dz, false)))
                }
                false => (self.value(input), slopes.into(self, input)?),
            };
            self.norm_backward(norm, x, dy, cut, (weights, add), dx)?;
        }
        if is_product {
            self.product_backward(first, dz, cut, slopes)?;
        }
        match group.beside {
            Some(beside) => slopes.give(self, beside, dy),
            None => Ok(()),
        }
    }

    /// A convolution or a linear layer; where its output was cut off by ReLU, that is taken out of its
    /// gradient first.
    fn product_backward(
        &mut self,
        id: NodeId,
        dy: Address,
        cut: Option<Address>,
        slopes: &mut Slopes,
    ) -> Result<()> {
        let (maps, owner) = (self.maps(id), self.graph.owner(id));
        let input = self.node(id).inputs[0];
        let add = !slopes.started.insert(owner);
        if self.float(id, 1).is_some() {
            let strips = Strips::new(self.rows(id), maps.c);
            let parts = self.draft.floats(strips.many * maps.c)?;
            launch!(
                self.draft,
                "bias_sums",
                strips.many * maps.c,
                dy,
                cut,
                parts,
                maps.c,
                strips.rows,
                strips.each
            )?;
            let parts = strips.fold(&mut self.draft, parts, maps.c)?;
            let bias = self.gradient(id, 1);
            launch!(
                self.draft,
                "fold_last",
                maps.c,
                parts.parts,
                bias,
                parts.many,
                maps.c,
                0usize,
                add
            )?;
        } else if let Some(y) = cut {
            let units = self.units(id);
            launch!(self.draft, "activate_backward", units, y, dy, dy, 0, false)?;
        }
        let product = self.product(id)?;
        let x = self.kept[id].unwrap_or(self.value(input));
        let dw = self.gradient(id, 0);
        let shape = product.shape;
        self.draft
            .convolve(Pass::WeightGradient, shape, [x, dw, dy], add);
        if let Some((mask, count)) = self.weights.mask(owner) {
            launch!(self.draft, "masked", count, dw, mask)?;
        }
        let Some((dx, add)) = slopes.into(self, input)? else {
            return Ok(());
        };
        let w = self.weights.units(owner).expect("a product has weights");
        let Some(frame) = product.frame else {
            self.draft
                .convolve(Pass::InputGradient, shape, [dx, w, dy], add);
            return Ok(());
        };
        let from = self.maps(input);
        let ([h, w_framed], [down, right]) = (frame.size, frame.before);
        let framed = self.draft.units(self.batch * from.c * h * w_framed)?;
        self.draft
            .convolve(Pass::InputGradient, shape, [framed, w, dy], false);
        let back = |zeros: usize| -> Result<Given> {
            Ok(Given::Int(-(super::draft::counted(zeros)? as i32)))
        };
        let (up, left) = (back(down)?, back(right)?);
        let units = self.units(input);
        launch!(
            self.draft, "frame", units, framed, dx, from.c, h, w_framed, from.h, from.w, up, left,
            add
        )
    }

    /// Where the gradient of a tensor that a layer uses goes.
    fn gradient(&self, id: NodeId, which: usize) -> Address {
        let place = self.weights.gradient(self.graph.owner(id), which);
        place.expect("a layer that is reached learns")
    }
}

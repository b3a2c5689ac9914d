//! How is the backward pass of a network written as commands?

use super::builder::{launch, sweep};
use super::forward::kind;
use super::grad_buffers::GradBuffers;
use super::lowering::Lowering;
use super::sums::Strips;
use super::{Address, GpuError};
use crate::graph::{FusedGroup, NodeId, Op};

type Result<T> = std::result::Result<T, GpuError>;

impl Lowering<'_> {
    /// Computes the gradients of all weights that the gradients of values in `gradients` reach.
    pub fn backward(&mut self, groups: &[FusedGroup], gradients: &mut GradBuffers) -> Result<()> {
        for group in groups.iter().rev() {
            if let Some(dy) = gradients.of(group.last) {
                self.group_backward(group, dy, gradients)?;
            }
        }
        Ok(())
    }

    fn group_backward(
        &mut self,
        group: &FusedGroup,
        dy: Address,
        gradients: &mut GradBuffers,
    ) -> Result<()> {
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
                self.unit_backward(group, dy, gradients)?;
            }
            &Op::Lrn {
                size,
                alpha,
                beta,
                k,
            } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    let taken = self.builder.floats(units)?;
                    launch!(
                        self.builder,
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
                        self.builder,
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
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    match kind(*activation) {
                        Some(kind) => sweep!(
                            self.builder,
                            "activate_backward",
                            units,
                            y,
                            dy,
                            dx,
                            kind,
                            add
                        )?,
                        None => {
                            let rows = self.rows(id);
                            launch!(self.builder, "softmax_backward", rows, y, dy, dx, to.c, add)?;
                        }
                    }
                }
            }
            Op::MaxPool { window } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    let which = self.kept[id];
                    self.slide(
                        "max_pool_backward",
                        self.places(input),
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
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    self.slide(
                        "avg_pool_backward",
                        self.places(input),
                        id,
                        window,
                        &[dy.into(), dx.into()],
                        &[(*count_include_pad).into(), add.into()],
                    )?;
                }
            }
            Op::AdaptiveAvgPool { .. } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    if to.plane() == 1 {
                        return self.map_spread(input, dy, 1.0 / from.plane() as f64, dx, add);
                    }
                    let places = self.places(input);
                    launch!(
                        self.builder,
                        "cells_backward",
                        places,
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
                let strips = Strips::new(self.rows(id), self.builder.blocks(to.c));
                let parts = self.builder.floats(strips.many * 2 * to.c)?;
                self.slide(
                    "subsample_sums",
                    strips.threads,
                    id,
                    window,
                    &[x.into(), dy.into(), parts.into()],
                    &[strips.rows.into(), strips.each.into()],
                )?;
                let owner = self.graph.owner(id);
                let add = gradients.adds_to_weights(owner)?;
                let parts = strips.fold(&mut self.builder, parts, 2 * to.c)?;
                for which in 0..2 {
                    let to_weight = self.gradient(id, which);
                    launch!(
                        self.builder,
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
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    let weight = self.float(id, 0);
                    self.slide(
                        "subsample_backward",
                        self.places(input),
                        id,
                        window,
                        &[dy.into(), weight.into(), dx.into()],
                        &[add.into()],
                    )?;
                }
            }
            Op::Rbf { out } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    let (codes, units) = (self.float(id, 0), self.units(input));
                    launch!(
                        self.builder,
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
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    self.dropout(id, *p, dy, dx, add)?;
                }
            }
            Op::Flatten => {
                if from.plane() == 1 || from.c == 1 {
                    return gradients.accumulate(self, input, dy);
                }
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    let plane = from.plane();
                    launch!(
                        self.builder,
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
                    let (c, count) = (self.maps(input).c, self.places(input));
                    if let Some((dx, add)) = gradients.slot(self, input)? {
                        launch!(
                            self.builder,
                            "channels",
                            count,
                            dy,
                            dx,
                            to.c,
                            at,
                            c,
                            0usize,
                            c,
                            add
                        )?;
                    }
                    at += c;
                }
            }
            Op::Slice { from: first, .. } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    if !add {
                        launch!(self.builder, "clear", self.units(input), dx)?;
                    }
                    let places = self.places(id);
                    launch!(
                        self.builder,
                        "channels",
                        places,
                        dy,
                        dx,
                        to.c,
                        0usize,
                        from.c,
                        *first,
                        to.c,
                        add
                    )?;
                }
            }
            Op::Add => {
                // the second takes a copy, as the first may take the gradient itself
                if let Some((dx, add)) = gradients.slot(self, node.inputs[1])? {
                    sweep!(self.builder, "scale", units, dy, dx, 1.0, 0.0, add)?;
                }
                gradients.accumulate(self, input, dy)?;
            }
            Op::BroadcastAdd => {
                for &input in &node.inputs {
                    let (maps, count) = (self.maps(input), self.units(input));
                    if let Some((dx, add)) = gradients.slot(self, input)? {
                        launch!(
                            self.builder,
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
            Op::Gate => self.gate_backward(id, dy, gradients)?,
            Op::Mean { .. } => {
                for (i, &input) in node.inputs.iter().enumerate() {
                    if let Some((dx, add)) = gradients.slot(self, input)? {
                        self.mean(id, &[dy], i, dx, add)?;
                    }
                }
            }
            Op::Scale { factor, .. } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    sweep!(self.builder, "scale", units, dy, dx, *factor, 0.0, add)?;
                }
            }
            Op::PadShortcut { stride, .. } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    let (units, front) = (self.units(input), (to.c - from.c) / 2);
                    launch!(
                        self.builder,
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

    fn gate_backward(
        &mut self,
        id: NodeId,
        dy: Address,
        gradients: &mut GradBuffers,
    ) -> Result<()> {
        let [input, gate] = self.node(id).inputs[..] else {
            unreachable!("a gate has two inputs");
        };
        let (maps, places, gates) = (self.maps(id), self.places(id), self.units(gate));
        let (c, plane, by_unit) = (maps.c, maps.plane(), gates == self.units(id));
        let (x, values) = (self.value(input), self.value(gate));
        if let Some((dx, add)) = gradients.slot(self, input)? {
            launch!(
                self.builder,
                "gate",
                places,
                dy,
                values,
                dx,
                c,
                plane,
                by_unit,
                add
            )?;
        }
        match gradients.slot(self, gate)? {
            Some((dgate, add)) if by_unit => {
                launch!(
                    self.builder,
                    "gate",
                    places,
                    dy,
                    x,
                    dgate,
                    c,
                    plane,
                    true,
                    add
                )
            }
            Some((dgate, add)) => self.map_sums(id, [x.into(), dy.into()], 1.0, dgate, add),
            None => Ok(()),
        }
    }
}

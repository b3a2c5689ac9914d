//! Which commands compute a layer, forward and backward?
//!
//! Products and normalisations lead fused groups and stand in `fused.rs`; what takes more than a command is in
//! `pools.rs`, in `joins.rs`, and in `masks.rs` what is dropped at random.

use super::builder::{KernelArg, launch, sweep};
use super::grad_buffers::GradBuffers;
use super::lowering::{Lowering, Maps, Mode};
use super::masks::MEANS;
use super::{Address, GpuError};
use crate::graph::{Activation, Graph, Lrn, Node, NodeId, Op};

type Result<T> = std::result::Result<T, GpuError>;

/// The number of a function in `kernels/units.cu`; none for softmax, which has kernels of its own.
const fn kind(activation: Activation) -> Option<i32> {
    match activation {
        Activation::Relu => Some(0),
        Activation::Sigmoid => Some(1),
        Activation::Tanh => Some(2),
        Activation::ScaledTanh => Some(3),
        Activation::Softmax => None,
    }
}

/// Whether maps stand like the vector of their units.
const fn is_flat(maps: Maps) -> bool {
    maps.h * maps.w == 1 || maps.c == 1
}

/// Whether there are commands for all layers of a network.
///
/// # Errors
/// [`GpuError::Network`] names the first that has none.
pub fn runs(graph: &Graph) -> Result<()> {
    let odd = |node: &&Node| !node.shape.is_vector() && node.shape.maps().is_none();
    if let Some(Node { path, shape, .. }) = graph.nodes().iter().find(odd) {
        return Err(GpuError::Network(format!(
            "`{path}` gives {shape}: on a GPU networks run on maps (CxHxW) and vectors"
        )));
    }
    match graph.nodes().iter().find(|node| !is_known(&node.op)) {
        None => Ok(()),
        Some(node) => Err(GpuError::Network(format!(
            "layer `{}` is {} ({}), which does not run on a GPU yet; on the CPU it does",
            node.path,
            node.op.name(),
            node.op
        ))),
    }
}

/// The ops that have no commands: whoever adds one says so here, or writes them.
macro_rules! unknown {
    () => {
        Op::ConvTranspose(_)
            | Op::GroupNorm { .. }
            | Op::LayerNorm { .. }
            | Op::PRelu { .. }
            | Op::LinearLast { .. }
            | Op::Own(_)
            | Op::Array(_)
            | Op::Parameter { .. }
            | Op::Opaque(_)
    };
}

const fn is_known(op: &Op) -> bool {
    !matches!(op, unknown!())
}

impl Lowering<'_> {
    /// Computes the value of a layer from that of its first input, `x`.
    pub fn layer(&mut self, id: NodeId, x: Address) -> Result<Address> {
        let node = self.node(id);
        let (to, units, places) = (self.maps(id), self.units(id), self.places(id));
        // the input's size; of the network's input its own
        let from = self.maps(node.inputs.first().copied().unwrap_or(id));
        match node.op {
            Op::Dropout { .. } if matches!(self.mode, Mode::Eval { .. }) => return Ok(x),
            Op::Flatten if is_flat(from) => return Ok(x),
            _ => {}
        }
        let y = self.builder.units(units)?;
        match &node.op {
            unknown!() => unreachable!("the network was refused"),
            Op::Input => launch!(self.builder, "images", units, [x, y, to.c, to.plane()])?,
            Op::Conv(_) | Op::Linear { .. } | Op::BatchNorm { .. } => {
                unreachable!("it leads a group, be it alone")
            }
            &Op::Lrn(Lrn {
                size,
                alpha,
                beta,
                k,
            }) => launch!(
                self.builder,
                "lrn",
                units,
                [x, y, to.c, size, alpha, beta, k]
            )?,
            Op::Activation(activation) => match kind(*activation) {
                Some(kind) => sweep!(self.builder, "activate", units, [x, y, kind])?,
                None => launch!(self.builder, "softmax", self.rows(id), [x, y, to.c])?,
            },
            Op::MaxPool { window } => self.max_pool(id, window, x, y)?,
            Op::AvgPool {
                window,
                count_include_pad,
            } => {
                let (between, last) = ([x.into(), y.into()], [(*count_include_pad).into()]);
                self.slide("avg_pool", places, id, window, &between, &last)?;
            }
            Op::AdaptiveAvgPool { .. } if to.plane() == 1 => {
                let factor = 1.0 / from.plane() as f64;
                let one = [x.into(), KernelArg::At(None)];
                self.map_sums(node.inputs[0], one, factor, y, false)?;
            }
            Op::AdaptiveAvgPool { .. } => {
                launch!(
                    self.builder,
                    "cells",
                    units,
                    [x, y, to.c, from.h, from.w, to.h, to.w]
                )?;
            }
            Op::Subsample { window } => {
                let (weight, bias) = (self.float(id, 0), self.float(id, 1));
                let between = [x.into(), weight.into(), bias.into(), y.into()];
                self.slide("subsample", places, id, window, &between, &[])?;
            }
            Op::Rbf { out } => {
                let codes = self.float(id, 0);
                launch!(self.builder, "rbf", units, [x, codes, y, from.c, *out])?;
            }
            Op::Dropout { p } => self.dropout(id, *p, x, y, false)?,
            // a thread for each unit of the maps
            Op::Flatten => launch!(self.builder, "flatten", units, [x, y, from.c, from.plane()])?,
            Op::Concat => {
                let mut at = 0;
                for &input in &node.inputs {
                    let (x, c, places) =
                        (self.value(input), self.maps(input).c, self.places(input));
                    let channels = [c, 0, to.c, at, c];
                    self.copy_channels(places, x, y, channels, false)?;
                    at += c;
                }
            }
            Op::Slice { from: first, .. } => {
                self.copy_channels(places, x, y, [from.c, *first, to.c, 0, to.c], false)?;
            }
            Op::Add => sweep!(self.builder, "sum", units, [x, self.input(id, 1), y])?,
            Op::BroadcastAdd => {
                let (other, b) = (self.input(id, 1), self.maps(node.inputs[1]));
                launch!(
                    self.builder,
                    "broadcast_add",
                    units,
                    [
                        x, other, y, from.c, from.h, from.w, b.c, b.h, b.w, to.c, to.h, to.w
                    ]
                )?;
            }
            Op::Gate => {
                let by_unit = self.units(node.inputs[1]) == units;
                self.gate(id, x, self.input(id, 1), y, by_unit, false)?;
            }
            Op::Mean { .. } => {
                let values: Vec<Address> = node.inputs.iter().map(|&id| self.value(id)).collect();
                for (i, some) in values.chunks(MEANS).enumerate() {
                    self.mean(id, some, i * MEANS, y, i > 0)?;
                }
            }
            Op::Scale { factor, offset } => {
                sweep!(
                    self.builder,
                    "scale",
                    units,
                    [x, y, *factor, *offset, false]
                )?;
            }
            Op::PadShortcut { stride, .. } => {
                let front = (to.c - from.c) / 2;
                launch!(
                    self.builder,
                    "shortcut",
                    units,
                    [
                        x, y, from.c, from.h, from.w, to.c, to.h, to.w, front, *stride
                    ]
                )?;
            }
        }
        Ok(y)
    }

    /// Computes the gradients of what a layer reads, and of its weights, from that of its value.
    pub fn layer_backward(
        &mut self,
        id: NodeId,
        dy: Address,
        gradients: &mut GradBuffers,
    ) -> Result<()> {
        let node = self.node(id);
        let (to, units) = (self.maps(id), self.units(id));
        let Some(&input) = node.inputs.first() else {
            return Ok(());
        };
        let (x, from, places) = (self.value(input), self.maps(input), self.places(input));
        match &node.op {
            unknown!() => unreachable!("the network was refused"),
            Op::Input => unreachable!("it reads nothing"),
            Op::Conv(_) | Op::Linear { .. } | Op::BatchNorm { .. } => {
                unreachable!("it leads a group, be it alone")
            }
            &Op::Lrn(Lrn {
                size,
                alpha,
                beta,
                k,
            }) => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    let taken = self.builder.floats(units)?;
                    let factor = 2.0 * alpha * beta;
                    launch!(
                        self.builder,
                        "lrn_taken",
                        units,
                        [x, dy, taken, to.c, size, alpha, beta, k]
                    )?;
                    launch!(
                        self.builder,
                        "lrn_backward",
                        units,
                        [x, dy, taken, dx, to.c, size, alpha, beta, k, factor, add]
                    )?;
                }
            }
            Op::Activation(activation) => {
                let (y, rows) = (self.value(id), self.rows(id));
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    match kind(*activation) {
                        Some(kind) => sweep!(
                            self.builder,
                            "activate_backward",
                            units,
                            [y, dy, dx, kind, add]
                        )?,
                        None => launch!(
                            self.builder,
                            "softmax_backward",
                            rows,
                            [y, dy, dx, to.c, add]
                        )?,
                    }
                }
            }
            Op::MaxPool { window } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    let between = [dy.into(), self.kept[id].into(), dx.into()];
                    self.slide(
                        "max_pool_backward",
                        places,
                        id,
                        window,
                        &between,
                        &[add.into()],
                    )?;
                }
            }
            Op::AvgPool {
                window,
                count_include_pad,
            } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    let (between, last) = (
                        [dy.into(), dx.into()],
                        [(*count_include_pad).into(), add.into()],
                    );
                    self.slide("avg_pool_backward", places, id, window, &between, &last)?;
                }
            }
            Op::AdaptiveAvgPool { .. } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    if to.plane() == 1 {
                        return self.map_spread(input, dy, 1.0 / from.plane() as f64, dx, add);
                    }
                    launch!(
                        self.builder,
                        "cells_backward",
                        places,
                        [dy, dx, to.c, from.h, from.w, to.h, to.w, add]
                    )?;
                }
            }
            Op::Subsample { window } => {
                self.subsample_weights(id, window, x, dy, gradients)?;
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    let weight = self.float(id, 0);
                    let between = [dy.into(), weight.into(), dx.into()];
                    self.slide(
                        "subsample_backward",
                        places,
                        id,
                        window,
                        &between,
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
                        [x, codes, dy, dx, from.c, *out, add]
                    )?;
                }
            }
            Op::Dropout { p } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    self.dropout(id, *p, dy, dx, add)?;
                }
            }
            Op::Flatten if is_flat(from) => gradients.accumulate(self, input, dy)?,
            Op::Flatten => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    launch!(
                        self.builder,
                        "flatten_backward",
                        units,
                        [dy, dx, from.c, from.plane(), add]
                    )?;
                }
            }
            Op::Concat => {
                let mut at = 0;
                for &input in &node.inputs {
                    let (c, places) = (self.maps(input).c, self.places(input));
                    if let Some((dx, add)) = gradients.slot(self, input)? {
                        self.copy_channels(places, dy, dx, [to.c, at, c, 0, c], add)?;
                    }
                    at += c;
                }
            }
            Op::Slice { from: first, .. } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    if !add {
                        launch!(self.builder, "clear", self.units(input), [dx])?;
                    }
                    let places = self.places(id);
                    self.copy_channels(places, dy, dx, [to.c, 0, from.c, *first, to.c], add)?;
                }
            }
            Op::Add => {
                // the second takes a copy, as the first may take the gradient itself
                if let Some((dx, add)) = gradients.slot(self, node.inputs[1])? {
                    sweep!(self.builder, "scale", units, [dy, dx, 1.0, 0.0, add])?;
                }
                gradients.accumulate(self, input, dy)?;
            }
            Op::BroadcastAdd => {
                for &input in &node.inputs {
                    let (from, units) = (self.maps(input), self.units(input));
                    if let Some((dx, add)) = gradients.slot(self, input)? {
                        launch!(
                            self.builder,
                            "broadcast_add_backward",
                            units,
                            [dy, dx, from.c, from.h, from.w, to.c, to.h, to.w, add]
                        )?;
                    }
                }
            }
            Op::Gate => {
                let gate = node.inputs[1];
                let (gates, by_unit) = (self.value(gate), self.units(gate) == units);
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    self.gate(id, dy, gates, dx, by_unit, add)?;
                }
                match gradients.slot(self, gate)? {
                    Some((dgate, add)) if by_unit => self.gate(id, dy, x, dgate, true, add)?,
                    Some((dgate, add)) => {
                        self.map_sums(id, [x.into(), dy.into()], 1.0, dgate, add)?;
                    }
                    None => {}
                }
            }
            Op::Mean { .. } => {
                for (i, &input) in node.inputs.iter().enumerate() {
                    if let Some((dx, add)) = gradients.slot(self, input)? {
                        self.mean(id, &[dy], i, dx, add)?;
                    }
                }
            }
            Op::Scale { factor, .. } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    sweep!(self.builder, "scale", units, [dy, dx, *factor, 0.0, add])?;
                }
            }
            Op::PadShortcut { stride, .. } => {
                if let Some((dx, add)) = gradients.slot(self, input)? {
                    let (units, front) = (self.units(input), (to.c - from.c) / 2);
                    launch!(
                        self.builder,
                        "shortcut_backward",
                        units,
                        [
                            dy, dx, from.c, from.h, from.w, to.c, to.h, to.w, front, *stride, add
                        ]
                    )?;
                }
            }
        }
        Ok(())
    }
}

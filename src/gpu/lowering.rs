//! What both passes of a network are written with: the layers' sizes and values.

use super::builder::{KernelArg, ProgramBuilder};
use super::constants::Constants;
use super::weights::Weights;
use super::{Address, GpuError};
use crate::graph::{Graph, Node, NodeId, Window};
use crate::net::Norm;
use std::collections::BTreeMap;

/// A network, and what is written of its program.
pub(super) struct Lowering<'a> {
    pub graph: &'a Graph,
    pub batch: usize,
    pub weights: &'a Weights,
    pub mode: Mode<'a>,
    pub builder: ProgramBuilder,
    /// The values of the layers, as far as there are any.
    pub values: Vec<Option<Address>>,
    /// What a layer keeps besides for its backward pass: a normalisation its scale and shift, a product its input
    /// among zeros, a maximum where it was.
    pub kept: Vec<Option<Address>>,
}

/// What a program is for.
#[derive(Clone, Copy)]
pub(super) enum Mode<'a> {
    /// Prediction, with a factor and a summand of each normalisation's channels.
    Eval {
        folded: &'a BTreeMap<NodeId, [Address; 2]>,
    },
    /// A step.
    Train {
        norm: Norm,
        constants: &'a Constants,
    },
}

/// The value of a layer for one sample: channels, rows and columns.
#[derive(Clone, Copy)]
pub(super) struct Maps {
    pub c: usize,
    pub h: usize,
    pub w: usize,
}

impl Maps {
    pub fn plane(self) -> usize {
        self.h * self.w
    }

    /// Units of one sample.
    pub fn units(self) -> usize {
        self.c * self.plane()
    }
}

impl<'a> Lowering<'a> {
    /// Of an empty program.
    pub fn new(
        graph: &'a Graph,
        batch: usize,
        weights: &'a Weights,
        mode: Mode<'a>,
        builder: ProgramBuilder,
    ) -> Lowering<'a> {
        let layers = graph.nodes().len();
        Lowering {
            graph,
            batch,
            weights,
            mode,
            builder,
            values: vec![None; layers],
            kept: vec![None; layers],
        }
    }

    pub fn node(&self, id: NodeId) -> &'a Node {
        &self.graph.nodes()[id]
    }

    pub fn maps(&self, id: NodeId) -> Maps {
        let shape = self.node(id).shape;
        let [h, w] = shape.extent();
        Maps {
            c: shape.channels(),
            h,
            w,
        }
    }

    /// Units of a layer in the batch.
    pub fn units(&self, id: NodeId) -> usize {
        self.batch * self.maps(id).units()
    }

    /// Units of a channel of a layer in the batch.
    pub fn rows(&self, id: NodeId) -> usize {
        self.batch * self.maps(id).plane()
    }

    /// Rows of a layer in the batch, by blocks of its channels: threads of a kernel that takes a block each.
    pub fn places(&self, id: NodeId) -> usize {
        self.rows(id) * self.builder.blocks(self.maps(id).c)
    }

    /// The value of a layer.
    pub fn value(&self, id: NodeId) -> Address {
        self.values[id].expect("a layer's value is written before it is read")
    }

    /// The value of the i-th input of a layer.
    pub fn input(&self, id: NodeId, i: usize) -> Address {
        self.value(self.node(id).inputs[i])
    }

    /// A tensor of the weights that a layer uses, as `float`, if it has so many.
    pub fn float(&self, id: NodeId, which: usize) -> Option<Address> {
        self.weights.float(self.graph.owner(id), which)
    }

    /// Where the gradient of a tensor that a layer uses goes.
    pub fn gradient(&self, id: NodeId, which: usize) -> Address {
        let place = self.weights.gradient(self.graph.owner(id), which);
        place.expect("a layer that is reached learns")
    }

    /// Runs a kernel over windows, which it is handed between what comes before and behind them.
    pub fn slide(
        &mut self,
        kernel: &'static str,
        threads: usize,
        id: NodeId,
        window: &Window,
        before: &[KernelArg],
        behind: &[KernelArg],
    ) -> Result<(), GpuError> {
        let (from, to) = (self.maps(self.node(id).inputs[0]), self.maps(id));
        let fault = |what: String| GpuError::Network([&self.node(id).path, ": ", &what].concat());
        let [down, across] = [
            window.axis(0, from.h).map_err(fault)?,
            window.axis(1, from.w).map_err(fault)?,
        ];
        let mut arguments = before.to_vec();
        let mut say =
            |sizes: &[usize]| arguments.extend(sizes.iter().map(|&size| KernelArg::Size(size)));
        say(&[from.c, from.h, from.w, to.h, to.w]);
        say(&[window.kernel, window.stride, window.dilation].concat());
        say(&[down.before, across.before, down.after, across.after]);
        arguments.extend_from_slice(behind);
        arguments.push(threads.into());
        self.builder.launch(kernel, threads, &arguments)
    }
}

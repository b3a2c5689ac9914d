//! Where do values and their gradients stand while a program is built, and which gradients are there already?

use super::super::phases::{Phase, phases};
use super::{Step, Work};
use crate::cpu::LANES;
use crate::cpu::algorithm::Algorithm;
use crate::cpu::layout::Layout;
use crate::cpu::memory::{Memory, Place};
use crate::cpu::places::Places;
use crate::graph::{Conv, Graph, NodeId, Op};
use std::collections::BTreeMap;
use std::ops::Range;

/// A program while it is being built.
pub(super) struct Builder<'a> {
    pub(super) graph: &'a Graph,
    pub(super) places: Places<'a>,
    pub(super) samples: usize,
    pub(super) steps: Vec<Step>,
    pub(super) memory: Memory,
    /// The piece of each root's gradients.
    pub(super) gradients: BTreeMap<NodeId, usize>,
    /// Which blocks of a root's gradients have been written.
    pub(super) started: BTreeMap<NodeId, Vec<bool>>,
    /// By root, zeros beside the rows of gradients.
    pub(super) gaps: Vec<usize>,
    pub(super) required: Vec<bool>,
    /// Images as planes, of convolutions that read them.
    pub(super) planes: BTreeMap<NodeId, Place>,
}

impl<'a> Builder<'a> {
    pub(super) fn step(
        &mut self,
        node: NodeId,
        work: Work,
        reads: Vec<Place>,
        writes: Option<Place>,
    ) {
        self.steps.push(Step {
            work,
            node,
            reads,
            writes,
        });
    }

    pub(super) fn op(&self, id: NodeId) -> &'a Op {
        &self.graph.nodes()[id].op
    }

    pub(super) fn inputs(&self, id: NodeId) -> &'a [NodeId] {
        &self.graph.nodes()[id].inputs
    }

    /// The place of a value.
    pub(super) fn place(&mut self, id: NodeId) -> Place {
        self.memory.place(&self.places, id)
    }

    /// How the gradient of a value stands.
    pub(super) fn gradient_layout(&self, id: NodeId) -> Layout {
        let (root, _) = self.places.home(id);
        Layout {
            gap: self.gaps[root],
            ..self.places.layout(id)
        }
    }

    /// Some blocks of the gradient of a value.
    pub(super) fn some_of_gradient(&mut self, id: NodeId, blocks: Range<usize>) -> Place {
        let (root, first) = self.places.home(id);
        let piece = match self.gradients.get(&root) {
            Some(&piece) => piece,
            None => {
                let units = self.gradient_layout(root).units();
                let piece = self.memory.piece(units);
                self.gradients.insert(root, piece);
                piece
            }
        };
        let all = self.gradient_layout(id);
        let layout = Layout {
            lanes: all.lanes[blocks.start * LANES..blocks.end * LANES].into(),
            ..all
        };
        let from = (first + blocks.start) * layout.block();
        Place {
            units: from..from + layout.units(),
            layout,
            piece,
        }
    }

    pub(super) fn blocks(&self, id: NodeId) -> usize {
        self.places.layout(id).blocks()
    }

    /// Which blocks of the gradient of a value have been written.
    pub(super) fn started(&mut self, id: NodeId) -> &mut [bool] {
        let (root, first) = self.places.home(id);
        let (all, own) = (self.blocks(root), self.blocks(id));
        let started = self.started.entry(root).or_insert_with(|| vec![false; all]);
        &mut started[first..first + own]
    }

    /// Where a gradient of a value goes, and whether it is added to what is there; nothing where none is required.
    pub(super) fn slot(&mut self, id: NodeId) -> Option<(Place, bool)> {
        if !self.required[id] {
            return None;
        }
        let any = self.started(id).contains(&true);
        if any {
            self.complete(id);
        }
        self.started(id).fill(true);
        let blocks = self.blocks(id);
        Some((self.some_of_gradient(id, 0..blocks), any))
    }

    /// Zeros in those blocks of a gradient that have not been written.
    pub(super) fn complete(&mut self, id: NodeId) {
        let missing: Vec<usize> = (self.started(id).iter().enumerate())
            .filter_map(|(block, &started)| (!started).then_some(block))
            .collect();
        for block in missing {
            let place = self.some_of_gradient(id, block..block + 1);
            self.step(id, Work::Zero, Vec::new(), Some(place));
        }
        self.started(id).fill(true);
    }

    /// The gradient of a value, if there is one.
    pub(super) fn gradient(&mut self, id: NodeId) -> Option<Place> {
        if !self.required[id] || !self.started(id).contains(&true) {
            return None;
        }
        self.complete(id);
        let blocks = self.blocks(id);
        Some(self.some_of_gradient(id, 0..blocks))
    }

    /// Hands a gradient on that nothing else needs: it stays where it is, if it can.
    pub(super) fn give(&mut self, from: NodeId, dy: &Place, id: NodeId) {
        if !self.required[id] {
            return;
        }
        let (root, _) = self.places.home(id);
        let whole = self.blocks(root) == self.blocks(id);
        let (from_root, _) = self.places.home(from);
        let alone = self.blocks(from_root) == self.blocks(from);
        let fresh = !self.started(id).contains(&true) && !self.gradients.contains_key(&root);
        if whole && alone && fresh && root != from_root && self.gradient_layout(id) == dy.layout {
            self.gradients.insert(root, dy.piece);
            self.started(id).fill(true);
            return;
        }
        self.copy(from, dy, id);
    }

    /// Hands a gradient on that is needed elsewhere.
    pub(super) fn copy(&mut self, from: NodeId, dy: &Place, id: NodeId) {
        let Some((dx, add)) = self.slot(id) else {
            return;
        };
        let work = match dx.layout.lanes == dy.layout.lanes {
            true => Work::Pass { add },
            false => Work::Relane {
                channels: self.graph.nodes()[id].shape.channels(),
                add,
            },
        };
        self.step(from, work, vec![dy.clone()], Some(dx));
    }

    /// The dimensions of values' tensors.
    pub(super) fn dims(&self, ids: &[NodeId]) -> Vec<Vec<usize>> {
        let shapes = ids.iter().map(|&id| self.graph.nodes()[id].shape);
        shapes.map(|shape| shape.of_batch(self.samples)).collect()
    }

    /// A convolution that runs on blocks, and the parts of its input's gradient.
    pub(super) fn convolution(&self, id: NodeId) -> Option<(&'a Conv, Vec<Phase>)> {
        let Op::Conv(conv) = self.op(id) else {
            return None;
        };
        let node = &self.graph.nodes()[id];
        let input = self.graph.input_of(node);
        // a block has too many groups
        if conv.groups > 1 && input.channels() / conv.groups < 4 {
            return None;
        }
        let planes = self.places.convolutions.algorithm(id) == Some(Algorithm::Planes);
        if planes && (conv.window.dilation != [1, 1] || self.required[node.inputs[0]]) {
            return None;
        }
        let axes = self.places.convolutions.axes(&conv.window, node);
        Some((conv, phases(&conv.window, axes, input.extent())?))
    }
}

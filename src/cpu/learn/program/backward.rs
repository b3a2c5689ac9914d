//! The steps that compute gradients, from the last group to the first.

use super::super::gradient::WeightGradient;
use super::super::phases::Phase;
use super::Work;
use super::builder::Builder;
use crate::cpu::direct::{Direct, Source};
use crate::cpu::layout::Layout;
use crate::cpu::memory::Place;
use crate::cpu::pool::Pool;
use crate::cpu::product::Product;
use crate::cpu::winograd::Winograd;
use crate::graph::{Activation, Conv, FusedGroup, NodeId, Op};

impl Builder<'_> {
    /// In which tiles the gradient of a convolution's input is filtered, if it is.
    pub(super) fn tile_back(&self, id: NodeId, conv: &Conv, phases: &[Phase]) -> Option<usize> {
        if phases.len() > 1 {
            return None;
        }
        let input = self.graph.input_of(&self.graph.nodes()[id]);
        let channels = [conv.out, input.channels()];
        self.places
            .convolutions
            .tile(conv, input.extent(), channels)
    }

    /// Zeros beside the gradients that convolutions with turned weights read.
    pub(super) fn settle_gaps(&mut self, groups: &[FusedGroup]) {
        for group in groups {
            let Some((conv, phases)) = self.convolution(group.first) else {
                continue;
            };
            let required = self.required[self.inputs(group.first)[0]];
            if !required || self.tile_back(group.first, conv, &phases).is_some() {
                continue;
            }
            let width = self.graph.nodes()[group.first].shape.extent()[1];
            let beside = phases.iter().map(|phase| phase.beside(width)).max();
            let (root, _) = self.places.home(group.last);
            self.gaps[root] = self.gaps[root].max(beside.unwrap_or(0));
        }
    }

    pub(super) fn seed(&mut self, id: NodeId) {
        if let Some((place, add)) = self.slot(id) {
            self.step(id, Work::Seed { add }, Vec::new(), Some(place));
        }
    }

    /// The gradients of what a group reads, if there is one of its value.
    pub(super) fn backward(&mut self, group: &FusedGroup) {
        let (id, last) = (group.first, group.last);
        let node = &self.graph.nodes()[id];
        if matches!(node.op, Op::Input) || self.places.hands_on(id) {
            return;
        }
        let Some(dy) = self.gradient(last) else {
            return;
        };
        match &node.op {
            Op::BatchNorm { .. } => {
                let mut relu = group.relu;
                if let Some(residual) = group.residual {
                    if relu {
                        let y = self.place(last);
                        self.step(last, Work::Mask, vec![y], Some(dy.clone()));
                    }
                    relu = false;
                    self.give(last, &dy, residual);
                }
                let x = self.place(node.inputs[0]);
                let slot = self.slot(node.inputs[0]);
                let (dx, add) = slot.map_or((None, false), |(dx, add)| (Some(dx), add));
                self.step(id, Work::NormBack { relu, add }, vec![x, dy], dx);
            }
            Op::Conv(_) if self.convolution(id).is_some() => {
                if group.relu {
                    let y = self.place(last);
                    self.step(last, Work::Mask, vec![y], Some(dy.clone()));
                }
                self.convolve_back(id, &dy);
            }
            Op::Activation(Activation::Relu) => {
                let y = self.place(last);
                self.step(id, Work::Mask, vec![y], Some(dy.clone()));
                self.give(id, &dy, node.inputs[0]);
            }
            Op::Add if self.alike(id) => {
                self.copy(id, &dy, node.inputs[1]);
                self.give(id, &dy, node.inputs[0]);
            }
            Op::MaxPool { .. } | Op::AvgPool { .. } => {
                let (x, y) = (self.place(node.inputs[0]), self.place(id));
                if let Some((dx, add)) = self.slot(node.inputs[0]) {
                    let pooling = Box::new(self.pooling(id, y.layout.clone()));
                    let reads = match pooling.pool {
                        Pool::Max => vec![dy, x, y],
                        Pool::Mean { .. } => vec![dy],
                    };
                    self.step(id, Work::PoolBack { pooling, add }, reads, Some(dx));
                }
            }
            Op::AdaptiveAvgPool { output: [1, 1] } => {
                if let Some((dx, add)) = self.slot(node.inputs[0]) {
                    self.step(id, Work::Spread { add }, vec![dy], Some(dx));
                }
            }
            Op::Concat => {
                let mut first = 0;
                for (i, &input) in node.inputs.iter().enumerate() {
                    let blocks = first..first + self.blocks(input);
                    first = blocks.end;
                    let (_, there) = self.places.part(id, i);
                    if !there {
                        let part = self.some_of_gradient(id, blocks);
                        // its channels have the numbers of the concatenation's
                        let part = Place {
                            layout: Layout {
                                lanes: self.places.layout(input).lanes,
                                ..part.layout
                            },
                            ..part
                        };
                        self.copy(id, &part, input);
                    }
                }
            }
            Op::Flatten => {
                if let Some((dx, add)) = self.slot(node.inputs[0]) {
                    self.step(id, Work::Unflatten { add }, vec![dy], Some(dx));
                }
            }
            op => {
                let kept = op.kind().backward;
                let mut reads = vec![dy];
                if kept.inputs {
                    reads.extend(node.inputs.iter().map(|&input| self.place(input)));
                }
                if kept.output {
                    reads.push(self.place(id));
                }
                // a value that is read twice gets two gradients one after the other
                let inputs = node.inputs.iter().map(|&input| self.slot(input)).collect();
                let back = Work::PlainBack {
                    dims: self.dims(&node.inputs),
                    kept: [kept.inputs, kept.output],
                    inputs,
                };
                self.step(id, back, reads, None);
            }
        }
    }

    pub(super) fn convolve_back(&mut self, id: NodeId, dy: &Place) {
        let (conv, phases) = self.convolution(id).expect("it was asked");
        let input = self.inputs(id)[0];
        let (node, convolutions) = (&self.graph.nodes()[id], &self.places.convolutions);
        let window = convolutions.taps(conv, node);
        let [inputs, outputs] = convolutions.group(conv, node);
        let (x, source) = match self.planes.get(&id) {
            Some(planes) => {
                let channels = self.graph.nodes()[input].shape.channels();
                (
                    planes.clone(),
                    Source::Planes(planes.layout.clone(), channels),
                )
            }
            None => {
                let x = self.place(input);
                let source = Source::Blocks(x.layout.clone());
                (x, source)
            }
        };
        let extent = self.graph.nodes()[id].shape.extent();
        let m = match &source {
            Source::Blocks(_) => {
                self.places
                    .convolutions
                    .gradient_tile(conv, extent, [inputs, outputs])
            }
            Source::Planes(..) => None,
        };
        let weights = WeightGradient::new(window, source, dy.layout.clone(), [inputs, outputs], m);
        let weights = Work::WeightGradient(Box::new(weights));
        self.step(id, weights, vec![x, dy.clone()], None);
        let Some((dx, add)) = self.slot(input) else {
            return;
        };
        let direct = |phase: &Phase, output: Layout| {
            let (source, of_group) = (Source::Blocks(dy.layout.clone()), [outputs, inputs]);
            let direct = Direct::new(phase.window, source, output, of_group, false, (None, None));
            Product::direct(direct, phase.taps.clone())
        };
        if let [phase] = &phases[..] {
            let product = match self.tile_back(id, conv, &phases) {
                Some(m) => {
                    let layouts = [&dy.layout, &dx.layout];
                    let winograd = Winograd::new(m, phase.window.before, layouts, false, None);
                    Product::winograd(winograd, phase.taps.clone())
                }
                None => direct(phase, dx.layout.clone()),
            };
            let product = Work::Product {
                product: Box::new(product.summing(add)),
                turned: true,
            };
            self.step(id, product, vec![dy.clone()], Some(dx));
            return;
        }
        let (mut remainders, mut reads) = (Vec::new(), Vec::new());
        for phase in phases {
            if phase.taps.is_empty() || phase.extent.contains(&0) {
                continue;
            }
            let layout = Layout {
                height: phase.extent[0],
                width: phase.extent[1],
                gap: 0,
                ..dx.layout.clone()
            };
            let product = direct(&phase, layout.clone());
            let to = self.memory.passing(layout);
            let product = Work::Product {
                product: Box::new(product),
                turned: true,
            };
            self.step(id, product, vec![dy.clone()], Some(to.clone()));
            remainders.push(phase.remainder);
            reads.push(to);
        }
        let interleave = Work::Interleave {
            remainders,
            stride: conv.window.stride,
            add,
        };
        self.step(id, interleave, reads, Some(dx));
    }
}

//! The steps that compute outputs, group by group.

use super::Work;
use super::builder::Builder;
use crate::cpu::algorithm::Algorithm;
use crate::cpu::direct::{Direct, Source};
use crate::cpu::layout::Layout;
use crate::cpu::memory::Place;
use crate::cpu::pool::{Pool, Pooling};
use crate::cpu::product::Product;
use crate::cpu::units::Each;
use crate::cpu::winograd::Winograd;
use crate::graph::{Activation, FusedGroup, NodeId, Op, Window};

impl<'a> Builder<'a> {
    pub(super) fn forward(&mut self, group: &FusedGroup) {
        let id = group.first;
        let node = &self.graph.nodes()[id];
        let to = self.place(group.last);
        let reads = |builder: &mut Self| -> Vec<Place> {
            let inputs = node.inputs.iter();
            inputs.map(|&input| builder.place(input)).collect()
        };
        match &node.op {
            Op::Input => {
                let mut readers = self.graph.nodes().iter().enumerate();
                let in_blocks = readers.any(|(reader, node)| {
                    node.inputs.contains(&id)
                        && (self.places.convolutions.algorithm(reader) != Some(Algorithm::Planes)
                            || self.convolution(reader).is_none())
                });
                let is_output = self.graph.outputs().iter().any(|output| output.node == id);
                if in_blocks || is_output {
                    let images = Work::Blocks(node.shape.channels());
                    self.step(id, images, Vec::new(), Some(to));
                }
            }
            Op::Conv(_) if self.convolution(id).is_some() => self.convolve(group, to),
            Op::BatchNorm { .. } => {
                let mut reads = reads(self);
                if let Some(residual) = group.residual {
                    let residual = self.in_lanes(residual, &to.layout);
                    reads.push(residual);
                }
                self.step(id, Work::Norm { relu: group.relu }, reads, Some(to));
            }
            Op::Activation(Activation::Relu) => {
                let each = Each::new(to.layout.clone(), None, true);
                let reads = reads(self);
                self.step(id, Work::Each(each), reads, Some(to));
            }
            Op::Add if self.alike(id) => {
                let each = Each::new(to.layout.clone(), None, false);
                let reads = reads(self);
                self.step(id, Work::Each(each), reads, Some(to));
            }
            Op::MaxPool { .. } | Op::AvgPool { .. } => {
                let pooling = self.pooling(id, to.layout.clone());
                let reads = reads(self);
                self.step(id, Work::Pool(Box::new(pooling)), reads, Some(to));
            }
            Op::AdaptiveAvgPool { output: [1, 1] } => {
                let reads = reads(self);
                self.step(id, Work::Mean, reads, Some(to));
            }
            Op::Concat => {
                for (i, &input) in node.inputs.iter().enumerate() {
                    let (at, there) = self.places.part(id, i);
                    if !there {
                        let x = self.place(input);
                        let part = to.part(at, &x.layout);
                        self.step(id, Work::Copy, vec![x], Some(part));
                    }
                }
            }
            _ if self.places.hands_on(id) => {}
            Op::Flatten => {
                let reads = reads(self);
                self.step(id, Work::Flatten, reads, Some(to));
            }
            _ => {
                let reads = reads(self);
                let dims = self.dims(&node.inputs);
                self.step(id, Work::Plain { dims }, reads, Some(to));
            }
        }
    }

    /// Whether both operands of a layer have their channels in the same lanes as it has.
    pub(super) fn alike(&mut self, id: NodeId) -> bool {
        let own = self.places.layout(id).lanes;
        let mut inputs = self.inputs(id).iter();
        inputs.all(|&input| self.places.layout(input).lanes == own)
    }

    /// The same value with channels in those lanes.
    pub(super) fn in_lanes(&mut self, id: NodeId, of: &Layout) -> Place {
        let place = self.place(id);
        if place.layout.lanes == of.lanes {
            return place;
        }
        let to = self.memory.passing(place.layout.with_lanes_of(of));
        let relane = Work::Relane {
            channels: self.graph.nodes()[id].shape.channels(),
            add: false,
        };
        self.step(id, relane, vec![place], Some(to.clone()));
        to
    }

    pub(super) fn pooling(&self, id: NodeId, output: Layout) -> Pooling {
        let node = &self.graph.nodes()[id];
        let input = self.graph.input_of(node).extent();
        let of = |pool: Pool, window: &Window| {
            let axes = self.places.convolutions.axes(window, node);
            Pooling::new(pool, window, axes, input, output)
        };
        match &node.op {
            Op::MaxPool { window } => of(Pool::Max, window),
            Op::AvgPool {
                window,
                count_include_pad,
            } => {
                let count_pad = *count_include_pad;
                of(Pool::Mean { count_pad }, window)
            }
            _ => unreachable!("it is a pooling"),
        }
    }

    pub(super) fn convolve(&mut self, group: &FusedGroup, to: Place) {
        let id = group.first;
        let (conv, _) = self.convolution(id).expect("it was asked");
        let node = &self.graph.nodes()[id];
        let input = self.graph.input_of(node);
        let taps = || (0..conv.window.taps()).collect();
        let convolutions = &self.places.convolutions;
        let (window, of_group) = (
            convolutions.taps(conv, node),
            convolutions.group(conv, node),
        );
        let direct = |source, output| {
            let direct = Direct::new(window, source, output, of_group, group.relu, (None, None));
            Product::direct(direct, taps())
        };
        let (product, x) = match self.places.convolutions.algorithm(id) {
            Some(Algorithm::Planes) => {
                let layout = self.places.convolutions.planes(conv, node);
                let planes = self.memory.planes(layout.clone(), input.channels());
                let images = Work::Planes(input.channels());
                self.step(id, images, Vec::new(), Some(planes.clone()));
                self.planes.insert(id, planes.clone());
                let source = Source::Planes(layout, input.channels());
                (direct(source, to.layout.clone()), planes)
            }
            Some(Algorithm::Winograd(m)) => {
                let x = self.place(node.inputs[0]);
                let layouts = [&x.layout, &to.layout];
                let winograd = Winograd::new(m, window.before, layouts, group.relu, None);
                (Product::winograd(winograd, taps()), x)
            }
            _ => {
                let x = self.place(node.inputs[0]);
                let source = Source::Blocks(x.layout.clone());
                (direct(source, to.layout.clone()), x)
            }
        };
        let product = Work::Product {
            product: Box::new(product),
            turned: false,
        };
        self.step(id, product, vec![x], Some(to));
    }
}

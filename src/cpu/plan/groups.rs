//! The steps of each group of layers.

use super::super::LANES;
use super::super::algorithm::Algorithm;
use super::super::direct::{Before, Direct, Source, Taps};
use super::super::layout::Layout;
use super::super::memory::Place;
use super::super::pool::{Pool, Pooling};
use super::super::product::Product;
use super::super::units::{Each, Lanes, Line};
use super::super::weights::Weights;
use super::super::weights::of_table;
use super::super::winograd::Winograd;
use super::{Builder, Work, of_lanes};
use crate::graph::{Activation, Conv, FusedGroup, NodeId, Op};
use crate::ops::activation::of_unit;
use crate::ops::{View, view};
use candle_core::Tensor;
use std::borrow::Cow;
use std::collections::BTreeMap;

impl Builder<'_> {
    pub(super) fn group(&mut self, group: &FusedGroup) -> candle_core::Result<()> {
        let (id, node) = (group.first, &self.graph.nodes()[group.first]);
        let to = self.place(group.last);
        match &node.op {
            Op::Input => {
                // images are read as they are by convolutions that take planes
                let mut readers = self.graph.nodes().iter().enumerate();
                let in_blocks = readers.any(|(reader, node)| {
                    node.inputs.contains(&id)
                        && self.places.convolutions.algorithm(reader) != Some(Algorithm::Planes)
                });
                if in_blocks || self.graph.outputs()[0].node == id {
                    self.step(id, Work::Blocks(node.shape.channels()), Vec::new(), to);
                }
            }
            Op::Conv(conv) => {
                let algorithm = self
                    .places
                    .convolutions
                    .algorithm(id)
                    .expect("it is a convolution");
                self.convolution(group, conv, algorithm, to)?;
            }
            Op::Linear { .. } => self.linear(group, to)?,
            Op::BatchNorm { .. } => {
                let lines = self.lines(group, &to.layout)?;
                let each = Each::new(to.layout.clone(), Some(lines), group.relu);
                let x = self.place(node.inputs[0]);
                let reads = self.reads(group, vec![x], &to);
                self.step(id, Work::Each(each), reads, to);
            }
            Op::Activation(Activation::Relu) => {
                let each = Each::new(to.layout.clone(), None, true);
                let x = self.place(node.inputs[0]);
                self.step(id, Work::Each(each), vec![x], to);
            }
            Op::Activation(activation) if let Some(function) = of_unit(*activation) => {
                let x = self.place(node.inputs[0]);
                self.step(id, Work::Map(function), vec![x], to);
            }
            Op::Add => {
                let each = Each::new(to.layout.clone(), None, false);
                let x = self.place(node.inputs[0]);
                let other = self.in_lanes(node.inputs[1], &to.layout);
                self.step(id, Work::Each(each), vec![x, other], to);
            }
            Op::Gate => {
                let lines = match group.norm {
                    Some(_) => Some(self.lines(group, &to.layout)?),
                    None => None,
                };
                let each = Each::new(to.layout.clone(), lines, group.relu);
                let x = self.place(node.inputs[0]);
                let gates = self.in_lanes(node.inputs[1], &to.layout);
                let reads = self.reads(group, vec![x, gates], &to);
                self.step(id, Work::Gate(each), reads, to);
            }
            Op::Slice { from, .. } => self.lanes(id, 1, |channel| Some(channel + from), to),
            Op::PadShortcut { stride, .. } => {
                let channels = self.graph.input_of(node).channels();
                let front = (node.shape.channels() - channels) / 2;
                let of = |channel: usize| channel.checked_sub(front).filter(|&of| of < channels);
                self.lanes(id, *stride, of, to);
            }
            Op::MaxPool { window } => self.pool(id, window, Pool::Max, to),
            Op::AvgPool {
                window,
                count_include_pad,
            } => {
                let count_pad = *count_include_pad;
                self.pool(id, window, Pool::Mean { count_pad }, to);
            }
            Op::AdaptiveAvgPool { output: [1, 1] } => {
                let x = self.place(node.inputs[0]);
                self.step(id, Work::Mean, vec![x], to);
            }
            Op::Concat => {
                for (i, &input) in node.inputs.iter().enumerate() {
                    let (at, there) = self.places.part(id, i);
                    if !there {
                        let x = self.place(input);
                        let part = to.part(at, &x.layout);
                        self.step(id, Work::Copy, vec![x], part);
                    }
                }
            }
            _ if self.places.hands_on(id) => {}
            Op::Flatten => {
                let x = self.place(node.inputs[0]);
                self.step(id, Work::Flatten, vec![x], to);
            }
            op => {
                let reads: Vec<Place> = node.inputs.iter().map(|&id| self.place(id)).collect();
                let plain = Work::Plain {
                    op: op.clone(),
                    dims: (node.inputs.iter())
                        .map(|&id| self.graph.nodes()[id].shape.of_batch(self.samples))
                        .collect(),
                    weights: self.net.weights_of(id).to_vec(),
                };
                self.step(id, plain, reads, to);
            }
        }
        Ok(())
    }

    /// The normalisations that convolutions compute as they read: by convolution.
    pub(super) fn normalised_by_readers(
        &self,
        groups: &[FusedGroup],
    ) -> BTreeMap<NodeId, FusedGroup> {
        let nodes = self.graph.nodes();
        let output = self.graph.outputs()[0].node;
        let mut found = BTreeMap::new();
        for norm in groups {
            let is_norm = matches!(nodes[norm.first].op, Op::BatchNorm { .. });
            if !is_norm || norm.residual.is_some() || norm.last == output {
                continue;
            }
            let mut readers = groups.iter().filter(|group| {
                let mut reads = group.reads(self.graph);
                reads.any(|read| read == norm.last)
            });
            let (Some(reader), None) = (readers.next(), readers.next()) else {
                continue;
            };
            let x = nodes[norm.first].inputs[0];
            if reader.residual != Some(norm.last)
                && self.places.can_normalise(reader.first, x, reader)
            {
                found.insert(reader.first, norm.clone());
            }
        }
        found
    }

    /// Of each block the factor and the summand of each lane by which a group is normalised.
    fn lines(&self, group: &FusedGroup, layout: &Layout) -> candle_core::Result<Vec<Line>> {
        let [scale, shift] = self.folded(group)?;
        let blocks = layout.lanes.chunks(LANES);
        Ok(blocks
            .map(|lanes| [of_lanes(&scale, lanes), of_lanes(&shift, lanes)])
            .collect())
    }

    /// Channels that change places.
    fn lanes(&mut self, id: NodeId, stride: usize, of: impl Fn(usize) -> Option<usize>, to: Place) {
        let x = self.place(self.graph.nodes()[id].inputs[0]);
        let lanes = Lanes::new(&x.layout, to.layout.clone(), stride, of);
        self.step(id, Work::Lanes(lanes), vec![x], to);
    }

    fn pool(&mut self, id: NodeId, window: &crate::graph::Window, pool: Pool, to: Place) {
        let node = &self.graph.nodes()[id];
        let x = self.place(node.inputs[0]);
        let axes = self.places.convolutions.axes(window, node);
        let input = [x.layout.height, x.layout.width];
        let pooling = Pooling::new(pool, window, axes, input, to.layout.clone());
        self.step(id, Work::Pool(Box::new(pooling)), vec![x], to);
    }

    /// The factor and the summand of each channel of a group's normalisation, or of its bias.
    fn folded(&self, group: &FusedGroup) -> candle_core::Result<[Vec<f32>; 2]> {
        let (scale, shift) = self.net.folded(group)?;
        let numbers = |tensor: Option<Tensor>| match tensor {
            Some(tensor) => Ok::<_, candle_core::Error>(view::<f32>(&tensor)?.to_vec()),
            None => Ok(Vec::new()),
        };
        Ok([numbers(scale)?, numbers(shift)?])
    }

    /// What a group reads, from what its first layer does.
    fn reads(&mut self, group: &FusedGroup, mut reads: Vec<Place>, to: &Place) -> Vec<Place> {
        if let Some(residual) = group.residual {
            reads.push(self.in_lanes(residual, &to.layout));
        }
        reads
    }

    fn convolution(
        &mut self,
        group: &FusedGroup,
        conv: &Conv,
        algorithm: Algorithm,
        to: Place,
    ) -> candle_core::Result<()> {
        let (id, node) = (group.first, &self.graph.nodes()[group.first]);
        let channels = self.graph.input_of(node).channels();
        let [scale, shift] = self.folded(group)?;
        let weights = &self.net.weights_of(id)[0];
        let weights: View<f32> = view(weights)?;
        let dense = conv.table.as_ref();
        let dense = dense.map(|table| of_table(table, &weights, channels, conv.window.taps()));
        let numbers = scaled(dense.as_deref().unwrap_or(&weights), &scale);
        let of_group = self.places.convolutions.group(conv, node);
        let weights = Weights {
            numbers: &numbers,
            group: of_group,
            taps: conv.window.taps(),
            turned: false,
        };
        let taps = self.places.convolutions.taps(conv, node);
        let output = to.layout.clone();
        let (input, before) = match self.normalised.get(&id).cloned() {
            None => (node.inputs[0], None),
            Some(norm) => {
                let input = self.graph.nodes()[norm.first].inputs[0];
                let layout = self.place(input).layout;
                let lines = self.lines(&norm, &layout)?;
                let relu = norm.relu;
                (input, Some(Before { lines, relu }))
            }
        };
        let residual = group.residual.map(|id| self.places.layout(id));
        let (source, x) = match algorithm {
            Algorithm::Planes => {
                let layout = self.places.convolutions.planes(conv, node);
                let planes = self.memory.planes(layout.clone(), channels);
                self.step(id, Work::Planes(channels), Vec::new(), planes.clone());
                (Source::Planes(layout, channels), planes)
            }
            Algorithm::Direct | Algorithm::Winograd(_) => {
                let x = self.place(input);
                (Source::Blocks(x.layout.clone()), x)
            }
        };
        let all = (0..conv.window.taps()).collect();
        let mut product = match algorithm {
            Algorithm::Winograd(m) => {
                let layouts = [&x.layout, &output];
                let winograd = Winograd::new(m, taps.before, layouts, group.relu, before);
                Product::winograd(winograd, all)
            }
            Algorithm::Planes | Algorithm::Direct => {
                let besides = (residual.as_ref(), before);
                let direct = Direct::new(taps, source, output, of_group, group.relu, besides);
                Product::direct(direct, all)
            }
        };
        product.pack(weights, (!shift.is_empty()).then_some(&shift));
        let reads = self.reads(group, vec![x], &to);
        self.step(id, Work::Product(product), reads, to);
        Ok(())
    }

    fn linear(&mut self, group: &FusedGroup, to: Place) -> candle_core::Result<()> {
        let (id, node) = (group.first, &self.graph.nodes()[group.first]);
        let [scale, shift] = self.folded(group)?;
        let weights: View<f32> = view(&self.net.weights_of(id)[0])?;
        let of_group = [self.graph.input_of(node).channels(), node.shape.channels()];
        let weights = Weights {
            numbers: &scaled(&weights, &scale),
            group: of_group,
            taps: 1,
            turned: false,
        };
        let taps = Taps {
            kernel: [1, 1],
            stride: [1, 1],
            dilation: [1, 1],
            before: [0, 0],
        };
        let x = self.place(node.inputs[0]);
        let source = Source::Blocks(x.layout.clone());
        let residual = group.residual.map(|id| self.places.layout(id));
        let (output, besides) = (to.layout.clone(), (residual.as_ref(), None));
        let direct = Direct::new(taps, source, output, of_group, group.relu, besides);
        let mut product = Product::direct(direct, vec![0]);
        product.pack(weights, (!shift.is_empty()).then_some(&shift));
        let reads = self.reads(group, vec![x], &to);
        self.step(id, Work::Product(product), reads, to);
        Ok(())
    }
}

/// Weights, `[out]...`, each output channel's times its factor, if there are any.
fn scaled<'a>(weights: &'a [f32], scale: &[f32]) -> Cow<'a, [f32]> {
    if scale.is_empty() {
        return Cow::Borrowed(weights);
    }
    let rows = weights.chunks_exact(weights.len() / scale.len());
    let rows = rows.zip(scale);
    rows.flat_map(|(row, scale)| row.iter().map(move |weight| weight * scale))
        .collect::<Vec<_>>()
        .into()
}

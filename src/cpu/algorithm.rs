//! By which algorithm does a convolution run, forward and back? It follows from shapes alone.

use super::LANES;
use super::direct::Taps;
use super::layout::{Layout, in_order};
use crate::graph::{Axis, Conv, Graph, Node, NodeId, Op, Window};

/// How a convolution runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// By its definition, from the planes of the input.
    Planes,
    /// By its definition.
    Direct,
    /// In tiles of so many units a side.
    Winograd(usize),
}

/// Channels of an input that is read as planes, at most.
const PLANES: usize = 4;

/// The convolutions of a graph in passes of so many samples.
pub(super) struct Convolutions<'a> {
    pub graph: &'a Graph,
    pub samples: usize,
    /// Whether Winograd's filtering may be used.
    pub winograd: bool,
    /// Whether weights are new in each pass, units are dropped, and the gradients of values stand as values do.
    pub training: bool,
}

impl Convolutions<'_> {
    /// How a convolution runs; nothing for other layers.
    pub fn algorithm(&self, id: NodeId) -> Option<Algorithm> {
        let node = &self.graph.nodes()[id];
        let Op::Conv(conv) = &node.op else {
            return None;
        };
        let input = &self.graph.nodes()[node.inputs[0]];
        let channels = [input.shape.channels(), conv.out];
        let is_plain = conv.groups == 1 && conv.table.is_none();
        if matches!(input.op, Op::Input) && is_plain && channels[0] <= PLANES {
            return Some(Algorithm::Planes);
        }
        let tile = self.tile(conv, node.shape.extent(), channels);
        Some(tile.map_or(Algorithm::Direct, Algorithm::Winograd))
    }

    /// Whether Winograd's filtering can compute a convolution, and may.
    fn filters(&self, conv: &Conv) -> bool {
        let window = &conv.window;
        let is_plain = conv.groups == 1 && conv.table.is_none();
        let steps = (window.kernel, window.stride, window.dilation);
        self.winograd && is_plain && steps == ([3, 3], [1, 1], [1, 1])
    }

    /// In which tiles the gradient of a convolution's weights is computed, if it is.
    pub fn gradient_tile(
        &self,
        conv: &Conv,
        output: [usize; 2],
        channels: [usize; 2],
    ) -> Option<usize> {
        match self.filters(conv) {
            true => gradient_tile(self.samples, output, channels),
            false => None,
        }
    }

    /// In which tiles a convolution is filtered, if it is: one with those weights, of that output, from channels to channels.
    pub fn tile(&self, conv: &Conv, output: [usize; 2], channels: [usize; 2]) -> Option<usize> {
        if !self.filters(conv) {
            return None;
        }
        let weight = match self.training {
            true => PACK,
            false => READ,
        };
        tile(self.samples, output, channels, weight)
    }

    /// Both directions of a layer's window.
    pub fn axes(&self, window: &Window, node: &Node) -> [Axis; 2] {
        let [h, w] = self.graph.input_of(node).extent();
        [(0, h), (1, w)].map(|(axis, size)| {
            let axis = window.axis(axis, size);
            axis.expect("the graph was built with it")
        })
    }

    /// Columns that a convolution sees beside its maps, on one side.
    pub fn beside(&self, conv: &Conv, node: &Node) -> usize {
        let width = self.graph.input_of(node).extent()[1];
        let across = self.axes(&conv.window, node)[1];
        let span = conv.window.span(1).expect("the graph was built with it");
        let reach = (across.output - 1) * conv.window.stride[1] + span;
        across
            .before
            .max(reach.saturating_sub(across.before + width))
    }

    /// The window of a convolution, as it slides over its input.
    pub fn taps(&self, conv: &Conv, node: &Node) -> Taps {
        let axes = self.axes(&conv.window, node);
        Taps {
            kernel: conv.window.kernel,
            stride: conv.window.stride,
            dilation: conv.window.dilation,
            before: [axes[0].before, axes[1].before],
        }
    }

    /// Channels in and out of one group.
    pub fn group(&self, conv: &Conv, node: &Node) -> [usize; 2] {
        of_group(conv, self.graph.input_of(node).channels())
    }

    /// How the rows of planes stand that a convolution reads.
    pub fn planes(&self, conv: &Conv, node: &Node) -> Layout {
        let [height, width] = self.graph.input_of(node).extent();
        Layout {
            lanes: in_order(0),
            samples: self.samples,
            height,
            width,
            gap: self.beside(conv, node),
        }
    }
}

/// Channels in and out of one group of a convolution of so many channels.
pub(super) const fn of_group(conv: &Conv, channels: usize) -> [usize; 2] {
    [channels / conv.groups, conv.out / conv.groups]
}

/// What the transforms of a tile cost for a number of a channel, in multiply-accumulates.
const TRANSFORM: usize = 7;

/// What it costs to read a weight, in the same measure: those of a layer have left the cache since the last pass.
const READ: usize = 12;

/// What it costs to transform, write and read a weight that is new in each pass.
const PACK: usize = 70;

/// Units along a side of the tiles of a convolution with 3x3 windows and stride 1, if any gain time. It depends on shapes
/// alone: channels and extent of the output, samples, and what a weight costs.
fn tile(samples: usize, output: [usize; 2], [c, k]: [usize; 2], weight: usize) -> Option<usize> {
    if c.min(k) < LANES {
        return None;
    }
    let [h, w] = output;
    // rows beyond the edges are left out
    let direct = (samples * (9 * h - 6) * w + 9 * weight) * c * k;
    let cost = |m: usize| {
        let tiles = samples * h.div_ceil(m) * w.div_ceil(m);
        let of_tile = c * k + TRANSFORM * (c + k);
        (m + 2).pow(2) * (tiles * of_tile + weight * c * k)
    };
    let better = [2, 4].into_iter().min_by_key(|&m| cost(m))?;
    // the largest tiles, whose errors are largest, have to be worth it
    let best = if 8 * cost(6) < 7 * cost(better) {
        6
    } else {
        better
    };
    (cost(best) < direct).then_some(best)
}

/// What the sum of a transformed weight costs beside its products: it is written, read, and turned back.
const SUM: usize = 600;

/// Units along a side of the tiles in which the gradient of such a convolution's weights is computed, if they gain time.
fn gradient_tile(samples: usize, output: [usize; 2], [c, k]: [usize; 2]) -> Option<usize> {
    if c.min(k) < LANES {
        return None;
    }
    let [h, w] = output;
    let direct = samples * (9 * h - 6) * w * c * k;
    let cost = |m: usize| {
        let tiles = samples * h.div_ceil(m) * w.div_ceil(m);
        (m + 2).pow(2) * (tiles * (c * k + TRANSFORM * (c + k)) + SUM * c * k)
    };
    let best = [2, 4].into_iter().min_by_key(|&m| cost(m))?;
    (cost(best) < direct).then_some(best)
}

//! The symbolic interpreter: what follows from a [`Graph`] by counting, without a tensor.
//!
//! One question, one file. A [`Quantity`] counts something layer by layer and sums over a network;
//! depth, receptive field and peak memory need the whole graph. All counts are exact, or an
//! [`Overflow`].

mod account;
mod activations;
mod depth;
mod params;
mod params_without_grad;
mod path_count;
mod receptive_field;
mod summary;

pub use account::{Account, Memory, account};
pub use activations::peak_activations;
pub use depth::depth;
pub use params_without_grad::{padded_weights, params_without_grad};
pub use path_count::{layer_links, path_count};
pub use receptive_field::{Field, feature_field, receptive_fields};
pub use summary::{FieldSummary, PadRow, Row, Summary, TensorRow, Totals, summary};

use crate::graph::{Graph, Node, NodeId};

/// A count that does not fit 64 bits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("layer `{path}`: its {quantity} exceed 2^64 - 1")]
pub struct Overflow {
    /// The layer's path.
    pub path: String,
    /// What was counted.
    pub quantity: &'static str,
}

/// Something that can be counted in each layer and summed over many.
pub struct Quantity {
    /// Its name, in measures and in reports.
    pub name: &'static str,
    /// What it counts, in a sentence.
    pub counts: &'static str,
    /// Whether only the layers count that an evaluation-mode forward pass runs.
    live_only: bool,
    /// The count in one layer; `None` beyond 64 bits.
    count: fn(&Graph, &Node) -> Option<u64>,
}

/// Every quantity, by name: a new file beside this one adds its line here.
pub const QUANTITIES: &[Quantity] = &[
    PARAMS,
    TRAINABLE,
    Quantity {
        name: "frozen",
        counts: "parameters that training leaves alone",
        live_only: false,
        count: params::frozen,
    },
    BUFFERS,
    MACS,
    Quantity {
        name: "connections",
        counts: "connections as LeCun et al. 1998 count them: each input of each unit, and its bias",
        live_only: false,
        count: |graph, node| graph.facts(node).connections,
    },
    Quantity {
        name: "neurons",
        counts: "units of the layers that compute (convolution, linear, pooling, subsampling, RBF)",
        live_only: false,
        count: |graph, node| graph.facts(node).neurons,
    },
    Quantity {
        name: "activations",
        counts: "output values of the layers, per sample",
        live_only: true,
        count: activations::activations,
    },
];

pub(crate) const PARAMS: Quantity = Quantity {
    name: "params",
    counts: "parameters, trainable and frozen",
    live_only: false,
    count: params::params,
};

pub(crate) const TRAINABLE: Quantity = Quantity {
    name: "trainable",
    counts: "parameters that training changes",
    live_only: false,
    count: params::trainable,
};

pub(crate) const BUFFERS: Quantity = Quantity {
    name: "buffers",
    counts: "running statistics of batch normalisation (the batch counter not among them)",
    live_only: false,
    count: params::buffers,
};

pub(crate) const MACS: Quantity = Quantity {
    name: "macs",
    counts: "multiply-accumulates of convolutions and linear layers, per sample, biases left out, padded taps included",
    live_only: true,
    count: |graph, node| graph.facts(node).macs,
};

impl Quantity {
    /// The count in one layer.
    ///
    /// # Errors
    /// [`Overflow`], with the layer's path.
    pub fn of(&self, graph: &Graph, node: &Node) -> Result<u64, Overflow> {
        (self.count)(graph, node).ok_or_else(|| self.overflow(node))
    }

    /// The sum over the layers that `include` picks.
    ///
    /// # Errors
    /// [`Overflow`], with the layer at which the sum left 64 bits.
    pub fn sum(&self, graph: &Graph, include: impl Fn(NodeId) -> bool) -> Result<u64, Overflow> {
        let live = graph.live();
        graph
            .nodes()
            .iter()
            .enumerate()
            .filter(|&(id, _)| (live[id] || !self.live_only) && include(id))
            .try_fold(0u64, |sum, (_, node)| {
                sum.checked_add(self.of(graph, node)?)
                    .ok_or_else(|| self.overflow(node))
            })
    }

    /// The sum over the whole network.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn total(&self, graph: &Graph) -> Result<u64, Overflow> {
        self.sum(graph, |_| true)
    }

    fn overflow(&self, node: &Node) -> Overflow {
        Overflow {
            path: node.path.clone(),
            quantity: self.name,
        }
    }
}

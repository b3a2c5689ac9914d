//! In what do two networks differ? Layer by layer, aligned; of a checkpoint, tensor by tensor.
//!
//! Layers are brought into an order that does not depend on the order of the description (`order.rs`), likened to each other
//! (`likeness.rs`), aligned (`align.rs`), and each pair is asked for what differs (`changes.rs`). Names are no part of what a
//! network computes, and neither is what training alone looks at: both are listed apart.

mod align;
mod changes;
mod constants;
mod likeness;
mod nearest;
mod order;
mod tensors;

#[cfg(test)]
mod tests;

pub use changes::{Aspect, Change};
pub use nearest::{Near, nearest, nearest_of_tensors};
pub use tensors::{Reshaped, TensorDifference, TensorRow, between, of_network};

use crate::analysis::{BUFFERS, MACS, Overflow, PARAMS, depth};
use crate::graph::{Graph, NodeId};
use serde::Serialize;

/// What differs between two networks, A and B.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Sums over A.
    pub a: Totals,
    /// Sums over B.
    pub b: Totals,
    /// Layers of both that are made otherwise, in order.
    pub changed: Vec<Changed>,
    /// Layers of both whose shapes differ since those before them do.
    pub follows: Vec<Changed>,
    /// Layers that A alone has.
    pub only_a: Vec<Alone>,
    /// Layers that B alone has.
    pub only_b: Vec<Alone>,
    /// Layers of both that differ in training alone.
    pub training: Vec<Changed>,
    /// Names of outputs, where the networks put out different layers.
    pub outputs: Option<[Vec<String>; 2]>,
    /// The same layers under other names.
    pub renamed: Vec<[String; 2]>,
    /// Pairs of layers, whether anything differs in them or not.
    pub aligned: usize,
}

/// Sums over a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Of one sample.
    pub input: String,
    /// Layers, without the inputs.
    pub layers: usize,
    /// Parameters, trainable and frozen.
    pub params: u64,
    /// Running statistics.
    pub buffers: u64,
    /// Multiply-accumulates of one sample.
    pub macs: u64,
    /// Weighted layers on the longest way to the prediction.
    pub depth: usize,
}

/// A layer of both networks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed {
    /// Its path in A.
    pub a: String,
    /// Its path in B.
    pub b: String,
    /// Its kind, in A.
    pub kind: &'static str,
    /// What differs.
    pub changes: Vec<Change>,
}

/// A layer of one network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alone {
    /// Its path.
    pub path: String,
    /// What it is, in a few words.
    pub what: String,
    /// Its output.
    pub output: String,
    /// Whether training alone looks at it, as at dropout.
    pub training: bool,
}

impl Difference {
    /// How many layers differ in what they compute, those not counted whose shapes follow from others.
    pub fn count(&self) -> usize {
        let computes = |all: &[Alone]| all.iter().filter(|one| !one.training).count();
        self.changed.len()
            + computes(&self.only_a)
            + computes(&self.only_b)
            + usize::from(self.outputs.is_some())
    }

    /// Whether both compute the same.
    pub fn is_same(&self) -> bool {
        self.count() == 0 && self.follows.is_empty()
    }

    /// Whether training differs, in layers that both have or that one has.
    pub fn differs_in_training(&self) -> bool {
        let alone = self.only_a.iter().chain(&self.only_b);
        !self.training.is_empty() || alone.into_iter().any(|one| one.training)
    }

    /// The share of layers that are the same in both.
    pub fn likeness(&self) -> f64 {
        if self.is_same() {
            return 1.0;
        }
        let most = self.a.layers.max(self.b.layers).max(1);
        let same = self.aligned.saturating_sub(self.changed.len());
        same.min(most) as f64 / most as f64
    }
}

/// What differs between two networks.
///
/// # Errors
/// [`Overflow`] where a count of one of them leaves 64 bits.
pub fn networks(a: &Graph, b: &Graph) -> Result<Difference, Overflow> {
    let (order_a, order_b) = (order::order(a), order::order(b));
    let likeness = likeness::Likeness::of((a, &order_a), (b, &order_b));
    let places = align::align(&likeness);
    let pairs: Vec<(NodeId, NodeId)> = (places.iter())
        .map(|&(i, j)| (order_a[i], order_b[j]))
        .collect();
    let found = changes::changes(a, b, &pairs);
    Ok(Difference {
        a: totals(a)?,
        b: totals(b)?,
        only_a: alone(a, &order_a, pairs.iter().map(|pair| pair.0)),
        only_b: alone(b, &order_b, pairs.iter().map(|pair| pair.1)),
        changed: found.changed,
        follows: found.follows,
        training: found.training,
        outputs: found.outputs,
        renamed: found.renamed,
        aligned: (pairs.iter())
            .filter(|pair| !a.nodes()[pair.0].inputs.is_empty())
            .count(),
    })
}

/// The layers without a partner, in order, but for those that do nothing.
fn alone(graph: &Graph, order: &[NodeId], paired: impl Iterator<Item = NodeId>) -> Vec<Alone> {
    let mut has = vec![false; graph.nodes().len()];
    paired.for_each(|id| has[id] = true);
    let needed = constants::needed(graph);
    let left = order.iter().filter(|&&id| !has[id] && needed[id]);
    left.map(|&id| {
        let node = &graph.nodes()[id];
        Alone {
            path: node.path.clone(),
            what: node.op.to_string(),
            output: node.shape.to_string(),
            training: constants::is_for_training(&node.op),
        }
    })
    .collect()
}

fn totals(graph: &Graph) -> Result<Totals, Overflow> {
    let inputs = graph.inputs().iter().map(|node| node.shape.to_string());
    Ok(Totals {
        input: inputs.collect::<Vec<_>>().join(", "),
        layers: graph.nodes().len() - graph.inputs().len(),
        params: PARAMS.total(graph)?,
        buffers: BUFFERS.total(graph)?,
        macs: MACS.total(graph)?,
        depth: depth(graph),
    })
}

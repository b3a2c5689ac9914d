//! What does a network cost by the conventions of other counters, and how much memory does it take?
//!
//! Counters differ in what they count beside the products of convolutions and linear layers: fvcore adds normalisation and
//! the mean of whole maps, thop normalisation and average pooling, ptflops biases, normalisation, pooling and functions of one
//! value.

use super::{BUFFERS, MACS, Overflow, PARAMS, peak_activations};
use crate::graph::{Drawn, Features, Graph, Node, Reference};
use serde::Serialize;

/// Bytes of a value of single precision.
const BYTES: u64 = 4;

/// Bytes that a network takes in single precision, as many as 64 bits can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// How many samples go through at once.
    pub samples: u64,
    /// Parameters and running statistics.
    pub weights: u64,
    /// Activations at most, in inference.
    pub inference: u64,
    /// Activations that a training step keeps for its backward pass.
    pub training: u64,
}

/// What a network costs, a sample, in an evaluation-mode forward pass where nothing else is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Multiply-accumulates of convolutions and linear layers.
    pub products: u64,
    /// Biases that are added: one a value.
    pub biases: u64,
    /// Normalisation: two operations a value.
    pub normalisation: u64,
    /// Pooling: one operation a value that comes in.
    pub pooling: u64,
    /// Functions of one value, such as ReLU: one operation each.
    pub functions: u64,
    /// Parameters and running statistics.
    pub stored: u64,
    /// Values alive at once in an evaluation-mode forward pass.
    pub alive: u64,
    /// Values that a training step keeps for its backward pass: what its layers read again, the input among it.
    pub kept: u64,
}

impl Account {
    /// What it takes with so many samples.
    pub fn memory(&self, samples: u64) -> Memory {
        let bytes = |values: u64, of: u64| values.saturating_mul(BYTES).saturating_mul(of);
        Memory {
            samples,
            weights: bytes(self.stored, 1),
            inference: bytes(self.alive, samples),
            training: bytes(self.kept, samples),
        }
    }
}

/// Counts them.
///
/// # Errors
/// [`Overflow`] where a count leaves 64 bits.
pub fn account(graph: &Graph) -> Result<Account, Overflow> {
    let live = graph.live();
    let mut account = Account {
        stored: PARAMS.total(graph)?.saturating_add(BUFFERS.total(graph)?),
        alive: peak_activations(graph)?,
        kept: kept(graph)?,
        ..Account::default()
    };
    for (id, node) in graph.nodes().iter().enumerate() {
        if !live[id] {
            continue;
        }
        let overflow = || overflow(node, "operations");
        let kind = node.op.kind();
        let add = |sum: &mut u64, count: Option<u64>| {
            *sum = count
                .and_then(|count| sum.checked_add(count))
                .ok_or_else(overflow)?;
            Ok::<_, Overflow>(())
        };
        let macs = MACS.of(graph, node)?;
        add(&mut account.products, Some(macs))?;
        let values = node.shape.elements();
        match kind.reference {
            Some(Reference::Conv | Reference::Linear) => {
                let connections = graph.facts(node).connections;
                let biases = connections.and_then(|all| all.checked_sub(macs));
                add(&mut account.biases, biases)?;
            }
            Some(Reference::Norm) => {
                let twice = values.and_then(|n| n.checked_mul(2));
                add(&mut account.normalisation, twice)?;
            }
            Some(Reference::Pool) => {
                add(&mut account.pooling, graph.input_of(node).elements())?;
            }
            None if is_function(node) => add(&mut account.functions, values)?,
            None => {}
        }
    }
    Ok(account)
}

/// Whether a layer computes a function of each value: it stands behind another, and its backward pass reads values again.
fn is_function(node: &Node) -> bool {
    let kind = node.op.kind();
    let reads = kind.backward.inputs || kind.backward.output;
    kind.drawn == Drawn::Behind && kind.features == Features::HandedOn && reads
}

/// The values that backward passes read, each once.
fn kept(graph: &Graph) -> Result<u64, Overflow> {
    let all = graph
        .nodes()
        .iter()
        .zip(graph.kept(true))
        .filter(|(_, is)| *is);
    all.map(|(node, _)| node).try_fold(0u64, |sum, node| {
        let values = node.shape.elements();
        values
            .and_then(|n| sum.checked_add(n))
            .ok_or_else(|| overflow(node, "activations"))
    })
}

fn overflow(node: &Node, quantity: &'static str) -> Overflow {
    Overflow {
        path: node.path.clone(),
        quantity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Shape, conv, pool};

    #[test]
    fn each_convention_counts_what_it_names() {
        let graph = Graph::build(Shape::map(2, 4, 4), |x| {
            let x = x.conv("conv", conv(3, 1)).bn("bn").relu();
            x.max_pool("pool", pool(2)).flatten().linear("fc", 5)
        });
        let is = account(&graph.unwrap()).unwrap();
        let (maps, pooled) = (3 * 16, 3 * 4);
        let own = Account {
            products: 2 * maps + 5 * pooled,
            biases: maps + 5,
            normalisation: 2 * maps,
            pooling: maps,
            functions: maps,
            stored: (2 * 3 + 3) + 4 * 3 + (5 * pooled + 5),
            alive: 2 * maps,
            // what convolution, normalisation and pooling read, what ReLU makes, what the linear layer reads, and the output
            kept: 32 + maps + maps + pooled + 5,
        };
        assert_eq!(is, own);
    }
}

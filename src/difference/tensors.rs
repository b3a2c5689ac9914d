//! In which tensors does a checkpoint differ from a network, or from another one? By name and shape; their values are not looked at.

use crate::graph::Graph;
use crate::net::checkpoint::{Alike, alike, misfit, prefix};
use candle_core::Tensor;
use serde::Serialize;
use std::collections::BTreeMap;

/// What differs between the tensors of A and those of B.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorDifference {
    /// How many tensors A has, and how many numbers in them.
    pub a: [u64; 2],
    /// How many tensors B has, and how many numbers in them.
    pub b: [u64; 2],
    /// Tensors of both that have different shapes.
    pub reshaped: Vec<Reshaped>,
    /// Tensors that A alone has.
    pub only_a: Vec<TensorRow>,
    /// Tensors that B alone has.
    pub only_b: Vec<TensorRow>,
    /// Counters, and auxiliary heads of training where the network has none, which are not compared.
    pub unused: Vec<String>,
    /// What stands in front of names of A, and of B, and is left out.
    pub prefixes: [String; 2],
}

/// A tensor of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reshaped {
    /// Its name.
    pub name: String,
    /// Its dimensions in A.
    pub a: Vec<usize>,
    /// Its dimensions in B.
    pub b: Vec<usize>,
}

/// A tensor of one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorRow {
    /// Its name.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
}

impl TensorDifference {
    /// How many tensors differ.
    pub fn count(&self) -> usize {
        self.reshaped.len() + self.only_a.len() + self.only_b.len()
    }

    /// The same from the other side.
    #[must_use]
    pub fn turned(self) -> TensorDifference {
        let [of_a, of_b] = self.prefixes;
        let turn = |Reshaped { name, a, b }| Reshaped { name, a: b, b: a };
        TensorDifference {
            a: self.b,
            b: self.a,
            reshaped: self.reshaped.into_iter().map(turn).collect(),
            only_a: self.only_b,
            only_b: self.only_a,
            unused: self.unused,
            prefixes: [of_b, of_a],
        }
    }
}

/// What differs between the tensors of a network, A, and of a checkpoint, B.
pub fn of_network(graph: &Graph, tensors: &BTreeMap<String, Tensor>) -> TensorDifference {
    let (misfit, unused) = misfit(tensors, graph);
    let ours: BTreeMap<String, Vec<usize>> = graph
        .tensors()
        .map(|(name, tensor)| (name, tensor.dims.to_vec()))
        .collect();
    let row = |name: String, shape: Option<Vec<usize>>| TensorRow {
        name,
        shape: shape.unwrap_or_default(),
    };
    let numbers = ours
        .values()
        .fold(0u64, |sum, dims| sum.saturating_add(elements(dims)));
    TensorDifference {
        a: [ours.len() as u64, numbers],
        b: counts(tensors.values()),
        reshaped: (misfit.mismatched.into_iter())
            .map(|one| Reshaped {
                name: one.name,
                a: one.expected,
                b: one.found,
            })
            .collect(),
        only_a: (misfit.missing.into_iter())
            .map(|name| {
                let shape = ours.get(&name).cloned();
                row(name, shape)
            })
            .collect(),
        only_b: (misfit.unexpected.into_iter())
            .map(|name| {
                let shape = tensors.get(&name).map(|tensor| tensor.dims().to_vec());
                row(name, shape)
            })
            .collect(),
        unused,
        prefixes: [String::new(), prefix(tensors, graph)],
    }
}

/// What differs between the tensors of two checkpoints.
pub fn between(a: &BTreeMap<String, Tensor>, b: &BTreeMap<String, Tensor>) -> TensorDifference {
    let (count_a, count_b) = (counts(a.values()), counts(b.values()));
    let Alike {
        a,
        b,
        unused,
        prefixes,
    } = alike(a, b);
    let alone = |of: &BTreeMap<String, &Tensor>, other: &BTreeMap<String, &Tensor>| {
        let alone = of.iter().filter(|(name, _)| !other.contains_key(*name));
        alone
            .map(|(name, tensor)| TensorRow {
                name: name.clone(),
                shape: tensor.dims().to_vec(),
            })
            .collect()
    };
    let reshaped = a.iter().filter_map(|(name, tensor)| {
        let other = b.get(name)?;
        (tensor.dims() != other.dims()).then(|| Reshaped {
            name: name.clone(),
            a: tensor.dims().to_vec(),
            b: other.dims().to_vec(),
        })
    });
    TensorDifference {
        reshaped: reshaped.collect(),
        only_a: alone(&a, &b),
        only_b: alone(&b, &a),
        a: count_a,
        b: count_b,
        unused,
        prefixes,
    }
}

/// How many tensors, and how many numbers in them.
fn counts<'t>(tensors: impl Iterator<Item = &'t Tensor>) -> [u64; 2] {
    tensors.fold([0, 0], |[count, numbers], tensor| {
        [count + 1, numbers.saturating_add(elements(tensor.dims()))]
    })
}

fn elements(dims: &[usize]) -> u64 {
    (dims.iter()).fold(1u64, |n, &size| n.saturating_mul(size as u64))
}

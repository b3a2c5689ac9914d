//! How like are two layers?

use super::constants::{Written, is_of_training, written};
use crate::graph::{Drawn, Graph, NodeId, Op, Reference};
use std::collections::BTreeMap;

/// Functions of one unit, of which one can stand for another.
const ACTIVATIONS: [&str; 15] = [
    "relu",
    "sigmoid",
    "tanh",
    "scaled_tanh",
    "prelu",
    "clip",
    "hard_swish",
    "hard_sigmoid",
    "silu",
    "gelu",
    "gelu_tanh",
    "leaky_relu",
    "elu",
    "softplus",
    "mish",
];

/// Of which kinds one can stand for another; 0 stands for itself alone.
fn family(op: &Op) -> u32 {
    match (op.kind().reference, op.kind().drawn) {
        (Some(Reference::Conv), _) => 1,
        (Some(Reference::Linear), _) => 2,
        (Some(Reference::Norm), _) => 3,
        (Some(Reference::Pool), _) | (None, Drawn::Pool) => 4,
        (None, Drawn::Join) => 5,
        (None, _) if ACTIVATIONS.contains(&op.name()) => 6,
        (None, _) => 0,
    }
}

/// What of a layer is compared; equal numbers are equal things, in both networks.
#[derive(Clone, Copy)]
pub(super) struct Traits {
    kind: u32,
    family: u32,
    constants: u32,
    shape: u32,
    path: u32,
    name: u32,
    /// Kind, constants and shape together.
    same: u32,
}

impl Traits {
    /// Equal where two layers do the same.
    pub(super) fn same(&self) -> u32 {
        self.same
    }

    /// Equal where two layers do the same under one name.
    pub(super) fn named(&self) -> (u32, u32) {
        (self.same, self.path)
    }

    /// Its path.
    pub(super) fn path(&self) -> u32 {
        self.path
    }

    /// Whether one can stand for the other.
    pub(super) fn is_akin(&self, other: &Traits) -> bool {
        self.kind == other.kind || self.family != 0 && self.family == other.family
    }
}

/// The layers of two networks in their order, ready to be likened.
pub(super) struct Likeness {
    pub(super) a: Vec<Traits>,
    pub(super) b: Vec<Traits>,
    /// How like two lists of constants are, in eighths, row by row; empty if there are too many lists.
    constants: Vec<u8>,
    lists: usize,
}

/// So many different lists of constants are held against each other, all with all.
const MOST_LISTS: usize = 512;
/// Constants that are all equal.
const EQUAL: u32 = 8;

/// Numbers for things, equal ones for equal things.
struct Numbers<T>(BTreeMap<T, u32>);

impl<T: Ord> Numbers<T> {
    fn of(&mut self, thing: T) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(thing).or_insert(next)
    }
}

impl Likeness {
    /// Of the layers of two networks in those orders.
    pub(super) fn of(a: (&Graph, &[NodeId]), b: (&Graph, &[NodeId])) -> Likeness {
        let mut kinds = Numbers(BTreeMap::new());
        let mut lists: Numbers<(u32, Vec<Written>)> = Numbers(BTreeMap::new());
        let mut shapes = Numbers(BTreeMap::new());
        let mut paths = Numbers(BTreeMap::new());
        let mut names = Numbers(BTreeMap::new());
        let mut sames = Numbers(BTreeMap::new());
        let mut traits = |(graph, order): (&Graph, &[NodeId])| -> Vec<Traits> {
            let each = order.iter().map(|&id| {
                let node = &graph.nodes()[id];
                let kind = kinds.of(node.op.name());
                let mut list = written(&node.op);
                list.retain(|(name, _)| !is_of_training(node.op.name(), name));
                let constants = lists.of((kind, list));
                let shape = shapes.of(node.shape.dims().to_vec());
                let name = node.path.rsplit('.').next().unwrap_or_default();
                Traits {
                    kind,
                    family: family(&node.op),
                    constants,
                    shape,
                    path: paths.of(node.path.clone()),
                    name: names.of(name.to_string()),
                    same: sames.of((constants, shape)),
                }
            });
            each.collect()
        };
        let (a, b) = (traits(a), traits(b));
        let count = lists.0.len();
        let mut constants = Vec::new();
        if count <= MOST_LISTS {
            constants = vec![0; count * count];
            for ((kind, list), &i) in &lists.0 {
                for ((other_kind, other), &j) in &lists.0 {
                    if kind == other_kind {
                        constants[i as usize * count + j as usize] = eighths(list, other);
                    }
                }
            }
        }
        Likeness {
            a,
            b,
            constants,
            lists: count,
        }
    }

    /// How well one layer stands for another; 0 if it does not.
    pub(super) fn score(&self, a: &Traits, b: &Traits) -> u32 {
        let path = a.path == b.path;
        let shape = a.shape == b.shape;
        let name = match (path, a.name == b.name) {
            (true, _) => 5,
            (false, true) => 1,
            (false, false) => 0,
        };
        let shaped = if shape { 3 } else { 0 };
        if a.kind != b.kind {
            let stands = a.family != 0 && a.family == b.family && (path || shape);
            return if stands { 2 + shaped + name } else { 0 };
        }
        let constants = match a.constants == b.constants {
            true => EQUAL,
            false => u32::from(
                (self.constants)
                    .get(a.constants as usize * self.lists + b.constants as usize)
                    .copied()
                    .unwrap_or(4),
            ),
        };
        let is_like = path || shape && constants >= EQUAL / 2 || constants >= EQUAL - 3;
        if is_like {
            4 + constants + shaped + name
        } else {
            0
        }
    }
}

/// How many constants of one kind of layer are equal, in eighths of all.
fn eighths(list: &[Written], other: &[Written]) -> u8 {
    let equal = list.iter().filter(|one| other.contains(one)).count();
    let all = list.len().max(other.len()).max(1);
    // less than all is never eight eighths
    (8 * equal / all) as u8
}

//! What differs in a layer that both networks have?

use super::Changed;
use super::constants::{CONCAT, Written, is_of_one, is_of_training, written};
use super::order::is_exchangeable;
use crate::few::few;
use crate::graph::{Graph, Node, NodeId, Op, Output};
use serde::Serialize;
use std::collections::BTreeSet;

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// Which thing: a constant by its name, or `kind`, `output`, `reads`, `weights`, or a tensor by its name.
    pub what: String,
    /// What it is in A.
    pub a: String,
    /// What it is in B.
    pub b: String,
    /// Of what it is.
    #[serde(skip)]
    pub aspect: Aspect,
}

/// Of what a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// Of what a layer is told to do.
    Made,
    /// Of a shape, which can follow from a layer before it.
    Shape,
    /// Of what training alone looks at.
    Training,
}

/// Parts that are put together are told one by one up to so many.
const MOST_READ: usize = 1_000;

/// What differs in the pairs of layers.
pub(super) struct Found {
    pub(super) changed: Vec<Changed>,
    pub(super) follows: Vec<Changed>,
    pub(super) training: Vec<Changed>,
    pub(super) outputs: Option<[Vec<String>; 2]>,
    pub(super) renamed: Vec<[String; 2]>,
}

/// What differs in pairs of layers.
pub(super) fn changes(a: &Graph, b: &Graph, pairs: &[(NodeId, NodeId)]) -> Found {
    let mut partner = vec![None; a.nodes().len()];
    let mut has_partner = vec![false; b.nodes().len()];
    for &(i, j) in pairs {
        partner[i] = Some(j);
        has_partner[j] = true;
    }
    let both = Both {
        a,
        b,
        partner,
        has_partner,
    };
    let mut found = Found {
        changed: Vec::new(),
        follows: Vec::new(),
        training: Vec::new(),
        outputs: both.outputs(),
        renamed: Vec::new(),
    };
    for &(i, j) in pairs {
        let (one, other) = (&a.nodes()[i], &b.nodes()[j]);
        let changed = |changes: Vec<Change>| Changed {
            a: one.path.clone(),
            b: other.path.clone(),
            kind: one.op.name(),
            changes,
        };
        let (training, changes): (Vec<Change>, Vec<Change>) =
            (both.of_pair(i, j).into_iter()).partition(|change| change.aspect == Aspect::Training);
        // nothing stands before an input that it could follow from
        let follows = |change: &Change| change.aspect == Aspect::Shape && !one.inputs.is_empty();
        if !training.is_empty() {
            found.training.push(changed(training));
        }
        if changes.is_empty() {
            if one.path != other.path && !one.inputs.is_empty() {
                found.renamed.push([one.path.clone(), other.path.clone()]);
            }
        } else if changes.iter().all(follows) {
            found.follows.push(changed(changes));
        } else {
            found.changed.push(changed(changes));
        }
    }
    found
}

/// Two networks, and which layers of them are the same.
struct Both<'g> {
    a: &'g Graph,
    b: &'g Graph,
    partner: Vec<Option<NodeId>>,
    has_partner: Vec<bool>,
}

impl Both<'_> {
    fn of_pair(&self, i: NodeId, j: NodeId) -> Vec<Change> {
        let (one, other) = (&self.a.nodes()[i], &self.b.nodes()[j]);
        let mut changes = of_ops(&one.op, &other.op);
        changes.extend(self.reads(i, j));
        changes.extend(self.shared(one, other));
        let shapes = [one.shape.to_string(), other.shape.to_string()];
        changes.extend(differs("output", shapes, Aspect::Shape));
        if one.op.name() == other.op.name() {
            changes.extend(self.tensors(one, other));
        }
        changes
    }

    /// The shapes of tensors that both have, and what training does with them.
    fn tensors(&self, one: &Node, other: &Node) -> Vec<Change> {
        let (ours, theirs) = (self.a.tensors_of(one), self.b.tensors_of(other));
        let mut changes = Vec::new();
        for tensor in &ours {
            let Some(same) = theirs.iter().find(|other| other.name == tensor.name) else {
                continue;
            };
            let shapes = [&tensor.dims, &same.dims].map(|dims| format!("{dims:?}"));
            changes.extend(differs(tensor.name, shapes, Aspect::Shape));
            let kinds = [tensor.kind, same.kind].map(|kind| kind.name().to_string());
            changes.extend(differs(tensor.name, kinds, Aspect::Training));
        }
        changes
    }

    /// Whose weights it uses.
    fn shared(&self, one: &Node, other: &Node) -> Option<Change> {
        let same = match (one.weights_of, other.weights_of) {
            (None, None) => true,
            (Some(a), Some(b)) => self.partner[a] == Some(b) || !self.are_known(a, b),
            _ => false,
        };
        let whose = |graph: &Graph, owner: Option<NodeId>| match owner {
            Some(owner) => format!("those of {}", graph.nodes()[owner].path),
            None => "its own".into(),
        };
        (!same).then(|| Change {
            what: "weights".into(),
            a: whose(self.a, one.weights_of),
            b: whose(self.b, other.weights_of),
            aspect: Aspect::Made,
        })
    }

    /// Whether both layers have a partner each, so that they are two layers.
    fn are_known(&self, a: NodeId, b: NodeId) -> bool {
        self.partner[a].is_some() && self.has_partner[b]
    }

    /// Inputs that are different layers of both networks. A layer between that one of them lacks is said where it stands.
    fn reads(&self, i: NodeId, j: NodeId) -> Option<Change> {
        let (one, other) = (&self.a.nodes()[i], &self.b.nodes()[j]);
        let path = |graph: &Graph, id: NodeId| graph.nodes()[id].path.clone();
        let list = |graph: &Graph, ids: &[NodeId]| {
            let paths: Vec<String> = ids.iter().map(|&id| path(graph, id)).collect();
            few(&paths, 4)
        };
        // each input with the one at its place, where places matter
        let (all_ours, all_theirs) = (read(self.a, one), read(self.b, other));
        let (mut ours, mut theirs) = (all_ours.clone(), all_theirs.clone());
        if is_exchangeable(one.op.name()) {
            let partners = all_ours.iter().filter_map(|&a| self.partner[a]);
            let (partners, read): (BTreeSet<NodeId>, BTreeSet<NodeId>) =
                (partners.collect(), all_theirs.iter().copied().collect());
            ours.retain(|&a| self.partner[a].is_none_or(|b| !read.contains(&b)));
            theirs.retain(|b| !partners.contains(b));
        } else if ours.len() == theirs.len() {
            let places = all_ours.iter().zip(&all_theirs);
            let apart = places.filter(|(a, b)| self.partner[**a] != Some(**b));
            (ours, theirs) = apart.unzip();
        }
        let differ = match ours.len() == theirs.len() {
            true => (ours.iter().zip(&theirs)).any(|(&a, &b)| self.are_known(a, b)),
            false => {
                ours.iter().all(|&a| self.partner[a].is_some())
                    && theirs.iter().all(|&b| self.has_partner[b])
            }
        };
        differ.then(|| Change {
            what: "reads".into(),
            a: list(self.a, &ours),
            b: list(self.b, &theirs),
            aspect: Aspect::Made,
        })
    }

    /// The outputs by name, if they are not the same layers.
    fn outputs(&self) -> Option<[Vec<String>; 2]> {
        let (ours, theirs) = (self.a.outputs(), self.b.outputs());
        let is_other = |(a, b): (&Output, &Output)| {
            self.partner[a.node] != Some(b.node) && self.are_known(a.node, b.node)
        };
        let differ = ours.len() != theirs.len() || ours.iter().zip(theirs).any(is_other);
        differ.then(|| {
            [(self.a, ours), (self.b, theirs)].map(|(graph, outputs)| {
                let name = |output: &Output| graph.nodes()[output.node].path.clone();
                outputs.iter().map(name).collect()
            })
        })
    }
}

/// The layers that one reads: of parts put beside parts all, whether they were put together at once or one by one.
fn read(graph: &Graph, node: &Node) -> Vec<NodeId> {
    let is_concat = |node: &Node| node.op.name() == CONCAT;
    let mut read = Vec::new();
    let mut open: Vec<NodeId> = node.inputs.iter().rev().copied().collect();
    while let Some(id) = open.pop() {
        let input = &graph.nodes()[id];
        if is_of_one(input) || is_concat(node) && is_concat(input) {
            open.extend(input.inputs.iter().rev());
        } else {
            read.push(id);
        }
        if read.len() + open.len() > MOST_READ {
            return node.inputs.clone();
        }
    }
    read
}

/// What two layers are told to do.
fn of_ops(one: &Op, other: &Op) -> Vec<Change> {
    let mut changes = Vec::new();
    if one.name() != other.name() {
        let kinds = [one, other].map(ToString::to_string);
        changes.extend(match kinds[0] == kinds[1] {
            true => differs(
                "kind",
                [one, other].map(|op| op.name().into()),
                Aspect::Made,
            ),
            false => differs("kind", kinds, Aspect::Made),
        });
    }
    let (ours, theirs) = (written(one), written(other));
    let is_same_kind = one.name() == other.name();
    for (name, value) in &ours {
        let aspect = match is_of_training(one.name(), name) {
            true => Aspect::Training,
            false => Aspect::Made,
        };
        match theirs.iter().find(|(other, _)| other == name) {
            Some((_, same)) => {
                changes.extend(differs(name, [value.clone(), same.clone()], aspect));
            }
            None if is_same_kind => {
                changes.extend(differs(name, [value.clone(), "none".into()], aspect));
            }
            None => {}
        }
    }
    if is_same_kind {
        let is_new = |(name, _): &&Written| ours.iter().all(|(own, _)| own != name);
        for (name, value) in theirs.iter().filter(is_new) {
            changes.extend(differs(name, ["none".into(), value.clone()], Aspect::Made));
        }
    }
    changes
}

fn differs(what: &str, [a, b]: [String; 2], aspect: Aspect) -> Option<Change> {
    (a != b).then(|| Change {
        what: what.to_string(),
        a,
        b,
        aspect,
    })
}

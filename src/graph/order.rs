//! In which order do the layers stand in a `state_dict`?

use super::{Node, NodeId};
use std::collections::{BTreeMap, BTreeSet};

/// The layers in `state_dict` order: PyTorch walks the tree of modules, and within each module takes
/// its children in the order in which they were registered.
pub(super) fn state_order(
    nodes: &[Node],
    registered: &BTreeMap<String, Vec<String>>,
) -> Vec<NodeId> {
    if registered.is_empty() && is_in_tree_order(nodes) {
        return (0..nodes.len()).collect();
    }
    // a module by its parent's number and its name: its own number and its rank among its siblings
    let mut modules: BTreeMap<(usize, &str), (usize, usize)> = BTreeMap::new();
    let mut children = vec![0];
    let mut ranks: Vec<(Vec<usize>, NodeId)> = Vec::with_capacity(nodes.len());
    let mut enter = |parent: usize, name| {
        *modules.entry((parent, name)).or_insert_with(|| {
            children.push(0);
            children[parent] += 1;
            (children.len() - 1, children[parent])
        })
    };
    for (id, node) in nodes.iter().enumerate() {
        let (mut module, mut scope_end, mut rank) = (0, 0, Vec::new());
        for name in node.path.split('.') {
            // a declared order takes effect when the first module of its scope appears
            for first in registered
                .get(&node.path[..scope_end])
                .into_iter()
                .flatten()
            {
                enter(module, first);
            }
            let entered = enter(module, name);
            module = entered.0;
            rank.push(entered.1);
            scope_end += name.len() + usize::from(scope_end > 0);
        }
        ranks.push((rank, id));
    }
    ranks.sort();
    ranks.into_iter().map(|(_, id)| id).collect()
}

/// Whether no scope is taken up again once another has begun: then the order of description is that
/// of the tree, as it is for nearly every network.
fn is_in_tree_order(nodes: &[Node]) -> bool {
    let mut left = BTreeSet::new();
    let mut open = "";
    for node in nodes {
        let scope = node.path.rsplit_once('.').map_or("", |(scope, _)| scope);
        if scope == open {
            continue;
        }
        left.extend(ancestors(open).filter(|scope_left| !is_within(scope, scope_left)));
        if ancestors(scope).any(|entered| left.contains(entered)) {
            return false;
        }
        open = scope;
    }
    true
}

/// A scope and all that it lies in, from the inside out, the whole network left out.
fn ancestors(scope: &str) -> impl Iterator<Item = &str> {
    let inner = Some(scope).filter(|scope| !scope.is_empty());
    std::iter::successors(inner, |scope| {
        scope.rsplit_once('.').map(|(outer, _)| outer)
    })
}

fn is_within(scope: &str, outer: &str) -> bool {
    scope
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

//! Under which path a node stands, by its name: `/layer1/layer1.0/conv1/Conv` is of the module `layer1.0.conv1`.

use super::node::Node;
use std::collections::BTreeMap;

/// Operators that compute sizes, or hand on what they get.
const BESIDE: [&str; 15] = [
    "Constant",
    "ConstantOfShape",
    "Shape",
    "Gather",
    "Cast",
    "Unsqueeze",
    "Squeeze",
    "Identity",
    "Range",
    "Where",
    "Equal",
    "Expand",
    "Size",
    "Transpose",
    "Concat",
];

/// How many nodes stand in each module.
pub(super) struct Names(BTreeMap<String, usize>);

impl Names {
    pub fn of(nodes: &[Node]) -> Names {
        let mut counts = BTreeMap::new();
        for node in nodes
            .iter()
            .filter(|node| !BESIDE.contains(&node.op.as_str()))
        {
            *counts.entry(scope(&node.name).0).or_default() += 1;
        }
        Names(counts)
    }

    /// The path of a node: its module's, where it is all that stands there.
    pub fn path(&self, node: &Node) -> String {
        let (scope, last) = scope(&node.name);
        let alone = self.0.get(&scope) == Some(&1) && !BESIDE.contains(&node.op.as_str());
        if alone && !scope.is_empty() {
            return scope;
        }
        let last = match last.is_empty() {
            true => snake(&node.op),
            false => snake(last.strip_prefix("node_").unwrap_or(&last)),
        };
        match scope.is_empty() {
            true => last,
            false => format!("{scope}.{last}"),
        }
    }
}

/// The module of a node, and what is left of its name.
fn scope(name: &str) -> (String, String) {
    let mut parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    let last = parts.pop().unwrap_or_default().to_string();
    let mut path: Vec<&str> = Vec::new();
    let mut before = "";
    for part in parts {
        // in a list a module is named after it: `layer1`, then `layer1.0`
        let own = part
            .strip_prefix(before)
            .and_then(|rest| rest.strip_prefix('.'));
        path.push(match (before, own) {
            ("", _) | (_, None) => part,
            (_, Some(own)) => own,
        });
        before = part;
    }
    (path.join("."), last)
}

/// `BatchNormalization_1` as `batch_normalization_1`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit()) {
            snake.push('_');
        }
        match c.is_alphanumeric() {
            true => snake.extend(c.to_lowercase()),
            false => snake.push('_'),
        }
        before = c;
    }
    snake
}

/// Whether a name is a key of a `state_dict`, not one that an exporter has made up.
pub(super) fn is_key(name: &str) -> bool {
    name.contains('.') && !name.contains("::") && !name.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_in_lists_are_named_once() {
        let of = |name| scope(name).0;
        assert_eq!(of("/layer1/layer1.0/conv1/Conv"), "layer1.0.conv1");
        assert_eq!(
            of("/features/features.3/features.3.0/Relu_1"),
            "features.3.0"
        );
        assert_eq!(of("/Relu_1"), "");
        assert_eq!(snake("BatchNormalization_1"), "batch_normalization_1");
    }
}

//! Differences that many layers have in common, a line each.

use super::paths::pattern;
use crate::difference::{Alone, Aspect, Change, Changed};
use std::collections::BTreeMap;

/// Longest value of a constant that is shown in full, such as that of a connection table.
const LONGEST: usize = 40;

/// A difference, and where it is.
pub(super) struct Line {
    /// In how many layers.
    pub(super) count: usize,
    /// Their paths, in short.
    pub(super) place: String,
    /// What differs.
    pub(super) what: String,
}

/// Things under keys, in the order in which keys come first.
fn by_key<T, K: Ord + Clone>(
    things: impl Iterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> Vec<Vec<T>> {
    let mut places: BTreeMap<K, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<T>> = Vec::new();
    for thing in things {
        let next = groups.len();
        let place = *places.entry(key(&thing)).or_insert(next);
        match groups.get_mut(place) {
            Some(group) => group.push(thing),
            None => groups.push(vec![thing]),
        }
    }
    groups
}

/// Layers that are made otherwise: equal changes in a line.
pub(super) fn changed(all: &[Changed]) -> Vec<Line> {
    // a shape can follow from another layer, and no two layers need to have the same
    let made = |one: &Changed| -> Vec<Change> {
        let made = one
            .changes
            .iter()
            .filter(|change| change.aspect != Aspect::Shape);
        let is_read = |change: &Change| change.what == "reads" || change.what == "weights";
        made.map(|change| match is_read(change) {
            // these name layers, of which each has its own
            true => Change {
                a: String::new(),
                b: String::new(),
                ..change.clone()
            },
            false => change.clone(),
        })
        .collect()
    };
    let groups = by_key(all.iter(), |one| (one.kind, made(one)));
    groups
        .into_iter()
        .map(|group| {
            let all = shared(&group, |_| true);
            Line {
                count: group.len(),
                place: place(&group),
                what: format!("{} {}", group[0].kind, all.join(", ")),
            }
        })
        .collect()
}

/// Layers whose shapes follow from others: in a line for each kind of layer.
pub(super) fn reshaped(all: &[Changed]) -> Vec<Line> {
    let groups = by_key(all.iter(), |one| one.kind);
    groups
        .into_iter()
        .map(|group| Line {
            count: group.len(),
            place: place(&group),
            what: format!("{} {}", group[0].kind, shared(&group, |_| true).join(", ")),
        })
        .collect()
}

/// The changes of the first of a group; those that others of the group have otherwise are marked.
fn shared(group: &[&Changed], include: impl Fn(&Change) -> bool) -> Vec<String> {
    let changes = group[0].changes.iter().filter(|change| include(change));
    changes
        .map(|change| {
            let everywhere = group.iter().all(|one| one.changes.contains(change));
            let such_as = if everywhere { "" } else { "such as " };
            format!(
                "{} {such_as}{} -> {}",
                change.what,
                short(&change.a),
                short(&change.b)
            )
        })
        .collect()
}

fn place(group: &[&Changed]) -> String {
    let a: Vec<&str> = group.iter().map(|one| one.a.as_str()).collect();
    let b: Vec<&str> = group.iter().map(|one| one.b.as_str()).collect();
    match a == b {
        true => pattern(&a),
        false => format!("{} (in B {})", pattern(&a), pattern(&b)),
    }
}

/// Layers of one network: equal ones in a line.
pub(super) fn alone(all: &[Alone]) -> Vec<Line> {
    let groups = by_key(all.iter(), |one| one.what.as_str());
    groups
        .into_iter()
        .map(|group| {
            let paths: Vec<&str> = group.iter().map(|one| one.path.as_str()).collect();
            let is_one = group.iter().all(|one| one.output == group[0].output);
            let output = match is_one {
                true => format!(", gives {}", group[0].output),
                false => String::new(),
            };
            let training = match group[0].training {
                true => " (in training alone)",
                false => "",
            };
            Line {
                count: group.len(),
                place: pattern(&paths),
                what: format!("{}{output}{training}", short(&group[0].what)),
            }
        })
        .collect()
}

/// Tensors: those of one name within their layer and of equal shapes in a line.
pub(super) fn tensors<'t>(all: impl Iterator<Item = (&'t str, String)>) -> Vec<Line> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_string();
    let groups = by_key(all, |(name, what)| (last(name), what.clone()));
    groups
        .into_iter()
        .map(|group| {
            let names: Vec<&str> = group.iter().map(|(name, _)| *name).collect();
            Line {
                count: group.len(),
                place: pattern(&names),
                what: group[0].1.clone(),
            }
        })
        .collect()
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_string(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

//! Which dicts of tensors does a pickle hold?
//!
//! A state dict by itself, or anywhere below the dict that a training script saves: under `state_dict`,
//! `model_state_dict`, `checkpoint` and there under `model`. An optimiser's state is numbered and no state
//! dict; whatever else stands beside the tensors of one is passed over.

use super::object::{Id, Object, UNREAD, View};
use super::pickle::Pickle;
use super::views::storage_of;
use super::{TOP, short};
use std::collections::BTreeMap;

/// Dicts of tensors that are read, those with most tensors first.
const MOST: usize = 16;

/// How deep a state dict may stand.
const DEEPEST: usize = 8;

/// A dict of tensors in a pickle.
pub(super) struct Found<'p> {
    /// Under which keys it stands, with points between them; [`TOP`] for the pickle itself.
    pub(super) key: String,
    pub(super) views: BTreeMap<&'p str, View>,
    /// Its other entries but dicts, and what they are.
    pub(super) foreign: BTreeMap<String, String>,
}

/// A dict, or whatever else may hold one.
struct Place {
    id: Id,
    /// The place that holds it.
    within: Option<usize>,
    /// Its key there; of items of a list, how many stand before it.
    key: Result<Id, usize>,
    depth: usize,
}

/// The dicts of tensors in the pickle.
pub(super) fn dicts<'p>(pickle: &'p Pickle) -> Result<Vec<Found<'p>>, String> {
    let places = places(pickle);
    let tensors = |place: &Place| named(pickle, place.id).filter(|(_, id)| tensor(pickle, *id));
    let mut full: Vec<(usize, &Place)> = (places.iter())
        .map(|place| (tensors(place).count(), place))
        .filter(|(count, _)| *count > 0)
        .collect();
    full.sort_by_key(|(count, _)| std::cmp::Reverse(*count)); // stable: in the file's order
    if full.is_empty() {
        return Err(without_tensors(pickle));
    }
    (full.into_iter().take(MOST))
        .map(|(_, place)| found(pickle, &places, place))
        .collect()
}

/// Every dict that can be reached by texts, once; of a list at the root, the items too.
fn places(pickle: &Pickle) -> Vec<Place> {
    let mut seen = vec![false; pickle.values.len()];
    let mut places = vec![Place {
        id: pickle.root,
        within: None,
        key: Err(0),
        depth: 0,
    }];
    let mut next = 0;
    while let Some(&Place { id, depth, .. }) = places.get(next) {
        let mut inner: Vec<(Id, Result<Id, usize>)> = Vec::new();
        match pickle.value(id) {
            Object::Dict(entries) if depth < DEEPEST => {
                let texts = entries.iter().filter(|(key, _)| is_text(pickle, *key));
                inner.extend(texts.map(|&(key, value)| (value, Ok(key))));
            }
            Object::List(items) | Object::Tuple(items) if depth == 0 => {
                inner.extend(items.iter().enumerate().map(|(i, &item)| (item, Err(i))));
            }
            _ => {}
        }
        for (id, key) in inner {
            let dict = matches!(pickle.value(id), Object::Dict(_));
            if dict && !std::mem::replace(&mut seen[id as usize], true) {
                places.push(Place {
                    id,
                    within: Some(next),
                    key,
                    depth: depth + 1,
                });
            }
        }
        next += 1;
    }
    places
}

fn is_text(pickle: &Pickle, id: Id) -> bool {
    matches!(pickle.value(id), Object::Text(_))
}

/// A dict's entries under texts.
fn named<'p>(pickle: &'p Pickle, id: Id) -> impl Iterator<Item = (&'p str, Id)> {
    let entries = match pickle.value(id) {
        Object::Dict(entries) => &entries[..],
        _ => &[],
    };
    (entries.iter()).filter_map(|&(key, value)| match pickle.value(key) {
        Object::Text(text) => Some((&**text, value)),
        _ => None,
    })
}

/// Whether that is a tensor, or was one for who wrote it.
fn tensor(pickle: &Pickle, id: Id) -> bool {
    matches!(pickle.value(id), Object::Tensor(_) | Object::Other(UNREAD))
}

fn found<'p>(pickle: &'p Pickle, places: &[Place], place: &Place) -> Result<Found<'p>, String> {
    let (mut views, mut foreign) = (BTreeMap::new(), BTreeMap::new());
    for (name, id) in named(pickle, place.id) {
        // of entries of one name the last counts
        views.remove(name);
        foreign.remove(name);
        match pickle.value(id) {
            Object::Tensor(view) => match storage_of(pickle, view)?.0.numbers.dtype {
                Some(_) => drop(views.insert(name, *view)),
                None => drop(foreign.insert(name.to_string(), UNREAD.to_string())),
            },
            Object::Dict(_) => {}
            _ => drop(foreign.insert(name.to_string(), pickle.kind(id))),
        }
    }
    Ok(Found {
        key: path(pickle, places, place),
        views,
        foreign,
    })
}

/// The keys under which a place stands.
fn path(pickle: &Pickle, places: &[Place], place: &Place) -> String {
    let (mut keys, mut place) = (Vec::new(), place);
    while let Some(within) = place.within {
        keys.push(match place.key {
            Ok(key) => match pickle.value(key) {
                Object::Text(text) => short(text),
                _ => String::new(),
            },
            Err(number) => number.to_string(),
        });
        place = &places[within];
    }
    keys.reverse();
    match keys.is_empty() {
        true => TOP.into(),
        false => keys.join("."),
    }
}

/// What a pickle without tensors holds.
fn without_tensors(pickle: &Pickle) -> String {
    const SAVE: &str = "save `model.state_dict()` alone";
    const NAMED: usize = 5;
    let kinds: Vec<String> = named(pickle, pickle.root)
        .take(NAMED)
        .map(|(name, id)| format!("{} under `{}`", pickle.kind(id), short(name)))
        .collect();
    match (pickle.root(), kinds.is_empty()) {
        (Object::Dict(_), true) => format!("holds a dict without tensors, no state dict; {SAVE}"),
        (_, true) => format!(
            "holds {}, not a state dict; {SAVE}",
            pickle.kind(pickle.root)
        ),
        _ => format!("holds {}, but no tensors; {SAVE}", kinds.join(", ")),
    }
}

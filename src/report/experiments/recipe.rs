//! A recipe in words: what all arms have in common, and what is an arm's own.

use crate::report::number::short;
use crate::train::Recipe;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Key and value in words, in the order in which people ask for them.
type Words = Vec<(String, String)>;

/// What is asked for first; the others follow by name.
const FIRST: [&str; 8] = [
    "data",
    "images",
    "optimizer",
    "schedule",
    "warm_up",
    "batch",
    "epochs",
    "order",
];

/// What all recipes have in common, and of each what not all have. The model is left out.
pub(super) fn compared(recipes: &[&Recipe]) -> (Words, Vec<Words>) {
    let all: Vec<BTreeMap<String, Value>> = recipes.iter().map(|recipe| keys(recipe)).collect();
    let shared = |key: &String, value: &Value| all.iter().all(|one| one.get(key) == Some(value));
    let words = |one: &BTreeMap<String, Value>, common: bool| -> Words {
        let mut chosen: Vec<(&String, &Value)> = one
            .iter()
            .filter(|&(key, value)| shared(key, value) == common)
            .collect();
        chosen.sort_by_key(|(key, _)| FIRST.iter().position(|first| first == key).unwrap_or(99));
        chosen
            .into_iter()
            // what is not there is said only where others have it
            .filter(|(_, value)| !common || !is_nothing(value))
            .map(|(key, value)| (key.replace('_', " "), text(value)))
            .collect()
    };
    let common = all.first().map(|one| words(one, true)).unwrap_or_default();
    (common, all.iter().map(|one| words(one, false)).collect())
}

fn keys(recipe: &Recipe) -> BTreeMap<String, Value> {
    let json = serde_json::to_value(recipe).unwrap_or_default();
    let keys = json.as_object().cloned().unwrap_or_default();
    keys.into_iter().filter(|(key, _)| key != "model").collect()
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(n) => match n.as_u64() {
            Some(n) => n.to_string(),
            None => short(n.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => text.clone(),
        Value::Array(all) if all.is_empty() => "none".into(),
        Value::Array(all) => all.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(all) => object(all),
    }
}

/// Its parts, the rate before the others: `{ sgd = { rate = 0.1 } }` is sgd (rate 0.1).
fn object(all: &Map<String, Value>) -> String {
    let mut parts: Vec<_> = all.iter().filter(|(_, value)| !is_nothing(value)).collect();
    parts.sort_by_key(|(key, _)| *key != "rate");
    let parts = parts.into_iter().map(|(key, value)| {
        let key = key.replace('_', " ");
        match value {
            Value::Bool(_) => key,
            Value::Object(_) => format!("{key} ({})", text(value)),
            _ => format!("{key} {}", text(value)),
        }
    });
    parts.collect::<Vec<_>>().join(", ")
}

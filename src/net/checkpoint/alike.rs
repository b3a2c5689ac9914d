//! Which tensors of two checkpoints are the same ones?

use super::names::{Names, counter};
use candle_core::Tensor;
use std::collections::BTreeMap;

/// The tensors of two checkpoints under names that both have.
pub struct Alike<'t> {
    /// Those of the first.
    pub a: BTreeMap<String, &'t Tensor>,
    /// Those of the second.
    pub b: BTreeMap<String, &'t Tensor>,
    /// Counters of either, which are no weights.
    pub unused: Vec<String>,
    /// What stands in front of the names of the first, and of the second, and is left out.
    pub prefixes: [String; 2],
}

/// Brings the names of two checkpoints together: what wrappers put in front of one of them is dropped.
pub fn alike<'t>(a: &'t BTreeMap<String, Tensor>, b: &'t BTreeMap<String, Tensor>) -> Alike<'t> {
    // as torchvision has them now, and without what wrappers put in between
    let plain = |tensors: &'t BTreeMap<String, Tensor>| -> BTreeMap<String, &'t Tensor> {
        let none = Names {
            prefix: String::new(),
        };
        let named = tensors.iter();
        named
            .map(|(full, tensor)| (none.ours(full).unwrap_or_else(|| full.clone()), tensor))
            .collect()
    };
    let (plain_a, plain_b) = (plain(a), plain(b));
    let of_a = Names::of(a, &|name| plain_b.contains_key(name)).prefix;
    let of_b = Names::of(b, &|name| plain_a.contains_key(name)).prefix;
    let mut unused = Vec::new();
    let mut cut = |tensors: BTreeMap<String, &'t Tensor>, prefix: &str| {
        let mut kept = BTreeMap::new();
        for (name, tensor) in tensors {
            let short = name.strip_prefix(prefix).unwrap_or(&name).to_string();
            match counter(&name, tensor) {
                true => unused.push(name),
                false => drop(kept.insert(short, tensor)),
            }
        }
        kept
    };
    Alike {
        a: cut(plain_a, &of_a),
        b: cut(plain_b, &of_b),
        unused,
        prefixes: [of_a, of_b],
    }
}

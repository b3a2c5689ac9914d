//! How do a checkpoint's names become those of a network?
//!
//! Whoever wraps a network puts a prefix in front of its names: `module.` (DataParallel), `_orig_mod.`
//! (torch.compile), `model.` (Lightning), one before the other; whoever wraps a part of it, in between. Tools leave
//! their counters between the weights.

use candle_core::Tensor;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Parts that a prefix may have.
const DEEPEST: usize = 16;

/// A name that is longer is no network's.
const LONGEST: usize = 1000;

/// The names of a checkpoint, as a network has them.
pub(super) struct Names {
    /// What stands in front of them.
    pub(super) prefix: String,
}

impl Names {
    /// Those of tensors whose network has names that `known` tells: the prefix is that in front of most of
    /// them, the shortest if two are equally good.
    pub(super) fn of(tensors: &BTreeMap<String, Tensor>, known: &dyn Fn(&str) -> bool) -> Names {
        let mut prefixes: BTreeMap<String, usize> = BTreeMap::new();
        for name in tensors.keys() {
            let now = current(name);
            let starts = std::iter::once(0).chain(now.match_indices('.').map(|(at, _)| at + 1));
            for start in starts.take(DEEPEST).filter(|&start| known(&now[start..])) {
                *prefixes.entry(now[..start].to_string()).or_default() += 1;
            }
        }
        let best = (prefixes.into_iter())
            .max_by_key(|(prefix, count)| (*count, std::cmp::Reverse(prefix.len())));
        Names {
            prefix: best.map_or(String::new(), |(prefix, _)| prefix),
        }
    }

    /// The network's name for a tensor of that name, if it has the prefix.
    pub(super) fn ours(&self, name: &str) -> Option<String> {
        Some(current(name).strip_prefix(&*self.prefix)?.to_string())
    }
}

/// Whether a tensor that the network lacks counts something: batches (PyTorch), models of an average
/// (`AveragedModel`), operations (thop); a whole number by itself is never a weight.
pub(super) fn counter(name: &str, tensor: &Tensor) -> bool {
    const COUNTERS: [&str; 4] = [
        "num_batches_tracked",
        "n_averaged",
        "total_ops",
        "total_params",
    ];
    let last = name.rsplit('.').next().unwrap_or(name);
    COUNTERS.contains(&last) || tensor.rank() == 0 && !tensor.dtype().is_float()
}

/// The scope of an auxiliary head in torchvision's and timm's GoogLeNet and Inception-v3, if a name lies in
/// one. Evaluation does not run them, and no other published network has scopes of these names.
pub(super) fn auxiliary(name: &str) -> Option<&'static str> {
    const AUXILIARY: [&str; 3] = ["aux1", "aux2", "AuxLogits"];
    let (scope, _) = name.split_once('.')?;
    AUXILIARY.into_iter().find(|auxiliary| *auxiliary == scope)
}

/// A name without what wrappers put in the middle of it, and as torchvision has it now.
fn current(name: &str) -> Cow<'_, str> {
    if name.len() > LONGEST {
        return Cow::Borrowed(name);
    }
    match unwrapped(name) {
        Cow::Borrowed(name) => dotless(name),
        Cow::Owned(name) => Cow::Owned(dotless(&name).into_owned()),
    }
}

/// A name without the wrappers of a part of the network: `features.module.0.weight` is `features.0.weight`.
fn unwrapped(name: &str) -> Cow<'_, str> {
    const WRAPPERS: [&str; 4] = [
        "module",
        "_orig_mod",
        "_fsdp_wrapped_module",
        "_checkpoint_wrapped_module",
    ];
    let wrapper = |part: &&str| WRAPPERS.contains(part);
    let mut parts = name.split('.').skip_while(wrapper);
    if !parts.any(|part| wrapper(&part)) {
        return Cow::Borrowed(name);
    }
    let front = name.split('.').take_while(wrapper);
    let rest = name.split('.').skip_while(wrapper);
    let kept: Vec<&str> = front.chain(rest.filter(|part| !wrapper(part))).collect();
    Cow::Owned(kept.join("."))
}

/// The name that torchvision has for a tensor now: in DenseNet, `denselayer1.norm.1.weight` is
/// `denselayer1.norm1.weight` since dots in names of modules are not allowed.
fn dotless(name: &str) -> Cow<'_, str> {
    let mut parts = name.rsplitn(5, '.');
    if let (Some(tensor), Some(number @ ("1" | "2")), Some(kind @ ("norm" | "conv")), Some(layer)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
        && layer.starts_with("denselayer")
    {
        let before = &name[..name.len() - tensor.len() - number.len() - kind.len() - 2];
        return Cow::Owned(format!("{before}{kind}{number}.{tensor}"));
    }
    Cow::Borrowed(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    fn prefix(names: &[&str], network: &[&str]) -> String {
        let tensor = Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
        let tensors = names.iter().map(|name| (name.to_string(), tensor.clone()));
        let tensors = tensors.collect();
        let names = Names::of(&tensors, &|name| network.contains(&name));
        names.prefix
    }

    #[test]
    fn a_prefix_is_what_stands_before_most_names() {
        let network = ["a.weight", "a.bias", "b.a.weight"];
        for (names, expected) in [
            (&["a.weight", "a.bias", "b.a.weight"][..], ""),
            (&["module.a.weight", "module.a.bias"], "module."),
            (&["module._orig_mod.a.weight"], "module._orig_mod."),
            (&["model.a.weight", "model.a.bias", "a.weight"], "model."),
            (&["ema.a.weight", "a.weight"], ""),
            (&["strange"], ""),
            (&[], ""),
        ] {
            assert_eq!(prefix(names, &network), expected, "{names:?}");
        }
        assert_eq!(current("module.a.module.0._orig_mod.w"), "module.a.0.w");
        assert_eq!(prefix(&["module.b.module.a.weight"], &network), "module.");
        let dense = ["features.denselayer1.norm1.weight"];
        let old = ["module.features.denselayer1.norm.1.weight"];
        assert_eq!(prefix(&old, &dense), "module.");
    }
}

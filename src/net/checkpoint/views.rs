//! Which tensors does a pickle describe?
//!
//! A state dict's tensors are views of storages: an offset, a size and strides. Each becomes a tensor
//! of its own, once it is known to lie within the bytes of its storage.

use super::object::{Id, Object, Storage, View, count};
use super::pickle::Pickle;
use super::{elements, short, tensor};
use candle_core::Tensor;
use std::collections::BTreeMap;

/// Tensors may share storages. A file whose tensors take more than this many times its own size is
/// none that training writes.
const SHARED: usize = 4;

/// More dimensions than any layer's weights have.
const MOST_DIMS: usize = 8;

/// The text of that number.
pub(super) fn text<'a>(pickle: &Pickle<'a>, id: Id) -> Result<&'a str, String> {
    match pickle.value(id) {
        Object::Text(text) => Ok(text),
        other => Err(format!("has {} where a text belongs", other.kind())),
    }
}

/// The last entry of a dict under that key.
pub(super) fn entry_of<'p, 'a>(
    pickle: &'p Pickle<'a>,
    dict: Id,
    name: &str,
) -> Option<&'p Object<'a>> {
    let Object::Dict(entries) = pickle.value(dict) else {
        return None;
    };
    (entries.iter().rev())
        .find(|(key, _)| *pickle.value(*key) == Object::Text(name))
        .map(|(_, value)| pickle.value(*value))
}

/// The tensors of the pickle's state dict: what it describes, or the entry under one of the names
/// that training scripts give it.
pub(super) fn state_dict<'a>(pickle: &Pickle<'a>) -> Result<BTreeMap<&'a str, View>, String> {
    let nested = ["state_dict", "model"].into_iter().find_map(|name| {
        entry_of(pickle, pickle.root, name).filter(|value| matches!(value, Object::Dict(_)))
    });
    let Object::Dict(entries) = nested.unwrap_or(pickle.root()) else {
        return Err(format!("holds {}, not a state dict", pickle.root().kind()));
    };
    let mut views = BTreeMap::new();
    for &(key, value) in entries {
        let name = text(pickle, key)?;
        match pickle.value(value) {
            Object::Tensor(view) => views.insert(name, *view),
            other => {
                return Err(format!(
                    "holds {} under `{}`, where a state dict has tensors (it may also stand under `state_dict` or `model`)",
                    other.kind(),
                    short(name)
                ));
            }
        };
    }
    Ok(views)
}

/// A view's storage, and the text under which the file has it.
pub(super) fn storage_of<'a>(
    pickle: &Pickle<'a>,
    view: &View,
) -> Result<(Storage, &'a str), String> {
    match pickle.value(view.storage) {
        Object::Storage(storage) => Ok((*storage, text(pickle, storage.key)?)),
        other => Err(format!("has {} where a storage belongs", other.kind())),
    }
}

/// The views' tensors; `length` is that of the file.
pub(super) fn tensors(
    pickle: &Pickle,
    views: &BTreeMap<&str, View>,
    storages: &BTreeMap<&str, &[u8]>,
    length: usize,
) -> Result<BTreeMap<String, Tensor>, String> {
    let mut room = length.saturating_mul(SHARED);
    (views.iter())
        .map(|(name, view)| {
            let made = materialise(pickle, view, storages, &mut room);
            let tensor = made.map_err(|what| format!("tensor `{}`: {what}", short(name)))?;
            Ok((name.to_string(), tensor))
        })
        .collect()
}

/// One view's tensor, contiguous; its bytes are taken from `room`.
fn materialise(
    pickle: &Pickle,
    view: &View,
    storages: &BTreeMap<&str, &[u8]>,
    room: &mut usize,
) -> Result<Tensor, String> {
    let (storage, key) = storage_of(pickle, view)?;
    let (dims, strides) = (numbers(pickle, view.size)?, numbers(pickle, view.stride)?);
    if dims.len() != strides.len() {
        return Err(format!(
            "has {} strides for {} dimensions",
            strides.len(),
            dims.len()
        ));
    }
    let size = storage.dtype.size_in_bytes();
    let bytes = elements(&dims).and_then(|n| n.checked_mul(size));
    let bytes = bytes
        .filter(|bytes| bytes <= room)
        .ok_or_else(|| format!("{dims:?} numbers are more than a file of this size can share"))?;
    *room -= bytes;
    if bytes == 0 {
        return tensor(storage.dtype, &dims, &[]);
    }
    let data = (storages.get(key)).ok_or_else(|| format!("no storage `{}`", short(key)))?;
    let stored = data.len() / size;
    // the last number that it reaches, counted from the storage's start
    let last = (dims.iter().zip(&strides))
        .try_fold(view.offset, |last, (&d, &stride)| {
            last.checked_add((d as u64 - 1).checked_mul(stride as u64)?)
        })
        .filter(|&last| last < storage.count)
        .and_then(|last| last.checked_add(storage.start))
        .filter(|&last| last < stored as u64);
    if last.is_none() {
        return Err(format!(
            "{dims:?} at {} with strides {strides:?} reaches beyond its storage of {} numbers ({stored} in the file)",
            view.offset, storage.count
        ));
    }
    // fits: it is not beyond `last`
    let first = (storage.start + view.offset) as usize;
    if contiguous(&dims, &strides) {
        let from = first * size;
        return tensor(storage.dtype, &dims, &data[from..from + bytes]);
    }
    let mut gathered = Vec::with_capacity(bytes);
    let mut index = vec![0; dims.len()];
    let mut at = first;
    loop {
        gathered.extend_from_slice(&data[at * size..(at + 1) * size]);
        // the next number in row-major order
        let Some(axis) = (0..dims.len())
            .rev()
            .find(|&axis| index[axis] + 1 < dims[axis])
        else {
            return tensor(storage.dtype, &dims, &gathered);
        };
        index[axis] += 1;
        index[axis + 1..].fill(0);
        at = first
            + (index.iter().zip(&strides))
                .map(|(i, stride)| i * stride)
                .sum::<usize>();
    }
}

/// Whether the numbers lie in the file as they do in the tensor.
fn contiguous(dims: &[usize], strides: &[usize]) -> bool {
    let mut run = 1;
    (dims.iter().zip(strides).rev()).all(|(&d, &stride)| {
        let fits = d == 1 || stride == run;
        run *= d;
        fits
    })
}

/// A short tuple of counts.
fn numbers(pickle: &Pickle, id: Id) -> Result<Vec<usize>, String> {
    let Object::Tuple(items) = pickle.value(id) else {
        return Err("its size or strides are no tuple".into());
    };
    if items.len() > MOST_DIMS {
        return Err(format!(
            "has {} dimensions; {MOST_DIMS} are read",
            items.len()
        ));
    }
    (items.iter())
        .map(|&item| {
            let n = count(&pickle.values, item)?;
            usize::try_from(n).map_err(|_| format!("has {n} in its size or strides"))
        })
        .collect()
}

//! Which tensors does a pickle describe?
//!
//! A state dict's tensors are views of storages: an offset, a size and strides. Each becomes a tensor
//! of its own, once it is known to lie within the bytes of its storage.

use super::object::{Id, Object, Storage, UNREAD, View, count};
use super::pickle::Pickle;
use super::{elements, short, tensor};
use candle_core::{DType, Tensor};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Tensors may share storages. A file whose tensors take more than this many times its own size is
/// none that training writes.
const SHARED: usize = 4;

/// More dimensions than any layer's weights have.
const MOST_DIMS: usize = 8;

/// The storages of a file by the texts under which it has them.
pub(super) type Storages<'k, 'a> = BTreeMap<&'k str, Cow<'a, [u8]>>;

/// The text of that number.
pub(super) fn text<'p>(pickle: &'p Pickle, id: Id) -> Result<&'p str, String> {
    match pickle.value(id) {
        Object::Text(text) => Ok(text),
        _ => Err(format!("has {} where a text belongs", pickle.kind(id))),
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
        .find(|(key, _)| pickle.value(*key).is(name))
        .map(|(_, value)| pickle.value(*value))
}

/// A view's storage, and the text under which the file has it.
pub(super) fn storage_of<'p>(
    pickle: &'p Pickle,
    view: &View,
) -> Result<(Storage, &'p str), String> {
    match pickle.value(view.storage) {
        Object::Storage(storage) => Ok((*storage, text(pickle, storage.key)?)),
        _ => Err(format!(
            "has {} where a storage belongs",
            pickle.kind(view.storage)
        )),
    }
}

/// How many bytes tensors may take, of a file of that length whose storages are that long.
pub(super) fn room(file: usize, storages: &Storages) -> usize {
    let unpacked = |bytes: &Cow<[u8]>| match bytes {
        Cow::Borrowed(_) => 0,
        Cow::Owned(bytes) => bytes.len(),
    };
    (file.saturating_mul(SHARED)).saturating_add(storages.values().map(unpacked).sum())
}

/// The views' tensors; their bytes are taken from `room`.
pub(super) fn tensors(
    pickle: &Pickle,
    views: &BTreeMap<&str, View>,
    storages: &Storages,
    room: &mut usize,
) -> Result<BTreeMap<String, Tensor>, String> {
    (views.iter())
        .map(|(name, view)| {
            let made = materialise(pickle, view, storages, room);
            let tensor = made.map_err(|what| format!("tensor `{}`: {what}", short(name)))?;
            Ok((name.to_string(), tensor))
        })
        .collect()
}

/// One view's tensor, contiguous; its bytes are taken from `room`.
fn materialise(
    pickle: &Pickle,
    view: &View,
    storages: &Storages,
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
    let dtype: DType = storage.numbers.dtype.ok_or(UNREAD)?;
    let size = dtype.size_in_bytes();
    let bytes = elements(&dims).and_then(|n| n.checked_mul(size));
    let bytes = bytes
        .filter(|bytes| bytes <= room)
        .ok_or_else(|| format!("{dims:?} numbers are more than a file of this size can share"))?;
    *room -= bytes;
    if bytes == 0 {
        return tensor(dtype, &dims, &[]);
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
        return tensor(dtype, &dims, &data[from..from + bytes]);
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
            return tensor(dtype, &dims, &gathered);
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

//! Weights and constants: which there are, and their numbers.

use super::Archive;
use super::schema::{Size, TensorMeta};
use crate::foreign::{Number, Numbers};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// How many times as many bytes as the file all tensors may have.
const SHARED: u64 = 8;

/// Entries by key.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    /// By key of the `state_dict`.
    pub config: BTreeMap<String, Entry>,
}

/// A tensor that is kept.
#[derive(Deserialize)]
pub(super) struct Entry {
    /// The file of its storage.
    pub path_name: String,
    /// Whether it is a parameter.
    #[serde(default)]
    pub is_param: bool,
    /// Whether it is kept as a pickle, which is not read.
    #[serde(default)]
    pub use_pickle: bool,
    /// Type, sizes and strides.
    pub tensor_meta: TensorMeta,
}

impl Entry {
    /// What says that two entries are one tensor: where its bytes are, and how it lies in them.
    pub fn identity(&self) -> (String, Vec<Option<i64>>) {
        let meta = &self.tensor_meta;
        let sizes = meta
            .sizes
            .iter()
            .chain(&meta.strides)
            .chain(&meta.storage_offset);
        (self.path_name.clone(), sizes.map(|size| size.0).collect())
    }

    /// Its dimensions.
    ///
    /// # Errors
    /// One that is no size.
    pub fn dims(&self) -> Result<Vec<usize>, String> {
        sizes(&self.tensor_meta.sizes)
    }
}

/// Sizes as numbers.
///
/// # Errors
/// One that is none.
pub(super) fn sizes(sizes: &[Size]) -> Result<Vec<usize>, String> {
    let size = |size: &Size| size.0.and_then(|size| usize::try_from(size).ok());
    let sizes: Option<Vec<usize>> = sizes.iter().map(size).collect();
    sizes.ok_or_else(|| "it has a size that is no number".into())
}

/// The tensors of a file by key, weights and constants, as they are stored.
///
/// # Errors
/// What is wrong with the file, in a line.
pub fn weights(path: &Path) -> Result<BTreeMap<String, Numbers>, String> {
    let mut archive = Archive::open(path)?;
    let mut tensors = BTreeMap::new();
    // several may lie in one storage, and strides of 0 make many numbers of few
    let mut room = archive.length.saturating_mul(SHARED);
    for (config, folder) in archive.kept()?.into_iter().zip(["weights", "constants"]) {
        for (key, entry) in config.config {
            if key.ends_with("num_batches_tracked") {
                continue;
            }
            let name = format!("{}data/{folder}/{}", archive.root, entry.path_name);
            let read = archive
                .bytes(&name)
                .and_then(|bytes| tensor(&entry, &bytes));
            let read = read.and_then(|tensor| {
                let left = room.checked_sub(tensor.bytes.len() as u64);
                room = left.ok_or_else(|| {
                    format!(
                        "with it the tensors have more than {SHARED} times the bytes of the file"
                    )
                })?;
                Ok(tensor)
            });
            let tensor = read
                .map_err(|what| format!("its tensor `{}`: {what}", crate::visible::line(&key)))?;
            tensors.insert(key, tensor);
        }
    }
    Ok(tensors)
}

/// A tensor of the bytes of its storage.
fn tensor(entry: &Entry, bytes: &[u8]) -> Result<Numbers, String> {
    if entry.use_pickle {
        return Err("it is kept as a pickle, which may run programs and is not read".into());
    }
    let meta = &entry.tensor_meta;
    let (dims, strides) = (entry.dims()?, sizes(&meta.strides)?);
    let offset = match meta.storage_offset {
        None => 0,
        Some(offset) => sizes(&[offset])?[0],
    };
    if strides.len() != dims.len() {
        return Err("it has strides for another number of axes".into());
    }
    let (number, width) = match meta.dtype {
        5 => (Number::I64, 8),
        6 => (Number::F16, 2),
        7 => (Number::F32, 4),
        8 => (Number::F64, 8),
        13 => (Number::Bf16, 2),
        other => {
            return Err(format!(
                "its numbers are of type {other} of PyTorch's schema, which cannot be weights"
            ));
        }
    };
    let ordered = in_order(bytes, width, &dims, &strides, offset)?;
    Ok(Numbers {
        number,
        dims,
        bytes: ordered,
    })
}

/// The bytes of numbers of so many bytes each, wherever they lie in a storage, one after the other.
fn in_order(
    bytes: &[u8],
    width: usize,
    dims: &[usize],
    strides: &[usize],
    offset: usize,
) -> Result<Vec<u8>, String> {
    let cut = || {
        format!(
            "its {dims:?} numbers reach beyond its {} bytes",
            bytes.len()
        )
    };
    let count = dims
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size))
        .ok_or_else(cut)?;
    // with strides of 0 few bytes are many numbers
    if count > bytes.len().saturating_mul(64).max(4096) {
        return Err(cut());
    }
    let mut ordered = Vec::with_capacity(count * width);
    let mut at = vec![0usize; dims.len()];
    for _ in 0..count {
        let place = at.iter().zip(strides).try_fold(offset, |sum, (i, stride)| {
            sum.checked_add(i.checked_mul(*stride)?)
        });
        let place = place
            .and_then(|place| place.checked_mul(width))
            .ok_or_else(cut)?;
        let own = bytes
            .get(place..)
            .and_then(|rest| rest.get(..width))
            .ok_or_else(cut)?;
        ordered.extend_from_slice(own);
        for axis in (0..dims.len()).rev() {
            at[axis] += 1;
            if at[axis] < dims[axis] {
                break;
            }
            at[axis] = 0;
        }
    }
    Ok(ordered)
}

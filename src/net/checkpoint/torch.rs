//! How does PyTorch store a state dict?
//!
//! Since 1.6 as a zip archive of a pickle and a file of raw numbers a storage; before as one stream:
//! four pickles (a magic number, the protocol, the machine, the object), then the storages' keys and
//! the storages (`torch/serialization.py`). Numbers are little-endian, tensors are views of storages.

use super::object::Object;
use super::pickle::Pickle;
use super::short;
use super::views::{entry_of, state_dict, storage_of, tensors, text};
use candle_core::Tensor;
use std::collections::BTreeMap;
use std::io::Cursor;
use zip::{CompressionMethod, ZipArchive};

/// What follows the protocol's two bytes in a file of PyTorch before 1.6.
const MAGIC: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e";

pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

pub(super) fn is_legacy(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x80) && bytes.get(2..).is_some_and(|rest| rest.starts_with(MAGIC))
}

/// The tensors of a zip archive.
pub(super) fn zip(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    let pickles: Vec<String> = (archive.file_names())
        .filter_map(|name| Some(name.ok()?.strip_suffix("data.pkl")?.to_string()))
        .filter(|folder| folder.is_empty() || folder.ends_with('/'))
        .collect();
    let [folder] = &pickles[..] else {
        return Err(format!(
            "has {} files `data.pkl`; a checkpoint of PyTorch has one",
            pickles.len()
        ));
    };
    let order = format!("{folder}byteorder");
    if archive.index_for_name(&order).is_some() && entry(bytes, &mut archive, &order)? != b"little"
    {
        return Err("was written on a big-endian machine".into());
    }
    let pickle = Pickle::read(entry(bytes, &mut archive, &format!("{folder}data.pkl"))?)?;
    let views = state_dict(&pickle)?;
    let mut storages = BTreeMap::new();
    let mut read = 0;
    for view in views.values() {
        let (_, key) = storage_of(&pickle, view)?;
        if !storages.contains_key(key) {
            let storage = entry(bytes, &mut archive, &format!("{folder}data/{key}"))?;
            read += storage.len();
            if read > bytes.len() {
                return Err("has storages that overlap".into());
            }
            storages.insert(key, storage);
        }
    }
    tensors(&pickle, &views, &storages, bytes.len())
}

/// One file of the archive, in place. PyTorch does not compress.
fn entry<'a>(
    bytes: &'a [u8],
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
) -> Result<&'a [u8], String> {
    let wrong = |what: &str| format!("its file `{}` {what}", short(name));
    let mut file = (archive.by_name(name)).map_err(|e| wrong(&format!("cannot be read: {e}")))?;
    if file.compression() != CompressionMethod::Stored {
        return Err(wrong("is compressed, which PyTorch does not do"));
    }
    let whole = (file.data_start().zip(usize::try_from(file.size()).ok()))
        .and_then(|(start, size)| bytes.get(usize::try_from(start).ok()?..)?.get(..size))
        .ok_or_else(|| wrong("is cut"))?;
    // reads it for the sake of its checksum
    std::io::copy(&mut file, &mut std::io::sink())
        .map_err(|e| wrong(&format!("is damaged: {e}")))?;
    Ok(whole)
}

/// The tensors of a file as PyTorch wrote them before 1.6.
pub(super) fn legacy(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    let mut rest = bytes.get(2 + MAGIC.len()..).unwrap_or_default();
    let mut next = || {
        let pickle = Pickle::read(rest)?;
        rest = &rest[pickle.length..];
        Ok::<_, String>(pickle)
    };
    let (protocol, machine) = (next()?, next()?);
    if *protocol.root() != Object::Int(1001) {
        return Err("has another protocol of PyTorch than 1001".into());
    }
    if entry_of(&machine, machine.root, "little_endian") != Some(&Object::Bool(true)) {
        return Err("was not written on a little-endian machine".into());
    }
    let (pickle, keys) = (next()?, next()?);
    let views = state_dict(&pickle)?;
    let mut sizes = BTreeMap::new();
    for value in &pickle.values {
        if let Object::Storage(storage) = value {
            let size = storage.dtype.size_in_bytes();
            if sizes
                .insert(text(&pickle, storage.key)?, size)
                .is_some_and(|other| other != size)
            {
                return Err("uses one storage for numbers of different types".into());
            }
        }
    }
    let Object::List(list) = keys.root() else {
        return Err("does not list its storages".into());
    };
    let mut storages = BTreeMap::new();
    for &key in list {
        let key = text(&keys, key)?;
        let size = (sizes.get(key))
            .ok_or_else(|| format!("has a storage `{}` to which nothing refers", short(key)))?;
        let storage = (rest.split_first_chunk::<8>()).and_then(|(count, data)| {
            let length = usize::try_from(u64::from_le_bytes(*count)).ok()?;
            data.split_at_checked(length.checked_mul(*size)?)
        });
        let Some((storage, after)) = storage else {
            return Err(format!("is cut in or before its storage `{}`", short(key)));
        };
        rest = after;
        storages.insert(key, storage);
    }
    tensors(&pickle, &views, &storages, bytes.len())
}

//! How does PyTorch store a state dict?
//!
//! Since 1.6 as a zip archive of a pickle and a file of raw numbers a storage; before as one stream:
//! four pickles (a magic number, the protocol, the machine, the object), then the storages' keys and
//! the storages (`torch/serialization.py`). Numbers are little-endian, tensors are views of storages.

use super::archive::Archive;
use super::dicts::{Found, dicts};
use super::object::Object;
use super::pickle::Pickle;
use super::views::{Storages, entry_of, room, storage_of, tensors, text};
use super::{StateDict, short};
use std::borrow::Cow;
use std::collections::BTreeMap;

pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

pub(super) fn is_legacy(bytes: &[u8]) -> bool {
    after_magic(bytes).is_some()
}

/// What follows the pickle of a magic number with which a file of PyTorch before 1.6 begins, in any protocol.
fn after_magic(bytes: &[u8]) -> Option<&[u8]> {
    const BINARY: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    const TEXT: &[u8] = b"L119547037146038801333356L\n.";
    if let Some(rest) = bytes.strip_prefix(TEXT) {
        return Some(rest);
    }
    let [0x80, _protocol, rest @ ..] = bytes else {
        return None;
    };
    let framed = match rest {
        [0x95, rest @ ..] => rest.get(8..),
        _ => None,
    };
    framed.unwrap_or(rest).strip_prefix(BINARY)
}

/// The dicts of a zip archive.
pub(super) fn zip(bytes: &[u8]) -> Result<Vec<StateDict>, String> {
    let mut archive = Archive::open(bytes)?;
    let folder = archive.folder()?;
    let order = format!("{folder}byteorder");
    if archive.has(&order) && *archive.file(&order)? != *b"little" {
        return Err("was written on a big-endian machine".into());
    }
    let pickle = archive.file(&format!("{folder}data.pkl"))?;
    let pickle = Pickle::read(&pickle, bytes.len())?;
    let found = dicts(&pickle)?;
    let mut storages = Storages::new();
    let mut read = 0;
    for view in found.iter().flat_map(|found| found.views.values()) {
        let (_, key) = storage_of(&pickle, view)?;
        if !storages.contains_key(key) {
            let storage = archive.file(&format!("{folder}data/{key}"))?;
            if let Cow::Borrowed(storage) = storage {
                read += storage.len();
            }
            if read > bytes.len() {
                return Err("has storages that overlap".into());
            }
            storages.insert(key, storage);
        }
    }
    state_dicts(&pickle, found, &storages, bytes.len())
}

/// The dicts of a file as PyTorch wrote them before 1.6.
pub(super) fn legacy(bytes: &[u8]) -> Result<Vec<StateDict>, String> {
    let mut rest = after_magic(bytes).unwrap_or_default();
    let mut next = || {
        let pickle = Pickle::read(rest, bytes.len())?;
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
    let found = dicts(&pickle)?;
    let mut sizes = BTreeMap::new();
    for value in &pickle.values {
        if let Object::Storage(storage) = value {
            let size = usize::from(storage.numbers.size);
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
    let mut storages = Storages::new();
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
        storages.insert(key, Cow::Borrowed(storage));
    }
    state_dicts(&pickle, found, &storages, bytes.len())
}

/// The dicts with their tensors, of a file of that length.
fn state_dicts(
    pickle: &Pickle,
    found: Vec<Found>,
    storages: &Storages,
    length: usize,
) -> Result<Vec<StateDict>, String> {
    let mut room = room(length, storages);
    (found.into_iter())
        .map(|found| {
            Ok(StateDict {
                tensors: tensors(pickle, &found.views, storages, &mut room)?,
                key: found.key,
                foreign: found.foreign,
            })
        })
        .collect()
}

//! How does safetensors store weights?
//!
//! The length of a JSON header, the header, then the numbers: each tensor of the header has a run of
//! them, and the runs follow one another without gaps. Read here rather than by the format's own
//! crate, whose sum of absurd lengths overflows; written by it.

use super::{StateDict, elements, short, tensor};
use candle_core::{DType, Tensor};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// The header: tensors by name, without the free text under `__metadata__`.
struct Header(BTreeMap<String, Entry>);

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Header, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("tensors by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        entries.insert(name, map.next_value()?);
                    }
                }
                Ok(Header(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Whether the bytes look like the format: a header in JSON after its length.
pub(super) fn recognises(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
}

/// The tensors in those bytes; those of numbers that are not read are passed over.
pub(super) fn read(bytes: &[u8]) -> Result<StateDict, String> {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err("is cut in its first eight bytes".into());
    };
    let length = u64::from_le_bytes(*length);
    let Some((header, data)) =
        (usize::try_from(length).ok()).and_then(|n| rest.split_at_checked(n))
    else {
        return Err(format!(
            "says that its header has {length} bytes, but {} follow: it is cut or damaged",
            rest.len()
        ));
    };
    let Header(entries) =
        serde_json::from_slice(header).map_err(|e| format!("its header cannot be read: {e}"))?;
    let mut sorted: Vec<(&String, &Entry)> = entries.iter().collect();
    sorted.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut end = 0;
    for (name, entry) in sorted {
        let [from, to] = entry.data_offsets;
        if from != end || to < from {
            return Err(format!(
                "tensor `{}` has bytes {from} to {to}; the one before ends at {end}",
                short(name)
            ));
        }
        end = to;
    }
    if end != data.len() {
        return Err(format!(
            "its tensors end at byte {end} of the data, which has {}: it is cut or damaged",
            data.len()
        ));
    }
    let mut dict = StateDict::alone(BTreeMap::new());
    for (name, entry) in entries {
        match dtype(&entry.dtype) {
            Some(dtype) => {
                let made = one(&entry, dtype, data);
                let tensor = made.map_err(|what| format!("tensor `{}`: {what}", short(&name)))?;
                dict.tensors.insert(name, tensor);
            }
            None => {
                let what = format!(
                    "a tensor of numbers of type `{}` (F64, F32, F16, BF16 and whole numbers are read)",
                    short(&entry.dtype)
                );
                dict.foreign.insert(name, what);
            }
        }
    }
    Ok(dict)
}

/// The type of number of that name, if it is read.
fn dtype(name: &str) -> Option<DType> {
    Some(match name {
        "F64" => DType::F64,
        "F32" => DType::F32,
        "F16" => DType::F16,
        "BF16" => DType::BF16,
        "I64" => DType::I64,
        "I32" => DType::I32,
        "I16" => DType::I16,
        "U32" => DType::U32,
        "U8" | "BOOL" => DType::U8,
        _ => return None,
    })
}

fn one(entry: &Entry, dtype: DType, data: &[u8]) -> Result<Tensor, String> {
    let [from, to] = entry.data_offsets;
    let bytes = &data[from..to];
    let needs = elements(&entry.shape).and_then(|n| n.checked_mul(dtype.size_in_bytes()));
    if needs != Some(bytes.len()) {
        return Err(format!(
            "has {} bytes, which are not {:?} numbers of type {}",
            bytes.len(),
            entry.shape,
            entry.dtype
        ));
    }
    tensor(dtype, &entry.shape, bytes)
}

/// The file of those tensors.
pub(super) fn write(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, String> {
    safetensors::serialize(tensors, None).map_err(|e| e.to_string())
}

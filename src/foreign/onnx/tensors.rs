//! The numbers of tensors: in the file, or in one beside it.

use super::constant::{Constant, MOST};
use super::wire::Place;
use crate::foreign::{Number, Numbers};
use crate::visible::line;
use rten_onnx::onnx::{DataLocation, DataType, TensorProto};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// A file, and what its tensors refer to.
pub(super) struct Store {
    pub path: PathBuf,
}

/// Bytes of a number of that kind.
fn width(kind: DataType) -> Option<u64> {
    Some(match kind {
        DataType::UINT8 | DataType::INT8 | DataType::BOOL => 1,
        DataType::UINT16 | DataType::INT16 | DataType::FLOAT16 | DataType::BFLOAT16 => 2,
        DataType::FLOAT | DataType::INT32 | DataType::UINT32 => 4,
        DataType::INT64 | DataType::UINT64 | DataType::DOUBLE => 8,
        _ => return None,
    })
}

/// Whether a tensor may be a weight.
pub(super) fn is_float(tensor: &TensorProto) -> bool {
    matches!(
        kind(tensor),
        DataType::FLOAT | DataType::DOUBLE | DataType::FLOAT16 | DataType::BFLOAT16
    )
}

fn kind(tensor: &TensorProto) -> DataType {
    tensor.data_type.unwrap_or(DataType(0))
}

/// A tensor's dimensions.
///
/// # Errors
/// One that is no size, or more numbers than the machine's integers.
pub(super) fn dims(tensor: &TensorProto) -> Result<Vec<usize>, String> {
    let sizes = tensor.dims.iter().map(|&n| usize::try_from(n).ok());
    let sizes: Option<Vec<usize>> = sizes.collect();
    let sizes = sizes.ok_or_else(|| format!("it has the dimensions {:?}", tensor.dims))?;
    let product = sizes
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size.max(1)));
    match product {
        Some(_) => Ok(sizes),
        None => Err(format!(
            "it has more numbers than can be counted: {sizes:?}"
        )),
    }
}

impl Store {
    /// A tensor's numbers, where they are few enough to be computed with.
    pub fn constant(&self, tensor: &TensorProto) -> Result<Option<Constant>, String> {
        let dims = dims(tensor)?;
        if dims.iter().product::<usize>() > MOST || width(kind(tensor)).is_none() {
            return Ok(None);
        }
        let bytes = self.bytes(tensor)?;
        Ok(Constant::of(kind(tensor), dims, &bytes))
    }

    /// A tensor as a network's weight; `transposed` where the file has its two axes the other way round.
    pub fn weight(
        &self,
        tensor: &TensorProto,
        dims: &[usize],
        transposed: bool,
    ) -> Result<Numbers, String> {
        let number = match kind(tensor) {
            DataType::FLOAT => Number::F32,
            DataType::DOUBLE => Number::F64,
            DataType::FLOAT16 => Number::F16,
            DataType::BFLOAT16 => Number::Bf16,
            other => return Err(format!("its numbers are {other}, which cannot be weights")),
        };
        let bytes = self.bytes(tensor)?;
        let bytes = match (transposed, dims) {
            (true, &[out, inner]) => turned(&bytes, [inner, out]),
            _ => bytes,
        };
        Ok(Numbers {
            number,
            dims: dims.to_vec(),
            bytes,
        })
    }

    /// The bytes of a tensor's numbers, one after the other, the least first.
    fn bytes(&self, tensor: &TensorProto) -> Result<Vec<u8>, String> {
        let count = dims(tensor)?.iter().product::<usize>() as u64;
        let width = width(kind(tensor))
            .ok_or_else(|| format!("its numbers are of the type {}", kind(tensor)))?;
        let length = count
            .checked_mul(width)
            .ok_or("it has more bytes than can be counted")?;
        if tensor.data_location == Some(DataLocation::EXTERNAL) {
            return self.beside(tensor, length);
        }
        let wrong =
            |has: u64| format!("it has {has} bytes of numbers, its dimensions ask for {length}");
        if let Some(raw) = &tensor.raw_data {
            let place = Place::of(&raw.borrow()).ok_or("its bytes are not there")?;
            if place.length != length {
                return Err(wrong(place.length));
            }
            return read(&self.path, place)
                .map_err(|what| format!("cannot read its numbers: {what}"));
        }
        let bytes: Vec<u8> = match (kind(tensor), width) {
            (DataType::FLOAT, _) => tensor
                .float_data
                .iter()
                .flat_map(|x| x.to_le_bytes())
                .collect(),
            (DataType::DOUBLE, _) => tensor
                .double_data
                .iter()
                .flat_map(|x| x.to_le_bytes())
                .collect(),
            (DataType::INT64, _) => tensor
                .int64_data
                .iter()
                .flat_map(|x| x.to_le_bytes())
                .collect(),
            // the narrow ones are written as wide ones
            (_, width) if width <= 4 => {
                let narrow = |x: &i32| x.to_le_bytes().into_iter().take(width as usize);
                tensor.int32_data.iter().flat_map(narrow).collect()
            }
            _ => return Err("its numbers are not read".into()),
        };
        match bytes.len() as u64 == length {
            true => Ok(bytes),
            false => Err(wrong(bytes.len() as u64)),
        }
    }

    /// From a file beside this one.
    fn beside(&self, tensor: &TensorProto, length: u64) -> Result<Vec<u8>, String> {
        let entry = |name: &str| {
            let found = tensor
                .external_data
                .iter()
                .find(|one| one.key.as_deref() == Some(name));
            found.and_then(|one| one.value.as_deref())
        };
        let location = entry("location").ok_or("it names no file that its numbers are in")?;
        let relative = Path::new(location);
        let inside = relative
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside || location.is_empty() || location.contains('\\') {
            return Err(format!(
                "its numbers are in the file `{}`, which is not beside it: a path without `..` and from no root is read",
                line(location)
            ));
        }
        let number = |name: &str, default: u64| match entry(name) {
            None => Ok(default),
            Some(text) => text
                .parse::<u64>()
                .map_err(|_| format!("its {name} `{}` is no number", line(text))),
        };
        let (at, stated) = (number("offset", 0)?, number("length", length)?);
        if stated != length {
            return Err(format!(
                "it has {stated} bytes of numbers, its dimensions ask for {length}"
            ));
        }
        let path = self.path.parent().unwrap_or(Path::new("")).join(relative);
        read(&path, Place { at, length }).map_err(|what| {
            format!(
                "its numbers are in the file `{}` beside it: {what}",
                line(location)
            )
        })
    }
}

/// The numbers of a matrix of so many rows and columns, column by column.
fn turned(bytes: &[u8], [rows, columns]: [usize; 2]) -> Vec<u8> {
    let width = bytes.len() / (rows * columns).max(1);
    let mut turned = Vec::with_capacity(bytes.len());
    for column in 0..columns {
        for row in 0..rows {
            let at = (row * columns + column) * width;
            turned.extend_from_slice(&bytes[at..at + width]);
        }
    }
    turned
}

/// Bytes of a file, as far as it has them.
fn read(path: &Path, place: Place) -> Result<Vec<u8>, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut file = File::open(path).map_err(text)?;
    let meta = file.metadata().map_err(text)?;
    let end = place.at.checked_add(place.length);
    if !meta.is_file() || end.is_none_or(|end| end > meta.len()) {
        return Err(format!(
            "bytes {} to {} are asked for, it has {}",
            place.at,
            place.at.saturating_add(place.length),
            meta.len()
        ));
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(place.at)).map_err(text)?;
    file.take(place.length)
        .read_to_end(&mut bytes)
        .map_err(text)?;
    Ok(bytes)
}

//! Weights as other people store them.
//!
//! [`open`] takes safetensors and what `torch.save` writes, now and before PyTorch 1.6; [`fit()`] holds
//! what it found against a network. A checkpoint comes from a stranger: nothing in it runs, and every
//! length is compared with the bytes that are there before memory is taken for it.

mod alike;
mod archive;
mod dicts;
mod fit;
mod global;
mod literal;
mod names;
mod object;
mod other;
mod pickle;
mod safetensors;
mod state_dict;
mod torch;
mod views;

pub use super::{Misfit, Mismatch};
pub use alike::{Alike, alike};
pub use fit::{Fitted, Head, best_fit, fit, misfit, prefix};
pub use state_dict::{Checkpoint, StateDict, TOP};

use super::weights::short;
use crate::file;
use crate::foreign::{self, Number, Numbers};
use candle_core::{DType, Device, Tensor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file that cannot be read or written, or is no checkpoint.
    #[error("{}: {what}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Its tensors are not those of the network.
    #[error("the checkpoint does not fit the network: {0}")]
    Misfit(Misfit),
    /// A tensor that cannot be weights.
    #[error("tensor `{name}` of the checkpoint {what}")]
    Tensor {
        /// The tensor.
        name: String,
        /// What is wrong with it.
        what: String,
    },
}

/// What a checkpoint holds. The format is recognised by content; dicts of tensors are found wherever they stand
/// in what a training script saved.
///
/// # Errors
/// [`CheckpointError::File`] says what is wrong and where.
pub fn open(path: &Path) -> Result<Checkpoint, CheckpointError> {
    let fault = |what: String| CheckpointError::File {
        path: path.to_path_buf(),
        what,
    };
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return Err(fault("is no file".into()));
    }
    if foreign::recognises(path) {
        let tensors = foreign::weights(path).map_err(fault)?.into_iter();
        let tensors = tensors.map(|(key, numbers)| Ok((key, of_numbers(&numbers)?)));
        let tensors = tensors.collect::<Result<_, String>>().map_err(fault)?;
        return Ok(Checkpoint::new(path, vec![StateDict::alone(tensors)]));
    }
    let bytes = std::fs::read(path).map_err(|error| fault(format!("cannot read it: {error}")))?;
    Ok(Checkpoint::new(path, parse(&bytes).map_err(fault)?))
}

/// A tensor of the numbers of a network's file.
fn of_numbers(numbers: &Numbers) -> Result<Tensor, String> {
    let dtype = match numbers.number {
        Number::F16 => DType::F16,
        Number::Bf16 => DType::BF16,
        Number::F32 => DType::F32,
        Number::F64 => DType::F64,
        Number::I64 => DType::I64,
    };
    let tensor = Tensor::from_raw_buffer(&numbers.bytes, dtype, &numbers.dims, &Device::Cpu);
    tensor.map_err(|error| error.to_string())
}

/// The numbers of tensors in single precision, as files of networks have them.
///
/// # Errors
/// Tensors of another type.
pub fn numbers(
    tensors: &BTreeMap<String, Tensor>,
) -> candle_core::Result<BTreeMap<String, Numbers>> {
    let of = |(key, tensor): (&String, &Tensor)| {
        let flat = tensor.flatten_all()?.to_vec1::<f32>()?;
        let numbers = Numbers {
            number: Number::F32,
            dims: tensor.dims().to_vec(),
            bytes: flat.into_iter().flat_map(f32::to_le_bytes).collect(),
        };
        Ok((key.clone(), numbers))
    };
    tensors.iter().map(of).collect()
}

/// The tensors of a safetensors file that is at hand.
pub(crate) fn safetensors(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    if !safetensors::recognises(bytes) {
        return Err("is no safetensors file".into());
    }
    let StateDict {
        tensors, foreign, ..
    } = safetensors::read(bytes)?;
    match foreign.first_key_value() {
        None => Ok(tensors),
        Some((name, what)) => Err(format!("`{}` is {what}", short(name))),
    }
}

/// The tensors of a checkpoint by name, as they are stored, where no network says which dict of them is meant.
///
/// # Errors
/// [`CheckpointError::File`] says what is wrong and where.
pub fn read(path: &Path) -> Result<BTreeMap<String, Tensor>, CheckpointError> {
    Ok(open(path)?.single()?.tensors)
}

fn parse(bytes: &[u8]) -> Result<Vec<StateDict>, String> {
    if torch::is_zip(bytes) {
        torch::zip(bytes)
    } else if torch::is_legacy(bytes) {
        torch::legacy(bytes)
    } else if safetensors::recognises(bytes) {
        Ok(vec![safetensors::read(bytes)?])
    } else {
        Err(other::what(bytes))
    }
}

/// Writes tensors as safetensors, so that the file is complete or absent.
///
/// # Errors
/// [`CheckpointError::File`] names the file and what the system says.
pub fn write(path: &Path, tensors: &BTreeMap<String, Tensor>) -> Result<(), CheckpointError> {
    let fault = |what: String| CheckpointError::File {
        path: path.to_path_buf(),
        what: format!("cannot write it: {what}"),
    };
    let bytes = safetensors::write(tensors).map_err(fault)?;
    file::write(path, &bytes).map_err(|error| fault(error.to_string()))
}

/// How many numbers a tensor has, if that and its strides can be counted.
fn elements(dims: &[usize]) -> Option<usize> {
    // strides are products of dimensions, even where another dimension is zero
    (dims.iter()).try_fold(1usize, |product, &d| product.checked_mul(d.max(1)))?;
    Some(dims.iter().product())
}

/// A tensor of numbers in the file's form; they are as many as its dimensions say.
fn tensor(dtype: DType, dims: &[usize], bytes: &[u8]) -> Result<Tensor, String> {
    Tensor::from_raw_buffer(bytes, dtype, dims, &Device::Cpu).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests;

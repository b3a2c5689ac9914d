//! Where the numbers of a tensor are.

use super::tensors::dims;
use crate::graph::Dims;
use rten_onnx::onnx::TensorProto;

/// A tensor of the file, as one of the network.
#[derive(Clone)]
pub(super) struct Source<'a> {
    pub tensor: &'a TensorProto,
    /// As the network has it.
    pub dims: Vec<usize>,
    /// Whether the file has its two axes the other way round.
    pub transposed: bool,
}

impl<'a> Source<'a> {
    pub fn of(tensor: &'a TensorProto) -> Result<Source<'a>, String> {
        let dims = dims(tensor)?;
        if dims.len() > Dims::MOST {
            return Err(format!("it has {} axes", dims.len()));
        }
        Ok(Source {
            tensor,
            dims,
            transposed: false,
        })
    }
}

//! What every CPU kernel stands on: tensors as slices, and the two types of number.

use super::simd::SimdWidth;
use candle_core::{CpuStorage, DType, Error, Result, Storage, StorageRef, Tensor, WithDType};
use num_traits::Float;
use std::iter::Sum;
use std::marker::PhantomData;
use std::ops::{AddAssign, Deref, Range};

/// A type of number that kernels compute with: f32 or f64.
pub trait Real: WithDType + Float + Sum + AddAssign + SimdWidth {}

impl Real for f32 {}
impl Real for f64 {}

/// Runs a body with `$real` standing for the tensor's type of number.
macro_rules! by_dtype {
    ($tensor:expr, $real:ident => $body:expr) => {
        match $tensor.dtype() {
            candle_core::DType::F32 => {
                type $real = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $real = f64;
                $body
            }
            other => Err($crate::ops::cpu::unsupported(other)),
        }
    };
}
pub(super) use by_dtype;

pub(super) fn unsupported(dtype: DType) -> Error {
    Error::Msg(format!("computes in f32 or f64, not in {dtype:?}")).bt()
}

/// A tensor's numbers, read in place.
pub struct View<'a, T> {
    storage: StorageRef<'a>,
    range: Range<usize>,
    number: PhantomData<T>,
}

impl<T: Real> Deref for View<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let Storage::Cpu(storage) = &*self.storage else {
            unreachable!("view() takes tensors on the CPU only")
        };
        let all = T::cpu_storage_as_slice(storage).expect("view() has compared the types");
        &all[self.range.clone()]
    }
}

/// The numbers of a tensor.
///
/// # Errors
/// It is not on the CPU, of another type or not contiguous.
pub fn view<T: Real>(tensor: &Tensor) -> Result<View<'_, T>> {
    if tensor.dtype() != T::DTYPE {
        return Err(unsupported(tensor.dtype()));
    }
    let (storage, layout) = tensor.storage_and_layout();
    let range = match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(_), Some((from, to))) => from..to,
        (Storage::Cpu(_), None) => return Err(Error::Msg("needs a contiguous tensor".into()).bt()),
        _ => return Err(Error::Msg("has no kernel for this device".into()).bt()),
    };
    Ok(View {
        storage,
        range,
        number: PhantomData,
    })
}

/// A tensor of those numbers.
pub(super) fn tensor<T: Real>(numbers: Vec<T>, dims: &[usize]) -> Result<Tensor> {
    let storage: CpuStorage = T::to_cpu_storage_owned(numbers);
    let shape = candle_core::Shape::from(dims);
    let op = candle_core::op::BackpropOp::none();
    debug_assert_eq!(
        shape.elem_count(),
        T::cpu_storage_as_slice(&storage).map_or(0, <[T]>::len)
    );
    Ok(Tensor::from_storage(
        Storage::Cpu(storage),
        shape,
        op,
        false,
    ))
}

/// `[samples, channels, units of a map]`; a vector has maps of one unit.
pub(super) fn planes(tensor: &Tensor) -> (usize, usize, usize) {
    match *tensor.dims() {
        [n, c] => (n, c, 1),
        [n, c, ref rest @ ..] => (n, c, rest.iter().product()),
        ref dims => unreachable!("activations have a batch and channels, not {dims:?}"),
    }
}

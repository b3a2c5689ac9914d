//! What cuDNN knows of a convolution: its descriptors, and how an algorithm is named.
#![allow(unsafe_code)]

use super::device::Device;
use crate::gpu::{ConvPass, Convolution, Element, GpuError};
use cudarc::cudnn::result::{self, CudnnError};
use cudarc::cudnn::sys;
use std::ffi::c_int;

/// cuDNN, working on the machine's stream.
pub(super) struct Handle(pub sys::cudnnHandle_t);

// SAFETY: cuDNN takes a handle from any thread, as long as calls come one after the other; a machine, which alone has it, is used
// by one thread at a time.
unsafe impl Send for Handle {}

impl Handle {
    /// A new one.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn new(device: &Device) -> Result<Handle, GpuError> {
        (device.context.bind_to_thread()).map_err(super::device::refused("the context"))?;
        let handle = Handle(result::create_handle().map_err(refused("cuDNN"))?);
        // SAFETY: both are there; the machine drops the handle before the stream.
        unsafe { result::set_stream(handle.0, device.stream.cu_stream().cast()) }
            .map_err(refused("cuDNN's stream"))?;
        Ok(handle)
    }
}

/// What a call of cuDNN that failed means.
pub(super) fn refused(what: impl Into<String>) -> impl FnOnce(CudnnError) -> GpuError {
    move |error| GpuError::Device {
        what: what.into(),
        why: format!("{:?}", error.0),
    }
}

macro_rules! owned {
    ($name:ident, $inner:ty, $destroy:path) => {
        pub(super) struct $name(pub $inner);

        // SAFETY: cuDNN keeps it in ordinary memory; its one owner is used by one thread at a time.
        unsafe impl Send for $name {}

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: it was created and is destroyed once; a failure leaves nothing to be done.
                let _ = unsafe { $destroy(self.0) };
            }
        }
    };
}

owned!(
    Maps,
    sys::cudnnTensorDescriptor_t,
    result::destroy_tensor_descriptor
);
owned!(
    Filter,
    sys::cudnnFilterDescriptor_t,
    result::destroy_filter_descriptor
);
owned!(
    Sliding,
    sys::cudnnConvolutionDescriptor_t,
    result::destroy_convolution_descriptor
);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: it was created and is destroyed once; a failure leaves nothing to be done.
        let _ = unsafe { result::destroy_handle(self.0) };
    }
}

impl Sliding {
    /// Allows algorithms to use an arithmetic.
    ///
    /// # Errors
    /// What cuDNN says.
    pub fn compute_in(&self, math: sys::cudnnMathType_t) -> Result<(), CudnnError> {
        // SAFETY: the descriptor is there.
        unsafe { result::set_convolution_math_type(self.0, math) }
    }
}

/// A convolution as cuDNN has it.
pub(super) struct Described {
    pub x: Maps,
    pub w: Filter,
    pub y: Maps,
    pub conv: Sliding,
}

impl Described {
    /// Of these numbers; sums are in f32, and algorithms may use the arithmetic `math`.
    ///
    /// # Errors
    /// [`GpuError::Device`] if cuDNN has no such convolution, or thinks that its output has another size.
    pub fn new(
        shape: &Convolution,
        element: Element,
        math: sys::cudnnMathType_t,
    ) -> Result<Described, GpuError> {
        let wrong = |why: &str| GpuError::Device {
            what: format!("a convolution of {shape:?}"),
            why: why.to_string(),
        };
        let [n, c_in, c_out, groups, shared] = sizes([
            shape.samples,
            shape.maps[0],
            shape.maps[1],
            shape.groups,
            shape.maps[0] / shape.groups.max(1),
        ])
        .ok_or_else(|| wrong("is too large"))?;
        let pair = |pair: [usize; 2]| sizes(pair).ok_or_else(|| wrong("is too large"));
        let ([h, w], [rows, columns]) = (pair(shape.input)?, pair(shape.output)?);
        let (kernel, stride) = (pair(shape.kernel)?, pair(shape.stride)?);
        let (pad, dilation) = (pair(shape.pad)?, pair(shape.dilation)?);
        let refused = || refused(format!("a convolution of {shape:?}"));
        let nhwc = sys::cudnnTensorFormat_t::CUDNN_TENSOR_NHWC;
        let number = match element {
            Element::F32 => sys::cudnnDataType_t::CUDNN_DATA_FLOAT,
            Element::Bf16 => sys::cudnnDataType_t::CUDNN_DATA_BFLOAT16,
        };
        let maps = |dims| -> Result<Maps, CudnnError> {
            let maps = Maps(result::create_tensor_descriptor()?);
            // SAFETY: the descriptor was just created.
            unsafe { result::set_tensor4d_descriptor(maps.0, nhwc, number, dims)? };
            Ok(maps)
        };
        let weights = || -> Result<Filter, CudnnError> {
            let weights = Filter(result::create_filter_descriptor()?);
            let dims = [c_out, shared, kernel[0], kernel[1]];
            // SAFETY: the descriptor was just created.
            unsafe { result::set_filter4d_descriptor(weights.0, number, nhwc, dims)? };
            Ok(weights)
        };
        let sliding = || -> Result<Sliding, CudnnError> {
            let conv = Sliding(result::create_convolution_descriptor()?);
            // networks do not turn the window over, as a convolution in mathematics does
            let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
            let sums = sys::cudnnDataType_t::CUDNN_DATA_FLOAT;
            // SAFETY: the descriptor was just created.
            unsafe {
                result::set_convolution2d_descriptor(
                    conv.0,
                    pad[0],
                    pad[1],
                    stride[0],
                    stride[1],
                    dilation[0],
                    dilation[1],
                    mode,
                    sums,
                )?;
                result::set_convolution_group_count(conv.0, groups)?;
            }
            conv.compute_in(math)?;
            Ok(conv)
        };
        let described = Described {
            x: maps([n, c_in, h, w]).map_err(refused())?,
            w: weights().map_err(refused())?,
            y: maps([n, c_out, rows, columns]).map_err(refused())?,
            conv: sliding().map_err(refused())?,
        };
        match described.output().map_err(refused())? {
            found if found == [n, c_out, rows, columns] => Ok(described),
            found => Err(wrong(&format!("has an output of {found:?} for cuDNN"))),
        }
    }

    /// The dimensions of the output, as cuDNN computes them.
    fn output(&self) -> Result<[c_int; 4], CudnnError> {
        let [mut n, mut c, mut h, mut w] = [0; 4];
        // SAFETY: the descriptors are there; four numbers are written.
        unsafe {
            sys::cudnnGetConvolution2dForwardOutputDim(
                self.conv.0,
                self.x.0,
                self.w.0,
                &raw mut n,
                &raw mut c,
                &raw mut h,
                &raw mut w,
            )
            .result()?;
        }
        Ok([n, c, h, w])
    }
}

fn sizes<const N: usize>(sizes: [usize; N]) -> Option<[c_int; N]> {
    let mut all = [0; N];
    for (to, size) in all.iter_mut().zip(sizes) {
        *to = c_int::try_from(size).ok()?;
    }
    Some(all)
}

/// What cuDNN tells of an algorithm that it tried, or would try. The same for all passes, and numbers instead of enums,
/// since a newer cuDNN may have newer ones.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tried {
    pub algorithm: u32,
    pub status: u32,
    /// Milliseconds.
    pub time: f32,
    /// Bytes of workspace.
    pub memory: usize,
    pub determinism: u32,
    pub math: u32,
    reserved: [c_int; 3],
}

impl Tried {
    /// Whether it can be run.
    pub fn succeeded(&self) -> bool {
        self.status == sys::cudnnStatus_t::CUDNN_STATUS_SUCCESS as u32
    }
}

/// At most so many algorithms has any pass.
pub(super) const ALGORITHMS: usize = 8;

// it is written through pointers to these
const _: () = {
    assert!(size_of::<Tried>() == size_of::<sys::cudnnConvolutionFwdAlgoPerf_t>());
    assert!(size_of::<Tried>() == size_of::<sys::cudnnConvolutionBwdDataAlgoPerf_t>());
    assert!(size_of::<Tried>() == size_of::<sys::cudnnConvolutionBwdFilterAlgoPerf_t>());
    assert!(
        std::mem::offset_of!(Tried, math)
            == std::mem::offset_of!(sys::cudnnConvolutionFwdAlgoPerf_t, mathType)
    );
};

/// An algorithm of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Forward(sys::cudnnConvolutionFwdAlgo_t),
    InputGradient(sys::cudnnConvolutionBwdDataAlgo_t),
    WeightGradient(sys::cudnnConvolutionBwdFilterAlgo_t),
}

impl Algorithm {
    /// By its number; nothing for one that is not known here.
    pub fn of(pass: ConvPass, number: u32) -> Option<Algorithm> {
        use sys::cudnnConvolutionBwdDataAlgo_t as Input;
        use sys::cudnnConvolutionBwdFilterAlgo_t as Weight;
        use sys::cudnnConvolutionFwdAlgo_t as Forward;
        let forward = [
            Forward::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
            Forward::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
            Forward::CUDNN_CONVOLUTION_FWD_ALGO_GEMM,
            Forward::CUDNN_CONVOLUTION_FWD_ALGO_DIRECT,
            Forward::CUDNN_CONVOLUTION_FWD_ALGO_FFT,
            Forward::CUDNN_CONVOLUTION_FWD_ALGO_FFT_TILING,
            Forward::CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD,
            Forward::CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED,
        ];
        let input = [
            Input::CUDNN_CONVOLUTION_BWD_DATA_ALGO_0,
            Input::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1,
            Input::CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT,
            Input::CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT_TILING,
            Input::CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD,
            Input::CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD_NONFUSED,
        ];
        let weight = [
            Weight::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0,
            Weight::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1,
            Weight::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT,
            Weight::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3,
            Weight::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD,
            Weight::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD_NONFUSED,
            Weight::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT_TILING,
        ];
        match pass {
            ConvPass::Forward => forward
                .into_iter()
                .find(|&a| a as u32 == number)
                .map(Algorithm::Forward),
            ConvPass::InputGradient => {
                (input.into_iter().find(|&a| a as u32 == number)).map(Algorithm::InputGradient)
            }
            ConvPass::WeightGradient => {
                (weight.into_iter().find(|&a| a as u32 == number)).map(Algorithm::WeightGradient)
            }
        }
    }
}

/// An arithmetic by its number; nothing for one that is not known here.
pub(super) fn arithmetic(number: u32) -> Option<sys::cudnnMathType_t> {
    use sys::cudnnMathType_t as Math;
    let all = [
        Math::CUDNN_DEFAULT_MATH,
        Math::CUDNN_TENSOR_OP_MATH,
        Math::CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION,
        Math::CUDNN_FMA_MATH,
    ];
    all.into_iter().find(|&math| math as u32 == number)
}

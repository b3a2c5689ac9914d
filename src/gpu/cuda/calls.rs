//! The calls of cuDNN: what is tried, advised and computed, for each of the three passes.
#![allow(unsafe_code)]

use super::cudnn::{ALGORITHMS, Algorithm, Described, Handle, Tried};
use super::memory::Pointer;
use crate::gpu::ConvPass;
use cudarc::cudnn::result::{self, CudnnError};
use cudarc::cudnn::sys;
use std::ffi::{c_int, c_void};

/// Where the three tensors of a convolution stand on the device, each as large as its description says.
#[derive(Clone, Copy)]
pub(super) struct Operands {
    pub x: Pointer,
    pub w: Pointer,
    pub y: Pointer,
}

/// A piece of memory for what is half done.
#[derive(Clone, Copy)]
pub(super) struct Space {
    pub start: Pointer,
    pub bytes: usize,
}

const fn pointer(place: Pointer) -> *mut c_void {
    place as *mut c_void
}

/// Every algorithm of a pass as it did when tried, fastest first. Writes the result.
///
/// # Errors
/// What cuDNN says if nothing can be tried.
pub(super) fn tried(
    handle: &Handle,
    pass: ConvPass,
    described: &Described,
    places: Operands,
    space: Space,
) -> Result<Vec<Tried>, CudnnError> {
    let (mut found, mut tried) = (0, [Tried::default(); ALGORITHMS]);
    let (handle, most, into) = (handle.0, ALGORITHMS as c_int, tried.as_mut_ptr());
    let Described {
        x: xs,
        w: ws,
        y: ys,
        conv,
    } = described;
    let (x, w, y) = (pointer(places.x), pointer(places.w), pointer(places.y));
    let (start, bytes) = (pointer(space.start), space.bytes);
    // SAFETY: handle and descriptors are there, the places hold what the descriptors say, and `tried` has room for as
    // many as are asked for, in the form in which they are written. The call returns when all is tried.
    unsafe {
        match pass {
            ConvPass::Forward => sys::cudnnFindConvolutionForwardAlgorithmEx(
                handle,
                xs.0,
                x,
                ws.0,
                w,
                conv.0,
                ys.0,
                y,
                most,
                &raw mut found,
                into.cast(),
                start,
                bytes,
            ),
            ConvPass::InputGradient => sys::cudnnFindConvolutionBackwardDataAlgorithmEx(
                handle,
                ws.0,
                w,
                ys.0,
                y,
                conv.0,
                xs.0,
                x,
                most,
                &raw mut found,
                into.cast(),
                start,
                bytes,
            ),
            ConvPass::WeightGradient => sys::cudnnFindConvolutionBackwardFilterAlgorithmEx(
                handle,
                xs.0,
                x,
                ys.0,
                y,
                conv.0,
                ws.0,
                w,
                most,
                &raw mut found,
                into.cast(),
                start,
                bytes,
            ),
        }
    }
    .result()?;
    Ok(first(&tried, found))
}

/// Every algorithm of a pass in the order in which cuDNN would choose, without a trial.
///
/// # Errors
/// What cuDNN says if it cannot advise.
pub(super) fn advised(
    handle: &Handle,
    pass: ConvPass,
    described: &Described,
) -> Result<Vec<Tried>, CudnnError> {
    let (mut found, mut tried) = (0, [Tried::default(); ALGORITHMS]);
    let (handle, most, into) = (handle.0, ALGORITHMS as c_int, tried.as_mut_ptr());
    let Described { x, w, y, conv } = described;
    // SAFETY: handle and descriptors are there, and `tried` has room for as many as are asked for, in the form in which
    // they are written.
    unsafe {
        match pass {
            ConvPass::Forward => result::get_convolution_forward_algorithm(
                handle,
                x.0,
                w.0,
                conv.0,
                y.0,
                most,
                &raw mut found,
                into.cast(),
            ),
            ConvPass::InputGradient => result::get_convolution_backward_data_algorithm(
                handle,
                w.0,
                y.0,
                conv.0,
                x.0,
                most,
                &raw mut found,
                into.cast(),
            ),
            ConvPass::WeightGradient => result::get_convolution_backward_filter_algorithm(
                handle,
                x.0,
                y.0,
                conv.0,
                w.0,
                most,
                &raw mut found,
                into.cast(),
            ),
        }
    }?;
    Ok(first(&tried, found))
}

fn first(tried: &[Tried], found: c_int) -> Vec<Tried> {
    let found = usize::try_from(found).unwrap_or(0).min(tried.len());
    tried[..found].to_vec()
}

/// Asks for a pass by an algorithm that needs as much space as it is given; with `add` it is added to what stands there.
///
/// # Errors
/// What cuDNN says.
pub(super) fn compute(
    handle: &Handle,
    algorithm: Algorithm,
    described: &Described,
    places: Operands,
    space: Space,
    add: bool,
) -> Result<(), CudnnError> {
    let (one, kept) = (1.0f32, if add { 1.0f32 } else { 0.0 });
    let (alpha, beta) = ((&raw const one).cast(), (&raw const kept).cast());
    let handle = handle.0;
    let Described {
        x: xs,
        w: ws,
        y: ys,
        conv,
    } = described;
    let (x, w, y) = (pointer(places.x), pointer(places.w), pointer(places.y));
    let (start, bytes) = (pointer(space.start), space.bytes);
    // SAFETY: handle and descriptors are there, the factors are read before the call returns, the places hold what the
    // descriptors say, and nothing else uses the space: it is the machine's, whose one stream is in order.
    unsafe {
        match algorithm {
            Algorithm::Forward(algorithm) => result::convolution_forward(
                handle, alpha, xs.0, x, ws.0, w, conv.0, algorithm, start, bytes, beta, ys.0, y,
            ),
            Algorithm::InputGradient(algorithm) => result::convolution_backward_data(
                handle, alpha, ws.0, w, ys.0, y, conv.0, algorithm, start, bytes, beta, xs.0, x,
            ),
            Algorithm::WeightGradient(algorithm) => result::convolution_backward_filter(
                handle, alpha, xs.0, x, ys.0, y, conv.0, algorithm, start, bytes, beta, ws.0, w,
            ),
        }
    }
}

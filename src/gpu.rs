//! What does a network compute on a GPU?
//!
//! A step of a network - an evaluation, or forward, loss, backward and update - is worked out once as a
//! [`Program`]: a list of kernels and convolutions over one piece of device memory, whose places are
//! planned from the graph. A [`Machine`] runs programs. So a step allocates nothing, can be captured
//! and replayed as a whole, and can be run without a GPU by a machine that emulates one.

#[cfg(feature = "cuda")]
mod cuda;
mod precision;
mod program;

#[cfg(feature = "cuda")]
pub use cuda::Cuda;
pub use precision::Precision;
pub use program::{
    Address, Argument, Command, Convolution, Element, GpuError, Machine, Pass, Program, ProgramId,
};

/// A stand-in until the kernels are there.
#[cfg(feature = "cuda")]
const KERNELS: &str = r#"
#ifndef KERNEL
#define KERNEL extern "C" __global__ void
#define INLINE static __device__ __forceinline__
#define INDEX ((int)(blockIdx.x * blockDim.x + threadIdx.x))
#endif
#ifdef BF16
typedef unsigned short E;
#else
typedef float E;
#endif

KERNEL scale(const E *x, E *y, float factor, float offset, int add, int count) {
    int i = INDEX;
    if (i >= count) return;
    y[i] = x[i] * factor + offset;
}
"#;

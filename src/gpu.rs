//! What does a network compute on a GPU?
//!
//! A step of a network - an evaluation, or forward, loss, backward and update - is worked out once as a
//! [`Program`]: a list of kernels and convolutions over one piece of device memory, whose places are
//! planned from the graph. A [`Machine`] runs programs. So a step allocates nothing, can be captured
//! and replayed as a whole, and can be run without a GPU by a machine that emulates one.
//!
//! A [`Session`] is a network on a machine. Several machines work on a device ([`Gpu`]) side by side.

#[cfg(not(feature = "cuda"))]
mod absent;
mod builder;
mod constants;
#[cfg(feature = "cuda")]
mod cuda;
mod dataset;
mod fused;
mod grad_buffers;
mod joins;
mod layers;
mod learn;
mod lease;
mod lowering;
mod map_sums;
mod masks;
mod norm;
mod order;
mod outcomes;
mod plan;
mod pools;
mod precision;
mod product;
mod program;
mod session;
mod sums;
mod trainer;
mod weights;

#[cfg(not(feature = "cuda"))]
pub use absent::Cuda;
#[cfg(feature = "cuda")]
pub use cuda::{Cuda, CudaMachine};
pub use dataset::DeviceDataset;
pub use layers::runs;
pub use learn::Training;
pub use plan::Setup;
pub use precision::Precision;
pub use program::{
    Address, Argument, Command, ConvPass, Convolution, Element, Gpu, GpuError, Machine, Program,
    ProgramId,
};
pub use session::Session;
pub use trainer::{Trainer, backend};

/// The source of all kernels, in what C and CUDA C++ share. Whoever compiles it defines `BF16` for
/// [`Element::Bf16`]; for something else than a GPU also `KERNEL`, `INLINE`, `INDEX` and `INFINITY`
/// (`kernels/number.cu` says what they are).
pub const KERNELS: &str = concat!(
    include_str!("gpu/kernels/number.cu"),
    include_str!("gpu/kernels/units.cu"),
    include_str!("gpu/kernels/layout.cu"),
    include_str!("gpu/kernels/windows.cu"),
    include_str!("gpu/kernels/channels.cu"),
    include_str!("gpu/kernels/sums.cu"),
    include_str!("gpu/kernels/norm.cu"),
    include_str!("gpu/kernels/learn.cu"),
    include_str!("gpu/kernels/pictures.cu"),
);

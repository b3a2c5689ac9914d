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
const SOURCE: &str = "";

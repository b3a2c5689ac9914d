//! What do the layers compute? Forward and backward of every op, on tensors.
//!
//! One file an op: its public functions take and return tensors on the CPU and choose the kernel by
//! type of number; the kernels stand below them. Gradients are exact, written by hand: candle gives
//! tensors, storage and matrix products, its own backward pass is not used.
//!
//! Activations are `[n, c, h, w]` or `[n, c]`. No result depends on the number of threads.

mod cpu;
mod packed;
mod phase_layout;
mod product;
mod simd;
mod sums;
mod transpose;
mod uninit;
mod wide;

pub mod activation;
pub mod batch_norm;
pub mod conv;
pub mod descent;
pub mod dropout;
pub mod join;
pub mod linear;
pub mod loss;
pub mod lrn;
pub mod max_pool;
pub mod pool;
pub mod rbf;

pub use cpu::{Real, View, view};
pub use simd::SimdWidth;

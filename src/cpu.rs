//! What does a network compute on the CPU? A pass planned once, as a program over one piece of memory.
//!
//! Maps stand in blocks of sixteen channels, so that a vector holds channels of one unit (`layout`), and stay so from
//! the first layer to the last. `plan` makes the steps of a program from a graph: where each value stands, which
//! concatenations cost nothing, which algorithm runs. A step divides its output into parts, by shape alone, and
//! threads share the parts: no result depends on their number. [`Predictor`] runs it, and [`Learner`] that of a step of
//! training, which goes back through the layers (`learn`).
//!
//! The second witness is [`Net`](crate::net::Net), layer by layer on tensors.

mod algorithm;
mod buffer;
mod direct;
mod layout;
mod learn;
mod memory;
mod parts;
mod places;
mod plan;
mod pool;
mod predictor;
mod product;
mod tile;
mod turn;
mod units;
mod weights;
mod winograd;

pub use learn::{Learner, Part};
pub use predictor::Predictor;

/// Channels of a block: a vector of AVX-512, two of AVX2.
const LANES: usize = 16;

/// A block's channels of one unit.
type Unit<T> = [T; LANES];

#[cfg(test)]
mod tests;

//! The numeric interpreter: the same graphs, with tensors.

pub mod checkpoint;

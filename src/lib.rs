//! convcheck
pub mod analysis;
pub mod graph;
pub mod reference;
pub mod zoo;

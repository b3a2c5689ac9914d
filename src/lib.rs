//! convcheck
pub mod analysis;
pub mod check;
pub mod claim;
pub mod evidence;
pub mod graph;
pub mod record;
pub mod reference;
pub mod verdict;
pub mod zoo;

//! Weights as other people store them.

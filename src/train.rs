//! How does a network learn? One run: a recipe, a data set, a seed, and the curve that comes of it.

mod recipe;
mod trained;

pub use crate::data::Fit;
pub use recipe::{Adam, AdamForm, LastBatch, Normalise, Optimizer, Order, Recipe, Schedule, Sgd};
pub use trained::{Curve, Epoch, Scale, Trained};

//! What can be found out about a claim on this machine?

mod evaluator;
mod functions;

pub use evaluator::Evaluator;
pub use functions::{FUNCTIONS, Function};

use crate::claim::{Claim, Location, Value};

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// Computed from model descriptions, without tensors.
    Structural(Found),
    /// Computed by running networks, or layers of theirs.
    Numerical(Found),
    /// The claim has no measure.
    None,
}

/// The outcome of a measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its value.
    pub value: Value,
    /// The calls about models that it made, with their values, in order.
    pub steps: Vec<String>,
}

/// A measure that has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: measure of `{id}`: {what}")]
pub struct MeasureError {
    /// Where the measure stands.
    pub at: Location,
    /// The claim.
    pub id: String,
    /// What is wrong.
    pub what: String,
}

/// Gathers the evidence that a claim's basis asks for.
///
/// # Errors
/// [`MeasureError`] when the measure names something unknown, divides by zero or overflows.
pub fn gather(claim: &Claim, evaluator: &Evaluator) -> Result<Evidence, MeasureError> {
    let Some(measure) = claim.measure() else {
        return Ok(Evidence::None);
    };
    let (found, numeric) =
        evaluator
            .evaluate(&measure.expression)
            .map_err(|what| MeasureError {
                at: measure.at.clone(),
                id: claim.id.clone(),
                what,
            })?;
    Ok(match numeric {
        true => Evidence::Numerical(found),
        false => Evidence::Structural(found),
    })
}

//! What can be found out about a claim on this machine?

mod functions;
mod structural;

pub use functions::{FUNCTIONS, Function};
pub use structural::Evaluator;

use crate::claim::{Claim, Location, Value};

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// Computed from model descriptions, without tensors.
    Structural {
        /// The measure's value.
        found: Value,
        /// The calls that it made, with their values, in order.
        steps: Vec<String>,
    },
    /// The claim has no measure.
    None,
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
    let (found, steps) = evaluator
        .evaluate(&measure.expression)
        .map_err(|what| MeasureError {
            at: measure.at.clone(),
            id: claim.id.clone(),
            what,
        })?;
    Ok(Evidence::Structural { found, steps })
}

//! What can be found out about a claim on this machine?

mod budget;
mod call;
mod division;
mod evaluator;
mod functions;
mod metered;
mod timings;
mod training;

pub use call::Call;
pub use evaluator::Evaluator;
pub use functions::{FUNCTIONS, Function};
pub use timings::{TimedFolder, Timings};
pub use training::{LeftOut, Training, Why};

use crate::claim::{Basis, Claim, Datum, Location, SuiteError};
use crate::experiment::Answer;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// Computed from model descriptions, without tensors.
    Structural(Found),
    /// Computed by running networks, or layers of theirs.
    Numerical(Found),
    /// Read from timings that are recorded.
    Timed(Found),
    /// The measure asks for timings that are not at hand: which.
    Lacking(String),
    /// What trained networks answer, question by question.
    Training(Vec<Answer>),
    /// The claim has no measure, or its networks have not been trained.
    None,
}

impl Evidence {
    /// What a measure found, if one did.
    pub fn found(&self) -> Option<&Found> {
        match self {
            Evidence::Structural(found) | Evidence::Numerical(found) | Evidence::Timed(found) => {
                Some(found)
            }
            Evidence::Lacking(_) | Evidence::Training(_) | Evidence::None => None,
        }
    }
}

/// The outcome of a measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its value.
    pub value: Datum,
    /// The calls about models that it made, in order, each once.
    pub calls: Vec<Call>,
}

/// Gathers the evidence that a claim's basis asks for.
///
/// # Errors
/// [`SuiteError`] when the measure or the trial names something unknown, divides by zero, overflows, or costs too much.
pub fn gather(
    claim: &Claim,
    evaluator: &Evaluator,
    training: &Training,
) -> Result<Evidence, SuiteError> {
    let fault = |at: &Location, what: String| {
        SuiteError::new(at.clone(), format!("`{}`: {what}", claim.id)).about(&claim.id)
    };
    let measure = match &claim.basis {
        Basis::Measure(measure) => measure,
        Basis::Trial(trial) => {
            let answers = training.answers(trial);
            return match answers.map_err(|what| fault(&claim.at, what))? {
                answers if answers.is_empty() => Ok(Evidence::None),
                answers => Ok(Evidence::Training(answers)),
            };
        }
        Basis::Citation(_) | Basis::Needs(_) => return Ok(Evidence::None),
    };
    evaluator
        .evaluate(&measure.expression, claim.slow)
        .map_err(|what| fault(&measure.at, format!("its measure: {what}")))
}

//! What a command says, and what came out beyond that.

use anyhow::Result;
use serde::Serialize;

/// What is printed, and what became of it.
pub struct Said {
    /// For standard output.
    pub text: String,
    /// What the exit code tells.
    pub outcome: Outcome,
}

/// What came out, beyond the text printed.
pub enum Outcome {
    /// Nothing fails.
    Passes,
    /// A verdict differs from the record, or is a refutation of which none is recorded; something is worse, or
    /// disagrees.
    Fails,
    /// Something could not be done, and this is why; the rest was.
    Lacks(anyhow::Error),
}

impl From<String> for Said {
    fn from(text: String) -> Said {
        Said {
            text,
            outcome: Outcome::Passes,
        }
    }
}

/// A value as JSON, for programs.
pub fn json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// Values as JSON, a line each.
pub fn json_lines(values: &[impl Serialize]) -> Result<String> {
    let line = |value| Ok(serde_json::to_string(value)? + "\n");
    values.iter().map(line).collect()
}

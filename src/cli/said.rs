//! What a command says, and what came out beyond that.

use anyhow::Result;
use convcheck::claim::SuiteError;
use serde::Serialize;
use std::io::Write as _;

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
    /// Something could not be done, and why was said; the rest was.
    Lacks,
}

impl From<String> for Said {
    fn from(text: String) -> Said {
        Said {
            text,
            outcome: Outcome::Passes,
        }
    }
}

/// Says on standard error what is wrong with suites.
pub fn wrong<'a>(errors: impl IntoIterator<Item = &'a SuiteError>) {
    for error in errors {
        // nobody is left to tell when standard error is closed
        let _ = writeln!(std::io::stderr(), "convcheck: {error}");
    }
}

/// What comes out where these errors are all that can be wrong.
pub fn lacks(errors: &[SuiteError]) -> Outcome {
    match errors.is_empty() {
        true => Outcome::Passes,
        false => Outcome::Lacks,
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

/// Texts, a line each.
pub fn lines(texts: &[String]) -> String {
    texts.iter().map(|text| format!("{text}\n")).collect()
}

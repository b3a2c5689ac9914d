//! What a command says, and what came out beyond that. Whatever reaches a terminal goes through here or `progress.rs`, so
//! that nothing in it acts there.

#![allow(
    clippy::disallowed_methods,
    reason = "this file alone writes to standard output and standard error"
)]

use anyhow::{Context, Result};
use convcheck::bench::BenchError;
use convcheck::data::fetch::FetchError;
use convcheck::experiment::ExperimentFault;
use convcheck::pipeline::JobError;
use convcheck::project::ProjectErrors;
use convcheck::record::RecordError;
use convcheck::visible;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write as _};

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

impl Said {
    /// Prints the text on standard output.
    pub fn print(self) -> Result<Outcome> {
        let mut out = io::stdout();
        (out.write_all(on_terminal(&self.text).as_bytes()))
            .and_then(|()| out.flush())
            .context(NO_OUTPUT)?;
        Ok(self.outcome)
    }
}

/// What is said where nothing can be printed.
const NO_OUTPUT: &str = "cannot write to standard output";

/// What no terminal obeys; a tab is a space there, since tables are laid out before.
fn on_terminal(text: &str) -> String {
    visible::text(text).replace('\t', " ")
}

/// Says a line on standard error, whatever it quotes.
pub fn warn(what: impl Display) {
    let what = what.to_string();
    // nobody is left to tell when standard error is closed
    let _ = writeln!(io::stderr(), "convcheck: {}", visible::line(&what));
}

/// Says on standard error why the command could not run: in a project all that is wrong, a line each.
pub fn failed(error: &anyhow::Error) {
    match error.downcast_ref::<ProjectErrors>() {
        Some(errors) => errors.0.iter().for_each(warn),
        None => warn(format_args!("{error:#}")),
    }
}

/// What was stopped on request.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Stopped(pub String);

/// Whether the same command may do better later, with nothing else changed: it was stopped on request, or another process is at what it
/// needs.
pub fn passes(error: &anyhow::Error) -> bool {
    error.is::<Stopped>()
        || error
            .downcast_ref::<ExperimentFault>()
            .is_some_and(ExperimentFault::passes)
        || error
            .downcast_ref::<JobError>()
            .is_some_and(JobError::passes)
        || error
            .downcast_ref::<RecordError>()
            .is_some_and(|error| error.passes)
        || matches!(error.downcast_ref(), Some(BenchError::Stopped))
        || matches!(error.downcast_ref(), Some(FetchError::Stopped))
}

/// Says on standard error what is wrong with suites or records, a line each.
pub fn wrong(errors: impl IntoIterator<Item = impl Display>) {
    errors.into_iter().for_each(warn);
}

/// Says what is wrong with the arguments, or what was asked of them; how much of it is an error, as an exit code.
pub fn arguments(said: &clap::Error) -> u8 {
    let plain = said.render().to_string();
    let printed = match (on_terminal(&plain), said.use_stderr()) {
        // in colours, where they are seen
        (shown, _) if shown == plain => said.print(),
        (shown, true) => io::stderr().write_all(shown.as_bytes()),
        (shown, false) => io::stdout().write_all(shown.as_bytes()),
    };
    if let (Err(error), false) = (&printed, said.use_stderr()) {
        warn(format_args!("{NO_OUTPUT}: {error}"));
    }
    // help and version are no errors, everything else could not run
    match said.use_stderr() || printed.is_err() {
        true => 2,
        false => 0,
    }
}

/// What comes out where these errors are all that can be wrong.
pub fn lacks<E>(errors: &[E]) -> Outcome {
    match errors.is_empty() {
        true => Outcome::Passes,
        false => Outcome::Lacks,
    }
}

/// A value as JSON, for programs.
pub fn json(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_string_pretty(value)?;
    Ok(visible::json(&json).into_owned() + "\n")
}

/// Values as JSON, a line each.
pub fn json_lines(values: &[impl Serialize]) -> Result<String> {
    let line = |value| Ok(visible::json(&serde_json::to_string(value)?).into_owned() + "\n");
    values.iter().map(line).collect()
}

/// Texts, a line each.
pub fn lines(texts: &[String]) -> String {
    let line = |text: &String| visible::line(text).into_owned() + "\n";
    texts.iter().map(line).collect()
}

//! What was found, in a form that outlives the run: one JSON line a claim.

use crate::claim::{Kind, Tolerance, Topic, Trial, Value};
use crate::experiment::Answer;
use crate::file;
use crate::train::Trained;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A checked claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Claim id.
    pub id: String,
    /// System, the id's first part.
    pub system: String,
    /// Section of the document.
    pub section: String,
    /// Line of the document.
    pub line: u32,
    /// The statement.
    pub says: String,
    /// What the statement is about.
    pub topic: Option<Topic>,
    /// The stated value, if it is measured.
    pub stated: Option<Value>,
    /// The expression that was evaluated.
    pub measure: Option<String>,
    /// How near the value had to come.
    pub tolerance: Option<Tolerance>,
    /// What of an experiment decides it.
    #[serde(default)]
    pub trial: Option<Trial>,
    /// What trained networks answer.
    #[serde(default)]
    pub answers: Vec<Answer>,
    /// How the value was found; records from before networks could run do not say.
    #[serde(default)]
    pub method: Option<Method>,
    /// The value found.
    pub found: Option<Value>,
    /// The calls about models that led to it, with their values.
    pub steps: Vec<String>,
    /// The verdict.
    pub verdict: Kind,
    /// The publication cited, what a test needs, or why the evidence does not decide.
    pub because: Option<String>,
    /// The verdict that the suite records.
    pub recorded: Option<Kind>,
    /// The value that the suite records.
    pub recorded_found: Option<Value>,
    /// Other ids that this settles.
    pub covers: Vec<String>,
    /// What is right.
    pub note: Option<String>,
}

impl Record {
    /// What differs from the suite's record, in a sentence; nothing where the suite records nothing.
    pub fn difference(&self) -> Option<String> {
        if let Some(recorded) = self.recorded
            && recorded != self.verdict
        {
            return Some(format!(
                "is {} now, recorded as {}{}",
                self.verdict.name(),
                recorded.name(),
                self.found
                    .as_ref()
                    .map_or(String::new(), |found| format!(" (found {found})"))
            ));
        }
        match (&self.recorded_found, &self.found) {
            (Some(recorded), found) if Some(recorded) != found.as_ref() => Some(format!(
                "finds {} now, recorded is {recorded}",
                found.as_ref().map_or("nothing".into(), ToString::to_string)
            )),
            _ => None,
        }
    }

    /// Whether it has a measure or a trial that was not run, since it takes long: nothing was found out.
    pub fn is_left_out(&self) -> bool {
        (self.measure.is_some() || self.trial.is_some()) && self.method.is_none()
    }

    /// The claim's page and place in the report.
    pub fn anchor(&self) -> String {
        format!("{}.html#{}", self.system, self.id)
    }
}

/// How a value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Computed from descriptions of networks.
    Counted,
    /// Computed by running networks, or layers of theirs.
    Run,
    /// By training networks.
    Trained,
}

/// When, where and by what a record was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The command, without the path of its program.
    pub command: String,
    /// Version of convcheck.
    pub version: String,
    /// Commit that it was built from, if it was a checkout.
    pub commit: Option<String>,
    /// Date of the run, UTC, or the one that `SOURCE_DATE_EPOCH` sets.
    pub date: String,
    /// Processor, cores, memory and operating system.
    pub machine: String,
}

/// A record file that cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", .path.display())]
pub struct RecordError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub what: String,
}

/// The records' file in a report folder.
pub const EVIDENCE: &str = "evidence.jsonl";
/// The finished runs' file in a report folder.
pub const TRAINING: &str = "training.jsonl";
/// The provenance's file in a report folder.
pub const MACHINE: &str = "machine.toml";

/// Writes records and their provenance into a folder, each file whole or not at all.
///
/// # Errors
/// [`RecordError`] names the file and what the system says.
pub fn save(folder: &Path, provenance: &Provenance, records: &[Record]) -> Result<(), RecordError> {
    let path = folder.join(EVIDENCE);
    write(&path, &lines(&path, records)?)?;
    let machine =
        toml::to_string(provenance).map_err(|error| fault(&folder.join(MACHINE), error))?;
    write(&folder.join(MACHINE), machine.as_bytes())
}

/// Reads what [`save`] wrote.
///
/// # Errors
/// [`RecordError`] names the file, and the line that is cut or foreign.
pub fn load(folder: &Path) -> Result<(Provenance, Vec<Record>), RecordError> {
    let read = |name: &str| {
        let path = folder.join(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok((path, text)),
            Err(error) => Err(fault(&path, error)),
        }
    };
    let (path, text) = read(MACHINE)?;
    let provenance =
        toml::from_str(&text).map_err(|error| fault(&path, error.message().replace('\n', "; ")))?;
    let (path, text) = read(EVIDENCE)?;
    let records = parse_lines(&path, &text, "record of a claim")?;
    Ok((provenance, records))
}

/// Writes finished training runs into a folder, whole or not at all.
///
/// # Errors
/// [`RecordError`] names the file and what the system says.
pub fn save_runs(folder: &Path, runs: &[Trained]) -> Result<(), RecordError> {
    write(
        &folder.join(TRAINING),
        &lines(&folder.join(TRAINING), runs)?,
    )
}

/// Reads what [`save_runs`] wrote; nothing where it has not written.
///
/// # Errors
/// [`RecordError`] names the file, and the line that is cut or foreign.
pub fn load_runs(folder: &Path) -> Result<Vec<Trained>, RecordError> {
    let path = folder.join(TRAINING);
    match std::fs::read_to_string(&path) {
        Ok(text) => parse_lines(&path, &text, "finished run"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(fault(&path, format!("cannot read it: {error}"))),
    }
}

fn lines(path: &Path, of: &[impl Serialize]) -> Result<Vec<u8>, RecordError> {
    let mut lines = Vec::new();
    for one in of {
        serde_json::to_writer(&mut lines, one).map_err(|error| fault(path, error))?;
        lines.push(b'\n');
    }
    Ok(lines)
}

fn parse_lines<T: serde::de::DeserializeOwned>(
    path: &Path,
    text: &str,
    what: &str,
) -> Result<Vec<T>, RecordError> {
    let parse = |(i, line): (usize, &str)| {
        serde_json::from_str(line)
            .map_err(|error| fault(path, format!("line {} is no {what}: {error}", i + 1)))
    };
    text.lines().enumerate().map(parse).collect()
}

/// Writes a file so that it is complete or absent.
///
/// # Errors
/// [`RecordError`] names the file and what the system says.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    file::write(path, bytes).map_err(|error| fault(path, format!("cannot write it: {error}")))
}

fn fault(path: &Path, what: impl ToString) -> RecordError {
    RecordError {
        path: path.to_path_buf(),
        what: what.to_string(),
    }
}

//! What was found, in a form that outlives the run: one JSON line a claim, one a training run,
//! one a timing.

mod folder;
mod follows;
mod growing;
mod lines;
mod merge;
mod runs;
mod standing;
mod timings;

pub use folder::{Findings, Held, add_training, load, load_all, save};
pub use lines::Lines;
pub use merge::{Added, Merged, merge};
pub use runs::{load_training, recorded, runs_folder};
pub use standing::Standing;
pub use timings::{add_throughput, load_throughput};

use crate::claim::{Datum, Judged, Kind, Tolerance, Topic, Trial};
use crate::evidence::Call;
use crate::experiment::Answer;
use crate::file;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// A checked claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Claim id.
    pub id: String,
    /// Digest of the claim as its suite puts it; records from before have none, and are known by what else they hold.
    #[serde(default)]
    pub digest: Option<String>,
    /// Digest of what the claim's names stood for when it was checked: the networks of its measure, or its trial's
    /// questions with their arms' recipes and networks. Nothing where it names none, and in records from before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub means: Option<String>,
    /// System, the id's first part.
    pub system: String,
    /// Section of the document, where the suite says it.
    #[serde(default)]
    pub section: Option<String>,
    /// Line of the document, where the suite says it.
    #[serde(default)]
    pub line: Option<u32>,
    /// The statement.
    pub says: String,
    /// What the statement is about.
    pub topic: Option<Topic>,
    /// The stated value, if it is measured.
    pub stated: Option<Datum>,
    /// The expression that was evaluated.
    pub measure: Option<String>,
    /// How near the value had to come.
    pub tolerance: Option<Tolerance>,
    /// What of an experiment decides it.
    #[serde(default)]
    pub trial: Option<Trial>,
    /// How the value was found; records from before networks could run do not say.
    #[serde(default)]
    pub method: Option<Method>,
    /// The value found.
    pub found: Option<Datum>,
    /// The calls about models that led to it; records from before calls were data have none.
    #[serde(default)]
    pub calls: Vec<Call>,
    /// The same as lines of text, in records from before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// The verdict.
    pub verdict: Kind,
    /// The publication cited, what a test needs, or why the evidence does not decide.
    pub because: Option<String>,
    /// The verdict that the suite records.
    pub recorded: Option<Kind>,
    /// The value that the suite records.
    pub recorded_found: Option<Datum>,
    /// Other ids that this settles.
    pub covers: Vec<String>,
    /// What is right.
    pub note: Option<String>,
    /// What experiments say to it; records from before networks could be trained have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
}

impl Record {
    /// Digest of the claim that was judged.
    pub fn claim_digest(&self) -> String {
        (self.digest.clone()).unwrap_or_else(|| self.computed_digest())
    }

    /// Digest of what the record itself says of its claim.
    fn computed_digest(&self) -> String {
        let of_kind = |kind| self.because.as_deref().filter(|_| self.verdict == kind);
        let is_measured = self.measure.is_some() || self.trial.is_some();
        let judged = Judged {
            says: &self.says,
            stated: self.stated.as_ref().map(Cow::Borrowed),
            // records that have no digest have no places either
            places: Vec::new(),
            tolerance: self.tolerance,
            measure: self.measure.as_deref(),
            trial: self.trial.as_ref(),
            cites: of_kind(Kind::Cited),
            needs: of_kind(Kind::Untested).filter(|_| !is_measured),
        };
        judged.digest()
    }

    /// Whether it has a measure or a trial that was not run, since it takes long or what it asks for is not at hand: nothing
    /// was found out.
    pub fn is_left_out(&self) -> bool {
        let decides = self.measure.is_some() || self.trial.is_some();
        decides && self.method.is_none() && self.found.is_none()
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
    /// From timings that are recorded.
    Timed,
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {what}", .path.display())]
pub struct RecordError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub what: String,
    /// Whether the same may be possible later: another process was at it.
    pub passes: bool,
}

impl RecordError {
    fn new(path: &Path, what: impl ToString) -> RecordError {
        RecordError {
            path: path.to_path_buf(),
            what: what.to_string(),
            passes: false,
        }
    }

    fn busy(path: &Path, what: impl ToString) -> RecordError {
        RecordError {
            passes: true,
            ..RecordError::new(path, what)
        }
    }
}

/// Adds to what was said what was not said yet.
pub fn say_once(said: &mut Vec<RecordError>, more: Vec<RecordError>) {
    for error in more {
        if !said.contains(&error) {
            said.push(error);
        }
    }
}

/// The records' file in a report folder.
pub const EVIDENCE: &str = "evidence.jsonl";
/// The training runs' file in a report folder.
pub const TRAINING: &str = "training.jsonl";
/// The timings' file in a report folder.
pub const THROUGHPUT: &str = "throughput.jsonl";
/// The provenance's file in a report folder.
pub const MACHINE: &str = "machine.toml";

/// Writes a file so that it is complete or absent, and makes its folder if there is none.
///
/// # Errors
/// [`RecordError`] names the file and what the system says.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    let fault = |error| RecordError::new(path, format!("cannot write it: {error}"));
    let made = path.parent().map_or(Ok(()), file::make_folder);
    made.and_then(|()| file::write(path, bytes)).map_err(fault)
}

#[cfg(test)]
mod tests;

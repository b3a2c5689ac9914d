//! What does the document say, and how would one find out? Suites of claims, read from TOML.
//!
//! A suite is one file about one system. A claim states something and carries a measure (an
//! expression that computes the truth), a citation, or what would be needed to test it. The recorded
//! verdict and value are what the harness must find again.

mod datum;
mod digest;
mod format;
mod location;
mod tolerance;
mod topic;

pub use datum::Datum;
pub(crate) use datum::grouped;
pub(crate) use digest::Judged;
pub use format::{parse, schema};
pub use location::Location;
pub use tolerance::Tolerance;
pub use topic::Topic;

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The verdict on a claim.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The computed value is the stated one.
    Confirmed,
    /// It is not.
    Refuted,
    /// The evidence does not decide.
    Inconclusive,
    /// Something that this machine or this version lacks is needed.
    Untested,
    /// History or a contest's result: no program can decide it, a publication is named.
    Cited,
}

impl Kind {
    /// All, in the order in which reports count them.
    pub const ALL: [Kind; 5] = [
        Kind::Confirmed,
        Kind::Refuted,
        Kind::Inconclusive,
        Kind::Untested,
        Kind::Cited,
    ];

    /// Its name in suites and records.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Confirmed => "confirmed",
            Kind::Refuted => "refuted",
            Kind::Inconclusive => "inconclusive",
            Kind::Untested => "untested",
            Kind::Cited => "cited",
        }
    }
}

/// Where the truth about a claim comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Basis {
    /// It is computed.
    Measure(Measure),
    /// A publication says it.
    Citation(String),
    /// Networks that were trained decide.
    Trial(Trial),
    /// It cannot be had yet; the text says what is missing.
    Needs(String),
}

/// What of an experiment decides a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The experiment, as `convcheck list experiments` prints it.
    pub experiment: String,
    /// At which scale; what holds at one says nothing about the other.
    pub scale: Scale,
    /// Its questions: the claim is confirmed when all hold, and refuted when one fails.
    pub questions: Vec<String>,
}

/// The scale of an experiment.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Seconds to a minute, on the embedded digits.
    Quick,
    /// The document's own data and sizes.
    Full,
}

impl Scale {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Scale::Quick => "quick",
            Scale::Full => "full",
        }
    }
}

/// An expression whose value decides a claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// In CEL.
    pub expression: String,
    /// What the document states.
    pub stated: Datum,
    /// How near the value must come.
    pub tolerance: Tolerance,
    /// Where the expression stands.
    pub at: Location,
}

/// One statement of the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// `<system>.<kebab-case>`.
    pub id: String,
    /// Section of the document.
    pub section: String,
    /// Line of the document.
    pub line: u32,
    /// The statement.
    pub says: String,
    /// What it is about, if its suite says so.
    pub topic: Option<Topic>,
    /// How it is decided.
    pub basis: Basis,
    /// Whether its measure takes long.
    pub slow: bool,
    /// The verdict that was found before.
    pub recorded: Option<Kind>,
    /// The value that was found before, where it is recorded.
    pub recorded_found: Option<Datum>,
    /// What is right, or what a reader should know.
    pub note: Option<String>,
    /// Ids of other statements that this measure settles.
    pub covers: Vec<String>,
    /// Where the claim stands.
    pub at: Location,
}

impl Claim {
    /// Its measure, if it has one.
    pub fn measure(&self) -> Option<&Measure> {
        match &self.basis {
            Basis::Measure(measure) => Some(measure),
            Basis::Citation(_) | Basis::Trial(_) | Basis::Needs(_) => None,
        }
    }

    /// Its trial, if trained networks decide it.
    pub fn trial(&self) -> Option<&Trial> {
        match &self.basis {
            Basis::Trial(trial) => Some(trial),
            Basis::Measure(_) | Basis::Citation(_) | Basis::Needs(_) => None,
        }
    }

    /// The id behind its system.
    pub fn short_id(&self) -> &str {
        self.id.split_once('.').map_or(&self.id, |(_, id)| id)
    }
}

/// All claims about one system.
#[derive(Debug, Clone, PartialEq)]
pub struct Suite {
    /// Kebab-case name.
    pub system: String,
    /// Heading.
    pub title: String,
    /// Prose in Markdown that the report prints.
    pub analysis: String,
    /// Registered models whose layers the report shows.
    pub models: Vec<String>,
    /// The claims, in file order.
    pub claims: Vec<Claim>,
}

/// A suite that cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct SuiteError {
    /// File, line and column.
    pub at: Location,
    /// What is wrong and what would be right.
    pub what: String,
}

/// A suite larger than this is not a suite: a claim is about 300 bytes.
const MAX_BYTES: u64 = 4 << 20;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        &[$((
            concat!("suites/", $name, ".toml"),
            include_str!(concat!("../suites/", $name, ".toml")),
        )),*]
    };
}

/// The suites about the document, as files of this repository.
pub const EMBEDDED: &[(&str, &str)] = embedded![
    "lenet5",
    "listing-lenet5-cifar10",
    "alexnet",
    "vgg",
    "listing-vgg-cifar100",
    "googlenet",
    "inception-v2",
    "inception-v3",
    "inception-v4",
    "resnet",
    "resnet-v2",
    "listing-resnet18-tf",
    "listing-resnet18-torch",
    "listing-pokemon-scratch",
    "listing-pokemon-transfer",
    "densenet",
    "others",
    "digits",
    "figures",
    "findings",
];

/// Reads the suites about the document.
///
/// # Errors
/// [`SuiteError`], at the first thing that is wrong.
pub fn embedded() -> Result<Vec<Suite>, SuiteError> {
    let suites = EMBEDDED
        .iter()
        .map(|(file, text)| parse(Path::new(file), text))
        .collect::<Result<Vec<_>, _>>()?;
    unique(suites)
}

/// The file of a folder of suites that is none: it says what text they are about.
pub(crate) const REPORT: &str = "report.toml";

/// Reads every `*.toml` of a folder but `report.toml`, in order of name.
///
/// # Errors
/// [`SuiteError`], at the first thing that is wrong; a folder without suites is wrong too.
pub fn load(folder: &Path) -> Result<Vec<Suite>, SuiteError> {
    let fault = |path: &Path, what: String| SuiteError {
        at: Location::file(path),
        what,
    };
    let entries = std::fs::read_dir(folder)
        .map_err(|error| fault(folder, format!("cannot read the folder of suites: {error}")))?;
    let mut files = Vec::<PathBuf>::new();
    for entry in entries {
        let path = entry
            .map_err(|error| fault(folder, error.to_string()))?
            .path();
        let is_toml = path
            .extension()
            .is_some_and(|extension| extension == "toml");
        if is_toml && !path.ends_with(REPORT) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(fault(
            folder,
            "there is no suite (*.toml) in this folder".into(),
        ));
    }
    let suites = files
        .iter()
        .map(|path| parse(path, &read(path)?))
        .collect::<Result<Vec<_>, _>>()?;
    unique(suites)
}

fn read(path: &Path) -> Result<String, SuiteError> {
    let fault = |what: String| SuiteError {
        at: Location::file(path),
        what,
    };
    let unreadable = |error: std::io::Error| fault(format!("cannot read it: {error}"));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(file, MAX_BYTES + 1), &mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(fault(format!(
            "a suite has at most {} MiB; split it by system",
            MAX_BYTES >> 20
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        fault(format!(
            "a suite is UTF-8 text; byte {} is not",
            error.utf8_error().valid_up_to()
        ))
    })
}

/// One id, one claim, one place: across all suites, covered ids included.
fn unique(suites: Vec<Suite>) -> Result<Vec<Suite>, SuiteError> {
    let mut seen = std::collections::BTreeMap::new();
    for claim in suites.iter().flat_map(|suite| &suite.claims) {
        for id in std::iter::once(&claim.id).chain(&claim.covers) {
            if let Some(first) = seen.insert(id, &claim.at) {
                return Err(SuiteError {
                    at: claim.at.clone(),
                    what: format!("`{id}` is accounted for twice, first at {first}"),
                });
            }
        }
    }
    Ok(suites)
}

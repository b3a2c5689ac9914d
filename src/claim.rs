//! What does the document say, and how would one find out? Suites of claims, read from TOML.
//!
//! A suite is one file about one system. A claim states something and carries a measure (an
//! expression that computes the truth), a citation, or what would be needed to test it. The recorded
//! verdict and value are what the harness must find again.

mod datum;
mod digest;
mod files;
mod format;
mod location;
mod parse;
mod stated;
mod syntax;
mod tolerance;
mod topic;

pub use datum::Datum;
pub(crate) use datum::{MOST_LEVELS, grouped};
pub(crate) use digest::Judged;
pub(crate) use files::toml_below;
pub use files::{find, load, read};
pub use format::schema;
pub use location::Location;
pub(crate) use location::{Places, one_line};
pub(crate) use parse::not_a_name;
pub use parse::parse;
pub use stated::{Printed, Stated};
pub(crate) use syntax::{CEL, deep, parsed};
pub use tolerance::{KindError, Tolerance};
pub use topic::Topic;

use serde::{Deserialize, Serialize};
use std::path::Path;

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
    pub stated: Stated,
    /// Where it stands.
    pub stated_at: Location,
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
    /// Section of the document, where the suite says it.
    pub section: Option<String>,
    /// Line of the document, where the suite says it.
    pub line: Option<u32>,
    /// The statement.
    pub says: String,
    /// What it is about, if its suite says so.
    pub topic: Option<Topic>,
    /// How it is decided.
    pub basis: Basis,
    /// Where its trial stands, if it has one; else where the claim does.
    pub trial_at: Location,
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
    pub models: Vec<NamedModel>,
    /// The claims, in file order.
    pub claims: Vec<Claim>,
    /// Where the suite names its system.
    pub at: Location,
}

/// A model that a suite names.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedModel {
    /// Its name, with arguments where it takes some.
    pub name: String,
    /// Where it is named.
    pub at: Location,
}

/// What files hold: suites that can be checked, and what is wrong with the rest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Suites {
    /// The suites, with the claims that nothing is wrong with.
    pub suites: Vec<Suite>,
    /// All that is wrong, file by file.
    pub errors: Vec<SuiteError>,
}

impl Suites {
    /// The suites, if nothing is wrong with any.
    ///
    /// # Errors
    /// The first [`SuiteError`].
    pub fn whole(self) -> Result<Vec<Suite>, SuiteError> {
        match self.errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(self.suites),
        }
    }
}

impl From<Vec<Suite>> for Suites {
    fn from(suites: Vec<Suite>) -> Suites {
        Suites {
            suites,
            errors: Vec::new(),
        }
    }
}

impl From<SuiteError> for Suites {
    fn from(error: SuiteError) -> Suites {
        Suites {
            suites: Vec::new(),
            errors: vec![error],
        }
    }
}

/// A suite, or a claim of it, that cannot be judged: what is wrong with it, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{at}: {what}")]
pub struct SuiteError {
    /// File, line and column.
    pub at: Location,
    /// The claim, where it is one that has an id.
    pub id: Option<String>,
    /// What is wrong and what would be right.
    pub what: String,
}

impl SuiteError {
    /// An error of a suite.
    pub fn new(at: Location, what: impl Into<String>) -> SuiteError {
        SuiteError {
            at,
            id: None,
            what: one_line(what),
        }
    }

    /// The error, as one of a claim.
    #[must_use]
    pub fn about(self, id: &str) -> SuiteError {
        SuiteError {
            id: Some(id.to_string()),
            ..self
        }
    }
}

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

/// The file of a folder of suites that is none: it says what text they are about.
pub(crate) const REPORT: &str = "report.toml";

/// Reads the suites about the document.
///
/// # Errors
/// The first [`SuiteError`]; a test insists that there is none.
pub fn embedded() -> Result<Vec<Suite>, SuiteError> {
    let files = EMBEDDED.iter();
    files::join(files.map(|(file, text)| parse(Path::new(file), text))).whole()
}

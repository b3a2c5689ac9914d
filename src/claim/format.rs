//! The file format of suites: TOML with unknown keys refused, and its JSON Schema.

use super::{Datum, Kind, Tolerance, Topic, Trial};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

/// A suite: everything that is claimed about one system.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "convcheck suite")]
pub(super) struct SuiteFile {
    /// Kebab-case name of the system; every claim's id begins with it.
    #[schemars(with = "String", regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub system: Spanned<String>,
    /// Heading in the report.
    pub title: String,
    /// Prose in Markdown that the report prints in front of the claims.
    #[serde(default)]
    pub analysis: String,
    /// Registered models whose layer tables and plots the report shows.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub models: Vec<Spanned<String>>,
    /// The claims.
    #[expect(
        dead_code,
        reason = "claims are read one by one; here they are part of the format"
    )]
    #[serde(default, rename = "claim")]
    #[schemars(with = "Vec<ClaimFile>")]
    pub claims: Vec<Spanned<ClaimFile>>,
}

/// One statement; it has exactly one of `measure`, `trial`, `cites` and `needs`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimFile {
    /// `<system>.<kebab-case>`.
    #[schemars(with = "String")]
    pub id: Spanned<String>,
    /// Section of the document, if it has any.
    pub section: Option<String>,
    /// Line of the document, if lines are counted.
    pub line: Option<u32>,
    /// The statement, in English.
    pub says: String,
    /// What the statement is about.
    pub topic: Option<Topic>,
    /// The value that the document states; with `measure` only. A number may be a text with its unit, as it is printed:
    /// "138.4M" (k, M, G or B, T), "5.0 %" for 0.05.
    #[expect(
        dead_code,
        reason = "it is read with its digits; here it is part of the format"
    )]
    pub stated: Option<Datum>,
    /// A CEL expression over the registered models and recorded timings; `convcheck list functions` shows its vocabulary.
    #[schemars(with = "Option<String>")]
    pub measure: Option<Spanned<String>>,
    /// How near the measured value must come to the stated one; without it exactly, and to the printed digits where a
    /// number has a unit.
    #[schemars(with = "Option<Tolerance>")]
    pub tolerance: Option<Spanned<Tolerance>>,
    /// Whether the measure takes long, over about a second: then `--all` runs it.
    #[serde(default)]
    pub slow: bool,
    /// What of an experiment decides it.
    #[schemars(with = "Option<Trial>")]
    pub trial: Option<Spanned<Trial>>,
    /// The publication that says so, for history and contest results.
    pub cites: Option<String>,
    /// What a test of this statement needs and this version lacks.
    pub needs: Option<String>,
    /// The verdict that the harness must find again.
    pub verdict: Option<Kind>,
    /// The value that the harness must find again.
    pub found: Option<Datum>,
    /// What is right, or what a reader should know.
    pub note: Option<String>,
    /// Ids of other statements that this one settles.
    #[serde(default)]
    pub covers: Vec<String>,
}

/// The format as a JSON Schema.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(SuiteFile).to_value()
}

//! The file format of `convcheck.toml`: TOML with unknown keys refused, and its JSON Schema.

use super::ProjectError;
use crate::claim::Places;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;

/// Texts of one's own, what they claim, and what their claims need.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "convcheck project")]
pub(super) struct ProjectFile {
    /// The texts that are checked.
    #[serde(rename = "document")]
    #[schemars(with = "Vec<DocumentFile>", length(min = 1))]
    documents: Spanned<Vec<DocumentFile>>,
    /// Files and folders of experiments, relative to this file; what is in sub-folders counts.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub experiments: Vec<Spanned<String>>,
    /// Names of one's own for networks, each with the model that it stands for: one of `convcheck list models` or another name
    /// of this table, with arguments where it takes some.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub models: BTreeMap<Spanned<String>, Spanned<String>>,
    /// Whether the suites about the program's own article are checked too.
    #[serde(default, rename = "builtin-suites")]
    pub builtin_suites: bool,
}

/// A text.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentFile {
    /// Its title, which heads the report.
    #[schemars(with = "String", length(min = 1))]
    pub title: Spanned<String>,
    /// How it is cited: author, year, address.
    #[schemars(with = "String", length(min = 1))]
    pub source: Spanned<String>,
    /// The file that it stands in, relative to this one.
    #[schemars(with = "Option<String>")]
    pub file: Option<Spanned<String>>,
    /// Files and folders of suites about it, relative to this file; what is in sub-folders counts.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub suites: Spanned<Vec<Spanned<String>>>,
}

/// The format as a JSON Schema.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(ProjectFile).to_value()
}

impl ProjectFile {
    /// The texts, in order.
    pub fn documents(&self) -> impl Iterator<Item = &DocumentFile> {
        self.documents.get_ref().iter()
    }
}

/// Reads the text of a `convcheck.toml`; nothing that it names is looked at.
pub(super) fn parse(file: &Path, text: &str) -> Result<ProjectFile, ProjectError> {
    let error = |byte, what: &str| {
        let at = Places::of(file, text).at(byte);
        ProjectError::new(at, what)
    };
    let read: ProjectFile = toml::from_str(text)
        .map_err(|wrong| error(wrong.span().map_or(0, |span| span.start), wrong.message()))?;
    if read.documents.get_ref().is_empty() {
        let what = "there is no document: [[document]] names a text and its suites";
        return Err(error(read.documents.span().start, what));
    }
    for document in read.documents() {
        for (text, what) in [
            (
                &document.title,
                "a document has a title, which heads the report",
            ),
            (
                &document.source,
                "a document has a source: author, year, address",
            ),
        ] {
            if text.get_ref().trim().is_empty() {
                return Err(error(text.span().start, what));
            }
        }
    }
    if let Some(none) = (read.documents()).find(|document| document.suites.get_ref().is_empty()) {
        let what = "a document has suites: files, or folders of them";
        return Err(error(none.suites.span().start, what));
    }
    Ok(read)
}

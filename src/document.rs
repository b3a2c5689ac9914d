//! What is the text that is checked, and what does a report about it show beside its claims?
//!
//! Title and source, the sentences that pages print about the text, and the plots that belong to it alone: which models
//! one saves by, which arms of its experiments are held against each other. All of it is data, read from TOML; pages
//! themselves say nothing of any text.

use crate::claim::{Location, Places, REPORT};
use schemars::JsonSchema;
use serde::Deserialize;
use std::io::ErrorKind;
use std::path::Path;

/// A text, and what a report shows of it. A text of which nothing but the title is known has a report too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "convcheck report")]
pub struct Document {
    /// Heading of the report's first page, which adds that it was checked.
    pub title: String,
    /// How the text is cited: author, year, where it stands.
    pub source: Option<String>,
    /// What a sentence calls it; without it, its title.
    pub name: Option<String>,
    /// Which statements the claims account for; ends the sentence "so many claims account for so many statements: ".
    pub statements: Option<String>,
    /// Whether pages show every registered network and every experiment; else those that claims use, and the author's own
    /// experiments.
    #[serde(default)]
    pub every_model: bool,
    /// Pairs of arms that experiments have in common, and whose difference the first page shows.
    #[serde(default, rename = "pair")]
    pub pairs: Vec<ArmPair>,
    /// Models that do the same with fewer parameters.
    pub savings: Option<Savings>,
    /// How gradients change along the layers of untrained networks.
    pub gradients: Option<Gradients>,
    /// First losses, as they are printed and as untrained networks have them.
    pub first_losses: Option<FirstLosses>,
}

/// Two arms that several experiments have, trained under the same seeds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArmPair {
    /// Heading.
    pub title: String,
    /// What is compared.
    pub about: String,
    /// What each of the experiments is about, heading of the table's first column.
    pub subject: String,
    /// The arm whose test error is counted positive.
    pub of: NamedArm,
    /// The arm whose test error is subtracted.
    pub against: NamedArm,
    /// What the difference is called, heading of its column.
    pub difference: String,
    /// What the plot shows.
    pub figure: String,
    /// What lies on the plot's right, where the difference is positive.
    pub right: String,
}

/// An arm by its name in experiments.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedArm {
    /// Its name in experiments.
    pub arm: String,
    /// Its name in the report.
    pub title: String,
}

/// A plot of the share of parameters that is left where a cheaper model stands for another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Savings {
    /// Heading.
    pub title: String,
    /// What the plot shows.
    pub figure: String,
    /// The bars, in order.
    #[serde(rename = "bar")]
    pub bars: Vec<Saving>,
}

/// A model that stands for another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Saving {
    /// What is replaced by what.
    pub label: String,
    /// The model that is replaced.
    pub costly: String,
    /// The model that replaces it.
    pub cheap: String,
}

/// A plot of gradients along networks, which claims have measured.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gradients {
    /// Heading.
    pub title: String,
    /// What is measured.
    pub about: String,
    /// What the plot shows.
    pub figure: String,
    /// How the weights are drawn: an argument of `gradient_norms`.
    pub weights: String,
    /// The curves, in order.
    #[serde(rename = "line")]
    pub lines: Vec<GradientLine>,
}

/// A network along whose layers gradients are shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GradientLine {
    /// Its name in the plot.
    pub label: String,
    /// The model.
    pub model: String,
    /// The op at which gradients are measured.
    pub op: String,
}

/// A plot of first losses, which claims have measured.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstLosses {
    /// Heading.
    pub title: String,
    /// What is measured.
    pub about: String,
    /// What the plot shows.
    pub figure: String,
    /// Arguments of `first_loss` whose calls do not count, since no training run starts so.
    #[serde(default)]
    pub without: Vec<String>,
    /// How losses are measured, in order: the bars under a printed one.
    #[serde(rename = "mode")]
    pub modes: Vec<LossMode>,
    /// The networks, in order.
    #[serde(rename = "bar")]
    pub bars: Vec<FirstLoss>,
}

/// A way to measure first losses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LossMode {
    /// The argument of `first_loss` that asks for it.
    pub argument: String,
    /// Its name in the plot.
    pub title: String,
}

/// A network whose first loss is printed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstLoss {
    /// Its name in the plot.
    pub label: String,
    /// The model.
    pub model: String,
    /// The claim that states what is printed.
    pub printed: String,
}

/// A description of a text that cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct DocumentError {
    /// File, line and column.
    pub at: Location,
    /// What is wrong and what would be right.
    pub what: String,
}

impl Document {
    /// A text of which nothing is known but its suites.
    pub fn unknown() -> Document {
        Document {
            title: "What the suites claim".into(),
            name: Some("the text".into()),
            ..Document::default()
        }
    }

    /// What a sentence calls it.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.title)
    }
}

/// The article that the embedded suites are about, as a file of this repository.
pub const EMBEDDED: (&str, &str) = ("suites/report.toml", include_str!("../suites/report.toml"));

/// The article that the embedded suites are about.
///
/// # Errors
/// [`DocumentError`] at the first thing that is wrong.
pub fn embedded() -> Result<Document, DocumentError> {
    let (file, text) = EMBEDDED;
    parse(Path::new(file), text)
}

/// The text that a folder of suites is about: what its `report.toml` says, if it has one.
///
/// # Errors
/// [`DocumentError`] at the first thing that is wrong.
pub fn beside(suites: &Path) -> Result<Document, DocumentError> {
    let file = suites.join(REPORT);
    match std::fs::read_to_string(&file) {
        Ok(text) => parse(&file, &text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Document::unknown()),
        Err(error) => Err(DocumentError {
            at: Location::file(&file),
            what: format!("cannot read it: {error}"),
        }),
    }
}

/// Reads the description of a text.
///
/// # Errors
/// [`DocumentError`] with line and column of the first thing that is wrong.
pub fn parse(file: &Path, text: &str) -> Result<Document, DocumentError> {
    toml::from_str(text).map_err(|error| DocumentError {
        at: Places::of(file, text).at(error.span().map_or(0, |span| span.start)),
        what: error.message().replace('\n', "; "),
    })
}

/// The format as a JSON Schema.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error_with_its_place() {
        let text = "title = \"A text\"\nlead = \"x\"\n";
        let error = parse(Path::new("report.toml"), text).unwrap_err();
        let error = error.to_string();
        assert!(
            error.starts_with("report.toml:2:1: unknown field `lead`"),
            "{error}"
        );
    }

    #[test]
    fn a_title_is_enough() {
        let document = parse(Path::new("report.toml"), "title = \"A text\"").unwrap();
        assert_eq!(document.name(), "A text");
        assert!(!document.every_model && document.pairs.is_empty());
    }
}

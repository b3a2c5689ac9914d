//! What was found, for people: pages, text, Markdown and JUnit, all pure functions of suites and
//! records. A report measures nothing.
//!
//! A `table.rs` is the same for a terminal, for Markdown and for a page; a `plot.rs` is for pages alone;
//! `pages.rs` says which pages there are, and `frame.rs` what all have around them.

mod changes;
mod claims;
mod datasets;
mod difference;
mod experiments;
mod frame;
mod junit;
mod layers;
mod list;
mod markdown;
mod measured;
mod models;
mod number;
mod overview;
mod pages;
mod plain;
mod plot;
mod plots;
mod prose;
mod runs;
mod search;
mod shown;
mod speed;
mod standing;
mod table;
mod text;
mod verdicts;

pub use changes::{Changes, changes_html, changes_markdown, changes_text};
pub use datasets::{audit as audit_text, statistics as statistics_text};
pub use difference::{
    difference_brief, difference_html, difference_text, tensor_difference_brief,
    tensor_difference_html, tensor_difference_text,
};
pub use experiments::{answers_text, left_out, published_text};
pub use junit::junit;
pub use layers::text as layers;
pub use list::{Listing, list_claims, list_experiments, list_functions, list_models, list_suites};
pub use markdown::markdown;
pub use number::{agreeing, counted};
pub use pages::{Page, is_taken, render};
pub use runs::list_runs;
pub use shown::shown;
pub use speed::{markdown as speed_markdown, text as speed_text};
pub use table::{columns, width};
pub use text::{claims as claims_text, summary};
pub use verdicts::account;

use crate::analysis::Overflow;
use crate::bench::Timing;
use crate::claim::{Suite, SuiteError};
use crate::document::Document;
use crate::evidence::Training;
use crate::record::{Provenance, Record};
use crate::zoo::{Registry, ZooError};

/// The folder below a report in which reports of other records stand.
pub const RECORDS: &str = "records";

/// What a report is made of.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// The text that is checked.
    pub document: &'a Document,
    /// What it claims.
    pub suites: &'a [Suite],
    /// What of it could not be judged.
    pub errors: &'a [SuiteError],
    /// What was found, a record a claim.
    pub records: &'a [Record],
    /// What was trained.
    pub training: &'a Training,
    /// What was timed.
    pub timings: &'a [Timing],
    /// Names of the reports that stand in [`RECORDS`] below it, each in a folder.
    pub below: &'a [String],
    /// How it was found; nothing where no check is recorded.
    pub provenance: Option<&'a Provenance>,
    /// The networks that can be named.
    pub registry: &'a Registry,
}

impl Report<'_> {
    /// Whether claims were checked.
    fn is_of_a_check(&self) -> bool {
        self.provenance.is_some() || !self.records.is_empty()
    }
}

/// A page that cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A model cannot be shown.
    #[error(transparent)]
    Zoo(#[from] ZooError),
    /// A count does not fit.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// A record belongs to no suite.
    #[error("record `{id}` belongs to system `{system}`, of which there is no suite")]
    NoSuite {
        /// The claim.
        id: String,
        /// Its system.
        system: String,
    },
}

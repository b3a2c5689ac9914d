//! What was found, for people: pages, text, Markdown and JUnit, all pure functions of suites and
//! records. A report measures nothing.

mod claims;
mod html;
mod junit;
mod markdown;
mod models;
mod plot;
mod prose;
mod text;

pub use html::{Page, render};
pub use junit::junit;
pub use markdown::markdown;
pub use text::{claims as claims_text, columns, layers, models as models_text, summary};

use crate::claim::Kind;
use crate::record::Record;

/// How many records have each verdict, in the order of [`Kind::ALL`].
fn counts<'a>(records: impl Iterator<Item = &'a Record> + Clone) -> [usize; 5] {
    Kind::ALL.map(|kind| {
        records
            .clone()
            .filter(|record| record.verdict == kind)
            .count()
    })
}

/// Statements that records settle: each claim, and the ids that it covers.
pub fn statements<'a>(records: impl Iterator<Item = &'a Record>) -> usize {
    records.map(|record| 1 + record.covers.len()).sum()
}

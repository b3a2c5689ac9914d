//! A summary in Markdown, for pull requests and step summaries.

use super::plain::{code, item, plain};
use super::standing::Standings;
use super::table::{Cell, Table, words};
use super::verdicts::{by_system, found};
use crate::claim::{Datum, Kind, Suite, SuiteError};
use crate::record::Record;
use std::fmt::Write;

/// Counts by system, what has no verdict since something is wrong with it, what differs from the record, and every refuted claim with what is right.
pub fn markdown(suites: &[Suite], records: &[Record], errors: &[SuiteError]) -> String {
    let counts = by_system(
        &found(suites, records),
        |suite| Cell::new(&suite.title),
        |_, _, n| Cell::new(n),
    );
    let mut text = format!("# convcheck\n\n{}", counts.markdown());
    if !errors.is_empty() {
        text += "\n## Errors\n\n";
        for error in errors {
            let _ = writeln!(text, "- {}", item(&error.to_string()));
        }
    }
    let standings = Standings::of(records);
    for (heading, failures) in standings.failures() {
        let _ = write!(text, "\n## {heading}\n\n");
        for (record, why) in failures {
            let _ = writeln!(text, "- {} {}", code(&record.id), plain(why));
        }
    }
    if let Some(rest) = standings.rest() {
        let _ = write!(text, "\n{rest}\n");
    }
    let value = |value: &Option<Datum>| Cell::maybe(value.as_ref().map(ToString::to_string));
    let names = ["claim", "says", "stated", "found", "what is right"];
    let mut refuted = Table::new(names.map(words));
    for record in records
        .iter()
        .filter(|record| record.verdict == Kind::Refuted)
    {
        refuted.row([
            Cell::code(&record.id),
            Cell::new(&record.says),
            value(&record.stated),
            value(&record.found),
            Cell::new(record.note.as_deref().unwrap_or_default()),
        ]);
    }
    let _ = write!(text, "\n## Refuted\n\n{}", refuted.markdown());
    text
}

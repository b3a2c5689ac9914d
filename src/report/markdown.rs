//! A summary in Markdown, for pull requests and step summaries.

use super::counts;
use super::standing::Standings;
use crate::claim::{Datum, Kind, Suite};
use crate::record::Record;
use std::fmt::Write;

/// Counts by system, what differs from the record, and every refuted claim with what is right.
pub fn markdown(suites: &[Suite], records: &[Record]) -> String {
    let mut text = String::from("# convcheck\n\n| system |");
    for kind in Kind::ALL {
        let _ = write!(text, " {} |", kind.name());
    }
    text += "\n|---|---:|---:|---:|---:|---:|\n";
    for suite in suites {
        let of = records
            .iter()
            .filter(|record| record.system == suite.system);
        let counts = counts(of);
        if counts.iter().sum::<usize>() > 0 {
            let _ = write!(text, "| {} |", cell(&suite.title));
            for n in counts {
                let _ = write!(text, " {n} |");
            }
            text.push('\n');
        }
    }
    let standings = Standings::of(records);
    for (heading, failures) in standings.failures() {
        let _ = write!(text, "\n## {heading}\n\n");
        for (record, why) in failures {
            let _ = writeln!(text, "- `{}` {}", record.id, cell(why));
        }
    }
    if let Some(rest) = standings.rest() {
        let _ = write!(text, "\n{rest}\n");
    }
    text += "\n## Refuted\n\n| claim | says | stated | found | what is right |\n|---|---|---|---|---|\n";
    let value = |value: &Option<Datum>| value.as_ref().map_or(String::new(), ToString::to_string);
    for record in records
        .iter()
        .filter(|record| record.verdict == Kind::Refuted)
    {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            record.id,
            cell(&record.says),
            cell(&value(&record.stated)),
            cell(&value(&record.found)),
            cell(record.note.as_deref().unwrap_or(""))
        );
    }
    text
}

/// Text that cannot break out of its cell, or become markup.
pub(super) fn cell(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\n' | '\r' => escaped.push(' '),
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

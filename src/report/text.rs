//! What a check found, for a terminal.

use super::number::agreeing;
use super::standing::Standings;
use super::table::{Cell, columns};
use super::verdicts::{by_system, counts, found, given, statements};
use crate::claim::{Datum, Suite, SuiteError};
use crate::record::Record;

/// What a check found, to be read in ten seconds.
pub fn summary(suites: &[Suite], records: &[Record], errors: &[SuiteError]) -> String {
    let found = found(suites, records);
    let mut table = by_system(
        &found,
        |suite| Cell::new(&suite.system),
        |_, _, n| Cell::new(n),
    );
    let all = given(counts(records.iter()))
        .into_iter()
        .map(|(_, n)| Cell::new(n));
    let all = std::iter::once(Cell::new("all")).chain(all);
    table.row(all.chain([Cell::new(statements(records.iter()))]));
    let mut text = table.text();
    let standings = Standings::of(records);
    let differ = agreeing(standings.differing.len(), "differs", "differ");
    for (what, failures) in [
        (
            format!("{differ} from what is recorded"),
            &standings.differing,
        ),
        (
            "refuted without a recorded verdict".into(),
            &standings.refuted,
        ),
    ] {
        if !failures.is_empty() {
            text += &format!("{} {what}:\n", failures.len());
        }
        for (record, why) in failures {
            text += &format!("  {} {why}\n", record.id);
        }
    }
    if let Some(rest) = standings.rest() {
        text += &format!("{rest}\n");
    }
    match errors.len() {
        0 => {}
        1 => text += "1 error leaves what it is about without a verdict.\n",
        n => text += &format!("{n} errors leave what they are about without a verdict.\n"),
    }
    text
}

/// A line for each claim.
pub fn claims(records: &[Record]) -> String {
    let value = |value: &Option<Datum>| {
        let text = value.as_ref().map(ToString::to_string);
        text.map_or(String::new(), |text| shortened(&text, 40))
    };
    let rows = records.iter().map(|record| {
        [
            record.verdict.name().to_string(),
            record.id.clone(),
            value(&record.stated),
            value(&record.found),
        ]
    });
    columns(["verdict", "claim", "stated", "found"], rows)
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_string();
    }
    text.chars().take(most - 3).chain("...".chars()).collect()
}

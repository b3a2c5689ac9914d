//! What a check found, for a terminal.

use super::number::agreeing;
use super::standing::Standings;
use super::table::{Cell, columns};
use super::verdicts::{by_system, counts, found, given, statements};
use crate::claim::{Datum, Suite, SuiteError};
use crate::record::Record;
use crate::visible;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

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
            text += &format!("  {} {}\n", record.id, visible::line(why));
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
        text.map_or(String::new(), |text| shortened(&visible::line(&text), 40))
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

/// So many columns of a terminal at most, of which a Chinese character takes two.
fn shortened(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_string();
    }
    let mut room = most - 3;
    let fits = |c: &char| {
        let left = room.checked_sub(c.width().unwrap_or(0));
        room = left.unwrap_or(0);
        left.is_some()
    };
    text.chars().take_while(fits).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_no_more_than_its_columns() {
        for (text, shown) in [
            ("1234567", "1234567"),
            ("12345678", "1234..."),
            ("卷积神经", "卷积..."),
            ("a卷积神经", "a卷..."),
        ] {
            assert_eq!(shortened(text, 7), shown);
        }
    }
}

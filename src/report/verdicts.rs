//! How many claims have which verdict, as a bar, as numbers, and system by system.

use super::number::{agreeing, counted};
use super::table::{Cell, Table, numbers, words};
use crate::claim::{Kind, Suite};
use crate::record::Record;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// A suite with those of the records that are its own.
pub(super) type Found<'a> = (&'a Suite, Vec<&'a Record>);

/// The suites that have records.
pub(super) fn found<'a>(suites: &'a [Suite], records: &'a [Record]) -> Vec<Found<'a>> {
    let mut of_system: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in records {
        of_system.entry(&record.system).or_default().push(record);
    }
    let of = |suite: &'a Suite| Some((suite, of_system.remove(&*suite.system)?));
    suites.iter().filter_map(of).collect()
}

/// How many records have each verdict, in the order of [`Kind::ALL`].
pub(super) fn counts<'a>(records: impl Iterator<Item = &'a Record> + Clone) -> [usize; 5] {
    Kind::ALL.map(|kind| {
        records
            .clone()
            .filter(|record| record.verdict == kind)
            .count()
    })
}

/// Statements that records settle: each claim, and the ids that it covers.
pub(super) fn statements<'a>(records: impl Iterator<Item = &'a Record>) -> usize {
    records.map(|record| 1 + record.covers.len()).sum()
}

/// How many claims there are, and for how many statements they account, as the beginning of a sentence.
pub fn account(records: &[Record]) -> String {
    format!(
        "{} {} for {}",
        counted(records.len(), "claim"),
        agreeing(records.len(), "accounts", "account"),
        counted(statements(records.iter()), "statement")
    )
}

/// Verdicts that some claim has, and how many have it.
pub(super) fn given(counts: [usize; 5]) -> Vec<(Kind, usize)> {
    let all = Kind::ALL.into_iter().zip(counts);
    all.filter(|&(_, n)| n > 0).collect()
}

/// Counts by verdict, a row a system: `name` writes a system, `count` how many of its claims have a verdict.
pub(super) fn by_system(
    found: &[Found],
    name: impl Fn(&Suite) -> Cell,
    count: impl Fn(&Suite, Kind, usize) -> Cell,
) -> Table {
    let given = given(counts(
        found.iter().flat_map(|(_, records)| records).copied(),
    ));
    let verdicts = given.iter().map(|(kind, _)| numbers(kind.name()));
    let columns = std::iter::once(words("system")).chain(verdicts);
    let mut table = Table::new(columns.chain([numbers("statements")])).class("systems");
    for (suite, records) in found {
        let counts = counts(records.iter().copied());
        let of = Kind::ALL.into_iter().zip(counts);
        let of = of.filter(|(kind, _)| given.iter().any(|(other, _)| other == kind));
        let cells = of.map(|(kind, n)| match n {
            0 => Cell::none(),
            n => count(suite, kind, n),
        });
        let cells = std::iter::once(name(suite)).chain(cells);
        table.row(cells.chain([Cell::new(statements(records.iter().copied()))]));
    }
    table
}

/// Counts by verdict, as a bar and as numbers.
pub(super) fn bar(counts: [usize; 5]) -> Markup {
    html! {
        (strip(counts))
        ul.legend { @for (kind, n) in given(counts) { li { (dot(kind, n)) } } }
    }
}

/// Counts by verdict, as a bar.
pub(super) fn strip(counts: [usize; 5]) -> Markup {
    html! {
        div.bar aria-hidden="true" {
            @for (kind, n) in given(counts) { span class=(kind.name()) style={"flex-grow:" (n)} {} }
        }
    }
}

/// A count with its verdict.
pub(super) fn dot(kind: Kind, n: usize) -> Markup {
    html! { span class={"dot " (kind.name())} aria-hidden="true" {} strong { (n) } " " (kind.name()) }
}

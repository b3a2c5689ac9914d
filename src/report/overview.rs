//! The first page: verdicts by system, and what is wrong.

use super::experiments::{self, Gathered};
use super::standing::Standings;
use super::table::Cell;
use super::verdicts::{Found, account, by_system, counts, dot, given, strip};
use super::{RECORDS, Report, claims, search, speed};
use crate::check::Current;
use crate::claim::{Kind, Suite};
use crate::record::Record;
use maud::{Markup, html};

pub(super) fn page(
    report: &Report,
    current: &Current,
    found: &[Found],
    gathered: &[Gathered],
) -> Markup {
    let Report {
        document,
        records,
        errors,
        ..
    } = report;
    let all = counts(records.iter());
    let refuted: Vec<&Record> = records
        .iter()
        .filter(|r| r.verdict == Kind::Refuted)
        .collect();
    let standings = Standings::of(records);
    let are_noted = refuted.iter().all(|record| record.note.is_some());
    html! {
        h1 { (document.title) ", checked" }
        @if let Some(source) = &document.source { p.source { (source) } }
        p.lead {
            (account(records))
            @match &document.statements {
                Some(which) => { ": " bdi { (which) } }
                None => ".",
            }
            " What a description of each network decides is counted on it or found by running it; what networks learn is "
            "found by training them; history names its source; the rest says what a test would need."
        }
        (strip(all))
        ul.verdicts { @for (kind, n) in given(all) {
            li { (dot(kind, n)) span.means { ": " (means(kind, are_noted)) } }
        } }
        @if !errors.is_empty() {
            section.alarm {
                h2 { "Without a verdict, since something is wrong" }
                ul { @for error in errors.iter() { li { (error) } } }
            }
        }
        @for (heading, failures) in standings.failures() {
            section.alarm {
                h2 { (heading) }
                ul { @for (record, why) in failures {
                    li { a href=(record.anchor()) { (record.id) } " " bdi { (why) } }
                } }
            }
        }
        @for (heading, claims) in outdated(current) {
            section.alarm {
                h2 { (heading) }
                p { @for (i, id) in claims.iter().enumerate() { @if i > 0 { ", " } code { (id) } } }
            }
        }
        @if let Some(rest) = standings.rest() { p.standing { (rest) } }
        h2 { "By system" }
        (by_system(found, named, chosen).html("Verdicts by system"))
        (experiments::section(report, gathered))
        (speed::section(report.timings))
        (below(report.below))
        h2 { @if are_noted { "Refuted, and what is right" } @else { "Refuted" } }
        @if refuted.is_empty() { p { "Nothing that was checked is wrong." } }
        @for record in refuted { (claims::claim_elsewhere(record, gathered)) }
    }
}

/// The first page where no check is recorded: what else is, and what is not.
pub(super) fn without_check(report: &Report, gathered: &[Gathered]) -> Markup {
    let document = report.document;
    html! {
        h1 { (document.title) }
        @if let Some(source) = &document.source { p.source { (source) } }
        p.lead {
            "No check of claims is recorded here, so that no claim has a verdict: below is what else was found."
        }
        (experiments::section(report, gathered))
        (speed::section(report.timings))
        (below(report.below))
        @if report.timings.is_empty() { p { "Nothing was timed." } }
    }
}

/// Links to the reports of other records.
fn below(names: &[String]) -> Markup {
    // what would act in an address is written as a byte
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    let address = |name: &str| name.bytes().map(byte).collect::<String>();
    html! { @if !names.is_empty() {
        h2 { "Other records" }
        p { "What was found, trained or timed on other machines and days has a report of its own:" }
        ul { @for name in names {
            li { a href={(RECORDS) "/" (address(name)) "/index.html"} { bdi { (name) } } }
        } }
    } }
}

/// A system, with a link to its page.
fn named(suite: &Suite) -> Cell {
    let link = html! { a href={(suite.system) ".html"} { (suite.title) } };
    Cell::shown(&suite.title, link)
}

/// How many claims of a system have a verdict, with a link to them.
fn chosen(suite: &Suite, kind: Kind, n: usize) -> Cell {
    let (system, verdict) = (&suite.system, kind.name());
    let address = format!("{}?system={system}&verdict={verdict}", search::FILE);
    let label = format!("{n} {verdict} of {system}");
    Cell::shown(
        n,
        html! { a.quiet href=(address) aria-label=(label) { (n) } },
    )
}

/// What suites and records do not agree on, under its heading.
fn outdated(current: &Current) -> impl Iterator<Item = (&'static str, &[String])> {
    [
        ("Changed since the check", current.changed.as_slice()),
        ("Not checked", &current.unchecked),
        ("Checked, and no longer claimed", &current.gone),
    ]
    .into_iter()
    .filter(|(_, claims)| !claims.is_empty())
}

/// What a verdict says of a claim; `are_noted` where a note goes with every refuted one.
fn means(kind: Kind, are_noted: bool) -> &'static str {
    match kind {
        Kind::Confirmed => "what was computed agrees with it",
        Kind::Refuted if !are_noted => "what was computed contradicts it",
        Kind::Refuted => "what was computed contradicts it, and a note says what is right",
        Kind::Inconclusive => "the evidence does not decide",
        Kind::Untested => "to test it takes training, a data set, a graphics card or a longer run",
        Kind::Cited => "a publication answers for it, and is named",
    }
}

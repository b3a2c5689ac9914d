//! The first page: verdicts by system, and what is wrong.

use super::experiments::{self, Gathered};
use super::standing::Standings;
use super::verdicts::{dot, strip};
use super::{Report, claims, counts, search, speed, statements};
use crate::check::Current;
use crate::claim::{Kind, Suite};
use crate::record::Record;
use maud::{Markup, html};

pub(super) fn page(
    report: &Report,
    current: &Current,
    shown: &[(&Suite, Vec<&Record>)],
    gathered: &[Gathered],
) -> Markup {
    let Report {
        document, records, ..
    } = report;
    let all = counts(records.iter());
    let given: Vec<usize> = (0..all.len()).filter(|&i| all[i] > 0).collect();
    let refuted: Vec<&Record> = records
        .iter()
        .filter(|r| r.verdict == Kind::Refuted)
        .collect();
    let standings = Standings::of(records);
    html! {
        h1 { (document.title) ", checked" }
        @if let Some(source) = &document.source { p.source { (source) } }
        p.lead {
            (records.len()) " claims account for " (statements(records.iter())) " statements"
            @match &document.statements {
                Some(which) => { ": " (which) }
                None => ".",
            }
            " What a description of each network decides is counted on it or found by running it; what networks learn is "
            "found by training them; history names its source; the rest says what a test would need."
        }
        (strip(all))
        ul.verdicts { @for &i in &given {
            li { (dot(Kind::ALL[i], all[i])) span.means { ": " (means(Kind::ALL[i])) } }
        } }
        @for (heading, failures) in standings.failures() {
            section.alarm {
                h2 { (heading) }
                ul { @for (record, why) in failures {
                    li { a href=(record.anchor()) { (record.id) } " " (why) }
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
        div.wide tabindex="0" role="region" aria-label="Verdicts by system" {
            table.systems {
                thead { tr {
                    th scope="col" { "System" }
                    @for &i in &given { th.number scope="col" { span { (Kind::ALL[i].name()) } } }
                    th.number scope="col" { span { "statements" } }
                } }
                tbody { @for (suite, of) in shown { tr {
                    th scope="row" { a href={(suite.system) ".html"} { (suite.title) } }
                    @let counts = counts(of.iter().copied());
                    @for &i in &given {
                        td.number {
                            @if counts[i] == 0 { span.none { "0" } }
                            @else { (chosen(&suite.system, Kind::ALL[i], counts[i])) }
                        }
                    }
                    td.number { (statements(of.iter().copied())) }
                } } }
            }
        }
        (experiments::section(report, gathered))
        (speed::section(report.timings))
        h2 { "Refuted, and what is right" }
        @if refuted.is_empty() { p { "Nothing that was checked is wrong." } }
        @for record in refuted { (claims::claim_elsewhere(record, gathered)) }
    }
}

/// How many claims of a system have a verdict, with a link to them.
fn chosen(system: &str, kind: Kind, count: usize) -> Markup {
    let address = format!("{}?system={system}&verdict={}", search::FILE, kind.name());
    html! { a.quiet href=(address) aria-label={(count) " " (kind.name()) " of " (system)} { (count) } }
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

fn means(kind: Kind) -> &'static str {
    match kind {
        Kind::Confirmed => "what was computed agrees with it",
        Kind::Refuted => "what was computed contradicts it, and a note says what is right",
        Kind::Inconclusive => "the evidence does not decide",
        Kind::Untested => "to test it takes training, a data set, a graphics card or a longer run",
        Kind::Cited => "a publication answers for it, and is named",
    }
}

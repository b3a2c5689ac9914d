//! One claim in the report.

use super::experiments::{self, Gathered, badge};
use super::number::{counted, short};
use crate::claim::{Datum, Kind, Tolerance, Topic};
use crate::experiment::{Answer, Finding};
use crate::record::{Method, Record};
use maud::{Markup, html};

/// A claim on the page of its system.
pub(super) fn claim(record: &Record, gathered: &[Gathered]) -> Markup {
    html! {
        article.claim id=(record.id) { (content(record, &format!("#{}", record.id), true, gathered)) }
    }
}

/// A claim on the overview, with a link to its place.
pub(super) fn claim_elsewhere(record: &Record, gathered: &[Gathered]) -> Markup {
    html! {
        article.claim { (content(record, &record.anchor(), false, gathered)) }
    }
}

/// A claim among all, with what the filter goes by.
pub(super) fn claim_in_list(record: &Record, title: &str, gathered: &[Gathered]) -> Markup {
    html! {
        article.claim id=(record.id)
            data-system=(record.system)
            data-verdict=(record.verdict.name())
            data-kind=[record.topic.map(Topic::name)]
            data-covers=(record.covers.join(" "))
            aria-label={(record.id) ", " (title)}
        {
            (content(record, &record.anchor(), true, gathered))
        }
    }
}

/// `places` says whether the ids that the claim covers get places of their own on this page.
fn content(record: &Record, link: &str, places: bool, gathered: &[Gathered]) -> Markup {
    html! {
        div.head {
            span class={"badge " (record.verdict.name())} { (record.verdict.name()) }
            a.id href=(link) { (record.id) }
            span.place { (place(record)) }
        }
        p.says dir="auto" { (record.says) }
        // a statement's truth is its badge; two words more would not help
        @if let (Some(stated), Some(found)) = (&record.stated, &record.found)
            && !matches!(stated, Datum::Bool(_))
        {
            p.values {
                @if stated == found {
                    span { "stated and found " b class=(record.verdict.name()) { (found) } }
                } @else {
                    span { "stated " b { (stated) } }
                    span { "found " b class=(record.verdict.name()) { (found) } }
                }
                @if let Some(tolerance) = record.tolerance && tolerance != Tolerance::Exact {
                    span.tolerance { (tolerance) }
                }
            }
        }
        @if let Some(because) = &record.because {
            p.because {
                @match record.verdict {
                    Kind::Cited => "Source: ",
                    Kind::Untested => "Needs: ",
                    _ => "Because: ",
                }
                bdi { (because) }
            }
        }
        @if let Some(note) = &record.note { p.note dir="auto" { (note) } }
        @if !record.answers.is_empty() {
            ul.trials { @for answer in &record.answers { li { (trial(record, answer, gathered)) } } }
        }
        @if let Some(measure) = &record.measure {
            details {
                summary { "How it was measured" }
                @match record.method {
                    Some(Method::Run) => p.basis { "Computed by running the network." },
                    Some(Method::Timed) => p.basis { "Read from recorded timings." },
                    _ => {}
                }
                pre { code { (measure.trim()) } }
                @if !record.calls.is_empty() {
                    ol.steps { @for call in &record.calls { li { code { (call) } } } }
                } @else if !record.steps.is_empty() {
                    ol.steps { @for step in &record.steps { li { code { (step) } } } }
                }
                @if !record.covers.is_empty() {
                    p.covers { "Settles too: " @for (i, id) in record.covers.iter().enumerate() {
                        @if i > 0 { ", " } span id=[places.then_some(id)] { (id) }
                    } }
                }
            }
        } @else if !record.covers.is_empty() {
            details {
                summary { "Statements that go with it" }
                p.covers { @for (i, id) in record.covers.iter().enumerate() {
                    @if i > 0 { ", " } span id=[places.then_some(id)] { (id) }
                } }
            }
        }
    }
}

/// Where the document says it, and what it is about, as far as the suite says so.
fn place(record: &Record) -> Markup {
    let section = (record.section.as_ref()).map(|section| html! { "section " bdi { (section) } });
    let line = record.line.map(|line| html! { "line " (line) });
    let topic = record.topic.map(|topic| html! { (topic.name()) });
    let parts = [section, line, topic].into_iter().flatten();
    html! { @for (i, part) in parts.enumerate() { @if i > 0 { ", " } (part) } }
}

/// What an experiment says to a claim.
fn trial(record: &Record, answer: &Answer, gathered: &[Gathered]) -> Markup {
    let trial = record.trial.as_ref();
    let place = trial.and_then(|trial| experiments::place(gathered, trial, &answer.question));
    html! {
        div.head {
            (badge(&answer.finding))
            span dir="auto" { (answer.says) }
        }
        @if !answer.values.is_empty() {
            p.values {
                span { bdi { (answer.metric) } ", mean of " (counted(answer.seeds.len(), "seed")) " " b { (short(answer.mean)) } }
                @if let Some(interval) = answer.interval {
                    span { "interval " b { (short(interval.low)) " to " (short(interval.high)) } }
                }
            }
        }
        p.rule {
            bdi { (answer.rule) }
            @if let Finding::Open(why) = &answer.finding { ". Open: " bdi { (why) } }
            @if let Some((title, link)) = place {
                ". Experiment: " a href=(link) { (title) }
            }
        }
    }
}

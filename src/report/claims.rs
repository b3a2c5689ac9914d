//! One claim in the report.

use crate::claim::{Kind, Tolerance, Value};
use crate::record::Record;
use maud::{Markup, html};

/// A claim with its verdict and evidence; `linked` where it stands on another page than its own.
pub(super) fn claim(record: &Record, linked: bool) -> Markup {
    let id = (!linked).then_some(&record.id);
    html! {
        article.claim id=[id] {
            div.head {
                span class={"badge " (record.verdict.name())} { (record.verdict.name()) }
                a.id href={@if linked { (record.anchor()) } @else { "#" (record.id) }} { (record.id) }
                span.place { "section " (record.section) ", line " (record.line) }
            }
            p.says { (record.says) }
            // a statement's truth is its badge; two words more would not help
            @if let (Some(stated), Some(found)) = (&record.stated, &record.found)
                && !matches!(stated, Value::Bool(_))
            {
                p.values {
                    span { "stated " b { (stated) } }
                    span { "found " b class=(record.verdict.name()) { (found) } }
                    @if let Some(tolerance) = record.tolerance && tolerance != Tolerance::Exact {
                        span.tolerance { @match tolerance {
                            Tolerance::Exact => {}
                            Tolerance::Printed => "to the printed digits",
                            Tolerance::About => "within 10 %",
                        } }
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
                    (because)
                }
            }
            @if let Some(note) = &record.note { p.note { (note) } }
            @if let Some(measure) = &record.measure {
                details {
                    summary { "How it was measured" }
                    pre { code { (measure.trim()) } }
                    @if !record.steps.is_empty() {
                        ol.steps { @for step in &record.steps { li { code { (step) } } } }
                    }
                    @if !record.covers.is_empty() {
                        p.covers { "Settles too: " @for (i, id) in record.covers.iter().enumerate() {
                            @if i > 0 { ", " } span id=[(!linked).then_some(id)] { (id) }
                        } }
                    }
                }
            } @else if !record.covers.is_empty() {
                details {
                    summary { "Statements that go with it" }
                    p.covers { @for (i, id) in record.covers.iter().enumerate() {
                        @if i > 0 { ", " } span id=[(!linked).then_some(id)] { (id) }
                    } }
                }
            }
        }
    }
}

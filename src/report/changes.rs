//! The changes between two records, as text, Markdown and a page.

use super::html::page;
use super::markdown::cell;
use super::text::columns;
use crate::claim::{Kind, Value};
use crate::compare::Change;
use maud::{Markup, html};
use std::fmt::Write;

type Outcome = Option<(Kind, Option<Value>)>;

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        None => "not there".into(),
        Some((kind, None)) => kind.name().into(),
        Some((kind, Some(found))) => format!("{}, found {found}", kind.name()),
    }
}

fn verdict_on(changes: &[Change]) -> String {
    let broken = changes.iter().filter(|change| change.broken).count();
    match (changes.len(), broken) {
        (0, _) => "Nothing changed.".into(),
        (n, 0) => format!("{n} claims changed; all that held still holds."),
        (n, broken) => format!("{n} claims changed; {broken} that held no longer do."),
    }
}

/// A line a change.
pub fn changes_text(changes: &[Change]) -> String {
    let rows = changes.iter().map(|change| {
        [
            if change.broken { "broken" } else { "" }.to_string(),
            change.id.clone(),
            outcome(&change.before),
            outcome(&change.after),
        ]
    });
    let table = if changes.is_empty() {
        String::new()
    } else {
        columns(["", "claim", "before", "after"], rows)
    };
    format!("{table}{}\n", verdict_on(changes))
}

/// A table for pull requests.
pub fn changes_markdown(changes: &[Change]) -> String {
    let mut text = format!("# convcheck: what changed\n\n{}\n", verdict_on(changes));
    if !changes.is_empty() {
        text += "\n| | claim | before | after |\n|---|---|---|---|\n";
    }
    for change in changes {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            if change.broken { "**broken**" } else { "" },
            cell(&change.id),
            cell(&outcome(&change.before)),
            cell(&outcome(&change.after))
        );
    }
    text
}

/// A page of its own.
pub fn changes_html(changes: &[Change]) -> String {
    page("What changed · convcheck", body(changes)).into_string()
}

fn body(changes: &[Change]) -> Markup {
    html! {
        main {
            h1 { "What changed" }
            p.lead { (verdict_on(changes)) }
            @if !changes.is_empty() {
                div.wide tabindex="0" role="region" aria-label="Changes" {
                    table {
                        thead { tr {
                            th scope="col" { "Claim" }
                            th scope="col" { "Before" }
                            th scope="col" { "After" }
                            th scope="col" { "Holds" }
                        } }
                        tbody { @for change in changes { tr {
                            th scope="row" { code { (change.id) } }
                            td { (outcome(&change.before)) }
                            td { (outcome(&change.after)) }
                            td { @if change.broken { b.refuted { "no longer" } } }
                        } } }
                    }
                }
            }
        }
    }
}

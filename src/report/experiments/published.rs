//! Published results beside what was trained here: on the page of an experiment, on one of their own, and for a terminal.

use super::gathered::shown;
use super::reproduced::{Reproduced, reproduced};
use super::{Gathered, file};
use crate::experiment::{Experiment, Published};
use crate::report::Report;
use crate::report::number::short;
use crate::report::table::{Cell, Table, numbers, words};
use crate::train::Trained;
use crate::visible::line;
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The place of the results on the page of an experiment.
pub(super) const PLACE: &str = "published";

/// The page's file name.
pub(in crate::report) const FILE: &str = "published-results.html";

/// What is published that an experiment repeats, a table of it each; nothing if nothing is.
pub(super) fn section(experiment: &Experiment, runs: &[Trained]) -> Markup {
    let runs: Vec<&Trained> = runs.iter().collect();
    let all = reproduced(experiment, &runs);
    html! {
        @if !all.is_empty() {
            section.scale aria-labelledby=(PLACE) {
                h2 id=(PLACE) { "Published results" }
                @for published in &experiment.published {
                    h3 { (named(published)) }
                    (differences(published))
                    (table(published, &all).html(&named(published)))
                }
                (meanings())
                (origin(&all))
            }
        }
    }
}

fn named(published: &Published) -> String {
    format!("{}, {}", published.paper, published.table)
}

fn differences(published: &Published) -> Markup {
    html! {
        @if published.differences.is_empty() {
            p { "The recipes do not differ, as far as it is published." }
        } @else {
            p { "What the published recipe and the one here differ by:" }
            ul.differences { @for difference in &published.differences { li { (difference) } } }
        }
    }
}

/// The results of one table.
fn table(published: &Published, all: &[Reproduced]) -> Table {
    let mut table = Table::new([
        words("cell").class("cell").head(),
        words("published"),
        words("runs here"),
        words("mean"),
        words("99 % interval"),
        numbers("sampling"),
        words("in words").class("words"),
    ])
    .class("published");
    let of_it = |one: &&Reproduced| std::ptr::eq(one.published, published);
    for one in all.iter().filter(of_it) {
        let (value, mean) = (one.published_value(), one.mean());
        let mean = match (mean, one.range()) {
            (Some(mean), Some(range)) => Cell::shown(&mean, under(&mean, &html! { (range) })),
            (mean, _) => Cell::maybe(mean),
        };
        table.row([
            Cell::shown(&one.result.cell, under(&one.result.cell, &arm(one))),
            Cell::shown(&value, under(&value, &html! { (one.number()) })),
            Cell::new(one.count()),
            mean,
            interval(one),
            Cell::maybe(one.sampling()),
            Cell::shown(one.words(), said(one)),
        ]);
    }
    table
}

/// Text with something smaller below it.
fn under(text: &str, below: &Markup) -> Markup {
    html! { (text) div.rule { (below) } }
}

fn arm(one: &Reproduced) -> Markup {
    html! { code { (one.result.arm) } ", " (one.looked_at()) }
}

fn interval(one: &Reproduced) -> Cell {
    match one.interval() {
        None => Cell::maybe(None),
        Some(interval) => {
            let shown = under(&interval, &html! { "for " (one.of_further()) });
            Cell::shown(interval, shown)
        }
    }
}

fn said(one: &Reproduced) -> Markup {
    html! {
        (one.words())
        @if let Some(command) = one.command() { div.rule { code { (command) } } }
    }
}

/// What the columns mean.
fn meanings() -> Markup {
    html! {
        p.source {
            "Runs are looked at in their last epoch, never in their best, but where a row says otherwise. Mean: ± standard deviation between seeds; below it the least and the largest. "
            "Interval: where the published number would lie in 99 of 100 cases, were it made of further runs like those here; of a best of "
            "several, the best of as many. Whether it does is no verdict: where it does not, the recipes, the programs or the cards differ, or it was chance. "
            "Sampling: p(1 - p)/N over the variance between runs, for an error p on N test images. Were each image right or wrong by a chance of its "
            "own, runs would differ by no more than that. Well below 1: they differ by more than the luck of single images. Above 1: by less, as the same images are wrong in each."
        }
    }
}

/// What was run, by arm.
fn origin(all: &[Reproduced]) -> Markup {
    let ran: BTreeMap<_, &Reproduced> = (all.iter())
        .filter(|one| !one.runs.is_empty())
        .map(|one| ((one.published.scale, &one.result.arm), one))
        .collect();
    if ran.is_empty() {
        return html! {};
    }
    let mut table = Table::new([
        words("arm"),
        words("device"),
        numbers("hours, all runs"),
        words("recipe"),
        words("network"),
        words("data"),
    ]);
    for ((_, arm), one) in ran {
        let cell = |of: &dyn Fn(&Trained) -> String| {
            let each: Vec<String> = one.each(of).into_iter().collect();
            let shown = html! { @for one in &each { div { (one) } } };
            Cell::shown(each.join(", "), shown)
        };
        table.row([
            Cell::code(arm),
            cell(&|run| format!("{}, {}", run.backend, run.machine)),
            Cell::new(short(one.hours())),
            cell(&|run| run.recipe.clone()),
            cell(&|run| run.network.clone().unwrap_or_default()),
            cell(&|run| run.data.clone()),
        ]);
    }
    html! {
        details {
            summary { "Devices, hours and fingerprints of these runs" }
            (table.html("Devices, hours and fingerprints"))
        }
    }
}

/// All published results of the experiments that a report shows; nothing if there are none.
pub(in crate::report) fn page(report: &Report, all: &[Gathered]) -> Option<Markup> {
    let runs: Vec<&Trained> = report.training.runs().iter().collect();
    let repeating = shown(report).into_iter();
    let repeating: Vec<&Experiment> = repeating.filter(|one| !one.published.is_empty()).collect();
    let of = |experiment: &Experiment| {
        let Experiment { name, title, .. } = experiment;
        let has_page = all.iter().any(|it| it.experiment.name == *name);
        let reproduced = reproduced(experiment, &runs);
        html! {
            h2 { @if has_page { a href={(file(name)) "#" (PLACE)} { (title) } } @else { (title) } }
            @for published in &experiment.published {
                h3 { (named(published)) }
                (table(published, &reproduced).html(&format!("{title}: {}", named(published))))
            }
        }
    };
    (!repeating.is_empty()).then(|| {
        html! {
            h1 { "Published results" }
            p.lead {
                "What publications report of networks that they trained, beside what the same networks come to here. The page of an "
                "experiment says how the recipes differ."
            }
            @for experiment in repeating { (of(experiment)) }
            (meanings())
        }
    })
}

/// The published results that runs of an experiment at one scale stand beside, for a terminal.
pub fn text(experiment: &Experiment, runs: &[Trained]) -> String {
    let runs: Vec<&Trained> = runs.iter().collect();
    let mut text = String::new();
    let all = reproduced(experiment, &runs);
    for one in all.iter().filter(|one| !one.runs.is_empty()) {
        let mut parts = vec![format!("runs here: {}", one.count())];
        parts.extend(one.mean());
        parts.extend(one.range().map(|range| format!("from {range}")));
        let interval = one.interval();
        parts.extend(interval.map(|of| format!("99 % interval for {} {of}", one.of_further())));
        let _ = writeln!(
            text,
            "{}, {}: {} ({})\n  {}, {}: {}\n  {}",
            line(&one.published.paper),
            line(&one.place()),
            one.published_value(),
            one.number(),
            line(&one.result.arm),
            one.looked_at(),
            parts.join("; "),
            line(&one.words()),
        );
    }
    text
}

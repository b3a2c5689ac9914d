//! Experiments on the first page.

use super::gathered::shown;
use super::pairs::paired;
use super::{AtScale, Gathered, file};
use crate::evidence::Training;
use crate::experiment::{Experiment, Finding};
use crate::report::Report;
use crate::report::number::{agreeing, counted};
use crate::report::table::{Cell, Table, numbers, words};
use maud::{Markup, html};

/// How many finished runs do not count, and why, in a sentence; nothing if all count.
pub fn left_out(training: &Training) -> Option<String> {
    let n = training.left_out();
    if n == 0 {
        return None;
    }
    let runs = counted(n, "finished run");
    let start = format!(
        "{runs} {} not count: {}",
        agreeing(n, "does", "do"),
        agreeing(n, "it is", "they are")
    );
    let unnamed = match training.unnamed() {
        0 => "",
        _ => " Runs from before this version do not say which network they trained.",
    };
    Some(format!(
        "{start} of no experiment that `convcheck list experiments` shows, or of another recipe, network, device, other data or another seed than it has now.{unnamed}"
    ))
}

/// The experiments with runs, a sentence on those without, and one on runs that do not count.
pub(in crate::report) fn section(report: &Report, all: &[Gathered]) -> Markup {
    let experiments = shown(report);
    if experiments.is_empty() {
        return html! {};
    }
    let not_run = |one: &&Experiment| all.iter().all(|g| g.experiment.name != one.name);
    let without: Vec<&Experiment> = experiments.iter().copied().filter(not_run).collect();
    html! {
        h2 #experiments { "Experiments" }
        @if all.is_empty() {
            @match experiments.len() {
                1 => p { "The experiment was not run." },
                n => p { "None of the " (n) " experiments was run." },
            }
        } @else {
            (table(all).html("Experiments"))
            p.source {
                "Answers: the statements of an experiment that hold, that fail, and that its seeds leave open. "
                "The quick scale answers only its own claims."
            }
            @if !without.is_empty() {
                p.source { "Not run: " @for (i, one) in without.iter().enumerate() {
                    @if i > 0 { ", " } (one.name)
                } "." }
            }
        }
        @if let Some(left_out) = left_out(report.training) { p.because { (left_out) } }
        @for pair in &report.document.pairs { (paired(pair, all)) }
    }
}

fn table(all: &[Gathered]) -> Table {
    let names = ["arms", "seeds", "holds", "fails", "open"].map(numbers);
    let columns = [words("experiment"), words("scale")];
    let mut table = Table::new(columns.into_iter().chain(names)).class("systems");
    for (one, at) in all
        .iter()
        .flat_map(|one| one.scales.iter().map(move |at| (one, at)))
    {
        let Experiment { name, title, .. } = one.experiment;
        let scale = at.scale.name();
        let link = html! { a href={(file(name)) "#" (scale)} { (title) } };
        let mut row = vec![
            Cell::shown(title, link),
            Cell::new(scale),
            Cell::new(at.arms.len()),
            Cell::new(at.seeds()),
        ];
        row.extend(found(at).map(|n| match n {
            0 => Cell::none(),
            n => Cell::new(n),
        }));
        table.row(row);
    }
    table
}

/// How many answers hold, fail and are open.
fn found(at: &AtScale) -> [usize; 3] {
    let mut counts = [0; 3];
    for asked in &at.asked {
        counts[match asked.answer.finding {
            Finding::Holds => 0,
            Finding::Fails => 1,
            Finding::Open(_) => 2,
        }] += 1;
    }
    counts
}

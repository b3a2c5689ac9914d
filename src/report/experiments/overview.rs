//! Experiments on the first page.

use super::gathered::shown;
use super::pairs::paired;
use super::{AtScale, Gathered, file};
use crate::evidence::{LeftOut, Training, Why};
use crate::experiment::{Experiment, Finding};
use crate::report::Report;
use crate::report::number::{agreeing, counted};
use crate::report::table::{Cell, Table, numbers, words};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// So many runs that their recipe contradicts are named.
const MOST_NAMED: usize = 8;

/// How many finished runs do not count, by reasons, in a sentence, and behind it one on each that its recipe contradicts;
/// nothing if all count.
pub fn left_out(training: &Training) -> Vec<String> {
    let all = training.left_out();
    let mut reasons: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    for one in all {
        *reasons.entry(reason(&one.why)).or_default() += 1;
    }
    if all.is_empty() {
        return Vec::new();
    }
    let reasons = reasons.iter().map(|((_, of), n)| format!("{n} {of}"));
    let mut said = vec![format!(
        "{} {} not count: {}.",
        counted(all.len(), "finished run"),
        agreeing(all.len(), "does", "do"),
        reasons.collect::<Vec<_>>().join(", ")
    )];
    let contradicting = all.iter().filter_map(|one| match &one.why {
        Why::Contradicts(what) => Some((one, what)),
        _ => None,
    });
    let mut contradicting: Vec<String> = contradicting
        .map(|(run, what)| {
            let LeftOut {
                experiment,
                scale,
                arm,
                seed,
                ..
            } = run;
            format!(
                "{experiment} ({}), {arm}, seed {seed}: {what}.",
                scale.name()
            )
        })
        .collect();
    let more = contradicting.len().saturating_sub(MOST_NAMED);
    contradicting.truncate(MOST_NAMED);
    said.extend(contradicting);
    if more > 0 {
        said.push(format!("{more} more are contradicted likewise."));
    }
    said
}

/// Why a run does not count, behind a number of runs, and the place of that reason among all.
fn reason(why: &Why) -> (usize, &'static str) {
    match why {
        Why::Unknown => (
            0,
            "of no experiment, arm or scale that `convcheck list experiments` shows",
        ),
        Why::Recipe => (1, "of another recipe than now"),
        Why::Unnamed => (2, "from before runs named their network"),
        Why::Network => (3, "of another network than now"),
        Why::Seed => (4, "of another seed than its experiment has"),
        Why::Data => (5, "of other data than the first run of its arm"),
        Why::Device => (6, "of another device than the first run of its experiment"),
        Why::Repeated => (
            7,
            "of a recipe and a seed that count already, as another machine or version of the program trained them",
        ),
        Why::Contradicts(_) => (8, "that their recipe contradicts"),
    }
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
        @for line in left_out(report.training) { p.because { (line) } }
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

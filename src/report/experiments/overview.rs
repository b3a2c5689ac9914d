//! Experiments on the first page.

use super::super::Report;
use super::super::number::{percent, short};
use super::super::plot::{Row, Ruler, Tone, forest};
use super::{AtScale, Gathered, file};
use crate::document::ArmPair;
use crate::evidence::Training;
use crate::experiment::{Experiment, Finding};
use crate::stats::{self, Interval, LEVEL};
use crate::train::Scale;
use maud::{Markup, html};
use std::cmp::Ordering;

/// How many finished runs do not count, and why, in a sentence; nothing if all count.
pub fn left_out(training: &Training) -> Option<String> {
    let start = match training.left_out() {
        0 => return None,
        1 => "1 finished run does not count: it is".to_string(),
        n => format!("{n} finished runs do not count: they are"),
    };
    Some(format!(
        "{start} of no experiment that `convcheck list experiments` shows, or of another recipe, other data or another seed than it has now."
    ))
}

/// The experiments with runs, a sentence on those without, and one on runs that do not count.
pub(in crate::report) fn section(report: &Report, all: &[Gathered]) -> Markup {
    let training = report.training;
    let experiments = training.experiments();
    if experiments.is_empty() {
        return html! {};
    }
    let ran = |one: &&Experiment| all.iter().all(|g| g.experiment.name != one.name);
    let without: Vec<&Experiment> = experiments.iter().filter(ran).collect();
    html! {
        h2 #experiments { "Experiments" }
        @if all.is_empty() {
            p { "None of the " (experiments.len()) " experiments was run." }
        } @else {
            (table(all))
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
        @if let Some(left_out) = left_out(training) { p.because { (left_out) } }
        @for pair in &report.document.pairs { (paired(pair, all)) }
    }
}

fn table(all: &[Gathered]) -> Markup {
    let rows = || {
        all.iter()
            .flat_map(|one| one.scales.iter().map(move |at| (one, at)))
    };
    html! {
        div.wide tabindex="0" role="region" aria-label="Experiments" {
            table.systems {
                thead { tr {
                    th scope="col" { "Experiment" }
                    th scope="col" { "Scale" }
                    @for name in ["arms", "seeds", "holds", "fails", "open"] {
                        th.number scope="col" { span { (name) } }
                    }
                } }
                tbody { @for (one, at) in rows() { tr {
                    th scope="row" { a href={(file(&one.experiment.name)) "#" (at.scale.name())} { (one.experiment.title) } }
                    td { (at.scale.name()) }
                    td.number { (at.arms.len()) }
                    td.number { (at.seeds()) }
                    @for n in found(at) {
                        td.number { @if n == 0 { span.none { "0" } } @else { (n) } }
                    }
                } } }
            }
        }
    }
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

/// What two arms of an experiment differ by in test error.
struct Difference<'a> {
    experiment: &'a Experiment,
    scale: Scale,
    /// Mean test errors of the two.
    ends: [f64; 2],
    /// Differences by seed, in percentage points.
    points: Vec<f64>,
    interval: Option<Interval>,
}

fn differences<'a>(pair: &ArmPair, one: &Gathered<'a>) -> Vec<Difference<'a>> {
    let difference = |at: &AtScale| {
        let (of, against) = (at.arm(&pair.of.arm)?, at.arm(&pair.against.arm)?);
        let ends = of.by_seed.iter().filter_map(|(seed, of)| {
            let against = against.by_seed.get(seed)?;
            let ends = [of.curve.epochs.last()?, against.curve.epochs.last()?];
            Some(ends.map(|epoch| epoch.test_error))
        });
        let ends: Vec<[f64; 2]> = ends.collect();
        let mean = |i: usize| stats::mean(&ends.iter().map(|pair| pair[i]).collect::<Vec<f64>>());
        let points: Vec<f64> = ends.iter().map(|[a, b]| 100.0 * (a - b)).collect();
        (!points.is_empty()).then(|| Difference {
            experiment: one.experiment,
            scale: at.scale,
            ends: [mean(0), mean(1)],
            interval: stats::mean_interval(&points, LEVEL),
            points,
        })
    };
    one.scales.iter().filter_map(difference).collect()
}

/// The differences of a pair in all experiments that have both arms; nothing if none has.
fn paired(pair: &ArmPair, all: &[Gathered]) -> Markup {
    let differences: Vec<Difference> = all.iter().flat_map(|one| differences(pair, one)).collect();
    if differences.is_empty() {
        return html! {};
    }
    let row = |one: &Difference| {
        Some(Row {
            label: format!("{}, {}", one.experiment.title, one.scale.name()),
            text: format!("{} points", signed(stats::mean(&one.points))),
            tone: match stats::side(&one.points, 0.0, LEVEL) {
                Some(Ordering::Greater) => Tone::Bad,
                Some(_) => Tone::Good,
                None => Tone::Open,
            },
            values: one.points.clone(),
            mean: stats::mean(&one.points),
            interval: one.interval?,
            mark: 0.0,
        })
    };
    let rows: Vec<Row> = differences.iter().filter_map(row).collect();
    let figure = format!(
        "{}: dots are seeds, the bar is the 99 % interval of their mean",
        pair.figure
    );
    let right = format!("right of the line: {}", pair.right);
    html! {
        h3 { (pair.title) }
        p { (pair.about) }
        div.wide tabindex="0" role="region" aria-label=(pair.title) {
            table {
                thead { tr {
                    th scope="col" { (pair.subject) }
                    th scope="col" { "Scale" }
                    th.number scope="col" { "Pairs" }
                    th.number scope="col" { (pair.of.title) }
                    th.number scope="col" { (pair.against.title) }
                    th.number scope="col" { (pair.difference) }
                    th.number scope="col" { "99 % interval" }
                } }
                tbody { @for one in &differences { tr {
                    th scope="row" { a href=(file(&one.experiment.name)) { (one.experiment.title) } }
                    td { (one.scale.name()) }
                    td.number { (one.points.len()) }
                    @for end in one.ends { td.number { (percent(end)) } }
                    td.number { (signed(stats::mean(&one.points))) }
                    td.number { @if let Some(interval) = one.interval {
                        (signed(interval.low)) " to " (signed(interval.high))
                    } }
                } } }
            }
        }
        @if let Some(plot) = forest(&figure, &rows, Ruler::Common, ("", &right)) { (plot) }
    }
}

fn signed(x: f64) -> String {
    match x > 0.0 {
        true => format!("+{}", short(x)),
        false => short(x),
    }
}

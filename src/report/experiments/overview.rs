//! Experiments on the first page.

use super::super::number::{percent, short};
use super::super::plot::{Row, Ruler, Tone, forest};
use super::{AtScale, Gathered, file};
use crate::evidence::Training;
use crate::experiment::{Experiment, Finding};
use crate::stats::{self, Interval, LEVEL};
use crate::train::Scale;
use maud::{Markup, html};
use std::cmp::Ordering;

/// The arms of an accident: a listing as it stands, and as it was meant.
const WRITTEN: &str = "as-written";
const MEANT: &str = "as-meant";

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
pub(in crate::report) fn section(all: &[Gathered], training: &Training) -> Markup {
    let experiments = training.experiments();
    if experiments.is_empty() {
        return html! {};
    }
    let ran = |one: &&Experiment| all.iter().all(|g| g.experiment.name != one.name);
    let without: Vec<&Experiment> = experiments.iter().filter(ran).collect();
    let accidents: Vec<Accident> = all.iter().flat_map(accidents).collect();
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
        @if !accidents.is_empty() { (costs(&accidents)) }
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

/// What an accident costs in test error.
struct Accident<'a> {
    experiment: &'a Experiment,
    scale: Scale,
    written: f64,
    meant: f64,
    /// Differences by seed, in percentage points.
    costs: Vec<f64>,
    interval: Option<Interval>,
}

fn accidents<'a>(one: &Gathered<'a>) -> Vec<Accident<'a>> {
    let cost = |at: &AtScale| {
        let (written, meant) = (at.arm(WRITTEN)?, at.arm(MEANT)?);
        let pairs = written.by_seed.iter().filter_map(|(seed, written)| {
            let meant = meant.by_seed.get(seed)?;
            let ends = [written.curve.epochs.last()?, meant.curve.epochs.last()?];
            Some(ends.map(|epoch| epoch.test_error))
        });
        let pairs: Vec<[f64; 2]> = pairs.collect();
        let of = |i: usize| stats::mean(&pairs.iter().map(|pair| pair[i]).collect::<Vec<f64>>());
        let costs: Vec<f64> = pairs.iter().map(|[a, b]| 100.0 * (a - b)).collect();
        (!costs.is_empty()).then(|| Accident {
            experiment: one.experiment,
            scale: at.scale,
            written: of(0),
            meant: of(1),
            interval: stats::mean_interval(&costs, LEVEL),
            costs,
        })
    };
    one.scales.iter().filter_map(cost).collect()
}

fn costs(accidents: &[Accident]) -> Markup {
    let row = |accident: &Accident| {
        Some(Row {
            label: format!("{}, {}", accident.experiment.title, accident.scale.name()),
            text: format!("{} points", signed(stats::mean(&accident.costs))),
            tone: match stats::side(&accident.costs, 0.0, LEVEL) {
                Some(Ordering::Greater) => Tone::Bad,
                Some(_) => Tone::Good,
                None => Tone::Open,
            },
            values: accident.costs.clone(),
            mean: stats::mean(&accident.costs),
            interval: accident.interval?,
            mark: 0.0,
        })
    };
    let rows: Vec<Row> = accidents.iter().filter_map(row).collect();
    html! {
        h3 { "What each accident costs" }
        p { "Test error of a listing trained as it is written and as it was meant, under the same seeds." }
        div.wide tabindex="0" role="region" aria-label="What each accident costs" {
            table {
                thead { tr {
                    th scope="col" { "Listing" }
                    th scope="col" { "Scale" }
                    th.number scope="col" { "Pairs" }
                    th.number scope="col" { "As written" }
                    th.number scope="col" { "As meant" }
                    th.number scope="col" { "Cost in points" }
                    th.number scope="col" { "99 % interval" }
                } }
                tbody { @for accident in accidents { tr {
                    th scope="row" { a href=(file(&accident.experiment.name)) { (accident.experiment.title) } }
                    td { (accident.scale.name()) }
                    td.number { (accident.costs.len()) }
                    td.number { (percent(accident.written)) }
                    td.number { (percent(accident.meant)) }
                    td.number { (signed(stats::mean(&accident.costs))) }
                    td.number { @if let Some(interval) = accident.interval {
                        (signed(interval.low)) " to " (signed(interval.high))
                    } }
                } } }
            }
        }
        @if let Some(plot) = forest(
            "Cost of each accident in points of test error: dots are seeds, the bar is the 99 % interval of their mean",
            &rows, Ruler::Common, ("", "right of the line: worse as written"),
        ) { (plot) }
    }
}

fn signed(x: f64) -> String {
    match x > 0.0 {
        true => format!("+{}", short(x)),
        false => short(x),
    }
}

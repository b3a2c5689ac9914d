//! Two arms that experiments have in common: what do they differ by?

use super::{AtScale, Gathered, file};
use crate::document::ArmPair;
use crate::experiment::Experiment;
use crate::report::number::{percent, short};
use crate::report::plot::{Row, Ruler, Tone, forest};
use crate::report::table::{Cell, Table, numbers, words};
use crate::stats::{self, Interval, LEVEL};
use crate::train::{Epoch, Scale};
use maud::{Markup, html};
use std::cmp::Ordering;

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
        let pairs = of.by_seed.iter();
        let pairs = pairs.filter_map(|(seed, of)| Some([of, against.by_seed.get(seed)?]));
        // where a run diverged there is no difference, and that of the others would be chosen by how they ended
        let ends = pairs.map(|[of, against]| Some([of.end()?, against.end()?]));
        let ends: Option<Vec<[&Epoch; 2]>> = ends.collect();
        let ends: Vec<_> = (ends?.into_iter())
            .map(|pair| pair.map(|epoch| epoch.test_error))
            .collect();
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
pub(super) fn paired(pair: &ArmPair, all: &[Gathered]) -> Markup {
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
    let mut table = Table::new([
        words(&pair.subject),
        words("scale"),
        numbers("pairs"),
        numbers(&pair.of.title),
        numbers(&pair.against.title),
        numbers(&pair.difference),
        numbers("99 % interval"),
    ]);
    for one in &differences {
        let Experiment { name, title, .. } = one.experiment;
        let interval = one.interval.map(|interval| {
            let [low, high] = [interval.low, interval.high].map(signed);
            format!("{low} to {high}")
        });
        table.row([
            Cell::shown(title, html! { a href=(file(name)) { (title) } }),
            Cell::new(one.scale.name()),
            Cell::new(one.points.len()),
            Cell::new(percent(one.ends[0])),
            Cell::new(percent(one.ends[1])),
            Cell::new(signed(stats::mean(&one.points))),
            Cell::maybe(interval),
        ]);
    }
    html! {
        h3 { (pair.title) }
        p { (pair.about) }
        (table.html(&pair.title))
        @if let Some(plot) = forest(&figure, &rows, Ruler::Common, ("", &right)) { (plot) }
    }
}

fn signed(x: f64) -> String {
    match x > 0.0 {
        true => format!("+{}", short(x)),
        false => short(x),
    }
}

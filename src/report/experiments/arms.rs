//! The arms of an experiment: how each is trained, and what it came to.

use super::gathered::Runs;
use super::{AtScale, recipe};
use crate::report::number::{percent_spread, short, spread};
use crate::report::table::{Cell, Table, numbers, words};
use crate::stats;
use crate::train::Epoch;
use maud::{Markup, html};

/// A table of the arms.
pub(super) fn arms(at: &AtScale) -> Markup {
    let recipes: Vec<_> = at.arms.iter().map(|runs| runs.recipe).collect();
    let (common, own) = recipe::compared(&recipes);
    let differ = own.iter().any(|words| !words.is_empty());
    let own_column = differ.then(|| words("its own").class("own"));
    let numbers = [
        "seeds",
        "training loss",
        "training error",
        "test error",
        "seconds a run",
    ]
    .map(numbers);
    let columns = [words("arm"), words("model")].into_iter();
    let mut table = Table::new(columns.chain(own_column).chain(numbers)).class("arms");
    for (runs, own) in at.arms.iter().zip(&own) {
        let (arm, own) = (runs.arm, said(own));
        let name = html! { (arm.title) div.rule { code { (arm.name) } } };
        let mut row = vec![
            Cell::shown(&arm.title, name),
            Cell::code(&runs.recipe.model),
        ];
        if differ {
            let lines = html! { @for word in &own { div { (word) } } };
            row.push(Cell::shown(own.join("; "), lines));
        }
        row.extend(ends(runs).map(Cell::new));
        table.row(row);
    }
    html! {
        h3 { "Arms" }
        @if !common.is_empty() { p { "All arms: " (said(&common).join("; ")) "." } }
        (table.html(&format!("Arms, {} scale", at.scale.name())))
        p.source { "Of the last epoch, mean ± standard deviation between seeds." }
    }
}

fn said(words: &[(String, String)]) -> Vec<String> {
    let words = words.iter();
    words.map(|(key, value)| format!("{key} {value}")).collect()
}

/// What the runs of an arm came to: how many they are, loss and errors, and what one takes.
fn ends(runs: &Runs) -> [String; 5] {
    let of = |quantity: fn(&Epoch) -> f64| -> Vec<f64> { last(runs, quantity).collect() };
    let share = |quantity| {
        let values = of(quantity);
        percent_spread(stats::mean(&values), stats::deviation(&values))
    };
    let losses = of(|epoch| epoch.train_loss);
    let seconds: Vec<f64> = runs.by_seed.values().map(|run| run.seconds).collect();
    let diverged = runs
        .by_seed
        .values()
        .filter(|run| run.divergence().is_some());
    let diverged = match diverged.count() {
        0 => String::new(),
        n => format!(", {n} diverged"),
    };
    [
        format!("{}{diverged}", runs.by_seed.len()),
        spread(stats::mean(&losses), stats::deviation(&losses)),
        share(|epoch| epoch.train_error),
        share(|epoch| epoch.test_error),
        short(stats::mean(&seconds)),
    ]
}

/// A quantity of the last epoch of each run; no number of one that diverged.
pub(super) fn last(runs: &Runs, quantity: fn(&Epoch) -> f64) -> impl Iterator<Item = f64> {
    let ends = runs.by_seed.values().map(|run| run.end());
    ends.map(move |end| end.map_or(f64::NAN, quantity))
}

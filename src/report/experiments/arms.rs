//! The arms of an experiment: how each is trained, and what it came to.

use super::super::number::{percent_spread, short, spread};
use super::gathered::Runs;
use super::{AtScale, recipe};
use crate::stats;
use crate::train::Epoch;
use maud::{Markup, html};

/// A table of the arms.
pub(super) fn arms(at: &AtScale) -> Markup {
    let recipes: Vec<_> = at.arms.iter().map(|runs| runs.recipe).collect();
    let (common, own) = recipe::compared(&recipes);
    let differ = own.iter().any(|words| !words.is_empty());
    html! {
        h3 { "Arms" }
        @if !common.is_empty() {
            p { "All arms: " (words(&common).join("; ")) "." }
        }
        div.wide tabindex="0" role="region" aria-label={"Arms, " (at.scale.name()) " scale"} {
            table.arms {
                thead { tr {
                    th scope="col" { "Arm" }
                    th scope="col" { "Model" }
                    @if differ { th scope="col" { "Its own" } }
                    th.number scope="col" { "Seeds" }
                    th.number scope="col" { "Training loss" }
                    th.number scope="col" { "Training error" }
                    th.number scope="col" { "Test error" }
                    th.number scope="col" { "Seconds a run" }
                } }
                tbody { @for (runs, own) in at.arms.iter().zip(&own) { tr {
                    th scope="row" { (runs.arm.title) div.rule { code { (runs.arm.name) } } }
                    td { code { (runs.recipe.model) } }
                    @if differ { td.own { @for word in words(own) { div { (word) } } } }
                    td.number { (runs.by_seed.len()) }
                    (ends(runs))
                } } }
            }
        }
        p.source { "Of the last epoch, mean ± standard deviation between seeds." }
    }
}

fn words(words: &[(String, String)]) -> Vec<String> {
    let words = words.iter();
    words.map(|(key, value)| format!("{key} {value}")).collect()
}

/// What the runs of an arm came to.
fn ends(runs: &Runs) -> Markup {
    let of = |quantity: fn(&Epoch) -> f64| -> Vec<f64> { last(runs, quantity).collect() };
    let share = |quantity| {
        let values = of(quantity);
        percent_spread(stats::mean(&values), stats::deviation(&values))
    };
    let losses = of(|epoch| epoch.train_loss);
    let seconds: Vec<f64> = runs.by_seed.values().map(|run| run.seconds).collect();
    html! {
        td.number { (spread(stats::mean(&losses), stats::deviation(&losses))) }
        td.number { (share(|epoch| epoch.train_error)) }
        td.number { (share(|epoch| epoch.test_error)) }
        td.number { (short(stats::mean(&seconds))) }
    }
}

/// A quantity of the last epoch of each run.
pub(super) fn last(runs: &Runs, quantity: fn(&Epoch) -> f64) -> impl Iterator<Item = f64> {
    let epochs = runs.by_seed.values().map(|run| &run.curve.epochs);
    epochs.filter_map(move |epochs| epochs.last().map(quantity))
}

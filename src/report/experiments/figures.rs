//! Curves of an experiment: along the epochs, and over depth.

use super::AtScale;
use super::arms::last;
use super::gathered::Runs;
use crate::analysis::depth;
use crate::report::plot::{Curve, Spread, curves};
use crate::stats;
use crate::train::Epoch;
use maud::Markup;
use std::collections::BTreeMap;

/// So many depths make a curve of errors over depth.
const FEWEST_DEPTHS: usize = 2;

/// Training loss and test error, by epoch; a curve ends where a run of its arm diverged.
pub(super) fn curves_of(at: &AtScale) -> Vec<Markup> {
    let diverged = at.arms.iter().flat_map(|runs| runs.by_seed.values());
    let diverged = diverged.filter(|run| run.divergence().is_some()).count();
    let note = match diverged {
        0 => String::new(),
        1 => "; a run diverged, and its arm's curve ends there".into(),
        n => format!("; {n} runs diverged, and their arms' curves end there"),
    };
    let loss = curves(
        &format!(
            "Training loss by epoch: mean over seeds, and band from the least to the largest{note}"
        ),
        "epoch",
        "training loss",
        &by_epoch(at, |epoch| epoch.train_loss),
    );
    let error = curves(
        "Test error by epoch: mean over seeds, and band from the least to the largest",
        "epoch",
        "test error in %",
        &by_epoch(at, |epoch| 100.0 * epoch.test_error),
    );
    loss.into_iter().chain(error).collect()
}

fn by_epoch(at: &AtScale, quantity: fn(&Epoch) -> f64) -> Vec<Curve> {
    let curve = |(colour, runs): (usize, &Runs)| {
        let runs_of = || runs.by_seed.values().map(|run| &run.curve.epochs);
        let epochs = runs_of().map(Vec::len).max().unwrap_or_default();
        let at_epoch = |i: usize| {
            let values: Vec<f64> = runs_of()
                .map(|epochs| epochs.get(i).map_or(f64::NAN, quantity))
                .collect();
            Spread::of(i as f64 + 1.0, &values)
        };
        Curve {
            label: runs.arm.name.clone(),
            colour,
            dashed: colour >= crate::report::plot::COLOURS,
            points: (0..epochs).map_while(at_epoch).collect(),
        }
    };
    at.arms.iter().enumerate().map(curve).collect()
}

/// Errors over depth, of the arms that are in series of models of several depths.
pub(super) fn depth_of(at: &AtScale) -> Option<Markup> {
    let mut series: BTreeMap<&str, Vec<(usize, &Runs)>> = BTreeMap::new();
    for runs in &at.arms {
        let Some(name) = &runs.arm.series else {
            continue;
        };
        let graph = runs.arm.models.get(&at.scale)?.graph().ok()?;
        series.entry(name).or_default().push((depth(&graph), runs));
    }
    let mut drawn = Vec::new();
    for (colour, (name, mut arms)) in series.into_iter().enumerate() {
        arms.sort_by_key(|(depth, _)| *depth);
        if arms.len() < FEWEST_DEPTHS {
            continue;
        }
        let curve = |what: &str, dashed: bool, quantity: fn(&Epoch) -> f64| Curve {
            label: format!("{name}, {what}"),
            colour,
            dashed,
            points: arms
                .iter()
                .filter_map(|(depth, runs)| give_or_take(*depth, runs, quantity))
                .collect(),
        };
        drawn.push(curve("test", false, |epoch| 100.0 * epoch.test_error));
        drawn.push(curve("training", true, |epoch| 100.0 * epoch.train_error));
    }
    curves(
        "Final error against depth: mean over seeds, and band of a standard deviation either way",
        "weighted layers",
        "error in %",
        &drawn,
    )
}

fn give_or_take(depth: usize, runs: &Runs, quantity: fn(&Epoch) -> f64) -> Option<Spread> {
    let values: Vec<f64> = last(runs, quantity).collect();
    let spread = Spread::of(depth as f64, &values)?;
    let deviation = Some(stats::deviation(&values)).filter(|deviation| deviation.is_finite());
    let deviation = deviation.unwrap_or(0.0);
    Some(Spread {
        low: (spread.mean - deviation).max(0.0),
        high: spread.mean + deviation,
        ..spread
    })
}

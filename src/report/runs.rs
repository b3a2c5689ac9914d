//! The runs of an experiment, as rows for programs and as a table for people.

use super::list::Listing;
use super::number::short;
use super::table::columns;
use crate::experiment::{Estimate, Followed, Query, State, Status};
use crate::train::{Divergence, Fingerprint, Scale};
use serde::Serialize;

#[derive(Serialize)]
struct RunRow<'a> {
    experiment: &'a str,
    scale: Scale,
    arm: &'a str,
    seed: u64,
    model: &'a str,
    /// One name for all that decides the run but its seed; nothing if the data are not known.
    fingerprint: Option<String>,
    recipe: &'a str,
    network: Option<&'a str>,
    data: Option<&'a str>,
    backend: &'a str,
    state: &'static str,
    /// Steps taken.
    step: Option<u64>,
    /// Of so many.
    steps: Option<u64>,
    diverged: Option<&'a Divergence>,
    /// What it took, if it is finished.
    seconds: Option<f64>,
    /// How long it takes here, if it is not.
    estimate: Option<Estimate>,
}

fn row<'a>(
    query: &'a Query,
    arm: &'a Followed,
    run: &'a Status,
    estimate: Option<Estimate>,
) -> RunRow<'a> {
    let Fingerprint {
        recipe,
        network,
        data,
        backend,
    } = &arm.fingerprint;
    let (state, step, diverged, seconds) = match &run.state {
        State::ToDo => ("to do", Some(0), None, None),
        State::Begun { step, .. } => ("begun", Some(*step), None, None),
        State::Done { seconds } => ("done", arm.steps(), None, Some(*seconds)),
        State::Diverged { at, seconds } => ("diverged", Some(at.step), Some(at), Some(*seconds)),
    };
    RunRow {
        experiment: &query.experiment.name,
        scale: query.scale,
        arm: arm.arm,
        seed: run.seed,
        model: &arm.recipe.model,
        fingerprint: arm.digest(),
        recipe,
        network: network.as_deref(),
        data: arm.has_data.then_some(data),
        backend,
        state,
        step,
        steps: arm.steps(),
        diverged,
        seconds,
        estimate,
    }
}

/// The runs, each with how far it is and how long it takes.
///
/// # Errors
/// What the JSON writer says.
pub fn list_runs(
    query: &Query,
    arms: &[Followed],
    runs: &[Status],
    times: &[Option<Estimate>],
) -> serde_json::Result<Listing> {
    let rows: Vec<RunRow> = (runs.iter().zip(times))
        .map(|(run, time)| row(query, &arms[run.arm], run, *time))
        .collect();
    let text = rows.iter().map(|row| {
        let state = match (row.state, row.diverged, row.steps) {
            (state, Some(at), _) => format!("{state} {at}"),
            ("begun", _, Some(steps)) => {
                format!("begun, at step {} of {steps}", row.step.unwrap_or_default())
            }
            ("begun", ..) => format!("begun, at step {}", row.step.unwrap_or_default()),
            (state, ..) => state.to_string(),
        };
        let time = match (row.seconds, row.estimate) {
            (Some(seconds), _) => format!("{} s", short(seconds)),
            (None, Some(of)) if of.left < of.seconds => {
                format!(
                    "about {} s of {}, by {}",
                    short(of.left),
                    short(of.seconds),
                    of.from.words()
                )
            }
            (None, Some(of)) => format!("about {} s, by {}", short(of.seconds), of.from.words()),
            (None, None) => "not known".into(),
        };
        [row.arm.to_string(), row.seed.to_string(), state, time]
    });
    let text = columns(["arm", "seed", "state", "time"], text);
    Ok(Listing {
        rows: serde_json::to_value(&rows)?,
        text,
    })
}

//! What recorded timings say.

use super::super::timings::{Asked, Timings};
use super::arguments::{optional_text, size, text};
use super::{Answer, Graphs};
use crate::claim::Datum;

/// What is asked about a step of a network; `by` is the fourth argument, `record` the fifth.
fn asked<'a>(graphs: &Graphs, args: &'a [Datum]) -> Result<Asked<'a>, String> {
    Ok(Asked {
        model: graphs.spelt(text(args, 0)?),
        batch: size(args, 1)?,
        step: text(args, 2)?,
        by: text(args, 3)?,
        record: text(args, 4)?,
        platform: optional_text(args, 5)?,
    })
}

pub(super) fn step_ms(graphs: &Graphs, timings: &Timings, args: &[Datum]) -> Answer {
    let seconds = timings.seconds(&asked(graphs, args)?)?;
    Ok(Datum::Float(1e3 * seconds))
}

pub(super) fn speedup(graphs: &Graphs, timings: &Timings, args: &[Datum]) -> Answer {
    timings.speedup(&asked(graphs, args)?).map(Datum::Float)
}

pub(super) fn speedups(_: &Graphs, timings: &Timings, args: &[Datum]) -> Answer {
    let platform = optional_text(args, 2)?;
    let ratios = timings.speedups(text(args, 0)?, text(args, 1)?, platform)?;
    Ok(Datum::List(ratios.into_iter().map(Datum::Float).collect()))
}

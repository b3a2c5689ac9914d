//! Checks claims: gathers evidence for each, judges it, and writes down what was found.

mod current;

pub use current::{Current, current};

use crate::claim::{Claim, Suite, SuiteError};
use crate::evidence::{Evaluator, Evidence, Found, Training, gather};
use crate::record::{Method, Record};
use crate::verdict::{Verdict, judge};
use std::sync::atomic::Ordering;

/// What came of a check.
#[derive(Debug, Default)]
pub struct Checked {
    /// One record a claim, in the order of the suites.
    pub records: Vec<Record>,
    /// Claims whose measure has no value that could be judged.
    pub errors: Vec<SuiteError>,
    /// Whether the check was stopped before its end.
    pub interrupted: bool,
}

/// The claims whose id contains the filter; all without one.
pub fn select<'a>(
    suites: &'a [Suite],
    filter: Option<&str>,
) -> impl Iterator<Item = (&'a Suite, &'a Claim)> {
    let filter = filter.map(str::to_string);
    suites
        .iter()
        .flat_map(|suite| suite.claims.iter().map(move |claim| (suite, claim)))
        .filter(move |(_, claim)| {
            filter
                .as_ref()
                .is_none_or(|filter| claim.id.contains(filter.as_str()))
        })
}

/// Checks claims in order, those with a slow measure only if `all` are wanted; models are those of the evaluator, trained networks
/// those of `training`. `step` is told of each claim before it is checked and stops the check by returning false; [`Evaluator::stop`]
/// stops it within a measure too.
pub fn check<'a>(
    claims: impl Iterator<Item = (&'a Suite, &'a Claim)>,
    evaluator: &Evaluator,
    training: &Training,
    all: bool,
    mut step: impl FnMut(&Claim) -> bool,
) -> Checked {
    let stop = evaluator.stop();
    let mut checked = Checked::default();
    for (suite, claim) in claims {
        if !step(claim) {
            checked.interrupted = true;
            break;
        }
        if claim.slow && !all {
            let why = "a run of networks that takes long: --all runs it";
            let verdict = Verdict::Untested(why.into());
            checked
                .records
                .push(record(suite, claim, Evidence::None, &verdict));
            continue;
        }
        match check_one(suite, claim, evaluator, training) {
            Ok(record) => checked.records.push(record),
            // whether it has a value, nobody has found out
            Err(_) if stop.load(Ordering::Relaxed) => {
                checked.interrupted = true;
                break;
            }
            Err(error) => checked.errors.push(error),
        }
    }
    checked
}

/// Checks one claim.
///
/// # Errors
/// [`SuiteError`] when its measure has no value.
pub fn check_one(
    suite: &Suite,
    claim: &Claim,
    evaluator: &Evaluator,
    training: &Training,
) -> Result<Record, SuiteError> {
    let evidence = gather(claim, evaluator, training)?;
    let verdict = judge(claim, &evidence).map_err(|error| {
        let at = claim
            .measure()
            .map_or(&claim.at, |measure| &measure.stated_at);
        SuiteError::new(at.clone(), format!("`{}`: {error}", claim.id)).about(&claim.id)
    })?;
    let means = match &evidence {
        Evidence::Training(_) => claim.trial().and_then(|trial| training.means(trial)),
        other => other
            .found()
            .and_then(|found| evaluator.means(&found.calls)),
    };
    Ok(Record {
        means,
        ..record(suite, claim, evidence, &verdict)
    })
}

fn record(suite: &Suite, claim: &Claim, evidence: Evidence, verdict: &Verdict) -> Record {
    let (method, found, answers) = match evidence {
        Evidence::Structural(found) => (Some(Method::Counted), Some(found), Vec::new()),
        Evidence::Numerical(found) => (Some(Method::Run), Some(found), Vec::new()),
        Evidence::Training(answers) => (Some(Method::Trained), None, answers),
        Evidence::Timed(found) => (Some(Method::Timed), Some(found), Vec::new()),
        Evidence::Lacking(_) | Evidence::None => (None, None, Vec::new()),
    };
    let (found, calls) = match found {
        Some(Found { value, calls }) => (Some(value), calls),
        None => (None, Vec::new()),
    };
    let measure = claim.measure();
    Record {
        id: claim.id.clone(),
        digest: Some(claim.digest()),
        means: None,
        system: suite.system.clone(),
        section: claim.section.clone(),
        line: claim.line,
        says: claim.says.clone(),
        topic: claim.topic,
        stated: measure.map(|measure| measure.stated.datum()),
        measure: measure.map(|measure| measure.expression.clone()),
        tolerance: measure.map(|measure| measure.tolerance),
        trial: claim.trial().cloned(),
        answers,
        method,
        found,
        calls,
        steps: Vec::new(),
        verdict: verdict.kind(),
        because: verdict.because().map(str::to_string),
        recorded: claim.recorded,
        recorded_found: claim.recorded_found.clone(),
        covers: claim.covers.clone(),
        note: claim.note.clone(),
    }
}

//! Checks the claims that are wanted, as long as nobody stops it.

use super::{JobError, Progress, Watch};
use crate::check::{self, Checked, select};
use crate::claim::SuiteError;
use crate::evidence::{Evaluator, Timings, Training};
use crate::nearest::did_you_mean;
use crate::project::Subject;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How often a watcher is asked whether to go on while a measure is evaluated.
const TICK: Duration = Duration::from_millis(50);

/// Checks the claims whose id contains the filter, all without one; those with a slow measure only if `all` are
/// wanted. Evidence are networks, finished runs and timings. What is wrong with the suites comes first among the errors, whatever the filter.
///
/// # Errors
/// [`JobError`] if there is no such claim, or it is stopped.
pub fn check(
    subject: &Subject,
    filter: Option<&str>,
    all: bool,
    (training, timings): (&Training, Timings),
    watch: Watch,
) -> Result<Checked, JobError> {
    let Subject {
        suites,
        errors,
        registry,
        ..
    } = subject;
    let chosen = select(suites, filter).count();
    let about = |id: &str| filter.is_none_or(|filter| id.contains(filter));
    let are_errors = |error: &SuiteError| error.id.as_deref().is_none_or(about);
    if chosen == 0 && !errors.iter().any(are_errors) {
        let ids = select(suites, None).map(|(_, claim)| claim.id.as_str());
        return Err(match filter {
            None => JobError::NoClaims,
            Some(filter) => JobError::NoClaim {
                filter: filter.to_string(),
                hint: did_you_mean(filter, ids, "convcheck list claims"),
            },
        });
    }
    watch(Progress::Checking(chosen));
    let evaluator = Evaluator::with_timings(registry, timings);
    let mut checked = watched(watch, &evaluator, || {
        check::check(select(suites, filter), &evaluator, training, all, |claim| {
            watch(Progress::Claim(claim))
        })
    });
    if checked.interrupted {
        return Err(JobError::Stopped {
            done: checked.records.len(),
            all: chosen,
        });
    }
    checked.errors.splice(..0, errors.iter().cloned());
    Ok(checked)
}

/// Does what evaluates measures, which are stopped once who watches wants no more.
fn watched<T>(watch: Watch, evaluator: &Evaluator, work: impl FnOnce() -> T) -> T {
    let stop = evaluator.stop();
    let (working, ended) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                if !watch(Progress::Measuring) {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        });
        let done = work();
        drop(working);
        done
    })
}

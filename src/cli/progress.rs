//! A progress bar on standard error, where a person watches, and a line now and then where nobody does.

#![allow(clippy::disallowed_methods, reason = "this file alone shows bars")]

use super::duration::about;
use super::left::Left;
use super::said::warn;
use anyhow::Result;
use convcheck::experiment::ProgressEvent;
use convcheck::few::few;
use convcheck::pipeline::{Ahead, Progress, Watch};
use convcheck::report::{agreeing, counted};
use convcheck::visible;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where nobody watches, a line is said so often.
const SELDOM: Duration = Duration::from_secs(30);
/// So many experiments are named in a line.
const MOST_NAMED: usize = 6;
/// Parts of a whole whose steps are not alike.
const PARTS: u64 = 10_000;
/// How a bar of steps looks.
const STEPS: &str = "{bar:30} {pos}/{len}, {eta} left, {msg}";
/// How a bar of work looks, of which the message says how much is left.
const WORK: &str = "{bar:30} {msg}";

/// A bar; it is gone when the work is done, or fails.
pub struct Bar(ProgressBar);

impl Bar {
    /// Of so many steps.
    pub fn steps(steps: usize) -> Result<Bar> {
        Bar::new(Some(steps as u64), STEPS)
    }

    /// Of bytes that are yet to be counted.
    pub fn bytes() -> Result<Bar> {
        Bar::new(None, "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {msg}")
    }

    fn new(length: Option<u64>, template: &str) -> Result<Bar> {
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
        Ok(Bar(bar.with_style(ProgressStyle::with_template(template)?)))
    }

    /// Says what is at work.
    pub fn at(&self, what: &str) {
        self.0.set_message(visible::line(what).into_owned());
    }

    /// Says a line above the bar.
    pub fn note(&self, what: &str) {
        self.0.println(visible::line(what));
    }

    /// Goes on.
    pub fn step(&self, by: u64) {
        self.0.inc(by);
    }

    /// So much is done, of so much.
    pub fn reach(&self, done: u64, all: u64) {
        self.0.set_length(all);
        self.0.set_position(done);
    }

    fn begin(&self, steps: u64, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        self.0.reset();
        self.0.set_length(steps);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Work that shows how far it is, as long as `goes_on`.
pub fn watched<T, E>(
    goes_on: impl Fn() -> bool + Sync,
    work: impl FnOnce(Watch) -> Result<T, E>,
) -> Result<T>
where
    anyhow::Error: From<E>,
{
    let stages = Stages::new()?;
    Ok(work(&|progress| {
        stages.show(progress);
        goes_on()
    })?)
}

/// A bar that follows a job through its stages; where nobody watches, a line now and then.
struct Stages {
    bar: Bar,
    training: Mutex<Option<Training>>,
}

/// How a training goes.
struct Training {
    left: Left,
    images: u64,
    since: Instant,
    said: Instant,
    experiments: usize,
}

impl Stages {
    /// Nothing is seen before the first stage.
    fn new() -> Result<Stages> {
        Ok(Stages {
            bar: Bar::steps(0)?,
            training: Mutex::new(None),
        })
    }

    /// Shows how far it is: the share of the work and the last loss while it trains, the claim while it checks.
    fn show(&self, progress: Progress) {
        match progress {
            Progress::Planned(ahead) => {
                if let Some(plan) = planned(ahead) {
                    self.say(&plan);
                }
            }
            Progress::Training(ahead) => {
                self.bar.begin(PARTS, WORK);
                let now = Instant::now();
                *self.training() = Some(Training {
                    left: Left::new(ahead),
                    images: 0,
                    since: now,
                    said: now,
                    experiments: ahead.runs.len(),
                });
            }
            Progress::Step(event) => {
                if let Some(training) = &mut *self.training() {
                    self.step(training, &event);
                }
            }
            Progress::Notice(notice) => self.say(&notice.to_string()),
            Progress::Checking(claims) => self.bar.begin(claims as u64, STEPS),
            Progress::Saving | Progress::Measuring => {}
            Progress::Claim(claim) => {
                self.bar.at(&claim.id);
                self.bar.step(1);
            }
        }
    }

    fn training(&self) -> MutexGuard<'_, Option<Training>> {
        self.training.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, training: &mut Training, event: &ProgressEvent) {
        let ends = training.left.took(event);
        let (share, since) = (training.left.share(), training.since.elapsed());
        let ProgressEvent {
            experiment,
            arm,
            seed,
            ..
        } = event;
        let rest = (training.left.seconds(since.as_secs_f64()))
            .map_or(String::new(), |left| format!(", {} left", about(left)));
        let percent = format!("{:.0} % trained", 100.0 * share);
        if !self.is_watched() {
            // the last experiment ends with all of it
            if ends && training.experiments > 1 && share < 1.0 {
                self.say(&format!("{experiment} is trained; {percent}{rest}"));
            } else if training.said.elapsed() >= SELDOM {
                let loss = event.progress.loss;
                self.say(&format!(
                    "{percent}{rest}; {experiment}, {arm}, seed {seed}: loss {loss:.3}"
                ));
            } else {
                return;
            }
            training.said = Instant::now();
        } else if event.progress.images > 0 {
            training.images += event.progress.images;
            let rate = training.images as f64 / since.as_secs_f64();
            self.bar.reach((share * PARTS as f64) as u64, PARTS);
            self.bar.at(&format!(
                "{percent}{rest}; {experiment}, {arm}, seed {seed}: loss {:.3}, {rate:.0} images/s",
                event.progress.loss
            ));
        }
    }

    /// Whether somebody sees the bar.
    fn is_watched(&self) -> bool {
        !self.bar.0.is_hidden()
    }

    /// Says a line, above the bar if there is one.
    fn say(&self, what: &str) {
        match self.is_watched() {
            true => self.bar.note(&format!("convcheck: {what}")),
            false => warn(what),
        }
    }
}

/// What is trained, since claims ask for it, and about how long it takes; nothing if none asks.
fn planned(ahead: &Ahead) -> Option<String> {
    let runs: usize = ahead.runs.iter().map(|(_, runs)| runs).sum();
    let finished = match (ahead.finished, runs) {
        (0, 0) => return None,
        (n, 0) => {
            let are = agreeing(
                n,
                "run that claims ask for is",
                "runs that claims ask for are",
            );
            return Some(format!("the {n} quick {are} finished already"));
        }
        (0, _) => String::new(),
        (n, _) => format!(
            ", beside {n} that {} finished already",
            agreeing(n, "is", "are")
        ),
    };
    let names: Vec<&str> = ahead.runs.iter().map(|(name, _)| name.as_str()).collect();
    let long = match ahead.seconds {
        Some(seconds) => format!("it takes {}", about(seconds)),
        None => "how long it takes shows once it has begun".into(),
    };
    Some(format!(
        "trains {} of {} ({}){finished}; {long} (--no-training leaves it out)",
        counted(runs, "quick run"),
        counted(names.len(), "experiment"),
        few(&names, MOST_NAMED)
    ))
}

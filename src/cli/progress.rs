//! A progress bar on standard error, where a person watches.

#![allow(clippy::disallowed_methods, reason = "this file alone shows bars")]

use anyhow::Result;
use convcheck::pipeline::{Progress, Watch};
use convcheck::visible;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicU64, Ordering};

/// A bar; it is gone when the work is done, or fails.
pub struct Bar(ProgressBar);

impl Bar {
    /// Of so many steps.
    pub fn steps(steps: usize) -> Result<Bar> {
        Bar::new(
            Some(steps as u64),
            "{bar:30} {pos}/{len}, {eta} left, {msg}",
        )
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

    fn begin(&self, steps: u64) {
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

/// A bar that follows a job through its stages.
struct Stages {
    bar: Bar,
    images: AtomicU64,
}

impl Stages {
    /// Nothing is seen before the first stage.
    fn new() -> Result<Stages> {
        Ok(Stages {
            bar: Bar::steps(0)?,
            images: AtomicU64::new(0),
        })
    }

    /// Shows how far it is: images a second and the last loss while it trains, the claim while it checks.
    fn show(&self, progress: Progress) {
        match progress {
            Progress::Training(steps) => self.bar.begin(steps),
            Progress::Checking(claims) => self.bar.begin(claims as u64),
            Progress::Step(event) => {
                if event.progress.images > 0 {
                    let images = self
                        .images
                        .fetch_add(event.progress.images, Ordering::Relaxed)
                        + event.progress.images;
                    let rate = images as f64 / self.bar.0.elapsed().as_secs_f64();
                    self.bar.step(1);
                    self.bar.at(&format!(
                        "{} {}: loss {:.3}, {rate:.0} images/s",
                        event.arm, event.seed, event.progress.loss
                    ));
                }
            }
            Progress::Saving | Progress::Measuring => {}
            Progress::Claim(claim) => {
                self.bar.at(&claim.id);
                self.bar.step(1);
            }
        }
    }
}

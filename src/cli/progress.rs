//! A progress bar on standard error, where a person watches.

use anyhow::Result;
use convcheck::pipeline::{Progress, Watch};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicU64, Ordering};

/// A bar of so many steps.
pub fn bar(steps: usize) -> Result<ProgressBar> {
    let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stderr());
    Ok(bar.with_style(ProgressStyle::with_template(
        "{bar:30} {pos}/{len}, {eta} left, {msg}",
    )?))
}

/// Work that shows how far it is, as long as `goes_on`.
pub fn watched<T, E>(goes_on: fn() -> bool, work: impl FnOnce(Watch) -> Result<T, E>) -> Result<T>
where
    anyhow::Error: From<E>,
{
    let bar = Bar::new()?;
    Ok(work(&|progress| {
        bar.show(progress);
        goes_on()
    })?)
}

/// A bar that follows a job through its stages.
struct Bar {
    bar: ProgressBar,
    images: AtomicU64,
}

impl Bar {
    /// Nothing is seen before the first stage.
    fn new() -> Result<Bar> {
        Ok(Bar {
            bar: bar(0)?,
            images: AtomicU64::new(0),
        })
    }

    /// Shows how far it is: images a second and the last loss while it trains, the claim while it checks.
    fn show(&self, progress: Progress) {
        match progress {
            Progress::Training(steps) => self.begin(steps),
            Progress::Checking(claims) => self.begin(claims as u64),
            Progress::Step(event) => {
                if event.progress.images > 0 {
                    let images = self
                        .images
                        .fetch_add(event.progress.images, Ordering::Relaxed)
                        + event.progress.images;
                    let rate = images as f64 / self.bar.elapsed().as_secs_f64();
                    self.bar.inc(1);
                    self.bar.set_message(format!(
                        "{} {}: loss {:.3}, {rate:.0} images/s",
                        event.arm, event.seed, event.progress.loss
                    ));
                }
            }
            Progress::Claim(claim) => {
                self.bar.set_message(claim.id.clone());
                self.bar.inc(1);
            }
        }
    }

    fn begin(&self, steps: u64) {
        self.bar.reset();
        self.bar.set_length(steps);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

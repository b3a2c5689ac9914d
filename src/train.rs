//! How does a network learn? One run: a recipe, a data set, a seed, and the curve that comes of it.
//!
//! A run is a pure function of the three: order, alterations, masks and weights depend on the seed and
//! on places, never on what ran before, so that a run that goes on from a snapshot is the same run.

mod backend;
mod contradiction;
mod cpu;
mod divergence;
mod feed;
mod fingerprint;
mod learner;
mod loss;
mod optimizer;
mod order;
mod possible;
mod recipe;
mod schedule;
mod snapshot;
mod speed;
mod task;
mod trained;

pub use backend::{Backend, Batch, Engine, State, Step, StepMetrics};
pub use cpu::Cpu;
pub use divergence::Divergence;
pub use fingerprint::Fingerprint;
pub use learner::COMMIT;
pub use loss::loss_weights;
pub use optimizer::OptimizerState;
pub(crate) use optimizer::StepConstants;
pub use possible::RecipeFault;
pub use recipe::{Adam, AdamForm, LastBatch, Normalise, Optimizer, Order, Recipe, Schedule, Sgd};
pub use snapshot::{Begun, CheckpointPaths, begun, fits};
pub use speed::seconds_of_step;
pub use task::{Portion, Task, image_shape};
pub use trained::{Curve, Epoch, Trained};

pub use crate::claim::Scale;

use crate::data::DataError;
use crate::net::NetError;
use crate::run::RunError;
use crate::zoo::ZooError;
use feed::Feed;
use learner::{Learner, begin};
use snapshot::{RunLog, load};
use std::time::{Duration, Instant};

/// So long at most what steps have said stays on a device, where nobody waits for them.
const HEARD: Duration = Duration::from_secs(1);

/// Why a run has no end.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The description of a model does not fit together.
    #[error(transparent)]
    Zoo(#[from] ZooError),
    /// The network fails.
    #[error(transparent)]
    Net(#[from] NetError),
    /// It cannot be evaluated.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The images cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Model, images and recipe do not go together.
    #[error("{model}: {what}")]
    Task {
        /// The model.
        model: String,
        /// What is wrong.
        what: String,
    },
    /// The loss is no number any more.
    #[error("the loss is {loss} at step {step}{}", first_fault(layer.as_deref()))]
    Diverged {
        /// The step, from 1.
        step: u64,
        /// The loss.
        loss: f64,
        /// Path of the first layer whose value is not finite, if the backend knows it.
        layer: Option<String>,
    },
    /// A device that fails, or that there is not.
    #[error("{0}")]
    Device(String),
    /// A snapshot or a curve that cannot be written, or does not belong to the run.
    #[error("{0}")]
    Files(String),
    /// A device has no room for a run beside those that are there; alone it may have.
    #[error("no room for it: {0}")]
    NoRoom(String),
    /// A snapshot of another recipe, network, data set, device or seed.
    #[error("{0}")]
    AnotherRun(String),
    /// A snapshot that is not as it was written.
    #[error("the snapshot {0}")]
    Damaged(String),
    /// The run was told to stop.
    #[error("stopped after step {step} of {steps}")]
    Stopped {
        /// Steps taken.
        step: u64,
        /// Steps of the whole run.
        steps: u64,
    },
}

fn first_fault(layer: Option<&str>) -> String {
    let says = |layer| format!("; the first value that is not finite comes from layer `{layer}`");
    layer.map_or(String::new(), says)
}

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub struct StepProgress {
    /// Steps taken, those before it was resumed included.
    pub step: u64,
    /// Images of the last step.
    pub images: u64,
    /// The last loss that is known.
    pub loss: f32,
}

/// A run that came to its end.
#[derive(Debug, Clone)]
pub struct FinishedRun {
    /// What happened.
    pub curve: Curve,
    /// Time taken.
    pub seconds: f64,
    /// Other versions of the program that took its first steps, in order.
    pub begun_by: Vec<String>,
    /// Where it diverged, which ended it.
    pub diverged: Option<Divergence>,
}

/// Trains a network on an engine; `progress` is called with each step and stops the run by returning false. With `paths` the
/// run goes on from the snapshot there, if there is one, and leaves one when it stops. A run that diverges has come to its end; its
/// last loss is no number then, or the loss over the test images.
///
/// # Errors
/// [`TrainError`]; what was written is whole.
pub fn fit<E: Engine>(
    engine: &E,
    task: &Task,
    seed: u64,
    paths: Option<&CheckpointPaths>,
    progress: &dyn Fn(StepProgress) -> bool,
) -> Result<FinishedRun, TrainError> {
    let start = match paths.filter(|paths| paths.is_begun()) {
        Some(paths) => load(task, seed, engine.name(), &paths.snapshot)?,
        None => begin(task, seed)?,
    };
    let mut learner = Learner::new(engine, task, start)?;
    let epoch = task.steps_of_epoch();
    let open = |paths| RunLog::open(paths, engine.name(), &learner.progress.curve, epoch);
    let mut log = paths.map(open).transpose()?;
    let diverged = match steps(task, seed, &mut learner, &mut log, progress) {
        Err(TrainError::Diverged { step, loss, layer }) => {
            learner.progress.curve.losses.push(loss as f32);
            Some(Divergence { step, layer })
        }
        ended => {
            ended?;
            learner.diverged_in_test(task)?
        }
    };
    Ok(FinishedRun {
        begun_by: learner.progress.begun_by(),
        seconds: learner.progress.seconds,
        curve: learner.progress.curve,
        diverged,
    })
}

/// Takes the steps that are left.
fn steps<B: Backend>(
    task: &Task,
    seed: u64,
    learner: &mut Learner<B>,
    log: &mut Option<RunLog>,
    progress: &dyn Fn(StepProgress) -> bool,
) -> Result<(), TrainError> {
    let mut feed = Feed::<B>::new(task, seed);
    let mut next = None;
    let mut since = Instant::now();
    let mut heard = Instant::now();
    while !learner.is_done(task) {
        let step = learner.taken;
        let goes_on = if learner.ends_epoch(task) {
            let state = StepProgress {
                step,
                images: 0,
                loss: learner.progress.curve.losses.last().copied().unwrap_or(0.0),
            };
            let closed = learner.close_epoch(task, &|| progress(state))?.is_some();
            if let (true, Some(log)) = (closed, &mut *log) {
                log.epoch(&learner.progress.curve)?;
            }
            closed
        } else {
            let batch = match next.take() {
                Some(batch) => batch,
                None => feed.batch(step)?.expect("the run is not at its end"),
            };
            // the next images are made ready while this step is taken
            let mut ready = Ok(None);
            rayon::in_place_scope(|scope| {
                scope.spawn(|_| ready = feed.batch(step + 1));
                // on this thread, which alone may hold a device
                learner.step(task, &batch)
            })?;
            next = ready?;
            // whoever evaluates must know that the run has not diverged
            let all = learner.ends_epoch(task) || heard.elapsed() >= HEARD;
            hear(learner, log, all)?;
            if all {
                heard = Instant::now();
            }
            progress(StepProgress {
                step: step + 1,
                images: batch.labels.len() as u64,
                loss: learner.progress.curve.losses.last().copied().unwrap_or(0.0),
            })
        };
        learner.progress.seconds += since.elapsed().as_secs_f64();
        since = Instant::now();
        if !goes_on || log.as_ref().is_some_and(RunLog::is_due) {
            // no snapshot is of steps behind a divergence
            hear(learner, log, true)?;
            if let Some(log) = &mut *log {
                log.save(task, learner)?;
            }
        }
        if !goes_on {
            return Err(TrainError::Stopped {
                step: learner.progress.steps,
                steps: task.steps(),
            });
        }
    }
    Ok(())
}

/// Hears what steps have said, and writes their losses down.
fn hear<B: Backend>(
    learner: &mut Learner<B>,
    log: &mut Option<RunLog>,
    all: bool,
) -> Result<(), TrainError> {
    let heard = learner.hear(all);
    if let Some(log) = log {
        log.steps(&learner.progress.curve)?;
    }
    heard
}

#[cfg(test)]
mod tests;

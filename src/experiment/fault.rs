//! Why is an experiment not run to its end?

use crate::data::DataError;
use crate::train::TrainError;
use std::path::PathBuf;

/// Why an experiment was not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentFault {
    /// It does not have that scale.
    #[error("{experiment} has no {scale} scale")]
    NoScale {
        /// The experiment.
        experiment: String,
        /// The scale.
        scale: &'static str,
    },
    /// It does not have that arm, or not at that scale.
    #[error("{experiment} has no arm `{arm}` at the {scale} scale; {hint}")]
    NoArm {
        /// The experiment.
        experiment: String,
        /// What was asked for.
        arm: String,
        /// The scale.
        scale: &'static str,
        /// Arms like it, or all of them.
        hint: String,
    },
    /// The images cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A run that failed.
    #[error("{experiment}, {arm}, seed {seed}: {error}")]
    Run {
        /// The experiment.
        experiment: String,
        /// The arm.
        arm: String,
        /// The seed.
        seed: u64,
        /// Why.
        error: Box<TrainError>,
    },
    /// It was told to stop between two runs.
    #[error("stopped before the last {left} runs were begun")]
    Stopped {
        /// How many were not.
        left: usize,
    },
    /// A run that another process trains.
    #[error(
        "{}: another process trains this run; try again once it has ended, or name another folder (--output)",
        .lock.display()
    )]
    InUse {
        /// The file by which the other process holds it.
        lock: PathBuf,
    },
    /// A file or a folder that cannot be used.
    #[error("{}: {what}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        what: String,
    },
}

impl ExperimentFault {
    /// Whether it was told to stop, and nothing else happened.
    pub fn is_stop(&self) -> bool {
        match self {
            ExperimentFault::Run { error, .. } => matches!(**error, TrainError::Stopped { .. }),
            ExperimentFault::Stopped { .. } => true,
            _ => false,
        }
    }

    /// Whether the same can be done later, without anything else being changed.
    pub fn passes(&self) -> bool {
        self.is_stop() || matches!(self, ExperimentFault::InUse { .. })
    }
}

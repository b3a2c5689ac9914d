//! Where are the runs of an experiment kept, finished and under way?
//!
//! A folder has a `lock`, and of each arm and seed `ARM-SEED.json` once the run is finished; before,
//! `ARM-SEED.snapshot`, and `ARM-SEED.jsonl`, the curve as it grows.

use super::ExperimentFault;
use crate::file;
use crate::train::{CheckpointPaths, Fingerprint, Trained};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where runs are kept.
#[derive(Clone, Copy)]
pub struct Keep<'a> {
    /// The folder, of which a run of an experiment is the only user.
    pub folder: &'a Path,
    /// Whether what is there goes on.
    pub resume: bool,
    /// Time between snapshots.
    pub every: Duration,
}

impl Keep<'_> {
    /// The files of an arm under a seed: that of the finished run, and those of the one under way.
    pub(super) fn files(&self, arm: &str, seed: u64) -> (PathBuf, CheckpointPaths) {
        let file = |ending: &str| self.folder.join(format!("{arm}-{seed}.{ending}"));
        let paths = CheckpointPaths {
            snapshot: file("snapshot"),
            curve: file("jsonl"),
            every: self.every,
        };
        (file("json"), paths)
    }
}

/// Makes the folder, and makes sure that nobody else uses it and that nothing in it is lost.
pub(super) fn claim(keep: Keep) -> Result<File, ExperimentFault> {
    let fault = |what: String| fault(keep.folder, what);
    std::fs::create_dir_all(keep.folder).map_err(|e| fault(format!("cannot make it: {e}")))?;
    let lock = File::create(keep.folder.join("lock"))
        .map_err(|error| fault(format!("cannot write in it: {error}")))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(fault(
                "another run uses this folder; wait for its end, or name another (--output)".into(),
            ));
        }
        Err(TryLockError::Error(error)) => return Err(fault(format!("cannot lock it: {error}"))),
    }
    let entries = std::fs::read_dir(keep.folder).map_err(|error| fault(error.to_string()))?;
    let mut holds_runs = false;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        match file::is_unfinished(&path) {
            // left by a process that was killed while it wrote
            true => {
                let _ = std::fs::remove_file(path);
            }
            false => holds_runs |= !path.ends_with("lock"),
        }
    }
    match holds_runs {
        true if !keep.resume => Err(fault(
            "holds runs already: --resume goes on with them, or remove the folder to begin anew"
                .into(),
        )),
        _ => Ok(lock),
    }
}

/// A finished run, if it is of that fingerprint.
pub(super) fn read(path: &Path, fingerprint: &Fingerprint) -> Result<Trained, ExperimentFault> {
    let text = std::fs::read(path).map_err(|e| fault(path, format!("cannot read it: {e}")))?;
    let trained: Trained = serde_json::from_slice(&text)
        .map_err(|error| fault(path, format!("is no finished run: {error}")))?;
    (fingerprint.is_of(&trained.fingerprint())).map_err(|what| fault(path, what))?;
    Ok(trained)
}

/// Writes a finished run, whole or not at all.
pub(super) fn write(path: &Path, trained: &Trained) -> Result<(), ExperimentFault> {
    let json = serde_json::to_vec(trained).map_err(|error| fault(path, error.to_string()))?;
    file::write(path, &json).map_err(|e| fault(path, format!("cannot write it: {e}")))
}

fn fault(folder: &Path, what: String) -> ExperimentFault {
    ExperimentFault::Folder {
        folder: folder.to_path_buf(),
        what,
    }
}

//! Where are the runs of an experiment kept, finished and under way?
//!
//! A folder has a `lock`, and of each arm and seed `ARM-SEED.json` once the run is finished; before,
//! `ARM-SEED.snapshot`, and `ARM-SEED.jsonl`, the curve as it grows. What is damaged stands beside them under a name that
//! nothing reads.

use super::ExperimentFault;
use crate::file;
use crate::seal::{sealed, unsealed};
use crate::train::{CheckpointPaths, Fingerprint, Trained};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file by which a process holds the folder.
pub(super) const LOCK: &str = "lock";

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
    file::make_folder(keep.folder).map_err(|e| fault(format!("cannot make it: {e}")))?;
    let lock = file::open_lock(&keep.folder.join(LOCK))
        .map_err(|error| fault(format!("cannot open its `{LOCK}`: {error}")))?;
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
            false => holds_runs |= !path.ends_with(LOCK),
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

/// Why a file of a finished run cannot be used.
pub(super) enum Unfit {
    /// It is not as it was written.
    Damaged(String),
    /// It is of another run, or cannot be read at all.
    Fault(ExperimentFault),
}

/// The finished run of an arm under a seed, if it is of that fingerprint.
pub(super) fn read(
    path: &Path,
    (arm, seed): (&str, u64),
    fingerprint: &Fingerprint,
) -> Result<Trained, Unfit> {
    let other = |what: String| Unfit::Fault(fault(path, what));
    let bytes = std::fs::read(path).map_err(|error| other(format!("cannot read it: {error}")))?;
    let trained = parse(&bytes).map_err(Unfit::Damaged)?;
    fingerprint.is_of(&trained.fingerprint()).map_err(other)?;
    if (&*trained.arm, trained.seed) != (arm, seed) {
        let (arm, seed) = (&trained.arm, trained.seed);
        return Err(other(format!(
            "is of arm `{arm}` under seed {seed}, not what its name says: remove it to begin anew"
        )));
    }
    Ok(trained)
}

fn parse(bytes: &[u8]) -> Result<Trained, String> {
    let text = str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let json = unsealed(text).map_err(|error| error.to_string())?;
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

/// Writes a finished run, whole or not at all.
pub(super) fn write(path: &Path, trained: &Trained) -> Result<(), ExperimentFault> {
    let json = sealed(trained).map_err(|error| fault(path, error.to_string()))?;
    file::write(path, json.as_bytes()).map_err(|e| fault(path, format!("cannot write it: {e}")))
}

/// Puts a damaged file where nothing reads it, and says where.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, ExperimentFault> {
    file::set_aside(path).map_err(|error| fault(path, format!("cannot rename it: {error}")))
}

fn fault(folder: &Path, what: String) -> ExperimentFault {
    ExperimentFault::Folder {
        folder: folder.to_path_buf(),
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;
    use crate::train::{Curve, Epoch, Scale};

    fn trained() -> Trained {
        Trained {
            experiment: "two-nets".into(),
            scale: Scale::Quick,
            arm: "plain".into(),
            seed: 3,
            model: "plain20_digits".into(),
            recipe: "2bfe84ca7bde243a".into(),
            network: Some("79d09f811a020714".into()),
            data: "9fc9d3cfb2603ca8".into(),
            commit: None,
            begun_by: Vec::new(),
            backend: "cpu-f32".into(),
            machine: "one".into(),
            date: "1970-01-01".into(),
            seconds: 0.5,
            curve: Curve {
                losses: vec![2.5, 2.25, 2.0],
                epochs: vec![Epoch {
                    train_loss: 2.25,
                    train_error: 0.5,
                    test_loss: 2.5,
                    test_error: 0.75,
                    validation_error: None,
                }],
            },
        }
    }

    #[test]
    fn a_damaged_run_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plain-3.json");
        let run = trained();
        write(&path, &run).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let own = run.fingerprint();
        let is_damaged = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            matches!(read(&path, ("plain", 3), &own), Err(Unfit::Damaged(_)))
        };
        let key = Key::named("damage");
        for i in 0..300 {
            let mut damaged = whole.clone();
            let byte = (key.uniform(i) * whole.len() as f64) as usize;
            damaged[byte] ^= 1 << (i % 8);
            assert!(is_damaged(&damaged), "bit {} of byte {byte}", i % 8);
        }
        for length in [0, 1, 9, whole.len() / 2, whole.len() - 1] {
            assert!(is_damaged(&whole[..length]), "cut at {length}");
        }
        // one from before there were checksums is read
        std::fs::write(&path, serde_json::to_vec(&run).unwrap()).unwrap();
        assert!(read(&path, ("plain", 3), &own).is_ok_and(|read| read == run));
        // a whole one under another's name is no damaged one
        for other in [("plain", 4), ("residual", 3)] {
            assert!(matches!(read(&path, other, &own), Err(Unfit::Fault(_))));
        }
    }
}

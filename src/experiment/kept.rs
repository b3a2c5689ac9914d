//! Where are the runs of an experiment kept, finished and under way?
//!
//! A folder has of each arm and seed `ARM-SEED.json` once the run is finished; before, `ARM-SEED.snapshot`, `ARM-SEED.jsonl`,
//! the curve as it grows, and `ARM-SEED.lock`, which the process holds that trains it. So processes share a folder, and no
//! run has two of them. What is damaged stands beside them under a name that nothing reads.

use super::ExperimentFault;
use crate::file;
use crate::seal::{sealed, unsealed};
use crate::train::{CheckpointPaths, Fingerprint, Trained};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where runs are kept.
#[derive(Clone, Copy)]
pub struct Keep<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// Finished runs of the record that belongs to the folder, which are done as those in files are.
    pub recorded: &'a [Trained],
    /// What becomes of runs that are there.
    pub existing: Existing,
    /// Time between snapshots.
    pub every: Duration,
}

/// What becomes of runs that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// They are an error.
    Refused,
    /// They go on; those that followed another recipe, say, are an error.
    GoOn,
    /// They go on; those that followed another recipe are renamed (`ARM-SEED.older.json`), and begun anew.
    MakeRoom,
}

/// The files of an arm under a seed.
pub(super) struct RunFiles {
    /// That of the finished run.
    pub finished: PathBuf,
    /// Those of the one under way.
    pub paths: CheckpointPaths,
    /// Held by whoever trains it.
    pub lock: PathBuf,
}

impl Keep<'_> {
    pub(super) fn files(&self, arm: &str, seed: u64) -> RunFiles {
        let file = |ending: &str| self.folder.join(format!("{arm}-{seed}.{ending}"));
        RunFiles {
            finished: file("json"),
            lock: file("lock"),
            paths: CheckpointPaths {
                snapshot: file("snapshot"),
                curve: file("jsonl"),
                every: self.every,
            },
        }
    }
}

/// What holds a run for this process, as long as it is there.
pub(super) struct Held(#[expect(dead_code, reason = "the file is locked while it is open")] File);

impl RunFiles {
    /// Whether a run was finished here; where nobody can tell, reading it says why.
    pub fn is_finished(&self) -> bool {
        !matches!(self.finished.try_exists(), Ok(false))
    }

    /// Whether there is something of it that would be lost.
    pub fn is_begun(&self) -> bool {
        self.is_finished() || !matches!(self.paths.snapshot.try_exists(), Ok(false))
    }

    /// Makes sure that nobody else trains it, and removes what a killed process did not complete of it. Nothing if another
    /// process does. The folder is made if there is none.
    pub fn hold(&self) -> Result<Option<Held>, ExperimentFault> {
        let fault = |what: String| fault(&self.lock, what);
        if let Some(folder) = self.lock.parent() {
            file::make_folder(folder).map_err(|error| ExperimentFault::File {
                path: folder.to_path_buf(),
                what: format!("cannot make it: {error}"),
            })?;
        }
        let was_held = self.lock.exists();
        let lock = file::open_lock(&self.lock)
            .map_err(|error| fault(format!("cannot open it: {error}")))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => {
                return Err(fault(format!("cannot lock it: {error}")));
            }
        }
        if was_held {
            let all = [&*self.finished, &*self.paths.snapshot, &*self.paths.curve];
            file::sweep(&all).map_err(|error| fault(error.to_string()))?;
        }
        Ok(Some(Held(lock)))
    }

    /// A finished run stands in one file and its curve; who finished it may have been killed before the others were removed.
    /// Returns what cannot be removed, and why not.
    pub fn clear(&self, _held: &Held) -> Vec<(PathBuf, String)> {
        // the lock last: who has opened it before finds a finished run
        let files = [&self.paths.snapshot, &self.lock].into_iter();
        files
            .filter_map(|file| match std::fs::remove_file(file) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    Some((file.clone(), error.to_string()))
                }
                _ => None,
            })
            .collect()
    }

    /// Whether something is left to be cleared.
    pub fn has_leftovers(&self) -> bool {
        self.lock.exists() || self.paths.snapshot.exists()
    }
}

/// Why a file of a finished run cannot be used.
pub(super) enum Unfit {
    /// It is not as it was written.
    Damaged(String),
    /// It followed another recipe, say.
    Another(ExperimentFault),
    /// It cannot be read at all, or is not what its name says.
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
    let is_of = fingerprint.is_of(&trained.fingerprint());
    is_of.map_err(|what| Unfit::Another(fault(path, what)))?;
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

/// Renames a file of a run of another recipe to a name that is free: `ARM-SEED.older.json`, which is read as a finished run
/// still.
pub(super) fn make_room(path: &Path) -> Result<(), ExperimentFault> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let name = |n: u64| match n {
        1 => path.with_extension(format!("older.{ending}")),
        n => path.with_extension(format!("older-{n}.{ending}")),
    };
    let free = (1..)
        .map(name)
        .find(|name| name.symlink_metadata().is_err());
    let renamed = free.map_or(Ok(()), |free| std::fs::rename(path, free));
    renamed.map_err(|error| fault(path, format!("cannot rename it: {error}")))
}

fn fault(path: &Path, what: String) -> ExperimentFault {
    ExperimentFault::File {
        path: path.to_path_buf(),
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
            diverged: None,
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

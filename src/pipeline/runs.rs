//! Finished runs and timings of other days: which are at hand?

use super::JobError;
use crate::evidence::TimedFolder;
use crate::record::{self, Lines, RecordError, say_once};
use crate::train::Trained;
use std::path::{Path, PathBuf};

/// The finished runs in these folders and in those within them, those of the last name first. Of a file that is damaged
/// the good lines.
///
/// # Errors
/// [`JobError`] names a folder that cannot be read.
pub fn finished_runs(folders: &[PathBuf]) -> Result<Lines<Trained>, JobError> {
    let mut runs = none();
    for folder in with_those_within(folders)? {
        add(&mut runs, record::load_training(&folder), |good| good);
    }
    Ok(runs)
}

/// The timings in these folders and in those within them, folder by folder, each folder once. Of a file that is damaged
/// the good lines.
///
/// # Errors
/// [`JobError`] names a folder that cannot be read.
pub fn timed_folders(folders: &[PathBuf]) -> Result<Lines<TimedFolder>, JobError> {
    let mut timed: Lines<TimedFolder> = none();
    for named in with_those_within(folders)? {
        // `.` has a name too, and a folder may be named twice
        let folder = named.canonicalize().unwrap_or_else(|_| named.clone());
        if timed.good.iter().any(|one| one.folder == folder) {
            continue;
        }
        add(&mut timed, record::load_throughput(&named), |timings| {
            let is_one = !timings.is_empty();
            is_one.then_some(TimedFolder { folder, timings })
        });
    }
    Ok(timed)
}

/// Each folder, and behind it those within, the last name first.
fn with_those_within(folders: &[PathBuf]) -> Result<Vec<PathBuf>, JobError> {
    let mut all = Vec::new();
    for folder in folders {
        let unreadable = |error| JobError::Folder {
            folder: folder.clone(),
            error,
        };
        let entries = std::fs::read_dir(folder).map_err(unreadable)?;
        let mut inside = (entries.map(|entry| entry.map(|entry| entry.path())))
            .collect::<Result<Vec<_>, _>>()
            .map_err(unreadable)?;
        inside.sort();
        inside.retain(|path| Path::is_dir(path));
        all.push(folder.clone());
        all.extend(inside.into_iter().rev());
    }
    Ok(all)
}

const fn none<T>() -> Lines<T> {
    Lines {
        good: Vec::new(),
        damage: Vec::new(),
    }
}

fn add<T, U, I: IntoIterator<Item = U>>(
    all: &mut Lines<U>,
    read: Result<Lines<T>, RecordError>,
    made: impl FnOnce(Vec<T>) -> I,
) {
    match read {
        Ok(Lines { good, damage }) => {
            all.good.extend(made(good));
            say_once(&mut all.damage, damage);
        }
        // what cannot be read at all is no more than a file of damage
        Err(error) => say_once(&mut all.damage, vec![error]),
    }
}

//! Finished runs of other days: which are at hand?

use super::JobError;
use crate::record::{self, Lines, say_once};
use crate::train::Trained;
use std::path::{Path, PathBuf};

/// The finished runs in these folders and in those within them, those of the last name first. Of a file that is damaged
/// the good lines.
///
/// # Errors
/// [`JobError`] names a folder that cannot be read.
pub fn finished_runs(folders: &[PathBuf]) -> Result<Lines<Trained>, JobError> {
    let mut runs = Lines {
        good: Vec::new(),
        damage: Vec::new(),
    };
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
        add(&mut runs, folder);
        let inside = inside.iter().rev().filter(|folder| folder.is_dir());
        inside.for_each(|folder| add(&mut runs, folder));
    }
    Ok(runs)
}

fn add(runs: &mut Lines<Trained>, folder: &Path) {
    match record::load_training(folder) {
        Ok(Lines { good, damage }) => {
            runs.good.extend(good);
            say_once(&mut runs.damage, damage);
        }
        // what cannot be read at all is no more than a file of damage
        Err(error) => say_once(&mut runs.damage, vec![error]),
    }
}

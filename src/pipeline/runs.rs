//! Finished runs of other days: which are at hand, and which stay.

use super::JobError;
use crate::evidence::Training;
use crate::record::{self, RecordError};
use crate::train::{Scale, Trained};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The finished runs in these folders and in those within them, those of the last name first.
///
/// # Errors
/// [`JobError`] names the folder, or the file and its line.
pub fn finished_runs(folders: &[PathBuf]) -> Result<Vec<Trained>, JobError> {
    let mut runs = Vec::new();
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
        runs.extend(record::load_training(folder)?);
        for folder in inside.iter().rev().filter(|folder| folder.is_dir()) {
            runs.extend(record::load_training(folder)?);
        }
    }
    Ok(runs)
}

/// Writes the runs that count into a folder and returns what stands there now. Behind them stay runs that are somebody's
/// own: of experiments that are not known here or not the program's, but for quick runs of those that were trained `anew`.
pub(super) fn save(
    output: &Path,
    training: &Training,
    anew: &BTreeSet<String>,
) -> Result<Vec<Trained>, RecordError> {
    let stays = |old: &Trained| match training.experiment(&old.experiment) {
        None => true,
        Some(known) => {
            let is_replaced = old.scale == Scale::Quick && anew.contains(&old.experiment);
            let is_there = || training.runs().iter().any(|run| run == old);
            !known.is_embedded() && !is_replaced && !is_there()
        }
    };
    // read now, since an experiment may have been trained beside this job
    let before = record::load_training(output)?.into_iter().filter(stays);
    let all: Vec<Trained> = training.runs().iter().cloned().chain(before).collect();
    record::save_training(output, &all)?;
    Ok(all)
}

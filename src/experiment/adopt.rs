//! How does a begun run come from another folder?

use super::ExperimentFault;
use super::kept::{Existing, Keep};
use crate::file;
use crate::train::{TrainError, begun};
use std::path::Path;
use std::time::Duration;

/// What became of a begun run of another folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adopted {
    /// It goes on here from where it was there.
    Copied,
    /// It is as far here, or further.
    Here,
    /// It stays there, in words that go on after the name of its snapshot.
    Left(String),
    /// Its snapshot is not as it was written.
    Damaged(String),
}

/// Takes over the snapshot `ARM-SEED.snapshot` of another folder, unless the run is as far here. Nothing of what is here is lost.
///
/// # Errors
/// [`ExperimentFault`] of files that cannot be read or written.
pub fn adopt(from: &Path, into: &Path) -> Result<Adopted, ExperimentFault> {
    let fault = |path: &Path, what: String| ExperimentFault::File {
        path: path.to_path_buf(),
        what,
    };
    let left = |what: &str| Ok(Adopted::Left(format!("stays there: {what}")));
    let stem = from.file_stem().and_then(|stem| stem.to_str());
    let name = stem.and_then(|stem| stem.rsplit_once('-'));
    let Some((arm, Ok(seed))) = name.map(|(arm, seed)| (arm, seed.parse())) else {
        return left("it has not the name of a run (ARM-SEED.snapshot)");
    };
    let there = match begun(from) {
        Ok(Some(there)) => there,
        Ok(None) => return left("it has just gone"),
        Err(TrainError::Damaged(what)) => return Ok(Adopted::Damaged(what)),
        Err(error) => return Err(fault(from, error.to_string())),
    };
    let keep = Keep {
        folder: into,
        recorded: &[],
        existing: Existing::GoOn,
        every: Duration::ZERO,
    };
    let files = keep.files(arm, seed);
    let own = &files.paths.snapshot;
    let here = || match begun(own) {
        Ok(Some(here)) if here.fingerprint != there.fingerprint => Some(left(
            "one of another recipe, network, data set or device is here",
        )),
        Ok(Some(here)) if here.steps >= there.steps => Some(Ok(Adopted::Here)),
        Ok(_) if files.is_finished() => Some(left("a finished run of its name is here")),
        Ok(_) => None,
        Err(error) => Some(left(&format!("what is here cannot be used: {error}"))),
    };
    // a folder of nothing but locks would be left where nothing is to be done
    if let Some(adopted) = here() {
        return adopted;
    }
    let Some(_held) = files.hold()? else {
        return left("another process trains it here");
    };
    if let Some(adopted) = here() {
        return adopted;
    }
    let bytes = std::fs::read(from).map_err(|e| fault(from, format!("cannot read it: {e}")))?;
    let written = file::write(own, &bytes);
    written.map_err(|e| fault(own, format!("cannot write it: {e}")))?;
    Ok(Adopted::Copied)
}

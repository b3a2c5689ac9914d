//! A project to begin with: a small one that works, with a comment on each line.

use crate::record::{self, RecordError};
use std::path::{Path, PathBuf};

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../examples/project/", $name)))),*]
    };
}

/// Its files, by their place in the folder.
const FILES: &[(&str, &str)] = files![
    "text.md",
    "suites/my-text.toml",
    "experiments/learning-rate.toml",
    "convcheck.toml",
];

/// Why a project cannot be begun.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Nothing is overwritten.
    #[error("{}: is there already; nothing was written", .0.display())]
    There(PathBuf),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] RecordError),
}

/// Writes the project into a folder, `convcheck.toml` last, and returns its files.
///
/// # Errors
/// [`InitError`] if one of the files is there, before anything is written, or cannot be written.
pub fn init(folder: &Path) -> Result<Vec<PathBuf>, InitError> {
    let place = |(name, text): &(&str, &'static str)| (folder.join(name), *text);
    let files: Vec<(PathBuf, &str)> = FILES.iter().map(place).collect();
    for (path, _) in &files {
        // a link to nothing is something too
        let is_there = path.symlink_metadata().is_ok();
        let in_the_way = (path.ancestors().skip(1)).find(|above| above.exists() && !above.is_dir());
        if let Some(there) = in_the_way.or(is_there.then_some(path)) {
            return Err(InitError::There(there.to_path_buf()));
        }
    }
    for (path, text) in &files {
        record::write(path, text.as_bytes())?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

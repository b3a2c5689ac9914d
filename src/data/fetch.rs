//! How does a data set come from its publisher? What is downloaded is what was published, or an error.
//!
//! A download goes to `NAME.part`; one that was cut goes on where it ended (an HTTP range), in the same
//! call or a later one. Only a file of the right length and SHA-256 gets its name.

mod download;
mod published;
mod unpack;

pub use unpack::unpack;

use crate::digest::hex;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A data set's files, as published.
#[derive(Debug, Clone)]
pub struct Archive {
    /// The folder in which the data set will be.
    pub folder: String,
    /// Where the files are.
    pub base: String,
    /// The files.
    pub files: Vec<Published>,
    /// Whether the one file is a tar archive, compressed by gzip, of that folder.
    pub packed: bool,
}

/// A published file.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its name.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// A data set that did not come.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server did not send the file.
    #[error("{url}: {what}")]
    Refused {
        /// Its address.
        url: String,
        /// What happened.
        what: String,
    },
    /// The connection was cut again and again.
    #[error("{url}: cut at byte {at} of {bytes}: {what}; the same command goes on from there")]
    Cut {
        /// The file's address.
        url: String,
        /// How much is there.
        at: u64,
        /// How much there must be.
        bytes: u64,
        /// What happened.
        what: String,
    },
    /// Not what was published.
    #[error("{}: SHA-256 is {found}, must be {expected}; {hint}", .path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Of its bytes.
        found: String,
        /// Of the published ones.
        expected: String,
        /// What to do.
        hint: &'static str,
    },
    /// An archive that holds what it must not.
    #[error("{}, entry `{entry}`: {what}", .path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is in it.
        entry: String,
        /// What is wrong.
        what: String,
    },
    /// A file or folder here.
    #[error("{}: {error}", .path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Somebody asked to stop.
    #[error("stopped; the same command goes on from there")]
    Stopped,
}

/// Downloads what is not there yet into a folder of its own within `into`, and returns that folder.
///
/// `progress` is told a file's name, how many bytes are there and how many there must be, and says
/// whether to go on.
///
/// # Errors
/// [`FetchError`]; what was downloaded so far stays, unless it is wrong.
pub fn fetch(
    archive: &Archive,
    into: &Path,
    mut progress: impl FnMut(&str, u64, u64) -> bool,
) -> Result<PathBuf, FetchError> {
    let folder = into.join(&archive.folder);
    if archive.packed && folder.exists() {
        return Ok(folder);
    }
    let place = if archive.packed { into } else { &folder };
    std::fs::create_dir_all(place).map_err(|error| failed(place, error))?;
    for file in &archive.files {
        let path = place.join(&file.name);
        if path.exists() {
            let hint = "it is another file of that name: move it away";
            matches(&path, file, hint)?;
        } else {
            let url = format!("{}/{}", archive.base.trim_end_matches('/'), file.name);
            let part = place.join(format!("{}.part", file.name));
            download::download(&url, file, &part, &mut progress)?;
            let hint = "it was thrown away: try again, or another --from";
            if let Err(error) = matches(&part, file, hint) {
                // what is wrong must not be gone on with
                let _ = std::fs::remove_file(&part);
                return Err(error);
            }
            std::fs::rename(&part, &path).map_err(|error| failed(&path, error))?;
        }
        if archive.packed {
            unpack(&path, &archive.folder, into)?;
            std::fs::remove_file(&path).map_err(|error| failed(&path, error))?;
        }
    }
    Ok(folder)
}

fn failed(path: &Path, error: std::io::Error) -> FetchError {
    FetchError::File {
        path: path.to_path_buf(),
        error,
    }
}

/// Whether a file is the published one.
fn matches(path: &Path, file: &Published, hint: &'static str) -> Result<(), FetchError> {
    let failed = |error| failed(path, error);
    let mut content = std::fs::File::open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match content.read(&mut piece).map_err(failed)? {
            0 => break,
            n => hash.update(&piece[..n]),
        }
    }
    let found = hex(&hash.finalize());
    match found == file.sha256 {
        true => Ok(()),
        false => Err(FetchError::Checksum {
            path: path.to_path_buf(),
            found,
            expected: file.sha256.clone(),
            hint,
        }),
    }
}

#[cfg(test)]
mod tests;

//! An archive unpacked so that nothing lands outside its folder and nothing else than files is made.

use super::{FetchError, failed};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use tar::EntryType;

/// Most bytes that come out.
const MOST_BYTES: u64 = 1 << 30;
/// Most entries.
const MOST_ENTRIES: usize = 1000;

/// Unpacks a tar archive, compressed by gzip, whose entries all lie in `folder`, into `into`; the folder
/// appears whole or not at all.
///
/// # Errors
/// [`FetchError::Archive`] for a path that leaves the folder, a link or a device, more than 1 GiB or
/// 1,000 entries; a folder that is there already.
pub fn unpack(archive: &Path, folder: &str, into: &Path) -> Result<(), FetchError> {
    let file = File::open(archive).map_err(|error| failed(archive, error))?;
    let beside = tempfile::Builder::new()
        .prefix(".convcheck-")
        .tempdir_in(into)
        .map_err(|error| failed(into, error))?;
    let fault = |entry: &str, what: String| FetchError::Archive {
        path: archive.to_path_buf(),
        entry: entry.chars().take(100).collect(),
        what,
    };
    let stream = MultiGzDecoder::new(BufReader::new(file)).take(MOST_BYTES + 1);
    let mut archive = tar::Archive::new(stream);
    let cut = |error: io::Error| fault("", format!("the archive is damaged or cut: {error}"));
    // raw: long names are entries of their own and are refused, not gathered in memory
    let entries = archive.entries().map_err(cut)?.raw(true);
    let mut total = 0u64;
    for (i, entry) in entries.enumerate() {
        let mut entry = entry.map_err(cut)?;
        let path = entry.path().map_err(cut)?.into_owned();
        let shown = path.display().to_string().replace(['\n', '\r'], "?");
        let fault = |what: String| fault(&shown, what);
        if i == MOST_ENTRIES {
            return Err(fault(format!(
                "an archive has at most {MOST_ENTRIES} entries"
            )));
        }
        total = total.saturating_add(entry.size());
        if total > MOST_BYTES {
            let most = MOST_BYTES >> 20;
            return Err(fault(format!("at most {most} MiB are unpacked")));
        }
        let kind = entry.header().entry_type();
        match kind {
            // of times and names that are not needed
            EntryType::XHeader | EntryType::XGlobalHeader => continue,
            EntryType::Directory | EntryType::Regular | EntryType::Continuous => {}
            _ => {
                let what = "is neither file nor folder: links, devices and the like are not made";
                return Err(fault(what.into()));
            }
        }
        let within = within(&path, folder).ok_or_else(|| {
            fault(format!(
                "leaves the folder `{folder}`, in which all must be"
            ))
        })?;
        let place = beside.path().join(within);
        let made = match kind {
            EntryType::Directory => std::fs::create_dir_all(&place),
            _ => write(&mut entry, &place),
        };
        made.map_err(|error| fault(format!("cannot be unpacked: {error}")))?;
    }
    let made = beside.path().join(folder);
    if !made.is_dir() {
        return Err(fault(folder, "is not in the archive".into()));
    }
    let place = into.join(folder);
    std::fs::rename(made, &place).map_err(|error| failed(&place, error))
}

/// The path, if it goes down from the folder only.
fn within(path: &Path, folder: &str) -> Option<PathBuf> {
    let mut steps = Vec::new();
    for step in path.components() {
        match step {
            Component::Normal(step) => steps.push(step),
            Component::CurDir => {}
            _ => return None,
        }
    }
    (steps.first()? == &folder).then(|| steps.iter().collect())
}

/// A new file; that it is new is what keeps an archive from writing anything twice.
fn write(entry: &mut impl Read, place: &Path) -> io::Result<()> {
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = File::create_new(place)?;
    io::copy(entry, &mut file)?;
    Ok(())
}

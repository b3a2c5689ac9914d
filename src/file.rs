//! How are files found and read, and how is one written so that it is complete or absent?

use std::fs::{DirEntry, File};
use std::io::{self, Read, Result, Write};
use std::path::{Path, PathBuf};

/// How names of files begin that are not complete yet.
const UNFINISHED: &str = ".convcheck-";

/// Whether it is a file that a killed process did not complete.
pub fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(UNFINISHED))
}

/// Every file of a folder and of those within it whose name has that ending, in order of path. Hidden files (an editor's
/// `.#suite.toml`) and folders are passed over, links to folders are not followed.
///
/// # Errors
/// The folder that cannot be read, and what the system says.
pub fn below(
    folder: &Path,
    ending: &str,
) -> std::result::Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        let mut visit = |entry: Result<DirEntry>| {
            let entry = entry?;
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                return Ok(());
            }
            if path.extension().is_some_and(|its| its == ending) {
                files.push(path);
            } else if entry.file_type()?.is_dir() {
                folders.push(path);
            }
            Ok(())
        };
        (std::fs::read_dir(&folder).and_then(|mut entries| entries.try_for_each(&mut visit)))
            .map_err(|error| (folder, error))?;
    }
    files.sort();
    Ok(files)
}

/// The text of a file of at most so many MiB.
///
/// # Errors
/// What is wrong with it, in a line.
pub fn text(path: &Path, mib: u64) -> std::result::Result<String, String> {
    let unreadable = |error: io::Error| format!("cannot read it: {error}");
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    (file.take((mib << 20) + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > mib << 20 {
        return Err(format!(
            "it has more than {mib} MiB, the most that such a file may have"
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        format!("it must be UTF-8 text; byte {valid} is not")
    })
}

/// Writes a file beside its place first, then renames it, and makes its folder if there is none.
///
/// # Errors
/// What the system says; then nothing is left behind.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    readable_by_all(file.as_file())?;
    file.persist(path)?;
    Ok(())
}

/// Temporary files are private; what is written here is for everyone.
fn readable_by_all(file: &File) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    let _ = file;
    Ok(())
}

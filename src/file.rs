//! How is a file written so that it is complete or absent?

use std::io::{Result, Write};
use std::path::Path;

/// How names of files begin that are not complete yet.
const UNFINISHED: &str = ".convcheck-";

/// Whether it is a file that a killed process did not complete.
pub fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(UNFINISHED))
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
fn readable_by_all(file: &std::fs::File) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    let _ = file;
    Ok(())
}

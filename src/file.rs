//! How are files found and read, and how is one written so that it is complete or absent?

use std::fs::{DirEntry, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Result, Write};
use std::path::{Path, PathBuf};

/// How names of files begin that are not complete yet.
const UNFINISHED: &str = ".convcheck-";

/// So much of a file's name stands in that of its unfinished self: no name may be longer than 255 bytes.
const MOST_OF_NAME: usize = 150;

/// How the name begins under which a file is written before it is complete.
fn unfinished(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let end = name.floor_char_boundary(MOST_OF_NAME);
    format!("{UNFINISHED}{}-", &name[..end])
}

/// Removes what killed processes did not complete of files in one folder; nobody else may be writing them.
///
/// # Errors
/// What the system says.
pub fn sweep(files: &[&Path]) -> Result<()> {
    let Some(first) = files.first() else {
        return Ok(());
    };
    let begins: Vec<String> = files.iter().map(|file| unfinished(file)).collect();
    for entry in std::fs::read_dir(folder_of(first))? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if begins.iter().any(|begin| name.starts_with(begin)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
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
    // whoever opens a pipe waits
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return Err("is no file".into());
    }
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

/// Writes a file of a folder that is there: beside its place first, then renamed, so that it is complete or absent after a
/// power cut too. A link at its place is replaced, and what it leads to stays as it is.
///
/// # Errors
/// What the system says; then nothing is left behind.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    begin(path, bytes).map(drop)
}

/// Writes a file as [`write()`] does, and leaves it open for more behind its first bytes.
///
/// # Errors
/// As of [`write()`].
pub fn begin(path: &Path, bytes: &[u8]) -> Result<File> {
    let folder = folder_of(path);
    if !folder.is_dir() {
        let what = format!("there is no folder `{}`", folder.display());
        return Err(io::Error::new(ErrorKind::NotFound, what));
    }
    // a device would be replaced by a file
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        let what = "what is there is no file";
        return Err(io::Error::new(ErrorKind::InvalidInput, what));
    }
    let mut file = tempfile::Builder::new()
        .prefix(&unfinished(path))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    readable_by_all(file.as_file())?;
    // its content is there before its name is
    file.as_file().sync_all()?;
    let file = file.persist(path)?;
    sync_folder(folder)?;
    Ok(file)
}

/// Makes a folder and those above it that are not there.
///
/// # Errors
/// What the system says.
pub fn make_folder(folder: &Path) -> Result<()> {
    let missing: Vec<&Path> = (folder.ancestors())
        .take_while(|above| !above.as_os_str().is_empty() && !above.exists())
        .collect();
    std::fs::create_dir_all(folder)?;
    missing
        .into_iter()
        .rev()
        .try_for_each(|made| sync_folder(folder_of(made)))
}

/// A name beside a file that nothing has and nothing reads: `NAME.damaged`, then `NAME.damaged-2`.
pub fn aside(path: &Path) -> PathBuf {
    let name = |n: u64| {
        let mut name = path.as_os_str().to_os_string();
        name.push(match n {
            1 => ".damaged".to_string(),
            n => format!(".damaged-{n}"),
        });
        PathBuf::from(name)
    };
    let mut n = 1;
    while name(n).symlink_metadata().is_ok() {
        n += 1;
    }
    name(n)
}

/// Renames a file that cannot be used to a name [`aside`], and returns that.
///
/// # Errors
/// What the system says.
pub fn set_aside(path: &Path) -> Result<PathBuf> {
    let aside = aside(path);
    std::fs::rename(path, &aside)?;
    sync_folder(folder_of(path))?;
    Ok(aside)
}

/// Opens a file that is there to be locked, and makes it if it is not; what is in it stays.
///
/// # Errors
/// What the system says; or it is no file but a link, say.
pub fn open_lock(path: &Path) -> Result<File> {
    // a link may lead to a file that is somebody's, and whoever opens a pipe waits
    if (path.symlink_metadata()).is_ok_and(|there| !there.file_type().is_file()) {
        let what = "what is there is no file, or a link: remove it";
        return Err(io::Error::new(ErrorKind::InvalidInput, what));
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).open(path)
}

/// The folder in which something stands.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the names in a folder outlive a power cut, where the system can.
fn sync_folder(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    match File::open(folder)?.sync_all() {
        // some file systems of networks sync no folders
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) => {}
        synced => return synced,
    }
    let _ = folder;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_written_is_whole_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"one").unwrap();
        begin(&path, b"two").unwrap().write_all(b", three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two, three");
        assert_eq!(names(folder.path()), ["a"]);
        // a folder is made by whoever wants one
        let deep = folder.path().join("b/c/d");
        let error = write(&deep, b"").unwrap_err();
        assert!(
            error.to_string().contains("there is no folder `"),
            "{error}"
        );
        make_folder(deep.parent().unwrap()).unwrap();
        make_folder(deep.parent().unwrap()).unwrap();
        write(&deep, b"").unwrap();
        assert!(write(folder.path(), b"").is_err());
        assert!(make_folder(&deep).is_err());
    }

    #[test]
    fn what_was_not_completed_of_a_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let long = "ä".repeat(120);
        for name in ["a-1.json", "a-1.jsonl", "b-1.json", &long] {
            let begun = tempfile::Builder::new()
                .prefix(&unfinished(&at(name)))
                .tempfile_in(&folder)
                .unwrap();
            begun.keep().unwrap();
        }
        write(&at(&long), b"").unwrap();
        sweep(&[&at("a-1.json"), &at(&long)]).unwrap();
        let left = names(folder.path());
        assert!(left[0].starts_with(".convcheck-a-1.jsonl-"), "{left:?}");
        assert!(left[1].starts_with(".convcheck-b-1.json-"), "{left:?}");
        assert_eq!(left[2..], [long]);
    }

    #[test]
    fn what_was_set_aside_before_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        for text in ["1", "2", "3"] {
            fs::write(&path, text).unwrap();
            let aside = set_aside(&path).unwrap();
            assert_eq!(fs::read_to_string(aside).unwrap(), text);
        }
        let all = ["a.json.damaged", "a.json.damaged-2", "a.json.damaged-3"];
        assert_eq!(names(folder.path()), all);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_replaced_and_not_followed() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("own"), "own").unwrap();
        symlink(at("own"), at("link")).unwrap();
        write(&at("link"), b"new").unwrap();
        assert_eq!(fs::read(at("link")).unwrap(), b"new");
        symlink(at("own"), at("lock")).unwrap();
        assert!(open_lock(&at("lock")).is_err());
        assert_eq!(fs::read(at("own")).unwrap(), b"own");
        open_lock(&at("own")).unwrap();
        assert_eq!(fs::read(at("own")).unwrap(), b"own");
        open_lock(&at("new")).unwrap();
        // neither a device nor what a link to one leads to
        symlink("/dev/null", at("null")).unwrap();
        assert!(write(&at("null"), b"").is_err());
        assert!(open_lock(&at("null")).is_err());
    }
}

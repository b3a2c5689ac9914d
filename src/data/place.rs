//! Where in a folder is a data set? Its files stand in the folder that is named, or some folders below, as archives
//! and torchvision leave them; what systems leave beside them is no part of it.

use super::DataError;
use std::path::{Path, PathBuf};

/// How far below the folder that is named.
const DEEPEST: usize = 3;
/// Most names that are looked at on the way: beyond that it is a folder of pictures.
const MOST_NAMES: usize = 20_000;
/// What Windows, macOS and file servers leave in folders; also, each name with a dot in front.
const LEFT_BEHIND: [&str; 9] = [
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "__macosx",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "@eadir",
];

/// Whether a name in a folder is a system's, and no picture or class.
pub(super) fn is_left_behind(name: &str) -> bool {
    name.starts_with('.')
        || LEFT_BEHIND
            .iter()
            .any(|left| name.eq_ignore_ascii_case(left))
}

/// A folder and the names in it, sorted, without what systems leave behind.
pub(super) struct Folder {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Names of its files.
    pub(super) files: Vec<String>,
    /// Names of the folders in it.
    pub(super) folders: Vec<String>,
}

impl Folder {
    /// What is in a folder.
    pub(super) fn open(path: &Path) -> Result<Folder, DataError> {
        if path.is_file() {
            return Err(DataError::Layout {
                path: path.to_path_buf(),
                what: "is a file: name the folder that holds the data set".into(),
            });
        }
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        let failed = |error| DataError::File {
            path: path.to_path_buf(),
            error,
        };
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // no file of a set has another name
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if is_left_behind(&name) {
                continue;
            }
            let kind = entry.file_type().map_err(failed)?;
            let leads_to = |is: fn(&Path) -> bool| kind.is_symlink() && is(&entry.path());
            if kind.is_dir() || leads_to(Path::is_dir) {
                folders.push(name);
            } else if kind.is_file() || leads_to(Path::is_file) {
                files.push(name);
            }
        }
        files.sort();
        folders.sort();
        let path = path.to_path_buf();
        Ok(Folder {
            path,
            files,
            folders,
        })
    }

    /// Whether there is a file of that name, in capitals or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.files.iter().any(|its| its.eq_ignore_ascii_case(name))
    }

    /// The file of that name, or else one that has it in capitals.
    pub(super) fn file(&self, name: &str) -> Option<PathBuf> {
        let mut same = self
            .files
            .iter()
            .filter(|its| its.eq_ignore_ascii_case(name));
        let first = same.clone().next()?;
        Some(
            self.path
                .join(same.find(|its| *its == name).unwrap_or(first)),
        )
    }

    /// The folders below that hold something, none of them within another.
    pub(super) fn below(&self, holds: impl Fn(&Folder) -> bool) -> Vec<Folder> {
        let mut names = 0;
        let mut found = Vec::new();
        let within = |folder: &Folder| -> Vec<PathBuf> {
            let paths = folder.folders.iter().map(|name| folder.path.join(name));
            paths.collect()
        };
        let mut level = within(self);
        for _ in 0..DEEPEST {
            let mut next = Vec::new();
            for path in level {
                // what cannot be read is somebody else's
                let Ok(folder) = Folder::open(&path) else {
                    continue;
                };
                names += folder.files.len() + folder.folders.len();
                if names > MOST_NAMES {
                    return found;
                }
                match holds(&folder) {
                    true => found.push(folder),
                    false => next.extend(within(&folder)),
                }
            }
            level = next;
        }
        found
    }
}

/// The folder that holds the files of a data set: the one that is named, or the only one below that does; the named
/// one if there is none.
///
/// # Errors
/// A folder that cannot be read, or with several that hold them.
pub(super) fn place(path: &Path, holds: impl Fn(&Folder) -> bool) -> Result<Folder, DataError> {
    let here = Folder::open(path)?;
    if holds(&here) {
        return Ok(here);
    }
    let mut below = here.below(&holds);
    match below.len() {
        0 => Ok(here),
        1 => Ok(below.remove(0)),
        _ => Err(several(path, &below)),
    }
}

/// That there are data sets in several folders.
pub(super) fn several(path: &Path, below: &[Folder]) -> DataError {
    let mut names = below.iter().take(4).map(|folder| folder.path.display());
    let first = names.next().map(|name| name.to_string());
    let others: String = names.map(|name| format!(", {name}")).collect();
    let more = if below.len() > 4 { " and others" } else { "" };
    DataError::Layout {
        path: path.to_path_buf(),
        what: format!(
            "holds several data sets: name the folder of one, {}{others}{more}",
            first.unwrap_or_default()
        ),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A folder with these files, which are empty.
    pub(in crate::data) fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let file = folder.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        folder
    }

    #[test]
    fn what_systems_leave_behind_is_not_there() {
        let folder = tree(&[
            "Thumbs.db",
            "Desktop.ini",
            ".DS_Store",
            "._a.png",
            "a.png",
            "__MACOSX/x/._a.png",
            ".hidden/a",
            "cat/a",
        ]);
        let found = Folder::open(folder.path()).unwrap();
        assert_eq!(
            (found.files, found.folders),
            (vec!["a.png".into()], vec!["cat".into()])
        );
    }

    #[test]
    fn a_file_is_found_in_capitals_and_below() {
        let holds = |folder: &Folder| folder.has("set.bin");
        let folder = tree(&["x/y/z/SET.BIN", "x/y/z/w/set.bin"]);
        let at = folder.path();
        let found = place(at, holds).unwrap();
        assert_eq!(found.path, at.join("x/y/z"));
        assert_eq!(found.file("set.bin"), Some(at.join("x/y/z/SET.BIN")));
        // the folder that is named comes first, and below that of its files
        std::fs::write(at.join("set.bin"), "").unwrap();
        assert_eq!(place(at, holds).unwrap().path, at);
        std::fs::remove_file(at.join("set.bin")).unwrap();
        std::fs::create_dir(at.join("v")).unwrap();
        std::fs::write(at.join("v/set.bin"), "").unwrap();
        let error = place(at, holds).map(|_| ()).unwrap_err().to_string();
        assert!(
            error.contains("several data sets: name the folder of one, "),
            "{error}"
        );
        assert!(
            error.contains("/v, ") && error.ends_with("/x/y/z"),
            "{error}"
        );
        let deep = tree(&["a/b/c/d/set.bin"]);
        assert_eq!(place(deep.path(), holds).unwrap().path, deep.path());
        let file = place(&at.join("v/set.bin"), holds).map(|_| ()).unwrap_err();
        assert!(file.to_string().contains("is a file: name the folder"));
    }
}

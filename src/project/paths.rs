//! Where what a project names stands: files and folders inside of it, none outside.

use super::{ProjectError, ProjectErrors};
use crate::claim::{Location, Places, toml_below};
use std::collections::BTreeSet;
use std::io;
use std::path::{Component, Path, PathBuf};
use toml::Spanned;

/// The folder of a project, and the text by which it is one.
pub(super) struct Root<'a> {
    folder: &'a Path,
    /// The same without links.
    real: PathBuf,
    text: Places<'a>,
}

impl<'a> Root<'a> {
    /// # Errors
    /// [`ProjectError`] if the folder cannot be had.
    pub fn new(folder: &'a Path, file: &'a Path, text: &'a str) -> Result<Root<'a>, ProjectError> {
        let real = here(folder).canonicalize().map_err(|error| {
            let what = format!("cannot read the folder: {error}");
            ProjectError::new(Location::file(folder), what)
        })?;
        Ok(Root {
            folder,
            real,
            text: Places::of(file, text),
        })
    }

    /// The place of a byte of the text.
    pub fn at(&self, byte: usize) -> Location {
        self.text.at(byte)
    }

    /// The files of these names, but for those that a folder has under names that are `passed_over`; what is wrong with a name
    /// is an error more.
    pub fn all(
        &self,
        names: &[Spanned<String>],
        passed_over: &[&str],
        errors: &mut ProjectErrors,
    ) -> BTreeSet<PathBuf> {
        let mut all = BTreeSet::new();
        for name in names {
            match self.files(name.get_ref(), passed_over) {
                Ok(files) => all.extend(files),
                Err(what) => errors.add(self.at(name.span().start), what),
            }
        }
        all
    }

    /// The file or folder of that name in the project.
    ///
    /// # Errors
    /// A path that is not there, or leads out of the project.
    pub fn inside(&self, name: &str) -> Result<PathBuf, String> {
        let path = Path::new(name);
        // without detours: two spellings of one file are one file
        let mut direct = PathBuf::new();
        for component in path.components() {
            let goes_on = match component {
                Component::Normal(part) => {
                    direct.push(part);
                    true
                }
                Component::CurDir => true,
                Component::ParentDir => direct.pop(),
                Component::RootDir | Component::Prefix(_) => false,
            };
            if !goes_on {
                return Err(outside(name));
            }
        }
        let path = self.folder.join(direct);
        let real = here(&path)
            .canonicalize()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => format!("there is no `{name}` in the project"),
                _ => format!("cannot read `{name}`: {error}"),
            })?;
        // a link leads anywhere
        match real.starts_with(&self.real) {
            true => Ok(path),
            false => Err(outside(name)),
        }
    }

    /// Whether it is a file of the project.
    ///
    /// # Errors
    /// As of [`Root::inside`], or a folder.
    pub fn file(&self, name: &str) -> Result<(), String> {
        match here(&self.inside(name)?).is_file() {
            true => Ok(()),
            false => Err(format!(
                "`{name}` is no file: name the one that the text stands in"
            )),
        }
    }

    /// The file of that name, or every `*.toml` of the folder of that name and of those below it, save those of records and what
    /// the folder has under the names that are `passed_over`.
    fn files(&self, name: &str, passed_over: &[&str]) -> Result<Vec<PathBuf>, String> {
        let path = self.inside(name)?;
        if !path.is_dir() && !path.as_os_str().is_empty() {
            return Ok(vec![path]);
        }
        let folder = here(&path);
        let is_passed_over = |file: &Path| passed_over.iter().any(|name| file == folder.join(name));
        let files = toml_below(&folder, &self.real, is_passed_over)
            .map_err(|(place, what)| format!("`{name}`: {}: {what}", place.display()))?;
        // two spellings of one file are one file
        let direct = |file: PathBuf| {
            file.strip_prefix(".")
                .map(Path::to_path_buf)
                .unwrap_or(file)
        };
        Ok(files.into_iter().map(direct).collect())
    }
}

/// The folder in which one stands has no name.
fn here(path: &Path) -> PathBuf {
    Path::new(".").join(path)
}

fn outside(name: &str) -> String {
    format!("`{name}` leads out of the project: name what stands beside or below this file")
}

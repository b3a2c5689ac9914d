//! Which files hold suites, and what is in all of them together?

use super::{EMBEDDED, Location, REPORT, SuiteError, Suites, parse};
use crate::file;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::path::{Path, PathBuf};

/// A suite that is larger is none: a claim is about 300 bytes.
const MIB: u64 = 4;

/// Reads every suite of a folder ([`find`]).
pub fn load(folder: &Path) -> Suites {
    match find(folder) {
        Ok(files) => read(&files, false),
        Err(error) => error.into(),
    }
}

/// Every suite of a folder and of the folders within it, but for the folder's own `report.toml`.
///
/// # Errors
/// [`SuiteError`] when a folder cannot be read, holds no suite, or links to one outside of it.
pub fn find(folder: &Path) -> Result<Vec<PathBuf>, SuiteError> {
    let error = |(place, what): (PathBuf, String)| SuiteError::new(Location::file(&place), what);
    toml_below(folder, folder, |file| *file == folder.join(REPORT)).map_err(error)
}

/// Every `*.toml` of a folder and of the folders within it, in order of path, but for records and those that are
/// `passed_over`. Hidden files and folders are passed over too, and links to folders are not followed.
///
/// # Errors
/// Of a folder that cannot be read or is left with none, or of a link to a file outside of `root`: the place, and what is wrong.
pub(crate) fn toml_below(
    folder: &Path,
    root: &Path,
    passed_over: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, (PathBuf, String)> {
    let unreadable = |(folder, error): (PathBuf, io::Error)| {
        let what = format!("cannot read the folder: {error}");
        (folder, what)
    };
    let mut files = file::below(folder, "toml").map_err(unreadable)?;
    files.retain(|file| !is_record(file) && !passed_over(file));
    if files.is_empty() {
        let what = "there is no *.toml in this folder that could be read";
        return Err((folder.to_path_buf(), what.into()));
    }
    let root = (root.canonicalize()).map_err(|error| unreadable((root.to_path_buf(), error)))?;
    let leaves = |file: &&PathBuf| {
        file.canonicalize()
            .is_ok_and(|real| !real.starts_with(&root))
    };
    match files.iter().find(leaves) {
        Some(file) => {
            let what = "it is a link to a file outside of the folder: copy it here";
            Err((file.clone(), what.into()))
        }
        None => Ok(files),
    }
}

/// Whether it is the `machine.toml` of a record: reports may stand below suites.
fn is_record(file: &Path) -> bool {
    file.ends_with("machine.toml") && file.with_file_name("evidence.jsonl").exists()
}

/// Reads files as suites, but for those whose first line says that they are something else, behind those that are
/// `embedded`, if they are wanted too. What is wrong with one, or with a claim of it, leaves the others standing.
pub fn read(files: &[PathBuf], embedded: bool) -> Suites {
    let own = files.iter().map(|file| match file::text(file, MIB) {
        Ok(text) if is_another(&text) => Suites::default(),
        Ok(text) => parse(file, &text),
        Err(what) => SuiteError::new(Location::file(file), what).into(),
    });
    let wanted = if embedded { EMBEDDED } else { &[] };
    let embedded = wanted
        .iter()
        .map(|(file, text)| parse(Path::new(file), text));
    join(embedded.chain(own))
}

/// Whether a file says that it is an experiment or a plan, or describes a report. Any other schema, such as a copy of one's own, is
/// that of a suite, so that no claims are passed over in silence.
fn is_another(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let schema = first.strip_prefix("#:schema").map(str::trim);
    let of = |file: &str| schema.is_some_and(|schema| schema.ends_with(file));
    [
        "/experiment.schema.json",
        "/plan.schema.json",
        "/report.schema.json",
    ]
    .into_iter()
    .any(of)
}

/// One system, one suite; one id, one claim, covered ids included: of two, the later is an error.
pub(super) fn join(files: impl Iterator<Item = Suites>) -> Suites {
    let mut all = Suites::default();
    let mut systems = BTreeMap::<String, Location>::new();
    let mut ids = BTreeMap::<String, Location>::new();
    for mut one in files {
        all.errors.append(&mut one.errors);
        for mut suite in one.suites {
            match systems.entry(suite.system.clone()) {
                Entry::Vacant(place) => drop(place.insert(suite.at.clone())),
                Entry::Occupied(first) => {
                    let what = format!(
                        "there are two suites about `{}`, the first at {}: put their claims into one",
                        suite.system,
                        first.get()
                    );
                    all.errors.push(SuiteError::new(suite.at, what));
                    continue;
                }
            }
            for claim in std::mem::take(&mut suite.claims) {
                let twice =
                    std::iter::once(&claim.id)
                        .chain(&claim.covers)
                        .find_map(|id| match ids.entry(id.clone()) {
                            Entry::Occupied(first) => Some((id, first.get().clone())),
                            Entry::Vacant(place) => {
                                place.insert(claim.at.clone());
                                None
                            }
                        });
                match twice {
                    Some((id, first)) => {
                        let what = format!("`{id}` is accounted for twice, first at {first}");
                        let error = SuiteError::new(claim.at.clone(), what);
                        all.errors.push(error.about(&claim.id));
                    }
                    None => suite.claims.push(claim),
                }
            }
            all.suites.push(suite);
        }
    }
    all
}

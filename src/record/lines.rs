//! How are lines of a record written and read? Each is a JSON object with its checksum. What is not as it was written is
//! named and left out, so that the rest can be used.

use super::RecordError;
use crate::seal::{sealed, unsealed};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::path::Path;

/// So many faults of a file are said one by one.
const MOST_SAID: usize = 8;

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines<T> {
    /// Its lines that are as they were written.
    pub good: Vec<T>,
    /// What is wrong with the others.
    pub damage: Vec<RecordError>,
}

impl<T> Lines<T> {
    /// The lines of a file of which nothing is lost.
    ///
    /// # Errors
    /// [`RecordError`]: the first that is wrong.
    pub fn whole(self) -> Result<Vec<T>, RecordError> {
        match self.damage.into_iter().next() {
            None => Ok(self.good),
            Some(error) => Err(error),
        }
    }
}

/// One sealed line each.
pub(super) fn written(path: &Path, all: &[impl Serialize]) -> Result<Vec<u8>, RecordError> {
    let mut lines = String::new();
    for one in all {
        lines += &sealed(one).map_err(|error| RecordError::new(path, error))?;
        lines.push('\n');
    }
    Ok(lines.into_bytes())
}

/// The lines of a file, none if it is not there. `what` is a line, in a word or two.
///
/// # Errors
/// [`RecordError`] if the file cannot be read at all.
pub(super) fn read_if_there<T: DeserializeOwned>(
    path: &Path,
    what: &str,
) -> Result<Lines<T>, RecordError> {
    let Lines { good, damage } = numbered_if_there(path, what)?;
    Ok(Lines {
        good: good.into_iter().map(|(_, one)| one).collect(),
        damage,
    })
}

/// The same, each line with its number, from 1.
///
/// # Errors
/// As of [`read_if_there`].
pub(super) fn numbered_if_there<T: DeserializeOwned>(
    path: &Path,
    what: &str,
) -> Result<Lines<(usize, T)>, RecordError> {
    match path.try_exists() {
        Ok(false) => Ok(parse(path, b"", what, |_| Ok(()))),
        _ => Ok(parse(path, &bytes(path)?, what, |_| Ok(()))),
    }
}

/// What a file holds that is one line without its end.
///
/// # Errors
/// [`RecordError`] if it cannot be read, or is not as it was written.
pub(super) fn only<T: DeserializeOwned>(path: &Path, what: &str) -> Result<T, RecordError> {
    let fault = |why: String| RecordError::new(path, format!("is no {what}: {why}"));
    object(&bytes(path)?).map_err(fault)
}

/// The bytes of a file.
///
/// # Errors
/// [`RecordError`] says what the system says.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, RecordError> {
    let fault = |what: &dyn Display| RecordError::new(path, format!("cannot read it: {what}"));
    // whoever opens a pipe waits
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(fault(&"it is no file"));
    }
    std::fs::read(path).map_err(|error| fault(&error))
}

/// Lines with their numbers, each held against what must be true of it. A last line without its end was cut, even where it could be read.
pub(super) fn parse<T: DeserializeOwned>(
    path: &Path,
    text: &[u8],
    what: &str,
    mut holds: impl FnMut(&T) -> Result<(), String>,
) -> Lines<(usize, T)> {
    let mut lines = Lines {
        good: Vec::new(),
        damage: Vec::new(),
    };
    let (mut unsaid, mut number) = (0, 0);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        number += 1;
        let line = line.strip_suffix(b"\n").ok_or("it is cut".to_string());
        let read = line.and_then(object);
        let read = read.map_err(|why| format!("line {number} is no {what}: {why}"));
        let fault = match read {
            Ok(read) => match holds(&read) {
                Ok(()) => {
                    lines.good.push((number, read));
                    continue;
                }
                Err(why) => format!("line {number}, {why}"),
            },
            Err(why) => why,
        };
        match lines.damage.len() < MOST_SAID {
            true => lines.damage.push(RecordError::new(path, fault)),
            false => unsaid += 1,
        }
    }
    if unsaid > 0 {
        let fault = format!("{unsaid} more of its {number} lines cannot be used either");
        lines.damage.push(RecordError::new(path, fault));
    }
    lines
}

/// What a line holds, without its end.
fn object<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    let line = std::str::from_utf8(line)
        .map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to() + 1))?;
    let json = unsealed(line).map_err(|error| error.to_string())?;
    serde_json::from_str(&json).map_err(|error| {
        // its own line is always the first, and a checksum stands in front of the column
        let place = format!(" at line {} column {}", error.line(), error.column());
        let column = error.column() + (line.len() - json.len());
        let said = error.to_string();
        format!(
            "{}, column {column}",
            said.strip_suffix(&place).unwrap_or(&said)
        )
    })
}

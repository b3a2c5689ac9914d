//! A place in a suite that a person can open.

use std::fmt;
use std::path::{Path, PathBuf};

/// File, and line and column where they are known, both from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file.
    pub file: PathBuf,
    /// Line and column (in characters).
    pub position: Option<(usize, usize)>,
}

impl Location {
    /// A file as a whole.
    pub fn file(file: &Path) -> Location {
        Location {
            file: file.to_path_buf(),
            position: None,
        }
    }

    /// The place of a byte in a file's text.
    pub(crate) fn of_byte(file: &Path, text: &str, byte: usize) -> Location {
        let before = &text.as_bytes()[..byte.min(text.len())];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let start = before
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |i| i + 1);
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        Location {
            file: file.to_path_buf(),
            position: Some((line, column)),
        }
    }
}

/// What is wrong, in one line, whatever it quotes.
pub(crate) fn one_line(what: impl Into<String>) -> String {
    let what = what.into();
    let lines: Vec<&str> = what
        .split(['\n', '\r'])
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("; ")
}

/// `file:line:column`, as compilers write it.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match self.position {
            Some((line, column)) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

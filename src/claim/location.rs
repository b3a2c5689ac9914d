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
}

/// The places of a text. One line is looked up in a table, so that asking for many takes no longer than the text is long.
pub(crate) struct Places<'a> {
    file: &'a Path,
    text: &'a str,
    /// The byte with which each line starts.
    lines: Vec<usize>,
    /// How many characters stand before each block of [`BLOCK`] bytes.
    characters: Vec<usize>,
}

const BLOCK: usize = 1024;

impl<'a> Places<'a> {
    /// Those of a file's text.
    pub fn of(file: &'a Path, text: &'a str) -> Places<'a> {
        let bytes = text.as_bytes();
        let mut characters = vec![0];
        for block in bytes.chunks(BLOCK) {
            characters.push(characters[characters.len() - 1] + count(block));
        }
        let ends = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n');
        Places {
            file,
            text,
            lines: std::iter::once(0).chain(ends.map(|(i, _)| i + 1)).collect(),
            characters,
        }
    }

    /// The place of a byte.
    pub fn at(&self, byte: usize) -> Location {
        let byte = byte.min(self.text.len());
        let line = self.lines.partition_point(|&start| start <= byte);
        let column = self.before(byte) - self.before(self.lines[line - 1]) + 1;
        Location {
            file: self.file.to_path_buf(),
            position: Some((line, column)),
        }
    }

    /// How many characters begin before a byte.
    fn before(&self, byte: usize) -> usize {
        let block = byte / BLOCK;
        self.characters[block] + count(&self.text.as_bytes()[block * BLOCK..byte])
    }
}

/// How many characters begin in so many bytes of UTF-8.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b & 0xC0 != 0x80).count()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_that_counting_finds() {
        let texts = [
            String::new(),
            "\n".into(),
            "a\r\nb\n\nc".into(),
            "é\n→x€\n".repeat(700),
            "→".repeat(2000),
            "x".repeat(BLOCK),
            format!("{}\n", "y".repeat(BLOCK - 1)),
        ];
        for text in texts {
            let places = Places::of(Path::new("f"), &text);
            let (mut line, mut column) = (1, 1);
            let ends = std::iter::once((text.len(), ' '));
            for (byte, c) in text.char_indices().chain(ends) {
                assert_eq!(
                    places.at(byte).position,
                    Some((line, column)),
                    "byte {byte}"
                );
                (line, column) = match c {
                    '\n' => (line + 1, 1),
                    _ => (line, column + 1),
                };
            }
            assert_eq!(places.at(usize::MAX), places.at(text.len()));
        }
    }
}

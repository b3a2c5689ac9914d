//! A network in TOML, in the words that model code has: for who has no framework at hand.

mod constants;
mod format;
mod ops;
mod read;
mod sides;
mod verb;
mod words;
mod write;

pub use format::schema;
pub use write::network as written;

use super::Foreign;
use crate::claim::Places;
use crate::visible::line;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes of a file: a network of a hundred thousand layers has a tenth.
const MOST: u64 = 64 << 20;

/// Reads a network.
///
/// # Errors
/// What is wrong and in which line.
pub(super) fn read(path: &Path) -> Result<Foreign, String> {
    let cannot = |error: std::io::Error| format!("cannot read it: {error}");
    let file = File::open(path).map_err(cannot)?;
    if !file.metadata().map_err(cannot)?.is_file() {
        return Err("is no file".into());
    }
    let mut bytes = Vec::new();
    file.take(MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > MOST {
        return Err(format!(
            "has more than {MOST} bytes, the most that a network in TOML may have"
        ));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is no text of UTF-8".to_string())?;
    parse(&text)
}

/// The network that a text says.
fn parse(text: &str) -> Result<Foreign, String> {
    let (graph, source) = read::network(text).map_err(|(span, what)| {
        let at = Places::of(Path::new(""), text).at(span.start);
        let (row, column) = at.position.unwrap_or((1, 1));
        format!("line {row}, column {column}: {}", line(&what))
    })?;
    Ok(Foreign {
        graph,
        source: source.unwrap_or_else(|| "a description in TOML".into()),
        remarks: Vec::new(),
        count_refused: None,
    })
}

#[cfg(test)]
mod tests;

//! Which pictures of a folder are to train with, to choose by and to test with?
//!
//! A division is an order of the pictures: the first 60 % are to train with, the next 20 % to choose by,
//! the last 20 % to test with. It is kept as lines `path,label` in [`FILE`] within the folder, as the
//! document's Pokemon listings keep theirs, paths relative to the folder; where there is no such file,
//! folders may say it (`train`, `val`, `test`), or it follows from [`SEED`].

use super::{DataError, Listing, read};
use crate::random::Key;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// Name of the file, as in the document's listings.
pub const FILE: &str = "img_paths.csv";
/// Seed of the division where there is no file.
pub const SEED: u64 = 0;
/// Longest file.
const MOST_BYTES: u64 = 256 << 20;

/// Places in the order: to train with, to choose by, to test with.
pub const fn parts(count: usize) -> [Range<usize>; 3] {
    let (train, validation) = (count * 3 / 5, count * 4 / 5);
    [0..train, train..validation, validation..count]
}

/// The order that a seed gives: numbers of the listing's files.
pub fn seeded(listing: &Listing, seed: u64) -> Vec<usize> {
    permutation(listing.files.len(), seed)
}

/// The order of so many pictures that a seed gives.
pub(super) fn permutation(count: usize, seed: u64) -> Vec<usize> {
    Key::named("division").fold_in(seed).permutation(count)
}

/// Pictures in an order, and which of them are for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// Numbers of the listing's files.
    pub order: Vec<usize>,
    /// Places in the order: to train with, to choose by, to test with.
    pub places: [Range<usize>; 3],
}

impl Division {
    /// Numbers of the files to train with, to choose by and to test with; of those to choose by there may be none.
    pub fn parts(&self) -> [&[usize]; 3] {
        self.places.clone().map(|place| &self.order[place])
    }
}

/// The division that a file gives: the named one, or the folder's own; or else that of the folders, or of [`SEED`].
///
/// # Errors
/// A file that names what is not in the folder, or names it twice; fewer pictures than parts.
pub fn divide(listing: &Listing, file: Option<&Path>) -> Result<Division, DataError> {
    let own = listing.folder.join(FILE);
    // where nobody can tell, reading it says why
    let is_there = !matches!(own.try_exists(), Ok(false));
    let file = file.or(is_there.then_some(&*own));
    let order = match (file, listing.parts) {
        (Some(file), _) => stored(listing, file)?,
        (None, Some([train, validation, test])) => {
            let (to, all) = (train + validation, train + validation + test);
            return Ok(Division {
                order: (0..all).collect(),
                places: [0..train, train..to, to..all],
            });
        }
        (None, None) => seeded(listing, SEED),
    };
    let places = parts(order.len());
    match places.iter().any(Range::is_empty) {
        false => Ok(Division { order, places }),
        true => Err(DataError::Layout {
            path: file.unwrap_or(&listing.folder).to_path_buf(),
            what: format!("{} pictures cannot be divided in three", order.len()),
        }),
    }
}

/// The lines of an order.
///
/// # Errors
/// What the writer of CSV says.
pub fn text(listing: &Listing, order: &[usize]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for &i in order {
        let (class, path) = &listing.files[i];
        writer.write_record([path, &class.to_string()])?;
    }
    writer.flush()?;
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}

fn stored(listing: &Listing, file: &Path) -> Result<Vec<usize>, DataError> {
    let bytes = read(file, MOST_BYTES)?;
    let fault = |offset: u64, what: String| DataError::Content {
        path: file.to_path_buf(),
        offset,
        what,
    };
    let known: BTreeMap<&str, usize> = listing
        .files
        .iter()
        .enumerate()
        .map(|(i, (_, path))| (path.as_str(), i))
        .collect();
    let mut used = vec![false; listing.files.len()];
    let mut order = Vec::new();
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(&bytes[..]);
    let mut row = csv::ByteRecord::new();
    loop {
        let start = rows.position().byte();
        let more = rows.read_byte_record(&mut row);
        if !more.map_err(|error| fault(start, error.to_string()))? {
            return Ok(order);
        }
        let fault = |what: String| fault(start, what);
        let fields: Result<Vec<&str>, _> = row.iter().map(std::str::from_utf8).collect();
        let [path, label] = match fields.as_deref() {
            Ok(&["path", "label"]) if order.is_empty() => continue,
            Ok(&[path, label]) => [path, label],
            _ => return Err(fault("the line must be `path,label`".into())),
        };
        // listings written on Windows divide by the other stroke
        let path = path.replace('\\', "/");
        let outside = path.starts_with('/') || path.split('/').any(|step| step == "..");
        let shown = shown(&path);
        if outside {
            return Err(fault(format!(
                "`{shown}` leaves the folder: write paths within it, `class/file`"
            )));
        }
        let i = *known
            .get(path.as_str())
            .ok_or_else(|| fault(format!("`{shown}` is not in the folder")))?;
        let class = listing.files[i].0;
        if label != class.to_string() && label != listing.classes[class] {
            let label = self::shown(label);
            return Err(fault(format!(
                "`{shown}` has label `{label}`, must be {class}, its folder's"
            )));
        }
        if std::mem::replace(&mut used[i], true) {
            return Err(fault(format!("`{shown}` is named twice")));
        }
        order.push(i);
    }
}

/// A field as an error shows it: not long, on one line.
fn shown(field: &str) -> String {
    let start = field.chars().take(100);
    start.flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(folder: &Path) -> Listing {
        Listing {
            folder: folder.to_path_buf(),
            classes: vec!["a".into(), "b".into()],
            files: (0..10)
                .map(|i| (i / 5, format!("{}/{i},.png", ["a", "b"][i / 5])))
                .collect(),
            parts: None,
        }
    }

    #[test]
    fn parts_are_those_of_the_documents_listings() {
        // int(0.6 n) and int(0.8 n)
        assert_eq!(parts(1168), [0..700, 700..934, 934..1168]);
        assert_eq!(parts(3), [0..1, 1..2, 2..3]);
    }

    #[test]
    fn an_order_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let listing = listing(folder.path());
        assert_eq!(
            divide(&listing, None).unwrap().order,
            seeded(&listing, SEED)
        );
        let other = seeded(&listing, 7);
        assert_ne!(other, seeded(&listing, SEED));
        let written = text(&listing, &other).unwrap();
        std::fs::write(folder.path().join(FILE), &written).unwrap();
        assert_eq!(divide(&listing, None).unwrap().order, other);
        let named = folder.path().join("named.csv");
        let rows = "path,label\r\n\"b\\9,.png\",b\r\n\"a/0,.png\",0\n\"a/1,.png\",a\n";
        std::fs::write(&named, rows).unwrap();
        assert_eq!(divide(&listing, Some(&named)).unwrap().order, [9, 0, 1]);
    }

    #[test]
    fn a_line_that_cannot_be_is_named_by_its_byte() {
        let folder = tempfile::tempdir().unwrap();
        let listing = listing(folder.path());
        let file = folder.path().join("f.csv");
        let says = |rows: &[u8]| {
            std::fs::write(&file, rows).unwrap();
            let error = divide(&listing, Some(&file)).unwrap_err().to_string();
            error[error.find("f.csv").unwrap()..].to_string()
        };
        let first = "\"a/0,.png\",0\n";
        let second = |row: &str| says(format!("{first}{row}\n").as_bytes());
        assert_eq!(
            second("c/1.png,0"),
            "f.csv, byte 13: `c/1.png` is not in the folder"
        );
        assert!(second("a/../../x,0").contains("byte 13: `a/../../x` leaves the folder"));
        assert!(second("..\\x,0").contains("leaves the folder"));
        assert!(second("/etc/passwd,0").contains("leaves the folder"));
        assert!(second("\"a/1,.png\",1").contains("has label `1`, must be 0"));
        assert!(second("\"a/0,.png\",0").contains("named twice"));
        assert!(second("\"a/1,.png\",\"1\n\"").contains("has label `1\\n`, must be 0"));
        assert!(second("\"a/1,.png\"").contains("must be `path,label`"));
        assert!(says(b"\xff,0\n").contains("byte 0"));
        assert!(says(first.as_bytes()).contains("1 pictures cannot be divided"));
    }
}

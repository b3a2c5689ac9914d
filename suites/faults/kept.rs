//! Where does a case that failed go, so that it can be looked at and repeated?

use super::jobs::copy;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// How many cases that fail alike are kept.
const ALIKE: usize = 3;

/// The cases of a part that failed.
pub struct Kept {
    folder: PathBuf,
    alike: Mutex<BTreeMap<String, usize>>,
}

impl Kept {
    pub fn new(folder: &Path, part: &str) -> Kept {
        Kept {
            folder: folder.join(part),
            alike: Mutex::default(),
        }
    }

    /// Keeps a folder as it was, with a line on what came instead; prints that line for the first of its kind.
    pub fn keep(&self, name: &str, case: usize, folder: &Path, command: &str, why: &str) {
        let kind: String = (why.chars().take(100))
            .filter(|c| !c.is_ascii_digit())
            .collect();
        let mut alike = self.alike.lock().unwrap();
        let seen = alike.entry(format!("{name} {kind}")).or_default();
        *seen += 1;
        if *seen > ALIKE {
            return;
        }
        let place = self.folder.join(format!("{name}-{case}"));
        let _ = fs::remove_dir_all(&place);
        copy(folder, &place);
        let text = format!("{why}\n\nin this folder:\n{command}\n");
        fs::write(place.join("WHY"), &text).unwrap();
        if *seen == 1 {
            let why: String = why.chars().take(400).collect();
            println!(
                "FAILED {name}: {why}\n  {command}\n  kept in {}",
                place.display()
            );
        }
    }
}

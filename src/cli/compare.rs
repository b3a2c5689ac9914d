//! The commands that hold two things against each other: two records, or the networks and those of PyTorch.

use super::CompareOptions;
use super::said::{Outcome, Said};
use anyhow::Result;
use convcheck::compare::{Trend, compare, compare_training};
use convcheck::visible::line;
use convcheck::zoo::Registry;
use convcheck::{record, reference, report};
use std::fmt::Write;
use std::path::Path;

/// What changed between two records.
pub fn records(options: &CompareOptions) -> Result<Said> {
    let (_, before) = record::load(&options.before)?;
    let (_, after) = record::load(&options.after)?;
    let changes = compare(&before, &after);
    let [was, is] = [&options.before, &options.after].map(|folder| record::load_training(folder));
    let arms = compare_training(&was?, &is?);
    if let Some(file) = &options.markdown {
        record::write(file, report::changes_markdown(&changes, &arms).as_bytes())?;
    }
    if let Some(file) = &options.html {
        record::write(file, report::changes_html(&changes, &arms).as_bytes())?;
    }
    let worse = arms.iter().any(|arm| arm.outcome == Trend::Worse);
    Ok(Said {
        text: report::changes_text(&changes, &arms),
        outcome: match worse || changes.iter().any(|change| change.broken) {
            true => Outcome::Fails,
            false => Outcome::Passes,
        },
    })
}

/// Where the registered networks disagree with a reference folder.
pub fn with_reference(folder: &Path, registry: &Registry) -> Result<Said> {
    let compared = reference::compare(folder, registry)?;
    let mut text = String::new();
    let mut disagreeing = 0;
    for comparison in &compared {
        disagreeing += usize::from(!comparison.disagreements.is_empty());
        for what in &comparison.disagreements {
            let _ = writeln!(text, "{}", line(&format!("{}: {what}", comparison.model)));
        }
    }
    let unnamed: Vec<&str> = (registry.models())
        .filter(|model| compared.iter().all(|one| one.model != model.name))
        .map(|model| model.name.as_str())
        .collect();
    let _ = writeln!(
        text,
        "{} compared, {disagreeing} {}; without a reference: {}",
        report::counted(compared.len(), "model"),
        report::agreeing(disagreeing, "disagrees", "disagree"),
        unnamed.join(", ")
    );
    Ok(Said {
        text,
        outcome: match disagreeing {
            0 => Outcome::Passes,
            _ => Outcome::Fails,
        },
    })
}

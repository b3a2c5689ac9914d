//! The commands that hold two things against each other: two records, or the networks and those of PyTorch.

use super::CompareOptions;
use super::said::{Outcome, Said, wrong};
use anyhow::Result;
use convcheck::compare::{Trend, absent_arms, compare, compare_training};
use convcheck::record::{Findings, Record};
use convcheck::train::Trained;
use convcheck::visible::line;
use convcheck::zoo::Registry;
use convcheck::{record, reference, report};
use std::fmt::Write;
use std::path::Path;

/// What changed between two records.
pub fn records(options: &CompareOptions) -> Result<Said> {
    let before = Side::load(&options.before)?;
    let after = Side::load(&options.after)?;
    let changes = compare(&before.records, &after.records);
    let arms = compare_training(&before.runs, &after.runs);
    let mut text = report::changes_text(&changes, &arms);
    for (one, other) in [(&after, &before), (&before, &after)] {
        for (experiment, scale, arms) in absent_arms(&one.runs, &other.runs) {
            let absent = format!(
                "{} has no run of {experiment} ({}): {}",
                one.folder.display(),
                scale.name(),
                arms.join(", ")
            );
            let _ = writeln!(text, "{}", line(&absent));
        }
    }
    if let Some(file) = &options.markdown {
        record::write(file, report::changes_markdown(&changes, &arms).as_bytes())?;
    }
    if let Some(file) = &options.html {
        record::write(file, report::changes_html(&changes, &arms).as_bytes())?;
    }
    let worse = arms.iter().any(|arm| arm.outcome == Trend::Worse);
    Ok(Said {
        text,
        outcome: match worse || changes.iter().any(|change| change.broken) {
            _ if before.is_lacking || after.is_lacking => Outcome::Lacks,
            true => Outcome::Fails,
            false => Outcome::Passes,
        },
    })
}

/// A folder's records, of which one side of a comparison is made.
struct Side<'a> {
    folder: &'a Path,
    records: Vec<Record>,
    runs: Vec<Trained>,
    is_lacking: bool,
}

impl Side<'_> {
    /// Reads what can be compared, and says on standard error what cannot.
    fn load(folder: &Path) -> Result<Side<'_>> {
        let Findings {
            records,
            unjudged,
            damage,
            ..
        } = record::load(folder)?;
        let runs = record::load_training(folder)?;
        let (mut possible, mut lacks) = (Vec::new(), Vec::new());
        if !unjudged.is_empty() {
            let ids = unjudged.join(", ");
            lacks.push(format!("no record of {ids}: the check could not judge"));
        }
        for run in runs.good {
            match run.contradiction(None) {
                None => possible.push(run),
                Some(what) => lacks.push(format!(
                    "{} ({}), {}, seed {}: {what}",
                    run.experiment,
                    run.scale.name(),
                    run.arm,
                    run.seed
                )),
            }
        }
        let damage = || damage.iter().chain(&runs.damage);
        wrong(damage());
        let at = folder.display();
        wrong(lacks.iter().map(|what| format!("{at}: {what}")));
        Ok(Side {
            folder,
            records,
            runs: possible,
            is_lacking: damage().next().is_some() || !lacks.is_empty(),
        })
    }
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

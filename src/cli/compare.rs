//! The commands that hold two things against each other: two records, or the networks and those of PyTorch.

use super::CompareOptions;
use super::said::{Outcome, Said, wrong};
use anyhow::Result;
use convcheck::bench::Timing;
use convcheck::compare::{Trend, absent_arms, compare, compare_timings, compare_training};
use convcheck::few::few;
use convcheck::record::{Held, Record};
use convcheck::report::Changes;
use convcheck::train::Trained;
use convcheck::visible::line;
use convcheck::zoo::Registry;
use convcheck::{record, reference, report};
use std::fmt::Write;
use std::path::Path;

/// So many names stand in a line.
const MOST_NAMED: usize = 8;

/// What changed between two records.
pub fn records(options: &CompareOptions) -> Result<Said> {
    let before = Side::load(&options.before)?;
    let after = Side::load(&options.after)?;
    let claims = (before.records.as_ref().zip(after.records.as_ref()))
        .map(|(before, after)| compare(before, after));
    let arms = compare_training(&before.runs, &after.runs);
    let alone: Vec<String> = [(&after, &before), (&before, &after)]
        .into_iter()
        .flat_map(|(one, other)| one.lacks_of(other))
        .collect();
    let changes = Changes {
        claims: claims.as_deref(),
        arms: &arms,
        timings: compare_timings(&before.timings, &after.timings),
        alone: &alone,
    };
    let text = report::changes_text(&changes);
    if let Some(file) = &options.markdown {
        record::write(file, report::changes_markdown(&changes).as_bytes())?;
    }
    if let Some(file) = &options.html {
        record::write(file, report::changes_html(&changes).as_bytes())?;
    }
    let is_worse = arms.iter().any(|arm| arm.outcome == Trend::Worse);
    let is_broken = (claims.iter().flatten()).any(|change| change.broken);
    Ok(Said {
        text,
        outcome: match is_worse || is_broken {
            _ if before.is_lacking || after.is_lacking => Outcome::Lacks,
            true => Outcome::Fails,
            false => Outcome::Passes,
        },
    })
}

/// What a folder records, of which one side of a comparison is made.
struct Side<'a> {
    folder: &'a Path,
    /// What was found of claims; nothing where no check is recorded.
    records: Option<Vec<Record>>,
    runs: Vec<Trained>,
    timings: Vec<Timing>,
    is_lacking: bool,
}

impl Side<'_> {
    /// Reads what can be compared, and says on standard error what cannot.
    fn load(folder: &Path) -> Result<Side<'_>> {
        let Held {
            findings,
            runs,
            timings,
            damage,
        } = record::load_all(folder)?;
        let (mut possible, mut lacks) = (Vec::new(), Vec::new());
        if !findings.unjudged.is_empty() {
            let ids = few(&findings.unjudged, MOST_NAMED);
            lacks.push(format!("no record of {ids}: the check could not judge"));
        }
        for run in runs {
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
        wrong(&damage);
        let at = folder.display();
        wrong(lacks.iter().map(|what| format!("{at}: {what}")));
        Ok(Side {
            folder,
            records: findings.are_of_a_check().then_some(findings.records),
            runs: possible,
            timings,
            is_lacking: !damage.is_empty() || !lacks.is_empty(),
        })
    }

    /// What another side has and this one does not, in sentences.
    fn lacks_of(&self, other: &Side) -> Vec<String> {
        let at = self.folder.display();
        let mut lacks = Vec::new();
        if self.records.is_none() && other.records.is_some() {
            lacks.push(format!("{at} records no check of claims: none is compared"));
        }
        for (experiment, scale, arms) in absent_arms(&self.runs, &other.runs) {
            lacks.push(format!(
                "{at} has no run of {experiment} ({}): {}",
                scale.name(),
                few(&arms, MOST_NAMED)
            ));
        }
        if self.timings.is_empty() && !other.timings.is_empty() {
            lacks.push(format!("{at} has no timings"));
        }
        lacks
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

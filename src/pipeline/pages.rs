//! Writes the pages of a report.

use super::JobError;
use crate::evidence::Training;
use crate::project::Subject;
use crate::record::{self, Findings, Held, Record, RecordError};
use crate::report::{RECORDS, Report, render};
use std::collections::BTreeSet;
use std::path::Path;

/// Draws a report into a folder.
pub(super) fn write(folder: &Path, report: &Report) -> Result<(), JobError> {
    // the first page comes last, so that it never links to a page that is not there
    for page in render(report)?.iter().rev() {
        record::write(&folder.join(&page.file), page.html.as_bytes())?;
    }
    Ok(())
}

/// The reports of other records that stand below a folder's, by name, the last first.
pub(super) fn below(folder: &Path) -> Vec<String> {
    let folders = std::fs::read_dir(folder.join(RECORDS));
    let reports = (folders.into_iter().flatten().flatten())
        .filter(|entry| entry.path().join("index.html").is_file());
    let names = reports.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names: BTreeSet<String> = names.collect();
    names.into_iter().rev().collect()
}

/// What the records lacked of which a report was drawn.
pub struct Redrawn {
    /// Whether they are of a check, so that there are pages on claims.
    pub are_of_a_check: bool,
    /// Claims without a record, of those that can be checked, where the check of some failed or records are damaged.
    pub missing: Vec<String>,
    /// What is wrong with the files of the records.
    pub damage: Vec<RecordError>,
}

/// Draws the report of a folder's records again; nothing is measured.
///
/// # Errors
/// [`JobError`] if a record cannot be read at all, or a page cannot be written.
pub fn redraw(subject: &Subject, from: &Path, output: &Path) -> Result<Redrawn, JobError> {
    let Held {
        findings,
        runs,
        timings,
        damage,
    } = record::load_all(from)?;
    let are_of_a_check = findings.are_of_a_check();
    let Findings {
        provenance,
        records,
        unjudged,
        damage: lost,
    } = findings;
    let missing = match unjudged.is_empty() && lost.is_empty() {
        // what is new in the suites the page itself lists
        true => Vec::new(),
        false => without_record(subject, &records),
    };
    let report = Report {
        document: &subject.document,
        suites: &subject.suites,
        errors: &subject.errors,
        records: &records,
        training: &Training::new(subject.experiments.clone(), runs),
        timings: &timings,
        below: &below(output),
        provenance: provenance.as_ref(),
        registry: &subject.registry,
    };
    write(output, &report)?;
    Ok(Redrawn {
        are_of_a_check,
        missing,
        damage,
    })
}

/// The claims of the suites, but those that are errors, of which there is no record.
fn without_record(subject: &Subject, records: &[Record]) -> Vec<String> {
    let said = subject
        .errors
        .iter()
        .filter_map(|error| error.id.as_deref());
    let known: BTreeSet<&str> = (records.iter().map(|record| &*record.id))
        .chain(said)
        .collect();
    let claims = subject.suites.iter().flat_map(|suite| &suite.claims);
    let ids = claims.map(|claim| claim.id.clone());
    ids.filter(|id| !known.contains(&**id)).collect()
}

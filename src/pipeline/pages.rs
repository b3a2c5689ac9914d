//! Writes the pages of a report.

use super::JobError;
use crate::evidence::Training;
use crate::project::Subject;
use crate::record;
use crate::report::{Report, render};
use std::path::Path;

/// Draws a report into a folder.
pub(super) fn write(folder: &Path, report: &Report) -> Result<(), JobError> {
    // the first page comes last, so that it never links to a page that is not there
    for page in render(report)?.iter().rev() {
        record::write(&folder.join(&page.file), page.html.as_bytes())?;
    }
    Ok(())
}

/// Draws the report of a folder's records again; nothing is measured.
///
/// # Errors
/// [`JobError`] if a record cannot be read, belongs to no suite, or a page cannot be written.
pub fn redraw(subject: &Subject, from: &Path, output: &Path) -> Result<(), JobError> {
    let (provenance, records) = record::load(from)?;
    let runs = record::load_training(from)?;
    let report = Report {
        document: &subject.document,
        suites: &subject.suites,
        errors: &subject.errors,
        records: &records,
        training: &Training::new(subject.experiments.clone(), runs),
        timings: &record::load_throughput(from)?,
        provenance: &provenance,
        registry: &subject.registry,
    };
    write(output, &report)
}

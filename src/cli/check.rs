//! The commands that check claims: from options to verdicts, records and pages.

use super::progress::watched;
use super::said::{Outcome, Said, json};
use super::{CheckOptions, JobOptions, ReportOptions};
use anyhow::Result;
use convcheck::check::Checked;
use convcheck::claim::Kind;
use convcheck::evidence::Training;
use convcheck::pipeline::{self, Job, JobError};
use convcheck::project::Project;
use convcheck::record::{self, Provenance};
use convcheck::report;
use convcheck::train::Trained;
use std::path::PathBuf;

/// Trains, checks and writes a report, as long as `goes_on`, and says what came out.
pub fn main_job(
    options: &JobOptions,
    project: &Project,
    provenance: &Provenance,
    goes_on: fn() -> bool,
) -> Result<Said> {
    let subject = project.subject(options.suites.as_deref())?;
    let output = options.output.clone().unwrap_or(project.report());
    let job = Job {
        subject: &subject,
        kept: kept(&options.runs, project)?,
        trains: !options.no_training,
        all: options.all,
        output: &output,
        provenance,
    };
    let (checked, training) = watched(goes_on, |watch| pipeline::run(job, watch))?;
    let records = &checked.records;
    let refuted = records.iter().filter(|one| one.verdict == Kind::Refuted);
    let page = match refuted.count() {
        0 => "the report".to_string(),
        1 => "1 claim is refuted; the report says what is right".to_string(),
        n => format!("{n} claims are refuted; the report says what is right"),
    };
    let text = format!(
        "{} of {}\n\n{}\n{page}:\n{}\n",
        report::account(records),
        subject.document.name(),
        report::summary(&subject.suites, records, &checked.errors),
        output.join("index.html").display()
    );
    Ok(Said {
        text: text + &left_out(&training),
        outcome: outcome(checked),
    })
}

/// Checks claims and says each verdict.
pub fn check(options: &CheckOptions, project: &Project, goes_on: fn() -> bool) -> Result<Said> {
    let subject = project.subject(options.suites.as_deref())?;
    let suites = &subject.suites;
    let training = Training::new(subject.experiments.clone(), kept(&options.runs, project)?);
    let filter = options.filter.as_deref();
    let checked = watched(goes_on, |watch| {
        pipeline::check(&subject, filter, options.all, &training, watch)
    })?;
    let Checked {
        records, errors, ..
    } = &checked;
    if let Some(file) = &options.junit {
        record::write(file, report::junit(suites, records, errors)?.as_bytes())?;
    }
    if let Some(file) = &options.markdown {
        record::write(file, report::markdown(suites, records, errors).as_bytes())?;
    }
    let text = match options.json {
        _ if records.is_empty() => String::new(),
        true => json(records)?,
        false => format!(
            "{}\n{}{}",
            report::claims_text(records),
            report::summary(suites, records, errors),
            left_out(&training)
        ),
    };
    Ok(Said {
        text,
        outcome: outcome(checked),
    })
}

/// Draws the report of a folder's records again.
pub fn redraw(options: &ReportOptions, project: &Project) -> Result<Said> {
    let from = options.from.clone().unwrap_or(project.report());
    let output = options.output.as_ref().unwrap_or(&from);
    let subject = project.subject(options.suites.as_deref())?;
    pipeline::redraw(&subject, &from, output)?;
    let index = output.join("index.html");
    Ok(Said {
        text: format!("report: {}\n", index.display()),
        outcome: outcome(Checked {
            errors: subject.errors,
            ..Checked::default()
        }),
    })
}

/// The finished runs in these folders; without one those in `reports`, if it is there.
fn kept(folders: &[PathBuf], project: &Project) -> Result<Vec<Trained>> {
    let reports = project.reports();
    Ok(match folders {
        [] if !reports.is_dir() => Vec::new(),
        [] => pipeline::kept(&[reports])?,
        folders => pipeline::kept(folders)?,
    })
}

/// Which runs do not count, if any.
fn left_out(training: &Training) -> String {
    report::left_out(training).map_or(String::new(), |text| text + "\n")
}

/// What has no verdict is said last: those of the others stand.
fn outcome(checked: Checked) -> Outcome {
    let Checked {
        records, errors, ..
    } = checked;
    if !errors.is_empty() {
        return Outcome::Lacks(JobError::Unjudged(errors).into());
    }
    match records.iter().any(|record| record.failure().is_some()) {
        true => Outcome::Fails,
        false => Outcome::Passes,
    }
}

//! The commands that check claims: from options to verdicts, records and pages.

use super::progress::watched;
use super::said::{Outcome, Said, json, lacks, warn, wrong};
use super::{CheckOptions, JobOptions, ReportOptions};
use anyhow::Result;
use convcheck::check::Checked;
use convcheck::claim::{Kind, SuiteError};
use convcheck::evidence::{TimedFolder, Timings, Training};
use convcheck::few::few;
use convcheck::pipeline::{self, Done, Job, Redrawn};
use convcheck::project::{Project, Subject};
use convcheck::record::{self, Lines, Provenance, Record, RecordError};
use convcheck::report;
use convcheck::train::Trained;
use convcheck::visible::line;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// So many claims are named in a line.
const MOST_NAMED: usize = 8;

/// Trains, checks and writes a report, as long as `goes_on`, and says what came out.
pub fn main_job(
    options: &JobOptions,
    project: &Project,
    provenance: &Provenance,
    goes_on: fn() -> bool,
) -> Result<Said> {
    let subject = subject(options.suites.as_deref(), project)?;
    let output = options.output.clone().unwrap_or(project.report());
    let (kept, timed) = recorded(&options.runs, project)?;
    let said = [&kept.damage[..], &timed.damage].concat();
    let job = Job {
        subject: &subject,
        kept,
        timed,
        trains: !options.no_training,
        all: options.all,
        output: &output,
        provenance,
    };
    let Done {
        checked,
        training,
        damage,
    } = watched(goes_on, |watch| pipeline::run(job, watch))?;
    // what the job was handed was said when it was read
    let unsaid = damage.iter().filter(|error| !said.contains(error));
    wrong(unsaid);
    let outcome = outcome(&checked, subject.errors.len(), &damage);
    let records = &checked.records;
    if records.is_empty() {
        // nothing has a verdict, so there is no report
        let text = String::new();
        return Ok(Said { text, outcome });
    }
    let refuted = || records.iter().filter(|one| one.verdict == Kind::Refuted);
    let page = match refuted().count() {
        0 => "the report".to_string(),
        n => format!(
            "{} {} refuted; the report {}",
            report::counted(n, "claim"),
            report::agreeing(n, "is", "are"),
            match refuted().all(|one| one.note.is_some()) {
                true => "says what is right",
                false => report::agreeing(n, "shows it", "shows them"),
            }
        ),
    };
    let text = format!(
        "{} of {}\n\n{}\n{page}:\n{}\n",
        report::account(records),
        line(subject.document.name()),
        report::summary(&subject.suites, records, &checked.errors),
        line(&output.join("index.html").to_string_lossy())
    );
    Ok(Said {
        text: text + &left_out(&training),
        outcome,
    })
}

/// Checks claims and says each verdict.
pub fn check(options: &CheckOptions, project: &Project, goes_on: fn() -> bool) -> Result<Said> {
    let subject = subject(options.suites.as_deref(), project)?;
    let suites = &subject.suites;
    let (runs, timed) = recorded(&options.runs, project)?;
    let damage = [runs.damage, timed.damage].concat();
    let training = Training::new(subject.experiments.clone(), runs.good);
    let timings = Timings::new(timed.good);
    let filter = options.filter.as_deref();
    let checked = watched(goes_on, |watch| {
        let recorded = (&training, timings);
        pipeline::check(&subject, filter, options.all, recorded, watch)
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
        true => json(&rows(records, errors))?,
        false if records.is_empty() => String::new(),
        false => format!(
            "{}\n{}{}",
            report::claims_text(records),
            report::summary(suites, records, errors),
            left_out(&training)
        ),
    };
    Ok(Said {
        text,
        outcome: outcome(&checked, subject.errors.len(), &damage),
    })
}

/// Draws the report of a folder's records again.
pub fn redraw(options: &ReportOptions, project: &Project) -> Result<Said> {
    let from = options.from.clone().unwrap_or(project.report());
    let output = options.output.as_ref().unwrap_or(&from);
    let subject = subject(options.suites.as_deref(), project)?;
    let Redrawn {
        are_of_a_check,
        missing,
        damage,
    } = pipeline::redraw(&subject, &from, output)?;
    wrong(&damage);
    if !missing.is_empty() {
        warn(format!(
            "{}: no record of {}: {}",
            from.display(),
            report::counted(missing.len(), "claim"),
            few(&missing, MOST_NAMED)
        ));
    }
    let index = output.join("index.html");
    let mut text = format!("report: {}\n", line(&index.to_string_lossy()));
    if !are_of_a_check {
        let from = from.display().to_string();
        text += &format!(
            "{} records no check of claims: the report is of its runs and timings\n",
            line(&from)
        );
    }
    Ok(Said {
        text,
        outcome: match missing.is_empty() && damage.is_empty() {
            true => lacks(&subject.errors),
            false => Outcome::Lacks,
        },
    })
}

/// What is checked; what is wrong with it is said before anything is done with the rest.
fn subject(suites: Option<&Path>, project: &Project) -> Result<Subject> {
    let subject = project.subject(suites)?;
    wrong(&subject.errors);
    Ok(subject)
}

/// What a check found, for programs.
#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Judged(&'a Record),
    Unjudged {
        id: Option<&'a str>,
        at: String,
        error: &'a str,
    },
}

/// The records, then what has no verdict, and why.
fn rows<'a>(records: &'a [Record], errors: &'a [SuiteError]) -> Vec<Row<'a>> {
    let unjudged = errors.iter().map(|error| Row::Unjudged {
        id: error.id.as_deref(),
        at: error.at.to_string(),
        error: &error.what,
    });
    records.iter().map(Row::Judged).chain(unjudged).collect()
}

/// The finished runs and the timings in these folders; without one those in `reports`, if it is there. What is wrong with
/// their files is said before anything is done with the rest.
fn recorded(
    folders: &[PathBuf],
    project: &Project,
) -> Result<(Lines<Trained>, Lines<TimedFolder>)> {
    let reports = [project.reports()];
    let folders = match folders {
        // where nobody can tell, reading it says why
        [] if reports[0].metadata().is_ok_and(|there| !there.is_dir()) => &[],
        [] if matches!(reports[0].try_exists(), Ok(false)) => &[],
        [] => &reports[..],
        folders => folders,
    };
    let runs = pipeline::finished_runs(folders)?;
    wrong(&runs.damage);
    let timed = pipeline::timed_folders(folders)?;
    wrong(&timed.damage);
    Ok((runs, timed))
}

/// Which runs do not count, if any.
fn left_out(training: &Training) -> String {
    let lines = report::left_out(training);
    lines.into_iter().map(|line| line + "\n").collect()
}

/// What came out. Of the errors, those that the check itself found are said now: so many were `said_before`.
fn outcome(checked: &Checked, said_before: usize, damage: &[RecordError]) -> Outcome {
    let Checked {
        records, errors, ..
    } = checked;
    wrong(errors.iter().skip(said_before));
    match records.iter().any(|record| record.failure().is_some()) {
        _ if !errors.is_empty() || !damage.is_empty() => Outcome::Lacks,
        true => Outcome::Fails,
        false => Outcome::Passes,
    }
}

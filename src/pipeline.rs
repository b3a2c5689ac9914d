//! What does the program do when it is only started, and in which order? It trains the quick experiments that claims
//! ask for, checks every claim, and writes records and pages.

mod ahead;
mod checks;
mod pages;
mod quick;
mod runs;

pub use ahead::{Ahead, ahead};
pub use checks::check;
pub use pages::{Redrawn, redraw};
pub use runs::{finished_runs, timed_folders};

use crate::check::Checked;
use crate::claim::Claim;
use crate::evidence::{TimedFolder, Timings, Training};
use crate::experiment::{ExperimentFault, Notice, ProgressEvent};
use crate::project::Subject;
use crate::record::{self, Lines, Provenance, RecordError, say_once};
use crate::report::{RenderError, Report};
use crate::train::Trained;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is to be done.
pub struct Job<'a> {
    /// With what.
    pub subject: &'a Subject,
    /// Finished runs from elsewhere, which count behind those of the folder of the report.
    pub kept: Lines<Trained>,
    /// Timings from elsewhere, for measures that ask for them.
    pub timed: Lines<TimedFolder>,
    /// Whether the quick experiments are trained that claims ask for.
    pub trains: bool,
    /// Whether measures are run that take long.
    pub all: bool,
    /// Folder of the report and its records.
    pub output: &'a Path,
    /// By what, where and when it is done.
    pub provenance: &'a Provenance,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// These runs are to be trained, as nobody asked for by name.
    Planned(&'a Ahead),
    /// These runs begin.
    Training(&'a Ahead),
    /// A step of one was taken.
    Step(ProgressEvent<'a>),
    /// There is something to say of one.
    Notice(&'a Notice<'a>),
    /// So many claims are ahead.
    Checking(usize),
    /// One of them is next.
    Claim(&'a Claim),
    /// It takes its time.
    Measuring,
    /// All was done, and is written down once nobody else writes there.
    Saving,
}

/// What came of it.
pub struct Done {
    /// What was checked.
    pub checked: Checked,
    /// By which runs.
    pub training: Training,
    /// What is wrong with files of records that were read.
    pub damage: Vec<RecordError>,
}

/// Who watches: is told how far it is, and stops it by returning false.
pub type Watch<'a> = &'a (dyn Fn(Progress) -> bool + Sync);

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// There is nothing to check.
    #[error("the suites hold no claims")]
    NoClaims,
    /// Nothing has such an id.
    #[error("no claim's id contains `{filter}`; {hint}")]
    NoClaim {
        /// What was looked for.
        filter: String,
        /// Ids like it, or where all are listed.
        hint: String,
    },
    /// It was stopped while claims were checked.
    #[error("stopped after {done} of {all} claims; nothing was written")]
    Stopped {
        /// How many had been.
        done: usize,
        /// How many there are.
        all: usize,
    },
    /// It was stopped while networks were trained.
    #[error("{0}; finished runs are kept, and the same command goes on from there")]
    TrainingStopped(ExperimentFault),
    /// An experiment failed.
    #[error(transparent)]
    Experiment(#[from] ExperimentFault),
    /// A record cannot be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A folder of records cannot be read.
    #[error("{}: cannot read the folder of records: {error}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The report cannot be drawn.
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl JobError {
    /// Whether the same may be done later, with nothing else changed.
    pub fn passes(&self) -> bool {
        match self {
            JobError::Stopped { .. } | JobError::TrainingStopped(_) => true,
            JobError::Experiment(fault) => fault.passes(),
            JobError::Record(error) => error.passes,
            _ => false,
        }
    }
}

/// Does the job; records and pages are written at its end, whole, if a claim has a verdict, and each run as soon as it is
/// finished. Runs that are there stay there, whether they count or not.
///
/// # Errors
/// [`JobError`]; what cannot be read is said before anything is trained.
pub fn run(job: Job, watch: Watch) -> Result<Done, JobError> {
    let Job {
        subject, output, ..
    } = job;
    let Subject {
        suites,
        experiments,
        ..
    } = subject;
    let there = record::load_training(output)?;
    let (fresh, own) = match job.trains {
        true => {
            let fresh = quick::train(&job, &there.good, watch)?;
            // what was damaged may have been trained again
            (fresh, record::load_training(output)?)
        }
        false => (Vec::new(), there),
    };
    let mut wrong = job.kept.damage;
    say_once(&mut wrong, job.timed.damage);
    // what is read from elsewhere may be this folder too, in which what was damaged stands aside now
    wrong.retain(|error| !error.path.starts_with(output) || own.damage.contains(error));
    say_once(&mut wrong, own.damage);
    let runs = fresh.into_iter().chain(own.good).chain(job.kept.good);
    let training = Training::new(experiments.clone(), runs);
    let timings = Timings::new(job.timed.good);
    let checked = check(subject, None, job.all, (&training, timings), watch)?;
    if checked.records.is_empty() {
        return Ok(Done {
            checked,
            training,
            damage: wrong,
        });
    }
    // other processes may have added runs beside this job
    let goes_on = || watch(Progress::Saving);
    let recorded = record::add_training(output, training.runs(), &goes_on)?;
    say_once(&mut wrong, recorded.damage);
    let unjudged = checked.errors.iter().filter_map(|error| error.id.clone());
    let unjudged: BTreeSet<String> = unjudged.collect();
    let unjudged: Vec<String> = unjudged.into_iter().collect();
    record::save(output, job.provenance, &checked.records, &unjudged)?;
    // the pages show what the folder holds
    let held = record::load_training(output)?;
    say_once(&mut wrong, held.damage);
    let recorded = Training::new(experiments.clone(), held.good);
    let Lines {
        good: timings,
        damage,
    } = record::load_throughput(output)?;
    say_once(&mut wrong, damage);
    let report = Report {
        document: &subject.document,
        suites,
        errors: &checked.errors,
        records: &checked.records,
        training: &recorded,
        timings: &timings,
        below: &pages::below(output),
        provenance: Some(job.provenance),
        registry: &subject.registry,
    };
    pages::write(output, &report)?;
    Ok(Done {
        checked,
        training,
        damage: wrong,
    })
}

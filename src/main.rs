//! The command line: reads arguments, calls the library, prints, and turns what happened into an
//! exit code. 0: nothing fails; 1: a verdict differs from the record, or a claim is refuted of which none is
//! recorded; 2: could not run.

#![allow(
    clippy::disallowed_methods,
    reason = "this file alone reads arguments and environment"
)]

mod cli;

use anyhow::{Context, Result};
use clap::CommandFactory;
use cli::device::DeviceOption;
use cli::progress::{Bar, bar};
use cli::{
    CheckOptions, Cli, Command, CompareOptions, JobOptions, List, SchemaOf, ShowOptions,
    TrainOptions, data, networks, timing, training,
};
use convcheck::check::Checked;
use convcheck::claim::{self, Kind, Suite};
use convcheck::compare::{Trend, compare, compare_training};
use convcheck::document;
use convcheck::evidence::Training;
use convcheck::experiment::{self, By};
use convcheck::graph::Shape;
use convcheck::pipeline::{self, Job, JobError, Subject, Watch};
use convcheck::record::{self, Provenance, Record};
use convcheck::train::Trained;
use convcheck::zoo::Registry;
use convcheck::{analysis, device, reference, report};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Keeps what a step frees for the next step, once [`convcheck::allocator`] has told it to.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What came out, beyond the text printed.
enum Outcome {
    Passes,
    Fails,
}

/// Set by Ctrl-C; work stops at the next claim.
static STOP: OnceLock<AtomicBool> = OnceLock::new();

fn main() -> ExitCode {
    convcheck::allocator::keep_freed_memory();
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // help and version are no errors, everything else could not run
            let code = if error.use_stderr() { 2 } else { 0 };
            return match error.print() {
                Ok(()) => ExitCode::from(code),
                Err(_) => ExitCode::from(2),
            };
        }
    };
    STOP.get_or_init(|| AtomicBool::new(false));
    // without a handler, Ctrl-C ends the process at once; files are renamed into place whole either way
    let _ = ctrlc::set_handler(|| stop().store(true, Ordering::Relaxed));
    match run(cli).and_then(|outcome| {
        io::stdout().flush().context(CLOSED)?;
        Ok(outcome)
    }) {
        Ok(Outcome::Passes) => ExitCode::SUCCESS,
        Ok(Outcome::Fails) => ExitCode::from(1),
        Err(error) => {
            // nobody is left to tell when standard error is closed too
            let _ = writeln!(io::stderr(), "convcheck: {error:#}");
            ExitCode::from(2)
        }
    }
}

const CLOSED: &str = "cannot write to standard output";

fn stop() -> &'static AtomicBool {
    STOP.get_or_init(|| AtomicBool::new(false))
}

fn goes_on() -> bool {
    !stop().load(Ordering::Relaxed)
}

fn run(cli: Cli) -> Result<Outcome> {
    let registry = &Registry::builtin();
    match cli.command {
        None => main_job(&cli.job, registry),
        Some(Command::Check(options)) => check_claims(&options, registry),
        Some(Command::List { what, json }) => list(what, json, registry),
        Some(Command::Show(options)) => show(&options, registry),
        Some(Command::Report {
            from,
            suites,
            output,
        }) => {
            let output = output.as_ref().unwrap_or(&from);
            pipeline::redraw(&subject(suites.as_deref(), registry)?, &from, output)?;
            say(&format!(
                "report: {}\n",
                output.join("index.html").display()
            ))?;
            Ok(Outcome::Passes)
        }
        Some(Command::Compare(options)) => compare_records(&options),
        Some(Command::Reference { folder }) => hold_against(&folder, registry),
        Some(Command::Forward(options)) => {
            say(&networks::forward(&options, registry)?)?;
            Ok(Outcome::Passes)
        }
        Some(Command::Eval(options)) => {
            let score = networks::evaluate(&options, registry, bar, goes_on)?;
            match options.json {
                true => json(&score)?,
                false => say(&format!(
                    "{} of {} right, error {:.2} %, {:.1} s\n",
                    score.correct, score.total, score.error, score.seconds
                ))?,
            }
            Ok(Outcome::Passes)
        }
        Some(Command::Data { what }) => {
            say(&data::run(&what, goes_on)?)?;
            Ok(Outcome::Passes)
        }
        Some(Command::Train(options)) => train(&options, registry),
        Some(Command::Time(options)) => time(&options, registry),
        Some(Command::Schema { of }) => {
            json(&match of {
                SchemaOf::Suite => claim::schema(),
                SchemaOf::Experiment => experiment::schema(),
                SchemaOf::Report => document::schema(),
            })?;
            Ok(Outcome::Passes)
        }
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "convcheck", &mut script);
            io::stdout().write_all(&script).context(CLOSED)?;
            Ok(Outcome::Passes)
        }
    }
}

/// Trains, checks and writes a report, and prints a summary.
fn main_job(options: &JobOptions, registry: &Registry) -> Result<Outcome> {
    let subject = subject(options.suites.as_deref(), registry)?;
    let job = Job {
        subject: &subject,
        kept: kept(&options.runs)?,
        trains: !options.no_training,
        all: options.all,
        output: &options.output,
        provenance: &provenance()?,
    };
    let (checked, training) = watched(|watch| pipeline::run(job, watch))?;
    let Checked { records, .. } = &checked;
    let (statements, refuted) = (
        report::statements(records.iter()),
        count(records, Kind::Refuted),
    );
    say(&format!(
        "{} claims, which account for {statements} statements of {}\n\n{}\n{refuted} claims are refuted; the report says what is right:\n{}\n",
        records.len(),
        subject.document.name(),
        report::summary(&subject.suites, records),
        options.output.join("index.html").display()
    ))?;
    say_left_out(&training)?;
    outcome(checked)
}

fn check_claims(options: &CheckOptions, registry: &Registry) -> Result<Outcome> {
    let subject = subject(options.suites.as_deref(), registry)?;
    let suites = &subject.suites;
    let training = Training::new(subject.experiments.clone(), kept(&options.runs)?);
    let filter = options.filter.as_deref();
    let checked =
        watched(|watch| pipeline::check(&subject, filter, options.all, &training, watch))?;
    let Checked { records, .. } = &checked;
    if let Some(file) = &options.junit {
        record::write(file, report::junit(suites, records)?.as_bytes())?;
    }
    if let Some(file) = &options.markdown {
        record::write(file, report::markdown(suites, records).as_bytes())?;
    }
    if options.json {
        json(records)?;
    } else {
        say(&report::claims_text(records))?;
        say(&format!("\n{}", report::summary(suites, records)))?;
        say_left_out(&training)?;
    }
    outcome(checked)
}

fn list(what: List, as_json: bool, registry: &Registry) -> Result<Outcome> {
    let listing = match what {
        List::Models => report::list_models(registry)?,
        List::Claims => report::list_claims(&load(None)?)?,
        List::Suites => report::list_suites(&load(None)?)?,
        List::Functions => report::list_functions()?,
        List::Experiments => report::list_experiments(&experiment::embedded(registry)?)?,
    };
    match as_json {
        true => json(&listing.rows)?,
        false => say(&listing.text)?,
    }
    Ok(Outcome::Passes)
}

/// Trains an experiment and prints what its runs answer.
fn train(options: &TrainOptions, registry: &Registry) -> Result<Outcome> {
    let experiment = training::find(&options.experiment, registry)?;
    let by = by()?;
    let runs = watched(|watch| training::train(options, &experiment, &by, watch))?;
    let answers = training::answers(&experiment, &runs);
    match options.json {
        true => json(&answers)?,
        false => say(&training::text(&answers))?,
    }
    Ok(Outcome::Passes)
}

/// Measures, or reads what was measured, and prints it.
fn time(options: &timing::TimeOptions, registry: &Registry) -> Result<Outcome> {
    let timings = match &options.from {
        Some(folder) => timing::recorded(folder)?,
        None => timing::measure(options, registry, &by()?, bar, &goes_on)?,
    };
    match options.json {
        true => timings.iter().try_for_each(json_line)?,
        false if options.from.is_some() => say(&report::speed_text(&timings))?,
        false => {
            let on = match options.on.device {
                DeviceOption::Cpu => device::measured(),
                DeviceOption::Cuda => &timings[0].machine,
            };
            say(&format!("{on}\n{}", report::speed_text(&timings)))?;
        }
    }
    Ok(Outcome::Passes)
}

fn show(options: &ShowOptions, registry: &Registry) -> Result<Outcome> {
    let model = registry.find(&options.model)?;
    let graph = match &options.input {
        Some(input) => {
            let input = input.parse::<Shape>().map_err(anyhow::Error::msg)?;
            model.graph_at(input)?
        }
        None => model.graph()?,
    };
    let summary = analysis::summary(&model.name, &graph)?;
    if options.json {
        json(&summary)?;
    } else {
        say(&format!("{}\n", model.source))?;
        say(&report::layers(&summary))?;
    }
    Ok(Outcome::Passes)
}

fn compare_records(options: &CompareOptions) -> Result<Outcome> {
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
    say(&report::changes_text(&changes, &arms))?;
    let worse = arms.iter().any(|arm| arm.outcome == Trend::Worse);
    Ok(match worse || changes.iter().any(|change| change.broken) {
        true => Outcome::Fails,
        false => Outcome::Passes,
    })
}

/// Holds the zoo against a reference folder.
fn hold_against(folder: &Path, registry: &Registry) -> Result<Outcome> {
    let compared = reference::compare(folder, registry)?;
    let mut disagreeing = 0;
    for comparison in &compared {
        disagreeing += usize::from(!comparison.disagreements.is_empty());
        for line in &comparison.disagreements {
            say(&format!("{}: {line}\n", comparison.model))?;
        }
    }
    let unnamed = registry
        .models()
        .filter(|model| {
            compared
                .iter()
                .all(|comparison| comparison.model != model.name)
        })
        .map(|model| model.name.as_str());
    say(&format!(
        "{} models compared, {disagreeing} disagree; without a reference: {}\n",
        compared.len(),
        unnamed.collect::<Vec<_>>().join(", ")
    ))?;
    Ok(match disagreeing {
        0 => Outcome::Passes,
        _ => Outcome::Fails,
    })
}

/// Work that shows how far it is, and stops after Ctrl-C.
fn watched<T, E>(work: impl FnOnce(Watch) -> Result<T, E>) -> Result<T>
where
    anyhow::Error: From<E>,
{
    let bar = Bar::new()?;
    Ok(work(&|progress| {
        bar.show(progress);
        goes_on()
    })?)
}

/// The finished runs in these folders; without one those in `reports`, if it is there.
fn kept(folders: &[PathBuf]) -> Result<Vec<Trained>> {
    let reports = PathBuf::from("reports");
    Ok(match folders {
        [] if !reports.is_dir() => Vec::new(),
        [] => pipeline::kept(&[reports])?,
        folders => pipeline::kept(folders)?,
    })
}

fn load(folder: Option<&Path>) -> Result<Vec<Suite>> {
    Ok(match folder {
        Some(folder) => claim::load(folder)?,
        None => claim::embedded()?,
    })
}

/// What is checked: a folder of suites, or those about the program's own article.
fn subject<'a>(folder: Option<&Path>, registry: &'a Registry) -> Result<Subject<'a>> {
    Ok(Subject {
        document: match folder {
            Some(folder) => document::beside(folder)?,
            None => document::embedded()?,
        },
        suites: load(folder)?,
        experiments: experiment::embedded(registry)?,
        registry,
    })
}

/// Claims that have no verdict are said last: those of the others stand.
fn outcome(checked: Checked) -> Result<Outcome> {
    if !checked.errors.is_empty() {
        return Err(JobError::Measures(checked.errors).into());
    }
    let mut records = checked.records.iter();
    Ok(match records.any(|record| record.failure().is_some()) {
        true => Outcome::Fails,
        false => Outcome::Passes,
    })
}

fn count(records: &[Record], kind: Kind) -> usize {
    records
        .iter()
        .filter(|record| record.verdict == kind)
        .count()
}

fn by() -> Result<By> {
    Ok(By {
        commit: option_env!("CONVCHECK_COMMIT").map(str::to_string),
        date: date()?,
        machine: device::describe(),
    })
}

fn provenance() -> Result<Provenance> {
    let command = std::iter::once("convcheck".to_string())
        .chain(std::env::args().skip(1))
        .collect::<Vec<_>>()
        .join(" ");
    let By {
        commit,
        machine,
        date,
    } = by()?;
    Ok(Provenance {
        command,
        version: env!("CARGO_PKG_VERSION").to_string(),
        commit,
        date,
        machine,
    })
}

/// The day, UTC; `SOURCE_DATE_EPOCH` sets it for reproducible reports.
fn date() -> Result<String> {
    let now = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(epoch) => epoch
            .parse()
            .ok()
            .and_then(|seconds| time::OffsetDateTime::from_unix_timestamp(seconds).ok())
            .with_context(|| {
                format!("SOURCE_DATE_EPOCH is `{epoch}`: it must be a number of seconds since 1970")
            })?,
        Err(_) => time::OffsetDateTime::now_utc(),
    };
    Ok(now.date().to_string())
}

fn say(text: &str) -> Result<()> {
    io::stdout().write_all(text.as_bytes()).context(CLOSED)
}

/// Says which runs do not count, if any.
fn say_left_out(training: &Training) -> Result<()> {
    report::left_out(training).map_or(Ok(()), |text| say(&format!("{text}\n")))
}

fn json_line(value: &impl Serialize) -> Result<()> {
    say(&format!("{}\n", serde_json::to_string(value)?))
}

fn json(value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    say(&text)
}

//! The command line: reads arguments and environment, calls a command, prints what it says, and turns what
//! came out into an exit code. 0: nothing fails; 1: a verdict differs from the record, or a claim is refuted of which none is
//! recorded; 2: could not run; 75: try again, since it was stopped on request, or another process is at it.

#![allow(
    clippy::disallowed_methods,
    reason = "this file alone reads arguments and environment"
)]

mod cli;

use anyhow::{Context, Result};
use clap::CommandFactory;
use cli::said::{self, Outcome, Said};
use cli::{
    Cli, Command, List, check, compare, data, difference, export, merge, networks, plan, runs,
    show, timing, training,
};
use convcheck::device;
use convcheck::experiment::By;
use convcheck::project::Project;
use convcheck::record::Provenance;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

/// Keeps what a step frees for the next step, once [`convcheck::allocator`] has told it to.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Set by Ctrl-C and by whoever else asks for an end; work stops at the next step, of training or of a measure.
static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// `EX_TEMPFAIL` of sysexits.h: the same command may do better later.
const TRY_AGAIN: u8 = 75;

fn main() -> ExitCode {
    convcheck::allocator::keep_freed_memory();
    // a file that may not grow is an error of whoever writes it, as a full disk is, and not the end of the process
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(said::arguments(&error)),
    };
    listen();
    match run(cli).and_then(Said::print) {
        Ok(Outcome::Passes) => ExitCode::SUCCESS,
        Ok(Outcome::Fails) => ExitCode::from(1),
        Ok(Outcome::Lacks) => ExitCode::from(2),
        Err(error) => {
            said::failed(&error);
            ExitCode::from(match said::passes(&error) {
                true => TRY_AGAIN,
                false => 2,
            })
        }
    }
}

/// Hears requests to stop: Ctrl-C, SIGTERM, which schedulers send, and SIGHUP, which closed terminals do. Who asks
/// twice does not wait for what goes on until a step is done; files are renamed into place whole either way.
fn listen() {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag::{register, register_conditional_shutdown};
    let mut signals = vec![SIGINT, SIGTERM];
    #[cfg(unix)]
    if !ignores_hangup() {
        signals.push(signal_hook::consts::SIGHUP);
    }
    for signal in signals {
        // without these, a signal ends the process at once
        let _ = register_conditional_shutdown(signal, TRY_AGAIN.into(), Arc::clone(&STOP));
        let _ = register(signal, Arc::clone(&STOP));
    }
}

/// Whether the process was started to outlive its terminal, as by `nohup`; where nobody says, it is not heard either.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // the first bit is the first signal, which is this one
    ignored.is_none_or(|mask| mask & 1 == 1)
}

fn goes_on() -> bool {
    !STOP.load(Ordering::Relaxed)
}

fn run(cli: Cli) -> Result<Said> {
    let project = || project(cli.project.as_deref());
    match cli.command {
        None => check::main_job(&cli.job, &project()?, &provenance()?, goes_on),
        Some(Command::Check(options)) => check::check(&options, &project()?, goes_on),
        Some(Command::Report(options)) => check::redraw(&options, &project()?),
        Some(Command::List {
            what: List::Runs(which),
            json,
        }) => runs::list(&which, json, &project()?, by()?),
        Some(Command::List { what, json }) => show::list(&what, json, &project()?),
        Some(Command::Show(options)) => show::show(&options, project()?.registry()),
        Some(Command::Diff(options)) => difference::diff(&options, project()?.registry()),
        Some(Command::Identify(options)) => difference::identify(&options, project()?.registry()),
        Some(Command::Export(options)) => export::export(&options, project()?.registry()),
        Some(Command::Schema { of }) => show::schema(of),
        Some(Command::Init { folder }) => {
            let folder = folder.or(cli.project).unwrap_or_else(|| ".".into());
            show::init(&folder)
        }
        Some(Command::Compare(options)) => compare::records(&options),
        Some(Command::Merge(options)) => merge::merge(&options, &goes_on),
        Some(Command::Reference { folder }) => {
            compare::with_reference(&folder, project()?.registry())
        }
        Some(Command::Forward(options)) => networks::forward(&options, project()?.registry()),
        Some(Command::Eval(options)) => networks::eval(&options, project()?.registry(), goes_on),
        Some(Command::Train(options)) => match &options.which.plan {
            Some(name) => plan::train(name, &options, &project()?, by()?, goes_on),
            None => training::train(&options, &project()?, by()?, goes_on),
        },
        Some(Command::Time(options)) => {
            timing::time(&options, project()?.registry(), &by()?, &goes_on)
        }
        Some(Command::Data { what }) => Ok(data::run(&what, goes_on)?.into()),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "convcheck", &mut script);
            Ok(String::from_utf8(script)?.into())
        }
    }
}

/// The project of a folder, or the one in which one stands; without one the program's own article.
fn project(folder: Option<&Path>) -> Result<Project> {
    let found = match folder {
        Some(folder) => Some(folder.to_path_buf()),
        None => {
            let here = std::env::current_dir();
            let here = here.context("cannot tell which folder this is: --project names one")?;
            Project::nearest(&here)
        }
    };
    Ok(match found {
        Some(folder) => Project::load(&folder)?,
        None => Project::builtin()?,
    })
}

fn by() -> Result<By> {
    Ok(By {
        commit: convcheck::train::COMMIT.map(str::to_string),
        date: date()?,
        machine: device::describe()?,
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

//! What does the program survive? `ci/faults` runs this: kills, signals, failing system calls, full disks, a second
//! process, and damaged files of every kind, each followed by a comparison with what an undisturbed run leaves, bit for bit.
//!
//! Every case follows from a seed, which is printed. What failed is kept, with the command that repeats it.
#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an entry point prints and reads arguments"
)]

mod faults {
    pub mod calls;
    pub mod disks;
    pub mod inputs;
    pub mod jobs;
    pub mod kept;
    pub mod kills;
    pub mod mutation;
    pub mod pairs;
    pub mod program;
    pub mod readers;
    pub mod tally;
}

use clap::Parser;
use faults::tally::Tally;
use faults::{calls, disks, inputs, jobs, kills, pairs};
use libtest_mimic::{Arguments, Trial};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What is to be tried.
#[derive(Parser, Clone)]
#[command(name = "ci/faults")]
pub struct Options {
    /// Decides every case; without one the clock does.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Kills and signals at any moment.
    #[arg(long, default_value_t = 100)]
    pub kills: usize,
    /// System calls that fail, or at which the program is killed.
    #[arg(long, default_value_t = 150)]
    pub calls: usize,
    /// Pairs of processes at once.
    #[arg(long, default_value_t = 16)]
    pub pairs: usize,
    /// Disks that are full, and outputs that take nothing.
    #[arg(long, default_value_t = 40)]
    pub disks: usize,
    /// Damaged inputs.
    #[arg(long, default_value_t = 2000)]
    pub inputs: usize,
    /// Only these parts, or readers whose names contain this.
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// The program, if not the one that was built for these tests.
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_convcheck"))]
    pub program: PathBuf,
    /// Folder for what failed.
    #[arg(long, value_name = "DIR", default_value = "target/faults")]
    pub keep: PathBuf,
    /// Only write the undamaged input of each reader below this folder, for ci/fuzz.
    #[arg(long, value_name = "DIR")]
    pub seeds: Option<PathBuf>,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.peek().is_none_or(|first| first != "run") {
        // a plain `cargo test`: it takes minutes, so it is named and left to `ci/faults`
        let all = Trial::test(
            "faults::take-minutes-and-are-run-by-ci-faults",
            || match run(&Options::parse_from(["ci/faults"])) {
                true => Ok(()),
                false => Err("not all was survived".into()),
            },
        );
        let trials = vec![all.with_ignored_flag(true)];
        return libtest_mimic::run(&Arguments::from_args(), trials).exit_code();
    }
    match run(&Options::parse_from(arguments)) {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(1),
    }
}

/// Cases of one kind, all at once.
type Part = fn(&Options, &jobs::Work) -> Vec<Tally>;

/// Tries everything that is asked for, and whether all of it was survived.
fn run(options: &Options) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = (options.seed).unwrap_or_else(|| now.unwrap().as_millis() as u64 % 1_000_000);
    let options = Options {
        seed: Some(seed),
        program: std::path::absolute(&options.program).unwrap(),
        keep: std::path::absolute(&options.keep).unwrap(),
        ..options.clone()
    };
    println!(
        "seed {seed}; what fails is kept in {}",
        options.keep.display()
    );
    let work = jobs::Work::new(&options.program);
    if let Some(folder) = &options.seeds {
        inputs::write_seeds(&work, folder);
        return true;
    }
    let parts: [(&str, usize, Part); 5] = [
        ("kills", options.kills, kills::run),
        ("calls", options.calls, calls::run),
        ("pairs", options.pairs, pairs::run),
        ("disks", options.disks, disks::run),
        ("inputs", options.inputs, inputs::run),
    ];
    let is_part = |name: &String| parts.iter().any(|(part, ..)| part == name);
    let readers = options.only.iter().any(|name| !is_part(name));
    let mut all = Vec::new();
    for (name, cases, part) in parts {
        let named = options.only.iter().any(|only| only == name);
        let asked = options.only.is_empty() || named || readers && name == "inputs";
        if asked && cases > 0 {
            let began = Instant::now();
            let tallies = part(&options, &work);
            println!("{name}: {:.0} s", began.elapsed().as_secs_f64());
            all.push(Tally {
                name: name.to_uppercase(),
                tried: tallies.iter().map(|tally| tally.tried).sum(),
                survived: tallies.iter().map(|tally| tally.survived).sum(),
                skipped: None,
            });
            all.extend(tallies);
        }
    }
    println!("\n{:<28} {:>9} {:>9}", "", "tried", "survived");
    for tally in &all {
        println!("{tally}");
    }
    all.iter().all(Tally::all_survived)
}

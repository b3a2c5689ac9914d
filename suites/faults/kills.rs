//! Kills and signals at any moment: is a job gone on with as if nothing had happened?

use super::jobs::{Job, Work, nothing_lost};
use super::kept::Kept;
use super::program::spawn;
use super::tally::{Tally, by_name};
use crate::Options;
use convcheck::random::Key;
use rayon::prelude::*;
use std::path::Path;
use std::thread::sleep;

/// How often a job is disturbed at most before it may end.
const AT_MOST: u64 = 30;

pub fn run(options: &Options, work: &Work) -> Vec<Tally> {
    let key = Key::seed(options.seed.unwrap()).fold_in_name("kills");
    let kept = Kept::new(&options.keep, "kills");
    let mut cases = Vec::new();
    let mut round = 0;
    while cases.len() < options.kills {
        // some rounds at once, on as many processors as there are
        let found: Vec<_> = (round..round + 8)
            .into_par_iter()
            .flat_map_iter(|case| one(work, &kept, case, key.fold_in(case as u64)))
            .collect();
        cases.extend(found);
        round += 8;
    }
    by_name(cases)
}

/// One job, disturbed until it is done: what was done to it each time, and whether it all was survived.
fn one(work: &Work, kept: &Kept, case: usize, key: Key) -> Vec<(String, bool)> {
    // a job that trains can be disturbed most
    let nth = (key.bits(0) % 12) as usize;
    let job = &work.jobs[if nth < work.jobs.len() { nth } else { nth % 2 }];
    let folder = work.folder();
    let (done, result) = disturbed(work, job, folder.path(), key.fold_in(1));
    if let Err(why) = &result {
        let command = job.command();
        kept.keep(
            job.name,
            case,
            folder.path(),
            &command,
            &format!("{done:?}: {why}"),
        );
    }
    let name = |signal: &str| format!("{signal} of {}", job.name);
    done.iter()
        .map(|signal| (name(signal), result.is_ok()))
        .collect()
}

fn disturbed(
    work: &Work,
    job: &Job,
    folder: &Path,
    key: Key,
) -> (Vec<&'static str>, Result<(), String>) {
    let mut done = Vec::new();
    let ends = |done: &mut Vec<&'static str>| {
        for i in 0..AT_MOST {
            let signal =
                ["KILL", "KILL", "KILL", "KILL", "TERM", "INT"][(key.bits(2 * i) % 6) as usize];
            // moments from before the first step to late in the run, however slow the machine is
            let wait = job.takes.mul_f64(key.uniform(2 * i + 1) * 0.9);
            let mut running = spawn(&mut work.command(folder, &job.args));
            sleep(wait);
            running.signal(signal);
            let outcome = running.end(super::jobs::PATIENCE);
            nothing_lost(folder)?;
            if outcome.code() == 0 {
                // it was done before
                break;
            }
            done.push(signal);
            match (signal, outcome.code()) {
                ("KILL", 137) | ("TERM", 143) | ("INT", 130) => {}
                ("TERM" | "INT", 75) => drop(outcome.sound()?),
                (_, code) => return Err(format!("{signal}: exit code {code}: {}", outcome.stderr)),
            }
        }
        work.completes(job, folder)
    };
    let result = ends(&mut done);
    (done, result)
}

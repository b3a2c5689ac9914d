//! Kills and signals at any moment: is a job gone on with as if nothing had happened?

use super::jobs::{Job, Work, nothing_lost};
use super::kept::Kept;
use super::program::spawn;
use super::tally::{Tally, by_name};
use crate::Options;
use convcheck::random::Key;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
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
    let name = |(signal, threads): &(&str, u64)| {
        let s = if *threads == 1 { "" } else { "s" };
        format!("{signal} of {}, {threads} thread{s}", job.name)
    };
    done.iter()
        .map(|disturbance| (name(disturbance), result.is_ok()))
        .collect()
}

/// The files of finished runs, as they are.
fn finished_runs(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = convcheck::file::below(&folder.join("out/runs"), "json").unwrap_or_default();
    let read = |path: PathBuf| Some((path.clone(), fs::read(path).ok()?));
    files.into_iter().filter_map(read).collect()
}

fn disturbed(
    work: &Work,
    job: &Job,
    folder: &Path,
    key: Key,
) -> (Vec<(&'static str, u64)>, Result<(), String>) {
    let mut done = Vec::new();
    let ends = |done: &mut Vec<(&'static str, u64)>| {
        let mut finished = BTreeMap::new();
        for i in 0..AT_MOST {
            let bits = key.bits(2 * i);
            let signal = ["KILL", "TERM", "INT"][(bits % 3) as usize];
            let threads = 1 + bits / 3 % 2;
            // moments from before the first step to late in the run, however slow the machine is
            let wait = job.takes.mul_f64(key.uniform(2 * i + 1) * 0.9);
            let mut command = work.command(folder, &job.args);
            command.env("RAYON_NUM_THREADS", threads.to_string());
            let mut running = spawn(&mut command);
            sleep(wait);
            running.signal(signal);
            let outcome = running.end(super::jobs::PATIENCE);
            nothing_lost(folder)?;
            let before = std::mem::replace(&mut finished, finished_runs(folder));
            if let Some((name, _)) = before
                .iter()
                .find(|(name, run)| finished.get(*name) != Some(run))
            {
                return Err(format!(
                    "{signal}: the finished run {} is lost or another",
                    name.display()
                ));
            }
            if outcome.code() == 0 {
                // it was done before
                break;
            }
            done.push((signal, threads));
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

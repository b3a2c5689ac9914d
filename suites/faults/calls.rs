//! System calls that fail, one at a time: is it said, and is nothing half done? `calls.c` lets them fail.

use super::jobs::{Job, PATIENCE, Work, left, nothing_lost, same};
use super::kept::Kept;
use super::program::spawn;
use super::tally::{Tally, by_name};
use crate::Options;
use convcheck::random::Key;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What happens at a call; numbers are those of Linux.
const MODES: [(&str, &str); 10] = [
    ("KILL at", "kill"),
    ("half of", "short"),
    ("disk full from", "full"),
    ("EIO at", "5"),
    ("ENOSPC at", "28"),
    ("EDQUOT at", "122"),
    ("EMFILE at", "24"),
    ("EINTR at", "4"),
    ("EACCES at", "13"),
    ("ENOLCK at", "37"),
];

/// The program that lets calls fail.
struct Injector {
    program: PathBuf,
    _folder: tempfile::TempDir,
}

impl Injector {
    fn build() -> Result<Injector, String> {
        if !cfg!(target_os = "linux") {
            return Err("only Linux lets a process answer another's calls".into());
        }
        let folder = super::jobs::temporary();
        let program = folder.path().join("calls");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/suites/faults/calls.c");
        let compiler = Command::new("cc")
            .args(["-O1", "-o"])
            .arg(&program)
            .arg(source)
            .output();
        match compiler {
            Err(error) => Err(format!("cc: {error}")),
            Ok(output) if !output.status.success() => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(format!("cc: {}", said.lines().next().unwrap_or_default()))
            }
            Ok(_) => Ok(Injector {
                program,
                _folder: folder,
            }),
        }
    }

    /// A job of which the n-th call fails.
    fn command(&self, work: &Work, job: &Job, folder: &Path, mode: &str, n: usize) -> Command {
        let report = folder.join("calls.txt");
        let watched = format!("{}:/proc:/sys", folder.display());
        let mut args = vec![
            mode.to_string(),
            n.to_string(),
            report.display().to_string(),
            watched,
        ];
        args.push(work.program.display().to_string());
        args.extend(job.args.iter().map(ToString::to_string));
        let mut command = super::program::command(&self.program, folder, &args);
        // so that the calls come in one order
        command.env("RAYON_NUM_THREADS", "1");
        command
    }
}

pub fn run(options: &Options, work: &Work) -> Vec<Tally> {
    let injector = match Injector::build() {
        Ok(injector) => injector,
        Err(why) => return vec![Tally::skipped("system calls", why)],
    };
    let kept = Kept::new(&options.keep, "calls");
    let mut synced = Vec::new();
    let mut cases = Vec::new();
    for (j, job) in work.jobs.iter().enumerate() {
        let folder = work.folder();
        let outcome =
            spawn(&mut injector.command(work, job, folder.path(), "count", 0)).end(PATIENCE);
        if outcome.code() == 125 {
            return vec![Tally::skipped("system calls", outcome.stderr.trim())];
        }
        let calls = counted(folder.path());
        let folder = work.folder();
        spawn(&mut injector.command(work, job, folder.path(), "log", 0)).end(PATIENCE);
        let log = fs::read_to_string(folder.path().join("calls.txt")).unwrap();
        let result = outlives_a_power_cut(&log);
        if let Err(why) = &result {
            let command = format!("calls log 0 calls.txt $PWD {}", job.command());
            kept.keep(job.name, 0, folder.path(), &command, why);
        }
        synced.push(("order of syncs and renames".to_string(), result.is_ok()));
        cases.extend((1..=calls).flat_map(|n| (0..MODES.len()).map(move |mode| (j, mode, n))));
    }
    let key = Key::seed(options.seed.unwrap()).fold_in_name("calls");
    println!(
        "{} calls could fail in {} ways",
        cases.len() / MODES.len(),
        MODES.len()
    );
    let order = key.permutation(cases.len());
    let cases = order.into_par_iter().take(options.calls).map(|case| {
        let (j, mode, n) = cases[case];
        let (job, (name, mode)) = (&work.jobs[j], MODES[mode]);
        let folder = work.folder();
        let result = one(&injector, work, job, folder.path(), mode, n);
        if let Err(why) = &result {
            let report = fs::read_to_string(folder.path().join("calls.txt")).unwrap_or_default();
            let call = report.lines().nth(1).unwrap_or_default();
            let command = format!(
                "calls {mode} {n} calls.txt $PWD:/proc:/sys {}",
                job.command()
            );
            kept.keep(
                job.name,
                case,
                folder.path(),
                &command,
                &format!("{mode} at {call}: {why}"),
            );
        }
        (format!("{name} a system call"), result.is_ok())
    });
    by_name(synced.into_iter().chain(cases.collect::<Vec<_>>()))
}

/// Whether each file that was renamed had been synced after it was last written, and the folder of its new name was synced
/// later: then a machine that loses power has the old file or the new one.
fn outlives_a_power_cut(log: &str) -> Result<(), String> {
    let (mut unsynced, mut unnamed) = (BTreeSet::new(), BTreeSet::new());
    for line in log.lines() {
        let mut parts = line.split('\t');
        let (call, path, former) = (parts.next(), parts.next(), parts.next());
        let path = path.unwrap_or_default();
        match call.unwrap_or_default() {
            "write" | "writev" | "pwrite64" | "ftruncate" => drop(unsynced.insert(path)),
            "fsync" | "fdatasync" => {
                unsynced.remove(path);
                unnamed.remove(path);
            }
            "rename" | "renameat" | "renameat2" => {
                if unsynced.contains(former.unwrap_or_default()) {
                    return Err(format!("{path} has its name before its content is synced"));
                }
                unnamed.extend(path.rsplit_once('/').map(|(folder, _)| folder));
            }
            _ => {}
        }
    }
    match unnamed.first() {
        Some(folder) => Err(format!(
            "{folder} is not synced after something in it was renamed"
        )),
        None => Ok(()),
    }
}

fn counted(folder: &Path) -> usize {
    let report = fs::read_to_string(folder.join("calls.txt")).unwrap();
    report.lines().next().unwrap().parse().unwrap()
}

fn one(
    injector: &Injector,
    work: &Work,
    job: &Job,
    folder: &Path,
    mode: &str,
    n: usize,
) -> Result<(), String> {
    let outcome = spawn(&mut injector.command(work, job, folder, mode, n)).end(PATIENCE);
    nothing_lost(folder)?;
    if mode != "kill" || outcome.code() != 137 {
        // it was of no account, and then of none at all; or it is said, in one line
        match outcome.sound()? {
            // what could not be removed is said, and gone after the next run
            0 if outcome.stderr.contains("cannot remove it") => {}
            0 => same(&job.leaves, &left(folder))?,
            code if outcome.stderr.trim_end().lines().count() > 3 => {
                return Err(format!(
                    "exit code {code} in more than a line: {}",
                    outcome.stderr
                ));
            }
            _ => {}
        }
    }
    work.completes(job, folder)
}

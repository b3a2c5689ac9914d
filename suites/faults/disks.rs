//! Disks and outputs that take no more: is it said in a line, and is a job gone on with when there is room again?

use super::jobs::{Job, PATIENCE, Work, copy, left, nothing_lost, same, temporary};
use super::kept::Kept;
use super::program::{Outcome, shell, spawn};
use super::tally::{Tally, by_name};
use crate::Options;
use convcheck::random::Key;
use std::path::Path;
use std::process::{Command, Stdio};

const KINDS: [&str; 6] = [
    "a full disk",
    "a limit on files",
    "output to a full disk",
    "a closed output",
    "a pipe that nobody reads",
    "messages to a full disk",
];

pub fn run(options: &Options, work: &Work) -> Vec<Tally> {
    let key = Key::seed(options.seed.unwrap()).fold_in_name("disks");
    let kept = Kept::new(&options.keep, "disks");
    let mut tallies = Vec::new();
    let disk = Disk::new(1 << 20);
    if let Err(why) = &disk {
        tallies.push(Tally::skipped(KINDS[0], why));
    }
    let first = usize::from(disk.is_err());
    let cases = (0..options.disks).map(|case| {
        let kind = KINDS[first + case % (KINDS.len() - first)];
        let key = key.fold_in(case as u64);
        let job = &work.jobs[(key.bits(0) as usize) % work.jobs.len()];
        let folder = work.folder();
        let result = match kind {
            "a full disk" => on_full_disk(work, job, key),
            _ => limited(work, job, folder.path(), kind, key),
        };
        if let Err(why) = &result {
            let command = job.command();
            kept.keep(
                job.name,
                case,
                folder.path(),
                &command,
                &format!("{kind}: {why}"),
            );
        }
        (kind.to_string(), result.is_ok())
    });
    tallies.extend(by_name(cases.collect::<Vec<_>>()));
    tallies
}

fn limited(work: &Work, job: &Job, folder: &Path, kind: &str, key: Key) -> Result<(), String> {
    let (before, outputs) = match kind {
        "a limit on files" => (format!("ulimit -f {}", 1 + key.bits(1) % 64), ""),
        "output to a full disk" => (":".into(), ">/dev/full"),
        "a closed output" => (":".into(), ">&-"),
        "messages to a full disk" => (":".into(), ">/dev/full 2>/dev/full"),
        _ => (":".into(), ""),
    };
    let mut command = shell(&work.program, folder, &job.args, &before, outputs);
    let outcome = match kind {
        "a pipe that nobody reads" => {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let output = command
                .stdout(writer)
                .stderr(Stdio::piped())
                .output()
                .unwrap();
            Outcome {
                status: output.status,
                stdout: String::new(),
                stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
                late: false,
            }
        }
        _ => spawn(&mut command).end(PATIENCE),
    };
    survived(job, folder, &outcome, kind == "messages to a full disk")?;
    work.completes(job, folder)
}

/// Whether a job that had too little room did what it could: its work, or a line on what is in its way.
fn survived(job: &Job, folder: &Path, outcome: &Outcome, unheard: bool) -> Result<(), String> {
    nothing_lost(folder)?;
    let code = match unheard && outcome.code() == 2 && outcome.stderr.is_empty() {
        true => 2,
        false => outcome.sound()?,
    };
    match code {
        0 => same(&job.leaves, &left(folder)),
        2 if outcome.stderr.trim_end().lines().count() <= 3 => Ok(()),
        code => Err(format!("exit code {code}: {}", outcome.stderr)),
    }
}

/// A job on a disk on which part of what it writes has room; then there is more.
fn on_full_disk(work: &Work, job: &Job, key: Key) -> Result<(), String> {
    let folder = work.folder();
    let size = |folder: &Path| {
        let mut size = Command::new("du");
        let output = size.arg("-sk").arg(folder).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace()
            .next()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let before = size(folder.path());
    let outcome = work.run(folder.path(), &job.args);
    outcome.sound()?;
    // while it is written, a file stands there twice, so that a disk for all that is left is too small yet
    let needs = size(folder.path()) - before;
    let room = before + 8 + key.bits(1) % (needs + 64);
    let disk = Disk::new(room << 10)?;
    let clean = work.folder();
    copy(clean.path(), disk.folder.path());
    let outcome = work.run(disk.folder.path(), &job.args);
    survived(job, disk.folder.path(), &outcome, false)?;
    disk.grow()?;
    work.completes(job, disk.folder.path())
}

/// A file system in memory of some bytes.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new(bytes: u64) -> Result<Disk, String> {
        let folder = temporary();
        let size = format!("size={bytes}");
        mounted(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &size, "none"])
                .arg(folder.path()),
        )?;
        Ok(Disk { folder })
    }

    fn grow(&self) -> Result<(), String> {
        mounted(
            Command::new("mount")
                .args(["-o", "remount,size=64m"])
                .arg(self.folder.path()),
        )
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // lazily: a process that was killed may not be gone yet
        let _ = mounted(Command::new("umount").arg("-l").arg(self.folder.path()));
    }
}

fn mounted(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("mount: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_string()),
    }
}

//! Two processes in one folder at once: is anything lost, and is one that may not run told so?

use super::jobs::{Job, Left, PATIENCE, Work, left, nothing_lost, same, timings};
use super::kept::Kept;
use super::program::spawn;
use super::tally::{Tally, by_name};
use crate::Options;
use convcheck::random::Key;
use std::fs;
use std::path::Path;
use std::thread::sleep;

const PAIRS: [[&str; 2]; 8] = [
    ["time", "time"],
    ["train", "train-other"],
    ["main", "train-other"],
    ["train-other", "main"],
    ["main", "main"],
    ["train", "train"],
    ["train", "main"],
    ["report", "report"],
];

pub fn run(options: &Options, work: &Work) -> Vec<Tally> {
    let key = Key::seed(options.seed.unwrap()).fold_in_name("pairs");
    let kept = Kept::new(&options.keep, "pairs");
    let cases = (0..options.pairs).map(|case| {
        let names = PAIRS[case % PAIRS.len()];
        let pair = names.map(|name| work.jobs.iter().find(|job| job.name == name).unwrap());
        let folder = work.folder();
        let result = one(work, pair, folder.path(), key.uniform(case as u64));
        let name = names.join(" and ");
        if let Err(why) = &result {
            let [a, b] = pair.map(Job::command);
            kept.keep(
                &names.join("-"),
                case,
                folder.path(),
                &format!("{a} & {b}"),
                why,
            );
        }
        (name, result.is_ok())
    });
    by_name(cases.collect::<Vec<_>>())
}

fn one(work: &Work, [a, b]: [&Job; 2], folder: &Path, delay: f64) -> Result<(), String> {
    let first = spawn(&mut work.command(folder, &a.args));
    // from at once to when the first is about to write its records
    sleep(a.takes.mul_f64(delay));
    let second = spawn(&mut work.command(folder, &b.args));
    let ended = [first.end(PATIENCE), second.end(PATIENCE)];
    nothing_lost(folder)?;
    let mut done = 0;
    for (job, outcome) in [a, b].iter().zip(&ended) {
        if outcome.sound()? == 0 {
            done += 1;
            is_recorded(job, folder)?;
        }
    }
    let timed = [a, b]
        .iter()
        .zip(&ended)
        .filter(|(job, outcome)| job.name == "time" && outcome.code() == 0)
        .count();
    let timings = timings(folder)?;
    if timings != 1 + timed {
        return Err(format!(
            "{timings} timings are left of one before and {timed} since"
        ));
    }
    if done == 0 {
        let said = ended.map(|outcome| outcome.stderr);
        return Err(format!("neither could run: {said:?}"));
    }
    // one after the other they come to what they come to in a folder of their own
    let alone = work.folder();
    for job in [a, b] {
        for folder in [alone.path(), folder] {
            let outcome = work.run(folder, &job.args);
            if outcome.sound()? != 0 {
                return Err(format!("{} afterwards: {}", job.name, outcome.stderr));
            }
        }
    }
    same(&numbers(&left(alone.path())), &numbers(&left(folder)))
}

/// Without the pages: there is one about each experiment of which runs were there when they were drawn.
fn numbers(left: &Left) -> Left {
    let numbers = left.iter().filter(|(name, _)| !name.ends_with(".html"));
    (numbers.map(|(name, content)| (name.clone(), content.clone()))).collect()
}

/// Whether the runs of a job that says it is done are in the record.
fn is_recorded(job: &Job, folder: &Path) -> Result<(), String> {
    let experiment = match job.name {
        "train" | "main" => "two-nets",
        "train-other" => "third",
        _ => return Ok(()),
    };
    let text = fs::read_to_string(folder.join("out/training.jsonl")).unwrap();
    match text
        .matches(&format!("\"experiment\":\"{experiment}\""))
        .count()
    {
        2 => Ok(()),
        n => Err(format!(
            "{} is done, and {n} of its 2 runs are in training.jsonl",
            job.name
        )),
    }
}

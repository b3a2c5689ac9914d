//! Which jobs are disturbed, and what must they leave whatever happened?

use super::program::{Outcome, command, spawn};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A folder in which every job can begin, and what is in it: a project with two experiments of a tenth of a second, of
/// which a claim asks for the first and the second has been trained.
pub struct Work {
    pub program: PathBuf,
    template: TempDir,
    pub jobs: Vec<Job>,
}

/// Something that the program is asked to do.
pub struct Job {
    pub name: &'static str,
    pub args: Vec<&'static str>,
    /// What it leaves if nobody disturbs it.
    pub leaves: Left,
    pub takes: Duration,
}

impl Job {
    /// As one types it.
    pub fn command(&self) -> String {
        format!("convcheck {}", self.args.join(" "))
    }
}

/// Each file that was left, and what of it must be the same.
pub type Left = BTreeMap<String, String>;

/// Longest that a run may take in all, in seconds, on a machine that does much else; it needs less than one.
pub const PATIENCE: u64 = 300;

/// A timing, which is a line of a record.
const TIME: &str = "time lenet5 --batch 1 --step inference --samples 1 --output out";

/// Names and arguments, by blanks.
const JOBS: [(&str, &str); 8] = [
    (
        "train",
        "train two-nets --output out --snapshot-every 0 --resume",
    ),
    ("main", "--output out"),
    (
        "train-other",
        "train third --output out --snapshot-every 0 --resume",
    ),
    ("time", TIME),
    ("report", "report --from done --output pages"),
    (
        "check",
        "check --runs done --junit pages/j.xml --markdown pages/m.md",
    ),
    (
        "compare",
        "compare done done --html pages/c.html --markdown pages/c.md",
    ),
    (
        "forward",
        "forward conv3x3 --weights seed:7 --input fill --output pages/o.safetensors",
    ),
];

impl Work {
    pub fn new(program: &Path) -> Work {
        let template = temporary();
        let folder = template.path();
        fs::write(folder.join("convcheck.toml"), PROJECT).unwrap();
        fs::write(folder.join("text.md"), "Shortcuts help.\n").unwrap();
        fs::create_dir_all(folder.join("experiments")).unwrap();
        fs::create_dir_all(folder.join("suites")).unwrap();
        fs::create_dir_all(folder.join("pages")).unwrap();
        fs::write(folder.join("suites/s.toml"), SUITE).unwrap();
        for name in ["two-nets", "other", "third"] {
            let text = EXPERIMENT.replace("NAME", name);
            fs::write(folder.join(format!("experiments/{name}.toml")), text).unwrap();
        }
        let run = |args: &str| {
            let args: Vec<&str> = args.split(' ').collect();
            let outcome = spawn(&mut command(program, folder, &args)).end(PATIENCE);
            assert_eq!(outcome.code(), 0, "{args:?}: {}", outcome.stderr);
        };
        run("train other --output out");
        run(TIME);
        run("--output done");
        let mut work = Work {
            program: program.to_path_buf(),
            template,
            jobs: Vec::new(),
        };
        for (name, args) in JOBS {
            let args: Vec<&str> = args.split(' ').collect();
            let folder = work.folder();
            let began = Instant::now();
            let outcome = work.run(folder.path(), &args);
            assert_eq!(outcome.sound(), Ok(0), "{name}: {}", outcome.stderr);
            let takes = began.elapsed();
            let leaves = left(folder.path());
            work.jobs.push(Job {
                name,
                args,
                leaves,
                takes,
            });
        }
        work
    }

    /// A copy of the folder in which every job can begin.
    pub fn folder(&self) -> TempDir {
        let folder = temporary();
        copy(self.template.path(), folder.path());
        folder
    }

    pub fn command(&self, folder: &Path, args: &[impl AsRef<str>]) -> Command {
        command(&self.program, folder, args)
    }

    /// Undisturbed.
    pub fn run(&self, folder: &Path, args: &[impl AsRef<str>]) -> Outcome {
        spawn(&mut self.command(folder, args)).end(PATIENCE)
    }

    /// Runs a job to its end after it was disturbed: it must do so, and leave what it leaves anyhow.
    ///
    /// # Errors
    /// What is different.
    pub fn completes(&self, job: &Job, folder: &Path) -> Result<(), String> {
        let outcome = self.run(folder, &job.args);
        match outcome.sound()? {
            0 => same(&job.leaves, &left(folder)),
            code => Err(format!(
                "cannot be gone on with, exit code {code}: {}",
                outcome.stderr
            )),
        }
    }
}

/// Memory rather than a disk, where there is such a folder: what is killed here is a process and not the machine, and
/// what is synced there costs nothing.
pub fn temporary() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = tempfile::Builder::new()
        .prefix("faults-")
        .tempdir_in(memory);
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &place),
            false => drop(fs::copy(entry.path(), place).unwrap()),
        }
    }
}

/// What differs first.
pub fn same(expected: &Left, found: &Left) -> Result<(), String> {
    for (name, content) in expected {
        match found.get(name) {
            None => return Err(format!("{name} is missing")),
            Some(other) if other != content => {
                let at = content.lines().zip(other.lines()).find(|(a, b)| a != b);
                let (a, b) = at.unwrap_or((content, other));
                let short = |text: &str| text.chars().take(600).collect::<String>();
                return Err(format!(
                    "{name} is another:\n{}\ninstead of\n{}",
                    short(b),
                    short(a)
                ));
            }
            Some(_) => {}
        }
    }
    match found.keys().find(|name| !expected.contains_key(*name)) {
        Some(name) => Err(format!("{name} is left")),
        None => Ok(()),
    }
}

/// What of the files below `out` and `pages` must not depend on what happened.
pub fn left(folder: &Path) -> Left {
    let mut left = Left::new();
    for part in ["out", "pages"] {
        visit(&folder.join(part), part, &mut left);
    }
    left
}

fn visit(folder: &Path, name: &str, left: &mut Left) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let entry = entry.unwrap();
        let file = entry.file_name().into_string().unwrap();
        let name = format!("{name}/{file}");
        if entry.file_type().unwrap().is_dir() {
            visit(&entry.path(), &name, left);
            continue;
        }
        let in_runs = name.starts_with("out/runs/");
        // a killed process cannot take back what it had begun to write; only the folder of runs is swept by the next
        if file == "lock" || file.ends_with(".lock") || file.starts_with(".convcheck-") && !in_runs
        {
            continue;
        }
        let bytes = fs::read(entry.path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let content = match file.rsplit_once('.').unwrap_or_default().1 {
            "html" if name.starts_with("out/") => whole(&text).into(),
            "toml" => (if text.is_empty() { "empty" } else { "there" }).into(),
            // no two timings are the same
            "jsonl" if file == "throughput.jsonl" => "there".into(),
            "jsonl" if !in_runs => lines(&text),
            "json" if in_runs => lines(&text),
            _ => format!("{:?}", String::from_utf8_lossy(&bytes)),
        };
        left.insert(name, content);
    }
}

/// Pages hold how many seconds a run took, so that two are never the same.
fn whole(page: &str) -> &'static str {
    match page.trim_end().ends_with("</html>") {
        true => "a whole page",
        false => "half a page",
    }
}

/// The lines of a record, each without what no two runs share.
fn lines(text: &str) -> String {
    const SAME: [&str; 16] = [
        "experiment",
        "scale",
        "arm",
        "seed",
        "model",
        "recipe",
        "network",
        "data",
        "curve",
        "diverged",
        "id",
        "stated",
        "found",
        "verdict",
        "because",
        "recorded",
    ];
    let line = |line: &str| match serde_json::from_str::<Value>(line) {
        Ok(value) => {
            let kept = SAME.map(|key| format!("{key}: {}", value.get(key).unwrap_or(&Value::Null)));
            // a processor that cannot be asked has no name; but nothing may be made up
            let machine = value
                .get("machine")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let made_up = if machine.contains(" 0 GiB") {
                machine
            } else {
                ""
            };
            kept.join(", ") + made_up
        }
        Err(error) => format!("{error}: {line}"),
    };
    let mut lines: Vec<String> = text.lines().map(line).collect();
    lines.sort();
    lines.join("\n")
}

/// Whether every run of `expected` that was there before anything happened is there still, as soon as there are records.
pub fn nothing_lost(folder: &Path) -> Result<(), String> {
    let record = folder.join("out/training.jsonl");
    let text = fs::read_to_string(&record).map_err(|error| format!("training.jsonl: {error}"))?;
    for line in text.lines() {
        serde_json::from_str::<Value>(line)
            .map_err(|error| format!("training.jsonl: {error}: {line}"))?;
    }
    timings(folder)?;
    match text.matches("\"experiment\":\"other\"").count() {
        2 => Ok(()),
        n => Err(format!(
            "{n} of the two runs of `other` are left in training.jsonl"
        )),
    }
}

/// How many timings are in the record; there was one before anything happened.
pub fn timings(folder: &Path) -> Result<usize, String> {
    let text = fs::read_to_string(folder.join("out/throughput.jsonl"));
    let text = text.map_err(|error| format!("throughput.jsonl: {error}"))?;
    match text
        .lines()
        .map(serde_json::from_str::<Value>)
        .filter(Result::is_ok)
        .count()
    {
        0 => Err("the timing of before is gone".into()),
        n if n == text.lines().count() => Ok(n),
        _ => Err("throughput.jsonl is not whole".into()),
    }
}

const PROJECT: &str = r#"
experiments = ["experiments"]

[[document]]
title = "A text"
source = "nobody"
file = "text.md"
suites = ["suites"]
"#;

const SUITE: &str = r#"
system = "s"
title = "A text"

[[claim]]
id = "s.parameters"
line = 1
says = "It has 9 weights."
stated = 9
measure = "params('conv3x3')"
verdict = "confirmed"

[[claim]]
id = "s.shortcuts"
line = 1
says = "Shortcuts help."
trial = { experiment = "two-nets", scale = "quick", questions = ["shortcuts-help"] }
"#;

/// Two arms that have all that a run goes on with: moments, alterations, statistics of batches, masks.
const EXPERIMENT: &str = r#"
name = "NAME"
title = "Two small nets"
source = "nobody"

[recipe]
data = "digits"
images = 60
epochs = 2
batch = 20
augment = [{ pad-crop = 1 }]
schedule = "cosine"

[quick]
seeds = 1

[[arm]]
name = "residual"
title = "residual"
recipe = { model = "resnet20_digits{depth=8}", optimizer = { adam = { rate = 1e-3 } } }

[[arm]]
name = "plain"
title = "plain"
recipe = { model = "plain20_digits{depth=8}", optimizer = { sgd = { rate = 0.05, momentum = 0.9 } } }

[[question]]
name = "shortcuts-help"
says = "With shortcuts the loss falls faster."
metric = "train_loss"
contrast = { plain = 1, residual = -1 }
above = 0.0
"#;

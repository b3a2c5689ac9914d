//! The job without a command: what it trains, what it keeps, and what counts the next time.

use super::records::PROJECT;
use super::{command, stdout};
use convcheck::record;
use convcheck::train::Trained;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

const SUITE: &str = r#"
system = "s"
title = "S"

[[claim]]
id = "s.trained"
says = "It errs."
trial = { experiment = "own", scale = "quick", questions = ["errs"] }
"#;

const OWN: &str = r#"
name = "own"
title = "A network by itself"
source = "nobody"
recipe = { model = "net", data = "digits", epochs = 3, batch = 25, images = 50, optimizer = { sgd = { rate = 0.1 } } }
quick = { seeds = 8 }
arm = [{ name = "arm", title = "an arm" }]

[[question]]
name = "errs"
says = "It errs at all."
metric = "test_error"
contrast = { arm = 1 }
above = 0.0
"#;

fn project() -> TempDir {
    let project = tempfile::tempdir().unwrap();
    let small = PROJECT.replace("resnet20_digits", "resnet20_digits{depth=8}");
    for (file, text) in [
        ("convcheck.toml", &*small),
        ("s.toml", SUITE),
        ("own.toml", OWN),
    ] {
        fs::write(project.path().join(file), text).unwrap();
    }
    project
}

fn main_job(project: &TempDir) -> Output {
    let mut job = command(&[]);
    job.current_dir(project).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn report(project: &TempDir) -> PathBuf {
    project.path().join("reports/latest")
}

/// The finished runs that stand in files of their own, by name.
fn kept(project: &TempDir) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(report(project).join("runs/own-quick")) else {
        return BTreeMap::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_string();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The runs of the record, without what is chance in them.
fn recorded(folder: &Path) -> Vec<Trained> {
    let runs = record::load_training(folder).unwrap().whole().unwrap();
    let same = |run: Trained| Trained {
        seconds: 0.0,
        date: String::new(),
        begun_by: Vec::new(),
        ..run
    };
    runs.into_iter().map(same).collect()
}

/// Whenever it is killed, what was finished counts, the rest alone is trained, and all comes to the same.
#[cfg(unix)]
#[test]
fn a_killed_main_job_trains_only_the_rest() {
    let (alone, killed) = (project(), project());
    let first = main_job(&alone);
    stdout(&first);
    let plan = "convcheck: trains 8 quick runs of 1 experiment (own); it takes ";
    assert!(said(&first).starts_with(plan), "{}", said(&first));
    for least in [2, 5] {
        let mut job = command(&[]);
        job.current_dir(&killed)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut job = job.spawn().unwrap();
        while kept(&killed).len() < least && job.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(5));
        }
        // at once, as kill -9 does
        job.kill().unwrap();
        job.wait().unwrap();
    }
    let there = kept(&killed);
    assert!(there.len() >= 5, "{there:?}");
    let last = main_job(&killed);
    stdout(&last);
    let plan = match 8 - there.len() {
        0 => "the 8 quick runs that claims ask for are finished already".to_string(),
        1 => format!(
            "trains 1 quick run of 1 experiment (own), beside {} that are",
            there.len()
        ),
        n => format!(
            "trains {n} quick runs of 1 experiment (own), beside {} that are",
            there.len()
        ),
    };
    assert!(said(&last).contains(&plan), "{plan}: {}", said(&last));
    let now = kept(&killed);
    for (name, run) in there {
        assert_eq!(now[&name], run, "{name} was trained again");
    }
    assert_eq!(recorded(&report(&killed)), recorded(&report(&alone)));
    // and all counts the next time
    let training = report(&killed).join(record::TRAINING);
    let before = fs::read_to_string(&training).unwrap();
    let again = main_job(&killed);
    stdout(&again);
    let nothing = "convcheck: the 8 quick runs that claims ask for are finished already\n";
    assert_eq!(said(&again), nothing);
    assert_eq!(fs::read_to_string(&training).unwrap(), before);
    // where the record alone has them too
    fs::remove_dir_all(report(&killed).join("runs")).unwrap();
    let again = main_job(&killed);
    stdout(&again);
    assert_eq!(said(&again), nothing);
    assert_eq!(kept(&killed).len(), 0);
}

/// What is in the way of a run neither stops the job nor is lost.
#[test]
fn other_runs_make_room_in_the_main_job() {
    let project = project();
    let write = |text: String| fs::write(project.path().join("own.toml"), text).unwrap();
    let short = OWN
        .replace("epochs = 3", "epochs = 1")
        .replace("seeds = 8", "seeds = 2");
    write(short.clone());
    stdout(&main_job(&project));
    write(short.replace("batch = 25", "batch = 50"));
    let output = stdout(&main_job(&project));
    assert!(
        output.contains("2 finished runs do not count: 2 of another recipe than now."),
        "{output}"
    );
    let names: Vec<String> = kept(&project).into_keys().collect();
    let all = [
        "arm-0.json",
        "arm-0.older.json",
        "arm-1.json",
        "arm-1.older.json",
    ];
    assert_eq!(names, all);
    assert_eq!(recorded(&report(&project)).len(), 4);
    // the old ones count again where their recipe is back
    write(short);
    let back = main_job(&project);
    stdout(&back);
    assert!(
        said(&back).contains("are finished already"),
        "{}",
        said(&back)
    );
    // one that is damaged is trained again, and that is said
    fs::remove_file(report(&project).join(record::TRAINING)).unwrap();
    for file in ["arm-0.older.json", "arm-1.older.json"] {
        fs::remove_file(report(&project).join("runs/own-quick").join(file)).unwrap();
    }
    write(
        OWN.replace("seeds = 8", "seeds = 2")
            .replace("epochs = 3", "epochs = 1")
            .replace("batch = 25", "batch = 50"),
    );
    let file = report(&project).join("runs/own-quick/arm-1.json");
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, whole.replacen("\"seed\":1", "\"seed\":0", 1)).unwrap();
    let healed = main_job(&project);
    stdout(&healed);
    let error = said(&healed);
    assert!(
        error.contains("trains 1 quick run of 1 experiment (own), beside 1 that is"),
        "{error}"
    );
    assert!(
        error.contains("arm-1.json: is no finished run: it was changed"),
        "{error}"
    );
    assert_eq!(recorded(&report(&project)).len(), 2);
}

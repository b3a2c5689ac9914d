//! Begun runs in merged records: none is lost, and none takes the place of what is further.

use super::{command, convcheck, stdout};
use convcheck::record;
use convcheck::train::Trained;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

const OWN: &str = r#"
name = "own"
title = "A network by itself"
source = "nobody"
recipe = { model = "resnet20_digits{depth=8}", data = "digits", epochs = 8, batch = 10, images = 50, optimizer = { sgd = { rate = 0.1 } } }
quick = { seeds = 1 }
arm = [{ name = "arm", title = "an arm" }]
"#;

const SNAPSHOT: &str = "runs/own-quick/arm-0.snapshot";

fn train<'a>(file: &'a str, output: &'a str) -> [&'a str; 7] {
    [
        "train",
        file,
        "--output",
        output,
        "--resume",
        "--snapshot-every",
        "0",
    ]
}

/// Trains an experiment into a folder, and kills it once it has a snapshot.
fn begin(file: &str, output: &str) {
    let mut job = command(&train(file, output));
    let mut job = job
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let snapshot = Path::new(output).join(SNAPSHOT);
    while !snapshot.exists() && job.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(2));
    }
    job.kill().unwrap();
    job.wait().unwrap();
    assert!(
        snapshot.exists(),
        "the run was at its end before it was killed"
    );
}

/// The curve of the only run of a folder.
fn only(folder: &Path) -> Trained {
    let runs = record::load_training(folder).unwrap().whole().unwrap();
    assert_eq!(runs.len(), 1);
    runs.into_iter().next().unwrap()
}

#[cfg(unix)]
#[test]
fn begun_runs_are_taken_over_where_they_are_further() {
    let all = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { all.path().join(name) };
    let text = |name: &str| at(name).to_str().unwrap().to_string();
    fs::write(at("own.toml"), OWN).unwrap();
    fs::write(at("other.toml"), OWN.replace("batch = 10", "batch = 5")).unwrap();
    let merge = |names: &[&str]| {
        let folders: Vec<String> = names.iter().map(|name| text(name)).collect();
        let args: Vec<&str> = folders.iter().map(String::as_str).collect();
        convcheck(&[&["merge"], &args[..]].concat())
    };
    begin(&text("own.toml"), &text("a"));
    let said = stdout(&merge(&["out", "a"]));
    assert!(
        said.contains("no finished runs; no timings\n1 begun run there, 1 taken over\n"),
        "{said}"
    );
    let taken = fs::read(at("out").join(SNAPSHOT)).unwrap();
    assert_eq!(taken, fs::read(at("a").join(SNAPSHOT)).unwrap());
    let said = stdout(&merge(&["out", "a"]));
    assert!(said.contains("1 begun run there, 0 taken over\n"), "{said}");
    // one of another recipe stays where it is, and that is said
    begin(&text("other.toml"), &text("b"));
    let said = stdout(&merge(&["out", "b"]));
    assert!(
        said.contains("0 taken over")
            && said.contains("b/runs/own-quick/arm-0.snapshot: stays there: one of another recipe"),
        "{said}"
    );
    assert_eq!(fs::read(at("out").join(SNAPSHOT)).unwrap(), taken);
    // it goes on from there, and comes to what an undisturbed run comes to
    stdout(&convcheck(&train(&text("own.toml"), &text("out"))));
    stdout(&convcheck(&train(&text("own.toml"), &text("alone"))));
    assert!(only(&at("out")).is_same_run(&only(&at("alone"))));
    // of a finished run none is begun any more, in whichever folder
    for folders in [
        &["out", "a"][..],
        &["new", "out", "a"],
        &["newer", "a", "out"],
    ] {
        let said = stdout(&merge(folders));
        assert!(!said.contains("begun run"), "{said}");
        assert!(!at(folders[0]).join(SNAPSHOT).exists());
    }
    // beside a finished run of another recipe there is no place for it
    let said = stdout(&merge(&["out", "b"]));
    assert!(
        said.contains("stays there: a finished run of its name is here"),
        "{said}"
    );
    let snapshot = at("a").join(SNAPSHOT);
    let whole = fs::read(&snapshot).unwrap();
    fs::write(&snapshot, &whole[..whole.len() - 9]).unwrap();
    let damaged = merge(&["last", "a"]);
    assert_eq!(damaged.status.code(), Some(2));
    let error = String::from_utf8(damaged.stderr).unwrap();
    assert!(error.contains("arm-0.snapshot: the snapshot "), "{error}");
    assert!(!at("last").join(SNAPSHOT).exists());
}

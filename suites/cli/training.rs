//! `train`: runs that are stopped, killed and gone on with, and folders that are in use.

use super::{command, convcheck, fails, json, path, stdout};
use candle_core::{Device, Tensor};
use convcheck::gpu::Cuda;
use convcheck::net::checkpoint;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Two arms that a second or so trains, with momentum, alterations and batch statistics to go on with.
pub(super) const EXPERIMENT: &str = r#"
name = "two-nets"
title = "Two small nets"
source = "nobody"

[recipe]
data = "digits"
images = 300
epochs = 10
batch = 50
augment = [{ pad-crop = 1 }]
schedule = "cosine"
optimizer = { adam = { rate = 1e-3 } }

[quick]
seeds = 1

[[arm]]
name = "residual"
title = "residual"
recipe.model = "resnet20_digits"

[[arm]]
name = "plain"
title = "plain"
recipe.model = "plain20_digits"

[[question]]
name = "shortcuts-help"
says = "With shortcuts the loss falls faster."
metric = "train_loss"
contrast = { plain = 1, residual = -1 }
above = 0.0
"#;

pub(super) struct TestFolder {
    folder: tempfile::TempDir,
}

impl TestFolder {
    pub(super) fn new() -> TestFolder {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("two-nets.toml"), EXPERIMENT).unwrap();
        TestFolder { folder }
    }

    pub(super) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_string()
    }

    /// The arguments of a run of which every step leaves a snapshot.
    pub(super) fn train<'a>(&self, output: &'a str, more: &[&'a str]) -> Vec<String> {
        let file = self.file("two-nets.toml");
        let mut args = vec!["train".to_string(), file];
        args.extend(["--output", output, "--snapshot-every", "0"].map(String::from));
        args.extend(more.iter().map(ToString::to_string));
        args
    }

    fn spawn(&self, output: &str, more: &[&str]) -> Child {
        let args = self.train(output, more);
        let args = texts(&args);
        let mut command = command(&args);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

pub(super) fn texts(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// The finished runs, without what no two runs share.
fn runs(output: &str) -> Vec<Value> {
    let text = fs::read_to_string(Path::new(output).join("training.jsonl")).unwrap();
    let read = |line: &str| {
        let mut run: Value = serde_json::from_str(line).unwrap();
        // how long it took, and with it the checksum, is another each time
        for chance in ["seconds", "sum"] {
            run.as_object_mut().unwrap().remove(chance).unwrap();
        }
        run
    };
    text.lines().map(read).collect()
}

/// The files of a run of the two arms.
fn files(output: &str) -> Vec<PathBuf> {
    let folder = Path::new(output).join("runs/two-nets-quick");
    let mut files: Vec<_> = (fs::read_dir(folder).unwrap())
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    files
}

/// Killed (not asked to stop) at many moments and gone on with, a run comes to the very same curve.
#[test]
fn a_killed_run_goes_on_bit_for_bit() {
    let place = TestFolder::new();
    let (whole, killed) = (place.file("whole"), place.file("killed"));
    let args = place.train(&whole, &[]);
    let args = texts(&args);
    let began = Instant::now();
    let said = stdout(&convcheck(&args));
    let takes = began.elapsed();
    assert!(
        said.contains("shortcuts-help: open: 1 seeds; 8 are the fewest"),
        "{said}"
    );
    let mut kills = 0;
    for i in 0..200 {
        let mut child = place.spawn(&killed, &["--resume"]);
        // moments that differ, from before the first step to late in the run, however slow the machine is
        sleep(takes * (i * 37 % 100) / 500);
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            break;
        }
        assert_eq!(
            output.status.code(),
            None,
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        kills += 1;
    }
    assert!(kills >= 5, "only {kills} kills");
    assert_eq!(runs(&whole), runs(&killed));
    let lines = |output: &str| -> Vec<String> {
        let curves = files(output)
            .into_iter()
            .filter(|f| f.extension().is_some_and(|e| e == "jsonl"));
        curves
            .map(|file| fs::read_to_string(file).unwrap())
            .collect()
    };
    assert_eq!(lines(&whole), lines(&killed));
    // finished runs keep no snapshots, and nothing half-written lies about
    for file in files(&killed) {
        let name = file.file_name().unwrap().to_str().unwrap().to_string();
        let known = name.ends_with(".json") || name.ends_with(".jsonl");
        assert!(known, "{name}");
    }
}

/// Ended on request: a line that says so, and how it is gone on with.
fn stopped(output: &std::process::Output) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{error}");
    assert!(
        error.contains("stopped after step") && error.contains("--resume"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1, "{error}");
}

/// The time is up in the middle: the next goes on.
#[test]
fn a_run_stops_when_its_time_is_up() {
    let place = TestFolder::new();
    let output = place.file("out");
    let args = place.train(&output, &["--resume", "--arm", "plain", "--until", "0.05s"]);
    stopped(&convcheck(&texts(&args)));
    let kept = Path::new(&output).join("runs/two-nets-quick");
    assert!(kept.join("plain-0.snapshot").exists());
    let args = place.train(&output, &["--arm", "plain", "--resume", "--until", "1h30m"]);
    stdout(&convcheck(&texts(&args)));
    assert!(kept.join("plain-0.json").exists());
    for (text, says) in [
        ("9", "`9` is no time"),
        ("", "no time"),
        ("m", "no time"),
        ("-1s", "no time"),
        ("1d", "no time"),
        ("1e999h", "no time"),
        ("infh", "no time"),
        ("0s", "longer than nothing"),
    ] {
        let until = format!("--until={text}");
        let args = place.train(&output, &[&until]);
        let said = convcheck(&texts(&args));
        let error = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(2), "{text}: {error}");
        assert!(error.contains(says), "{text}: {error}");
    }
}

/// Runs that are named are trained, and no others; those of one folder come to those of a run in one go.
#[test]
fn runs_are_trained_one_by_one() {
    let place = TestFolder::new();
    let (whole, output) = (place.file("whole"), place.file("out"));
    let short = EXPERIMENT.replace("epochs = 10", "epochs = 1");
    fs::write(place.file("two-nets.toml"), short).unwrap();
    let train = |output: &str, more: &[&str]| {
        let args = place.train(output, more);
        stdout(&convcheck(&texts(&args)))
    };
    train(&whole, &["--seeds", "2"]);
    let said = train(&output, &["--arm", "plain", "--seed", "1", "--seed", "1"]);
    assert!(
        said.starts_with("two-nets, plain, seed 1: done, test error "),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1);
    // each is a file of its own, and another needs no --resume
    assert!(!Path::new(&output).join("training.jsonl").exists());
    let said = train(
        &output,
        &[
            "--arm", "plain", "--arm", "residual", "--seed", "0", "--json",
        ],
    );
    let said: Value = serde_json::from_str(&said).unwrap();
    let named: Vec<_> = (said.as_array().unwrap().iter())
        .map(|run| (run["arm"].as_str().unwrap(), run["seed"].as_u64().unwrap()))
        .collect();
    assert_eq!(named, [("residual", 0), ("plain", 0)]);
    let args = place.train(&output, &["--arm", "plain"]);
    fails(
        &texts(&args),
        &["holds runs already, of plain under seed 0", "--resume"],
    );
    train(&output, &["--seeds", "2", "--resume"]);
    assert_eq!(runs(&whole), runs(&output));
    for (more, says) in [
        (&["--arm", "plian"][..], "did you mean plain"),
        (&["--arm", "zzz"], "its arms: residual, plain"),
        (
            &["--seed", "10000"],
            "--seed is 10000, must be from 0 to 9999",
        ),
    ] {
        let args = place.train(&output, more);
        fails(&texts(&args), &[says]);
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_says_so_and_goes_on() {
    let place = TestFolder::new();
    let output = place.file("out");
    let curve = Path::new(&output).join("runs/two-nets-quick/plain-0.jsonl");
    // whoever started these tests to outlive a terminal has hangups ignored by all that they start
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let hears = |line: &str| {
        line.starts_with("SigIgn:") && line.ends_with(['0', '2', '4', '6', '8', 'a', 'c', 'e'])
    };
    let hangup = status.lines().any(hears).then_some("-HUP");
    for signal in ["-INT", "-TERM"].into_iter().chain(hangup) {
        let child = place.spawn(&output, &["--resume"]);
        while !curve.exists() {
            sleep(Duration::from_millis(5));
        }
        let sent = std::process::Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        stopped(&child.wait_with_output().unwrap());
        // at once, and not when a snapshot is due
        assert!(curve.with_extension("snapshot").exists());
        fs::remove_file(&curve).unwrap();
    }
    let args = place.train(&output, &[]);
    let args = texts(&args);
    fails(&args, &["holds runs already", "--resume"]);
    let args = place.train(&output, &["--resume", "--json"]);
    let args = texts(&args);
    assert_eq!(json(&args)[0]["seeds"], serde_json::json!([0]));
    // a second time there is nothing left to train, but what a run leaves that was killed once it was finished is removed
    let snapshot = Path::new(&output).join("runs/two-nets-quick/plain-0.snapshot");
    fs::write(&snapshot, "").unwrap();
    assert_eq!(json(&args)[0]["seeds"], serde_json::json!([0]));
    assert!(!snapshot.exists());
    assert_eq!(runs(&output).len(), 2);
}

/// Two processes share a folder, but no run.
#[test]
fn no_two_processes_train_one_run() {
    let place = TestFolder::new();
    let output = place.file("out");
    let mut child = place.spawn(&output, &[]);
    while !Path::new(&output)
        .join("runs/two-nets-quick/plain-0.jsonl")
        .exists()
    {
        sleep(Duration::from_millis(5));
    }
    let args = place.train(&output, &["--resume"]);
    let args = texts(&args);
    let busy = convcheck(&args);
    let error = String::from_utf8_lossy(&busy.stderr);
    assert_eq!(busy.status.code(), Some(75), "{error}");
    assert!(
        error.contains("-0.lock: another process trains this run"),
        "{error}"
    );
    assert!(child.wait().unwrap().success());
    assert_eq!(runs(&output).len(), 2);
}

#[test]
fn runs_of_another_recipe_are_not_gone_on_with() {
    let place = TestFolder::new();
    let output = place.file("out");
    let mut child = place.spawn(&output, &[]);
    while !Path::new(&output)
        .join("runs/two-nets-quick/residual-0.snapshot")
        .exists()
    {
        sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let other = EXPERIMENT.replace("rate = 1e-3", "rate = 2e-3");
    fs::write(place.file("two-nets.toml"), other).unwrap();
    let args = place.train(&output, &["--resume"]);
    let args = texts(&args);
    fails(&args, &["another recipe"]);
    // what was there is there still
    fs::write(place.file("two-nets.toml"), EXPERIMENT).unwrap();
    stdout(&convcheck(&args));
}

/// What another version of the program began goes on to the same bits; a line says so, and so does the run.
#[test]
fn a_run_that_another_version_began_says_so() {
    let place = TestFolder::new();
    let (whole, output) = (place.file("whole"), place.file("out"));
    let args = place.train(&whole, &[]);
    stdout(&convcheck(&texts(&args)));
    let snapshot = Path::new(&output).join("runs/two-nets-quick/plain-0.snapshot");
    let mut child = place.spawn(&output, &[]);
    while !snapshot.exists() {
        sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut tensors = checkpoint::read(&snapshot).unwrap();
    let state = tensors["state"].to_vec1::<u8>().unwrap();
    let mut state: Value = serde_json::from_slice(&state).unwrap();
    state.as_object_mut().unwrap().remove("sum").unwrap();
    state["progress"]["programs"] = serde_json::json!(["another"]);
    let state = state.to_string().into_bytes();
    let length = state.len();
    let state = Tensor::from_vec(state, length, &Device::Cpu).unwrap();
    tensors.insert("state".into(), state);
    checkpoint::write(&snapshot, &tensors).unwrap();
    let args = place.train(&output, &["--resume"]);
    let said = convcheck(&texts(&args));
    let words = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{words}");
    assert!(words.contains("plain, seed 0: another version"), "{words}");
    assert!(words.contains("(another)"), "{words}");
    let (whole, runs) = (runs(&whole), runs(&output));
    for (whole, run) in whole.iter().zip(&runs) {
        assert_eq!(whole["curve"], run["curve"]);
        let other = run["arm"] == "plain";
        assert_eq!(
            run["begun_by"] == serde_json::json!(["another"]),
            other,
            "{run}"
        );
    }
    assert_eq!(runs.len(), 2);
}

/// The recipe names another model and is the same in all else: what is there is of another network.
#[test]
fn runs_of_another_network_are_not_gone_on_with() {
    let place = TestFolder::new();
    let output = place.file("out");
    let short = EXPERIMENT.replace("epochs = 10", "epochs = 1");
    let file = place.file("two-nets.toml");
    fs::write(&file, &short).unwrap();
    let args = place.train(&output, &["--resume"]);
    let args = texts(&args);
    stdout(&convcheck(&args));
    let before = runs(&output);
    fs::write(&file, short.replace("plain20_digits", "plain32_digits")).unwrap();
    fails(&args, &["plain-0.json", "another network"]);
    assert_eq!(runs(&output), before);
    // nor are those that do not say which network they are of
    fs::write(&file, &short).unwrap();
    let finished = Path::new(&output).join("runs/two-nets-quick/plain-0.json");
    let mut run: Value = serde_json::from_str(&fs::read_to_string(&finished).unwrap()).unwrap();
    run.as_object_mut().unwrap().remove("sum").unwrap();
    run.as_object_mut().unwrap().remove("network").unwrap();
    fs::write(&finished, run.to_string()).unwrap();
    fails(&args, &["plain-0.json", "before runs named their network"]);
}

#[test]
fn bad_input_is_one_line() {
    let place = TestFolder::new();
    let output = place.file("out");
    fails(
        &["train", "degradatoin"],
        &["no experiment", "did you mean degradation"],
    );
    fails(
        &["train", "missing.toml"],
        &["missing.toml", "cannot read it"],
    );
    let args = place.train(&output, &["--scale", "full"]);
    let args = texts(&args);
    fails(&args, &["two-nets has no full scale"]);
    let args = place.train(&output, &["--seeds", "0"]);
    let args = texts(&args);
    fails(&args, &["--seeds is 0"]);
    let file = place.file("two-nets.toml");
    for seconds in ["1e300", "inf", "nan"] {
        let every = format!("--snapshot-every={seconds}");
        let args = ["train", &file, "--output", &output, &every];
        fails(&args, &["--snapshot-every is ", "must be seconds"]);
    }
    let args = place.train(&output, &["--seeds", "100000000"]);
    fails(&texts(&args), &["--seeds is 100000000", "from 1 to"]);
    let with = |from: &str, to: &str, says: &[&str]| {
        let file = place.file("wrong.toml");
        fs::write(&file, EXPERIMENT.replace(from, to)).unwrap();
        fails(&["train", &file, "--output", &output], says);
    };
    with(
        "plain20_digits",
        "plain21_digits",
        &["plain21_digits", "did you mean"],
    );
    with(
        "data = \"digits\"",
        "data = \"cifar10\"",
        &["cifar10", "--data"],
    );
    let args = ["train", "listing-lenet5", "--scale", "full", "--data"];
    fails(
        &[&args[..], &[path(&place.folder), "--output", &output]].concat(),
        &[path(&place.folder), "data_batch_1.bin", "cannot read it"],
    );
    with("batch = 50", "batch = 0", &["wrong.toml:", "batch is 0"]);
    with(
        "metric = \"train_loss\"",
        "metric = \"loss@0\"",
        &["wrong.toml:", "`0` is no place"],
    );
    with("rate = 1e-3", "rat = 1e-3", &["wrong.toml:", "rat"]);
    let args = place.train(&output, &["--precision", "bf16"]);
    fails(&texts(&args), &["--precision is for --device cuda"]);
    if let Err(absent) = Cuda::describe(0) {
        let args = place.train(&output, &["--device", "cuda"]);
        fails(&texts(&args), &["no CUDA device", &absent.to_string()]);
    }
    // what cannot be trained leaves nothing behind
    assert!(!Path::new(&output).exists());
}

/// After a power cut, or a bit that fell over: what is damaged is set aside and named, and trained again to the same bits.
#[test]
fn what_is_damaged_is_set_aside_and_trained_again() {
    let place = TestFolder::new();
    let (whole, output) = (place.file("whole"), place.file("out"));
    let short = EXPERIMENT.replace("epochs = 10", "epochs = 2");
    fs::write(place.file("two-nets.toml"), &short).unwrap();
    let args = place.train(&whole, &[]);
    stdout(&convcheck(&texts(&args)));
    let mut child = place.spawn(&output, &[]);
    let kept = Path::new(&output).join("runs/two-nets-quick");
    let snapshot = kept.join("plain-0.snapshot");
    while !snapshot.exists() {
        sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let args = place.train(&output, &["--resume"]);
    let resumed = |names: &[&str]| {
        let said = convcheck(&texts(&args));
        let words = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{words}");
        assert_eq!(words.lines().count(), names.len(), "{words}");
        for name in names {
            assert!(words.contains(name), "{words}");
            assert!(kept.join(name).exists(), "{name}");
        }
        let curves = |output: &str| -> Vec<Value> {
            let of = |run: &Value| run["curve"].clone();
            runs(output).iter().map(of).collect()
        };
        assert_eq!(curves(&whole), curves(&output)[..2]);
    };
    // a bit of a weight
    let mut bytes = fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&snapshot, &bytes).unwrap();
    resumed(&["plain-0.snapshot.damaged"]);
    let finished = kept.join("plain-0.json");
    let record = Path::new(&output).join("training.jsonl");
    for aside in ["plain-0.json.damaged", "plain-0.json.damaged-2"] {
        // the record would do instead
        fs::remove_file(&record).unwrap();
        fs::write(&finished, "").unwrap();
        resumed(&[aside]);
    }
    fs::remove_file(&record).unwrap();
    let text = fs::read_to_string(&finished).unwrap();
    let digit = text.find("\"losses\":[").unwrap() + 12;
    fs::write(
        &finished,
        format!("{}7{}", &text[..digit], &text[digit + 1..]),
    )
    .unwrap();
    resumed(&["plain-0.json.damaged-3"]);
    // that of another arm is no damaged one, and stays
    fs::copy(kept.join("residual-0.json"), &finished).unwrap();
    fails(&texts(&args), &["plain-0.json", "another network"]);
    assert!(finished.exists());
}

/// What stands in the folder under the name of a file of ours and is a link is not written through.
#[cfg(unix)]
#[test]
fn links_in_the_folder_are_not_followed() {
    use std::os::unix::fs::symlink;
    let place = TestFolder::new();
    let output = place.file("out");
    let kept = Path::new(&output).join("runs/two-nets-quick");
    fs::create_dir_all(&kept).unwrap();
    let short = EXPERIMENT.replace("epochs = 10", "epochs = 1");
    fs::write(place.file("two-nets.toml"), short).unwrap();
    let (own, none) = (place.file("own"), place.file("none"));
    fs::write(&own, "mine").unwrap();
    let lock = kept.join("plain-0.lock");
    symlink(&own, &lock).unwrap();
    let args = place.train(&output, &["--resume"]);
    fails(&texts(&args), &["lock", "a link"]);
    assert_eq!(fs::read_to_string(&own).unwrap(), "mine");
    fs::remove_file(&lock).unwrap();
    symlink(&own, kept.join("plain-0.jsonl")).unwrap();
    for name in ["plain-0.json", "plain-0.snapshot"] {
        symlink(&none, kept.join(name)).unwrap();
    }
    stdout(&convcheck(&texts(&args)));
    assert_eq!(fs::read_to_string(&own).unwrap(), "mine");
    assert!(!Path::new(&none).exists());
}

/// No name leads out of the output folder.
#[test]
fn files_are_called_after_names_that_are_names() {
    let place = TestFolder::new();
    let output = place.file("out");
    for (from, to, says) in [
        ("two-nets\"", "../../../x\"", "wrong.toml:2:8: "),
        ("two-nets\"", "\"", "kebab-case"),
        ("two-nets\"", "degradation\"", "already: suites/experiments"),
        ("\"plain\"", "\"../../../x\"", "wrong.toml:24:8: "),
        ("\"plain\"", "\"lock\"", "wrong.toml:24:8: "),
        ("\"plain\"", "\"residual\"", "is there twice"),
    ] {
        let file = place.file("wrong.toml");
        assert!(EXPERIMENT.contains(from), "{from}");
        fs::write(&file, EXPERIMENT.replacen(from, to, 1)).unwrap();
        fails(&["train", &file, "--output", &output], &[says]);
        assert!(!Path::new(&output).exists(), "{to}");
    }
}

/// A disk that takes no more in the middle of a run: the run stops, and what was whole stays whole.
#[cfg(unix)]
#[test]
fn a_full_disk_stops_a_run_and_loses_nothing() {
    let place = TestFolder::new();
    let output = place.file("out");
    let args = place.train(&output, &["--resume"]);
    // files of at most 64 blocks of 512 bytes: the curve fits, a snapshot does not
    let limited = std::process::Command::new("sh")
        .args(["-c", "ulimit -f 64; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_convcheck"))
        .args(&args)
        .output()
        .unwrap();
    let error = String::from_utf8(limited.stderr).unwrap();
    assert_eq!(limited.status.code(), Some(2), "{error}");
    assert!(error.contains("snapshot: cannot write it"), "{error}");
    let args = texts(&args);
    stdout(&convcheck(&args));
    assert_eq!(runs(&output).len(), 2);
}

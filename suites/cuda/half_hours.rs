//! A plan in half hours of a device that is none, the whole way that `ci/gpu` goes: pack, carry, train until the time is up,
//! bring back, pack again.

use super::program::EXPERIMENT;
use libtest_mimic::Trial;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

const PLAN: &str = r#"scale = "quick"

[[runs]]
experiment = "two-nets.toml"
seeds = [1, 2]

[[runs]]
experiment = "two-nets.toml"
seeds = [0]
"#;

pub fn trials(libraries: &Path) -> Vec<Trial> {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let can = ["bash", "python3", "xz", "git"].into_iter().all(is_there);
    let libraries = libraries.to_path_buf();
    let trial = Trial::test("gpu::half_hours::come-to-what-one-hour-does", move || {
        half_hours(&Place::new(&libraries)?);
        Ok(())
    });
    vec![trial.with_ignored_flag(!can)]
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// Where Python finds CUDA's libraries, and the shell a GPU.
    fn new(libraries: &Path) -> std::io::Result<Place> {
        let place = Place {
            folder: tempfile::tempdir()?,
        };
        for (library, package) in [
            ("libcuda.so", "cu13"),
            ("libnvrtc.so", "cu13"),
            ("libcudnn.so", "cudnn"),
        ] {
            let folder = place.at("site/nvidia").join(package).join("lib");
            fs::create_dir_all(&folder)?;
            fs::copy(libraries.join(library), folder.join(library))?;
        }
        place.write("site/nvidia/__init__.py", "");
        place.program("bin/nvidia-smi", "echo NVIDIA Z9");
        // a script is sent faster than the program
        let own = env!("CARGO_BIN_EXE_convcheck");
        place.program("bin/convcheck", &format!("exec '{own}' \"$@\""));
        // long enough to be stopped in the middle
        let longer = EXPERIMENT.replace("images = 100", "images = 200");
        place.write(
            "plans/two-nets.toml",
            &longer.replace("epochs = 3", "epochs = 8"),
        );
        place.write("plans/small.toml", PLAN);
        Ok(place)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn program(&self, name: &str, does: &str) {
        self.write(name, &format!("#!/bin/sh\n{does}\n"));
        let chmod = Command::new("chmod").arg("+x").arg(self.at(name)).status();
        assert!(chmod.unwrap().success());
    }

    fn call(&self, program: &Path, args: &[&str]) -> Output {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own = std::iter::once(self.at("bin")).chain(std::env::split_paths(&path));
        let mut command = Command::new(program);
        (command.args(args).current_dir(self.folder.path()))
            .env("PATH", std::env::join_paths(own).unwrap())
            .env("PYTHONPATH", self.at("site"))
            .env("PROGRAM", self.at("bin/convcheck"))
            .env("CONVCHECK", self.at("bin/convcheck"));
        command.output().unwrap()
    }

    /// `ci/gpu` here.
    fn here(&self, args: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("ci/gpu");
        self.call(&script, args)
    }

    /// A fresh machine with what is packed: its folder of the program.
    fn carried(&self, machine: &str) -> PathBuf {
        let there = self.at(machine);
        fs::create_dir(&there).unwrap();
        for entry in fs::read_dir(self.at("packed")).unwrap() {
            let entry = entry.unwrap();
            let folder = there.join(entry.file_name());
            fs::create_dir(&folder).unwrap();
            for file in fs::read_dir(entry.path()).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), folder.join(file.file_name())).unwrap();
            }
        }
        there.join("gpu")
    }

    /// The runs of a record, by arm and seed, without what is chance in them.
    fn recorded(&self, folder: &str) -> BTreeMap<String, Value> {
        let text = fs::read_to_string(self.at(folder).join("training.jsonl")).unwrap();
        text.lines().map(run).collect()
    }
}

fn run(text: &str) -> (String, Value) {
    let mut run: Value = serde_json::from_str(text).unwrap();
    for chance in ["seconds", "sum"] {
        run.as_object_mut().unwrap().remove(chance).unwrap();
    }
    let name = format!("{} {}", run["arm"].as_str().unwrap(), run["seed"]);
    (name, run)
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    said(output)
}

fn fails(output: &Output, says: &str) {
    assert_eq!(output.status.code(), Some(2), "{}", said(output));
    assert!(said(output).contains(says), "`{says}`: {}", said(output));
}

fn half_hours(place: &Place) {
    let pack = || {
        let args = [
            "packed/gpu",
            "--plan",
            "plans/small.toml",
            "--piece",
            "3000",
        ];
        let kept = ["--runs", "begun", "--reports", "reports"];
        done(&place.here(&[&args[..], &kept].concat()))
    };
    let options = ["--at-once", "2"];
    // in one go
    pack();
    let whole = place.carried("whole");
    let began = Instant::now();
    let args = [&["--plan", "whole/out"], &options[..]].concat();
    let text = done(&place.call(&whole.join("gpu"), &args));
    let takes = began.elapsed().as_secs_f64();
    assert!(
        text.contains("6 finished runs and 0 snapshots come back"),
        "{text}"
    );
    let args = [
        "--back",
        "whole/out",
        "--runs",
        "none",
        "--report",
        "whole/report",
    ];
    done(&place.here(&args));
    let expected = place.recorded("whole/report");
    assert_eq!(expected.len(), 6);
    assert!(
        expected["plain 2"]["machine"]
            .as_str()
            .unwrap()
            .starts_with("plain C")
    );

    damaged_on_the_way(place);
    let (mut calls, mut machines, mut parts) = (0, 0, 0.3);
    loop {
        machines += 1;
        pack();
        let machine = format!("there-{machines}");
        let gpu = place.carried(&machine).join("gpu");
        let out = format!("{machine}/out");
        let mut status = None;
        // two calls on each machine
        for _ in 0..2 {
            calls += 1;
            let until = format!("{:.2}s", parts * takes);
            let args = [&["--plan", &out, "--until", &until], &options[..]].concat();
            let output = place.call(&gpu, &args);
            status = output.status.code();
            if status == Some(0) {
                break;
            }
            assert_eq!(status, Some(75), "{}", said(&output));
            parts += 0.05;
        }
        let args = ["--back", &out, "--runs", "begun", "--report", "reports/z9"];
        if machines == 1 {
            damaged_on_the_way_back(place, &out);
        }
        done(&place.here(&args));
        if status == Some(0) {
            break;
        }
        assert!(calls < 60, "no end comes");
    }
    assert!(calls > 3, "{calls} calls stopped nothing");
    assert_eq!(place.recorded("reports/z9"), expected);
    let begun = fs::read_dir(place.at("begun/runs/two-nets-quick")).unwrap();
    let names = begun.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let begun: Vec<String> = names.filter(|name| name.ends_with(".snapshot")).collect();
    assert!(
        begun.is_empty(),
        "snapshots of finished runs stay: {begun:?}"
    );
    // there is nothing left to train, and nothing to bring
    pack();
    let gpu = place.carried("last").join("gpu");
    let args = [&["--plan", "last/out"], &options[..]].concat();
    let text = done(&place.call(&gpu, &args));
    assert!(
        text.contains("0 finished runs and 0 snapshots come back"),
        "{text}"
    );
}

/// A piece that is missing, cut or changed is named, and nothing is begun.
fn damaged_on_the_way(place: &Place) {
    let gpu = place.carried("damaged");
    let second = place.at("damaged/gpu-2/piece");
    let bytes = fs::read(&second).unwrap();
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    let call = || place.call(&gpu.join("gpu"), &["--plan", "damaged/out"]);
    for (bytes, says) in [
        (Some(&bytes[..7]), "is cut: "),
        (Some(&changed), "was changed: "),
        (None, "is missing: "),
    ] {
        match bytes {
            Some(bytes) => fs::write(&second, bytes).unwrap(),
            None => fs::remove_file(&second).unwrap(),
        }
        let output = call();
        fails(&output, &format!(" {says}"));
        let text = said(&output);
        assert!(
            text.contains("piece 2 of ") && text.contains("gpu-2/piece"),
            "{text}"
        );
    }
    assert!(!gpu.join("work").exists());
    fails(
        &place.here(&["packed/x", "--plan", "plans/no-such.toml"]),
        "there is no plans/no-such.toml",
    );
    fails(
        &place.here(&["packed/x", "--data", "plans", "--set", "cifar10"]),
        "there is no cifar10 in plans",
    );
    let none = place.here(&["packed/x"]);
    done(&none);
    fails(
        &place.call(&place.at("packed/x/gpu"), &["--plan", "x"]),
        "packed without a plan",
    );
    fs::remove_dir_all(place.at("packed/x")).unwrap();
}

/// What comes back and is cut is named, and what does not fit is said: the least advanced run first.
fn damaged_on_the_way_back(place: &Place, out: &str) {
    let bundle = place.at(out).join("back-1.tar");
    let bytes = fs::read(&bundle).unwrap();
    let back = || place.here(&["--back", out, "--runs", "else", "--report", "else"]);
    fs::write(&bundle, &bytes[..bytes.len() - 1]).unwrap();
    fails(&back(), "back-1.tar is cut");
    fs::remove_file(&bundle).unwrap();
    fails(&back(), "back-1.tar is missing");
    fs::write(&bundle, &bytes).unwrap();
    assert!(!place.at("else/runs").exists());
    // one run that is finished and three that are not, of which all but one snapshot fit
    place.write("many/runs/a-quick/done-0.json", "{}");
    for steps in [30, 10, 20] {
        let state = format!("{{\"progress\":{{\"steps\":{steps}}}}}");
        let header = format!("{{\"state\":{{\"data_offsets\":[0,{}]}}}}", state.len());
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend([header.as_bytes(), state.as_bytes()].concat());
        fs::write(
            place.at(&format!("many/runs/a-quick/{steps}-0.snapshot")),
            bytes,
        )
        .unwrap();
    }
    let script = "import sys; sys.path.insert(0, sys.argv[1]); import half_hours_there as h; from pathlib import Path\n\
                  h.FILE = h.END + 2048; h.ALL = 2 * h.FILE - 1024\n\
                  out = Path('bundles'); out.mkdir(); h.bring(Path('many'), out, {})";
    let ci = Path::new(env!("CARGO_MANIFEST_DIR")).join("ci");
    let args = ["-B", "-c", script, ci.to_str().unwrap()];
    let text = done(&place.call(Path::new("python3"), &args));
    assert!(
        text.contains("1 finished run and 2 snapshots come back in 2 files")
            && text
                .contains("left there, since no more fits: runs/a-quick/10-0.snapshot, at step 10"),
        "{text}"
    );
}

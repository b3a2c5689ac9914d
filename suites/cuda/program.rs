//! The program on two devices that are none: runs side by side, too little memory, a device that vanishes.

use libtest_mimic::Trial;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs that take a second, of networks that differ.
pub(super) const EXPERIMENT: &str = r#"
name = "two-nets"
title = "Two small nets"
source = "nobody"

[recipe]
data = "digits"
images = 100
epochs = 3
batch = 50
augment = [{ pad-crop = 1 }]
schedule = "cosine"
optimizer = { sgd = { rate = 0.05, momentum = 0.9 } }

[quick]
seeds = 3

[[arm]]
name = "residual"
title = "residual"
recipe.model = "resnet_cifar{depth=8, widths=[4,8,8], input=1x8x8}"

[[arm]]
name = "plain"
title = "plain"
recipe.model = "stack{maps=4, input=1x8x8}"

[[question]]
name = "shortcuts-help"
says = "With shortcuts the loss falls faster."
metric = "train_loss"
contrast = { plain = 1, residual = -1 }
above = 0.0
"#;

pub fn trials(libraries: &Path) -> Vec<Trial> {
    type Law = fn(&Place);
    let laws: [(&str, Law); 4] = [
        ("runs-side-by-side-are-those-alone", side_by_side),
        ("a-device-that-is-not-there-is-an-error", absent),
        ("fewer-go-at-once-where-memory-is-short", short),
        ("a-device-that-vanishes-leaves-what-is-kept", vanishes),
    ];
    laws.map(|(name, holds)| {
        let libraries = libraries.to_path_buf();
        Trial::test(format!("gpu::program::{name}"), move || {
            let folder = tempfile::tempdir()?;
            let place = Place {
                libraries,
                folder: folder.path().into(),
            };
            std::fs::write(place.folder.join("two-nets.toml"), EXPERIMENT)?;
            holds(&place);
            Ok(())
        })
    })
    .into()
}

struct Place {
    libraries: PathBuf,
    folder: PathBuf,
}

impl Place {
    fn convcheck(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_convcheck"));
        command.args(args).current_dir(&self.folder);
        command.env("LD_LIBRARY_PATH", &self.libraries);
        command
    }

    fn train(&self, output: &str, options: &[&str]) -> Command {
        let args = ["train", "two-nets.toml", "--output", output];
        self.convcheck(&[&args, options].concat())
    }

    /// The finished runs below a folder, by their files' names, without what is chance in them.
    fn runs(&self, output: &str) -> BTreeMap<String, Value> {
        let folder = self.folder.join(output).join("runs/two-nets-quick");
        let Ok(entries) = std::fs::read_dir(folder) else {
            return BTreeMap::new();
        };
        let files = entries.map(|entry| entry.unwrap().path());
        let finished = files.filter(|path| path.extension().is_some_and(|e| e == "json"));
        let run = |path: PathBuf| {
            let text = std::fs::read_to_string(&path).unwrap();
            let run: Value = serde_json::from_str(&text).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_string();
            let kept = serde_json::json!([run["curve"], run["backend"], run["machine"]]);
            (name, kept)
        };
        finished.map(run).collect()
    }

    /// The runs one after the other.
    fn alone(&self) -> BTreeMap<String, Value> {
        let args = ["--device", "cuda", "--at-once", "1"];
        done(&self.train("alone", &args).output().unwrap());
        let runs = self.runs("alone");
        assert_eq!(runs.len(), 6);
        assert_eq!(runs["plain-0"][1], "cuda-f32");
        assert!(
            runs["plain-0"][2]
                .as_str()
                .unwrap()
                .starts_with("plain C, ")
        );
        runs
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    said(output)
}

fn side_by_side(place: &Place) {
    let alone = place.alone();
    for (output, device) in [("two", "cuda:0,cuda:1"), ("second", "cuda:1")] {
        let args = ["--device", device, "--at-once", "3"];
        done(&place.train(output, &args).output().unwrap());
        assert_eq!(place.runs(output), alone, "{device}");
    }
}

fn absent(place: &Place) {
    let output = place.train("none", &["--device", "cuda:0,cuda:7"]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    assert!(
        said.contains(
            "no CUDA device: there is no cuda:7 on this machine, which has cuda:0 to cuda:1"
        ),
        "{said}"
    );
    assert!(!place.folder.join("none").exists());
}

fn short(place: &Place) {
    let on = |output: &str, mib: usize| {
        let mut train = place.train(output, &["--device", "cuda", "--at-once", "4"]);
        train.env("STAND_IN_MEMORY_MIB", mib.to_string());
        train.output().unwrap()
    };
    // what one run needs, it says itself
    let nothing = on("nothing", 1);
    assert_eq!(nothing.status.code(), Some(2));
    let why = said(&nothing);
    assert!(why.contains("cuda:0: a batch of 50 images needs "), "{why}");
    let needed = why.split("needs ").nth(1).unwrap();
    let needed: usize = needed.split(' ').next().unwrap().parse().unwrap();
    let why = done(&on("short", needed + 1));
    assert!(
        why.contains("no room for it: cuda:0: a batch of 50") && why.contains("from now on "),
        "{why}"
    );
    assert_eq!(place.runs("short"), place.alone());
}

fn vanishes(place: &Place) {
    let alone = place.alone();
    let both = [
        "--device",
        "cuda:0,cuda:1",
        "--at-once",
        "1",
        "--snapshot-every",
        "0",
    ];
    // after so many calls, of which the first are those that open it: in the first run there, however busy the other one is
    let output = (place.train("gone", &both))
        .env("STAND_IN_CALLS_LEFT_1", "400")
        .output()
        .unwrap();
    let why = said(&output);
    assert_eq!(output.status.code(), Some(2), "{why}");
    assert!(
        why.contains(": cuda:1: ") && why.contains("the device is gone"),
        "{why}"
    );
    let kept = place.folder.join("gone/runs/two-nets-quick");
    let snapshots = std::fs::read_dir(kept).unwrap();
    let snapshots = snapshots.filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        path.extension().is_some_and(|e| e == "snapshot")
    });
    assert!(snapshots.count() > 0 && place.runs("gone").len() < 6);
    let resume = ["--device", "cuda", "--resume"];
    done(&place.train("gone", &resume).output().unwrap());
    assert_eq!(place.runs("gone"), alone);
}

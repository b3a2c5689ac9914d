//! Runs one by one: how far each is and how long it takes, and those that diverge.

use super::training::{EXPERIMENT, TestFolder, texts};
use super::{convcheck, fails, json, stdout};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// After ../shared/cases/04: the rate of one arm is far too high.
const RATES: &str = r#"
name = "rates"
title = "Two rates"
source = "nobody"

[recipe]
data = "digits"
images = 64
batch = 16
epochs = 2
model = "plain20_digits{depth=8}"

[quick]
seeds = 2

[[arm]]
name = "fast"
title = "fast"
recipe.optimizer = { sgd = { rate = 1e30, momentum = 0.9 } }

[[arm]]
name = "slow"
title = "slow"
recipe.optimizer = { sgd = { rate = 0.01, momentum = 0.9 } }

[[question]]
name = "slow-is-better"
says = "The lower rate has the lower error."
metric = "test_error"
contrast = { slow = 1, fast = -1 }
below = 0.0
"#;

/// What a command says on standard error and on standard output.
fn both(args: &[&str]) -> (String, String) {
    let said = convcheck(args);
    let error = String::from_utf8(said.stderr.clone()).unwrap();
    (error, stdout(&said))
}

#[test]
fn a_run_that_diverges_is_kept_and_the_others_go_on() {
    let place = TestFolder::new();
    let (file, output) = (place.file("rates.toml"), place.file("out"));
    fs::write(&file, RATES).unwrap();
    let args = ["train", &file, "--output", &output];
    let (error, said) = both(&args);
    assert!(said.contains("2 of 2 seeds diverged"), "{said}");
    assert!(said.contains("(fast, seed 0, at step "), "{said}");
    assert!(said.contains("in layer `"), "{said}");
    assert_eq!(error.lines().count(), 2, "{error}");
    assert!(
        error.contains("rates, fast, seed 1: diverged at step "),
        "{error}"
    );
    let records = || fs::read_to_string(Path::new(&output).join("training.jsonl")).unwrap();
    let before = records();
    assert_eq!(before.lines().count(), 4);
    assert_eq!(before.matches("\"diverged\":{\"step\":").count(), 2);
    // it is not tried again, and the question stays open
    let again = [&args[..], &["--resume", "--json"]].concat();
    let (error, said) = both(&again);
    assert_eq!(error.lines().count(), 2, "{error}");
    let said: Value = serde_json::from_str(&said).unwrap();
    let open = said[0]["finding"]["open"].as_str().unwrap();
    assert!(open.starts_with("2 of 2 seeds diverged"), "{open}");
    assert_eq!(records(), before);
    // nor by itself
    let one = ["--resume", "--arm", "fast", "--seed", "1", "--json"];
    let said = json(&[&args[..], &one].concat());
    assert_eq!(
        (&said[0]["state"], &said[0]["test_error"]),
        (&"diverged".into(), &Value::Null)
    );
    assert!(said[0]["diverged"]["step"].as_u64().unwrap() > 1);
    let listed = json(&["list", "runs", &file, "--output", &output, "--json"]);
    let states: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["state"])
        .collect();
    assert_eq!(states, ["diverged", "done", "diverged", "done"]);
}

#[test]
fn where_all_arms_diverge_at_once_every_one_is_kept() {
    let place = TestFolder::new();
    let (file, output) = (place.file("rates.toml"), place.file("out"));
    // one step an epoch and one epoch: only the test images show it
    let all = RATES
        .replace("0.01", "1e35")
        .replace("batch = 16", "batch = 64");
    fs::write(&file, all.replace("epochs = 2", "epochs = 1")).unwrap();
    let (error, said) = both(&["train", &file, "--output", &output]);
    assert_eq!(
        error.matches("diverged at step 1, in layer `").count(),
        4,
        "{error}"
    );
    assert!(said.contains("2 of 2 seeds diverged"), "{said}");
    assert!(said.contains("fast, seed 0, at step 1"), "{said}");
    assert!(said.contains("slow, seed 0, at step 1"), "{said}");
}

#[test]
fn runs_are_listed_with_how_far_they_are() {
    let place = TestFolder::new();
    let (file, output) = (place.file("two-nets.toml"), place.file("out"));
    fs::write(&file, EXPERIMENT.replace("epochs = 10", "epochs = 2")).unwrap();
    let list = ["list", "runs", &file, "--output", &output];
    let rows = |more: &[&str]| -> Vec<Value> {
        let listed = json(&[&list[..], more, &["--json"]].concat());
        listed.as_array().unwrap().clone()
    };
    let all = rows(&["--seeds", "2"]);
    let of = |run: &Value| {
        (
            run["arm"].as_str().unwrap().to_string(),
            run["seed"].as_u64().unwrap(),
        )
    };
    let order = [("residual", 0), ("plain", 0), ("residual", 1), ("plain", 1)];
    let order = order.map(|(arm, seed)| (arm.to_string(), seed));
    assert_eq!(all.iter().map(of).collect::<Vec<_>>(), order);
    for run in &all {
        assert_eq!(
            (&run["state"], &run["step"], &run["steps"]),
            (&"to do".into(), &0.into(), &12.into())
        );
        assert_eq!(run["estimate"]["from"], "measured-rate");
        assert!(run["estimate"]["seconds"].as_f64().unwrap() > 0.0, "{run}");
    }
    // nothing is made by looking
    assert!(!Path::new(&output).exists());
    let args = place.train(&output, &["--arm", "plain"]);
    stdout(&convcheck(&texts(&args)));
    let args = place.train(&output, &["--arm", "residual", "--until", "0.001s"]);
    assert_eq!(convcheck(&texts(&args)).status.code(), Some(75));
    let [residual, plain, residual_1, plain_1] = &rows(&["--seeds", "2"])[..] else {
        panic!("four runs");
    };
    assert_eq!(
        (&plain["state"], &plain["step"]),
        (&"done".into(), &12.into())
    );
    assert!(plain["estimate"].is_null() && plain["seconds"].as_f64().unwrap() > 0.0);
    let run = fs::read_to_string(Path::new(&output).join("runs/two-nets-quick/plain-0.json"));
    let run: Value = serde_json::from_str(&run.unwrap()).unwrap();
    for key in ["recipe", "network", "data", "backend"] {
        assert_eq!(plain[key], run[key], "{key}");
    }
    // an arm is of one fingerprint, whatever the seed
    assert_eq!(plain["fingerprint"], plain_1["fingerprint"]);
    assert_ne!(plain["fingerprint"], residual["fingerprint"]);
    assert_eq!(plain_1["estimate"]["from"], "finished-runs");
    assert_eq!(residual["state"], "begun");
    assert_eq!(residual["estimate"]["from"], "first-steps");
    let estimate = |run: &Value, what: &str| run["estimate"][what].as_f64().unwrap();
    assert!(estimate(residual, "left") < estimate(residual, "seconds"));
    assert_eq!(residual_1["estimate"]["from"], "measured-rate");
    let said = stdout(&convcheck(&[&list[..], &["--arm", "residual"]].concat()));
    assert!(said.contains("begun, at step 1 of 12"), "{said}");
    // what training refuses is no run to do
    fs::write(&file, EXPERIMENT).unwrap();
    fails(&list, &["residual-0.snapshot", "another recipe"]);
    fails(
        &["list", "runs", &file, "--arm", "plian"],
        &["did you mean plain"],
    );
    fails(&["list", "runs"], &["<EXPERIMENT>"]);
}

#[test]
fn runs_of_data_that_are_not_there_are_listed_as_far_as_they_are_known() {
    let place = TestFolder::new();
    let output = place.file("out");
    let list = [
        "list",
        "runs",
        "lenet5-mnist",
        "--scale",
        "full",
        "--output",
        &output,
    ];
    let (error, said) = both(&[&list[..], &["--json"]].concat());
    assert!(error.contains("without --data"), "{error}");
    let rows: Value = serde_json::from_str(&said).unwrap();
    let first = &rows[0];
    assert!(
        first["fingerprint"].is_null() && first["data"].is_null(),
        "{first}"
    );
    assert!(
        first["recipe"].is_string() && first["network"].is_string(),
        "{first}"
    );
    assert_eq!(
        (&first["state"], &first["steps"]),
        (&"to do".into(), &Value::Null)
    );
    assert!(
        first["estimate"]["seconds"].as_f64().unwrap() > 1.0,
        "{first}"
    );
}

#[test]
fn runs_of_a_gpu_are_listed_where_there_is_none() {
    let place = TestFolder::new();
    let output = place.file("out");
    // no machine has so many
    let device = ["--device", "cuda:255", "--precision", "bf16", "--json"];
    let list = ["list", "runs", "degradation", "--output", &output];
    let (error, said) = both(&[&list[..], &device].concat());
    assert!(error.contains("is not known here"), "{error}");
    let rows: Value = serde_json::from_str(&said).unwrap();
    let first = &rows[0];
    assert_eq!(first["backend"], "cuda-bf16");
    assert_eq!(first["state"], "to do");
    assert!(first["estimate"].is_null(), "{first}");
}

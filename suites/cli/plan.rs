//! `train --plan`: runs of several experiments in one order, with a time that ends in the middle and data that are not there.

use super::{command, convcheck, fails, json, path};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

/// Two experiments of small nets, one of them with data of its own.
fn experiment(name: &str, data: &str) -> String {
    format!(
        "name = \"{name}\"\ntitle = \"A net\"\nsource = \"nobody\"\n\
         recipe = {{ data = \"{data}\", images = 100, epochs = 2, batch = 50, optimizer = {{ sgd = {{ rate = 0.05, momentum = 0.9 }} }} }}\n\
         quick = {{ seeds = 2 }}\n\
         [[arm]]\nname = \"wide\"\ntitle = \"wide\"\nrecipe.model = \"stack{{depth=3, maps=2, input=1x8x8}}\"\n\
         [[arm]]\nname = \"narrow\"\ntitle = \"narrow\"\nrecipe.model = \"stack{{depth=2, maps=2, input=1x8x8}}\"\n"
    )
}

const PLAN: &str = r#"scale = "quick"

[[runs]]
experiment = "one.toml"
arms = ["narrow"]

[[runs]]
experiment = "two.toml"

[[runs]]
experiment = "one.toml"
arms = ["wide"]
seeds = [1]
"#;

fn place(plan: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("one.toml", experiment("one", "digits").as_str()),
        ("two.toml", &experiment("two", "digits")),
        ("elsewhere.toml", &experiment("elsewhere", "folder")),
        ("plan.toml", plan),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn train(place: &tempfile::TempDir, output: &str, more: &[&str]) -> Output {
    let plan = place.path().join("plan.toml");
    let output = place.path().join(output);
    let args = ["train", "--plan", plan.to_str().unwrap()];
    let args = [&args[..], &["--output", output.to_str().unwrap()], more].concat();
    command(&args)
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The finished runs of a folder, by file, without what no two runs share.
fn runs(place: &tempfile::TempDir, output: &str) -> BTreeMap<String, Value> {
    let folder = place.path().join(output).join("runs");
    let experiments = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let files = experiments.flat_map(|folder| fs::read_dir(folder).unwrap());
    let files = files.map(|file| file.unwrap().path());
    let finished = files.filter(|path| path.extension().is_some_and(|e| e == "json"));
    let run = |path: std::path::PathBuf| {
        let mut run: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for chance in ["seconds", "sum"] {
            run.as_object_mut().unwrap().remove(chance).unwrap();
        }
        (
            format!("{}-{}-{}", run["experiment"], run["arm"], run["seed"]),
            run,
        )
    };
    finished.map(run).collect()
}

#[test]
fn a_plan_goes_on_in_its_order_until_all_of_it_is_done() {
    let place = place(PLAN);
    let whole = train(&place, "whole", &["--json"]);
    assert_eq!(whole.status.code(), Some(0), "{}", said(&whole));
    let ended: Value = serde_json::from_slice(&whole.stdout).unwrap();
    let name = |run: &Value| {
        let text = |key: &str| run[key].as_str().unwrap().to_string();
        format!("{} {} {}", text("experiment"), text("arm"), run["seed"])
    };
    let order: Vec<String> = ended.as_array().unwrap().iter().map(name).collect();
    // all arms of a seed before the next, and the parts in the order of the plan
    let planned = [
        "one narrow 0",
        "one narrow 1",
        "two wide 0",
        "two narrow 0",
        "two wide 1",
        "two narrow 1",
        "one wide 1",
    ];
    assert_eq!(order, planned);
    // stopped at once, the first of it alone is begun
    let first = train(&place, "cut", &["--until", "0.001s"]);
    let why = said(&first);
    assert_eq!(first.status.code(), Some(75), "{why}");
    assert!(
        why.contains("0 of 7 runs are finished; one, narrow, seed 0: stopped after step ")
            && why.contains("--resume goes on"),
        "{why}"
    );
    let cut = place.path().join("cut/runs");
    assert!(cut.join("one-quick/narrow-0.snapshot").exists());
    assert!(!cut.join("two-quick").exists());
    // what is there is not begun anew unasked
    let again = train(&place, "cut", &[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(
        said(&again).contains("holds runs already"),
        "{}",
        said(&again)
    );
    let mut stops = 1;
    loop {
        // from run to run, however slow the machine is
        let until = format!("{}s", 0.1 * f64::from(stops));
        let output = train(&place, "cut", &["--resume", "--until", &until]);
        match output.status.code() {
            Some(75) => stops += 1,
            code => {
                assert_eq!(code, Some(0), "{}", said(&output));
                break;
            }
        }
        assert!(stops < 200, "{}", said(&output));
    }
    let done = runs(&place, "cut");
    assert_eq!((done.len(), &done), (7, &runs(&place, "whole")));
    // whoever reads a record reads them too
    let record = place.path().join("record");
    let record = record.to_str().unwrap();
    let from = place.path().join("cut");
    let merged = convcheck(&["merge", record, from.to_str().unwrap()]);
    let text = String::from_utf8(merged.stdout).unwrap();
    assert!(text.contains("7 finished runs, all of them new"), "{text}");
    // as `list` says, in the same order
    let file = place.path().join("plan.toml");
    let list = ["list", "runs", "--json", "--plan", file.to_str().unwrap()];
    let listed = |more: &[&str]| json(&[&list[..], more].concat());
    let rows = listed(&["--output", place.path().join("cut").to_str().unwrap()]);
    let states = |rows: &Value, state: &str| {
        let rows = rows.as_array().unwrap();
        rows.iter().filter(|row| row["state"] == state).count()
    };
    assert_eq!(states(&rows, "done"), 7);
    assert_eq!(
        rows.as_array()
            .unwrap()
            .iter()
            .map(name)
            .collect::<Vec<_>>(),
        planned
    );
    let none = place.path().join("none");
    let none = ["--output", none.to_str().unwrap()];
    assert_eq!(states(&listed(&none), "to do"), 7);
    assert_eq!(
        states(&listed(&[&none[..], &["--runs", record]].concat()), "done"),
        7
    );
    // and what is there of other folders is not trained again
    let first = train(&place, "next", &["--runs", record]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    assert!(first.stdout.is_empty() && !place.path().join("next").exists());
}

#[test]
fn runs_whose_data_are_missing_are_left_out() {
    let plan = format!("{PLAN}\n[[runs]]\nexperiment = \"elsewhere.toml\"\ndata = \"pictures\"\n");
    let plan = plan.replacen(
        "[[runs]]",
        "[[runs]]\nexperiment = \"elsewhere.toml\"\narms = [\"wide\"]\nseeds = [7]\n\n[[runs]]",
        1,
    );
    let plan = plan.replace(
        "data = \"pictures\"\n",
        "arms = [\"narrow\"]\ndata = \"pictures\"\n",
    );
    let place = place(&plan);
    let sets = place.path().join("sets");
    fs::create_dir(&sets).unwrap();
    let data = ["--data", sets.to_str().unwrap()];
    let output = train(&place, "out", &data);
    let why = said(&output);
    assert_eq!(output.status.code(), Some(2), "{why}");
    assert!(why.contains("1 run of elsewhere is left out: "), "{why}");
    assert!(
        why.contains("2 runs of elsewhere are left out: ") && why.contains("sets/pictures"),
        "{why}"
    );
    // beside how far it is
    let left_out = |why: &str| why.lines().filter(|line| line.contains("left out")).count();
    assert_eq!(left_out(&why), 2, "{why}");
    assert_eq!(runs(&place, "out").len(), 7);
    // without a folder there is one reason
    let output = train(&place, "out", &["--resume"]);
    let why = said(&output);
    assert_eq!((output.status.code(), left_out(&why)), (Some(2), 1));
    assert!(why.contains("3 runs of elsewhere are left out: "), "{why}");
}

#[test]
fn a_plan_of_which_nothing_can_be_trained_is_an_error() {
    let place = place("scale = \"quick\"\nruns = [{ experiment = \"elsewhere.toml\" }]\n");
    let output = train(&place, "out", &[]);
    assert_eq!(output.status.code(), Some(2));
    let why = said(&output);
    assert!(why.contains("4 runs of elsewhere are left out: "), "{why}");
    assert_eq!(why.lines().count(), 1, "{why}");
    assert!(!place.path().join("out").exists());
}

#[test]
fn what_is_wrong_with_a_plan_is_said_at_its_place() {
    let wrong = PLAN.replace("[\"wide\"]", "[\"wid\"]");
    let place = place(&wrong);
    let output = train(&place, "out", &[]);
    let why = said(&output);
    assert_eq!(output.status.code(), Some(2), "{why}");
    let says = "plan.toml:12:9: one has no arm `wid` at the quick scale; did you mean wide?";
    assert!(why.contains(says), "{why}");
    assert!(!Path::new(path(&place)).join("out").exists());
    fails(
        &["train", "--plan", "full-scal"],
        &["full-scal: there is no such plan, and no file (NAME.toml); did you mean full-scale?"],
    );
    fails(
        &["train", "--plan", "no-such.toml"],
        &["no-such.toml: cannot read it"],
    );
    fails(&["train"], &["<EXPERIMENT>"]);
    for more in [
        &["degradation"][..],
        &["--scale", "full"],
        &["--arm", "plain-20"],
        &["--seed", "1"],
        &["--seeds", "1"],
    ] {
        let args = [&["train", "--plan", "full-scale"], more].concat();
        fails(&args, &["cannot be used with"]);
    }
    let schema = json(&["schema", "plan"]);
    assert_eq!(schema["title"], "convcheck plan");
}

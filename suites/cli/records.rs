//! Records of training: which runs the main job keeps, and what `compare` says to two records.

use super::{claim, command, convcheck, fails, path, stdout, suite};
use convcheck::experiment;
use convcheck::project::Project;
use convcheck::record::{self, Provenance};
use convcheck::train::{Curve, Epoch, Scale, Trained};
use convcheck::zoo::Registry;
use std::fs;

/// Runs of an arm under seeds from 0, with these test errors.
fn runs(experiment: &str, test_errors: &[f64]) -> Vec<Trained> {
    let run = |(seed, &test_error): (u64, &f64)| Trained {
        experiment: experiment.into(),
        scale: Scale::Quick,
        arm: "arm".into(),
        seed,
        model: "m".into(),
        recipe: "r".into(),
        network: Some("n".into()),
        data: "d".into(),
        commit: None,
        begun_by: Vec::new(),
        backend: "cpu-f32".into(),
        machine: "a machine".into(),
        date: "1970-01-01".into(),
        seconds: 1.0,
        curve: Curve {
            losses: vec![2.3],
            epochs: vec![Epoch {
                train_loss: 1.0,
                train_error: 0.1,
                test_loss: 1.0,
                test_error,
                validation_error: None,
            }],
        },
    };
    (0..).zip(test_errors).map(run).collect()
}

/// A record of these runs and of no claim.
fn recorded(runs: &[Trained]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let provenance = Provenance {
        command: "convcheck".into(),
        version: "0".into(),
        commit: None,
        date: "1970-01-01".into(),
        machine: "a machine".into(),
    };
    record::save(folder.path(), &provenance, &[]).unwrap();
    record::save_training(folder.path(), runs).unwrap();
    folder
}

/// What `compare` prints, and its exit code.
fn compared(before: &[Trained], after: &[Trained]) -> (String, Option<i32>) {
    let [before, after] = [recorded(before), recorded(after)];
    let output = convcheck(&["compare", path(&before), path(&after)]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(error, "");
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.code(),
    )
}

#[test]
fn an_arm_is_worse_only_where_the_interval_says_so() {
    let errors = [0.20, 0.21, 0.22, 0.20, 0.21, 0.22, 0.20, 0.21];
    let before = runs("own", &errors);
    // every seed loses 9 or 11 points
    let mut change = [0.09, 0.11].into_iter().cycle();
    let worse = runs("own", &errors.map(|error| error + change.next().unwrap()));
    let (text, code) = compared(&before, &worse);
    assert_eq!(code, Some(1), "{text}");
    let line = text.lines().find(|line| line.contains("own arm (quick)"));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    assert!(line.trim_start().starts_with("worse"), "{text}");
    assert!(line.contains("8.68 to 11.3 points, 8 seeds"), "{text}");
    assert!(text.contains("1 arm; 1 worse."), "{text}");
    let (text, code) = compared(&worse, &before);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 arm; 1 better."), "{text}");
    // half of the seeds lose what the other half gains
    let mut change = [-0.01, 0.01].into_iter().cycle();
    let other = runs("own", &errors.map(|error| error + change.next().unwrap()));
    let (text, code) = compared(&before, &other);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 arm; 1 undecided."), "{text}");
    assert!(!text.contains("own arm"), "{text}");
}

/// Another recipe may train worse: that is no regression.
#[test]
fn arms_of_two_recipes_are_not_compared() {
    let before = runs("own", &[0.25; 8]);
    let mut after = runs("own", &[0.5; 8]);
    let (text, code) = compared(&before, &after);
    assert!(code == Some(1) && text.contains("1 worse"), "{text}");
    after.iter_mut().for_each(|run| run.recipe = "s".into());
    let (text, code) = compared(&before, &after);
    assert!(
        code == Some(0) && text.contains("not comparable  own arm (quick)"),
        "{text}"
    );
}

/// Of its own experiments the main job keeps the runs that count; of a user's it keeps them all.
#[test]
fn the_main_job_loses_no_runs_of_a_users_own() {
    let experiments = experiment::embedded(&Registry::builtin()).unwrap();
    let arm = &experiments[0].arms[0];
    let mut counts = runs(&experiments[0].name, &[0.5]);
    counts[0].arm = arm.name.clone();
    counts[0].seed = experiments[0].seeds[&Scale::Quick].start;
    counts[0].recipe = arm.recipes[&Scale::Quick].fingerprint();
    let network = arm.models[&Scale::Quick].graph().unwrap();
    counts[0].network = Some(network.digest());
    let mut stale = counts.clone();
    stale[0].seed += 1;
    stale[0].recipe = "another".into();
    let own = runs("own", &[0.2, 0.3]);
    let output = recorded(&[own.as_slice(), &stale, &counts].concat());
    let mut asked = experiments[0].questions_at(Scale::Quick);
    let suite = suite(claim(&format!(
        "trial = {{ experiment = \"{}\", scale = \"quick\", questions = [\"{}\"] }}",
        experiments[0].name,
        asked.next().unwrap().name
    )));
    let none = tempfile::tempdir().unwrap();
    let args = ["--no-training", "--suites", path(&suite)];
    let folders = ["--runs", path(&none), "--output", path(&output)];
    let main_job = || stdout(&convcheck(&[&args[..], &folders].concat()));
    let said = main_job();
    assert!(said.contains("3 finished runs do not count"), "{said}");
    let kept = [counts, own].concat();
    assert_eq!(record::load_training(output.path()).unwrap(), kept);
    // a second time nothing changes, and the pages are those of the record
    let said = main_job();
    assert!(said.contains("2 finished runs do not count"), "{said}");
    assert_eq!(record::load_training(output.path()).unwrap(), kept);
    let index = fs::read_to_string(output.path().join("index.html")).unwrap();
    assert!(index.contains("2 finished runs do not count"));
    let page = format!("experiment-{}.html", experiments[0].name);
    assert!(output.path().join(page).exists());
    stdout(&convcheck(&[
        "report",
        "--from",
        path(&output),
        "--suites",
        path(&suite),
    ]));
    let again = fs::read_to_string(output.path().join("index.html")).unwrap();
    assert_eq!(again, index);
}

#[test]
fn runs_that_cannot_be_read_are_named_and_stay() {
    let output = recorded(&runs("own", &[0.2]));
    let file = output.path().join(record::TRAINING);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, &text[..text.len() / 2]).unwrap();
    fails(
        &["--no-training", "--output", path(&output)],
        &["training.jsonl: line 1 is no training run"],
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text[..text.len() / 2]);
}

/// A report that is drawn with other suites than those that were checked shows no old verdict under a new claim.
#[test]
fn claims_that_have_changed_have_no_verdict() {
    let suite = suite(claim("stated = 1\nmeasure = \"1 + 0\""));
    let output = tempfile::tempdir().unwrap();
    let suites = ["--suites", path(&suite)];
    let main_job = ["--no-training", "--output", path(&output)];
    stdout(&convcheck(&[&main_job[..], &suites].concat()));
    let file = suite.path().join("s.toml");
    let text = fs::read_to_string(&file).unwrap();
    let draw = || {
        let draw = ["report", "--from", path(&output)];
        stdout(&convcheck(&[&draw[..], &suites].concat()));
        ["index.html", "s.html"].map(|page| fs::read_to_string(output.path().join(page)).unwrap())
    };
    let [index, system] = draw();
    assert!(!index.contains("Changed since the check"));
    assert!(system.contains("badge confirmed") && !system.contains("badge untested"));
    fs::write(&file, text.replace("\"A.\"", "\"B.\"")).unwrap();
    let [index, system] = draw();
    assert!(index.contains("Changed since the check"), "{index}");
    assert!(system.contains("B.") && system.contains("badge untested"));
    assert!(!system.contains("badge confirmed"), "{system}");
    fs::write(&file, text.replace("s.a", "s.b")).unwrap();
    let [index, _] = draw();
    assert!(index.contains("Not checked") && index.contains("no longer claimed"));
}

const PROJECT: &str = r#"
experiments = ["own.toml"]

[[document]]
title = "A text"
source = "nobody"
suites = ["s.toml"]

[models]
net = "resnet20_digits"
"#;

const SUITE: &str = r#"
system = "s"
title = "S"

[[claim]]
id = "s.counted"
says = "It has about 68,000 parameters."
stated = 68000
tolerance = "about"
measure = "params('net')"

[[claim]]
id = "s.trained"
says = "It errs."
trial = { experiment = "own", scale = "quick", questions = ["errs"] }
"#;

const OWN: &str = r#"
name = "own"
title = "A network by itself"
source = "nobody"
recipe = { model = "net", data = "digits", epochs = 1, batch = 50, optimizer = { sgd = { rate = 0.1 } } }

[quick]
seeds = 8

[[arm]]
name = "arm"
title = "an arm"

[[question]]
name = "errs"
says = "It errs at all."
metric = "test_error"
contrast = { arm = 1 }
above = 0.0
"#;

/// A claim that stands as it stood is another one where what it names has changed: a network, a recipe, a rule. Records
/// from before that was written down know of questions alone.
#[test]
fn verdicts_are_about_what_names_stood_for() {
    let project = tempfile::tempdir().unwrap();
    let files = [
        ("convcheck.toml", PROJECT),
        ("s.toml", SUITE),
        ("own.toml", OWN),
    ];
    let write = |name: &str, text: &str| fs::write(project.path().join(name), text).unwrap();
    files.iter().for_each(|(name, text)| write(name, text));
    let report = project.path().join("reports/latest");
    let experiments = Project::load(project.path())
        .unwrap()
        .experiments()
        .unwrap();
    let own = experiments.iter().find(|one| one.name == "own").unwrap();
    let mut trained = runs("own", &[0.20, 0.21, 0.22, 0.20, 0.21, 0.22, 0.20, 0.21]);
    for run in &mut trained {
        run.recipe = own.arms[0].recipes[&Scale::Quick].fingerprint();
        let network = own.arms[0].models[&Scale::Quick].graph().unwrap();
        run.network = Some(network.digest());
    }
    fs::create_dir_all(&report).unwrap();
    record::save_training(&report, &trained).unwrap();
    let within = |args: &[&str]| {
        let mut command = command(args);
        stdout(&command.current_dir(project.path()).output().unwrap())
    };
    within(&["--no-training"]);
    let (provenance, records) = record::load(&report).unwrap();
    for old in [false, true] {
        let mut records = records.clone();
        if old {
            records.iter_mut().for_each(|record| record.means = None);
        }
        record::save(&report, &provenance, &records).unwrap();
        for (file, from, to, changed, changed_of_old) in [
            ("own.toml", "an arm", "the arm", &[][..], &[][..]),
            ("own.toml", "seeds = 8", "seeds = 9", &[], &[]),
            (
                "convcheck.toml",
                "resnet20",
                "resnet32",
                &["s.counted", "s.trained"],
                &[],
            ),
            ("own.toml", "batch = 50", "batch = 60", &["s.trained"], &[]),
            (
                "own.toml",
                "above = 0.0",
                "above = 0.1",
                &["s.trained"],
                &["s.trained"],
            ),
            (
                "own.toml",
                "It errs",
                "It fails",
                &["s.trained"],
                &["s.trained"],
            ),
            (
                "own.toml",
                "test_error",
                "train_error",
                &["s.trained"],
                &["s.trained"],
            ),
        ] {
            let (_, text) = files.iter().find(|(name, _)| *name == file).unwrap();
            assert!(text.contains(from), "{from}");
            write(file, &text.replace(from, to));
            within(&["report", "--from", "reports/latest", "--output", "drawn"]);
            write(file, text);
            let drawn = project.path().join("drawn");
            let [index, system] =
                ["index.html", "s.html"].map(|page| fs::read_to_string(drawn.join(page)).unwrap());
            let changed = if old { changed_of_old } else { changed };
            let said = index.split("Changed since the check").nth(1).unwrap_or("");
            let said = said.split("</section>").next().unwrap();
            for id in ["s.counted", "s.trained"] {
                assert_eq!(
                    said.contains(id),
                    changed.contains(&id),
                    "{to}, {old}: {said}"
                );
            }
            let confirmed = system.matches("badge confirmed\">confirmed").count();
            assert_eq!(confirmed, 2 - changed.len(), "{to}, {old}: {system}");
        }
    }
}

//! Records of training: which runs the main job keeps, and what `compare` says to two records.

use super::{claim, command, convcheck, fails, path, stdout, suite};
use convcheck::experiment;
use convcheck::experiment::Experiment;
use convcheck::project::Project;
use convcheck::record::{self, Findings, Provenance};
use convcheck::train::{Curve, Epoch, Scale, Trained};
use convcheck::zoo::Registry;
use std::fs;
use std::path::Path;

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
        diverged: None,
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

/// Makes a run one of the first arm of an experiment, quick, as long as its recipe wants it.
fn follows(run: &mut Trained, experiment: &Experiment) {
    let arm = &experiment.arms[0];
    let recipe = &arm.recipes[&Scale::Quick];
    let images = recipe.data.training_images().unwrap();
    let images = recipe.images.map_or(images, |most| most.min(images));
    let steps = recipe.steps_of_epoch(images) * u64::from(recipe.epochs);
    run.experiment = experiment.name.clone();
    run.arm = arm.name.clone();
    run.recipe = recipe.fingerprint();
    run.network = Some(arm.models[&Scale::Quick].graph().unwrap().digest());
    run.curve.losses = vec![2.3; steps as usize];
    run.curve.epochs = vec![run.curve.epochs[0]; recipe.epochs as usize];
}

/// All runs of a folder.
fn trained(folder: &Path) -> Vec<Trained> {
    record::load_training(folder).unwrap().whole().unwrap()
}

fn add(folder: &Path, runs: &[Trained]) {
    record::add_training(folder, runs, &|| true).unwrap();
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
    record::save(folder.path(), &provenance, &[], &[]).unwrap();
    add(folder.path(), runs);
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

/// Runs that do not count stay, and it is said why they do not: those of a user's own, and of another recipe than now.
#[test]
fn the_main_job_loses_no_runs() {
    let experiments = experiment::embedded(&Registry::builtin()).unwrap();
    let mut counts = runs("", &[0.5]);
    follows(&mut counts[0], &experiments[0]);
    counts[0].seed = experiments[0].seeds[&Scale::Quick].start;
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
    let kept = [counts, own, stale].concat();
    // a second time nothing changes
    for _ in 0..2 {
        let said = main_job();
        let why = "3 finished runs do not count: 2 of no experiment, arm or scale that `convcheck list experiments` shows, 1 of another recipe than now.";
        assert!(said.contains(why), "{said}");
        assert_eq!(trained(output.path()), kept);
    }
    // the pages are those of the record
    let index = fs::read_to_string(output.path().join("index.html")).unwrap();
    assert!(index.contains("3 finished runs do not count"));
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

/// What a command says on standard error where it goes on and ends with exit code 2, and what on standard output.
fn lacks(args: &[&str]) -> (String, String) {
    let output = convcheck(args);
    let [said, error] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}{error}");
    (error, said)
}

/// Runs that their recipe contradicts decide nothing.
#[test]
fn runs_that_are_too_short_do_not_count() {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/2026-11-26-epyc-2-cores");
    let mut runs = trained(&reports);
    runs.retain(|run| run.experiment == "degradation" && run.scale == Scale::Quick);
    let check = |runs: &[Trained]| {
        let folder = recorded(runs);
        let runs = ["--runs", path(&folder), "--json"];
        let checked = convcheck(
            &[
                &["check", "digits.residual-nets-solve-degradation"],
                &runs[..],
            ]
            .concat(),
        );
        let rows: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
        let said = stdout(&convcheck(&[
            "check",
            "residual-nets-solve",
            "--runs",
            path(&folder),
        ]));
        (rows[0]["verdict"].as_str().unwrap().to_string(), said)
    };
    let (verdict, said) = check(&runs);
    assert!(
        verdict != "untested" && !said.contains("not count"),
        "{said}"
    );
    let mut short = runs.clone();
    for run in &mut short {
        run.curve.losses.truncate(3);
        run.curve.epochs.truncate(1);
    }
    let (verdict, said) = check(&short);
    assert_eq!(verdict, "untested", "{said}");
    let n = runs.len();
    let why = format!("{n} finished runs do not count: {n} that their recipe contradicts.");
    assert!(said.contains(&why), "{said}");
    let line = "degradation (quick), plain-20, seed 0: it has 1 epoch, its recipe takes ";
    assert!(said.contains(line), "{said}");
    let mut wrong = runs.clone();
    for run in &mut wrong {
        run.curve.epochs[0].test_error = 99.0;
    }
    let (verdict, said) = check(&wrong);
    assert_eq!(verdict, "untested", "{said}");
    assert!(said.contains("its test_error in epoch 1 is 99"), "{said}");
}

/// One damaged record stops nothing: its good lines count, and what is lost is said once.
#[test]
fn a_check_goes_on_beside_a_damaged_record() {
    let reports = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| reports.path().join(name));
    add(&a, &runs("own", &[0.2, 0.3]));
    add(&b, &runs("other", &[0.2]));
    let file = a.join(record::TRAINING);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, &text[..text.len() - 9]).unwrap();
    let suite = suite(claim("stated = 1\nmeasure = \"1 + 0\""));
    let check = ["check", "--suites", path(&suite), "--runs", path(&reports)];
    let (error, said) = lacks(&check);
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(
        error.contains("a/training.jsonl: line 2 is no training run: it is cut"),
        "{error}"
    );
    assert!(
        said.contains("confirmed  s.a") && said.contains("2 finished runs do not count"),
        "{said}"
    );
    // nothing is written where nothing is asked to be
    assert_eq!(fs::read_dir(&a).unwrap().count(), 2);
    // the folder that is written to: as it was it is kept beside
    let output = [
        "--no-training",
        "--suites",
        path(&suite),
        "--output",
        a.to_str().unwrap(),
    ];
    let job = [&output[..], &["--runs", path(&reports)]].concat();
    let (error, said) = lacks(&job);
    assert_eq!(error.lines().count(), 2, "{error}");
    assert!(error.contains("kept as training.jsonl.damaged"), "{error}");
    assert!(said.contains("index.html"), "{said}");
    assert_eq!(trained(&a), runs("own", &[0.2]));
    let aside = fs::read_to_string(a.join("training.jsonl.damaged")).unwrap();
    assert_eq!(aside, text[..text.len() - 9]);
    stdout(&convcheck(&job));
    // a file that is none, below the folders that are only read
    fs::create_dir_all(reports.path().join("c/training.jsonl")).unwrap();
    let (error, _) = lacks(&check);
    assert!(
        error.contains("c/training.jsonl: cannot read it"),
        "{error}"
    );
}

/// Records of several machines come into one, and by it claims are judged.
#[test]
fn records_are_merged_once_unless_they_contradict_each_other() {
    let [a, b] = [&[0.2, 0.3][..], &[0.2, 0.3, 0.4]].map(|errors| recorded(&runs("own", errors)));
    let all = tempfile::tempdir().unwrap();
    let into = all.path().join("all");
    let merge = ["merge", into.to_str().unwrap(), path(&a), path(&b)];
    let said = stdout(&convcheck(&merge));
    assert!(
        said.ends_with("all: 3 finished runs, all of them new; no timings\n"),
        "{said}"
    );
    assert_eq!(trained(&into).len(), 3);
    let said = stdout(&convcheck(&merge));
    assert!(said.contains("3 finished runs, none of them new"), "{said}");
    let h100 = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/2026-11-26-h100");
    let timings = ["merge", into.to_str().unwrap(), h100.to_str().unwrap()];
    let said = stdout(&convcheck(&timings));
    assert!(said.contains("144 timings, all of them new"), "{said}");
    // each machine has rounds of its own
    let timed = |folder: &Path| record::load_throughput(folder).unwrap().whole().unwrap();
    let rounds = |folder: &Path| -> Vec<_> {
        let mut rounds: Vec<_> = (timed(folder).iter())
            .map(|one| (one.engine, one.what.clone(), one.round))
            .collect();
        rounds.sort();
        rounds
    };
    assert_eq!(rounds(&into), rounds(&h100));
    // another machine's runs of the same recipe stay beside, and that is said
    let mut elsewhere = runs("own", &[0.25]);
    elsewhere[0].machine = "another".into();
    let c = recorded(&elsewhere);
    let merge_with = |folder: &tempfile::TempDir| {
        let args = ["merge", into.to_str().unwrap(), path(folder)].map(str::to_string);
        convcheck(&args.each_ref().map(String::as_str))
    };
    let said = stdout(&merge_with(&c));
    assert!(said.contains("4 finished runs, 1 of them new"), "{said}");
    assert!(said.contains("1 new run has recipe, network"), "{said}");
    let before = fs::read(into.join(record::TRAINING)).unwrap();
    let d = recorded(&runs("own", &[0.25]));
    let contradicting = merge_with(&d);
    assert_eq!(contradicting.status.code(), Some(2));
    let error = String::from_utf8(contradicting.stderr).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(
        error.contains(
            "all/training.jsonl: line 1: arm (seed 0) of own (quick) contradicts that of"
        ) && error.contains("its epochs have other errors"),
        "{error}"
    );
    assert_eq!(fs::read(into.join(record::TRAINING)).unwrap(), before);
    fails(&["merge", "out", "nowhere"], &["nowhere: is no folder"]);
    fails(&["merge", "out"], &["<IN>"]);
}

/// What is not there cannot have changed.
#[test]
fn compare_says_what_one_side_lacks() {
    let before = recorded(&runs("own", &[0.2; 8]));
    let after = recorded(&[runs("own", &[0.2; 8]), runs("new", &[0.2])].concat());
    let compare = ["compare", path(&before), path(&after)];
    let text = stdout(&convcheck(&compare));
    let line = format!("{} has no run of new (quick): arm\n", path(&before));
    assert!(
        text.ends_with(&line) && text.matches("no run of").count() == 1,
        "{text}"
    );
    let file = after.path().join(record::TRAINING);
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 9]).unwrap();
    let (error, text) = lacks(&compare);
    assert!(
        error.contains("training.jsonl: line 9 is no training run"),
        "{error}"
    );
    assert!(text.contains("1 arm; 1 the same"), "{text}");
    fs::write(&file, whole.replacen("\"sum\"", "\"sam\"", 1)).unwrap();
    lacks(&compare);
    // an error that cannot be
    let mut wrong = runs("own", &[0.2; 8]);
    wrong[3].curve.epochs[0].test_error = 99.0;
    let wrong = recorded(&wrong);
    let (error, _) = lacks(&["compare", path(&before), path(&wrong)]);
    assert!(
        error.contains("own (quick), arm, seed 3: its test_error in epoch 1 is 99"),
        "{error}"
    );
    // evidence that is lost, or not there at all
    let evidence = after.path().join(record::EVIDENCE);
    fs::write(&file, whole).unwrap();
    stdout(&convcheck(&compare));
    fs::write(&evidence, "{}\n").unwrap();
    let (error, _) = lacks(&compare);
    assert!(
        error.contains("evidence.jsonl: line 1 is no record of a claim"),
        "{error}"
    );
    fs::remove_file(&evidence).unwrap();
    let (error, _) = lacks(&compare);
    assert!(error.contains("evidence.jsonl: is not there"), "{error}");
}

/// A folder of runs, or of timings, alone can be compared and drawn; what it lacks is said in a sentence.
#[test]
fn folders_that_hold_a_part_are_compared_and_drawn() {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    let [epyc, h100] =
        ["2026-11-26-epyc-2-cores", "2026-11-26-h100"].map(|name| reports.join(name));
    let (runs_only, files_only) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    add(runs_only.path(), &trained(&epyc));
    for run in trained(&epyc) {
        let name = format!("{}-{}", run.experiment, run.scale.name());
        let folder = files_only.path().join("runs").join(name);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{}-{}.json", run.arm, run.seed));
        fs::write(file, serde_json::to_string(&run).unwrap()).unwrap();
    }
    let [epyc, h100] = [&epyc, &h100].map(|folder| folder.to_str().unwrap());
    let compare = |before: &str, after: &str| stdout(&convcheck(&["compare", before, after]));
    let said = compare(epyc, path(&runs_only));
    assert!(
        !said.contains("claims changed") && !said.contains("Nothing changed"),
        "{said}"
    );
    assert!(
        said.contains("records no check of claims: none is compared"),
        "{said}"
    );
    assert!(said.contains("has no timings"), "{said}");
    assert!(said.contains("51 the same"), "{said}");
    let said = compare(path(&runs_only), path(&files_only));
    assert!(
        said.starts_with("Trained on both sides") && said.contains(" the same.\n"),
        "{said}"
    );
    let said = compare(h100, h100);
    assert!(said.starts_with("Timed on both sides: "), "{said}");
    assert!(
        said.contains("1 to 1 times the time of the first"),
        "{said}"
    );
    let said = compare(path(&runs_only), h100);
    assert!(
        said.contains("has no timings") && said.contains("has no run of degradation"),
        "{said}"
    );
    let pages = tempfile::tempdir().unwrap();
    let draw = |from: &str, there: &[&str], not_there: &[&str]| {
        let output = pages.path().join(format!("{}", there.len()));
        let _ = fs::remove_dir_all(&output);
        let args = [
            "report",
            "--from",
            from,
            "--output",
            output.to_str().unwrap(),
        ];
        let said = stdout(&convcheck(&args));
        assert!(said.contains("records no check of claims"), "{said}");
        for file in there {
            assert!(output.join(file).exists(), "{file}");
        }
        for file in [not_there, &["claims.html", "alexnet.html"]].concat() {
            assert!(!output.join(file).exists(), "{file}");
        }
        fs::read_to_string(output.join("index.html")).unwrap()
    };
    let degradation = "experiment-degradation.html";
    for runs in [&runs_only, &files_only] {
        let index = draw(
            path(runs),
            &["index.html", degradation],
            &["throughput.html"],
        );
        assert!(
            index.contains("No check of claims is recorded here"),
            "{index}"
        );
        assert!(index.contains("Nothing was timed"), "{index}");
    }
    let index = draw(
        h100,
        &["index.html", "throughput.html", "models.html"],
        &[degradation],
    );
    assert!(index.contains("experiments was run"), "{index}");
    assert!(
        index.contains("do not say by which check they were made"),
        "{index}"
    );
}

/// A claim whose check failed has no record: whoever reads the records hears of it.
#[test]
fn claims_that_could_not_be_judged_are_named_again() {
    let wrong =
        "[[claim]]\nid = \"s.b\"\nsays = \"B.\"\nstated = 1\nmeasure = \"params('vgg61')\"\n";
    let suite = suite(claim("stated = 1\nmeasure = \"1 + 0\"") + wrong);
    let output = tempfile::tempdir().unwrap();
    let suites = ["--suites", path(&suite)];
    lacks(&[&["--no-training", "--output", path(&output)], &suites[..]].concat());
    let (error, said) = lacks(&[&["report", "--from", path(&output)], &suites[..]].concat());
    assert!(error.contains("no record of 1 claim: s.b"), "{error}");
    assert!(said.contains("index.html"), "{said}");
    let (error, _) = lacks(&["compare", path(&output), path(&output)]);
    assert!(
        error.contains("no record of s.b: the check could not judge"),
        "{error}"
    );
}

/// Evidence that somebody edited, with a checksum or before there were any, is no evidence.
#[test]
fn evidence_that_was_edited_is_noticed() {
    let suite = suite(claim("stated = true\nmeasure = \"1 > 2\""));
    let output = tempfile::tempdir().unwrap();
    let suites = ["--suites", path(&suite)];
    let job = convcheck(&[&["--no-training", "--output", path(&output)], &suites[..]].concat());
    assert_eq!(job.status.code(), Some(1));
    let file = output.path().join(record::EVIDENCE);
    let text = fs::read_to_string(&file).unwrap();
    let edited = text.replacen("\"verdict\":\"refuted\"", "\"verdict\":\"confirmed\"", 1);
    assert_ne!(edited, text);
    let object = edited.split_once("\",").unwrap().1;
    for (text, says) in [
        (
            edited.clone(),
            "line 1 is no record of a claim: it was changed",
        ),
        (
            format!("{{{object}"),
            "line 1, `s.a`: it is recorded as confirmed, and is refuted: false was found where true is stated",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let (error, _) = lacks(&[&["report", "--from", path(&output)], &suites[..]].concat());
        assert!(
            error.contains(says) && error.contains("no record of 1 claim: s.a"),
            "{error}"
        );
        let page = fs::read_to_string(output.path().join("s.html")).unwrap();
        assert!(!page.contains("badge confirmed\">confirmed"), "{page}");
    }
}

/// A report of values that are not finite can be drawn again.
#[test]
fn values_that_are_not_finite_decide_nothing_and_come_back() {
    for (stated, measure) in [
        ("1.0", "double('NaN')"),
        ("1.0", "double('-inf')"),
        ("1", "softmax([1e308, -1e308, 0.0/0.0])"),
        ("[1.0, 1]", "[double('NaN'), 1]"),
        ("[[1.0], 1]", "[[double('inf')], 2]"),
        ("[0.5, 0.5]", "softmax([1e308, double('inf')])"),
    ] {
        let suite = suite(claim(&format!(
            "stated = {stated}\nmeasure = \"{measure}\""
        )));
        let output = tempfile::tempdir().unwrap();
        let suites = ["--suites", path(&suite)];
        stdout(&convcheck(
            &[&["--no-training", "--output", path(&output)], &suites[..]].concat(),
        ));
        let found = record::load(output.path()).unwrap().records;
        assert_eq!(found[0].verdict.name(), "inconclusive", "{measure}");
        assert!(found[0].found.is_some(), "{measure}");
        stdout(&convcheck(
            &[&["report", "--from", path(&output)], &suites[..]].concat(),
        ));
    }
}

/// Processes that finish side by side lose nothing of each other, beside a record that takes time to read and write.
#[test]
fn two_trainings_into_one_folder_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let own = |name: &str| {
        OWN.replace("\"own\"", &format!("\"{name}\""))
            .replace("\"net\"", "\"resnet20_digits{depth=8}\"")
    };
    let short = |text: String| {
        text.replace("batch = 50", "batch = 50, images = 50")
            .replace("seeds = 8", "seeds = 1")
    };
    let output = folder.path().join("out");
    let args = |name: &str| {
        let file = folder.path().join(format!("{name}.toml"));
        fs::write(&file, short(own(name))).unwrap();
        let [file, output] = [file, output.clone()].map(|path| path.to_str().unwrap().to_string());
        ["train", &file, "--output", &output, "--resume"].map(str::to_string)
    };
    let train = |name: &str| {
        let args = args(name);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut command = command(&args);
        command.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    // once, so that from then on only the record is written
    for name in ["one", "two"] {
        assert!(train(name).wait().unwrap().success());
    }
    let many = runs("many", &vec![0.2; 1000]);
    for _ in 0..20 {
        fs::remove_file(output.join(record::TRAINING)).unwrap();
        add(&output, &many);
        let both = ["one", "two"].map(&train);
        for mut one in both {
            assert!(one.wait().unwrap().success());
        }
        let all = trained(&output);
        assert_eq!(all.len(), many.len() + 2);
        let mut names: Vec<&str> = all[..2].iter().map(|run| &*run.experiment).collect();
        names.sort_unstable();
        assert_eq!(names, ["one", "two"]);
    }
}

/// What was trained before by the same recipe stays behind what counts, and that is said.
#[test]
fn runs_of_the_same_seeds_stay_behind() {
    let folder = tempfile::tempdir().unwrap();
    let text = OWN.replace("\"net\"", "\"resnet20_digits{depth=8}\"");
    let text = text
        .replace("batch = 50", "batch = 50, images = 50")
        .replace("seeds = 8", "seeds = 1");
    let file = folder.path().join("own.toml");
    fs::write(&file, text).unwrap();
    let output = folder.path().join("out");
    let before = runs("own", &[0.2, 0.3]);
    add(&output, &before);
    let args = [
        "train",
        file.to_str().unwrap(),
        "--output",
        output.to_str().unwrap(),
    ];
    let trained_now = convcheck(&args);
    stdout(&trained_now);
    let error = String::from_utf8(trained_now.stderr).unwrap();
    assert!(
        error.contains("1 earlier run of the same arms and seeds stays there"),
        "{error}"
    );
    let all = trained(&output);
    assert_eq!((all.len(), &all[1..]), (3, &before[..]));
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

pub(super) const PROJECT: &str = r#"
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
    trained.iter_mut().for_each(|run| follows(run, own));
    add(&report, &trained);
    let within = |args: &[&str]| {
        let mut command = command(args);
        stdout(&command.current_dir(project.path()).output().unwrap())
    };
    within(&["--no-training"]);
    let Findings {
        provenance,
        records,
        ..
    } = record::load(&report).unwrap();
    let provenance = provenance.unwrap();
    for old in [false, true] {
        let mut records = records.clone();
        if old {
            records.iter_mut().for_each(|record| record.means = None);
        }
        record::save(&report, &provenance, &records, &[]).unwrap();
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

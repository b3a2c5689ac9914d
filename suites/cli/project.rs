//! A project of one's own: a text, a suite, an experiment and a model with arguments.

use super::{command, fails, path, stdout};
use convcheck::{claim, document, experiment, record};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Output;
use std::process::Stdio;

/// The project that `init` writes.
fn begun() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    stdout(&within(folder.path(), &["init"]));
    folder
}

/// What the program does in a folder.
fn within(folder: &Path, args: &[&str]) -> Output {
    command(args).current_dir(folder).output().unwrap()
}

fn names(folder: &Path, what: &str, key: &str) -> Vec<String> {
    let listed = stdout(&within(folder, &["list", what, "--json"]));
    let rows: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let name = |row: &Value| row[key].as_str().unwrap().to_string();
    rows.iter().map(name).collect()
}

/// Its own experiment is trained and decides its own claim, and its report speaks of nothing else.
#[test]
fn what_init_writes_runs_through_and_its_report_is_about_it_alone() {
    let folder = begun();
    let said = stdout(&within(folder.path(), &[]));
    assert!(said.contains("3 claims"), "{said}");
    assert!(said.contains("of My text on small networks"), "{said}");
    let report = folder.path().join("reports/latest");
    assert_eq!(record::load_training(&report).unwrap().good.len(), 16);
    let pages: Vec<(String, String)> = (fs::read_dir(&report).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "html"))
        .map(|path| {
            (
                path.display().to_string(),
                fs::read_to_string(path).unwrap(),
            )
        })
        .collect();
    for page in [
        "index",
        "my-text",
        "experiment-learning-rate",
        "models",
        "plots",
        "claims",
    ] {
        let is_it = |(file, _): &(String, String)| file.ends_with(&format!("/{page}.html"));
        assert!(pages.iter().any(is_it), "{page}");
    }
    let index = fs::read_to_string(report.join("index.html")).unwrap();
    assert!(
        index.contains("My text on small networks, checked"),
        "{index}"
    );
    assert!(index.contains("A. Author, 2026"), "{index}");
    let suites = claim::embedded().unwrap();
    let title = document::embedded().unwrap().title.to_lowercase();
    // an element of HTML is called article
    let foreign: Vec<String> = [
        "an article",
        "the article",
        "built-in article",
        "the document's",
        "classical",
        &title,
    ]
    .map(String::from)
    .into_iter()
    .chain(suites.iter().map(|suite| format!("{}.html", suite.system)))
    .chain((suites.iter().flat_map(|suite| &suite.claims)).map(|claim| claim.id.clone()))
    .chain(experiment::EMBEDDED.iter().map(|(file, _)| {
        let name = file.rsplit('/').next().unwrap();
        format!("experiment-{}.html", name.trim_end_matches(".toml"))
    }))
    .collect();
    for (file, html) in &pages {
        let html = html.to_lowercase();
        for name in &foreign {
            assert!(!html.contains(name.as_str()), "{file}: {name}");
        }
    }
    // its runs count for a check too, wherever one stands in it
    let said = stdout(&within(
        &folder.path().join("suites"),
        &["check", "learning-rate"],
    ));
    assert!(said.contains("confirmed"), "{said}");
    // and the report is a function of its records
    fs::remove_file(report.join("index.html")).unwrap();
    stdout(&within(folder.path(), &["report"]));
    assert_eq!(
        fs::read_to_string(report.join("index.html")).unwrap(),
        index
    );
}

#[test]
fn what_a_project_adds_is_listed_and_found() {
    let folder = begun();
    let here = folder.path();
    assert_eq!(names(here, "suites", "system"), ["my-text"]);
    assert_eq!(names(here, "claims", "id").len(), 3);
    let experiments = names(here, "experiments", "name");
    assert!(
        experiments.contains(&"learning-rate".into())
            && experiments.contains(&"degradation".into())
    );
    let models = names(here, "models", "name");
    assert!(models.contains(&"vgg16_small".into()) && models.contains(&"vgg16".into()));
    let shown = stdout(&within(
        here,
        &["show", "vgg16_small", "--svg", "small.svg"],
    ));
    assert!(shown.contains("100"), "{shown}");
    let svg = fs::read_to_string(here.join("small.svg")).unwrap();
    assert!(svg.starts_with("<svg"), "{svg}");
    // from elsewhere
    let checked = command(&["--project", path(&folder), "check", "vgg16"])
        .output()
        .unwrap();
    assert!(stdout(&checked).contains("my-text.vgg16-small-parameters"));
    // an experiment by its name, without its file
    let trained = within(here, &["train", "learning-rate", "--seeds", "1"]);
    assert!(stdout(&trained).contains("a-tiny-rate-is-too-low: open"));
    assert_eq!(
        record::load_training(&here.join("reports/latest"))
            .unwrap()
            .good
            .len(),
        2
    );
}

#[test]
fn faults_of_a_project_are_a_line_each() {
    let folder = begun();
    fails(
        &["init", path(&folder)],
        &["text.md: is there already", "nothing was written"],
    );
    let file = folder.path().join("convcheck.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("builtin-suites", "builtin_suites")).unwrap();
    let project = ["--project", path(&folder)];
    let says = ["convcheck.toml:7:1: unknown field `builtin_suites`"];
    fails(&[&project[..], &["list", "models"]].concat(), &says);
    fails(&project, &says);
    let none = tempfile::tempdir().unwrap();
    fails(
        &["--project", path(&none), "check"],
        &["convcheck.toml: there is no such file", "convcheck init"],
    );
}

/// As with `--suites`; and a folder of suites may be the project's own, where one stands in it.
#[test]
fn a_report_beside_the_suites_of_a_project_is_no_suite() {
    let folder = begun();
    let file = folder.path().join("convcheck.toml");
    let text = fs::read_to_string(&file).unwrap();
    for suites in ["suites", "."] {
        let report = folder.path().join(suites).join("report.toml");
        fs::write(&report, "title = \"T\"\n").unwrap();
        let listed = format!("suites = [\"{suites}\", \"./suites\"]");
        let experiments = "experiments = [\"experiments\"]";
        assert!(text.contains("suites = [\"suites\"]") && text.contains(experiments));
        fs::write(&file, text.replace("suites = [\"suites\"]", &listed)).unwrap();
        assert_eq!(names(folder.path(), "claims", "id").len(), 3, "{suites}");
        fs::remove_file(&report).unwrap();
    }
}

/// Whoever wrote something wrong need not wait for networks to learn.
#[test]
fn what_is_wrong_with_suites_is_said_before_anything_is_trained() {
    let folder = begun();
    let report = folder.path().join("reports/latest");
    let file = folder.path().join("suites/my-text.toml");
    let text = fs::read_to_string(&file).unwrap();
    let trial =
        "trial = { experiment = \"learning-rate\", scale = \"quick\", questions = [\"is-it\"] }";
    let more = format!("[[claim]]\nid = \"my-text.b\"\nsays = \"B.\"\n{trial}\n");
    let with_fault = format!("{text}\n{more}").replace("[\"vgg16_small\"]", "[\"vgg61\"]");
    fs::write(&file, &with_fault).unwrap();
    let mut job = command(&[])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(job.stderr.take().unwrap()).lines();
    let mut said: Vec<String> = lines.by_ref().take(2).map(Result::unwrap).collect();
    assert!(!report.exists(), "it was said after training");
    said.extend(lines.map(Result::unwrap));
    assert_eq!(job.wait().unwrap().code(), Some(2));
    // beside what is trained, and on a slow machine how far it is
    said.retain(|line| !line.contains(" trains ") && !line.contains(" % trained"));
    let [model, question] = &said[..] else {
        panic!("each is said once: {said:?}")
    };
    assert!(
        model.contains("my-text.toml:6:11: ") && model.contains("vgg61"),
        "{model}"
    );
    let line = with_fault.lines().position(|line| line == trial).unwrap() + 1;
    let place = format!("my-text.toml:{line}:9: ");
    assert!(
        question.contains(&place) && question.contains("`is-it`"),
        "{question}"
    );
    assert_eq!(record::load_training(&report).unwrap().good.len(), 16);
    // a report that cannot be drawn any more says why
    fs::write(&file, text.replace("title =", "titel =")).unwrap();
    fails(
        &["--project", path(&folder), "report"],
        &["unknown field `titel`"],
    );
}

/// Somebody's runs are theirs, as long as nothing replaces them.
#[test]
fn quick_runs_of_ones_own_stay_unless_they_are_trained_anew() {
    let folder = begun();
    let report = folder.path().join("reports/latest");
    let runs = || record::load_training(&report).unwrap().whole().unwrap();
    stdout(&within(
        folder.path(),
        &["train", "learning-rate", "--seeds", "1"],
    ));
    let file = folder.path().join("experiments/learning-rate.toml");
    let text = fs::read_to_string(&file).unwrap();
    let other = text.replace("batch = ", "batch = 1");
    assert_ne!(other, text);
    fs::write(&file, other).unwrap();
    let before = runs();
    stdout(&within(folder.path(), &["--no-training"]));
    assert_eq!((runs(), before.len()), (before, 2));
}

#[test]
fn init_begins_the_project_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    let own = own.to_str().unwrap();
    for named in ["--project", "init"] {
        let args = match named {
            "init" => vec!["init", own],
            _ => vec![named, own, "init"],
        };
        let said = stdout(&within(folder.path(), &args));
        assert!(
            said.contains(&format!("`convcheck` in {own} checks it")),
            "{said}"
        );
        fs::remove_dir_all(own).unwrap();
    }
}

/// Nobody knows of which project that is a folder: the built-in article is no guess.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_is_gone_is_no_folder_without_a_project() {
    let folder = tempfile::tempdir().unwrap();
    let script = "cd \"$1\" && rmdir \"$1\" && exec \"$0\" list claims";
    let program = env!("CARGO_BIN_EXE_convcheck");
    let output = std::process::Command::new("sh")
        .args(["-c", script, program, path(&folder)])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("--project names one"), "{error}");
}

//! The command line as a user meets it: outputs, exit codes, and one clear line for bad input.
#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

#[path = "cli/begun.rs"]
mod begun;
#[path = "cli/data.rs"]
mod data;
#[path = "cli/devices.rs"]
mod devices;
#[path = "cli/difference.rs"]
mod difference;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/main_job.rs"]
mod main_job;
#[path = "cli/measures.rs"]
mod measures;
#[path = "cli/plan.rs"]
mod plan;
#[path = "cli/project.rs"]
mod project;
#[path = "cli/readme.rs"]
mod readme;
#[path = "cli/records.rs"]
mod records;
#[path = "cli/running.rs"]
mod running;
#[path = "cli/runs.rs"]
mod runs;
#[path = "cli/shown.rs"]
mod shown;
#[path = "cli/timing.rs"]
mod timing;
#[path = "cli/training.rs"]
mod training;

use convcheck::claim::{Datum, Kind};
use convcheck::record;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn convcheck(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_convcheck"));
    command.args(args).stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Could not run: exit code 2, nothing on standard output, one line that says these things.
fn fails(args: &[&str], says: &[&str]) {
    let output = convcheck(args);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
    assert!(output.stdout.is_empty(), "{args:?}");
    for part in says {
        assert!(
            error.contains(part),
            "{args:?}: `{part}` is not in: {error}"
        );
    }
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&stdout(&convcheck(args))).unwrap()
}

/// A folder with one suite, for `check --suites`.
fn suite(text: impl AsRef<[u8]>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.toml"), text).unwrap();
    folder
}

fn path(folder: &tempfile::TempDir) -> &str {
    folder.path().to_str().unwrap()
}

const HEAD: &str = "system = \"s\"\ntitle = \"S\"\n";

fn claim(body: &str) -> String {
    format!("{HEAD}\n[[claim]]\nid = \"s.a\"\nsection = \"1\"\nline = 1\nsays = \"A.\"\n{body}\n")
}

#[test]
fn the_main_job_writes_a_report_and_its_records() {
    let folder = tempfile::tempdir().unwrap();
    let output = command(&["--no-training", "--output", path(&folder)])
        .env("SOURCE_DATE_EPOCH", "86400")
        .output()
        .unwrap();
    let text = stdout(&output);
    // runs of an earlier main job on this machine may leave open what the record decides
    assert!(
        text.contains("index.html") && text.contains(" as recorded"),
        "{text}"
    );
    let index = fs::read_to_string(folder.path().join("index.html")).unwrap();
    assert!(index.contains("1970-01-02"));
    for file in [
        "evidence.jsonl",
        "machine.toml",
        "models.html",
        "alexnet.html",
    ] {
        assert!(folder.path().join(file).exists(), "{file}");
    }
    // the report is a function of its records
    fs::remove_file(folder.path().join("index.html")).unwrap();
    stdout(&convcheck(&["report", "--from", path(&folder)]));
    assert_eq!(
        fs::read_to_string(folder.path().join("index.html")).unwrap(),
        index
    );
    let hidden = fs::read_dir(folder.path()).unwrap().filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_str()
            .unwrap()
            .starts_with('.')
    });
    assert_eq!(hidden.count(), 0, "temporary files are left");
}

#[test]
fn records_that_are_cut_or_foreign_are_named_by_line() {
    let folder = tempfile::tempdir().unwrap();
    stdout(&convcheck(&["--no-training", "--output", path(&folder)]));
    let file = folder.path().join("evidence.jsonl");
    let whole = fs::read_to_string(&file).unwrap();
    let lines = whole.lines().count();
    let draw = ["report", "--from", path(&folder)];
    for (text, says) in [
        // the first line, a line, and the end
        (
            whole[10..].to_string(),
            ["line 1 is no record", "no record of 1 claim: "],
        ),
        (
            whole.replacen('\n', "", 1),
            ["line 1 is no record", "no record of 2 claims: "],
        ),
        (
            whole[..whole.len() - 1].to_string(),
            ["it is cut", "no record of 1 claim: "],
        ),
        ("{\"id\": 7}\n".to_string(), ["line 1", "no record of "]),
        (String::new(), ["it has 0 lines", "no record of "]),
    ] {
        fs::write(&file, text).unwrap();
        let output = convcheck(&draw);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(says.iter().all(|part| error.contains(part)), "{error}");
        assert!(
            error.lines().all(|line| line.contains(path(&folder))),
            "{error}"
        );
    }
    fs::write(&file, &whole).unwrap();
    stdout(&convcheck(&draw));
    assert!(lines > 100);
    fs::write(folder.path().join("machine.toml"), "what = 1\n").unwrap();
    fails(&["report", "--from", path(&folder)], &["machine.toml"]);
    fails(
        &["report", "--from", "/nowhere"],
        &["/nowhere: cannot read the folder: No such file"],
    );
}

#[test]
fn check_prints_claims_as_json() {
    let claims = json(&["check", "alexnet.c1-parameters", "--json"]);
    let claim = &claims[0];
    for key in [
        "id", "system", "section", "line", "says", "stated", "measure", "found", "verdict",
        "recorded", "covers", "note",
    ] {
        assert!(claim.get(key).is_some(), "{key}");
    }
    assert_eq!(claim["verdict"], "refuted");
    assert_eq!(claim["found"], 96 * (11 * 11 * 3 + 1));
}

#[test]
fn show_writes_a_drawing_that_stands_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("net.svg");
    stdout(&convcheck(&[
        "show",
        "lenet5_1998",
        "--svg",
        file.to_str().unwrap(),
    ]));
    let svg = fs::read_to_string(file).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"), "{svg}");
    for part in ["xmlns=", "<style>", "--accent:", "Drawing of lenet5_1998"] {
        assert!(svg.contains(part), "{part}");
    }
}

#[test]
fn show_prints_a_network_as_json() {
    let net = json(&["show", "resnet50", "--json"]);
    assert_eq!(net["totals"]["depth"], 50);
    assert_eq!(net["input"], serde_json::json!([3, 224, 224]));
    let conv = net["layers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|layer| layer["path"] == "conv1")
        .unwrap();
    assert_eq!(conv["kernel"], serde_json::json!([7, 7]));
    assert_eq!(conv["output"], serde_json::json!([64, 112, 112]));
    let first = &net["tensors"][0];
    assert_eq!(
        (&first["name"], &first["kind"]),
        (&"conv1.weight".into(), &"trainable".into())
    );
    let wide = json(&[
        "show",
        "vgg16_fully_convolutional",
        "--input",
        "3x256x320",
        "--json",
    ]);
    assert_eq!(wide["input"], serde_json::json!([3, 256, 320]));
}

#[test]
fn models_take_arguments() {
    let net = json(&["show", "resnet18{ classes = 10, input=1x64x64 }", "--json"]);
    assert_eq!(net["model"], "resnet18{classes=10,input=1x64x64}");
    assert_eq!(net["input"], serde_json::json!([1, 64, 64]));
    let last = net["layers"].as_array().unwrap().last().unwrap();
    assert_eq!(last["output"], serde_json::json!([10]));
    fails(
        &["show", "resnet18{clases=10}"],
        &["column 10", "clases", "resnet18 takes", "classes=1000"],
    );
    let listed = json(&["list", "models", "--json"]);
    let rows = listed.as_array().unwrap();
    let wrn = rows.iter().find(|row| row["name"] == "wrn").unwrap();
    let depth = (wrn["arguments"].as_array().unwrap().iter())
        .find(|argument| argument["name"] == "depth")
        .unwrap();
    assert_eq!(depth["value"], "28");
    assert!(stdout(&convcheck(&["list", "models"])).contains("weighted layers, 6n + 4"));
}

#[test]
fn lists_schema_and_completions_are_there() {
    for what in ["models", "claims", "suites", "functions"] {
        assert!(
            !json(&["list", what, "--json"])
                .as_array()
                .unwrap()
                .is_empty()
        );
        assert!(stdout(&convcheck(&["list", what])).lines().count() > 3);
    }
    assert_eq!(json(&["schema"])["title"], "convcheck suite");
    assert!(stdout(&convcheck(&["completions", "bash"])).contains("convcheck"));
}

#[test]
fn junit_and_markdown_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let (xml, md) = (folder.path().join("a/j.xml"), folder.path().join("m.md"));
    stdout(&convcheck(&[
        "check",
        "alexnet",
        "--junit",
        xml.to_str().unwrap(),
        "--markdown",
        md.to_str().unwrap(),
    ]));
    assert!(
        fs::read_to_string(xml)
            .unwrap()
            .contains("alexnet.c1-parameters")
    );
    assert!(fs::read_to_string(md).unwrap().contains("## Refuted"));
}

#[test]
fn two_records_are_compared() {
    let suite = suite(claim("stated = 11689512\nmeasure = \"params('resnet18')\""));
    let records = [(11_689_512, Kind::Confirmed), (1, Kind::Refuted)].map(|(found, verdict)| {
        let folder = tempfile::tempdir().unwrap();
        let args = ["--suites", path(&suite), "--output", path(&folder)];
        stdout(&convcheck(&args));
        let mut findings = record::load(folder.path()).unwrap();
        findings.records[0].found = Some(Datum::Int(found));
        findings.records[0].verdict = verdict;
        let (provenance, records) = (findings.provenance.as_ref().unwrap(), &findings.records);
        record::save(folder.path(), provenance, records, &[]).unwrap();
        folder
    });
    let [good, bad] = [path(&records[0]), path(&records[1])];
    assert!(stdout(&convcheck(&["compare", good, good])).contains("Nothing changed"));
    stdout(&convcheck(&["compare", bad, good]));
    let (md, html) = (
        records[0].path().join("c.md"),
        records[0].path().join("c.html"),
    );
    let output = convcheck(&[
        "compare",
        good,
        bad,
        "--markdown",
        md.to_str().unwrap(),
        "--html",
        html.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("broken"));
    assert!(fs::read_to_string(md).unwrap().contains("**broken**"));
    assert!(fs::read_to_string(html).unwrap().contains("no longer"));
    fails(&["compare", good, "/nowhere"], &["/nowhere"]);
}

#[test]
fn a_users_own_suite_is_checked_and_a_difference_is_exit_code_1() {
    let good = suite(claim(
        "stated = 11689512\nmeasure = \"params('resnet18')\"\nverdict = \"confirmed\"",
    ));
    stdout(&convcheck(&["check", "--suites", path(&good)]));
    for body in [
        "stated = 1\nmeasure = \"params('resnet18')\"\nverdict = \"confirmed\"",
        "stated = 1\nmeasure = \"params('resnet18')\"\nverdict = \"refuted\"\nfound = 2",
    ] {
        let wrong = suite(claim(body));
        let output = convcheck(&["check", "--suites", path(&wrong)]);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            String::from_utf8(output.stdout)
                .unwrap()
                .contains("1 differ")
        );
    }
}

/// What was never recorded is called so everywhere, and fails when it is refuted; what is open does not.
#[test]
fn a_refuted_claim_without_a_recorded_verdict_is_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["junit.xml", "summary.md"].map(|name| folder.path().join(name));
    let check = |body: &str| {
        let suites = suite(claim(body));
        let output = command(&["check", "--suites", path(&suites), "--junit"])
            .arg(&files[0])
            .arg("--markdown")
            .arg(&files[1])
            .output()
            .unwrap();
        let [junit, markdown] = files
            .each_ref()
            .map(|file| fs::read_to_string(file).unwrap());
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text, junit, markdown)
    };
    let (code, text, junit, markdown) = check("stated = 1\nmeasure = \"params('resnet18')\"");
    assert_eq!(code, Some(1));
    assert!(
        text.contains("1 refuted without a recorded verdict"),
        "{text}"
    );
    assert!(junit.contains("failures=\"1\""), "{junit}");
    assert!(
        markdown.contains("## Refuted, and no verdict recorded"),
        "{markdown}"
    );
    for text in [text, junit, markdown] {
        assert!(text.contains("records no verdict"), "{text}");
        assert!(!text.contains("as recorded"), "{text}");
    }
    for body in [
        "stated = 11689512\nmeasure = \"params('resnet18')\"",
        "stated = 0.5\nmeasure = \"0.0 / 0.0\"",
        "needs = \"ImageNet\"",
        "cites = \"A\"",
        "trial = { experiment = \"degradation\", scale = \"full\", questions = [\"plain-deeper-trains-worse\"] }",
    ] {
        let (code, text, junit, markdown) = check(body);
        assert_eq!(code, Some(0), "{body}: {text}");
        assert!(junit.contains("failures=\"0\""), "{junit}");
        for text in [text, junit, markdown] {
            assert!(!text.contains("as recorded"), "{body}: {text}");
        }
    }
}

#[test]
fn faults_of_a_suite_are_named_by_file_line_and_column() {
    let measured = |measure: &str| claim(&format!("stated = 1\nmeasure = \"{measure}\""));
    let cases: Vec<(String, &[&str])> = vec![
        ("system = ".into(), &["s.toml:1:"]),
        (
            claim("stated = 1\nmeasure = \"1\"\nmesure = 2"),
            &["s.toml:11:1", "mesure"],
        ),
        (
            claim("stated = 1979-05-27\nmeasure = \"1\""),
            &["s.toml:9:10"],
        ),
        (
            measured("params('"),
            &["s.toml:10:19", "s.a", "no closing quote"],
        ),
        (
            measured("params('vgg61')"),
            &["s.toml:10:11", "s.a", "did you mean vgg16"],
        ),
        (
            measured("parms('vgg16')"),
            &["s.toml:10:11", "did you mean params"],
        ),
        (measured("1 / 0"), &["s.toml:10:11", "divides by zero"]),
        (measured("{'a': 1}"), &["s.toml:10:11", "map"]),
        (
            claim(""),
            &[
                "s.toml:5:6",
                "one of `measure`, `trial`, `cites` and `needs`",
            ],
        ),
        (claim("measure = \"1\""), &["s.toml:5:6", "no `stated`"]),
        (
            claim("cites = \"A\"\nneeds = \"B\""),
            &["s.toml:5:6", "more than one"],
        ),
        (
            claim("cites = \"A\"\nverdict = \"confirmed\""),
            &["s.toml:5:6", "cannot have"],
        ),
        (
            claim("cites = \"A\"\nverdict = \"maybe\""),
            &["s.toml:10:11", "maybe"],
        ),
        (
            claim("cites = \"A\"").replace("s.a", "t.a"),
            &["s.toml:5:6", "must be `s.`"],
        ),
        (
            claim("cites = \"A\"").replace("s.a", "s.A b"),
            &["s.toml:5:6"],
        ),
        (
            claim("cites = \"A\"\ncovers = [\"s.a\"]"),
            &["accounted for twice"],
        ),
        (HEAD.into(), &["no claims"]),
        (
            HEAD.replace("\"s\"", "\"S s\""),
            &["s.toml:1:10", "kebab-case"],
        ),
    ];
    for (text, says) in cases {
        let folder = suite(&text);
        fails(&["check", "--suites", path(&folder)], says);
    }
}

/// Every error is said, and the claims that have none are judged all the same.
#[test]
fn all_errors_of_suites_are_said_at_once_and_the_other_verdicts_stand() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    let right = "says = \"A.\"\nstated = 11689512\nmeasure = \"params('resnet18')\"\n";
    let one = |id: &str, body: &str| format!("[[claim]]\nid = \"{id}\"\n{body}");
    let s = [
        HEAD.to_string(),
        one("s.right", right),
        one("s.keys", "sayz = \"A.\"\nlines = 3\ncites = 3\n"),
        one("s.cel", "says = \"A.\"\nstated = 1\nmeasure = \"1 +\"\n"),
        one("s.right", right),
        one(
            "s.value",
            "says = \"A.\"\nstated = 1\nmeasure = \"params('vgg61')\"\n",
        ),
    ]
    .concat();
    write("s.toml", &s);
    write("broken.toml", "system = ");
    write(
        "deep/er/t.toml",
        &(HEAD.replace("\"s\"", "\"t\"") + &one("t.right", right)),
    );
    write(
        "same.toml",
        &(HEAD.replace("\"s\"", "\"t\"") + &one("t.other", right)),
    );
    for hidden in [".hidden/u.toml", ".#s.toml", "deep/._t.toml"] {
        write(hidden, "system = ");
    }
    let junit = folder.path().join("junit.xml");
    let output = command(&["check", "--suites", path(&folder), "--junit"])
        .arg(&junit)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = error.lines().collect();
    let says = [
        ("broken.toml:1:", ""),
        ("s.toml:8:1:", "missing field `says`"),
        ("s.toml:10:1:", "unknown field `sayz`"),
        ("s.toml:11:1:", "unknown field `lines`"),
        ("s.toml:12:9:", "string"),
        ("s.toml:17:15:", "measure of `s.cel`: it ends before"),
        ("s.toml:19:6:", "`s.right` is accounted for twice, first at"),
        ("same.toml:1:10:", "two suites about `t`"),
        ("s.toml:27:11:", "vgg16"),
    ];
    for (place, what) in says {
        let said = lines.iter().filter(|line| line.contains(place));
        assert_eq!(
            said.filter(|line| line.contains(what)).count(),
            1,
            "{place} {what}: {error}"
        );
    }
    assert_eq!(lines.len(), says.len(), "{error}");
    let text = String::from_utf8(output.stdout).unwrap();
    for id in ["s.right", "t.right"] {
        assert!(
            text.lines()
                .any(|line| line.contains("confirmed") && line.contains(id)),
            "{text}"
        );
    }
    assert!(text.contains("9 errors"), "{text}");
    let junit = fs::read_to_string(junit).unwrap();
    assert!(
        junit.contains("errors=\"9\"") && junit.contains("name=\"s.value\""),
        "{junit}"
    );
    // the main job writes its report of what has a verdict
    let report = tempfile::tempdir().unwrap();
    let main_job = [
        "--no-training",
        "--suites",
        path(&folder),
        "--output",
        path(&report),
    ];
    let output = convcheck(&main_job);
    assert_eq!(output.status.code(), Some(2));
    let again = String::from_utf8(output.stderr).unwrap();
    assert_eq!(again, error, "each is said once");
    let page = fs::read_to_string(report.path().join("index.html")).unwrap();
    assert!(page.contains("s.toml:27:11"), "{page}");
    assert!(page.contains("2 claims account for 2 statements"), "{page}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("2 claims account for 2 statements"), "{said}");
    assert!(!page.contains("Not checked") && !page.contains("no longer claimed"));
    let records = fs::read_to_string(report.path().join("evidence.jsonl")).unwrap();
    assert_eq!(records.lines().count(), 2);
}

/// For programs too: what has no verdict is a row of the same array.
#[test]
fn check_prints_errors_as_json() {
    let right = claim("cites = \"A\"");
    let wrong = "[[claim]]\nid = \"s.b\"\nsays = \"B.\"\nstated = 1\nmeasure = \"1 / 0\"\n";
    for (text, records) in [(right + wrong, 1), (format!("{HEAD}{wrong}"), 0)] {
        let output = convcheck(&["check", "--json", "--suites", path(&suite(text))]);
        assert_eq!(output.status.code(), Some(2));
        let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(rows.len(), records + 1);
        let error = &rows[records];
        assert_eq!(error["id"], "s.b");
        assert!(error["at"].as_str().unwrap().contains("s.toml:"), "{error}");
        let says = error["error"].as_str().unwrap();
        assert!(says.contains("divides by zero"), "{error}");
    }
}

#[test]
fn nothing_is_written_where_no_claim_has_a_verdict() {
    let suites = suite(claim("stated = 1\nmeasure = \"1 / 0\""));
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("report");
    fails(
        &[
            "--suites",
            path(&suites),
            "--output",
            output.to_str().unwrap(),
        ],
        &["s.toml:10:11", "divides by zero"],
    );
    assert!(!output.exists());
}

/// Whatever a suite says is quoted in one line.
#[test]
fn an_error_is_one_line() {
    let measure = "measure = \"params('resnet18')\"";
    for text in [
        claim(&format!("stated = \"1\\n2\"\n{measure}")),
        claim("stated = 1\nmeasure = \"\"\"params('vgg\\n61')\"\"\""),
        claim("cites = \"A\"").replace("s.a", "s.a\\nb"),
        HEAD.replace("\"s\"", "\"s\\r\\ns\"") + "[[claim]]\n",
        HEAD.to_string() + "models = [\"vgg\\n61\"]\n",
    ] {
        let output = convcheck(&["check", "--suites", path(&suite(&text))]);
        assert_eq!(output.status.code(), Some(2), "{text}");
        let error = String::from_utf8(output.stderr).unwrap();
        for line in error.lines() {
            assert!(line.starts_with("convcheck: /"), "{text}{error}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_leaves_the_folder_of_suites_is_an_error() {
    let [inside, outside] = [suite(claim("cites = \"A\"")), suite(claim("cites = \"A\""))];
    let link = |to: &str, name: &str| {
        std::os::unix::fs::symlink(outside.path().join(to), inside.path().join(name)).unwrap();
    };
    link("", "folder");
    stdout(&convcheck(&["check", "--suites", path(&inside)]));
    link("s.toml", "t.toml");
    fails(
        &["check", "--suites", path(&inside)],
        &["t.toml", "outside of the folder"],
    );
}

/// A text need not count its lines, nor have sections.
#[test]
fn section_and_line_may_be_left_out() {
    let text = claim("cites = \"A\"").replace("section = \"1\"\nline = 1\n", "");
    let (suites, report) = (suite(&text), tempfile::tempdir().unwrap());
    let main_job = [
        "--no-training",
        "--suites",
        path(&suites),
        "--output",
        path(&report),
    ];
    stdout(&convcheck(&main_job));
    let page = fs::read_to_string(report.path().join("s.html")).unwrap();
    assert!(page.contains("s.a") && !page.contains("line "), "{page}");
}

#[test]
fn tolerances_and_kinds_are_what_the_readme_says() {
    let vgg16 = |stated: &str| claim(&format!("stated = {stated}\nmeasure = \"params('vgg16')\""));
    for (stated, code) in [
        ("\"138.4M\"", 0),
        ("\"138M\"\ntolerance = \"exact\"", 1),
        ("\"139M\"", 1),
        ("138400000\ntolerance = \"printed\"", 0),
        ("1.38e8\ntolerance = \"printed\"", 0),
        ("1.380e8\ntolerance = \"printed\"", 1),
        ("138_000_000\ntolerance = 0.003", 0),
        ("138_000_000\ntolerance = 0.002", 1),
        ("138_357_540\ntolerance = { absolute = 4 }", 0),
        ("138_357_540\ntolerance = { absolute = 3 }", 1),
    ] {
        let output = convcheck(&["check", "--suites", path(&suite(vgg16(stated)))]);
        assert_eq!(output.status.code(), Some(code), "{stated}: {output:?}");
    }
    for (text, says) in [
        (
            vgg16("\"138,357,544\""),
            ["s.toml:9:10", "without quotes and commas"],
        ),
        (
            vgg16("[138357544]"),
            ["s.toml:9:10", "a list, [138,357,544]"],
        ),
        (vgg16("inf"), ["s.toml:9:10", "finite"]),
        (
            vgg16("1\ntolerance = 3"),
            ["s.toml:10:13", "{ absolute = 3 }"],
        ),
        (
            vgg16("1\ntolerance = \"abuot\""),
            ["s.toml:10:13", "\"about\""],
        ),
        (
            vgg16("138").replace("')", "') / 1000000"),
            ["s.toml:10:11", "ratio("],
        ),
    ] {
        fails(&["check", "--suites", path(&suite(text))], &says);
    }
    // a NaN within a list is no refutation either
    let nan = suite(claim("stated = [1]\nmeasure = \"[0.0 / 0.0]\""));
    let output = convcheck(&["check", "--suites", path(&nan)]);
    assert!(stdout(&output).contains("inconclusive"));
}

#[test]
fn a_report_may_stand_below_its_suites() {
    let suite = suite(claim("cites = \"A\""));
    let output = suite.path().join("reports/latest");
    for _ in 0..2 {
        let args = ["--suites", path(&suite), "--output"];
        stdout(&convcheck(
            &[&args[..], &[output.to_str().unwrap()]].concat(),
        ));
    }
}

/// Only what says that it is an experiment or describes a report is none: a schema of one's own hides no claims.
#[test]
fn a_suite_may_name_a_schema_of_its_own() {
    let text = claim("stated = 1\nmeasure = \"params('resnet18')\"\nverdict = \"confirmed\"");
    for (schema, code) in [("../formats/claims.json", 1), ("./suite.schema.json", 1)] {
        let suites = suite(format!("#:schema {schema}\n{text}"));
        fs::write(
            suites.path().join("e.toml"),
            "#:schema ../experiment.schema.json\nname = \"e\"\n",
        )
        .unwrap();
        let output = convcheck(&["check", "--suites", path(&suites)]);
        assert_eq!(output.status.code(), Some(code), "{schema}: {output:?}");
    }
}

#[test]
fn files_that_are_no_suites_are_refused() {
    let folder = suite(b"system = \"\xff\"".as_slice());
    fails(
        &["check", "--suites", path(&folder)],
        &["s.toml", "UTF-8", "byte 10"],
    );
    let folder = suite(vec![b'#'; 5 << 20]);
    fails(&["check", "--suites", path(&folder)], &["s.toml", "4 MiB"]);
    let folder = tempfile::tempdir().unwrap();
    fails(&["check", "--suites", path(&folder)], &["no *.toml"]);
    fails(
        &["check", "--suites", "/nowhere"],
        &["/nowhere: cannot read the folder: No such file"],
    );
    fs::create_dir(folder.path().join("a.toml")).unwrap();
    fails(&["check", "--suites", path(&folder)], &["a.toml"]);
}

/// They would not be heeded there.
#[test]
fn options_of_the_job_do_not_stand_before_a_command() {
    for args in [
        &["--suites", "own", "check"][..],
        &["--all", "check"],
        &["--output", "reports/latest", "report"],
    ] {
        let [option, command] = [args[0], args[args.len() - 1]];
        fails(args, &[option, &format!("in front of `{command}`")]);
    }
}

/// A project would not be heeded either.
#[test]
fn a_project_is_not_named_to_what_looks_at_none() {
    for args in [
        &["--project", "own", "schema"][..],
        &["compare", "a", "b", "--project", "own"],
        &["data", "verify", "--as", "digits", "--project", "own"],
        &["--project", "own", "completions", "bash"],
        &["--project", "own", "init", "other"],
    ] {
        fails(args, &["`--project` with `", "leave it out"]);
    }
}

#[test]
fn unknown_names_and_sizes_get_a_hint() {
    fails(&["show", "vgg61"], &["vgg61", "did you mean", "vgg16"]);
    fails(
        &["show", "vgg16", "--input", "3x10x10"],
        &["features.", "does not fit"],
    );
    fails(
        &["show", "vgg_paper_d", "--input", "3x256x256"],
        &["fc6", "25088"],
    );
    fails(
        &["show", "vgg16", "--input", "3x0x10"],
        &["3x0x10", "CxHxW"],
    );
    fails(&["show", "vgg16", "--input", "banana"], &["CxHxW"]);
    fails(
        &[
            "show",
            "vgg16_fully_convolutional",
            "--input",
            "3x4000000000x4000000000",
        ],
        &["exceed"],
    );
    fails(
        &["check", "alexnet.c1-paramters"],
        &["no claim", "did you mean alexnet.c1-parameters"],
    );
    fails(&["list", "planets"], &["planets"]);
    fails(&["reference", "/nowhere"], &["/nowhere"]);
    fails(&["frobnicate"], &["frobnicate"]);
}

#[test]
fn a_folder_that_cannot_be_used_is_exit_code_2() {
    let suite = suite(claim("cites = \"A\""));
    let main_job = ["--no-training", "--suites", path(&suite), "--output"];
    let file = tempfile::NamedTempFile::new().unwrap();
    let inside = file.path().join("report");
    fails(
        &[&main_job[..], &[inside.to_str().unwrap()]].concat(),
        &["report/training.jsonl", "cannot read it"],
    );
    // a folder stands where a file is to be
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("evidence.jsonl")).unwrap();
    fails(
        &[&main_job[..], &[path(&folder)]].concat(),
        &["evidence.jsonl", "cannot write it"],
    );
}

#[test]
fn an_epoch_that_is_no_number_is_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let output = command(&["--no-training", "--output", path(&folder)])
        .env("SOURCE_DATE_EPOCH", "soon")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing is left half-written"
    );
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_a_line_and_exit_code_2() {
    let mut child = command(&["list", "claims", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("standard output") && error.lines().count() == 1,
        "{error}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_exit_code_2() {
    for args in [
        &["list", "models"][..],
        &["--help"],
        &["--version"],
        &["train", "--help"],
        &["completions", "bash"],
        &["schema"],
    ] {
        let output = command(args)
            .stdout(fs::File::create("/dev/full").unwrap())
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains("No space left"), "{args:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{args:?}: {error}");
    }
}

/// Files that may not grow: an error of whoever writes them, not the end of the process.
#[cfg(unix)]
#[test]
fn a_file_that_is_too_large_is_a_line_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let limited = |args: &[&str], says: &str| {
        let script = "ulimit -f 1; exec \"$0\" \"$@\" > \"$OUT\"";
        let output = Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_convcheck")])
            .args(args)
            .env("OUT", folder.path().join("out"))
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(says), "{args:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{args:?}: {error}");
    };
    limited(&["list", "claims"], "standard output");
    limited(&["check", "--help"], "standard output");
    let svg = folder.path().join("x.svg");
    let svg = svg.to_str().unwrap();
    limited(
        &["show", "resnet18", "--svg", svg],
        "x.svg: cannot write it",
    );
    let project = folder.path().join("project");
    let project = project.to_str().unwrap();
    stdout(&convcheck(&["init", project]));
    limited(
        &["--project", project, "--no-training"],
        "cannot write it: File too large",
    );
    // nothing half-written
    assert!(!Path::new(svg).exists());
    for entry in fs::read_dir(format!("{project}/reports/latest")).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(!name.to_str().unwrap().starts_with('.'), "{name:?}");
    }
}

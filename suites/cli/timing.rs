//! The command that measures.

use crate::{HEAD, command, convcheck, fails, json, path, stdout, suite};
use serde_json::Value;
use std::fs;

/// A step that takes no time to speak of.
const TINY: [&str; 6] = ["time", "resnet20_digits", "--batch", "2", "--samples", "1"];

fn rows(text: &str) -> Vec<Value> {
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
    rows.collect()
}

#[test]
fn both_steps_are_timed() {
    let output = command(&[&TINY[..], &["--json"]].concat())
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .unwrap();
    let rows = rows(&stdout(&output));
    assert_eq!(rows.len(), 2);
    for (row, step) in rows.iter().zip(["inference", "training"]) {
        assert_eq!(row["what"]["network"]["step"], step);
        assert_eq!(row["engine"], "convcheck");
        assert_eq!(row["threads"], 1);
        assert_eq!(row["seconds"].as_array().unwrap().len(), 1);
        if cfg!(unix) {
            assert!(row["cpu_seconds"].as_f64().unwrap() > 0.0);
        }
    }
    let text = stdout(&convcheck(&TINY));
    for part in [
        "the CPU is measured",
        "thread",
        "resnet20_digits",
        "images/s",
    ] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    assert!(text.lines().skip(2).all(|line| line.len() <= 80), "{text}");
}

/// A folder keeps what was measured before; the same thing again is its next round.
#[test]
fn timings_are_added_to_a_folder_and_printed_again() {
    let folder = tempfile::tempdir().unwrap();
    let step = |step| {
        let arguments = ["--step", step, "--output", path(&folder)];
        stdout(&convcheck(&[&TINY[..], &arguments].concat()))
    };
    step("inference");
    step("training");
    step("training");
    let text = fs::read_to_string(folder.path().join("throughput.jsonl")).unwrap();
    let rounds: Vec<_> = rows(&text).iter().map(|row| row["round"].clone()).collect();
    assert_eq!(rounds, [1, 1, 2]);
    let printed = convcheck(&["time", "--from", path(&folder), "--json"]);
    // a file's lines have a checksum besides
    let mut lines = rows(&text);
    for line in &mut lines {
        assert!(line.as_object_mut().unwrap().remove("sum").is_some());
    }
    assert_eq!(rows(&stdout(&printed)), lines);
    let table = stdout(&convcheck(&["time", "--from", path(&folder)]));
    assert_eq!(table.matches("resnet20_digits").count(), 2, "{table}");
}

#[test]
fn what_cannot_be_timed_is_said_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let name = "resnet20_cifr";
    fails(&["time", name], &["did you mean", "resnet20_cifar"]);
    fails(&["time", "resnet18", "--batch", "0"], &["--batch is 0"]);
    // the system may promise what it does not have, and kill who takes it at its word
    let most = usize::MAX.to_string();
    for batch in ["100000000", &most] {
        let time = ["time", "resnet20_cifar", "--batch", batch];
        fails(&time, &["this batch", "GiB", "a smaller batch needs less"]);
    }
    fails(&["time", "resnet18", "--samples", "0"], &["--samples is 0"]);
    fails(&["time", "conv3x3", "--samples", "1"], &["no scores"]);
    fails(&["time", "--from", path(&folder)], &["throughput.jsonl"]);
    fails(&["time", "resnet18", "--from", path(&folder)], &["--from"]);
    let file = folder.path().join("throughput.jsonl");
    fs::write(&file, "{}\n").unwrap();
    let line = "throughput.jsonl: line 1 is no timing";
    fails(&["time", "--from", path(&folder)], &[line]);
    // what is measured is added to what is good, and what was there is kept
    let output = ["--output", path(&folder)];
    let measured = convcheck(&[&TINY[..], &output].concat());
    assert_eq!(measured.status.code(), Some(2));
    let error = String::from_utf8(measured.stderr).unwrap();
    assert!(
        error.contains(line) && error.contains("throughput.jsonl.damaged"),
        "{error}"
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("throughput.jsonl.damaged")).unwrap(),
        "{}\n"
    );
    stdout(&convcheck(&["time", "--from", path(&folder)]));
    // before anything is measured
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    fails(
        &[&TINY[..], &output].concat(),
        &["throughput.jsonl: cannot read it"],
    );
}

/// Of timings alone, by several engines, text, Markdown and page say in a sentence where this program stands.
#[test]
fn a_sentence_says_where_it_stands() {
    let h100 = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/2026-11-26-h100");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("timings.md");
    let markdown = ["--markdown", file.to_str().unwrap()];
    let text = stdout(&convcheck(
        &[&["time", "--from", h100][..], &markdown].concat(),
    ));
    stdout(&convcheck(&[
        "report",
        "--from",
        h100,
        "--output",
        path(&folder),
    ]));
    let markdown = fs::read_to_string(file).unwrap();
    let page = fs::read_to_string(folder.path().join("throughput.html")).unwrap();
    for shown in [&text, &markdown, &page] {
        for part in [
            "Against the best peer of each row, convcheck is 1.",
            "(the geometric mean of 16 rows, 12 of them without some of the peers; least ",
            " times as fast in training (",
        ] {
            assert!(shown.contains(part), "`{part}` is not in: {shown}");
        }
    }
    let row = |text: &str| {
        text.lines()
            .find(|line| line.contains("resnet50"))
            .map(String::from)
    };
    // of two peers the faster one
    for row in [row(&text), row(&markdown)] {
        let row = row.unwrap();
        assert!(
            row.contains("PyTorch compiled") && row.contains("1.11 x (1.11 to 1.11)"),
            "{row}"
        );
    }
}

/// A report shows the timings of its folder.
#[test]
fn the_report_shows_timings() {
    let folder = tempfile::tempdir().unwrap();
    stdout(&convcheck(&["--no-training", "--output", path(&folder)]));
    let index = || fs::read_to_string(folder.path().join("index.html")).unwrap();
    assert!(!index().contains("throughput.html"));
    let output = ["--output", path(&folder)];
    stdout(&convcheck(&[&TINY[..], &output].concat()));
    stdout(&convcheck(&["report", "--from", path(&folder)]));
    assert!(index().contains("throughput.html"));
    let page = fs::read_to_string(folder.path().join("throughput.html")).unwrap();
    assert!(page.contains("resnet20_digits"));
}

/// The first page leads to the reports that stand below it, and to none where there are none.
#[test]
fn the_report_links_those_of_other_records() {
    let record = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/2026-11-26-h100");
    let folder = tempfile::tempdir().unwrap();
    let draw = |output: &str| {
        let output = folder.path().join(output);
        let output = ["--output", output.to_str().unwrap()];
        stdout(&convcheck(
            &[&["report", "--from", record], &output[..]].concat(),
        ));
        fs::read_to_string(folder.path().join("index.html")).unwrap_or_default()
    };
    fs::create_dir_all(folder.path().join("records/no-report")).unwrap();
    assert!(!draw("").contains("records/"));
    draw("records/2026-11-26-h100");
    draw("records/half #1");
    let index = draw("");
    for link in [
        "records/2026-11-26-h100/index.html",
        "records/half%20%231/index.html",
    ] {
        assert!(index.contains(&format!("href=\"{link}\"")), "{link}");
    }
    assert!(!index.contains("no-report"));
}

/// Measures read what the report shows of a record; without it a claim is untested, and fails nothing.
#[test]
fn a_claim_may_be_about_timings() {
    let measure = "geometric_mean(speedups('training', 'h100'))";
    let folder = suite(format!(
        "{HEAD}[[claim]]\nid = \"s.a\"\nsays = \"A.\"\nstated = 1.0\nmeasure = \"{measure}\"\nverdict = \"refuted\"\nnote = \"n\"\n"
    ));
    let h100 = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/2026-11-26-h100");
    let runs = tempfile::tempdir().unwrap();
    let check = [
        "check",
        "--json",
        "--suites",
        path(&folder),
        "--runs",
        path(&runs),
    ];
    let without = &json(&check)[0];
    assert_eq!(without["verdict"], "untested");
    assert_eq!(
        without["because"],
        "a record `h100` with timings, which is in none of the folders of --runs"
    );
    let record = runs.path().join("h100");
    fs::create_dir(&record).unwrap();
    fs::copy(
        format!("{h100}/throughput.jsonl"),
        record.join("throughput.jsonl"),
    )
    .unwrap();
    // a record that is named twice is one
    let twice = [&check[..], &["--runs", record.to_str().unwrap()]].concat();
    let with = &json(&twice)[0];
    assert_eq!(*with, json(&check)[0]);
    assert_eq!(
        (&with["verdict"], &with["method"]),
        (&Value::from("refuted"), &Value::from("timed"))
    );
    let found = with["found"].as_f64().unwrap();
    let text = stdout(&convcheck(&["time", "--from", h100]));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, training) = text.split_once(", and ").unwrap();
    let said: f64 = training.split(' ').next().unwrap().parse().unwrap();
    assert!((found - said).abs() < 5e-3, "{found} {said}");
    // a line that is not as it was written is named, and the others are used
    fs::write(record.join("throughput.jsonl"), "{}\n").unwrap();
    let output = convcheck(&check);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("throughput.jsonl: line 1 is no timing"),
        "{error}"
    );
}

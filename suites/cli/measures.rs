//! Measures of strangers: each ends, with a value or one line that says where it stands.

use super::{HEAD, command, convcheck, path};
use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Loops within one another, each over ten numbers.
fn loops(times: usize) -> String {
    let numbers = "[1,2,3,4,5,6,7,8,9,10]";
    format!(
        "{}true{}",
        format!("{numbers}.all(x, ").repeat(times),
        ")".repeat(times)
    )
}

#[test]
fn a_measure_that_costs_too_much_or_is_none_is_one_line() {
    let grown = format!("['a']{}[0].size()", ".map(a,a+a+a+a+a+a+a+a)".repeat(10));
    let claims = [
        (loops(8), "5", "steps"),
        (grown, "5", "parts"),
        (vec!["1"; 7001].join("+"), "5", "one within the other"),
        (format!("'{}'", "a".repeat(70_000)), "5", "bytes"),
        (String::new(), "5", "it is empty"),
        ("1 + * 2".into(), "5", "`*` is not expected here"),
        ("1".into(), "1979-05-27", "a value is a number, a text"),
        ("1".into(), "{a = 1}", "a value is a number, a text"),
        (
            "first_loss('resnet152', 'torch', 0, 2, 'train')".into(),
            "5",
            "slow = true",
        ),
    ];
    let mut suite = HEAD.to_string();
    for (i, (measure, stated, _)) in claims.iter().enumerate() {
        suite += &format!(
            "[[claim]]\nid = \"s.c{i}\"\nsays = \"A.\"\nstated = {stated}\nmeasure = \"{measure}\"\n"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.toml"), suite).unwrap();
    let output = convcheck(&["check", "--suites", path(&folder)]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error.lines().count(), claims.len(), "{error}");
    for (i, (_, stated, what)) in claims.iter().enumerate() {
        // each claim has five lines, behind the two of the head; the measure is the last
        let line = 2 + 5 * i + if stated.len() > 1 { 4 } else { 5 };
        let said = error
            .lines()
            .find(|said| said.contains(&format!("s.toml:{line}:")));
        assert!(
            said.is_some_and(|said| said.contains(what)),
            "{line} {what}: {error}"
        );
    }
}

#[test]
fn ctrl_c_stops_a_measure() {
    let folder = tempfile::tempdir().unwrap();
    let measure = "range.all(seed, first_loss('resnet152', 'torch', seed, 4, 'train') > 0.0)"
        .replace("range", &format!("[{}]", vec!["0"; 100].join(",")));
    let suite = format!(
        "{HEAD}[[claim]]\nid = \"s.a\"\nsays = \"A.\"\nstated = true\nslow = true\nmeasure = \"{measure}\"\n"
    );
    fs::write(folder.path().join("s.toml"), suite).unwrap();
    let child = command(&["check", "--all", "--suites", path(&folder)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    sleep(Duration::from_secs(5));
    let begin = Instant::now();
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let output = child.wait_with_output().unwrap();
    // a layer that has begun is finished: one of a machine that does much else takes its time
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("stopped after 0 of 1 claims"), "{error}");
    assert_eq!(output.status.code(), Some(75));
}

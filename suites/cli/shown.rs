//! What a stranger wrote, as a terminal gets it.

use crate::{command, convcheck, fails, path, suite};
use std::fs;
use std::process::Output;

/// A suite whose texts would paint a line over, end it, turn it round, or hide in it.
const HOSTILE: &str = r#"
system = "ctl"
title = "C \u001b]0;PWNTITLE\u0007 \u001b[2J"
[[claim]]
id = "ctl.a"
section = "1\u001b[31m"
says = "esc \u001b]8;;http://evil.invalid\u001b\\click\u001b]8;;\u001b\\ nul \u0000 bell \u0007 fffe \uFFFE \u009b2J \u202e tab \t."
stated = "\u001b[32mconfirmed\u001b[0m"
measure = "'x\u001b[1A\u001b[2K\\nall confirmed\u0000\u0008'"
note = "n | x \u0000 \n\n# head"
[[claim]]
id = "ctl.b"
says = "cr \r overwritten \u2028 x"
cites = "\u001b[31m"
"#;

/// No byte of it is a command: both streams as text.
fn harmless(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let acts = |c: char| {
            c.is_control() && c != '\n'
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!text.contains(acts), "{text:?}");
        text
    };
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn control_sequences_of_a_suite_are_text() {
    let folder = suite(HOSTILE);
    let [junit, markdown] = ["j.xml", "m.md"].map(|file| folder.path().join(file));
    let files = [
        "--junit",
        junit.to_str().unwrap(),
        "--markdown",
        markdown.to_str().unwrap(),
    ];
    let check = ["check", "--suites", path(&folder)];
    let output = convcheck(&[&check[..], &files].concat());
    assert_eq!(output.status.code(), Some(1));
    let (said, _) = harmless(&output);
    for shown in ["\\u001B[32mconfirmed", "x\\u001B[1A\\u001B[2K\\nall"] {
        assert!(said.contains(shown), "{said}");
    }
    assert!(
        !said
            .lines()
            .any(|line| line.trim_start().starts_with("all confirmed")),
        "{said}"
    );
    for file in [junit, markdown] {
        let text = fs::read_to_string(file).unwrap();
        let is_there = text.contains("\\u001B[1A") || text.contains("\\\\u001B\\[1A");
        assert!(is_there, "{text}");
        assert!(
            !text.contains(|c: char| c.is_control() && c != '\n'),
            "{text:?}"
        );
    }
    // JSON says the very same, and no byte of it acts either
    let output = convcheck(&[&check[..], &["--json"]].concat());
    let (json, _) = harmless(&output);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        rows[0]["found"],
        "x\u{1b}[1A\u{1b}[2K\nall confirmed\0\u{8}"
    );
    assert!(
        rows[0]["says"]
            .as_str()
            .unwrap()
            .contains("\u{fffe} \u{9b}2J \u{202e} tab \t.")
    );
}

#[test]
fn a_project_of_a_stranger_is_text() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[[document]]\ntitle = \"T \\u001b[2J\\nall confirmed\"\nsource = \"\\u202e\"\nsuites = [\"s.toml\"]\n";
    fs::write(folder.path().join("convcheck.toml"), text).unwrap();
    fs::write(folder.path().join("s.toml"), HOSTILE).unwrap();
    let within = ["--project", path(&folder)];
    for list in ["claims", "suites", "models", "experiments"] {
        for form in [&[][..], &["--json"]] {
            let output = convcheck(&[&within[..], &["list", list], form].concat());
            assert!(output.status.success());
            harmless(&output);
        }
    }
    let output = convcheck(&[&within[..], &["--no-training"]].concat());
    let (said, _) = harmless(&output);
    assert!(said.contains("T \\u001B[2J\\nall confirmed"), "{said}");
    let latest = folder.path().join("reports/latest");
    for page in ["index.html", "claims.html", "ctl.html"] {
        let html = fs::read_to_string(latest.join(page)).unwrap();
        assert!(
            !html.contains(|c: char| c.is_control() && !"\n\t".contains(c)),
            "{page}"
        );
        assert!(html.contains("\\u001B"), "{page}");
    }
}

#[test]
fn errors_are_a_line_whatever_they_quote() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a\u{1b}[31m\nconvcheck: all confirmed\u{202e}";
    let hostile = folder.path().join(format!("{name}.toml"));
    fs::write(&hostile, "system = \"S \\u001b[2J\\n\\u2028\"\ntitle = \"\"\n[[claim]]\nid = \"\\u0007\\n\"\nsays = \"\"\n").unwrap();
    let output = convcheck(&["check", "--suites", path(&folder)]);
    assert_eq!(output.status.code(), Some(2));
    let (_, error) = harmless(&output);
    assert!(
        error.contains("a\\u001B[31m\\nconvcheck: all confirmed\\u202E.toml:"),
        "{error}"
    );
    assert!(
        !error.lines().any(|line| line.starts_with("convcheck: all")),
        "{error}"
    );
    let missing = folder.path().join("no\n\u{1b}[2J\u{9b}");
    let missing = missing.to_str().unwrap();
    for args in [
        &["show", "vgg\u{1b}[31m\n16"][..],
        &["train", "\u{1b}[31m"],
        &["data", "verify", missing],
        &["report", "--from", missing],
        &["compare", missing, missing],
        &[
            "forward",
            "lenet5",
            "--weights",
            missing,
            "--input",
            "fill",
            "--output",
            missing,
        ],
        &["time", "--from", missing],
        &["--project", missing, "list", "claims"],
        &["che\u{1b}[31mck\u{202e}"],
        &["data", "fetch", "\u{9b}31m"],
    ] {
        fails(args, &["\\u"]);
        let (_, error) = harmless(&command(args).output().unwrap());
        assert!(
            args.len() == 1 || args[1] == "fetch" || error.lines().count() == 1,
            "{error}"
        );
    }
}

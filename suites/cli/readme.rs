//! The README's figures of speed are claims over the committed records.

use crate::convcheck;
use serde_json::Value;
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What follows a number that is a speed.
const UNITS: [&str; 3] = ["ms", "images/s", "times"];

/// Words of prose, without those of code.
fn prose(markdown: &str) -> String {
    let outside = markdown.split("\n```").step_by(2);
    let words = outside.flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}

/// The number that a word is, as it is printed.
fn number(word: &str) -> Option<&str> {
    let is_around = |c: char| !c.is_ascii_digit();
    let number = word.trim_matches(is_around);
    let around = word.replacen(number, "", 1);
    let is_one = !number.is_empty() && around.chars().all(|c| ",.;:()".contains(c));
    (is_one && number.replace(',', "").parse::<f64>().is_ok()).then_some(number)
}

/// The numbers of sentences about speed that are figures: those with a unit or a point.
fn figures(prose: &str) -> Vec<&str> {
    let mut figures = Vec::new();
    for sentence in prose.split_inclusive(". ") {
        let words: Vec<&str> = sentence.split(' ').collect();
        let has_unit = |i: usize| {
            let next = words
                .get(i + 1)
                .map(|word| word.trim_matches(&[',', '.', ';', ':', ')'][..]));
            next.is_some_and(|next| UNITS.contains(&next))
        };
        let numbers: Vec<(usize, &str)> = (words.iter().enumerate())
            .filter_map(|(i, word)| Some((i, number(word)?)))
            .collect();
        if numbers.iter().any(|(i, _)| has_unit(*i)) {
            let are = numbers
                .iter()
                .filter(|(i, number)| has_unit(*i) || number.contains('.'));
            figures.extend(are.map(|(_, number)| *number));
        }
    }
    figures
}

#[test]
fn figures_of_speed_are_found() {
    let text = "It takes 22.4 ms at batch 128, where\nothers take (24.9). Version 1.2 is 3 times as fast.\n```sh\nsleep 5 ms\n```\nOn 2.5 disks it is many times that. 7,000 images/s.";
    assert_eq!(figures(&prose(text)), ["22.4", "24.9", "1.2", "3", "7,000"]);
}

/// Each is confirmed by a record, stands in the README word for word, and there are no others.
#[test]
fn each_figure_of_speed_is_a_confirmed_claim() {
    let root = Path::new(ROOT);
    let readme = prose(&fs::read_to_string(root.join("README.md")).unwrap());
    let suites = root.join("ci/readme");
    let mut check = vec!["check", "--json", "--suites", suites.to_str().unwrap()];
    // those of this machine are no part of the repository
    let records = fs::read_dir(root.join("reports")).unwrap();
    let records = records.map(|entry| entry.unwrap().path());
    let records = records.filter(|path| path.is_dir() && !path.ends_with("latest"));
    let records: Vec<String> = records.map(|path| path.display().to_string()).collect();
    for record in &records {
        check.extend(["--runs", record]);
    }
    let output = convcheck(&check);
    let error = String::from_utf8(output.stderr).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{error}{said}");
    let claims: Vec<Value> = serde_json::from_str(&said).unwrap();
    let text = |claim: &Value, key: &str| claim[key].as_str().unwrap().to_string();
    for claim in &claims {
        assert_eq!(claim["verdict"], "confirmed", "{claim}");
        assert_eq!(claim["method"], "timed", "{claim}");
        let says = text(claim, "says");
        assert!(readme.contains(&says), "README.md does not say: {says}");
    }
    let figures = figures(&readme);
    assert!(!figures.is_empty());
    for figure in figures {
        let value: f64 = figure.replace(',', "").parse().unwrap();
        let states = |claim: &&Value| {
            claim["stated"].as_f64() == Some(value) && text(claim, "says").contains(figure)
        };
        assert!(
            claims.iter().any(|claim| states(&claim)),
            "README.md has {figure}, which no claim of ci/readme/readme.toml states"
        );
    }
}

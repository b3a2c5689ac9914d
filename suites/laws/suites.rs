//! Laws over the suites about the document.

use crate::{law, repository};
use convcheck::claim::{self, Basis, EMBEDDED, Kind, schema};
use convcheck::document;
use convcheck::zoo::Registry;
use libtest_mimic::Trial;
use std::collections::BTreeSet;

pub fn trials() -> Vec<Trial> {
    vec![
        law("suites::every-file-is-embedded", embedded),
        law("suites::their-folder-holds-what-is-embedded", folder),
        law("suites::every-file-names-the-schema-first", first_line),
        law("suites::the-schema-file-is-the-format", schema_file),
        law("suites::they-name-registered-models", models),
        law("suites::what-is-refuted-says-what-is-right", refuted),
        law("suites::every-suite-explains-itself", prose),
    ]
}

fn embedded() {
    let mut on_disk: Vec<String> = std::fs::read_dir(repository("suites"))
        .unwrap()
        .map(|entry| {
            format!(
                "suites/{}",
                entry.unwrap().file_name().into_string().unwrap()
            )
        })
        .filter(|file| file.ends_with(".toml") && file != document::EMBEDDED.0)
        .collect();
    on_disk.sort();
    let mut listed: Vec<&str> = EMBEDDED.iter().map(|(file, _)| *file).collect();
    listed.sort_unstable();
    assert_eq!(listed, on_disk, "claim::EMBEDDED and the folder differ");
}

/// Experiments stand among the suites, and are none.
fn folder() {
    let read = claim::load(&repository("suites"));
    assert!(read.errors.is_empty(), "{:?}", read.errors);
    let mut systems: Vec<String> = (claim::embedded().unwrap().into_iter())
        .map(|suite| suite.system)
        .collect();
    systems.sort_unstable();
    let mut read: Vec<String> = read.suites.into_iter().map(|suite| suite.system).collect();
    read.sort_unstable();
    assert_eq!(read, systems);
}

fn first_line() {
    for (file, text) in EMBEDDED {
        assert_eq!(
            text.lines().next(),
            Some("#:schema ./suite.schema.json"),
            "{file}"
        );
    }
}

fn schema_file() {
    let file = repository("suites/suite.schema.json");
    let written: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(
        written,
        schema(),
        "write it anew: convcheck schema > suites/suite.schema.json"
    );
}

fn models() {
    for suite in claim::embedded().unwrap() {
        for model in &suite.models {
            assert!(
                Registry::builtin().find(&model.name).is_ok(),
                "{}: {}",
                model.at,
                model.name
            );
        }
    }
}

fn refuted() {
    for suite in claim::embedded().unwrap() {
        for claim in &suite.claims {
            if claim.recorded == Some(Kind::Refuted) {
                assert!(
                    claim.trial().is_some() || claim.recorded_found.is_some(),
                    "{}: `{}` records no value",
                    claim.at,
                    claim.id
                );
                assert!(
                    claim.note.is_some(),
                    "{}: `{}` does not say what is right",
                    claim.at,
                    claim.id
                );
            }
        }
    }
}

fn prose() {
    let mut systems = BTreeSet::new();
    for suite in claim::embedded().unwrap() {
        assert!(
            systems.insert(suite.system.clone()),
            "two suites about {}",
            suite.system
        );
        assert!(!suite.claims.is_empty(), "{} claims nothing", suite.system);
        assert!(
            suite.analysis.len() > 200,
            "{} explains nothing",
            suite.system
        );
        for claim in &suite.claims {
            assert!(
                claim.section.is_some() && claim.line.is_some(),
                "{}: `{}` does not say where the article has it",
                claim.at,
                claim.id
            );
            let reason = match &claim.basis {
                Basis::Measure(measure) => &measure.expression,
                Basis::Trial(trial) => &trial.experiment,
                Basis::Citation(text) | Basis::Needs(text) => text,
            };
            assert!(
                reason.trim().len() > 4,
                "{}: `{}` has no basis",
                claim.at,
                claim.id
            );
            assert!(
                claim.says.ends_with(['.', '?']),
                "{}: `{}` is no sentence",
                claim.at,
                claim.id
            );
        }
    }
}

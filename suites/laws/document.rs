//! Laws over what the report shows of the article beside its claims.

use crate::{law, repository};
use convcheck::claim::{self, Claim};
use convcheck::document::{self, EMBEDDED, schema};
use convcheck::experiment;
use convcheck::zoo::Registry;
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    vec![
        law("document::its-file-names-the-schema-first", first_line),
        law("document::the-schema-file-is-the-format", schema_file),
        law("document::it-names-models-and-arms-that-are-there", named),
    ]
}

fn first_line() {
    let (file, text) = EMBEDDED;
    let first = text.lines().next();
    assert_eq!(first, Some("#:schema ./report.schema.json"), "{file}");
}

fn schema_file() {
    let file = repository("suites/report.schema.json");
    let written: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(
        written,
        schema(),
        "write it anew: convcheck schema report > suites/report.schema.json"
    );
}

fn named() {
    let document = document::embedded().unwrap();
    let registry = Registry::builtin();
    let savings = document.savings.iter().flat_map(|savings| &savings.bars);
    let gradients = document.gradients.iter().flat_map(|shown| &shown.lines);
    let losses = document.first_losses.iter().flat_map(|shown| &shown.bars);
    let suites = claim::embedded().unwrap();
    let claims: Vec<&Claim> = suites.iter().flat_map(|suite| &suite.claims).collect();
    for bar in losses.clone() {
        let is_it = |claim: &&Claim| claim.id == bar.printed && claim.measure().is_some();
        assert!(claims.iter().any(is_it), "{}", bar.printed);
    }
    let models = savings
        .flat_map(|bar| [&bar.costly, &bar.cheap])
        .chain(gradients.map(|line| &line.model))
        .chain(losses.map(|bar| &bar.model));
    for model in models {
        assert!(registry.find(model).is_ok(), "{model}");
    }
    let experiments = experiment::embedded(&registry).unwrap();
    for pair in &document.pairs {
        let both = experiments.iter().filter(|one| {
            [&pair.of, &pair.against]
                .map(|side| one.arm(&side.arm))
                .iter()
                .all(Option::is_some)
        });
        assert!(
            both.count() > 0,
            "{}: no experiment has both arms",
            pair.title
        );
    }
}

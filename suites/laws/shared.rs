//! Laws that need data beside the repository, in `../shared`: the reference from PyTorch, the
//! inventory of the document's statements, a published checkpoint. Without it each is skipped by
//! name; the snapshots then carry what they would show.

use crate::repository;
use candle_core::DType;
use convcheck::claim;
use convcheck::data::{self, Source};
use convcheck::net::checkpoint::{self, Head};
use convcheck::reference::{self, Comparison};
use convcheck::zoo::Registry;
use libtest_mimic::{Completion, Trial};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

pub fn trials() -> Vec<Trial> {
    let compared = Arc::new(OnceLock::new());
    let mut trials: Vec<Trial> = Registry::builtin()
        .models()
        .cloned()
        .map(|model| {
            let compared = Arc::clone(&compared);
            needs(
                format!("reference::{}", model.name),
                "reference",
                move |folder| {
                    let compared =
                        compared.get_or_init(|| reference::compare(&folder, &Registry::builtin()));
                    let compared = compared.as_ref().map_err(ToString::to_string)?;
                    match compared
                        .iter()
                        .find(|comparison| comparison.model == model.name)
                    {
                        None => Ok(Completion::ignored_with(
                            "the reference does not have this model",
                        )),
                        Some(Comparison { disagreements, .. }) if disagreements.is_empty() => {
                            Ok(Completion::Completed)
                        }
                        Some(comparison) => Err(comparison.disagreements.join("\n")),
                    }
                },
            )
        })
        .collect();
    trials.push(needs(
        "inventory::every-statement-is-accounted-for",
        "claims/claims.json",
        accounted,
    ));
    trials.push(needs(
        "checkpoint::resnet20_cifar",
        "weights/resnet20-cifar10.safetensors",
        checkpoint,
    ));
    trials.push(needs("data::mnist", "data/mnist", digits));
    trials.push(needs("data::pokemon", "data/pokemon", pictures));
    trials
}

/// MNIST is what everybody knows it to be.
fn digits(folder: PathBuf) -> Result<Completion, String> {
    let found = data::survey(
        Source::recognise(&folder).map_err(text)?,
        Some(&folder),
        None,
    );
    let found = found.map_err(text)?;
    let [train, test] = &found.statistics[..] else {
        return Err("there are not two parts".into());
    };
    let rounded = |x: f64| (x * 10_000.0).round() / 10_000.0;
    let known = (train.images, test.images) == (60_000, 10_000)
        && [rounded(train.mean[0]), rounded(train.deviation[0])] == [0.1307, 0.3081]
        && train
            .classes
            .iter()
            .zip(&test.classes)
            .map(|(a, b)| a + b)
            .eq([6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]);
    match known {
        true => Ok(Completion::Completed),
        false => Err(format!("{:?}", found.statistics)),
    }
}

/// The folder of Pokemon has five classes, of whose pictures some are there twice.
fn pictures(folder: PathBuf) -> Result<Completion, String> {
    let found = data::survey(Source::Folder, Some(&folder), None).map_err(text)?;
    let classes = ["bulbasaur", "charmander", "mewtwo", "pikachu", "squirtle"];
    let parts: Vec<usize> = found.statistics.iter().map(|part| part.images).collect();
    match found.classes == classes && parts == [700, 233, 234] {
        true => Ok(Completion::Completed),
        false => Err(format!("{:?} in {parts:?}", found.classes)),
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// A law about a file or folder beside the repository; skipped, saying so, where it is absent.
pub fn needs(
    name: impl Into<String>,
    shared: impl Into<String>,
    holds: impl FnOnce(PathBuf) -> Result<Completion, String> + Send + 'static,
) -> Trial {
    let shared = shared.into();
    Trial::ignorable_test(name, move || {
        let path = repository("../shared").join(&shared);
        if path.exists() {
            holds(path).map_err(Into::into)
        } else {
            Ok(Completion::ignored_with(format!(
                "there is no ../shared/{shared}"
            )))
        }
    })
}

#[derive(Deserialize)]
struct Statement {
    id: String,
    line: u32,
}

/// Every statement of the document is claimed or covered, once, on its line, and no suite accounts
/// for a statement that the inventory does not have; figures and papers' tables, and findings about
/// several statements together, have suites with ids of their own.
fn accounted(inventory: PathBuf) -> Result<Completion, String> {
    let text = std::fs::read_to_string(inventory).map_err(|e| e.to_string())?;
    let statements: Vec<Statement> = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let by_id: BTreeMap<&str, &Statement> = statements.iter().map(|s| (s.id.as_str(), s)).collect();
    let mut faults = Vec::new();
    let mut accounted = BTreeSet::new();
    let suites = claim::embedded().map_err(|e| e.to_string())?;
    let about_statements = suites
        .iter()
        .filter(|suite| !["figures", "findings", "digits"].contains(&suite.system.as_str()));
    for claim in about_statements.flat_map(|suite| &suite.claims) {
        match by_id.get(claim.id.as_str()) {
            Some(statement) if Some(statement.line) != claim.line => {
                faults.push(format!(
                    "{} is on line {}, not {:?}",
                    claim.id, statement.line, claim.line
                ));
            }
            Some(_) => {}
            None => faults.push(format!("{} is not in the inventory", claim.id)),
        }
        accounted.insert(claim.id.as_str());
        for id in &claim.covers {
            if !by_id.contains_key(id.as_str()) {
                faults.push(format!(
                    "{id}, covered by {}, is not in the inventory",
                    claim.id
                ));
            }
            accounted.insert(id.as_str());
        }
    }
    faults.extend(
        statements
            .iter()
            .filter(|s| !accounted.contains(s.id.as_str()))
            .map(|s| format!("{} is not accounted for", s.id)),
    );
    if faults.is_empty() {
        Ok(Completion::Completed)
    } else {
        Err(faults.join("\n"))
    }
}

/// The published checkpoint's tensors are our CIFAR ResNet-20's, by name and shape, and no other
/// registered network is nearer.
fn checkpoint(file: PathBuf) -> Result<Completion, String> {
    let tensors = checkpoint::read(&file).map_err(|e| e.to_string())?;
    let model = Registry::builtin()
        .find("resnet20_cifar")
        .map_err(|e| e.to_string())?;
    let graph = model.graph().map_err(|e| e.to_string())?;
    let fitted = checkpoint::fit(&tensors, &graph, Head::Same, DType::F32);
    let fitted = fitted.map_err(|e| e.to_string())?;
    let registry = Registry::builtin();
    let nearest = checkpoint::best_fit(&tensors, &registry);
    if fitted.tensors.len() == tensors.len() && nearest[0] == (model.name.as_str(), 0) {
        Ok(Completion::Completed)
    } else {
        Err(format!("{:?}, {:?}", fitted.unused, &nearest[..3]))
    }
}

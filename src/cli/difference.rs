//! The commands that say in what networks differ, and which network a file is.

use super::said::{Outcome, Said, json, warn};
use super::{DiffOptions, IdentifyOptions};
use anyhow::{Context, Result, bail};
use convcheck::difference::{
    Difference, Near, TensorDifference, between, nearest, nearest_of_tensors, networks, of_network,
};
use convcheck::graph::Graph;
use convcheck::net::checkpoint::{self, Checkpoint, Head, StateDict, TOP};
use convcheck::visible::line;
use convcheck::zoo::{Registry, ZooError};
use convcheck::{foreign, record, report};
use serde::Serialize;
use std::path::Path;

/// Lines of one kind of difference in full, and in few.
const MOST_LINES: usize = 40;
const FEW_LINES: usize = 4;
/// So many networks are named as the nearest.
const NEAREST: usize = 3;

/// How files of weights are called.
const WEIGHTS: [&str; 7] = ["safetensors", "pth", "pt", "ckpt", "bin", "tar", "pkl"];

/// What is compared.
enum Subject {
    /// A network, under its full name.
    Network(String, Box<Graph>),
    /// Weights alone.
    Weights(Checkpoint),
}

impl Subject {
    /// A registered network, a file of one, or a checkpoint.
    fn find(text: &str, registry: &Registry) -> Result<Subject> {
        let path = Path::new(text);
        let is_named_so = path.extension().is_some_and(|extension| {
            WEIGHTS
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known))
        });
        if is_named_so && !foreign::is_file(text) && (path.exists() || text.contains('/')) {
            return Ok(Subject::Weights(checkpoint::open(path)?));
        }
        match registry.find(text) {
            Ok(model) => Ok(Subject::Network(
                model.name.clone(),
                Box::new(model.graph()?),
            )),
            Err(ZooError::Unknown { .. } | ZooError::Expression { .. }) if path.is_file() => {
                Ok(Subject::Weights(checkpoint::open(path)?))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What two are called, and what differs.
#[derive(Serialize)]
struct Compared<'a, D> {
    a: &'a str,
    b: &'a str,
    /// Whether they are the same, as the exit code has it.
    same: bool,
    difference: &'a D,
}

/// What differs between two networks, or checkpoints.
pub fn diff(options: &DiffOptions, registry: &Registry) -> Result<Said> {
    let names = [options.a.as_str(), options.b.as_str()];
    let a = Subject::find(&options.a, registry)?;
    let b = Subject::find(&options.b, registry)?;
    match (a, b) {
        (Subject::Network(_, a), Subject::Network(_, b)) => of_networks(options, names, &a, &b),
        (Subject::Network(_, graph), Subject::Weights(weights)) => {
            let dict = weights.of(&graph, Head::Same)?;
            of_tensors(options, names, &of_network(&graph, &dict.tensors))
        }
        (Subject::Weights(weights), Subject::Network(_, graph)) => {
            let dict = weights.of(&graph, Head::Same)?;
            of_tensors(options, names, &of_network(&graph, &dict.tensors).turned())
        }
        (Subject::Weights(a), Subject::Weights(b)) => {
            let (a, b) = (a.likely(), b.likely());
            for (name, dict) in names.iter().zip([&a, &b]) {
                if dict.key != TOP {
                    warn(format_args!(
                        "{name}: compared are its tensors under `{}`",
                        dict.key
                    ));
                }
            }
            of_tensors(options, names, &between(&a.tensors, &b.tensors))
        }
    }
}

fn of_networks(options: &DiffOptions, names: [&str; 2], a: &Graph, b: &Graph) -> Result<Said> {
    let mut difference = networks(a, b)?;
    // on one input only what is made otherwise differs
    let resized = (a.input() != b.input()).then(|| b.at(a.input()));
    if let Some(Ok(resized)) = resized {
        let at_input = networks(a, &resized)?;
        difference = Difference {
            b: difference.b,
            changed: (at_input.changed.into_iter())
                .chain(
                    difference
                        .changed
                        .into_iter()
                        .filter(|one| one.kind == "input"),
                )
                .collect(),
            ..at_input
        };
    }
    if let Some(file) = &options.html {
        let page = report::difference_html(names, &difference, [a, b]);
        record::write(file, page.as_bytes())?;
    }
    let same = difference.is_same()
        && (!options.names || difference.renamed.is_empty())
        && !(options.training && difference.differs_in_training());
    said(options, names, same, &difference, || {
        report::difference_text(names, &difference, MOST_LINES)
    })
}

fn of_tensors(
    options: &DiffOptions,
    names: [&str; 2],
    difference: &TensorDifference,
) -> Result<Said> {
    if let Some(file) = &options.html {
        let page = report::tensor_difference_html(names, difference);
        record::write(file, page.as_bytes())?;
    }
    said(options, names, difference.count() == 0, difference, || {
        report::tensor_difference_text(names, difference, MOST_LINES)
    })
}

fn said(
    options: &DiffOptions,
    [a, b]: [&str; 2],
    same: bool,
    difference: &impl Serialize,
    text: impl Fn() -> String,
) -> Result<Said> {
    let text = match options.json {
        true => json(&Compared {
            a,
            b,
            same,
            difference,
        })?,
        false => text(),
    };
    Ok(Said {
        text,
        outcome: match same {
            true => Outcome::Passes,
            false => Outcome::Fails,
        },
    })
}

/// A registered network near to a file.
#[derive(Serialize)]
struct Candidate<'a, D> {
    /// Its name, with arguments.
    model: &'a str,
    /// What it is.
    source: &'a str,
    /// Layers that differ, or tensors.
    differs: usize,
    /// From it, A, to the file, B.
    difference: &'a D,
}

/// Which registered networks are nearest to a file, and what differs.
pub fn identify(options: &IdentifyOptions, registry: &Registry) -> Result<Said> {
    let file = options.file.as_str();
    match Subject::find(file, registry).with_context(|| "cannot identify it")? {
        Subject::Network(name, graph) => {
            let near = nearest(&graph, registry, NEAREST);
            let what = |near: &Near<Difference>| {
                let likeness = 100.0 * near.difference.likeness();
                format!("{likeness:.0} %")
            };
            let same = |near: &Near<Difference>| near.difference.is_same();
            let brief =
                |near: &Near<Difference>| report::difference_brief(&near.difference, FEW_LINES);
            identified(
                options,
                &name,
                &near,
                Difference::count,
                (what, same, brief),
            )
        }
        Subject::Weights(weights) => {
            let StateDict { key, tensors, .. } = weights.likely();
            let name = match key == TOP {
                true => file.to_string(),
                false => format!("{file}, tensors under `{key}`"),
            };
            let near = nearest_of_tensors(&tensors, registry, NEAREST);
            let what = |near: &Near<TensorDifference>| {
                let [own, _] = near.difference.a;
                let missing = near.difference.only_a.len() + near.difference.reshaped.len();
                let same = own.saturating_sub(missing as u64);
                format!("{:.0} %", 100.0 * same as f64 / own.max(1) as f64)
            };
            let same = |near: &Near<TensorDifference>| near.difference.count() == 0;
            let brief = |near: &Near<TensorDifference>| {
                report::tensor_difference_brief(&near.difference, FEW_LINES)
            };
            identified(
                options,
                &name,
                &near,
                TensorDifference::count,
                (what, same, brief),
            )
        }
    }
}

fn identified<D: Serialize>(
    options: &IdentifyOptions,
    name: &str,
    near: &[Near<D>],
    count: impl Fn(&D) -> usize,
    (what, same, brief): (
        impl Fn(&Near<D>) -> String,
        impl Fn(&Near<D>) -> bool,
        impl Fn(&Near<D>) -> String,
    ),
) -> Result<Said> {
    let Some(first) = near.first() else {
        bail!("{name}: no registered network can be compared with it");
    };
    if options.json {
        let rows: Vec<Candidate<D>> = near
            .iter()
            .map(|near| Candidate {
                model: &near.model.name,
                source: &near.model.source,
                differs: count(&near.difference),
                difference: &near.difference,
            })
            .collect();
        return Ok(json(&rows)?.into());
    }
    let is = match same(first) {
        true => "is",
        false => "is none of the registered networks; nearest is",
    };
    let mut text = format!("{}\n{is} {}\n", line(name), line(&first.model.name));
    text += &report::columns(
        ["network", "differ", "the same"],
        (near.iter()).map(|near| {
            let differ = count(&near.difference).to_string();
            [near.model.name.clone(), differ, what(near)]
        }),
    );
    if !same(first) {
        text += &format!("From {} (A) to it (B):\n", line(&first.model.name));
    }
    text += &brief(first);
    Ok(text.into())
}

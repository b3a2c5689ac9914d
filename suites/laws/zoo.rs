//! Laws over the registry, and the snapshots of every model.

use crate::{law, repository};
use convcheck::analysis::{QUANTITIES, Summary, receptive_fields, summary};
use convcheck::graph::{Node, Op, Shape};
use convcheck::report;
use convcheck::zoo::{Architecture, Model, Registry};
use libtest_mimic::Trial;
use std::collections::{BTreeMap, BTreeSet};

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        law("zoo::names-are-unique-and-lower-snake", names),
        law("zoo::every-model-says-what-it-is", sources),
        law("zoo::years-are-those-of-the-sources", years),
        law("zoo::every-snapshot-has-a-model", orphans),
    ];
    let registry = Registry::builtin();
    for model in registry.models() {
        trials.extend([
            about(model, "layers", layers_snapshot),
            about(model, "params", params_snapshot),
            about(model, "sums", sums),
            about(model, "size", other_size),
        ]);
    }
    trials
}

fn about(model: &Model, name: &str, holds: fn(&Model)) -> Trial {
    let model = model.clone();
    law(format!("{name}::{}", model.name), move || holds(&model))
}

fn summarised(model: &Model) -> Summary {
    summary(&model.name, &model.graph().unwrap()).unwrap()
}

/// A name is one network: an architecture that is called as a model is that model.
fn names() {
    let registry = Registry::builtin();
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let (mut models, mut architectures) = (BTreeMap::new(), BTreeSet::new());
    for model in registry.models() {
        assert!(model.name.chars().all(good), "{}", model.name);
        let before = models.insert(model.name.clone(), model);
        assert!(before.is_none(), "{} stands twice", model.name);
    }
    for architecture in registry.families().iter().flat_map(|f| f.architectures) {
        let Architecture { name, .. } = architecture;
        assert!(name.chars().all(good), "{name}");
        assert!(architectures.insert(name), "{name} stands twice");
        if let Some(model) = models.get(*name) {
            assert_eq!(model.graph(), architecture.model().graph(), "{name}");
        }
    }
}

/// Each source begins with its origin: a paper with its year, a public library, or the built-in article.
fn sources() {
    for model in Registry::builtin().models() {
        let source = model.source.to_lowercase();
        let origins = ["torchvision", "timm", "built-in article"];
        let says = origins.iter().any(|origin| source.contains(origin));
        assert!(
            says || first_year(&source).is_some(),
            "{}: its source names no paper with a year, no library and not the built-in article: {}",
            model.name,
            model.source
        );
    }
}

/// The first number of four digits that can be a year.
fn first_year(text: &str) -> Option<u16> {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|digits| digits.len() == 4)
        .filter_map(|digits| digits.parse().ok())
        .find(|year| (1950..2040).contains(year))
}

/// A family's year is that of the earliest of the papers that its models name first.
fn years() {
    for family in Registry::builtin().families() {
        let Some(year) = family.year else { continue };
        let named = (family.models.iter()).filter_map(|model| first_year(&model.source));
        assert_eq!(named.min(), Some(year), "{}", family.title);
    }
}

fn orphans() {
    let registry = Registry::builtin();
    let models: BTreeSet<&str> = registry.models().map(|model| &*model.name).collect();
    for folder in ["layers", "params"] {
        for entry in std::fs::read_dir(repository("snapshots").join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let model = name.trim_end_matches(".new").trim_end_matches(".snap");
            assert!(
                models.contains(model),
                "snapshots/{folder}/{name} has no model"
            );
        }
    }
}

fn snapshot(folder: &str, model: &Model, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(repository("snapshots").join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(model.name.as_str(), text));
}

fn layers_snapshot(model: &Model) {
    snapshot("layers", model, &report::layers(&summarised(model)));
}

fn params_snapshot(model: &Model) {
    let rows = summarised(model).tensors.into_iter().map(|tensor| {
        [
            tensor.name,
            format!("{:?}", tensor.shape),
            format!("{:?}", tensor.kind).to_lowercase(),
        ]
    });
    snapshot(
        "params",
        model,
        &report::columns(["tensor", "shape", "kind"], rows),
    );
}

/// Totals are the sums of what the layers have, by another way of summing.
fn sums(model: &Model) {
    let graph = model.graph().unwrap();
    let summary = summarised(model);
    let count = |kind: &str| {
        graph
            .tensors()
            .filter(|(_, tensor)| format!("{:?}", tensor.kind) == kind)
            .map(|(_, tensor)| tensor.dims.iter().product::<usize>() as u64)
            .sum::<u64>()
    };
    assert_eq!(summary.totals.trainable, count("Trainable"));
    assert_eq!(summary.totals.params, count("Trainable") + count("Frozen"));
    assert_eq!(summary.totals.buffers, count("Buffer"));
    // an auxiliary head costs nothing in evaluation
    let live = summary
        .layers
        .iter()
        .zip(graph.live())
        .filter(|(_, live)| *live);
    assert_eq!(
        summary.totals.macs,
        live.map(|(row, _)| row.macs).sum::<u64>()
    );
    let names: BTreeSet<String> = graph.tensors().map(|(name, _)| name).collect();
    assert_eq!(
        names.len(),
        graph.tensors().count(),
        "a state_dict key stands twice"
    );
    assert_eq!(receptive_fields(&graph).len(), graph.nodes().len());
    for quantity in QUANTITIES {
        let sum: u64 = graph
            .nodes()
            .iter()
            .zip(graph.live())
            .filter(|(_, live)| *live)
            .map(|(node, _)| quantity.of(&graph, node).unwrap())
            .sum();
        assert!(sum <= quantity.total(&graph).unwrap(), "{}", quantity.name);
    }
}

/// On an input of another size a network keeps its weights, or says which layer cannot.
fn other_size(model: &Model) {
    let Some([c, h, w]) = model.input.maps() else {
        return;
    };
    let own = model.graph().unwrap();
    for input in [Shape::map(c, 2 * h, 2 * w), Shape::map(c, h + 32, w)] {
        match model.graph_at(input) {
            Ok(graph) => {
                assert!(
                    graph.tensors().eq(own.tensors()),
                    "{} at {input}",
                    model.name
                );
                assert_eq!(
                    graph.prediction().shape.channels(),
                    own.prediction().shape.channels()
                );
            }
            Err(error) => {
                let text = error.to_string();
                assert!(
                    text.contains("layer `") && text.contains(&input.to_string()),
                    "{text}"
                );
            }
        }
    }
    // who takes the first three colours of whatever there is leaves a fourth
    let picks = |node: &Node| node.inputs == [0] && matches!(node.op, Op::Slice { .. });
    assert!(
        own.nodes().iter().any(picks) || model.graph_at(Shape::map(c + 1, h, w)).is_err(),
        "{} takes another depth",
        model.name
    );
    assert!(
        model.graph_at(Shape::vector(7)).is_err(),
        "{} takes a vector",
        model.name
    );
}

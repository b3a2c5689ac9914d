//! A network that is written in TOML and read again is the same network.

use crate::law;
use convcheck::foreign;
use convcheck::graph::Graph;
use convcheck::zoo::{Architecture, Registry};
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    vec![
        law("written::every-network-reads-back-as-itself", reads_back),
        law("written::an-example-is-a-network", example),
    ]
}

fn reads_back() {
    let registry = Registry::builtin();
    let folder = tempfile::tempdir().unwrap();
    let made_of = (registry.families().iter())
        .flat_map(|family| family.architectures)
        .map(Architecture::model);
    for model in registry.models().cloned().chain(made_of) {
        let graph = model.graph().unwrap();
        let text = foreign::written(&graph, &model.source).unwrap();
        let file = folder.path().join(format!("{}.toml", model.name));
        std::fs::write(&file, &text).unwrap();
        let read = foreign::read(&file).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert!(read.graph == graph, "{}:\n{text}", model.name);
        assert_eq!(read.source, model.source);
    }
}

fn example() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/network");
    let registry = Registry::builtin().within(folder.as_ref());
    let graph: Graph = registry.find("mynet.toml").unwrap().graph().unwrap();
    graph.can_run().unwrap();
    assert_eq!(graph.prediction().shape.channels(), 10);
}

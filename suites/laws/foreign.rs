//! Laws over networks of other people's files: counts and outputs are those of the program that wrote them.

use crate::laws::ops::numbers;
use crate::laws::shared::needs;
use crate::{law, repository};
use candle_core::DType;
use convcheck::analysis::QUANTITIES;
use convcheck::cpu::Predictor;
use convcheck::graph::{Graph, Op};
use convcheck::net::{Fill, Mode, Net, checkpoint};
use convcheck::zoo::Registry;
use libtest_mimic::{Completion, Trial};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What PyTorch says of a network.
#[derive(Deserialize)]
struct Said {
    params: u64,
    buffers: u64,
    macs: u64,
}

/// The same of the network of `suites/fixtures`, with its outputs.
#[derive(Deserialize)]
struct Fixture {
    #[serde(flatten)]
    said: Said,
    outputs: BTreeMap<String, Output>,
}

#[derive(Deserialize)]
struct Output {
    shape: Vec<usize>,
    values: Vec<f64>,
}

/// The same of the networks in `../shared`, by `make.py`: outputs of one sample.
#[derive(Deserialize)]
struct Shared {
    #[serde(flatten)]
    said: Said,
    values_float64: Vec<Vec<f64>>,
}

pub fn trials() -> Vec<Trial> {
    vec![
        law("foreign::pt2::counts-and-outputs-are-pytorchs", fixture),
        law("foreign::pt2::f32-is-near", near),
        needs("foreign::pt2::networks", "networks/expected.json", networks),
    ]
}

fn network(path: &Path) -> Graph {
    let name = path.to_string_lossy();
    Registry::builtin().find(&name).unwrap().graph().unwrap()
}

fn counts(graph: &Graph) -> [u64; 3] {
    ["params", "buffers", "macs"].map(|name| {
        let quantity = QUANTITIES.iter().find(|quantity| quantity.name == name);
        quantity.unwrap().total(graph).unwrap()
    })
}

/// The network with the weights that its file has.
fn net(path: &Path, dtype: DType) -> Net {
    let graph = network(path);
    let weights = checkpoint::open(path).unwrap();
    let weights = weights.of(&graph, checkpoint::Head::Same).unwrap();
    let weights = weights.fit(&graph, checkpoint::Head::Same, dtype).unwrap();
    Net::new(graph, weights.tensors, dtype).unwrap()
}

/// Its outputs in f64, of so many samples.
fn outputs(path: &Path, samples: usize) -> Vec<(String, Vec<usize>, Vec<f64>)> {
    let net = net(path, DType::F64);
    let x = Fill::input(net.graph(), samples, DType::F64).unwrap();
    let pass = net.forward(&x, Mode::Eval).unwrap();
    let outputs = pass.outputs();
    outputs
        .map(|(name, value)| (name.to_string(), value.dims().to_vec(), numbers(value)))
        .collect()
}

/// The norm of what differs, relative to that of what is expected.
fn apart(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let norm = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>().sqrt();
    let differ = norm(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    differ / norm(&mut expected.iter().copied())
}

fn read(file: &str) -> String {
    std::fs::read_to_string(repository(file)).unwrap()
}

fn fixture() {
    let expected: Fixture = serde_json::from_str(&read("suites/fixtures/operators.json")).unwrap();
    let path = repository("suites/fixtures/operators.pt2");
    let graph = network(&path);
    let unknown = graph
        .nodes()
        .iter()
        .filter(|node| matches!(node.op, Op::Opaque(_)));
    assert_eq!(unknown.count(), 0);
    let said = &expected.said;
    assert_eq!(counts(&graph), [said.params, said.buffers, said.macs]);
    let found = outputs(&path, 2);
    assert_eq!(found.len(), expected.outputs.len());
    for (name, dims, values) in found {
        let expected = &expected.outputs[&name];
        assert_eq!(dims, expected.shape, "{name}");
        let apart = apart(&values, &expected.values);
        assert!(apart < 1e-9, "{name}: {apart}");
    }
}

fn near() {
    let path = repository("suites/fixtures/operators.pt2");
    let net = net(&path, DType::F32);
    let x = Fill::input(net.graph(), 2, DType::F32).unwrap();
    let expected = outputs(&path, 2);
    let found = Predictor::new(&net).predict(&x).unwrap();
    let apart = apart(&numbers(&found), &expected[0].2);
    assert!(apart < 2e-5, "{apart}");
}

fn networks(file: std::path::PathBuf) -> Result<Completion, String> {
    let said = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let said: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&said).map_err(|error| error.to_string())?;
    let mut compared = 0;
    for (name, said) in said {
        let path = file.with_file_name(format!("{name}.pt2"));
        if !path.exists() {
            continue;
        }
        let said: Shared =
            serde_json::from_value(said).map_err(|error| format!("{name}: {error}"))?;
        let expected = [said.said.params, said.said.buffers, said.said.macs];
        assert_eq!(counts(&network(&path)), expected, "{name}");
        let found = outputs(&path, 1);
        assert_eq!(found.len(), said.values_float64.len(), "{name}");
        for ((output, _, values), expected) in found.iter().zip(&said.values_float64) {
            let apart = apart(values, expected);
            assert!(apart < 1e-9, "{name}, {output}: {apart}");
        }
        compared += 1;
    }
    assert!(compared > 0, "no network was there");
    Ok(Completion::Completed)
}

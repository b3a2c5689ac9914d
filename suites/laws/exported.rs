//! What is written as ONNX or .pt2 and read again computes the same. (`ci/export` has ONNX Runtime and PyTorch run the files.)

use crate::law;
use crate::laws::arrays::all;
use crate::laws::ops::numbers;
use candle_core::{DType, Tensor};
use convcheck::analysis::QUANTITIES;
use convcheck::foreign::{self, Exported, Numbers};
use convcheck::graph::{Graph, Shape};
use convcheck::net::{Fill, Init, Mode, Net, checkpoint};
use convcheck::random::Key;
use convcheck::zoo::Registry;
use libtest_mimic::Trial;
use std::collections::BTreeMap;
use std::path::Path;

pub fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = all()
        .map(|&(name, op)| {
            law(format!("exported::{name}"), move || {
                let seeds = (0..200).map(Key::seed);
                let graphs =
                    seeds.filter_map(|key| Graph::build(Shape::map(4, 9, 8), |x| op(x, key)).ok());
                let graphs: Vec<Graph> = graphs.collect();
                for format in FORMATS
                    .iter()
                    .filter(|format| !format.lacks.contains(&name))
                {
                    let written = graphs.iter().filter(|graph| again(graph, name, format));
                    let written = written.take(8).count();
                    assert!(written > 0, "{name} was never written as {}", format.ending);
                }
            })
        })
        .collect();
    trials.push(law("exported::small-networks", networks));
    trials.push(law("exported::what-onnx-has-not-is-named", refused));
    trials
}

struct Format {
    ending: &'static str,
    write: fn(&Graph, &BTreeMap<String, Numbers>) -> Result<Exported, String>,
    /// How a refusal begins behind the layer's path.
    refusal: &'static str,
    /// Ops that it has not.
    lacks: &'static [&'static str],
}

const FORMATS: [Format; 2] = [
    Format {
        ending: "onnx",
        write: foreign::onnx,
        refusal: "ONNX has no",
        lacks: &[],
    },
    Format {
        ending: "pt2",
        write: foreign::pt2,
        refusal: "PyTorch has no",
        lacks: &["lrn"],
    },
];

/// The bytes of a file of ONNX with those weights.
pub fn onnx(graph: &Graph, weights: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, String> {
    foreign::onnx(graph, &checkpoint::numbers(weights).unwrap()).map(|exported| exported.bytes)
}

fn outputs(net: &Net) -> Vec<Vec<f64>> {
    let x = Fill::input(net.graph(), 2, DType::F64).unwrap();
    let pass = net.forward(&x, Mode::Eval).unwrap();
    let graph = net.graph();
    let heads = graph.outputs().iter().filter(|head| !head.auxiliary);
    let heads: Vec<&str> = heads.map(|head| head.name.as_str()).collect();
    let outputs = pass.outputs().filter(|(name, _)| heads.contains(name));
    outputs.map(|(_, output)| numbers(output)).collect()
}

/// Whether a format has it; if so, the file computes what the network does.
fn again(graph: &Graph, name: &str, format: &Format) -> bool {
    let weights = Init::He.weights(graph, 1, DType::F32).unwrap();
    let bytes = match (format.write)(graph, &checkpoint::numbers(&weights).unwrap()) {
        Ok(exported) => exported.bytes,
        Err(what) => {
            assert!(what.contains(format.refusal), "{name}: {what}");
            return false;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("it.{}", format.ending));
    std::fs::write(&path, bytes).unwrap();
    let double = weights
        .into_iter()
        .map(|(key, tensor)| (key, tensor.to_dtype(DType::F64).unwrap()));
    let net = Net::new(graph.clone(), double.collect(), DType::F64).unwrap();
    let (expected, found) = (outputs(&net), outputs(&read(&path)));
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.len(), expected.len(), "{name}");
        let norm =
            |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>().sqrt();
        let apart = norm(&mut found.iter().zip(expected).map(|(a, b)| a - b));
        let apart = apart / norm(&mut expected.iter().copied()).max(1e-30);
        // constants of ONNX are in single precision
        assert!(apart < 1e-5, "{name}, {}: {apart:.1e} apart", format.ending);
    }
    true
}

fn read(path: &Path) -> Net {
    let graph = foreign::read(path).unwrap().graph;
    let weights = checkpoint::open(path).unwrap();
    let weights = weights.of(&graph, checkpoint::Head::Same).unwrap();
    let fit = weights.fit(&graph, checkpoint::Head::Same, DType::F64);
    let tensors = fit.unwrap().tensors;
    Net::new(graph, tensors, DType::F64).unwrap()
}

/// Of each kind of network one that is small; counts are those of the network where nothing is left out or filled up.
fn networks() {
    let registry = Registry::builtin();
    for name in [
        "lenet5_1998",
        "resnet20_cifar",
        "plain20_cifar",
        "preact_resnet110_cifar_A",
        "wrn_16_4",
        "googlenet_digits",
        "densenet_cifar_L40_k12",
        "fractalnet_cifar_c3",
        "article_lenet5_cifar10",
    ] {
        let graph = registry.find(name).unwrap().graph().unwrap();
        for format in &FORMATS {
            assert!(again(&graph, name, format));
        }
        if name == "lenet5_1998" {
            continue;
        }
        let weights = Init::He.weights(&graph, 1, DType::F32).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it.onnx");
        std::fs::write(&path, onnx(&graph, &weights).unwrap()).unwrap();
        let read = foreign::read(&path).unwrap();
        assert_eq!(read.count_refused, None, "{name}");
        for quantity in QUANTITIES
            .iter()
            .filter(|quantity| ["params", "buffers", "macs"].contains(&quantity.name))
        {
            assert_eq!(
                quantity.total(&read.graph),
                quantity.total(&graph),
                "{name}, {}",
                quantity.name
            );
        }
    }
}

fn refused() {
    let graph = Graph::build(Shape::map(4, 9, 8), |x| x.lrn("norm", 4, 1e-4, 0.75, 1.0)).unwrap();
    let what = onnx(&graph, &BTreeMap::new()).unwrap_err();
    assert!(what.starts_with("layer `norm`: ONNX has no"), "{what}");
    let graph = Graph::build(Shape::map(4, 9, 8), |x| x.flatten().linear("fc", 2)).unwrap();
    let what = onnx(&graph, &BTreeMap::new()).unwrap_err();
    assert_eq!(what, "layer `fc`: there are no numbers for `fc.weight`");
}

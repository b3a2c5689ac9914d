//! Laws that walk through every op: whoever adds one is told what it lacks.
//!
//! The compiler points at each `match` without which an op could not run; what follows from its description is held
//! here against what the numeric interpreter does with it.

use crate::laws::gradients::{Describe, OPS};
use crate::laws::ops::{numbers, random};
use crate::{law, repository};
use candle_core::{DType, Tensor};
use convcheck::graph::{Graph, Role, Shape, TensorKind};
use convcheck::net::{Gradients, Init, Mode, Net};
use convcheck::random::Key;
use convcheck::train::{Optimizer, OptimizerState, Sgd};
use libtest_mimic::Trial;
use std::collections::BTreeMap;
use std::path::Path;

pub fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = OPS
        .iter()
        .map(|&(name, op)| {
            law(format!("ops::{name}::does-as-it-is-described"), move || {
                let graph = graph(op);
                starts(&graph);
                let (net, pass) = trained(&graph);
                keeps(&net, &pass);
                moves(net.clone(), &pass);
                let seed = random(pass.output().dims(), Key::named("seed"));
                let prediction = graph.outputs()[0].node;
                let gradients = net.backward(pass, &[(prediction, &seed)], true).unwrap();
                learns(&net, &gradients);
                decays(&net, &gradients);
            })
        })
        .collect();
    trials.push(law("ops::an-op-stands-in-five-files", five_files));
    trials
}

fn graph(op: Describe) -> Graph {
    (1..)
        .find_map(|seed| Graph::build(Shape::map(4, 9, 8), |x| op(x, Key::seed(seed))).ok())
        .unwrap()
}

fn trained(graph: &Graph) -> (Net, convcheck::net::ForwardPass) {
    let weights = Init::He.weights(graph, 1, DType::F64).unwrap();
    let net = Net::new(graph.clone(), weights, DType::F64).unwrap();
    let pass = net
        .forward(&random(&[2, 4, 9, 8], Key::named("x")), Mode::train(1, 0))
        .unwrap();
    (net, pass)
}

/// Under each rule of initialisation a tensor starts as its role says.
fn starts(graph: &Graph) {
    for init in [Init::Torch, Init::Keras, Init::He, Init::Glorot] {
        let weights = init.weights(graph, 1, DType::F64).unwrap();
        for (name, tensor) in graph.tensors() {
            let start = numbers(&weights[&name]);
            let all = |value: f64| start.iter().all(|x| *x == value);
            let fits = match tensor.role {
                Role::NormScale | Role::RunningVariance => all(1.0),
                Role::NormShift | Role::RunningMean => all(0.0),
                Role::Code => start.iter().all(|x| x.abs() == 1.0),
                Role::Bias => init == Init::Torch || all(0.0),
                Role::Weight | Role::Coefficient => !all(start[0]),
            };
            assert!(fits, "{name}, {:?}, starts as {start:?}", tensor.role);
        }
    }
}

/// A pass of training keeps what backward reads, and the outputs, and nothing else.
fn keeps(net: &Net, pass: &convcheck::net::ForwardPass) {
    let graph = net.graph();
    let mut read = vec![false; graph.nodes().len()];
    for (id, node) in graph.nodes().iter().enumerate() {
        let reads = node.op.kind().backward;
        read[id] |= reads.output || graph.outputs().iter().any(|output| output.node == id);
        if reads.inputs {
            node.inputs.iter().for_each(|&input| read[input] = true);
        }
    }
    let kept: Vec<bool> = (0..read.len()).map(|id| pass.value(id).is_some()).collect();
    assert_eq!(kept, read);
}

/// Running statistics take in those of a batch, and nothing else changes with them.
fn moves(mut net: Net, pass: &convcheck::net::ForwardPass) {
    let state = |net: &Net| -> BTreeMap<String, Vec<f64>> {
        let weights = net.weights();
        weights
            .map(|(name, _, weight)| (name, numbers(weight)))
            .collect()
    };
    let before = state(&net);
    net.update_running_stats(pass).unwrap();
    let after = state(&net);
    for (name, tensor) in net.graph().tensors() {
        let is_running = matches!(tensor.role, Role::RunningMean | Role::RunningVariance);
        assert_eq!(before[&name] != after[&name], is_running, "{name}");
    }
}

/// Each trainable tensor has a gradient of its shape, and no other has one.
fn learns(net: &Net, gradients: &Gradients) {
    let graph = net.graph();
    for (id, node) in graph.nodes().iter().enumerate() {
        let tensors = graph.tensors_of(node);
        let trainable = tensors
            .iter()
            .filter(|one| one.kind == TensorKind::Trainable);
        let expected: Vec<&[usize]> = trainable.map(|one| &one.dims[..]).collect();
        let found: Vec<&[usize]> = gradients.of(id).iter().map(Tensor::dims).collect();
        assert_eq!(found, expected, "{}", node.path);
    }
}

/// Weights alone decay, unless all are to.
fn decays(net: &Net, gradients: &Gradients) {
    let stepped = |weight_decay, decay_all| -> BTreeMap<String, Vec<f64>> {
        let optimizer = Optimizer::Sgd(Sgd {
            rate: 0.1,
            momentum: 0.0,
            nesterov: false,
            weight_decay,
            decay_all,
        });
        // away from zero, where nothing decays
        let weights = net
            .weights()
            .map(|(name, _, weight)| (name, (weight + 0.5).unwrap()));
        let mut net = Net::new(net.graph().clone(), weights.collect(), DType::F64).unwrap();
        let mut state = OptimizerState::default();
        state.step(&optimizer, 1, 1.0, &mut net, gradients).unwrap();
        let stepped = net.weights();
        stepped
            .map(|(name, _, weight)| (name, numbers(weight)))
            .collect()
    };
    let [not, some, all] =
        [(0.0, false), (0.5, false), (0.5, true)].map(|(d, all)| stepped(d, all));
    for (name, tensor) in net.graph().tensors() {
        let learns = tensor.kind == TensorKind::Trainable;
        assert_eq!(
            not[&name] != some[&name],
            tensor.role == Role::Weight,
            "{name}"
        );
        assert_eq!(not[&name] != all[&name], learns, "{name}");
    }
}

/// Ops of which nothing in particular is asked are named by their description, its verb, and what runs them here and
/// on a device; so will be the next one.
fn five_files() {
    const FILES: [&str; 5] = [
        "gpu/layers.rs",
        "graph/op.rs",
        "graph/op/facts.rs",
        "graph/value.rs",
        "ops.rs",
    ];
    const PLAIN: [&str; 9] = [
        "AdaptiveAvgPool",
        "AvgPool",
        "BroadcastAdd",
        "Flatten",
        "Gate",
        "Lrn",
        "PadShortcut",
        "Scale",
        "Subsample",
    ];
    let root = repository("src");
    let mut sources = Vec::new();
    collect(&root, &mut sources);
    for op in PLAIN {
        let name = format!("Op::{op}");
        let names = |text: &str| {
            let mut ends = text.match_indices(&name).map(|(i, _)| i + name.len());
            ends.any(|end| !text[end..].starts_with(|c: char| c.is_alphanumeric()))
        };
        let found: Vec<&str> = (sources.iter())
            .filter(|(_, text)| names(text))
            .map(|(file, _)| file.strip_prefix(root.to_str().unwrap()).unwrap())
            .map(|file| file.trim_start_matches('/'))
            .collect();
        assert_eq!(found, FILES, "{op}");
    }
}

/// The sources below a folder, in order of their paths.
fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    let entries = std::fs::read_dir(folder).unwrap();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.to_str().unwrap().to_string(), text));
        }
    }
    found.sort();
}

//! Laws that walk through every op: whoever adds one is told what it lacks.
//!
//! The compiler points at each `match` without which an op could not run; what follows from its description is held
//! here against what the numeric interpreter does with it.

use crate::law;
use crate::laws::arrays::all;
use crate::laws::gradients::Describe;
use crate::laws::modules::sources;
use crate::laws::ops::{numbers, random};
use candle_core::{DType, Tensor};
use convcheck::graph::{Graph, Role, Shape, TensorKind};
use convcheck::net::{Gradients, Init, Mode, Net};
use convcheck::random::Key;
use convcheck::train::{Optimizer, OptimizerState, Sgd};
use libtest_mimic::Trial;
use std::collections::BTreeMap;

pub fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = all()
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

/// An op is named by its description, its verb, and what runs it here and on a device. Whoever names one elsewhere asks
/// something that the next op would be passed over by, and says here why it is asked of this one alone.
fn five_files() {
    const FILES: [&str; 5] = [
        "gpu/layers.rs",
        "graph/op.rs",
        "graph/op/facts.rs",
        "graph/value.rs",
        "ops.rs",
    ];
    /// What programs on the CPU do not leave to the ops of the second witness.
    const CPU: &[&str] = &[
        "cpu/learn/program/backward.rs",
        "cpu/learn/program/forward.rs",
        "cpu/places.rs",
        "cpu/plan/groups.rs",
    ];
    const PREDICTED: &[&str] = &["cpu/places.rs", "cpu/plan/groups.rs"];
    /// Op, files, why there.
    #[rustfmt::skip]
    const ELSEWHERE: &[(&str, &[&str], &str)] = &[
        ("Input", &["cpu/algorithm.rs", "cpu/learn/program/backward.rs", "cpu/learn/program/forward.rs", "cpu/plan/groups.rs"], "is read as it comes"),
        ("Conv", CPU, "is packed for blocked maps"),
        ("Conv", &["cpu/algorithm.rs", "cpu/learn/pass.rs", "cpu/learn/program.rs", "cpu/learn/program/builder.rs", "cpu/plan.rs"], "has an algorithm, leads what is fused, and packs its weights"),
        ("Linear", &["cpu/plan.rs", "cpu/plan/groups.rs"], "leads what is fused, and packs its weights"),
        ("BatchNorm", CPU, "is fused, or a line on blocked maps"),
        ("BatchNorm", &["cpu/learn/pass.rs", "cpu/learn/program.rs", "cpu/plan.rs"], "has statistics, and is fused"),
        ("Activation", CPU, "ReLU is a floor"),
        ("Activation", &["cpu/learn/program.rs"], "ReLU is fused"),
        ("Add", CPU, "runs on blocked maps"),
        ("Gate", PREDICTED, "runs on blocked maps"),
        ("Gate", &["cpu/plan.rs"], "is fused with what follows"),
        ("MaxPool", CPU, "runs on blocked maps"),
        ("AvgPool", CPU, "runs on blocked maps"),
        ("AdaptiveAvgPool", CPU, "the mean of a map runs on blocked maps"),
        ("Concat", CPU, "stands where its parts do"),
        ("Flatten", CPU, "stands where its input does"),
        ("Dropout", &["cpu/places.rs"], "stands where its input does"),
        ("Slice", &["cpu/plan/groups.rs"], "changes lanes of blocked maps"),
        ("PadShortcut", &["cpu/plan/groups.rs"], "changes lanes of blocked maps"),
        ("Input", &["drawing/tiles.rs", "graph/build.rs", "net/forward.rs"], "it is no layer"),
        ("Conv", &["gpu/fused.rs", "gpu/order.rs", "gpu/product.rs"], "leads what is fused, and is a library's on a device"),
        ("Parameter", &["graph/build.rs"], "reads nothing"),
        ("Conv", &["evidence/functions/models.rs", "reference/sequence.rs"], "has a connection table; is written with its bias in a reference"),
        ("Linear", &["gpu/fused.rs", "gpu/product.rs"], "is a library's product on a device"),
        ("BatchNorm", &["gpu/fused.rs", "gpu/norm.rs", "gpu/plan.rs", "graph/fusion.rs", "net.rs", "net/backward.rs", "net/fold.rs", "net/forward.rs", "net/norm.rs"], "has statistics, and is fused on either side"),
        ("Activation", &["graph/fusion.rs"], "ReLU is fused"),
        ("Add", &["graph/fusion.rs"], "is fused"),
        ("Rbf", &["evidence/functions/numeric/units.rs"], "has codes"),
        ("Dropout", &["gpu/constants.rs"], "draws a mask a step"),
        ("Dropout", &["drawing/text.rs"], "is not drawn where it drops nothing"),
        ("Mean", &["gpu/constants.rs"], "draws which inputs it drops a step"),
        ("Concat", &["drawing/fold.rs", "drawing/tiles.rs"], "is drawn where lines meet"),
        ("Slice", &["drawing/fold.rs"], "differs in its range alone"),
    ];
    let sources = sources();
    for (file, _, text) in &sources {
        // behind that an op has no `Op::` in front of it
        assert!(!text.contains("use crate::graph::Op::"), "{file}");
    }
    let op_rs = sources.iter().find(|(file, ..)| file == "graph/op.rs");
    let (_, _, op_rs) = op_rs.unwrap();
    let (_, variants) = op_rs.split_once("pub enum Op {").unwrap();
    let (variants, _) = variants.split_once("\n}\n").unwrap();
    let variants = variants.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?;
        name.starts_with(char::is_uppercase)
            .then(|| name.trim_end_matches(|c: char| !c.is_alphanumeric()))
            .map(|name| name.split(['(', ' ', ',']).next().unwrap())
    });
    let mut count = 0;
    for op in variants {
        count += 1;
        let name = format!("Op::{op}");
        let names = |text: &str| {
            // tests may name whatever they build
            let text = text.split("\n#[cfg(test)]").next().unwrap();
            let mut ends = text.match_indices(&name).map(|(i, _)| i + name.len());
            ends.any(|end| !text[end..].starts_with(|c: char| c.is_alphanumeric()))
        };
        // who reads files names what they are made of; another op is one that they do not have
        let mut found: Vec<&str> = (sources.iter())
            .filter(|(file, _, text)| !file.starts_with("foreign") && names(text))
            .map(|(file, ..)| file.as_str())
            .collect();
        found.sort_unstable();
        let reasons = ELSEWHERE.iter().filter(|(of, _, _)| *of == op);
        let mut expected: Vec<&str> = FILES.to_vec();
        // neither the sample itself nor what a file alone can state comes from a verb
        let no_verb = ["Input", "Parameter", "Opaque"].contains(&op);
        expected.retain(|file| !no_verb || *file != "graph/value.rs");
        expected.extend(reasons.flat_map(|(_, files, _)| *files));
        expected.sort_unstable();
        assert_eq!(found, expected, "{op}: a file more needs its reason here");
    }
    assert!(count > 20, "only {count} ops were found");
}

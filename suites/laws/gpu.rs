//! Laws over the programs that run on a GPU, on a machine that emulates one: they compute what the CPU
//! computes.

mod case;
#[cfg(feature = "cuda")]
pub mod device;
mod emulator;
mod learning;
mod session;
pub mod side_by_side;
mod trained;

use crate::law;
use crate::laws::arrays::ARRAYS;
use crate::laws::gradients::{Describe, OPS};
use crate::laws::graphs::{describe, verb};
use candle_core::DType;
use case::{Case, compare};
use convcheck::gpu::{Element, GpuError, Machine, Training};
use convcheck::graph::{Graph, Op, Shape, ShapeError, conv, mean};
use convcheck::net::Norm;
use convcheck::random::Key;
use convcheck::train::{AdamForm, Optimizer, Sgd};
use convcheck::zoo::Registry;
use learning::adam;
use libtest_mimic::Trial;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;

/// Networks, and the side of their input.
const NETS: &[(&str, Option<usize>)] = &[
    ("lenet5_1998", None),
    ("lenet5_1998_scores", None),
    ("resnet20_cifar", None),
    ("preact_resnet20_digits", None),
    ("densenet_l28_k4_digits", None),
    ("googlenet_aux_digits", None),
    ("article_tf_resnet18_digits", None),
    ("vgg_a_lrn_digits", None),
    ("legacy_seresnet18", Some(64)),
    ("dpn68", Some(64)),
];

pub fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = OPS
        .iter()
        .map(|&(name, op)| {
            law(format!("gpu::ops::{name}"), move || {
                let graphs = (0..12).map(|seed| (of_op(op, seed), seed));
                let compared: usize = graphs.map(|(graph, seed)| agree(graph, seed)).sum();
                assert!(compared > 2, "only {compared} graphs");
            })
        })
        .collect();
    trials.extend(NETS.iter().map(|&(name, side)| {
        law(format!("gpu::nets::{name}"), move || {
            assert_eq!(agree(Ok(net(name, side)), seed_of(side)), 1);
        })
    }));
    trials.extend([
        law("gpu::any-graph", any_graph),
        law("gpu::a-mean-of-many", mean_of_many),
        law("gpu::every-op-and-every-kernel-has-a-law", every_op),
        law("gpu::steps-follow-the-optimisers", learning::steps),
        law("gpu::bf16-rounds-to-nearest", learning::rounding),
        law("gpu::bf16-is-near", learning::halves),
        law("gpu::masks-are-those-of-the-cpu", learning::masks),
        law("gpu::weights-come-back", session::come_back),
        law("gpu::the-order-of-threads-decides-nothing", session::order),
        law("gpu::what-cannot-run-is-an-error", session::errors),
        law("gpu::a-timed-step-is-that-of-the-cpu", session::timed),
        law("gpu::images-are-altered-as-on-the-cpu", trained::images),
        law(
            "gpu::a-run-learns-as-on-the-cpu",
            trained::learns_as_on_the_cpu,
        ),
        law(
            "gpu::a-run-goes-on-as-if-it-had-not-stopped",
            trained::go_on,
        ),
        law("gpu::a-run-that-diverges-ends", trained::diverges),
        law("gpu::steps-keep-what-they-say", session::said),
        law("gpu::runs-side-by-side-are-those-alone", || {
            side_by_side::as_alone(side_by_side::emulated, &[2, 3, 8]);
        }),
        law("gpu::a-session-begins-anew", side_by_side::anew),
        law("gpu::devices-share-out-the-runs", side_by_side::shared_out),
        law(
            "gpu::what-there-is-no-room-for-waits",
            side_by_side::no_room,
        ),
        law(
            "gpu::a-device-that-vanishes-is-named",
            side_by_side::vanishes,
        ),
    ]);
    trials
}

/// The seed for a network: of a deep one on small maps one by which normalisations run by their running statistics.
/// By those of a batch that has a few units a channel, f32 is off by a percent itself, and a ReLU that rounding
/// opens decides whether two machines agree.
fn seed_of(side: Option<usize>) -> u64 {
    if side.is_some() { 2 } else { 1 }
}

fn net(name: &str, side: Option<usize>) -> Graph {
    let model = Registry::builtin().find(name).unwrap();
    let shape = side.map_or(model.input, |side| {
        Shape::map(model.input.channels(), side, side)
    });
    model.graph_at(shape).unwrap()
}

type Built = Result<Graph, ShapeError>;

/// An op between convolutions, with constants that depend on a seed, and a head.
fn of_op(op: Describe, seed: u64) -> Built {
    let key = Key::seed(seed);
    let [h, w] = [0, 1].map(|i| 4 + (key.uniform(i) * 6.0) as usize);
    Graph::build(Shape::map(3, h, w), |x| {
        let x = x.conv("before", conv(4, 3).pad(1));
        op(x, key).flatten().linear("fc", 5)
    })
}

const MOMENTUM: Optimizer = Optimizer::Sgd(Sgd {
    rate: 0.1,
    momentum: 0.9,
    nesterov: false,
    weight_decay: 0.01,
    decay_all: false,
});

fn training(norm: Norm) -> Training {
    Training {
        optimizer: MOMENTUM,
        norm,
        smoothing: 0.1,
        auxiliary: 0.3,
    }
}

/// Compares a graph's inference and one step on an emulated GPU; how many were compared.
fn agree(graph: Built, seed: u64) -> usize {
    agree_on(graph, seed, case::emulator)
}

/// As [`agree`], on a machine that is told how many bytes it needs.
fn agree_on<M: Machine>(
    graph: Built,
    seed: u64,
    machine: impl FnOnce(usize, usize) -> Result<M, GpuError>,
) -> usize {
    let Ok(graph) = graph else { return 0 };
    let norm = [Norm::Torch, Norm::Keras, Norm::Running][seed as usize % 3];
    let training = training(norm);
    let case = Case::new(graph, 3, seed);
    let cpu = match case.cpu(DType::F32, &training, 1) {
        Ok(cpu) => cpu,
        Err(error) => {
            assert!(error.to_string().contains("more than one value"), "{error}");
            return 0;
        }
    };
    let exact = case.cpu(DType::F64, &training, 1).unwrap();
    let mut session = case.session_on(Element::F32, &training, machine);
    let found = case.gpu(&mut session, 1);
    if let Err(what) = compare(&found, &cpu, &exact) {
        let layers: Vec<_> = case.graph.nodes().iter().map(|node| &node.path).collect();
        panic!("seed {seed}, {norm:?}: {what}; {layers:?}");
    }
    1
}

/// Random graphs, always the same.
fn graphs(count: usize) -> Vec<Graph> {
    let mut runner = TestRunner::deterministic();
    let steps = prop::collection::vec(verb(), 1..6);
    let mut graphs = Vec::new();
    while graphs.len() < count {
        let steps = steps.new_tree(&mut runner).unwrap().current();
        let graph = Graph::build(Shape::map(3, 9, 8), |x| describe(x, &steps));
        graphs.extend(
            graph
                .into_iter()
                .filter(|graph| convcheck::gpu::runs(graph).is_ok()),
        );
    }
    graphs
}

fn any_graph() {
    let graphs = graphs(200).into_iter().enumerate();
    let compared: usize = graphs
        .map(|(seed, graph)| agree(Ok(graph), seed as u64))
        .sum();
    assert!(compared > 100, "only {compared} graphs");
}

/// Of more values than a kernel reads at once.
fn mean_of_many() {
    for seed in 0..6 {
        let graph = Graph::build(Shape::map(3, 4, 5), |x| {
            let columns = ["a", "b", "c", "d", "e", "f"];
            let columns = columns.map(|name| x.conv(name, conv(4, 3).pad(1)));
            mean(&columns, 0.4 * (seed % 2) as f64)
                .flatten()
                .linear("fc", 5)
        });
        assert_eq!(agree(graph, seed), 1);
    }
}

fn every_op() {
    let (mut ops, mut kernels) = (BTreeSet::new(), BTreeSet::new());
    let mut run = |graph: Graph, training: &Training| {
        ops.extend(graph.nodes().iter().map(|node| node.op.name()));
        let case = Case::new(graph, 3, 1);
        let mut session = case.session(Element::Bf16, training);
        case.gpu(&mut session, 1);
        kernels.extend(session.machine().seen.iter().copied());
    };
    for (_, op) in OPS {
        // a window may not fit the map
        let graph = (0..12).find_map(|seed| of_op(*op, seed).ok());
        run(graph.unwrap(), &training(Norm::Running));
    }
    for (name, side) in &NETS[..3] {
        let training = Training {
            optimizer: Optimizer::Adam(adam(AdamForm::Torch, 0.0)),
            ..training(Norm::Torch)
        };
        run(net(name, *side), &training);
    }
    let without = |all: &[&'static str], some: &BTreeSet<&str>| -> Vec<&str> {
        all.iter()
            .copied()
            .filter(|name| !some.contains(name))
            .collect()
    };
    // in order, those that have no commands yet
    let known = |name: &&str| !ARRAYS.iter().any(|(other, _)| other == name);
    let left = without(&Op::NAMES, &ops);
    let left: Vec<&str> = left.into_iter().filter(known).collect();
    assert_eq!(left, ["parameter", "opaque"]);
    // what makes a batch of images that stay has a law of its own
    assert_eq!(without(&emulator::names(), &kernels), ["pictures"]);
}

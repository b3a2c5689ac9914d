//! Laws over the programs that run on a GPU, on a machine that emulates one: they compute what the CPU
//! computes.

#[cfg(feature = "cuda")]
mod device;
mod emulator;

use crate::law;
use crate::laws::gradients::OPS;
use crate::laws::graphs::{describe, step};
use candle_core::{DType, Tensor};
use convcheck::gpu::{Element, Session, Step, Training};
use convcheck::graph::{Graph, Op, Shape, conv};
use convcheck::net::{Fill, Mode, Net, NetError, Norm};
use convcheck::ops::loss::cross_entropy;
use convcheck::random::Key;
use convcheck::train::{Adam, AdamForm, Memory, Optimizer, Sgd};
use convcheck::zoo;
use emulator::Emulator;
use libtest_mimic::Trial;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};

/// By how much numbers may differ from those of the CPU in f64, relative to the largest of their layer, where
/// those of the CPU in f32 do not differ at all.
const NEAR: f64 = 2e-5;

/// How many times as far from f64 as the CPU's f32 the numbers may be.
const TIMES: f64 = 20.0;

/// Networks, and the side of their input.
const NETS: &[(&str, usize)] = &[("lenet5", 32), ("resnet20_cifar", 32)];

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
            let model = zoo::find(name).unwrap();
            let shape = Shape::map(model.input.channels(), side, side);
            assert_eq!(agree(Ok(model.graph_at(shape).unwrap()), 1), 1);
        })
    }));
    trials.extend([
        law("gpu::any-graph", any_graph),
        law("gpu::every-op-and-every-kernel-has-a-law", every_op),
        law("gpu::steps-follow-the-optimisers", steps),
        law("gpu::bf16-is-near", halves),
        law("gpu::masks-are-those-of-the-cpu", masks),
        law("gpu::weights-come-back", come_back),
        law("gpu::the-order-of-threads-decides-nothing", order),
        law("gpu::what-cannot-run-is-an-error", errors),
    ]);
    #[cfg(feature = "cuda")]
    {
        trials.push(device::compiles());
        trials.extend(device::trials());
    }
    trials
}

type Built = Result<Graph, convcheck::graph::ShapeError>;

/// An op between convolutions, with constants that depend on a seed, and a head.
fn of_op(op: crate::laws::gradients::Describe, seed: u64) -> Built {
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

fn keyed(number: u64) -> Step {
    Step {
        number,
        share: 1.0 / number as f64,
        key: Key::seed(3).with(number),
    }
}

/// What a network computes.
#[derive(Default)]
struct Computed {
    scores: Vec<f64>,
    loss: f64,
    right: usize,
    gradients: BTreeMap<String, Vec<f64>>,
    weights: BTreeMap<String, Vec<f64>>,
    memory: BTreeMap<String, Vec<Vec<f64>>>,
}

/// A network, its weights, a batch and its labels.
struct Case {
    graph: Graph,
    weights: BTreeMap<String, Tensor>,
    x: Tensor,
    labels: Vec<usize>,
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    let tensor = tensor.to_dtype(DType::F64).and_then(|x| x.flatten_all());
    tensor.unwrap().to_vec1().unwrap()
}

fn all(tensors: BTreeMap<String, Tensor>) -> BTreeMap<String, Vec<f64>> {
    let each = tensors.iter();
    each.map(|(name, tensor)| (name.clone(), numbers(tensor)))
        .collect()
}

impl Case {
    fn new(graph: Graph, samples: usize, seed: u64) -> Case {
        let classes = graph.prediction().shape.channels();
        let mut dims = vec![samples];
        dims.extend_from_slice(&graph.input().dims());
        let x = crate::laws::ops::random(&dims, Key::seed(seed).with_name("x"));
        Case {
            weights: Fill::Default.weights(&graph, DType::F32).unwrap(),
            x: x.to_dtype(DType::F32).unwrap(),
            labels: (0..samples)
                .map(|i| (i + seed as usize) % classes)
                .collect(),
            graph,
        }
    }

    /// What the CPU computes in so many steps, and the scores before them.
    fn cpu(&self, dtype: DType, training: &Training, steps: u64) -> Result<Computed, NetError> {
        let weights = self.weights.iter();
        let weights = weights.map(|(name, tensor)| (name.clone(), tensor.to_dtype(dtype).unwrap()));
        let mut net = Net::new(self.graph.clone(), weights.collect(), dtype)?;
        let x = self.x.to_dtype(dtype).unwrap();
        let mut computed = Computed {
            scores: numbers(net.forward(&x, Mode::Eval)?.output()),
            ..Computed::default()
        };
        let mut memory = Memory::default();
        for number in 1..=steps {
            let step = keyed(number);
            let mode = Mode::Train {
                key: step.key,
                norm: training.norm,
            };
            let pass = net.forward(&x, mode)?;
            let mut seeds = Vec::new();
            for (i, (output, (_, scores))) in
                (self.graph.outputs().iter().zip(pass.outputs())).enumerate()
            {
                let labels = self.labels.iter();
                let classes = scores.dims()[1];
                let labels: Vec<usize> = labels.map(|&label| label % classes).collect();
                let (loss, slope) = cross_entropy(scores, &labels, training.smoothing).unwrap();
                if i == 0 {
                    computed.loss = loss;
                    computed.right = right(&numbers(scores), &labels);
                }
                let weight = if i == 0 { 1.0 } else { training.auxiliary };
                seeds.push((output.node, (slope * weight).unwrap()));
            }
            net.settle(&pass)?;
            let seeds: Vec<_> = seeds.iter().map(|(id, slope)| (*id, slope)).collect();
            let gradients = net.backward(pass, &seeds, false)?;
            computed.gradients = BTreeMap::new();
            for (id, node) in self.graph.nodes().iter().enumerate() {
                let tensors = self.graph.tensors_of(node);
                for (tensor, gradient) in tensors.iter().zip(gradients.of(id)) {
                    let name = [&node.path, ".", tensor.name].concat();
                    computed.gradients.insert(name, numbers(gradient));
                }
            }
            memory.step(
                &training.optimizer,
                number,
                step.share,
                &mut net,
                &gradients,
            )?;
        }
        let weights = net.weights();
        let weights = weights.map(|(name, _, tensor)| (name, numbers(tensor)));
        computed.weights = weights.collect();
        Ok(computed)
    }

    fn session(&self, element: Element, training: &Training) -> Session<Emulator> {
        let machine = |bytes| Ok(Emulator::new(bytes));
        let (samples, training) = (self.labels.len(), Some(training));
        Session::new(
            &self.graph,
            &self.weights,
            samples,
            element,
            training,
            machine,
        )
        .unwrap()
    }

    /// As [`Case::cpu`], in a session.
    fn gpu(&self, session: &mut Session<Emulator>, steps: u64) -> Computed {
        let mut computed = Computed {
            scores: numbers(&session.infer(&self.x).unwrap()),
            ..Computed::default()
        };
        for number in 1..=steps {
            session.learn(&self.labels, keyed(number)).unwrap();
        }
        let outcome = session.outcome().unwrap();
        (computed.loss, computed.right) = (outcome.loss, outcome.right);
        computed.gradients = all(session.gradients().unwrap());
        computed.weights = all(session.weights().unwrap());
        let memory = session.memory().unwrap().into_iter();
        let memory = memory.map(|(name, all)| (name, all.iter().map(numbers).collect()));
        computed.memory = memory.collect();
        computed
    }
}

fn right(scores: &[f64], labels: &[usize]) -> usize {
    let rows = scores.chunks(scores.len() / labels.len()).zip(labels);
    rows.filter(|(row, label)| {
        row.iter()
            .enumerate()
            .all(|(i, &x)| x < row[**label] || i >= **label && x <= row[**label])
    })
    .count()
}

/// The largest distance of two lists, of which each number has a scale.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let distance = |(a, b): (&f64, &f64)| match a == b || a.is_nan() && b.is_nan() {
        true => 0.0,
        false => (a - b).abs(),
    };
    // a NaN on one side only is as far as can be
    let far = |x: f64| if x.is_nan() { f64::INFINITY } else { x };
    a.iter().zip(b).map(distance).map(far).fold(0.0, f64::max)
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x.abs()).fold(0.0, f64::max)
}

/// Whether numbers are near those in f64, as far as it can be told from what the CPU finds in f32.
fn near(what: &str, found: &[f64], cpu: &[f64], exact: &[f64], scale: f64) -> Result<(), String> {
    let (far, cpu) = (apart(found, exact), apart(cpu, exact));
    let allowed = NEAR * scale + TIMES * cpu;
    match far <= allowed {
        true => Ok(()),
        false => Err(format!(
            "{what}: {far:e} from f64, the CPU {cpu:e}, of {scale:e}"
        )),
    }
}

/// Whether a session on the emulator computes what the CPU does.
fn compare(found: &Computed, cpu: &Computed, exact: &Computed) -> Result<(), String> {
    let scale = largest(&exact.scores);
    near("scores", &found.scores, &cpu.scores, &exact.scores, scale)?;
    let scale = exact.loss.abs().max(1.0);
    near("loss", &[found.loss], &[cpu.loss], &[exact.loss], scale)?;
    for (what, found, cpu, exact) in [
        (
            "gradient",
            &found.gradients,
            &cpu.gradients,
            &exact.gradients,
        ),
        ("weight", &found.weights, &cpu.weights, &exact.weights),
    ] {
        assert!(found.keys().eq(exact.keys()), "{what}s of other tensors");
        for (name, exact_one) in exact {
            // a bias in front of a normalisation has no gradient but rounding: the layer's is the scale
            let layer = |name: &str| name.rsplit_once('.').map(|(layer, _)| layer.to_string());
            let same = exact
                .iter()
                .filter(|(other, _)| layer(other) == layer(name));
            let scale = same
                .map(|(_, numbers)| largest(numbers))
                .fold(0.0, f64::max);
            let what = format!("{what} {name}");
            near(&what, &found[name], &cpu[name], exact_one, scale)?;
        }
    }
    Ok(())
}

/// Compares a graph's inference and one step; how many were compared.
fn agree(graph: Built, seed: u64) -> usize {
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
    let mut session = case.session(Element::F32, &training);
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
    let steps = prop::collection::vec(step(), 1..6);
    let mut graphs = Vec::new();
    while graphs.len() < count {
        let steps = steps.new_tree(&mut runner).unwrap().current();
        graphs.extend(Graph::build(Shape::map(3, 9, 8), |x| describe(x, &steps)));
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

fn every_op() {
    let mut ops = BTreeSet::new();
    let graphs = OPS
        .iter()
        .flat_map(|&(_, op)| (0..4).filter_map(move |seed| of_op(op, seed).ok()));
    for graph in graphs {
        ops.extend(graph.nodes().iter().map(|node| node.op.name()));
    }
    let missing: Vec<_> = Op::NAMES
        .iter()
        .filter(|name| !ops.contains(**name))
        .collect();
    assert!(missing.is_empty(), "no law for {missing:?}");
}

fn steps() {}
fn halves() {}
fn masks() {}
fn come_back() {}
fn order() {}
fn errors() {}

//! Laws over the registry, for the numeric interpreter: it agrees with the symbolic one on every
//! shape and every parameter, its gradients reach what they should, and a step against them helps.

use crate::law;
use candle_core::{DType, Device, Tensor};
use convcheck::analysis::{depth, feature_field, peak_activations, receptive_fields, summary};
use convcheck::graph::{Graph, NodeId, Op, Shape, TensorKind, conv};
use convcheck::net::{Fill, ForwardPass, Gradients, Init, Mode, Net};
use convcheck::ops::loss::cross_entropy;
use convcheck::random::Key;
use convcheck::zoo::{Model, Registry};
use libtest_mimic::Trial;
use std::sync::Arc;

/// Samples of a batch.
const SAMPLES: usize = 2;
/// Multiply-accumulates of a sample up to which a law runs on each change: a few training steps of the largest are
/// about a second on two cores. Larger networks consist of the same units as a smaller one of their family;
/// `ci/laws` runs them.
const QUICK: u64 = 300_000_000;
/// Parameters up to which it does: each step copies all of them.
const LIGHT: u64 = 40_000_000;

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![law(
        "net::training-in-groups-changes-no-bit",
        groups_change_no_bit,
    )];
    for (name, small, is_slow) in small_networks() {
        let field = Arc::clone(&small);
        trials.extend([
            law(format!("net::{name}"), move || interpreters_agree(&small))
                .with_ignored_flag(is_slow),
            law(format!("field::{name}"), move || reaches_its_field(&field))
                .with_ignored_flag(is_slow),
            law(format!("full::{name}"), move || {
                let model = Registry::builtin().find(&name).unwrap();
                interpreters_agree(&model.graph().unwrap())
            })
            .with_ignored_flag(true),
        ]);
    }
    trials
}

/// Every registered network by name, at its least size, and whether it is large even then.
pub fn small_networks() -> Vec<(String, Arc<Graph>, bool)> {
    let registry = Registry::builtin();
    let small = |model: &Model| {
        let graph = Arc::new(smallest(model));
        let totals = summary(&model.name, &graph).unwrap().totals;
        let is_slow = totals.macs > QUICK || totals.params > LIGHT;
        (model.name.to_string(), graph, is_slow)
    };
    registry.models().map(small).collect()
}

/// The network on the smallest input, of a few sizes, on which it behaves as on a large one.
fn smallest(model: &Model) -> Graph {
    let Some([c, ..]) = model.input.maps() else {
        return model.graph().unwrap();
    };
    [8, 16, 32, 33, 48, 64, 75, 96, 128]
        .into_iter()
        .filter_map(|side| model.graph_at(Shape::map(c, side, side)).ok())
        .find(is_large_enough)
        .unwrap_or_else(|| model.graph().unwrap())
}

/// Whether the last feature map has four units (batch normalisation over fewer values is
/// ill-conditioned), grids divide their maps, and the windows on the input leave no row out.
fn is_large_enough(graph: &Graph) -> bool {
    let last = feature_field(graph, &receptive_fields(graph));
    let has_room = last.is_none_or(|(id, _)| {
        graph.nodes()[id]
            .shape
            .extent()
            .iter()
            .all(|&side| side > 1)
    });
    has_room
        && graph.nodes().iter().all(|node| {
            let extent = graph.input_of(node).extent();
            [0, 1]
                .into_iter()
                .all(|axis| match (&node.op, node.op.window()) {
                    (Op::AdaptiveAvgPool { output }, _) => {
                        extent[axis].is_multiple_of(output[axis])
                    }
                    (_, Some(window)) if node.inputs == [0] => {
                        let taken = window.axis(axis, extent[axis]).unwrap();
                        let reach =
                            (taken.output - 1) * window.stride[axis] + window.span(axis).unwrap();
                        reach >= taken.before + extent[axis]
                    }
                    _ => true,
                })
        })
}

fn interpreters_agree(graph: &Graph) {
    let weights = Init::He.weights(graph, 1, DType::F32).unwrap();
    let net = Net::new(graph.clone(), weights, DType::F32).unwrap();
    let x = Fill::input(graph, SAMPLES, DType::F32).unwrap();
    parameters(&net);
    shapes_and_bits(&net, &x);
    let mut names = without_gradient(&net, &x, 1);
    // a unit of few maps may be born with closed ReLUs, and drop-path may drop a column for every
    // sample: under one seed, not under all
    for seed in 2..5 {
        if !names.is_empty() {
            let other = Init::He.weights(graph, seed, DType::F32).unwrap();
            let other = Net::new(graph.clone(), other, DType::F32).unwrap();
            let other = without_gradient(&other, &x, seed);
            names.retain(|name| other.contains(name));
        }
    }
    assert!(names.is_empty(), "without a gradient: {names:?}");
    loss_falls(net, &x);
}

/// A training pass in which normalisations are fused with what follows them, and its gradients, are those of a pass
/// layer by layer: with ReLU behind a normalisation, behind a sum on either side, with a second consumer between
/// them, and with an output there.
fn groups_change_no_bit() {
    let graph = Graph::build(Shape::map(3, 9, 9), |x| {
        let x = x.conv("stem", conv(6, 3).pad(1)).bn("stem_norm").relu();
        let y = x.conv("a", conv(6, 3).pad(1)).bn("a_norm").relu();
        let y = y.conv("b", conv(6, 3).pad(1)).bn("b_norm");
        let x = (x + y).relu();
        let y = x.conv("c", conv(6, 1)).bn("c_norm");
        let x = (y.relu() + y).relu();
        let y = x.conv("d", conv(6, 1)).bn("d_norm");
        let x = (y + x).bn("pre").relu();
        x.output("maps").flatten().linear("fc", 4)
    });
    let graph = graph.unwrap();
    let weights = Init::He.weights(&graph, 1, DType::F32).unwrap();
    let net = Net::new(graph.clone(), weights, DType::F32).unwrap();
    let x = random(&[3, 3, 9, 9], Key::named("x"));
    let mode = Mode::train(1, 0);
    let results = |grouped: bool| -> Vec<Vec<f32>> {
        let pass = match grouped {
            true => net.forward(&x, mode),
            false => net.forward_with(&x, mode, |_, _| {}),
        };
        let pass = pass.unwrap();
        let outputs = graph.outputs().iter().zip(pass.outputs());
        let outputs: Vec<(NodeId, Tensor)> = outputs
            .map(|(output, (_, value))| (output.node, value.clone()))
            .collect();
        let mut seeds: Vec<(NodeId, &Tensor)> = outputs.iter().map(|(id, y)| (*id, y)).collect();
        // one in the middle of a group
        let norm = (graph.nodes().iter()).position(|node| node.path == "a_norm");
        let norm_seed = random(&[3, 6, 9, 9], Key::named("seed"));
        seeds.push((norm.unwrap(), &norm_seed));
        let gradients = match grouped {
            true => net.backward(pass, &seeds, true),
            false => net.backward_with(pass, &seeds, true, |_, _| {}),
        };
        let gradients = gradients.unwrap();
        let of_layers = (0..graph.nodes().len()).flat_map(|id| gradients.of(id).to_vec());
        let all = outputs.iter().map(|(_, y)| y.clone()).chain(of_layers);
        all.chain(gradients.input.clone())
            .map(|tensor| tensor.flatten_all().unwrap().to_vec1().unwrap())
            .collect()
    };
    let (grouped, single) = (results(true), results(false));
    assert!(grouped.iter().flatten().all(|x| x.is_finite()));
    assert_eq!(grouped, single);
}

/// As many as the symbolic interpreter counts.
fn parameters(net: &Net) {
    let count = |wanted: &[TensorKind]| -> u64 {
        let weights = net.weights().filter(|(_, kind, _)| wanted.contains(kind));
        weights
            .map(|(_, _, weight)| weight.elem_count() as u64)
            .sum()
    };
    let totals = summary("", net.graph()).unwrap().totals;
    assert_eq!(totals.trainable, count(&[TensorKind::Trainable]));
    assert_eq!(
        totals.params,
        count(&[TensorKind::Trainable, TensorKind::Frozen])
    );
    assert_eq!(totals.buffers, count(&[TensorKind::Buffer]));
}

/// Every layer has the predicted shape; evaluation is the same bit for bit as a pass that keeps all, and takes the predicted
/// memory.
fn shapes_and_bits(net: &Net, x: &Tensor) {
    let mut seen = 0;
    let probe = net.forward_with(x, Mode::Probe, |node, value| {
        let mut dims = vec![SAMPLES];
        dims.extend_from_slice(&node.shape.dims());
        assert_eq!(value.dims(), dims, "{}", node.path);
        seen += 1;
    });
    assert_eq!(seen, net.graph().nodes().len());
    let bits = |pass: &ForwardPass| -> Vec<u32> {
        let numbers = pass
            .output()
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        numbers.into_iter().map(f32::to_bits).collect()
    };
    let single = net.forward_with(x, Mode::Eval, |_, _| {}).unwrap();
    assert_eq!(
        bits(&single),
        bits(&probe.unwrap()),
        "keeping values changes them"
    );
    let predicted = SAMPLES as u64 * peak_activations(net.graph()).unwrap();
    assert_eq!(single.peak_activations() as u64, predicted);
    assert_eq!(
        bits(&single),
        bits(&net.forward(x, Mode::Eval).unwrap()),
        "evaluation is not deterministic"
    );
}

fn random(dims: &[usize], key: Key) -> Tensor {
    let count = dims.iter().product::<usize>() as u64;
    let numbers: Vec<f32> = (0..count).map(|i| key.normal(i) as f32).collect();
    Tensor::from_vec(numbers, dims, &Device::Cpu).unwrap()
}

/// Whether a bias is added just in front of a batch normalisation, whose mean takes it away again:
/// the one kind of parameter without a gradient.
fn is_cancelled(graph: &Graph, id: NodeId, tensor: &str) -> bool {
    let mut readers = graph
        .nodes()
        .iter()
        .filter(|node| node.inputs.contains(&id));
    tensor == "bias" && readers.all(|node| matches!(node.op, Op::BatchNorm { .. }))
}

/// The trainable parameters whose gradient is zero under a seed's masks; each must be finite.
fn without_gradient(net: &Net, x: &Tensor, seed: u64) -> Vec<String> {
    let graph = net.graph();
    let pass = net.forward(x, Mode::train(seed, 0)).unwrap();
    let outputs = graph.outputs().iter();
    let seeds: Vec<(NodeId, Tensor)> = outputs
        .zip(pass.outputs())
        .map(|(output, (name, value))| (output.node, random(value.dims(), Key::named(name))))
        .collect();
    let seeds: Vec<(NodeId, &Tensor)> = seeds.iter().map(|(id, seed)| (*id, seed)).collect();
    let gradients = net.backward(pass, &seeds, false).unwrap();
    let mut names = Vec::new();
    for (id, node) in graph.nodes().iter().enumerate() {
        let tensors = graph.tensors_of(node);
        let trainable = tensors
            .iter()
            .filter(|tensor| tensor.kind == TensorKind::Trainable);
        assert_eq!(
            trainable.clone().count(),
            gradients.of(id).len(),
            "{} has no gradient",
            node.path
        );
        for (tensor, gradient) in trainable.zip(gradients.of(id)) {
            let gradient = gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let name = format!("{}.{}", node.path, tensor.name);
            assert!(gradient.iter().all(|x| x.is_finite()), "{name}: not finite");
            if !is_cancelled(graph, id, tensor.name) && gradient.iter().all(|&x| x == 0.0) {
                names.push(name);
            }
        }
    }
    names
}

/// The loss on one batch, and its gradients.
fn step(net: &Net, x: &Tensor) -> (f64, Gradients) {
    let prediction = net.graph().outputs()[0].node;
    let pass = net.forward(x, Mode::train(1, 0)).unwrap();
    let (loss, seed) = loss(pass.output());
    let gradients = net.backward(pass, &[(prediction, &seed)], false);
    (loss, gradients.unwrap())
}

/// The loss on one batch.
fn value(net: &Net, x: &Tensor) -> f64 {
    loss(net.forward(x, Mode::train(1, 0)).unwrap().output()).0
}

fn loss(y: &Tensor) -> (f64, Tensor) {
    match y.dims() {
        &[n, classes] => {
            let labels: Vec<usize> = (0..n).map(|i| i % classes).collect();
            cross_entropy(y, &labels, 0.0).unwrap()
        }
        // units that are not whole networks: the mean square
        _ => {
            let count = y.elem_count() as f64;
            (squares(y) / count, (y * (2.0 / count)).unwrap())
        }
    }
}

/// Two steps against the gradient, each shortened until it helps: deep networks bend quickly.
fn loss_falls(net: Net, x: &Tensor) {
    let (mut net, x) = match depth(net.graph()) {
        // gradients of plain nets grow with every layer: the steps that help them all are too short
        // for f32
        50.. => (in_f64(&net), x.to_dtype(DType::F64).unwrap()),
        _ => (net, x.clone()),
    };
    for _ in 0..2 {
        let (loss, gradients) = step(&net, &x);
        let ids = 0..net.graph().nodes().len();
        if loss == 0.0 || ids.into_iter().all(|id| gradients.of(id).is_empty()) {
            return;
        }
        let shorter = (3..15).map(|digits| {
            let part = 10f64.powi(-digits);
            let mut moved = net.clone();
            let update = |_: &str, _, weight: &Tensor, gradient: &Tensor| {
                // what drop-path has dropped stays as it is
                let lengths = match length(gradient) {
                    0.0 => 0.0,
                    steep => length(weight) / steep,
                };
                weight - (gradient * (part * lengths))?
            };
            moved.update(&gradients, update).unwrap();
            moved
        });
        let better = shorter.into_iter().find(|moved| value(moved, &x) < loss);
        net = better.expect("no step against the gradient lowers the loss");
    }
}

fn in_f64(net: &Net) -> Net {
    let weights = net
        .weights()
        .map(|(name, _, weight)| (name, weight.to_dtype(DType::F64).unwrap()));
    Net::new(net.graph().clone(), weights.collect(), DType::F64).unwrap()
}

/// The sum of squares.
fn squares(tensor: &Tensor) -> f64 {
    let sum = tensor.sqr().unwrap().sum_all().unwrap();
    sum.to_dtype(DType::F64).unwrap().to_scalar().unwrap()
}

fn length(tensor: &Tensor) -> f64 {
    squares(tensor).sqrt()
}

/// The gradient of the centre units of the last feature maps reaches the rows and columns of its
/// symbolic receptive field, as far as the input goes, and no others.
fn reaches_its_field(graph: &Graph) {
    let fields = receptive_fields(graph);
    let Some((id, field)) = feature_field(graph, &fields) else {
        return;
    };
    let net = positive(graph);
    let [down, across] = graph.nodes()[id].shape.extent();
    let centre = [down / 2, across / 2];
    let gated = graph.nodes()[..=id].iter().any(|node| node.op == Op::Gate);
    let expected = [0, 1].map(|axis| {
        let last = graph.input().extent()[axis] as i64 - 1;
        let first = field.offset[axis] + centre[axis] as i64 * field.stride[axis] as i64;
        let end = first + field.size[axis] as i64 - 1;
        match gated {
            // through the pool behind a gate a unit sees everything
            true => (0, last),
            false => (first.clamp(0, last), end.clamp(0, last)),
        }
    });
    let mut reached = [(i64::MAX, i64::MIN); 2];
    // under each of four slopes a maximum comes from another corner of its window; a steep slope
    // outdoes what padding takes from the edge, a gentle one leaves sigmoids their slope
    let corners = [[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]];
    let slopes = corners.map(|slope| [slope.map(|s| 0.01 * s), slope]);
    for (i, slope) in slopes.into_iter().flatten().enumerate() {
        let x = ramp(graph.input(), slope);
        let pass = net.forward(&x, Mode::Probe).unwrap();
        let units = graph.nodes()[id].shape.elements().unwrap() as usize;
        let is_centre = |i: usize| [i / across % down, i % across] == centre;
        let seed: Vec<f64> = (0..units)
            .map(|i| f64::from(u8::from(is_centre(i))))
            .collect();
        let mut dims = vec![1];
        dims.extend_from_slice(&graph.nodes()[id].shape.dims());
        let seed = Tensor::from_vec(seed, dims, &Device::Cpu).unwrap();
        let gradient = net
            .backward(pass, &[(id, &seed)], true)
            .unwrap()
            .input
            .unwrap();
        let [h, w] = graph.input().extent();
        let gradient = gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        for i in (0..gradient.len()).filter(|&i| gradient[i] != 0.0) {
            for (reached, at) in reached.iter_mut().zip([i / w % h, i % w]) {
                *reached = (reached.0.min(at as i64), reached.1.max(at as i64));
            }
        }
        // the field is reached whole, and from neither of two opposite corners anything beyond it
        if i >= 3 && reached == expected {
            return;
        }
    }
    assert_eq!(reached, expected, "{:?}", graph.nodes()[id].path);
}

/// Weights of which none is negative, so that no two ways cancel and no ReLU closes.
fn positive(graph: &Graph) -> Net {
    let mut weights = Fill::Gain1.weights(graph, DType::F64).unwrap();
    for (name, weight) in &mut weights {
        let layer = graph.node(name.rsplit_once('.').unwrap().0).unwrap();
        let ones = weight.ones_like().unwrap();
        *weight = match (&layer.op, name.rsplit('.').next().unwrap()) {
            (Op::BatchNorm { .. }, "weight" | "running_var") => ones,
            (Op::BatchNorm { .. }, _) => ones.zeros_like().unwrap(),
            (_, "bias") => ones.zeros_like().unwrap(),
            _ => {
                let taps = (weight.elem_count() / weight.dims()[0]) as f64;
                ((weight.abs().unwrap() + 0.1).unwrap() / taps).unwrap()
            }
        };
    }
    Net::new(graph.clone(), weights, DType::F64).unwrap()
}

/// A sample that grows or falls along each axis by a constant factor a unit.
fn ramp(shape: Shape, slope: [f64; 2]) -> Tensor {
    let [h, w] = shape.extent();
    let unit = |i: usize| (slope[0] * (i / w % h) as f64 + slope[1] * (i % w) as f64).exp();
    let numbers: Vec<f64> = (0..shape.elements().unwrap() as usize).map(unit).collect();
    let mut dims = vec![1];
    dims.extend_from_slice(&shape.dims());
    Tensor::from_vec(numbers, dims, &Device::Cpu).unwrap()
}

//! Laws over the steps of a session: optimisers, masks, units of 16 bits.

use super::case::{Case, all, apart, compare, emulator, keyed, largest, numbers, setup};
use super::{net, training};
use candle_core::{DType, Device, Tensor};
use convcheck::gpu::{Element, Session, Training};
use convcheck::graph::{Graph, Shape, conv, mean, pool};
use convcheck::net::Norm;
use convcheck::ops::dropout::{dropout, shares};
use convcheck::train::{Adam, AdamForm, Optimizer, Sgd};
use std::collections::BTreeMap;

pub const fn adam(form: AdamForm, weight_decay: f64) -> Adam {
    Adam {
        rate: 0.01,
        beta1: 0.9,
        beta2: 0.99,
        form,
        weight_decay,
        decay_all: false,
    }
}

/// A network with every kind of weight, none of which has a gradient of rounding errors alone.
pub fn mixed() -> Graph {
    let table: &[&[usize]] = &[&[0, 2], &[1, 2, 3], &[0], &[3]];
    let graph = Graph::build(Shape::map(3, 11, 9), |x| {
        let x = x
            .conv("first", conv(4, 3).same().stride(2).no_bias())
            .bn("norm")
            .relu();
        let x = x.conv("table", conv(4, 3).pad(1).table(table)).tanh();
        let x = x
            .conv("groups", conv(8, 3).groups(2))
            .sigmoid()
            .subsample("sub", pool(2));
        x.dropout(0.2).flatten().linear("fc", 5)
    });
    graph.unwrap()
}

/// Three steps, so that what an optimiser remembers shows; and what it remembers after one.
pub fn steps() {
    let sgd = |momentum, nesterov, decay_all| {
        Optimizer::Sgd(Sgd {
            rate: 0.1,
            momentum,
            nesterov,
            weight_decay: 0.05,
            decay_all,
        })
    };
    let decays = |adam: Adam| Adam {
        decay_all: true,
        ..adam
    };
    for (name, optimizer, memories) in [
        ("sgd", sgd(0.0, false, false), 0),
        ("momentum", sgd(0.9, false, false), 1),
        ("nesterov", sgd(0.9, true, true), 1),
        ("adam", Optimizer::Adam(adam(AdamForm::Torch, 0.0)), 2),
        ("adam-keras", Optimizer::Adam(adam(AdamForm::Keras, 0.1)), 2),
        ("adam-w", Optimizer::AdamW(adam(AdamForm::Torch, 0.1)), 2),
        (
            "adam-w-all",
            Optimizer::AdamW(decays(adam(AdamForm::Torch, 0.1))),
            2,
        ),
    ] {
        let training = Training {
            optimizer,
            ..training(Norm::Torch)
        };
        let case = Case::new(mixed(), 4, 5);
        let [cpu, exact] =
            [DType::F32, DType::F64].map(|dtype| case.cpu(dtype, &training, 3).unwrap());
        let mut session = case.session(Element::F32, &training);
        compare(&case.gpu(&mut session, 3), &cpu, &exact)
            .unwrap_or_else(|what| panic!("{name}: {what}"));
        let once = case.gpu(&mut case.session(Element::F32, &training), 1);
        for (name, gradient) in &once.gradients {
            let remembered = once.memory.get(name).map_or(0, Vec::len);
            assert_eq!(remembered, memories, "{name}");
            if let (Optimizer::AdamW(_), [mean, square]) = (
                optimizer,
                &once.memory.get(name).cloned().unwrap_or_default()[..],
            ) {
                let means: Vec<f64> = gradient.iter().map(|g| 0.1 * g).collect();
                let squares: Vec<f64> = gradient.iter().map(|g| 0.01 * g * g).collect();
                assert!(apart(mean, &means) <= 1e-6 * largest(&means), "{name}");
                assert!(
                    apart(square, &squares) <= 1e-6 * largest(&squares),
                    "{name}"
                );
            }
        }
    }
}

/// Relative to their length, how far numbers are from others.
fn turned(found: &[f64], exact: &[f64]) -> f64 {
    let length = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    let apart = length(&mut found.iter().zip(exact).map(|(a, b)| a - b));
    apart / length(&mut exact.iter().copied())
}

/// To nearest, ties to even, and what is no number stays none.
pub fn rounding() {
    let tie = |upper: u32| f32::from_bits(upper << 16 | 0x8000);
    let mut numbers = vec![
        0.0,
        -0.0,
        1.0 / 3.0,
        f32::MAX,
        f32::MIN_POSITIVE / 3.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        f32::from_bits(0x7f80_0001),
        tie(0x3f80),
        tie(0x3f81),
        tie(0xc2ff),
    ];
    numbers.extend((0..500).map(|i| keyed(1).key.normal(i) as f32));
    let same = Graph::build(Shape::vector(numbers.len()), |x| x.slice(0, x.channels()));
    let graph = same.unwrap();
    let x = Tensor::from_slice(&numbers, (1, numbers.len()), &Device::Cpu).unwrap();
    let setup = setup(&graph, Element::Bf16, &[1], None);
    let session = Session::new(&setup, &BTreeMap::new(), emulator);
    let found = session.unwrap().infer(&x).unwrap();
    let rounded = x.to_dtype(DType::BF16).and_then(|x| x.to_dtype(DType::F32));
    let bits = |x: &Tensor| -> Vec<u32> {
        let numbers = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        // any NaN is as good as another
        let bits = |x: f32| if x.is_nan() { u32::MAX } else { x.to_bits() };
        numbers.into_iter().map(bits).collect()
    };
    assert!(bits(&found) == bits(&rounded.unwrap()));
}

/// Units of 16 bits are near those of 32, and are no others. ReLUs near zero open and close by the rounding,
/// so that gradients turn by more than numbers differ; smooth units show what rounding alone does.
pub fn halves() {
    for (name, gradients_turn) in [
        ("lenet5_1998_scores", 0.02),
        ("tanh_10_digits", 0.02),
        ("vgg_a_lrn_digits", 0.05),
        ("resnet20_cifar", 0.25),
    ] {
        let training = training(Norm::Torch);
        let case = Case::new(net(name, None), 8, 1);
        let exact = case.cpu(DType::F64, &training, 1).unwrap();
        let found = case.gpu(&mut case.session(Element::Bf16, &training), 1);
        let flat = |of: &BTreeMap<String, Vec<f64>>| -> Vec<f64> {
            of.values().flatten().copied().collect()
        };
        let within = |what: &str, found: &[f64], exact: &[f64], limit: f64| {
            let turned = turned(found, exact);
            assert!(
                (1e-6..limit).contains(&turned),
                "{name}: {what} by {turned:e}"
            );
        };
        within("scores", &found.scores, &exact.scores, 0.02);
        within("loss", &[found.loss], &[exact.loss], 0.01);
        let (gradients, weights) = (flat(&found.gradients), flat(&found.weights));
        within(
            "gradients",
            &gradients,
            &flat(&exact.gradients),
            gradients_turn,
        );
        within("weights", &weights, &flat(&exact.weights), 0.01);
    }
}

/// Of a batch of one, the gradient of a linear layer is zero where its input was masked, and that of a
/// column of a fractal where it was dropped.
pub fn masks() {
    let width = 3 * 4 * 5;
    let mut dropped = 0;
    for (p, number) in [(0.0, 1), (0.1, 2), (0.5, 3), (0.5, 4), (0.9, 5), (1.0, 6)] {
        let graph = Graph::build(Shape::map(3, 4, 5), |x| {
            x.dropout(p).flatten().linear("fc", 2)
        });
        let case = Case::new(graph.unwrap(), 1, number);
        let mut session = case.session(Element::F32, &training(Norm::Torch));
        session.step(&case.x, &case.labels, keyed(number)).unwrap();
        let found = &all(session.gradients().unwrap())["fc.weight"];
        let key = keyed(number).key.fold_in(1);
        let masked = numbers(&dropout(&case.x, p, key).unwrap());
        for unit in 0..width {
            assert_eq!(found[unit] == 0.0, masked[unit] == 0.0, "{p}: {unit}");
            dropped += usize::from(masked[unit] == 0.0);
        }
    }
    assert!(
        (width * 2..width * 4).contains(&dropped),
        "{dropped} dropped"
    );
    let graph = Graph::build(Shape::map(2, 3, 3), |x| {
        let columns = ["a", "b", "c"].map(|name| x.conv(name, conv(2, 1)));
        mean(&columns, 0.5).flatten().linear("fc", 2)
    });
    let graph = graph.unwrap();
    let join = graph
        .nodes()
        .iter()
        .position(|node| node.op.name() == "mean")
        .unwrap();
    let case = Case::new(graph, 1, 1);
    let mut session = case.session(Element::F32, &training(Norm::Torch));
    for number in 1..20 {
        session.step(&case.x, &case.labels, keyed(number)).unwrap();
        let found = all(session.gradients().unwrap());
        let key = keyed(number).key.fold_in(join as u64);
        let shares = shares(3, 1, 0.5, key);
        for (name, share) in ["a.weight", "b.weight", "c.weight"].iter().zip(shares) {
            assert_eq!(
                found[*name].iter().all(|&x| x == 0.0),
                share[0] == 0.0,
                "{number}"
            );
        }
    }
}

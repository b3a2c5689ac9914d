use super::Predictor;
use crate::graph::{Graph, Shape, concat, conv, pool};
use crate::net::{Fill, Init, Mode, Net, NetError};
use crate::ops::simd::fewer::Vectors;
use crate::zoo::Registry;
use candle_core::{DType, Tensor};

fn numbers(x: &Tensor) -> Vec<f64> {
    let flat = x.to_dtype(DType::F64).and_then(|x| x.flatten_all());
    flat.unwrap().to_vec1().unwrap()
}

/// The largest difference of two predictions, in parts of the largest number.
fn difference(a: &Tensor, b: &Tensor) -> f64 {
    let (a, b) = (numbers(a), numbers(b));
    let most =
        |all: &mut dyn Iterator<Item = f64>| all.fold(0.0, |most, x| f64::max(most, x.abs()));
    let far = most(&mut a.iter().zip(&b).map(|(a, b)| a - b));
    assert!(a.iter().all(|x| x.is_finite()));
    far / most(&mut b.iter().copied())
}

/// Nets of the zoo on one image and on three, held against the second witness in f64.
#[test]
fn predictions_are_those_of_the_second_witness() {
    let registry = Registry::builtin();
    for name in [
        "lenet5",
        "article_lenet5_cifar10",
        "resnet20_cifar",
        "densenet_cifar_l40_k12",
    ] {
        let graph = registry.graph(name).unwrap();
        let weights = Init::He.weights(&graph, 1, DType::F32).unwrap();
        let in_f64 = |(name, weight): (&String, &Tensor)| {
            (name.clone(), weight.to_dtype(DType::F64).unwrap())
        };
        let exact = weights.iter().map(in_f64).collect();
        let exact = Net::new(graph.clone(), exact, DType::F64).unwrap();
        let net = Net::new(graph, weights, DType::F32).unwrap();
        for samples in [1, 3] {
            let x = Fill::input(net.graph(), samples, DType::F32).unwrap();
            let wide = x.to_dtype(DType::F64).unwrap();
            let expected = exact.forward(&wide, Mode::Eval).unwrap();
            for made in [Predictor::new, Predictor::direct] {
                let y = made(&net).predict(&x).unwrap();
                assert_eq!(y.dims(), expected.output().dims());
                let far = difference(&y, expected.output());
                assert!(far < 3e-6, "{name}, {samples}: {far:e}");
            }
        }
    }
}

fn small() -> Net {
    let graph = Graph::build(Shape::map(3, 12, 12), |x| {
        let x = x.conv("a", conv(20, 3).pad(1)).bn("norm").relu();
        x.conv("b", conv(20, 3).pad(1))
            .global_avg_pool()
            .flatten()
            .linear("fc", 5)
    });
    let graph = graph.unwrap();
    let weights = Init::He.weights(&graph, 1, DType::F32).unwrap();
    Net::new(graph, weights, DType::F32).unwrap()
}

/// Batches of any size one after the other, and what a sample is predicted as does not depend on those beside it.
#[test]
fn batches_of_any_size_take_turns() {
    let net = small();
    let x = Fill::input(net.graph(), 5, DType::F32).unwrap();
    let mut predictor = Predictor::direct(&net);
    let all = numbers(&predictor.predict(&x).unwrap());
    for (from, samples) in [(0, 2), (2, 3), (4, 1), (0, 5)] {
        let part = x.narrow(0, from, samples).unwrap();
        let y = predictor.predict(&part).unwrap();
        assert_eq!(y.dims(), [samples, 5]);
        assert_eq!(numbers(&y), all[5 * from..][..5 * samples]);
    }
}

/// What the network refuses the predictor refuses in the same words, and goes on.
#[test]
fn errors_are_those_of_the_network() {
    let net = small();
    let mut predictor = Predictor::new(&net);
    let x = Fill::input(net.graph(), 2, DType::F32).unwrap();
    for wrong in [
        x.to_dtype(DType::F64).unwrap(),
        x.narrow(1, 0, 2).unwrap(),
        x.narrow(0, 0, 1).unwrap().squeeze(0).unwrap(),
        x.narrow(0, 0, 0).unwrap(),
    ] {
        let error = predictor.predict(&wrong).unwrap_err().to_string();
        let expected = net.forward(&wrong, Mode::Eval).err().unwrap();
        assert_eq!(error, expected.to_string());
        assert!(error.contains("takes [n, 3, 12, 12] of F32"), "{error}");
    }
    assert_eq!(predictor.predict(&x).unwrap().dims(), [2, 5]);
    let graph = net.graph().clone();
    let weights = Init::He.weights(&graph, 1, DType::F64).unwrap();
    let wide = Net::new(graph, weights, DType::F64).unwrap();
    let x = Fill::input(wide.graph(), 1, DType::F64).unwrap();
    let error = Predictor::new(&wide).predict(&x).unwrap_err();
    assert!(matches!(error, NetError::Layer { .. }), "{error}");
}

#[test]
fn a_prediction_can_be_stopped() {
    let net = small();
    let x = Fill::input(net.graph(), 1, DType::F32).unwrap();
    let mut predictor = Predictor::new(&net.watched(|| false));
    let stopped = predictor.predict(&x);
    assert!(matches!(stopped, Err(NetError::Stopped)));
}

/// A row of units of a layer that sees so many channels is more than the second cache holds.
#[test]
fn a_layer_sees_any_number_of_channels() {
    let graph = Graph::build(Shape::map(1, 224, 224), |x| x.flatten().linear("fc", 2));
    let graph = graph.unwrap();
    let weights = Init::He.weights(&graph, 1, DType::F32).unwrap();
    let net = Net::new(graph, weights, DType::F32).unwrap();
    let x = Fill::input(net.graph(), 3, DType::F32).unwrap();
    let y = Predictor::new(&net).predict(&x).unwrap();
    let expected = net.forward(&x, Mode::Eval).unwrap();
    assert!(difference(&y, expected.output()) < 1e-5);
}

/// Windows of each kind that has loops of its own, on images, planes and blocks.
fn many_windows() -> Graph {
    let graph = Graph::build(Shape::map(3, 37, 35), |x| {
        let x = x
            .conv("stem", conv(20, 5).stride(2).pad(2))
            .bn("norm")
            .relu();
        let a = x.conv("a", conv(33, 3).pad(1)).bn("a_norm").relu();
        let b = x.conv("b", conv(24, 3).pad(1).groups(4)).relu();
        let c = x.conv("c", conv(16, [3, 1]).pad_around([2, 0], [0, 0]));
        let x = concat(&[a, b, c.conv("d", conv(16, 3).pad(1)) + c]);
        let gates = x.global_avg_pool().conv("gates", conv(73, 1)).sigmoid();
        let x = (x * gates).max_pool("pool", pool(3).stride(2).ceil());
        let x = x.conv("e", conv(40, 3).stride(2).pad(1).dilation(2));
        let x = x
            .bn("e_norm")
            .relu()
            .conv("f", conv(17, 1))
            .lrn("lrn", 5, 0.3, 0.75, 2.0);
        x.conv("g", conv(9, 2).stride(3)).flatten().linear("fc", 11)
    });
    graph.unwrap()
}

/// On machines with fewer vectors than this one, and on this one.
#[test]
fn any_vectors_compute_the_same() {
    let graph = many_windows();
    let weights = Fill::Gain1.weights(&graph, DType::F32).unwrap();
    let net = Net::new(graph, weights, DType::F32).unwrap();
    for samples in [1, 3] {
        let x = Fill::input(net.graph(), samples, DType::F32).unwrap();
        let expected = net.forward(&x, Mode::Eval).unwrap();
        for made in [Predictor::new, Predictor::direct] {
            let predict = || made(&net).predict(&x).unwrap();
            let here = predict();
            assert!(difference(&here, expected.output()) < 5e-6);
            for vectors in Vectors::ALL {
                let y = vectors.run(2, predict);
                let far = difference(&y, expected.output());
                assert!(far < 5e-6, "{vectors:?}, {samples}: {far:e}");
            }
        }
    }
}

use super::{Learner, Part};
use crate::graph::{Graph, NodeId, Shape, concat, conv, pool};
use crate::net::{Fill, Init, Mode, Net, Norm};
use crate::ops::simd::fewer::Vectors;
use crate::random::Key;
use crate::zoo::Registry;
use candle_core::{DType, Device, Tensor};
use std::collections::BTreeMap;

fn numbers(x: &Tensor) -> Vec<f64> {
    let flat = x.to_dtype(DType::F64).and_then(|x| x.flatten_all());
    flat.unwrap().to_vec1().unwrap()
}

/// How far numbers are from what they should be, in parts of the length of all.
fn far(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.dims(), expected.dims());
    let (found, expected) = (numbers(found), numbers(expected));
    let length = |all: &mut dyn Iterator<Item = f64>| all.map(|x| x * x).sum::<f64>().sqrt();
    let apart = length(&mut found.iter().zip(&expected).map(|(a, b)| a - b));
    apart / length(&mut expected.iter().copied()).max(1e-20)
}

/// A seed for each output.
fn seeds(graph: &Graph, samples: usize) -> Vec<(NodeId, Tensor)> {
    let outputs = graph.outputs().iter().map(|output| output.node);
    outputs
        .map(|id| {
            let dims = graph.nodes()[id].shape.of_batch(samples);
            let key = Key::seed(id as u64);
            let count: usize = dims.iter().product();
            let numbers: Vec<f32> = (0..count).map(|i| key.normal(i as u64) as f32).collect();
            (id, Tensor::from_vec(numbers, dims, &Device::Cpu).unwrap())
        })
        .collect()
}

fn borrowed(seeds: &[(NodeId, Tensor)]) -> Vec<(NodeId, &Tensor)> {
    seeds.iter().map(|(id, seed)| (*id, seed)).collect()
}

/// Outputs, statistics and gradients of a network, held against the second witness in f64.
fn compare(name: &str, graph: &Graph, samples: usize, norm: Norm, tolerance: f64) {
    let weights = Init::He.weights(graph, 1, DType::F32).unwrap();
    let wide = |x: &Tensor| x.to_dtype(DType::F64).unwrap();
    let exact: BTreeMap<String, Tensor> = weights
        .iter()
        .map(|(name, weight)| (name.clone(), wide(weight)))
        .collect();
    let mut exact = Net::new(graph.clone(), exact, DType::F64).unwrap();
    let mut net = Net::new(graph.clone(), weights, DType::F32).unwrap();
    let x = Fill::input(graph, samples, DType::F32).unwrap();
    let seeds = seeds(graph, samples);
    let ids: Vec<NodeId> = seeds.iter().map(|(id, _)| *id).collect();
    let key = Key::seed(3);
    let mode = Mode::Train { key, norm };
    let pass = exact.forward(&wide(&x), mode).unwrap();
    let mut learner = Learner::new(graph, &ids);
    learner.forward(&net, &x, mode).unwrap();
    for &id in &ids {
        let found = learner.output(&net, id).unwrap();
        let far = far(&found, pass.value(id).unwrap());
        assert!(far < tolerance, "{name}, output {id}: {far:e}");
    }
    let wide_seeds: Vec<_> = seeds.iter().map(|(id, seed)| (*id, wide(seed))).collect();
    exact.update_running_stats(&pass).unwrap();
    net.take_in(norm, samples, learner.statistics()).unwrap();
    let found = learner.backward(&net, &borrowed(&seeds)).unwrap();
    let expected = exact.backward(pass, &borrowed(&wide_seeds), false).unwrap();
    for (id, node) in graph.nodes().iter().enumerate() {
        let (found, expected) = (found.of(id), expected.of(id));
        assert_eq!(found.len(), expected.len(), "{name}, {}", node.path);
        for (found, expected) in found.iter().zip(expected) {
            let far = far(found, expected);
            assert!(far < tolerance, "{name}, {}: {far:e}", node.path);
        }
    }
    for ((key, _, found), (_, _, expected)) in net.weights().zip(exact.weights()) {
        let far = far(found, expected);
        assert!(far < tolerance, "{name}, {key}: {far:e}");
    }
}

/// Every way of a gradient: strides, groups, dilation, sums, gates, values that several read, concatenations that hold
/// others, layers that only tensors know, and a second output.
fn many_ways() -> Graph {
    let graph = Graph::build(Shape::map(3, 13, 11), |x| {
        let a = x
            .conv("stem", conv(20, 3).stride(2).pad(1).no_bias())
            .bn("a")
            .relu();
        let b = a.conv("grouped", conv(16, 3).pad(1).groups(4).no_bias());
        let b = b.bn("b").relu();
        let c = a.conv("plain", conv(16, 3).pad(1)).relu();
        let d = b + c;
        let e = concat(&[a, d, d.max_pool("max", pool(3).stride(1).pad(1))]);
        let f = e
            .conv("wide", conv(24, 3).pad(2).dilation(2).no_bias())
            .bn("f")
            .relu();
        let g = concat(&[e, f]);
        let h = g
            .bn("g")
            .relu()
            .conv("narrow", conv(24, 1).stride(2).no_bias())
            .bn("h");
        let i = f
            .conv("down", conv(24, 3).stride(2).pad(1).no_bias())
            .bn("i");
        let j = (h + i).relu();
        let gates = j.global_avg_pool().conv("squeeze", conv(8, 1)).relu();
        let gates = gates.conv("excite", conv(24, 1)).sigmoid();
        let k = (j * gates).dropout(0.3);
        let k = k.avg_pool("mean", pool(2).stride(1).pad(1));
        a.global_avg_pool().flatten().linear("aux", 5).output("aux");
        k.flatten().linear("fc", 7)
    });
    graph.unwrap()
}

#[test]
fn gradients_are_those_of_the_second_witness() {
    let graph = many_ways();
    for samples in [1, 4] {
        for norm in [Norm::Torch, Norm::Keras, Norm::Running] {
            compare("many ways", &graph, samples, norm, 2e-5);
        }
    }
    let registry = Registry::builtin();
    for name in ["lenet5", "article_lenet5_cifar10"] {
        compare(name, &registry.graph(name).unwrap(), 3, Norm::Torch, 2e-5);
    }
}

/// A pass computes the same numbers whatever went before, on any number of threads.
#[test]
fn passes_depend_on_nothing_but_their_batch() {
    let graph = many_ways();
    let weights = Init::He.weights(&graph, 1, DType::F32).unwrap();
    let net = Net::new(graph.clone(), weights, DType::F32).unwrap();
    let all = seeds(&graph, 3);
    let ids: Vec<NodeId> = all.iter().map(|(id, _)| *id).collect();
    let gradients = |learner: &mut Learner, samples: usize| -> Vec<Vec<f64>> {
        let x = Fill::input(&graph, samples, DType::F32).unwrap();
        let seeds = seeds(&graph, samples);
        learner.forward(&net, &x, Mode::train(1, 2)).unwrap();
        let found = learner.backward(&net, &borrowed(&seeds)).unwrap();
        let layers = (0..graph.nodes().len()).flat_map(|id| found.of(id));
        layers.map(numbers).collect()
    };
    let with_threads = |threads: usize, samples: &[usize]| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            let mut learner = Learner::new(&graph, &ids);
            let passes = samples.iter();
            passes
                .map(|&samples| gradients(&mut learner, samples))
                .last()
        })
    };
    let alone = with_threads(1, &[3]);
    assert_eq!(with_threads(3, &[3]), alone);
    assert_eq!(with_threads(2, &[3, 2, 1, 3]), alone);
}

#[test]
fn what_is_missing_is_said() {
    let graph = many_ways();
    let weights = Init::He.weights(&graph, 1, DType::F32).unwrap();
    let net = Net::new(graph.clone(), weights, DType::F32).unwrap();
    let all = seeds(&graph, 2);
    let ids: Vec<NodeId> = all.iter().map(|(id, _)| *id).collect();
    let mut learner = Learner::new(&graph, &ids);
    let said = |error: crate::net::NetError| error.to_string();
    let early = learner.backward(&net, &borrowed(&all)).map(|_| ());
    assert!(said(early.unwrap_err()).contains("has not been computed"));
    let x = Fill::input(&graph, 2, DType::F32).unwrap();
    learner.forward(&net, &x, Mode::train(1, 2)).unwrap();
    let few = learner.backward(&net, &borrowed(&all[1..])).map(|_| ());
    assert!(said(few.unwrap_err()).contains("has no seed"));
    let other = x.narrow(2, 0, 5).unwrap();
    let wrong = learner.forward(&net, &other, Mode::train(1, 2));
    assert!(said(wrong.unwrap_err()).contains("[2, 3, 5, 11]"));
}

/// Each part of a layer, and no part of what has none.
#[test]
fn parts_of_a_layer_are_done_again() {
    let graph = many_ways();
    let weights = Init::He.weights(&graph, 1, DType::F32).unwrap();
    let net = Net::new(graph.clone(), weights, DType::F32).unwrap();
    let all = seeds(&graph, 2);
    let ids: Vec<NodeId> = all.iter().map(|(id, _)| *id).collect();
    let x = Fill::input(&graph, 2, DType::F32).unwrap();
    let mode = Mode::train(1, 2);
    let parts = [Part::Forward, Part::InputGradient, Part::WeightGradient];
    let mut learner = Learner::new(&graph, &ids);
    assert!(learner.again(&net, mode, 1, parts[0]).is_err());
    learner.forward(&net, &x, mode).unwrap();
    let backward = learner.backward(&net, &borrowed(&all));
    backward.unwrap();
    let mut has = |path: &str| {
        let mut nodes = graph.nodes().iter();
        let id = nodes.position(|node| node.path == path).unwrap();
        parts.map(|part| learner.again(&net, mode, id, part).is_ok())
    };
    assert_eq!(has("plain"), [true, true, true]);
    // the gradient of images is nobody's; a normalisation has both at once
    assert_eq!(has("stem"), [true, false, true]);
    assert_eq!(has("b"), [true, true, false]);
    assert_eq!(has("max"), [true, true, false]);
}

/// On machines with fewer vectors than this one.
#[test]
fn any_vectors_learn_the_same() {
    let graph = many_ways();
    for vectors in Vectors::ALL {
        vectors.run(2, || compare("many ways", &graph, 3, Norm::Torch, 2e-5));
    }
}

//! Laws over predictions on the CPU: a planned program says what the second witness says, layer by layer.

use crate::law;
use crate::laws::graphs::{describe, run, verb};
use crate::laws::net::small_networks;
use crate::laws::ops::{number, numbers, random, window};
use candle_core::{DType, Device, Tensor};
use convcheck::cpu::Predictor;
use convcheck::graph::{Conv, Graph, Shape, Value, concat, conv, mean};
use convcheck::net::{Fill, Mode, Net};
use convcheck::random::Key;
use convcheck::zoo::Registry;
use libtest_mimic::Trial;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        law("cpu::any-graph::as-layer-by-layer", || {
            let checked = Cell::new(0);
            run((any::<u64>(), 1..12usize), |(seed, steps)| {
                if let Some(graph) = any_graph(seed, steps) {
                    agrees(&graph, random_input(&graph, 3, seed), LIMIT);
                    checked.set(checked.get() + 1);
                }
            });
            assert!(checked.get() > ENOUGH, "only {} graphs", checked.get());
        }),
        law("cpu::any-small-graph::as-layer-by-layer", || {
            run(
                (prop::collection::vec(verb(), 0..8), any::<u64>()),
                |(verbs, seed)| {
                    if let Ok(graph) = Graph::build(Shape::map(3, 24, 20), |x| describe(x, &verbs))
                    {
                        agrees(&graph, random_input(&graph, 3, seed), LIMIT);
                    }
                },
            );
        }),
        law("cpu::no-result-depends-on-the-number-of-threads", threads),
        law("cpu::what-is-not-finite-comes-through", || {
            run((any::<u64>(), 1..8usize), |(seed, steps)| {
                if let Some(graph) = any_graph(seed, steps) {
                    comes_through(&graph, seed);
                }
            });
        }),
    ];
    trials.extend(small_networks().into_iter().map(|(name, graph, is_slow)| {
        law(format!("cpu::{name}"), move || {
            let x = Fill::input(&graph, 3, DType::F64).unwrap();
            agrees(&graph, x, LIMIT);
        })
        .with_ignored_flag(is_slow)
    }));
    trials
}

/// Graphs that a law must have compared: a window may not fit its map.
const ENOUGH: usize = 100;

/// What rounding in f32 may do, relative to the output: as the logits of other people's networks allow.
const LIMIT: f64 = 2e-5;

/// The network on one sample and on all, with Winograd's filtering and without, against that in f64.
fn agrees(graph: &Graph, x: Tensor, limit: f64) {
    let weights = Fill::Gain1.weights(graph, DType::F32).unwrap();
    let net = Net::new(graph.clone(), weights.clone(), DType::F32).unwrap();
    let x = x.to_dtype(DType::F32).unwrap();
    let exact = in_f64(graph, &weights);
    let exact = exact.forward(&x.to_dtype(DType::F64).unwrap(), Mode::Eval);
    let exact = exact.unwrap().output().clone();
    let plain = net.forward(&x, Mode::Eval).unwrap().output().clone();
    for samples in [1, x.dims()[0]] {
        let [exact, plain] = [&exact, &plain].map(|y| numbers(&y.narrow(0, 0, samples).unwrap()));
        let size = norm(&exact);
        // what f32 itself loses, in networks whose numbers cancel
        let limit = limit * size + 4.0 * apart(&plain, &exact);
        for (how, made) in [
            ("", Predictor::new as fn(&Net) -> _),
            ("direct", Predictor::direct),
        ] {
            let y = made(&net)
                .predict(&x.narrow(0, 0, samples).unwrap())
                .unwrap();
            assert_eq!(y.dims()[0], samples);
            let y = numbers(&y);
            let far = apart(&y, &exact);
            assert!(
                far <= limit || !limit.is_finite() && !norm(&y).is_finite(),
                "{samples} samples, {how}: {far:e} of {size:e}, {:e} layer by layer\n{graph:?}",
                apart(&plain, &exact)
            );
        }
    }
}

fn in_f64(graph: &Graph, weights: &BTreeMap<String, Tensor>) -> Net {
    let wide =
        |(name, weight): (&String, &Tensor)| (name.clone(), weight.to_dtype(DType::F64).unwrap());
    Net::new(
        graph.clone(),
        weights.iter().map(wide).collect(),
        DType::F64,
    )
    .unwrap()
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
}

fn random_input(graph: &Graph, samples: usize, seed: u64) -> Tensor {
    let dims = [&[samples][..], &graph.input().dims()].concat();
    random(&dims, Key::seed(seed).fold_in_name("x"))
}

/// A network of values that read earlier ones as it comes: its layers and joins have the windows, groups and channels that
/// places in memory depend on.
fn any_graph(seed: u64, steps: usize) -> Option<Graph> {
    let key = Key::seed(seed);
    let [h, w] = [12, 13].map(|i| 5 + number(key, i, 24));
    let input = Shape::map([1, 2, 3, 4, 5, 20][number(key, 14, 6)], h, w);
    Graph::build(input, |x| {
        let mut values = vec![x];
        for step in 0..steps {
            let key = key.fold_in(step as u64);
            let last = values[values.len() - 1];
            // mostly what came last, so that networks are deep
            let x = match number(key, 0, 3) {
                0 => values[number(key, 1, values.len())],
                _ => last,
            };
            let y = x.scope(format!("s{step}"), |x| layer(x, &values, key));
            let y = match number(key, 2, 12) {
                0 => y.output(format!("o{step}")),
                _ => y,
            };
            values.push(y);
        }
        end(values[values.len() - 1], &values, key)
    })
    .ok()
}

/// One to 48 channels, seldom whole blocks.
fn channels(key: Key, i: u64) -> usize {
    match number(key, i, 3) {
        0 => 1 + number(key, i + 1, 12),
        1 => 16 * (1 + number(key, i + 1, 3)),
        _ => 1 + number(key, i + 1, 48),
    }
}

fn layer<'g>(x: Value<'g>, values: &[Value<'g>], key: Key) -> Value<'g> {
    let [h, w] = x.shape().extent();
    let c = x.channels();
    let alike = |same: &dyn Fn(Shape) -> bool, i: u64| -> Option<Value<'g>> {
        let found: Vec<Value> = values
            .iter()
            .copied()
            .filter(|value| same(value.shape()))
            .collect();
        (!found.is_empty()).then(|| found[number(key, i, found.len())])
    };
    match number(key, 3, 22) {
        0..=4 => x.conv("any", any_conv(x, key)),
        5 | 6 => {
            let layer = conv(channels(key, 20), 3).pad(1);
            x.conv("a", layer).bn("n").relu()
        }
        7 => {
            // as a table of LeNet-5 has it
            let row = |out: u64| -> Vec<usize> {
                let mut row: Vec<usize> = (0..c)
                    .filter(|&i| number(key, 100 + 50 * out + i as u64, 2) == 0)
                    .collect();
                if row.is_empty() {
                    row.push(number(key, 99, c));
                }
                row
            };
            let rows: Vec<Vec<usize>> = (0..3).map(row).collect();
            let rows: Vec<&[usize]> = rows.iter().map(Vec::as_slice).collect();
            x.conv(
                "table",
                conv(3, [3.min(h), 3.min(w)])
                    .pad(number(key, 20, 2))
                    .table(&rows),
            )
        }
        8 => x.bn("n").relu(),
        9 => match number(key, 20, 5) {
            0 => x.sigmoid(),
            1 => x.tanh(),
            2 => x.scale(-0.7, 0.2),
            3 => x.lrn("lrn", 5, 0.3, 0.75, 2.0),
            _ => x.relu(),
        },
        // a residual sum: with an earlier value, or behind a layer that is fused with it
        10 | 11 => {
            let shape = x.shape();
            let other = alike(&|other| other == shape, 20).unwrap_or(x);
            match number(key, 22, 4) {
                0 => x + other,
                1 => (other + x).relu(),
                2 => (x.conv("a", conv(c, 3).pad(1)).bn("n") + other).relu(),
                _ => (other + x.bn("n")).relu(),
            }
        }
        12..=15 => {
            let extent = x.shape().extent();
            let other = |i: u64| alike(&|other| other.extent() == extent, i).unwrap_or(x);
            let both = match number(key, 22, 5) {
                0 => concat(&[x.dropout(0.3), other(20)]),
                1 => concat(&[other(20), x, other(21)]),
                2 => concat(&[x, x.conv("new", conv(channels(key, 23), 3).pad(1))]),
                3 => concat(&[
                    x.conv("one", conv(channels(key, 23), 1)).relu(),
                    other(20),
                    x.conv("two", conv(channels(key, 25), 1)),
                ]),
                _ => concat(&[x, x]),
            };
            match number(key, 27, 3) {
                0 => both.conv(
                    "reads",
                    conv(channels(key, 28), [1 + 2 * number(key, 30, 2), 3]).pad([0, 1]),
                ),
                _ => both,
            }
        }
        16 => match number(key, 20, 3) {
            0 => x * x.global_avg_pool().conv("fc", conv(c, 1)).sigmoid(),
            1 => x * x.scale(-1.0, 1.0),
            _ => x * x.conv("t", conv(c, 1)).sigmoid(),
        },
        17 => x.slice(number(key, 20, c), c),
        18 => x.max_pool("pool", window(key)),
        19 => match number(key, 15, 4) {
            0 => x.avg_pool("pool", window(key)),
            1 => x.avg_pool_without_pad("pool", window(key)),
            2 => x.adaptive_avg_pool("pool", [1 + number(key, 16, 3), 1 + number(key, 17, 3)]),
            _ => x.pad_shortcut(c + number(key, 16, 20), 1 + number(key, 17, 2)),
        },
        20 => match number(key, 20, 3) {
            0 => x.dropout(0.5),
            1 => x.broadcast_add(x.global_avg_pool()),
            _ => mean(&[x, x.scale(2.0, 1.0)], 0.15),
        },
        _ => x.conv("one", conv(channels(key, 20), 1)).relu(),
    }
}

/// A convolution with any window that fits.
fn any_conv(x: Value, key: Key) -> Conv {
    let [h, w] = x.shape().extent();
    let c = x.channels();
    let groups = match number(key, 40, 6) {
        0 if c.is_multiple_of(2) => 2,
        1 if c.is_multiple_of(4) => 4,
        2 => c,
        _ => 1,
    };
    let out = match groups {
        1 => channels(key, 41),
        groups => groups * (1 + number(key, 41, 5.min(1 + 60 / groups))),
    };
    let kernel = [h, w].map(|side| side.min(5));
    let kernel = [
        1 + number(key, 43, kernel[0]),
        1 + number(key, 44, kernel[1]),
    ];
    let layer = conv(out, kernel)
        .groups(groups)
        .stride([1 + number(key, 45, 4), 1 + number(key, 46, 4)]);
    let layer = match number(key, 47, 3) {
        0 => layer.same(),
        1 => layer.pad([number(key, 48, 4), number(key, 49, 4)]),
        _ => {
            let pad = |i: u64| number(key, i, 4);
            layer.pad_around([pad(48), pad(49)], [pad(50), pad(51)])
        }
    };
    let layer = match number(key, 52, 4) {
        0 => layer.dilation([1 + number(key, 53, 3), 1 + number(key, 54, 2)]),
        _ => layer,
    };
    match number(key, 55, 2) {
        0 => layer.no_bias(),
        _ => layer,
    }
}

/// What becomes of the last maps.
fn end<'g>(x: Value<'g>, values: &[Value<'g>], key: Key) -> Value<'g> {
    let earlier = values[number(key, 60, values.len())];
    match number(key, 61, 8) {
        0 => x,
        1 => x.global_avg_pool().flatten().linear("fc", 10),
        2 => x.flatten().linear("fc", 10).softmax(),
        3 => x.flatten(),
        4 => concat(&[x.flatten(), earlier.global_avg_pool().flatten()]).linear("fc", 5),
        5 => {
            let x = x.flatten().linear("a", 20).bn("n").relu().dropout(0.5);
            x + x.linear("b", 20).relu()
        }
        6 => concat(&[x.global_avg_pool(), x.global_avg_pool().relu()])
            .flatten()
            .linear_without_bias("fc", 7),
        _ => x
            .dropout(0.1)
            .flatten()
            .linear("a", 33)
            .relu()
            .linear("fc", 3),
    }
}

/// The same bits from any number of threads.
fn threads() {
    let mut graphs: Vec<Graph> = (0..60).filter_map(|seed| any_graph(seed, 9)).collect();
    for name in [
        "resnet20_cifar",
        "densenet_cifar_l40_k12",
        "article_lenet5_cifar10",
    ] {
        graphs.push(Registry::builtin().find(name).unwrap().graph().unwrap());
    }
    assert!(graphs.len() > 30, "{} graphs", graphs.len());
    for graph in graphs {
        let weights = Fill::Gain1.weights(&graph, DType::F32).unwrap();
        let x = random_input(&graph, 5, 1).to_dtype(DType::F32).unwrap();
        let net = Net::new(graph, weights, DType::F32).unwrap();
        let bits = |threads: usize| -> Vec<u32> {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let y = pool.install(|| Predictor::new(&net).predict(&x).unwrap());
            let numbers: Vec<f32> = y.flatten_all().unwrap().to_vec1().unwrap();
            numbers.into_iter().map(f32::to_bits).collect()
        };
        let one = bits(1);
        for threads in [2, 3] {
            assert!(bits(threads) == one, "{threads} threads\n{:?}", net.graph());
        }
    }
}

/// A NaN or an infinity in one sample is one in its prediction wherever the second witness has one, and in no other sample.
fn comes_through(graph: &Graph, seed: u64) {
    let key = Key::seed(seed).fold_in_name("strange");
    let weights = Fill::Gain1.weights(graph, DType::F32).unwrap();
    let net = Net::new(graph.clone(), weights, DType::F32).unwrap();
    let x = random_input(graph, 3, seed);
    let (dims, mut numbers_of_x) = (x.dims().to_vec(), numbers(&x));
    let size = numbers_of_x.len() / 3;
    let strange = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][number(key, 0, 3)];
    numbers_of_x[size + number(key, 1, size)] = strange;
    let x = Tensor::from_vec(numbers_of_x, dims, &Device::Cpu).unwrap();
    let x = x.to_dtype(DType::F32).unwrap();
    let expected = numbers(net.forward(&x, Mode::Eval).unwrap().output());
    let found = numbers(&Predictor::direct(&net).predict(&x).unwrap());
    let of_sample = expected.len() / 3;
    for (i, (expected, found)) in expected.iter().zip(&found).enumerate() {
        assert!(
            expected.is_finite() || !found.is_finite(),
            "{i}: {found}, not {expected}\n{graph:?}"
        );
        assert!(
            i / of_sample == 1 || found.is_finite(),
            "{i}: {found}, beside {strange}\n{graph:?}"
        );
    }
}

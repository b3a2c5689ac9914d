//! Laws over the gradients of all ops: each against central differences in f64.

use crate::law;
use crate::laws::arrays::all;
use crate::laws::graphs::{describe, run, verb};
use crate::laws::ops::{number, numbers, random, window};
use candle_core::{DType, Device, Tensor};
use convcheck::graph::{Graph, Op, Shape, TensorKind, Value, concat, conv, mean};
use convcheck::net::{Fill, Mode, Net, Norm};
use convcheck::random::Key;
use libtest_mimic::Trial;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;

pub fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = all()
        .map(|&(name, describe)| {
            law(format!("ops::{name}::differences"), move || {
                let checked = Cell::new(0);
                run((3..12usize, 3..12usize, any::<u64>()), |(h, w, seed)| {
                    let shape = Shape::map(4, h, w);
                    // a window may not fit the map
                    if let Ok(graph) = Graph::build(shape, |x| describe(x, Key::seed(seed))) {
                        checked.set(checked.get() + gradients_are_differences(graph, seed));
                    }
                });
                assert!(checked.get() > ENOUGH, "only {} derivatives", checked.get());
            })
        })
        .collect();
    trials.extend([
        law("ops::any-graph::differences", || {
            let checked = Cell::new(0);
            run(
                (prop::collection::vec(verb(), 1..6), any::<u64>()),
                |(steps, seed)| {
                    if let Ok(graph) = Graph::build(Shape::map(3, 9, 8), |x| describe(x, &steps)) {
                        checked.set(checked.get() + gradients_are_differences(graph, seed));
                    }
                },
            );
            assert!(checked.get() > ENOUGH, "only {} derivatives", checked.get());
        }),
        law("ops::every-op-has-a-law", || {
            assert_eq!(without_a_law(), [""; 0])
        }),
    ]);
    trials
}

/// Derivatives that a law must have compared: cases whose windows fit no map, or whose batch
/// normalisation has a single value, prove nothing.
const ENOUGH: usize = 300;

/// One layer with random constants.
pub type Describe = for<'g> fn(Value<'g>, Key) -> Value<'g>;

/// Every op that has a gradient, in a graph of its own.
pub const OPS: &[(&str, Describe)] = &[
    ("conv", |x, key| {
        let groups = [1, 2, 4][number(key, 0, 3)];
        let before = [number(key, 6, 4), number(key, 7, 4)];
        let after = match number(key, 11, 2) {
            0 => before,
            _ => [number(key, 12, 4), number(key, 13, 4)],
        };
        let layer = conv(
            4 * (1 + number(key, 1, 5)),
            [1 + number(key, 2, 4), 1 + number(key, 3, 4)],
        )
        .stride([1 + number(key, 4, 3), 1 + number(key, 5, 3)])
        .pad_around(before, after)
        .dilation([1 + number(key, 8, 2), 1 + number(key, 9, 2)])
        .groups(groups);
        x.conv(
            "op",
            if number(key, 10, 2) == 0 {
                layer
            } else {
                layer.no_bias()
            },
        )
    }),
    ("conv-same", |x, key| {
        x.conv(
            "op",
            conv(3, 1 + number(key, 0, 5))
                .stride(1 + number(key, 1, 3))
                .same(),
        )
    }),
    ("conv-table", |x, _| {
        x.conv("op", conv(3, 3).table(&[&[0, 2], &[1, 2, 3], &[0]]))
    }),
    ("linear", |x, _| x.flatten().linear("op", 7)),
    ("linear-without-bias", |x, _| {
        x.flatten().linear_without_bias("op", 7)
    }),
    ("batch_norm", |x, _| x.bn("op")),
    ("lrn", |x, key| {
        x.lrn("op", 1 + number(key, 0, 6), 0.3, 0.75, 2.0)
    }),
    ("relu", |x, _| x.relu()),
    ("sigmoid", |x, _| x.sigmoid()),
    ("tanh", |x, _| x.tanh()),
    ("scaled_tanh", |x, _| x.scaled_tanh()),
    ("softmax", |x, _| x.softmax()),
    ("max_pool", |x, key| x.max_pool("op", window(key))),
    ("avg_pool", |x, key| x.avg_pool("op", window(key))),
    ("avg_pool-without-pad", |x, key| {
        x.avg_pool_without_pad("op", window(key))
    }),
    ("adaptive_avg_pool", |x, key| {
        x.adaptive_avg_pool("op", [1 + number(key, 0, 5), 1 + number(key, 1, 5)])
    }),
    ("global_avg_pool", |x, _| x.global_avg_pool()),
    ("subsample", |x, key| x.subsample("op", window(key))),
    ("rbf", |x, _| x.flatten().rbf("op", 5)),
    ("dropout", |x, _| x.dropout(0.4)),
    ("flatten", |x, _| x.flatten()),
    ("concat", |x, _| concat(&[x, x.slice(1, 3), x])),
    ("add", |x, _| x + x.scale(0.5, 0.0)),
    ("broadcast_add", |x, _| x.global_avg_pool().broadcast_add(x)),
    ("gate", |x, _| x * x.global_avg_pool()),
    ("gate-by-unit", |x, _| x * x.scale(-1.0, 1.0)),
    ("mean", |x, _| {
        mean(&[x, x.scale(2.0, 1.0), x.scale(-3.0, 0.0)], 0.3)
    }),
    ("slice", |x, _| x.slice(1, 3)),
    ("scale", |x, _| x.scale(-0.7, 0.2)),
    ("pad_shortcut", |x, key| {
        x.pad_shortcut(4 + number(key, 0, 4), 1 + number(key, 1, 3))
    }),
];

/// `sum of output * seed` for a network, its input and its weights.
struct Case {
    graph: Graph,
    weights: BTreeMap<String, Tensor>,
    x: Tensor,
    seed: Tensor,
    mode: Mode,
}

impl Case {
    fn net(&self) -> Net {
        Net::new(self.graph.clone(), self.weights.clone(), DType::F64).unwrap()
    }

    fn value(&self) -> f64 {
        let pass = self.net().forward(&self.x, self.mode).unwrap();
        numbers(&(pass.output() * &self.seed).unwrap()).iter().sum()
    }

    /// By central differences, the derivative along a unit of the input (no name) or of a weight.
    fn derivative(&mut self, name: Option<&str>, unit: usize, step: f64) -> f64 {
        let mut value = |by: f64| {
            let target = match name {
                None => &mut self.x,
                Some(name) => self.weights.get_mut(name).unwrap(),
            };
            let kept = target.clone();
            let mut moved = numbers(target);
            moved[unit] += by;
            *target = Tensor::from_vec(moved, kept.dims(), &Device::Cpu).unwrap();
            let value = self.value();
            *match name {
                None => &mut self.x,
                Some(name) => self.weights.get_mut(name).unwrap(),
            } = kept;
            value
        };
        (value(step) - value(-step)) / (2.0 * step)
    }
}

/// Every gradient of a graph, at a few units of each tensor, in training mode; how many there were.
fn gradients_are_differences(graph: Graph, seed: u64) -> usize {
    let key = Key::seed(seed);
    let mut dims = vec![3];
    dims.extend_from_slice(&graph.input().dims());
    let mode = Mode::Train {
        key,
        norm: [Norm::Torch, Norm::Keras, Norm::Running][number(key, 90, 3)],
    };
    let mut case = Case {
        // normalisation that is no identity: what a ReLU leaves at 0 must not come to lie on the next one's kink
        weights: Fill::Default.weights(&graph, DType::F64).unwrap(),
        x: random(&dims, key.fold_in_name("x")),
        seed: Tensor::zeros(1, DType::F64, &Device::Cpu).unwrap(),
        graph,
        mode,
    };
    let net = case.net();
    let pass = match net.forward(&case.x, mode) {
        Ok(pass) => pass,
        Err(error) => {
            assert!(error.to_string().contains("more than one value"), "{error}");
            return 0;
        }
    };
    case.seed = random(pass.output().dims(), key.fold_in_name("seed"));
    let prediction = case.graph.outputs()[0].node;
    let gradients = net
        .backward(pass, &[(prediction, &case.seed)], true)
        .unwrap();
    let mut targets = vec![(None, gradients.input.as_ref().map_or(Vec::new(), numbers))];
    for (id, node) in case.graph.nodes().iter().enumerate() {
        let tensors = case.graph.tensors_of(node);
        let trainable = tensors
            .iter()
            .filter(|tensor| tensor.kind == TensorKind::Trainable);
        for (tensor, gradient) in trainable.zip(gradients.of(id)) {
            assert_eq!(&*tensor.dims, gradient.dims(), "{}", node.path);
            targets.push((
                Some(format!("{}.{}", node.path, tensor.name)),
                numbers(gradient),
            ));
        }
    }
    let mut compared = 0;
    for (name, gradient) in targets {
        let size = gradient.iter().map(|x| x.abs()).fold(0.0, f64::max);
        for i in 0..2.min(gradient.len()) {
            let unit = number(key, 100 + i as u64, gradient.len());
            let near = |step: f64, case: &mut Case| {
                let derivative = case.derivative(name.as_deref(), unit, step);
                (derivative - gradient[unit]).abs() <= 1e-5 * (1.0 + size)
            };
            // a kink (ReLU, maximum) between the two points is missed by a smaller step
            assert!(
                [1e-5, 1e-6, 1e-7].iter().any(|&step| near(step, &mut case)),
                "{name:?}[{unit}]: {} by differences, {} by the backward pass, largest {size}",
                case.derivative(name.as_deref(), unit, 1e-6),
                gradient[unit],
            );
            compared += 1;
        }
    }
    compared
}

/// The ops of the closed list whose gradient no law checks.
fn without_a_law() -> Vec<&'static str> {
    let names: Vec<&str> = all().map(|(name, _)| *name).collect();
    // these cannot run
    let passed_over = ["input", "parameter", "opaque"];
    Op::NAMES
        .into_iter()
        .filter(|name| !passed_over.contains(name) && !names.contains(name))
        .collect()
}

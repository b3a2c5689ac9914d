//! Laws over random graphs: whatever is described, analysis neither panics nor contradicts itself.

use crate::law;
use crate::laws::arrays::all;
use crate::laws::gradients::Describe;
use crate::laws::ops::{numbers, random};
use candle_core::DType;
use convcheck::analysis::{
    QUANTITIES, depth, padded_weights, params_without_grad, path_count, peak_activations,
    receptive_fields, summary,
};
use convcheck::cpu::Predictor;
use convcheck::graph::{
    Activation, Conv, Graph, Node, NodeId, Op, Shape, Value, concat, conv, mean, pool,
};
use convcheck::net::{Init, Mode, Net};
use convcheck::random::Key;
use convcheck::zoo::Registry;
use libtest_mimic::Trial;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::sync::LazyLock;

pub fn trials() -> Vec<Trial> {
    vec![
        law("graphs::analysis-agrees-with-itself", || {
            run(prop::collection::vec(verb(), 0..12), |verbs| {
                if let Ok(graph) = Graph::build(Shape::map(3, 24, 20), |x| describe(x, &verbs)) {
                    consistent(&graph);
                }
            });
        }),
        law("graphs::absurd-sizes-are-errors-not-panics", || {
            run(
                (
                    any::<usize>(),
                    any::<usize>(),
                    prop::collection::vec(verb(), 1..6),
                ),
                |(h, w, verbs)| {
                    if let Ok(graph) =
                        Graph::build(Shape::map(3, h.max(1), w.max(1)), |x| describe(x, &verbs))
                    {
                        for quantity in QUANTITIES {
                            let _ = quantity.total(&graph);
                        }
                        let _ = (
                            peak_activations(&graph),
                            depth(&graph),
                            receptive_fields(&graph),
                            params_without_grad(&graph, |_| true),
                            padded_weights(&graph, |_| true),
                        );
                    }
                },
            );
        }),
        law("graphs::the-first-error-is-kept", first_error),
        law(
            "graphs::constants-that-contradict-are-errors",
            contradictions,
        ),
        law("graphs::only-convolutions-have-groups", groups),
        law("graphs::samples-have-any-number-of-axes", any_rank),
        law("graphs::a-network-has-any-number-of-inputs", several_inputs),
        law("graphs::another-size-runs-what-was-described", resized),
        law("graphs::the-state-dict-follows-registration", registered),
        law("graphs::weights-are-counted-once-however-often-used", again),
        law(
            "graphs::auxiliary-heads-are-outputs-that-evaluation-does-not-run",
            auxiliary,
        ),
    ]
}

pub fn run<S: Strategy>(strategy: S, holds: impl Fn(S::Value))
where
    S::Value: Clone,
{
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(400)
    };
    TestRunner::new(config)
        .run(&strategy, |value| {
            holds(value);
            Ok(())
        })
        .unwrap();
}

/// One layer or join of a random network.
#[derive(Debug, Clone)]
pub enum Verb {
    Conv {
        out: usize,
        kernel: [usize; 2],
        stride: usize,
        pad: usize,
        dilation: usize,
        groups: usize,
        bias: bool,
    },
    Same {
        out: usize,
        stride: usize,
    },
    MaxPool {
        kernel: usize,
        stride: usize,
        ceil: bool,
    },
    AvgPool {
        kernel: usize,
    },
    Norm,
    Relu,
    Residual,
    Dense,
    Broadcast,
    Grid,
    Squash(Activation),
    Lrn,
    Dropout,
    Subsample,
    PadShortcut {
        stride: usize,
    },
    MeanOfMap {
        kernel: usize,
    },
    Squeeze,
    Highway,
    Fractal,
    Cut,
    Aside,
    Again {
        times: usize,
    },
    /// One of [`all`] ops, with the constants that a seed gives it.
    Listed {
        which: usize,
        seed: u64,
    },
}

/// Those of [`all`] ops that make maps of maps, so that others can follow.
static LISTED: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let makes_maps = |(which, (_, describe)): (usize, &(&str, Describe))| {
        let graph = Graph::build(Shape::map(4, 9, 9), |x| describe(x, Key::seed(1)));
        let is_map = graph.is_ok_and(|graph| graph.prediction().shape.dims().len() == 3);
        is_map.then_some(which)
    };
    all().enumerate().filter_map(makes_maps).collect()
});

pub fn verb() -> impl Strategy<Value = Verb> {
    prop_oneof![
        (
            1..9usize,
            [1..6usize, 1..6usize],
            1..4usize,
            0..4usize,
            1..3usize,
            1..4usize,
            any::<bool>()
        )
            .prop_map(
                |(out, kernel, stride, pad, dilation, groups, bias)| Verb::Conv {
                    out: out * groups,
                    kernel,
                    stride,
                    pad,
                    dilation,
                    groups,
                    bias
                }
            ),
        (1..9usize, 1..4usize).prop_map(|(out, stride)| Verb::Same { out, stride }),
        (1..5usize, 1..4usize, any::<bool>()).prop_map(|(kernel, stride, ceil)| Verb::MaxPool {
            kernel,
            stride,
            ceil
        }),
        (1..5usize).prop_map(|kernel| Verb::AvgPool { kernel }),
        Just(Verb::Norm),
        Just(Verb::Relu),
        Just(Verb::Residual),
        Just(Verb::Dense),
        Just(Verb::Broadcast),
        Just(Verb::Grid),
        prop_oneof![
            Just(Activation::Sigmoid),
            Just(Activation::Tanh),
            Just(Activation::ScaledTanh),
            Just(Activation::Softmax),
        ]
        .prop_map(Verb::Squash),
        Just(Verb::Lrn),
        Just(Verb::Dropout),
        Just(Verb::Subsample),
        (1..4usize).prop_map(|stride| Verb::PadShortcut { stride }),
        (2..5usize).prop_map(|kernel| Verb::MeanOfMap { kernel }),
        Just(Verb::Squeeze),
        Just(Verb::Highway),
        Just(Verb::Fractal),
        Just(Verb::Cut),
        Just(Verb::Aside),
        (1..3usize).prop_map(|times| Verb::Again { times }),
        (prop::sample::select(&LISTED[..]), any::<u64>())
            .prop_map(|(which, seed)| Verb::Listed { which, seed }),
    ]
}

pub fn describe<'g>(mut x: Value<'g>, verbs: &[Verb]) -> Value<'g> {
    for (i, verb) in verbs.iter().enumerate() {
        x = match *verb {
            Verb::Conv {
                out,
                kernel,
                stride,
                pad,
                dilation,
                groups,
                bias,
            } => {
                let layer = conv(out, kernel)
                    .stride(stride)
                    .pad(pad)
                    .dilation(dilation)
                    .groups(groups);
                x.conv(i, if bias { layer } else { layer.no_bias() })
            }
            Verb::Same { out, stride } => x.conv(i, conv(out, 3).stride(stride).same()),
            Verb::MaxPool {
                kernel,
                stride,
                ceil,
            } => {
                let window = pool(kernel).stride(stride).pad(kernel / 2);
                x.max_pool(i, if ceil { window.ceil() } else { window })
            }
            Verb::AvgPool { kernel } => x.avg_pool(i, pool(kernel)),
            Verb::Norm => x.bn(i),
            Verb::Relu => x.relu(),
            Verb::Residual => x.scope(i, |x| {
                x + x.conv("branch", conv(x.channels(), 3).pad(1)).relu()
            }),
            Verb::Dense => x.scope(i, |x| concat(&[x, x.conv("new", conv(4, 3).pad(1))])),
            Verb::Broadcast => x.broadcast_add(x.global_avg_pool()),
            Verb::Grid => x.adaptive_avg_pool(i, [3, 2]),
            Verb::Squash(Activation::Relu) => x.relu(),
            Verb::Squash(Activation::Sigmoid) => x.sigmoid(),
            Verb::Squash(Activation::Tanh) => x.tanh(),
            Verb::Squash(Activation::ScaledTanh) => x.scaled_tanh(),
            Verb::Squash(Activation::Softmax) => x.softmax(),
            Verb::Lrn => x.lrn(i, 5, 1e-4, 0.75, 2.0),
            Verb::Dropout => x.dropout(0.5),
            Verb::Subsample => x.subsample(i, pool(2)),
            Verb::PadShortcut { stride } => x.pad_shortcut(x.channels() + 3, stride),
            Verb::MeanOfMap { kernel } => x.avg_pool_without_pad(i, pool(kernel).stride(1).pad(1)),
            Verb::Squeeze => x.scope(i, |x| {
                x * x
                    .global_avg_pool()
                    .conv("fc", conv(x.channels(), 1))
                    .sigmoid()
            }),
            Verb::Highway => x.scope(i, |x| {
                let carry = x.conv("t", conv(x.channels(), 1)).sigmoid();
                x * carry + x.relu() * carry.scale(-1.0, 1.0)
            }),
            Verb::Fractal => x.scope(i, |x| {
                mean(&[x, x.conv("deep", conv(x.channels(), 3).pad(1))], 0.15)
            }),
            Verb::Cut => concat(&[x.slice(0, 1), x.slice(0, x.channels())]),
            Verb::Aside => {
                x.scope(i, |x| {
                    x.global_avg_pool().flatten().rbf("codes", 3).output(i)
                });
                x
            }
            Verb::Again { times } => {
                let unit = |x: Value<'g>| {
                    x.conv("shared", conv(x.channels(), 3).pad(1))
                        .bn("norm")
                        .relu()
                };
                (0..times).fold(x.scope(i, unit), |x, _| x.again(i, unit))
            }
            Verb::Listed { which, seed } => {
                let (_, describe) = all().nth(which).unwrap();
                x.scope(i, |x| describe(x, Key::seed(seed)))
            }
        };
    }
    x.flatten().linear("fc", 5)
}

fn consistent(graph: &Graph) {
    let nodes = graph.nodes();
    let fields = receptive_fields(graph);
    for (id, node) in nodes.iter().enumerate() {
        assert!(
            node.inputs.iter().all(|&input| input < id),
            "{} reads ahead",
            node.path
        );
        assert_eq!(
            graph.node(&node.path),
            Some(node),
            "{} is not unique",
            node.path
        );
        let widens = |&&input: &&usize| node.op != Op::Gate || nodes[input].shape == node.shape;
        for &input in node.inputs.iter().filter(widens) {
            for axis in [0, 1] {
                assert!(
                    fields[id].size[axis] >= fields[input].size[axis],
                    "{} sees less than its input",
                    node.path
                );
            }
        }
    }
    for (id, node) in nodes.iter().enumerate() {
        let owner = graph.owner(id);
        assert_eq!(
            graph.owner(owner),
            owner,
            "{} uses borrowed weights",
            node.path
        );
        if owner != id {
            assert!(owner < id && nodes[owner].op == node.op);
            assert!(graph.tensors_of(node).is_empty());
            let needs = |node: &Node| graph.facts(node).tensors;
            assert_eq!(needs(node), needs(&nodes[owner]));
        }
    }
    // the tree of modules has every layer under its path, and every scope has what begins with its name
    let modules = graph.modules();
    for (id, node) in nodes.iter().enumerate() {
        let module = modules.of_layer(id);
        assert_eq!(modules.get(module).layer, Some(id));
        assert_eq!(modules.path(module), node.path);
        assert_eq!(graph.id(&node.path), Some(id));
        for scope in modules.around(module) {
            let path = modules.path(scope);
            let begins = |other: &Node| {
                let rest = other.path.strip_prefix(&path);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let expected: Vec<NodeId> = (0..nodes.len()).filter(|&id| begins(&nodes[id])).collect();
            assert_eq!(graph.below(&path), expected, "{path}");
        }
    }
    assert_eq!(graph.below("nowhere"), [0; 0]);
    // on the input that it has it is what it was; on another it has the same weights, if it runs
    assert_eq!(graph.at(graph.input()).as_ref(), Ok(graph));
    let [h, w] = graph.input().extent();
    if let Ok(larger) = graph.at(Shape::map(graph.input().channels(), 2 * h, w + 3)) {
        assert!(larger.tensors().eq(graph.tensors()));
        assert_eq!(larger.at(graph.input()).as_ref(), Ok(graph));
    }
    // a convolution's products: one for each weight at each position
    for (id, node) in nodes.iter().enumerate() {
        if let Op::Conv(Conv { bias, .. }) = node.op {
            let [h, w] = node.shape.extent();
            let of = |name: &str, node: &Node| {
                let quantity = QUANTITIES
                    .iter()
                    .find(|quantity| quantity.name == name)
                    .unwrap();
                quantity.of(graph, node).unwrap()
            };
            let params = of("params", &nodes[graph.owner(id)]);
            let biases = if bias {
                node.shape.channels() as u64
            } else {
                0
            };
            let positions = (h * w) as u64;
            assert_eq!(of("macs", node), (params - biases) * positions);
            assert_eq!(of("connections", node), params * positions);
        }
    }
    let weighted = nodes.iter().filter(|node| node.op.kind().weighted).count();
    assert!((1..=weighted).contains(&depth(graph)));
    let total: u64 = nodes.iter().filter_map(|node| node.shape.elements()).sum();
    let largest = nodes
        .iter()
        .filter_map(|node| node.shape.elements())
        .max()
        .unwrap();
    assert!((largest..=total).contains(&peak_activations(graph).unwrap()));
}

/// Constants of which no layer could make sense.
fn contradictions() {
    let fails = |describe: fn(Value) -> Value| {
        let error = Graph::build(Shape::map(4, 6, 6), describe).unwrap_err();
        (error.path, error.what)
    };
    let table: &[&[usize]] = &[&[0], &[1]];
    assert!(
        Graph::build(Shape::map(4, 6, 6), |x| x
            .conv("a", conv(2, 1).table(table)))
        .is_ok()
    );
    let (path, what) = fails(|x| {
        let table: &[&[usize]] = &[&[0], &[1]];
        x.conv("a", conv(2, 1).groups(2).table(table))
    });
    assert_eq!(path, "a");
    assert!(what.contains("a table and 2 groups"), "{what}");
    for output in [[0, 1], [1, 0]] {
        let grid = Graph::build(Shape::map(4, 6, 6), |x| x.adaptive_avg_pool("a", output));
        let what = grid.unwrap_err().what;
        let [h, w] = output;
        assert!(what.contains(&format!("{h}x{w} cells")), "{what}");
    }
}

/// The groups of a summary are those of convolutions.
fn groups() {
    let graph = Graph::build(Shape::map(4, 6, 6), |x| {
        let x = x.conv("a", conv(4, 3)).conv("b", conv(4, 1).groups(2));
        x.bn("c").max_pool("d", pool(2)).global_avg_pool()
    });
    let graph = graph.unwrap();
    let rows = summary("", &graph).unwrap().layers;
    let found: Vec<Option<usize>> = rows.iter().map(|row| row.groups).collect();
    assert_eq!(found, [None, Some(1), Some(2), None, None, None]);
}

/// Layers that do not ask for maps or vectors take what they get; the others say what they take.
fn any_rank() {
    let shape = |dims: &[usize]| Shape::new(dims).unwrap();
    assert_eq!(shape(&[3, 8, 9]), Shape::map(3, 8, 9));
    assert_eq!(shape(&[7]), Shape::vector(7));
    let error = Shape::new(&[1; 9]).unwrap_err();
    assert_eq!(error, "a sample has 1 to 8 axes, not 9");
    assert!(Shape::new(&[]).is_err());
    for text in ["7", "2x5", "3x8x9", "2x3x4x5", "1x2x3x4x5x6x7x8"] {
        let shape: Shape = text.parse().unwrap();
        assert_eq!(shape.to_string(), text);
        assert_eq!(shape.dims().len(), text.split('x').count());
    }
    let volume = shape(&[2, 3, 4, 5]);
    let graph = Graph::build(volume, |x| {
        let x = x.bn("norm").relu();
        let both = concat(&[x, x.slice(0, 1)]).dropout(0.5).scale(2.0, 1.0);
        (both + both).flatten().linear("fc", 3)
    });
    let graph = graph.unwrap();
    assert_eq!(graph.node("concat").unwrap().shape, shape(&[3, 3, 4, 5]));
    assert_eq!(graph.node("flatten").unwrap().shape, Shape::vector(180));
    let params = &QUANTITIES[0];
    assert_eq!(params.total(&graph).unwrap(), 4 + 180 * 3 + 3);
    assert_eq!(peak_activations(&graph).unwrap(), 120 + 60 + 180);
    let fails = |describe: fn(Value) -> Value| {
        Graph::build(Shape::new(&[2, 3, 4, 5]).unwrap(), describe)
            .unwrap_err()
            .what
    };
    assert_eq!(
        fails(|x| x.conv("a", conv(1, 1))),
        "takes maps of CxHxW, but 2x3x4x5 comes in"
    );
    assert_eq!(
        fails(|x| x.linear("a", 1)),
        "takes a vector, but 2x3x4x5 comes in: flatten it first"
    );
    assert!(fails(|x| concat(&[x, x.flatten()])).contains("cannot put 120 beside 2x3x4x5"));
    let seeded = Init::Torch.weights(&graph, 0, DType::F32).unwrap();
    let net = Net::new(graph, seeded, DType::F32).unwrap();
    let x = random(&[2, 2, 3, 4, 5], Key::seed(1));
    let x = x.to_dtype(DType::F32).unwrap();
    let expected = numbers(net.forward(&x, Mode::Eval).unwrap().output());
    let found = numbers(&Predictor::new(&net).predict(&x).unwrap());
    let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-5;
    assert!(
        found.iter().zip(&expected).all(near),
        "{found:?}, {expected:?}"
    );
}

fn several_inputs() {
    let inputs = [
        ("left", Shape::map(2, 6, 6)),
        ("right", Shape::map(3, 6, 6)),
    ];
    let graph = Graph::build_of(&inputs, |x| {
        let right = x[1].conv("a", conv(2, 3).pad(1)).relu();
        let x = (x[0] + right.conv("b", conv(2, 1))).output("sum");
        x.global_avg_pool().flatten().linear("fc", 4)
    });
    let graph = graph.unwrap();
    let names: Vec<&str> = graph
        .inputs()
        .iter()
        .map(|node| node.path.as_str())
        .collect();
    assert_eq!(names, ["left", "right"]);
    assert_eq!(graph.input(), Shape::map(2, 6, 6));
    assert_eq!(depth(&graph), 3);
    assert_eq!(path_count(&graph).unwrap(), 2);
    assert_eq!(QUANTITIES[0].total(&graph).unwrap(), 3 * 2 * 9 + 2 + 6 + 12);
    consistent(&graph);
    let seeded = Init::Torch.weights(&graph, 0, DType::F32).unwrap();
    let error = Net::new(graph, seeded, DType::F32).err().unwrap();
    assert!(
        error.to_string().contains("a second input, `right`"),
        "{error}"
    );
    let twice = [inputs[0], inputs[0]];
    let error = Graph::build_of(&twice, |x| x[0]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`left`: two layers have this path")
    );
    assert!(Graph::build_of(&[], |x| x[0]).is_err());
}

/// A description may ask for a shape; on another input PyTorch's module has the layers that it was made with.
fn resized() {
    fn describe(x: Value) -> Value {
        let y = x.conv("a", conv(2, 3).stride(2).pad(1));
        let shortcut = match x.shape() == y.shape() {
            true => x,
            false => x.conv("projection", conv(2, 1).stride(2)),
        };
        (shortcut + y).global_avg_pool().flatten().linear("fc", 3)
    }
    let build = |side: usize| Graph::build(Shape::map(2, side, side), describe).unwrap();
    assert!(build(1).node("projection").is_none());
    let small = build(4).at(Shape::map(2, 1, 1)).unwrap();
    assert!(small.tensors().eq(build(4).tensors()));
    assert_eq!(small.node("projection").unwrap().shape, Shape::map(2, 1, 1));
    let error = build(1).at(Shape::map(2, 4, 4)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "layer `add`: cannot add 2x2x2 to 2x4x4: the shapes differ"
    );
    let flat = Graph::build(Shape::map(2, 4, 4), |x| x.flatten().linear("fc", 3));
    let error = flat.unwrap().at(Shape::map(2, 4, 5)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "layer `fc`: its weights take 32 inputs (from 32), but 40 come in (from 40); \
         the network is made for 2x4x4"
    );
    // the last unit has a projection at 32x32 and needs none at 24x24, where it would read maps of 1x1
    let registry = Registry::builtin();
    let model = registry.find("article_pt_resnet18_meant_cifar10").unwrap();
    let (own, other) = (
        model.graph().unwrap(),
        model.graph_at(Shape::map(3, 24, 24)),
    );
    assert!(other.unwrap().tensors().eq(own.tensors()));
}

/// PyTorch registers modules in the constructor and runs them in `forward`; the orders may differ.
fn registered() {
    let graph = Graph::build(Shape::map(2, 4, 4), |x| {
        x.scope("block", |x| {
            x.registers(&["late", "early"]);
            x.bn("early").conv("late", conv(2, 1)).bn("unlisted")
        })
    })
    .unwrap();
    let described: Vec<&str> = graph.nodes()[1..]
        .iter()
        .map(|node| node.path.as_str())
        .collect();
    assert_eq!(described, ["block.early", "block.late", "block.unlisted"]);
    let keys: Vec<String> = graph.tensors().map(|(name, _)| name).collect();
    assert_eq!(keys[0], "block.late.weight");
    assert_eq!(keys[2], "block.early.weight");
    assert_eq!(keys[6], "block.unlisted.weight");
}

/// A scope that is described again has no weights of its own, nested or not, and costs its products.
fn again() {
    fn unit(x: Value) -> Value {
        x.conv("a", conv(4, 3).pad(1)).bn("b").relu()
    }
    fn stage(x: Value, times: usize) -> Value {
        (1..times).fold(x.scope("unit", unit), |x, _| x.again("unit", unit))
    }
    let build = |times: usize| {
        Graph::build(Shape::map(4, 6, 6), |x| {
            x.scope("stage", |x| stage(x, times))
                .again("stage", |x| stage(x, times))
        })
        .unwrap()
    };
    let (once, thrice) = (build(1), build(3));
    let total = |name: &str, graph: &Graph| {
        let quantity = QUANTITIES
            .iter()
            .find(|quantity| quantity.name == name)
            .unwrap();
        quantity.total(graph).unwrap()
    };
    assert!(once.tensors().eq(thrice.tensors()));
    assert_eq!(total("params", &thrice), 4 * 4 * 9 + 4 + 8);
    assert_eq!(total("buffers", &thrice), 8);
    assert_eq!(total("macs", &thrice), 3 * total("macs", &once));
    let convs = thrice
        .nodes()
        .iter()
        .enumerate()
        .filter(|(_, node)| node.op.name() == "conv");
    let found: Vec<(&str, &str)> = convs
        .map(|(id, node)| {
            let owner = &thrice.nodes()[thrice.owner(id)];
            (node.path.as_str(), owner.path.as_str())
        })
        .collect();
    let own = "stage.unit.a";
    assert_eq!(
        found,
        [
            (own, own),
            ("stage.unit_2.a", own),
            ("stage.unit_3.a", own),
            ("stage_2.unit.a", own),
            ("stage_2.unit_2.a", own),
            ("stage_2.unit_3.a", own),
        ]
    );
    let fails = |describe: fn(Value) -> Value| {
        Graph::build(Shape::map(4, 6, 6), describe)
            .unwrap_err()
            .to_string()
    };
    assert!(fails(|x| x.again("s", |x| x.relu())).contains("`s`: this scope was not described"));
    let other = fails(|x| {
        x.scope("s", |x| x.conv("a", conv(2, 1)))
            .again("s", |x| x.conv("a", conv(2, 1)))
    });
    assert!(
        other.contains("`s_2.a`: the weights of `s.a` do not fit"),
        "{other}"
    );
    let new = fails(|x| x.scope("s", |x| x.relu()).again("s", |x| x.bn("b")));
    assert!(new.contains("`s_2.b`: this layer was not there"), "{new}");
    let scope = fails(|x| {
        x.scope("s", |x| x.relu())
            .again("s", |x| x.scope("t", |x| x.relu()))
    });
    assert!(
        scope.contains("`s_2.t`: this scope was not there"),
        "{scope}"
    );
}

fn auxiliary() {
    let graph = |head: bool| {
        Graph::build(Shape::map(3, 8, 8), |x| {
            let x = x.conv("stem", conv(4, 3));
            if head {
                x.scope("aux", |x| x.flatten().linear("fc", 5).output("aux"));
            }
            x.global_avg_pool().flatten().linear("fc", 5)
        })
        .unwrap()
    };
    let total = |name: &str, head: bool| {
        let quantity = QUANTITIES
            .iter()
            .find(|quantity| quantity.name == name)
            .unwrap();
        quantity.total(&graph(head)).unwrap()
    };
    let names: Vec<String> = graph(true)
        .outputs()
        .iter()
        .map(|output| output.name.clone())
        .collect();
    assert_eq!(names, ["output", "aux"]);
    assert_eq!(graph(true).prediction().path, "fc");
    assert_eq!(
        total("params", true) - total("params", false),
        4 * 6 * 6 * 5 + 5
    );
    assert_eq!(total("macs", true), total("macs", false));
    let twice = Graph::build(Shape::vector(3), |x| {
        x.linear("a", 1).output("b").output("b")
    });
    assert!(twice.unwrap_err().to_string().contains("two outputs"));
}

fn first_error() {
    let error = Graph::build(Shape::map(3, 8, 8), |x| {
        x.conv("small", conv(4, 3))
            .conv("large", conv(4, 9))
            .conv("later", conv(4, 99))
            .linear("fc", 1)
    })
    .unwrap_err();
    assert_eq!(error.path, "large");
    let error = Graph::build(Shape::map(3, 8, 8), |x| x.relu().linear("fc", 1)).unwrap_err();
    assert!(error.what.contains("flatten"), "{error}");
    let error =
        Graph::build(Shape::map(3, 8, 8), |x| x.conv("a", conv(4, 1).groups(2))).unwrap_err();
    assert!(error.what.contains("2 groups"), "{error}");
    let error = Graph::build(Shape::map(3, 8, 8), |x| x.bn("a").bn("a")).unwrap_err();
    assert!(error.what.contains("two layers"), "{error}");
    let error = Graph::build(Shape::map(3, 8, 8), |x| x + x.conv("a", conv(3, 3))).unwrap_err();
    assert!(error.what.contains("cannot add 3x6x6 to 3x8x8"), "{error}");
}

//! Laws of a graph's digest: runs are told by it to belong to a network or not.

use crate::law;
use crate::laws::arrays::all;
use convcheck::digest::hex;
use convcheck::graph::{Conv, Graph, Op, Shape, Value, Window, concat, conv, mean, pool};
use convcheck::random::Key;
use convcheck::zoo::Registry;
use libtest_mimic::Trial;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

pub fn trials() -> Vec<Trial> {
    vec![
        law("digests::every-constant-counts", every_constant),
        law("digests::names-shapes-and-ways-count", ways),
        law("digests::no-two-models-share-one", models),
        law("digests::the-text-is-the-documented-one", text),
    ]
}

fn digest(input: Shape, describe: impl for<'g> FnOnce(Value<'g>) -> Value<'g>) -> String {
    Graph::build(input, describe).unwrap().digest()
}

/// A layer by itself: what it is called, and what is different about it.
type Case = (&'static str, Box<dyn for<'g> Fn(Value<'g>) -> Value<'g>>);

fn case(
    differs: &'static str,
    describe: impl for<'g> Fn(Value<'g>) -> Value<'g> + 'static,
) -> Case {
    (differs, Box::new(describe))
}

/// Variations of a window, each in one constant.
fn windows() -> Vec<(&'static str, Window)> {
    let window = pool(3).stride(2).pad(1);
    vec![
        ("", window),
        ("kernel", pool([3, 2]).stride(2).pad(1)),
        ("stride", window.stride([2, 3])),
        ("pad", window.pad([1, 0])),
        ("pad", window.pad_around([1, 0], [0, 1])),
        ("pad", window.same()),
        ("dilation", window.dilation([1, 2])),
        ("ceil", window.ceil()),
    ]
}

fn convolutions() -> Vec<(&'static str, Conv)> {
    let layer = || conv(4, 3).stride(2).pad(1);
    let mut cases: Vec<_> = (windows().into_iter())
        .map(|(differs, window)| (differs, Conv { window, ..layer() }))
        .collect();
    cases.extend([
        ("out", Conv { out: 6, ..layer() }),
        ("groups", layer().groups(2)),
        ("bias", layer().no_bias()),
        ("table", layer().table(&[&[0, 1], &[1], &[2], &[3]])),
        ("table", layer().table(&[&[0, 2], &[1], &[2], &[3]])),
    ]);
    cases
}

/// Each kind of layer, first as it is, then with one constant changed.
fn layers() -> Vec<Vec<Case>> {
    let slid = |layer: for<'g> fn(Value<'g>, Window) -> Value<'g>| {
        (windows().into_iter())
            .map(|(differs, window)| case(differs, move |x| layer(x, window)))
            .collect::<Vec<_>>()
    };
    let mut averages = slid(|x, window| x.avg_pool("a", window));
    averages.push(case("count_include_pad", |x| {
        x.avg_pool_without_pad("a", pool(3).stride(2).pad(1))
    }));
    let convolutions = (convolutions().into_iter())
        .map(|(differs, layer)| case(differs, move |x| x.conv("a", layer.clone())))
        .collect();
    vec![
        vec![case("", |x| x)],
        convolutions,
        vec![
            case("", |x| x.flatten().linear("a", 5)),
            case("out", |x| x.flatten().linear("a", 6)),
            case("bias", |x| x.flatten().linear_without_bias("a", 5)),
        ],
        vec![
            case("", |x| x.batch_norm("a", 1e-5, 0.1)),
            case("eps", |x| x.batch_norm("a", 1.0000000000000002e-5, 0.1)),
            case("momentum", |x| x.batch_norm("a", 1e-5, 0.01)),
        ],
        vec![
            case("", |x| x.lrn("a", 5, 1e-4, 0.75, 2.0)),
            case("size", |x| x.lrn("a", 3, 1e-4, 0.75, 2.0)),
            case("alpha", |x| x.lrn("a", 5, 2e-4, 0.75, 2.0)),
            case("beta", |x| x.lrn("a", 5, 1e-4, 0.5, 2.0)),
            case("k", |x| x.lrn("a", 5, 1e-4, 0.75, 1.0)),
        ],
        vec![case("", |x| x.relu())],
        vec![case("", |x| x.sigmoid())],
        vec![case("", |x| x.tanh())],
        vec![case("", |x| x.scaled_tanh())],
        vec![case("", |x| x.softmax())],
        slid(|x, window| x.max_pool("a", window)),
        averages,
        vec![
            case("", |x| x.global_avg_pool()),
            case("output", |x| x.adaptive_avg_pool("b", [1, 2])),
        ],
        vec![
            case("", |x| x.adaptive_avg_pool("a", [3, 2])),
            case("output", |x| x.adaptive_avg_pool("a", [2, 3])),
        ],
        slid(|x, window| x.subsample("a", window)),
        vec![
            case("", |x| x.flatten().rbf("a", 5)),
            case("classes", |x| x.flatten().rbf("a", 6)),
        ],
        vec![case("", |x| x.dropout(0.5)), case("p", |x| x.dropout(0.0))],
        vec![case("", |x| x.flatten())],
        vec![case("", |x| concat(&[x, x]))],
        vec![case("", |x| x + x)],
        vec![case("", |x| x.broadcast_add(x))],
        vec![
            case("", |x| x.pad_shortcut(8, 1)),
            case("channels", |x| x.pad_shortcut(9, 1)),
            case("stride", |x| x.pad_shortcut(8, 2)),
        ],
        vec![case("", |x| x * x)],
        vec![
            case("", |x| mean(&[x, x], 0.15)),
            case("drop_path", |x| mean(&[x, x], 0.0)),
        ],
        vec![
            case("", |x| x.slice(1, 3)),
            case("from", |x| x.slice(0, 3)),
            case("to", |x| x.slice(1, 4)),
        ],
        vec![
            case("", |x| x.scale(0.5, 1.0)),
            case("factor", |x| x.scale(-0.5, 1.0)),
            case("offset", |x| x.scale(0.5, -1.0)),
        ],
    ]
}

/// Each kind of layer has a case, each of its constants is changed by one, and each change is seen.
fn every_constant() {
    let mut kinds = BTreeSet::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for cases in layers() {
        let mut constants = BTreeSet::new();
        let mut changed = BTreeSet::new();
        for (differs, describe) in cases {
            let graph = Graph::build(Shape::map(4, 12, 10), describe).unwrap();
            let op = &graph.prediction().op;
            kinds.insert(op.name());
            constants.extend(op.constants().into_iter().map(|(name, _)| name));
            changed.insert(differs);
            let what = format!("{} {differs} {:?}", op.name(), op.constants());
            if let Some(other) = seen.insert(graph.digest(), what.clone()) {
                panic!("{what} has the digest of {other}");
            }
        }
        changed.remove("");
        assert_eq!(changed, constants);
    }
    // of others, the constants that the list of gradients' laws gives them at random
    for (name, op) in all() {
        let graphs: Vec<Graph> = (0..64)
            .filter_map(|seed| Graph::build(Shape::map(4, 12, 10), |x| op(x, Key::seed(seed))).ok())
            .collect();
        let ops: Vec<&Op> = graphs.iter().map(|graph| &graph.prediction().op).collect();
        if !kinds.insert(ops[0].name()) {
            continue;
        }
        let of = |op: &Op| op.constants();
        for (i, (constant, _)) in of(ops[0]).into_iter().enumerate() {
            let changes = ops.iter().any(|op| of(op)[i] != of(ops[0])[i]);
            assert!(changes, "{name}: give its {constant} at random");
        }
        // of the layers before it too
        let layers = |graph: &Graph| -> Vec<_> {
            let nodes = graph.nodes().iter();
            nodes
                .map(|node| (node.op.name(), of(&node.op), node.inputs.clone()))
                .collect()
        };
        for graph in &graphs {
            let same = layers(graph) == layers(&graphs[0]);
            assert_eq!(graph.digest() == graphs[0].digest(), same, "{name}");
        }
    }
    // these come from files alone
    kinds.extend(["parameter", "opaque"]);
    assert_eq!(kinds, BTreeSet::from(Op::NAMES));
}

fn ways() {
    let input = Shape::map(3, 8, 8);
    fn plain(x: Value) -> Value {
        x.relu().output("aux")
    }
    let all = [
        digest(input, |x| x.scope("a", |x| x.conv("b", conv(3, 1))).relu()),
        // a path is one name, whether scopes or dots make it
        digest(input, |x| x.scope("a", |x| x.conv("c", conv(3, 1))).relu()),
        digest(input, |x| {
            x.scope("a", |x| x.conv("b", conv(3, 1)));
            x.relu()
        }),
        digest(Shape::map(3, 8, 9), |x| {
            x.scope("a", |x| x.conv("b", conv(3, 1))).relu()
        }),
        digest(input, |x| {
            x.scope("a", |x| x.conv("b", conv(3, 1)))
                .again("a", |x| x.conv("b", conv(3, 1)))
        }),
        digest(input, |x| {
            x.scope("a", |x| x.conv("b", conv(3, 1)))
                .scope("a_2", |x| x.conv("b", conv(3, 1)))
        }),
        digest(input, plain),
        digest(input, |x| x.relu()),
        digest(input, |x| x.relu().output("aux2")),
        digest(input, |x| x.output("aux").relu()),
    ];
    assert_eq!(BTreeSet::from(all.clone()).len(), all.len());
    let two = |names: [&str; 2], [a, b]: [usize; 2]| {
        let shapes = [Shape::map(a, 4, 4), Shape::map(b, 4, 4)];
        let inputs = [(names[0], shapes[0]), (names[1], shapes[1])];
        Graph::build_of(&inputs, concat).unwrap().digest()
    };
    assert_ne!(two(["left", "right"], [2, 1]), two(["left", "up"], [2, 1]));
    assert_ne!(
        two(["left", "right"], [2, 1]),
        two(["left", "right"], [1, 2])
    );
    // and nothing else does
    assert_eq!(
        digest(input, plain),
        digest(input, |x| x.relu().output("aux"))
    );
}

/// Descriptions that differ in a name alone are two networks; the same one under two names is one.
fn models() {
    let mut seen: BTreeMap<String, (String, Graph)> = BTreeMap::new();
    for model in Registry::builtin().models() {
        let graph = model.graph().unwrap();
        if let Some((name, other)) = seen.get(&graph.digest()) {
            assert_eq!(*other, graph, "{} and {name}", model.name);
        }
        seen.insert(graph.digest(), (model.name.clone(), graph));
    }
}

/// What is hashed, so that nobody changes it unaware: records of runs hold such digests.
fn text() {
    let found = digest(Shape::map(3, 5, 4), |x| {
        let x = x.conv("conv", conv(2, 3).pad([1, 0]).no_bias());
        x.scope("side", |x| x.global_avg_pool().output("aux"));
        x.dropout(0.5)
    });
    let text = "convcheck graph 1
layer 5 input input
reads [] gives [3, 5, 4] weights 0
layer 4 conv conv
kernel [3, 3]
stride [1, 1]
pad [1, 0]
dilation [1, 1]
ceil false
out 2
groups 1
bias false
reads [0] gives [2, 5, 2] weights 1
layer 20 side.global_avg_pool global_avg_pool
output [1, 1]
reads [1] gives [2, 1, 1] weights 2
layer 7 dropout dropout
p 3fe0000000000000
reads [1] gives [2, 5, 2] weights 3
output 6 output 3
output 3 aux 2
";
    assert_eq!(found, hex(&Sha256::digest(text)));
}

use super::likeness::Likeness;
use super::{Difference, Graph, align, networks, order};
use crate::graph::{Shape, Value, concat, conv, pool};
use crate::zoo::Registry;

fn graph(describe: impl for<'g> FnOnce(Value<'g>) -> Value<'g>) -> Graph {
    Graph::build(Shape::map(3, 16, 16), describe).unwrap()
}

fn registered(a: &str, b: &str) -> Difference {
    let registry = Registry::builtin();
    let [a, b] = [a, b].map(|name| registry.find(name).unwrap().graph().unwrap());
    networks(&a, &b).unwrap()
}

/// What differs, a line a change.
fn said(difference: &Difference) -> Vec<String> {
    let changed = difference.changed.iter().flat_map(|one| {
        let changes = one.changes.iter();
        changes.map(|change| format!("{} {} {} {}", one.a, change.what, change.a, change.b))
    });
    let only = |sign: &str, path: &str| format!("{sign}{path}");
    let only_a = difference.only_a.iter().map(|one| only("-", &one.path));
    let only_b = difference.only_b.iter().map(|one| only("+", &one.path));
    changed.chain(only_a).chain(only_b).collect()
}

#[test]
fn a_network_is_itself() {
    for name in ["resnet50", "googlenet_aux", "lenet5_1998", "densenet121"] {
        let difference = registered(name, name);
        assert!(difference.is_same(), "{name}: {:?}", said(&difference));
        assert!(difference.renamed.is_empty() && !difference.differs_in_training());
        assert!((difference.likeness() - 1.0).abs() < 1e-12, "{name}");
    }
}

#[test]
fn the_stride_stands_elsewhere() {
    let difference = registered("resnet50", "resnet50_v1_original");
    let expected: Vec<String> = [2, 3, 4]
        .into_iter()
        .flat_map(|stage| {
            let of = |conv| format!("layer{stage}.0.{conv} stride");
            [
                format!("{} 1x1 2x2", of("conv1")),
                format!("{} 2x2 1x1", of("conv2")),
            ]
        })
        .collect();
    let said: Vec<String> = said(&difference);
    let strides: Vec<&String> = said.iter().filter(|line| line.contains("stride")).collect();
    assert_eq!(strides, expected.iter().collect::<Vec<_>>());
    assert_eq!(difference.changed.len(), 6, "{said:?}");
    assert!(difference.only_a.is_empty() && difference.only_b.is_empty());
    // conv1 is followed by a normalisation and an activation on smaller maps
    assert_eq!(difference.follows.len(), 6);
}

#[test]
fn a_layer_is_inserted() {
    fn unit<'g>(x: Value<'g>, name: &str) -> Value<'g> {
        x.conv(name, conv(8, 3).pad(1))
            .bn(format!("{name}_bn"))
            .relu()
    }
    let a = graph(|x| unit(unit(x, "a"), "c").global_avg_pool());
    let b = graph(|x| unit(unit(x, "a").conv("b", conv(8, 1)), "c").global_avg_pool());
    assert_eq!(said(&networks(&a, &b).unwrap()), ["+b"]);
    assert_eq!(said(&networks(&b, &a).unwrap()), ["-b"]);
}

#[test]
fn names_alone_are_no_difference() {
    let named = |first: &'static str, second: &'static str| {
        graph(move |x| x.conv(first, conv(8, 3)).relu().conv(second, conv(4, 3)))
    };
    let difference = networks(&named("a", "b"), &named("features.0", "features.2")).unwrap();
    assert!(difference.is_same());
    let renamed: Vec<&str> = difference.renamed.iter().map(|[a, _]| a.as_str()).collect();
    assert_eq!(renamed, ["a", "b"]);
}

#[test]
fn constants_differ_and_training_is_apart() {
    let of = |eps, momentum, p| {
        graph(move |x| {
            x.conv("conv", conv(8, 3))
                .batch_norm("bn", eps, momentum)
                .dropout(p)
        })
    };
    let eps = networks(&of(1e-5, 0.1, 0.5), &of(1e-3, 0.1, 0.5)).unwrap();
    assert_eq!(said(&eps), ["bn eps 1e-5 0.001"]);
    let training = networks(&of(1e-5, 0.1, 0.5), &of(1e-5, 0.01, 0.4)).unwrap();
    assert!(training.is_same() && training.differs_in_training());
    assert_eq!(training.training.len(), 2);
}

#[test]
fn order_of_description_and_of_summands_is_none() {
    let a = graph(|x| {
        let way = x.conv("way", conv(8, 3).pad(1)).relu();
        let shortcut = x.conv("shortcut", conv(8, 1));
        way + shortcut
    });
    let b = graph(|x| {
        let shortcut = x.conv("shortcut", conv(8, 1));
        let way = x.conv("way", conv(8, 3).pad(1)).relu();
        shortcut + way
    });
    assert!(networks(&a, &b).unwrap().is_same());
}

#[test]
fn wires_and_pools_differ() {
    let a = graph(|x| {
        let first = x.conv("a", conv(3, 1));
        let second = first.conv("b", conv(3, 1));
        (second + x).max_pool("pool", pool(2))
    });
    let b = graph(|x| {
        let first = x.conv("a", conv(3, 1));
        let second = first.conv("b", conv(3, 1));
        (second + first).avg_pool("pool", pool(2))
    });
    let said = said(&networks(&a, &b).unwrap());
    assert_eq!(
        said,
        [
            "add reads input a",
            "pool kind 2x2 max pool /2 2x2 avg pool /2"
        ]
    );
}

#[test]
fn long_networks_are_aligned_by_anchors() {
    let of = |skip: usize| {
        graph(move |x| {
            (0..600)
                .filter(|&i| i != skip)
                .fold(x, |x, i| x.conv(format!("c{i}"), conv(3 + i % 7, 1)).relu())
        })
    };
    let (a, b) = (of(600), of(300));
    let likeness = Likeness::of((&a, &order::order(&a)), (&b, &order::order(&b)));
    // tables so small that anchors have to do, and so small that nothing can
    for most in [10_000_000, 1_000, 0] {
        let pairs = align::align_within(&likeness, most);
        assert!(pairs.len() > 1190, "{most}: {}", pairs.len());
        assert!(pairs.is_sorted());
    }
}

#[test]
fn nothing_in_common_is_no_fault() {
    let difference = registered("lenet5_1998", "densenet121");
    assert!(!difference.is_same() && difference.likeness() < 0.2);
}

#[test]
fn what_does_the_same_in_other_words_is_the_same() {
    let a = graph(|x| {
        let one = x.conv("a", conv(8, 3).pad(1));
        let two = concat(&[one, x]).conv("b", conv(8, 3).same());
        concat(&[concat(&[concat(&[one]), x]), two]).max_pool("pool", pool(3).stride(1).ceil())
    });
    let b = graph(|x| {
        let one = x.conv("a", conv(8, 3).same());
        let two = concat(&[one, x]).conv("b", conv(8, 3).pad(1));
        concat(&[one, x, two]).max_pool("pool", pool(3).stride(1))
    });
    let difference = networks(&a, &b).unwrap();
    assert!(difference.is_same(), "{:?}", said(&difference));
}

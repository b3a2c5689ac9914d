//! Laws over the arguments of models: what is said of them is so, and nothing that is given breaks.

use crate::law;
use convcheck::graph::Shape;
use convcheck::zoo::{Architecture, Argument, Family, Model, Registry};
use libtest_mimic::Trial;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

pub fn trials() -> Vec<Trial> {
    vec![
        law("arguments::every-spelling-of-a-network-is-one", spellings),
        law("arguments::each-makes-another-network", effects),
        law(
            "arguments::faults-are-one-line-with-what-would-be-right",
            faults,
        ),
        law("arguments::anything-is-a-network-or-a-line", anything),
        law("arguments::own-models-build-on-each-other", own_models),
    ]
}

/// Models and what they are made of.
fn named(family: &Family) -> Vec<Model> {
    let made_of = family.architectures.iter().map(Architecture::model);
    family.models.iter().cloned().chain(made_of).collect()
}

/// An argument's own value, given in whichever way, is the same model; another one is another model, whose
/// name finds it again.
fn spellings() {
    let registry = Registry::builtin();
    for model in registry.families().iter().flat_map(named) {
        let all = model.arguments();
        let own: Vec<String> = (all.iter().rev())
            .map(|argument| format!(" {} = {}", argument.name, argument.value))
            .collect();
        let same = registry.find(&format!("{}{{{}}}", model.name, own.join(",")));
        assert_eq!(same.as_ref(), Ok(&model));
        // a number that has two spellings
        for argument in all
            .iter()
            .filter(|argument| argument.range.starts_with("0 to 0."))
        {
            let spelt =
                |zero: &str| registry.find(&format!("{}{{{}={zero}}}", model.name, argument.name));
            assert_eq!(spelt("-0"), spelt("0"));
        }
        if all.iter().any(|argument| argument.name == "classes") {
            let other = registry.find(&format!("{}{{ classes=7 }}", model.name));
            let other = other.unwrap();
            assert_eq!(other.name, format!("{}{{classes=7}}", model.name));
            assert_eq!(registry.find(&other.name), Ok(other.clone()));
            let graph = other.graph().unwrap();
            assert_eq!(graph.prediction().shape.channels(), 7, "{}", other.name);
        }
    }
}

/// Every argument makes another network of some model of its family.
fn effects() {
    let registry = Registry::builtin();
    for family in registry.families() {
        let models = named(family);
        for architecture in family.architectures {
            let names = |model: &Model| -> Vec<&'static str> {
                model
                    .arguments()
                    .iter()
                    .map(|argument| argument.name)
                    .collect()
            };
            let open = names(&architecture.model());
            let made_of_it = || models.iter().filter(|model| names(model) == open);
            for name in &open {
                let changes = made_of_it().any(|model| {
                    let own = model.graph().unwrap();
                    let argument = model.arguments();
                    let argument = argument.iter().find(|argument| argument.name == *name);
                    others(argument.unwrap()).any(|value| {
                        let other = registry.find(&format!("{}{{{name}={value}}}", model.name));
                        other.is_ok_and(|other| other.graph().unwrap() != own)
                    })
                });
                assert!(changes, "{}: {name} changes nothing", architecture.name);
            }
        }
    }
}

/// Other values that an argument could have.
fn others(argument: &Argument) -> impl Iterator<Item = String> + use<> {
    let value = argument.value.clone();
    let words: Vec<String> = (argument.range.split(" or ")).map(str::to_string).collect();
    let list = value.trim_matches(['[', ']']).to_string();
    let (first, rest) = match list.split_once(',') {
        Some((first, rest)) => (first.to_string(), format!(",{rest}")),
        None => (list.clone(), String::new()),
    };
    let mut found = words;
    if let Ok(n) = first.parse::<usize>() {
        let more = [n + 3, n + 6, n + 9, 2 * n].map(|n| n.to_string());
        found.extend(more.into_iter().chain((n > 1).then(|| (n - 1).to_string())));
    }
    if first.parse::<f64>().is_ok() {
        found.push("0.25".into());
    }
    let size = value.parse::<Shape>().ok().and_then(Shape::maps);
    if let Some([c, h, w]) = size {
        found.push(Shape::map(c, h + 32, w + 32).to_string());
    }
    let is_list = value.starts_with('[');
    found.into_iter().map(move |other| match is_list {
        true => format!("[{other}{rest}]"),
        false => other,
    })
}

/// What no network can be made of is a line that says where it is wrong and what would be right.
fn faults() {
    let registry = Registry::builtin();
    for (text, says) in [
        (
            "resnet18{clases=10}",
            "column 10: there is no argument `clases`; resnet18 takes block=basic (basic or bottleneck), classes=1000 (1 to 1000000)",
        ),
        (
            "resnet18{classes=0}",
            "column 10: classes is 0, must be 1 to 1000000",
        ),
        ("resnet18{classes=ten}", "classes is ten"),
        ("resnet18{classes=[10]}", "classes is [10]"),
        (
            "resnet18{classes=10, classes=10}",
            "column 22: `classes` is given twice",
        ),
        (
            "resnet18{units=[2,2,2]}",
            "units is [2,2,2], must be [...] of 4, each 1 to 400",
        ),
        ("resnet18{units=[2,2,2,99999999999999999999]}", "units is"),
        (
            "resnet18{shortcut=some}",
            "none or pad or project or project_all",
        ),
        ("resnet18{groups=2}", "block=bottleneck"),
        ("resnet18{stride_on=1x1}", "stride_on is a bottleneck's"),
        ("legacy_seresnet18{stride_on=3x3}", "block=bottleneck"),
        (
            "resnet50{groups=7, group_width=3, widths=[100,200,300,400]}",
            "conv2",
        ),
        (
            "se_unit_256{input=8x14x14}",
            "layer `se.fc1`: has no output",
        ),
        ("resnet18{input=3x0x1}", "CxHxW"),
        ("resnet18{input=224}", "layer `conv1`"),
        ("vgg16{input=3x8x8}", "features."),
        (
            "resnet_cifar{depth=21}",
            "depth is 21, must be 6n + 2, as 8 or 14; resnet_cifar takes classes=10",
        ),
        ("resnet_cifar{depth=1000000}", "1 to 2000"),
        ("wrn{dropout=1}", "0 to 0.99"),
        ("wrn{dropout=NaN}", "0 to 0.99"),
        (
            "vgg_paper{widths=[8,16,32,64,64,64]}",
            "[...] of 1 to 5, each",
        ),
        ("conv3x3{classes=10}", "conv3x3 takes input=1x32x32"),
        ("resnet19{classes=10}", "did you mean"),
        ("resnet18@3x256x256", "{input=3x256x256}"),
        ("resnet18{", "column 10"),
    ] {
        let error = registry.find(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
        assert!(!error.contains('\n'), "{text}: {error}");
    }
    let graph = registry.graph("resnet18{classes=10}@3x64x96").unwrap();
    assert_eq!(graph.input(), Shape::map(3, 64, 96));
    assert_eq!(graph.prediction().shape, Shape::vector(10));
    assert!(registry.graph("resnet18{classes=10}@1x64x96").is_err());
}

/// A user's models build on each other in any order; what cannot be is said of each.
fn own_models() {
    let add = |models: &[(&str, &str)]| {
        let models: Vec<(String, String)> = (models.iter())
            .map(|(name, text)| (name.to_string(), text.to_string()))
            .collect();
        let mut registry = Registry::builtin();
        registry.add(&models).map(|()| registry)
    };
    let registry = add(&[
        ("a", "b{input=3x64x64}"),
        ("b", "resnet18{classes=10}"),
        ("c-1", "wrn"),
    ]);
    let registry = registry.unwrap();
    let a = registry.find("a").unwrap();
    assert_eq!((a.name.as_str(), a.input), ("a", Shape::map(3, 64, 64)));
    let expected = registry.find("resnet18{classes=10,input=3x64x64}");
    assert_eq!(a.graph(), expected.unwrap().graph());
    assert_eq!(
        registry.find("a{classes=1000}").unwrap().name,
        "a{classes=1000}"
    );
    assert_eq!(registry.families().last().unwrap().models.len(), 3);
    // however long a chain is, its source says where it ends
    let chain: Vec<(String, String)> = (0..1_000)
        .map(|i| match i {
            0 => ("m0".into(), "wrn{depth=16}".into()),
            i => (format!("m{i}"), format!("m{}", i - 1)),
        })
        .collect();
    let mut registry = Registry::builtin();
    registry.add(&chain).unwrap();
    let wrn = registry.find("wrn{depth=16}").unwrap().source;
    let last = registry.find("m999").unwrap();
    assert_eq!(last.source, format!("m998: {wrn}"));
    let more = [&chain[..], &[("more".into(), "wrn".into())]].concat();
    let faults = Registry::builtin().add(&more).unwrap_err();
    assert!(faults.len() == 1 && faults[0].0 == "more", "{faults:?}");
    for (models, says) in [
        (
            &[("resnet18", "wrn")][..],
            &[("resnet18", "there is one of that name")][..],
        ),
        (
            &[("wrn", "resnet18")],
            &[("wrn", "there is one of that name")],
        ),
        (
            &[("x", "wrn"), ("x", "wrn")],
            &[("x", "there is one of that name")],
        ),
        (&[("x{", "wrn")], &[("x{", "letters")]),
        (&[("", "wrn")], &[("", "letters")]),
        (&[("x", "x")], &[("x", "itself")]),
        (
            &[("x", "y"), ("y", "z"), ("z", "x"), ("w", "wrn")],
            &[("x", "itself"), ("y", "itself"), ("z", "itself")],
        ),
        (
            &[("x", "vgg61"), ("y", "wrn{depth=1}"), ("z", "wrn")],
            &[("x", "vgg61"), ("y", "6n + 4")],
        ),
        (
            &[
                ("x", "vgg61"),
                ("w", "x{classes=3}"),
                ("v{", "wrn"),
                ("u", "v{"),
            ],
            &[
                ("v{", "letters"),
                ("u", "column"),
                ("x", "vgg61"),
                ("w", "`x`, on which it builds, cannot be had"),
            ],
        ),
    ] {
        let Err(faults) = add(models) else {
            panic!("{models:?}")
        };
        assert_eq!(faults.len(), says.len(), "{faults:?}");
        for ((name, error), (expected, says)) in faults.iter().zip(says) {
            assert_eq!(name, expected);
            assert!(error.to_string().contains(says), "{name}: {error}");
        }
    }
}

/// Whatever is given to whatever: a network, or a line on why there is none.
fn anything() {
    let registry = Registry::builtin();
    let all: Vec<Model> = registry.families().iter().flat_map(named).collect();
    let picks = vec((any::<Index>(), any::<Index>(), 0..VALUES.len()), 1..4);
    super::graphs::run((picks, any::<Index>()), |(picks, model)| {
        let model = &all[model.index(all.len())];
        let open = model.arguments();
        let given = picks.iter().map(|(argument, of, value)| {
            let name = open[argument.index(open.len())].name;
            let value = match VALUES[*value] {
                "" => &open[of.index(open.len())].value,
                value => value,
            };
            format!("{name}={value}")
        });
        let given: Vec<String> = given.collect();
        let text = format!("{}{{{}}}", model.name, given.join(", "));
        match registry.find(&text) {
            Ok(found) => assert!(found.graph().is_ok(), "{text}"),
            Err(error) => {
                let error = error.to_string();
                let is_said = error.contains(" takes ") || error.contains("is given twice");
                assert!(is_said && !error.contains('\n'), "{error}");
            }
        }
    });
}

/// Values, of which most are wrong for most arguments; an empty one is another argument's.
const VALUES: &[&str] = &[
    "",
    "",
    "0",
    "1",
    "2",
    "7",
    "8",
    "400",
    "2000",
    "65536",
    "18446744073709551615",
    "-1",
    "0.5",
    "1e300",
    "NaN",
    "true",
    "none",
    "3x8x8",
    "1x1x1",
    "3x4000000000x4000000000",
    "18446744073709551615x1x1",
    "5",
    "[1]",
    "[400,400,400,400]",
    "[65536,65536,65536,65536]",
    "[1,1,1]",
    "[2000,2000,2000]",
];

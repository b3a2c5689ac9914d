//! Laws over the experiments about the document, and over files that are none.

use crate::{law, repository};
use convcheck::data::Source;
use convcheck::experiment::{self, EMBEDDED, Experiment, parse, schema};
use convcheck::graph::Shape;
use convcheck::train::{Recipe, Scale};
use convcheck::zoo::Registry;
use libtest_mimic::Trial;
use std::collections::BTreeSet;
use std::path::Path;

pub fn trials() -> Vec<Trial> {
    vec![
        law(
            "experiments::every-file-is-embedded-and-named-after",
            embedded,
        ),
        law("experiments::every-file-names-the-schema-first", first_line),
        law("experiments::the-schema-file-is-the-format", schema_file),
        law(
            "experiments::each-can-be-decided-at-the-quick-scale",
            decidable,
        ),
        law("experiments::models-take-the-images", fitting),
        law("experiments::names-are-kebab-case", names),
        law("experiments::listings-have-two-arms", listings),
        law("experiments::a-fault-has-its-place", faults),
        law(
            "experiments::numbers-that-make-no-sense-are-errors",
            numbers,
        ),
        law("experiments::published-results-have-their-place", published),
        law("experiments::published-results-are-sentences", sentences),
        law(
            "experiments::a-recipe-spells-its-model-in-one-way",
            spelling,
        ),
    ]
}

fn all() -> Vec<Experiment> {
    experiment::embedded(&Registry::builtin()).unwrap()
}

/// Every recipe, with what it is called.
fn recipes() -> Vec<(String, Scale, Recipe)> {
    let arms = |experiment: Experiment| {
        let name = experiment.name;
        (experiment.arms.into_iter()).flat_map(move |arm| {
            let called = format!("{name}, {}", arm.name);
            (arm.recipes.into_iter())
                .map(move |(scale, recipe)| (called.clone(), scale, recipe))
                .collect::<Vec<_>>()
        })
    };
    all().into_iter().flat_map(arms).collect()
}

fn embedded() {
    let mut on_disk: Vec<String> = std::fs::read_dir(repository("suites/experiments"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|file| format!("suites/experiments/{file}"))
        .collect();
    on_disk.sort();
    let mut listed: Vec<&str> = EMBEDDED.iter().map(|(file, _)| *file).collect();
    listed.sort_unstable();
    assert_eq!(
        listed, on_disk,
        "experiment::EMBEDDED and the folder differ"
    );
    for (experiment, (file, _)) in all().iter().zip(EMBEDDED) {
        assert_eq!(
            *file,
            format!("suites/experiments/{}.toml", experiment.name)
        );
    }
}

fn first_line() {
    for (file, text) in EMBEDDED {
        assert_eq!(
            text.lines().next(),
            Some("#:schema ../experiment.schema.json"),
            "{file}"
        );
    }
}

fn schema_file() {
    let file = repository("suites/experiment.schema.json");
    let written: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(
        written,
        schema(),
        "write it anew: convcheck schema experiment > suites/experiment.schema.json"
    );
}

/// A question there, and as many seeds as the rules ask for; digits, which need no folder.
fn decidable() {
    for experiment in all() {
        let name = &experiment.name;
        assert!(
            experiment.seeds[&Scale::Quick].clone().count() >= 8,
            "{name}: seeds"
        );
        assert!(
            experiment.questions_at(Scale::Quick).next().is_some(),
            "{name}: nothing is asked"
        );
        assert!(experiment.about.len() > 200, "{name} explains nothing");
        for question in &experiment.questions {
            let says = &question.says;
            assert!(says.ends_with('.'), "{name}: `{says}` is no sentence");
        }
    }
    for (called, scale, recipe) in recipes() {
        let is_digits = recipe.data == Source::Digits;
        assert_eq!(is_digits, scale == Scale::Quick, "{called}");
    }
}

/// The shape of a data set's images and the number of its classes; of folders the document's.
fn images(source: Source) -> (Shape, usize) {
    match source {
        Source::Digits => (Shape::map(1, 8, 8), 10),
        Source::Mnist => (Shape::map(1, 28, 28), 10),
        Source::Cifar10 => (Shape::map(3, 32, 32), 10),
        Source::Cifar100 => (Shape::map(3, 32, 32), 100),
        Source::Folder => (Shape::map(3, 280, 280), 5),
    }
}

fn fitting() {
    for (called, _, recipe) in recipes() {
        let graph = Registry::builtin()
            .find(&recipe.model)
            .unwrap()
            .graph()
            .unwrap();
        let (shape, classes) = images(recipe.data);
        assert_eq!(graph.prediction().shape, Shape::vector(classes), "{called}");
        let channels = graph.input().channels();
        assert!(
            channels == shape.channels() || shape.channels() == 1,
            "{called}"
        );
        let own = graph.input().extent();
        let size = recipe.size.map_or(own, |size| [size, size]);
        for augment in [&recipe.augment, &recipe.augment_evaluation] {
            let start = Shape::map(channels, size[0], size[1]);
            let end = (augment.iter()).try_fold(start, |shape, step| step.shape(shape));
            assert_eq!(end, Ok(graph.input()), "{called}");
        }
        let heads = graph.outputs().len() > 1;
        assert_eq!(heads, recipe.auxiliary > 0.0, "{called}: auxiliary heads");
    }
}

fn names() {
    let is_kebab = |name: &str| {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        name.chars().all(good) && !name.starts_with('-') && !name.ends_with('-')
    };
    let mut seen = BTreeSet::new();
    for experiment in all() {
        let arms = experiment.arms.iter().map(|arm| &arm.name);
        let questions = experiment.questions.iter().map(|question| &question.name);
        for name in arms.chain(questions) {
            assert!(is_kebab(name), "{}: {name}", experiment.name);
        }
        assert!(seen.insert(experiment.name.clone()), "{}", experiment.name);
    }
}

/// The report shows what a listing's accident costs by these two names.
fn listings() {
    let listings = all().into_iter().filter(|e| e.name.starts_with("listing-"));
    let mut count = 0;
    for experiment in listings {
        let arms: Vec<&str> = experiment.arms.iter().map(|arm| &*arm.name).collect();
        assert_eq!(arms, ["as-written", "as-meant"], "{}", experiment.name);
        count += 1;
    }
    assert_eq!(count, 6);
}

/// An experiment with one line in place of another.
const GOOD: &str = r#"name = "e"
title = "t"
source = "s"
[recipe]
model = "resnet20_digits"
data = "digits"
batch = 8
epochs = 1
optimizer = { sgd = { rate = 0.1 } }
[quick]
seeds = 8
[[arm]]
name = "a"
title = "a"
[[arm]]
name = "b"
title = "b"
[[question]]
name = "q"
says = "S."
metric = "test_error"
contrast = { a = 1, b = -1 }
above = 0.0
"#;

/// Two spellings of a network are one recipe, whose runs count for both.
fn spelling() {
    let registry = Registry::builtin();
    for (written, held) in [
        ("resnet20_digits{ depth = 20 }", "resnet20_digits"),
        (
            "resnet_cifar{input=1x8x8, depth=14}",
            "resnet_cifar{depth=14,input=1x8x8}",
        ),
    ] {
        let text = GOOD.replace("resnet20_digits", written);
        let experiment = parse(Path::new("e.toml"), &text, &registry).unwrap();
        let arm = &experiment.arms[0];
        assert_eq!(arm.recipes[&Scale::Quick].model, held);
        assert_eq!(arm.models[&Scale::Quick].name, held);
    }
}

fn faults() {
    let registry = Registry::builtin();
    parse(Path::new("e.toml"), GOOD, &registry).unwrap();
    let cases = [
        // an unknown key of the file, of an arm, of a question, of a recipe
        ("source = \"s\"", "sourse = \"s\"", "3:1", "sourse"),
        ("title = \"b\"", "title = \"b\"\nx = 1", "18:1", "x"),
        ("above = 0.0", "over = 0.0", "23:1", "over"),
        ("batch = 8", "bach = 8", "7:1", "bach"),
        // a value of another kind
        ("seeds = 8", "seeds = \"8\"", "11:9", "invalid type"),
        (
            "seeds = 8",
            "seeds = 0",
            "11:9",
            "seeds of the quick scale is 0, must be from 1",
        ),
        (
            "seeds = 8",
            "seeds = 100000000",
            "11:9",
            "must be from 1 to",
        ),
        ("epochs = 1", "epochs = 0", "8:10", "epochs is 0"),
        // names that there are not
        (
            "resnet20_digits",
            "resnet21_digits",
            "5:9",
            "did you mean resnet20_digits",
        ),
        ("\"digits\"", "\"digit\"", "6:8", "digit"),
        (
            "test_error",
            "test_eror",
            "18:1",
            "there is no metric `test_eror`",
        ),
        ("b = -1", "c = -1", "18:1", "there is no arm `c`"),
        ("name = \"b\"", "name = \"a\"", "16:8", "is there twice"),
        // names after which no file can be called
        ("name = \"e\"", "name = \"../e\"", "1:8", "kebab-case"),
        ("name = \"e\"", "name = \"\"", "1:8", "kebab-case"),
        (
            "name = \"e\"",
            "name = \"vgg-depth\"",
            "1:8",
            "suites/experiments/vgg-depth.toml",
        ),
        ("name = \"b\"", "name = \"b/b\"", "16:8", "kebab-case"),
        ("name = \"b\"", "name = \"\"", "16:8", "kebab-case"),
        ("name = \"b\"", "name = \"Lock\"", "16:8", "kebab-case"),
        (
            "name = \"b\"",
            "name = \"lock\"",
            "16:8",
            "the program's own",
        ),
        // places that a metric does not have
        ("test_error", "test_error@0", "18:1", "`0` is no place"),
        ("test_error", "loss@best", "18:1", "loss@1"),
        ("test_error", "least_rise@2", "18:1", "has no place"),
        ("above = 0.0", "above = nan", "18:1", "finite"),
        ("b = -1", "b = inf", "18:1", "finite"),
        // a rule that is none, or two
        ("above = 0.0", "", "18:1", "`above` and `below`"),
        (
            "above = 0.0",
            "above = 0.0\nbelow = 0.0",
            "18:1",
            "`above` and `below`",
        ),
        (
            "above = 0.0",
            "above = 0.0\nprinted = 0.0",
            "18:1",
            "`printed`",
        ),
        // a scale that the experiment, or an arm of the question, does not have
        (
            "above = 0.0",
            "above = 0.0\nscale = \"full\"",
            "18:1",
            "no full scale",
        ),
        (
            "title = \"b\"",
            "title = \"b\"\nquick = false",
            "19:1",
            "not run at the quick scale",
        ),
        ("[quick]\nseeds = 8", "", "1:8", "[quick], [full] or both"),
        (
            "title = \"b\"",
            "title = \"b\"\nquick = 3",
            "18:9",
            "a table, or false",
        ),
    ];
    hold(&cases);
    let long = format!("name = \"{}\"", "b".repeat(101));
    hold(&[("name = \"b\"", &long, "16:8", "100 characters")]);
}

/// Numbers that PyTorch refuses, that are none, or that come to no end; each at its place, in whichever table it stands.
fn numbers() {
    let sgd = |more: &str| format!("optimizer = {{ sgd = {{ rate = 0.1, {more} }} }}");
    let adam = |more: &str| format!("optimizer = {{ adam = {{ rate = 0.1, {more} }} }}");
    let of_recipe = |key: &str| format!("optimizer = {{ sgd = {{ rate = 0.1 }} }}\n{key}");
    let of_last = |new: &str| new.lines().last().unwrap().to_string();
    let old = "optimizer = { sgd = { rate = 0.1 } }";
    for (new, value, says) in [
        (sgd("momentum = nan"), "nan", "momentum is NaN"),
        (sgd("momentum = -0.9"), "-0.9", "momentum is -0.9"),
        (sgd("momentum = inf"), "inf", "momentum is inf"),
        (sgd("weight_decay = -3.0"), "-3.0", "weight_decay is -3"),
        (sgd("weight_decay = nan"), "nan", "weight_decay is NaN"),
        (sgd("nesterov = true"), "true", "momentum, which must be"),
        (adam("beta1 = 1.0"), "1.0", "beta1 is 1, must be from 0"),
        (adam("beta2 = -0.1"), "-0.1", "beta2 is -0.1"),
        (adam("weight_decay = -1"), "-1", "weight_decay is -1"),
        (
            adam("beta2 = 2").replace("adam", "adam-w"),
            "2",
            "beta2 is 2",
        ),
        (
            old.replace("0.1", "nan"),
            "nan",
            "rate is NaN, must be above",
        ),
        (old.replace("0.1", "1e39"), "1e39", "and finite"),
        (of_recipe("images = 0"), "0", "images is 0"),
        (
            of_recipe("images = 999999"),
            "999999",
            "images is 999999, must be from 1 to 1297",
        ),
        (of_recipe("size = 0"), "0", "size is 0"),
        (of_recipe("size = 99999"), "99999", "size is 99999"),
        (of_recipe("size = 9"), "9", "takes images of 1x8x8"),
        (of_recipe("smoothing = 1.0"), "1.0", "smoothing is 1"),
        (of_recipe("auxiliary = -0.3"), "-0.3", "auxiliary is -0.3"),
        (of_recipe("order = { buffer = 0 }"), "0", "buffer is 0"),
        (
            of_recipe("schedule = { step = { at = [9, 9], factor = 0.1 } }"),
            "9], factor",
            "step 9 comes behind step 9",
        ),
        (
            of_recipe("schedule = { step = { at = [9], factor = -0.1 } }"),
            "-0.1",
            "factor is -0.1",
        ),
        (
            of_recipe("schedule = { one-cycle = { rise = 1.5 } }"),
            "1.5",
            "rise is 1.5, must be from 0 to 1",
        ),
        (
            of_recipe("augment = [\"flip\", { rotate = 200 }]"),
            "{ rotate",
            "200 degrees",
        ),
        (
            of_recipe("augment = [{ pad-crop = 9 }]"),
            "{ pad",
            "at most 8",
        ),
        (
            of_recipe("augment_evaluation = [{ center-crop = 0 }]"),
            "{ center",
            "from 1 to 8",
        ),
    ] {
        let (line, column) = (
            8 + new.lines().count(),
            of_last(&new).rfind(value).unwrap() + 1,
        );
        hold(&[(old, &new, &format!("{line}:{column}"), says)]);
    }
    // the place is that of the table that counts
    for (old, new, place) in [
        ("seeds = 8", "seeds = 8\nrecipe.batch = 0", "12:16"),
        ("title = \"b\"", "title = \"b\"\nrecipe.batch = 0", "18:16"),
        ("title = \"b\"", "title = \"b\"\nquick.batch = 0", "18:15"),
    ] {
        hold(&[(old, new, place, "batch is 0")]);
    }
}

/// A published result that an arm repeats, and one that a question's rule holds.
const PUBLISHED: &str = r#"
[[question]]
name = "printed"
says = "S."
metric = "test_error"
arm = "a"
printed = 0.25
[[published]]
paper = "P"
table = "Table 1"
scale = "quick"
test_images = 500
differences = ["None."]
result = [
    { cell = "one", number = "single-run", arm = "b", metric = "test_error", value = 0.0875 },
    { cell = "two", number = "single-run", question = "printed" },
]
"#;

fn published() {
    let registry = Registry::builtin();
    let read = |text: &str| parse(Path::new("e.toml"), &format!("{GOOD}{text}"), &registry);
    let good = read(PUBLISHED).unwrap();
    let plain = read("").unwrap();
    // it is no part of a recipe
    let fingerprints = |of: &Experiment| -> Vec<String> {
        let arms = of.arms.iter();
        arms.map(|arm| arm.recipes[&Scale::Quick].fingerprint())
            .collect()
    };
    assert_eq!(fingerprints(&good), fingerprints(&plain));
    let [one, two] = &good.published[0].results[..] else {
        panic!("{:?}", good.published);
    };
    assert_eq!((&*one.arm, one.value, &one.question), ("b", 0.0875, &None));
    assert_eq!((&*two.arm, two.value), ("a", 0.25));
    assert_eq!(two.question.as_deref(), Some("printed"));
    let numbers = [
        ("\"best-epoch\"", true),
        ("{ best-of = 5 }", true),
        ("{ median-of = 5 }", true),
        ("{ mean-of = { runs = 5 } }", true),
        ("{ mean-of = { runs = 5, deviation = 0.0016 } }", true),
        ("{ best-of = 1 }", false),
        ("{ best-of = 101 }", false),
        ("{ median-of = 4 }", false),
        ("{ mean-of = { runs = 5, deviation = nan } }", false),
        ("\"single\"", false),
    ];
    for (number, is_one) in numbers {
        let text = PUBLISHED.replace("\"single-run\", arm", &format!("{number}, arm"));
        match (read(&text), is_one) {
            (Ok(_), true) => {}
            (Err(error), false) => stands_at(&error.to_string(), &text, text.find(number).unwrap()),
            (read, _) => panic!("{number}: {read:?}"),
        }
    }
    for (number, at) in [
        ("{ mean-of = 5 }", "5 }, arm"),
        ("{ mean-of = { runs = 5, x = 1 } }", "x = 1"),
    ] {
        let text = PUBLISHED.replace("\"single-run\", arm", &format!("{number}, arm"));
        let error = read(&text).unwrap_err().to_string();
        stands_at(&error, &text, text.find(at).unwrap());
    }
    // what stands there, and what in place of it is an error there, or at what follows the bar
    for (old, new, says) in [
        ("paper = \"P\"", "|papers = \"P\"", "papers"),
        (
            "[[published]]\npaper = \"P\"",
            "|[[published]]",
            "missing field `paper`",
        ),
        (
            "[[published]]\npaper = \"P\"\ntable = \"Table 1\"\nscale = \"quick\"",
            "|[[published]]\npaper = \"P\"\ntable = \"T\"",
            "no full scale",
        ),
        ("scale = \"quick\"", "scale = |\"full\"", "no full scale"),
        ("test_images = 500", "test_images = |0", "test_images is 0"),
        (
            "{ cell = \"one\", number = \"single-run\", arm = \"b\",",
            "|{ cell = \"one\", number = \"single-run\",",
            "has `arm`, `metric` and `value`, or `question`",
        ),
        (
            "arm = \"b\"",
            "arm = |\"bb\"",
            "there is no arm `bb`; did you mean b?",
        ),
        ("arm = \"b\"", "arm = |\"xyz\"", "its arms: a, b"),
        (
            "\"test_error\", value",
            "|\"test_eror\", value",
            "no metric `test_eror`",
        ),
        ("0.0875", "|8.75", "a share from 0 to 1: 8.75 % is 0.0875"),
        ("0.0875", "|-0.1", "a share from 0 to 1"),
        ("0.0875", "|nan", "a share"),
        (
            "\"test_error\", value = 0.0875",
            "\"test_loss\", value = |inf",
            "finite",
        ),
        ("{ cell = \"two\"", "|{ cell = \"one\"", "is there twice"),
        (
            "question = \"printed\"",
            "question = |\"print\"",
            "did you mean printed?",
        ),
        (
            "question = \"printed\"",
            "question = |\"q\"",
            "not about a printed number",
        ),
        (
            "question = \"printed\"",
            "question = \"printed\", value = |0.3",
            "stand there alone",
        ),
        (
            "\"single-run\", question",
            "|\"best-epoch\", question",
            "single-run",
        ),
    ] {
        assert_eq!(PUBLISHED.matches(old).count(), 1, "{old}");
        let (bar, new) = (new.find('|').unwrap(), new.replace('|', ""));
        let text = PUBLISHED.replace(old, &new);
        let error = read(&text).unwrap_err().to_string();
        stands_at(&error, &text, text.rfind(&new).unwrap() + bar);
        assert!(
            error.contains(says) && !error.contains('\n'),
            "{new}: {error}"
        );
    }
    let none = PUBLISHED.split("result = ").next().unwrap().to_string() + "result = []";
    let error = read(&none).unwrap_err().to_string();
    stands_at(&error, &none, none.rfind("[]").unwrap());
    assert!(error.contains("there is no `result`"), "{error}");
}

/// Whether an error names that place of the text that follows the good experiment.
fn stands_at(error: &str, text: &str, at: usize) {
    let whole = format!("{GOOD}{text}");
    let before = &whole[..GOOD.len() + at];
    let (line, column) = (
        before.matches('\n').count() + 1,
        before.len() - before.rfind('\n').unwrap(),
    );
    let place = format!("e.toml:{line}:{column}: ");
    assert!(error.starts_with(&place), "{place}{error}");
}

fn sentences() {
    for experiment in all() {
        for published in &experiment.published {
            for difference in &published.differences {
                let is_short = difference.len() < 160 && difference.ends_with('.');
                assert!(is_short, "{}: {difference}", experiment.name);
            }
        }
    }
}

/// The good experiment with one text in place of another is an error there, which says that.
fn hold(cases: &[(&str, &str, &str, &str)]) {
    let registry = Registry::builtin();
    for (old, new, place, says) in cases {
        let (old, new, says) = (*old, *new, *says);
        assert_eq!(GOOD.matches(old).count(), 1, "{old}");
        let error = parse(Path::new("e.toml"), &GOOD.replace(old, new), &registry).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("e.toml:{place}: ")),
            "{new}: {text}"
        );
        assert!(text.contains(says), "{new}: {text}");
        assert!(!text.contains('\n'), "{new}: {text}");
    }
}

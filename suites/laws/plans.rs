//! Laws over the plans of runs, and over files that are none.

use crate::{law, repository};
use convcheck::experiment::{self, EMBEDDED_PLANS, Experiment, RunPlan};
use convcheck::train::Scale;
use convcheck::zoo::Registry;
use libtest_mimic::Trial;
use std::collections::BTreeSet;
use std::path::Path;

pub fn trials() -> Vec<Trial> {
    vec![
        law("plans::every-file-is-embedded", embedded),
        law("plans::the-schema-file-is-the-format", schema_file),
        law(
            "plans::every-run-at-the-full-scale-is-planned-or-left-out",
            whole,
        ),
        law("plans::the-order-is-that-of-worth", order),
        law("plans::a-fault-has-its-place", faults),
        law("plans::experiments-stand-beside-them", beside),
    ]
}

fn all() -> Vec<Experiment> {
    experiment::embedded(&Registry::builtin()).unwrap()
}

fn full_scale() -> RunPlan {
    RunPlan::find("full-scale", &all(), &Registry::builtin()).unwrap()
}

fn embedded() {
    let files = std::fs::read_dir(repository("suites/plans")).unwrap();
    let names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let on_disk: BTreeSet<String> = names.map(|file| format!("suites/plans/{file}")).collect();
    let listed: BTreeSet<String> = (EMBEDDED_PLANS.iter())
        .map(|(file, _)| (*file).to_string())
        .collect();
    assert_eq!(
        listed, on_disk,
        "experiment::EMBEDDED_PLANS and the folder differ"
    );
    for (file, text) in EMBEDDED_PLANS {
        let first = text.lines().next();
        assert_eq!(first, Some("#:schema ../plan.schema.json"), "{file}");
    }
}

fn schema_file() {
    let text = std::fs::read_to_string(repository("suites/plan.schema.json")).unwrap();
    let written: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        written,
        RunPlan::schema(),
        "write it anew: convcheck schema plan > suites/plan.schema.json"
    );
}

/// Every arm under every seed of every experiment with a full scale.
fn whole() {
    let plan = full_scale();
    assert_eq!(plan.scale, Scale::Full);
    for experiment in all() {
        let seeds = experiment.seeds.get(&Scale::Full).cloned();
        for arm in (experiment.arms.iter()).filter(|arm| arm.recipes.contains_key(&Scale::Full)) {
            let (name, arm) = (&experiment.name, &arm.name);
            let mut out = plan.left_out.iter();
            if out.any(|out| out.experiment == *name && out.arms.contains(arm)) {
                continue;
            }
            for seed in seeds.clone().into_iter().flatten() {
                let mut parts = plan.parts.iter();
                let is_planned = parts.any(|part| {
                    part.experiment.name == *name
                        && part.arms.contains(arm)
                        && part.seeds.contains(&seed)
                });
                assert!(
                    is_planned,
                    "{name}, {arm}, seed {seed} is neither planned nor left out"
                );
            }
        }
    }
}

/// What decides most comes first.
fn order() {
    let plan = full_scale();
    let parts: Vec<&str> = (plan.parts.iter())
        .map(|part| &*part.experiment.name)
        .collect();
    let first = [
        "degradation",
        "degradation",
        "listing-resnet-torch",
        "listing-vgg",
        "listing-resnet-tf",
        "listing-pokemon",
        "listing-transfer",
        "sigmoid-relu",
        "tanh-shortcuts",
        "batch-norm",
        "preactivation",
        "densenet-resnet",
        "vgg-depth",
        "vgg-lrn",
        "auxiliary-heads",
        "dropout",
    ];
    assert_eq!(parts[..first.len()], first);
    let deciding = &plan.parts[0];
    let arms = ["plain-20", "plain-56", "residual-20", "residual-56"];
    assert_eq!(deciding.arms, arms);
    assert_eq!(deciding.seeds, (0..8).collect::<Vec<u64>>());
}

const GOOD: &str = r#"scale = "quick"

[[runs]]
experiment = "degradation"
arms = ["plain-20", "plain-56"]
seeds = [0, 1]

[[runs]]
experiment = "degradation"
arms = ["plain-32"]

[[left-out]]
experiment = "dropout"
why = "One can wait."
"#;

fn parsed(text: &str) -> Result<RunPlan, String> {
    RunPlan::parse(Path::new("p.toml"), text, &all(), &Registry::builtin())
        .map_err(|error| error.to_string())
}

fn faults() {
    let good = parsed(GOOD).unwrap();
    assert_eq!(good.parts[0].seeds, [0, 1]);
    assert_eq!(good.parts[1].seeds, (0..8).collect::<Vec<u64>>());
    assert_eq!(good.left_out[0].arms, ["without", "dropout", "altered"]);
    for (old, new, place, says) in [
        // keys and values that there are not
        ("seeds = [", "seed = [", "6:1", "unknown field `seed`"),
        ("\"quick\"", "\"quik\"", "1:9", "quik"),
        ("scale = \"quick\"\n", "", "1:1", "missing field `scale`"),
        ("[0, 1]", "[0, -1]", "6:13", "-1"),
        ("[0, 1]", "[0, 1.5]", "6:13", "1.5"),
        ("[0, 1]", "3", "6:9", "sequence"),
        ("[0, 1]", "[0, 1", "8:1", "missing comma"),
        // runs that there are not
        (
            "experiment = \"degradation\"\narms = [\"plain-20",
            "experiment = \"degradaton\"\narms = [\"plain-20",
            "4:14",
            "there is no experiment `degradaton`; did you mean degradation?",
        ),
        (
            "\"plain-56\"",
            "\"plain-57\"",
            "5:21",
            "has no arm `plain-57` at the quick scale; did you mean plain-56",
        ),
        ("\"plain-56\"", "\"\"", "5:21", "did you mean plain-20"),
        (
            "\"plain-56\"",
            "\"zzz\"",
            "5:21",
            "its arms: plain-20, plain-32",
        ),
        (
            "[0, 1]",
            "[0, 10000]",
            "6:13",
            "seed is 10000, must be from 0 to 9999",
        ),
        ("\"dropout\"", "\"dropuot\"", "13:14", "dropout"),
        ("\"dropout\"", "\"no-such.toml\"", "13:14", "no-such.toml: "),
        // twice, or nothing
        (
            "\"plain-56\"",
            "\"plain-20\"",
            "5:21",
            "arm `plain-20` is there twice",
        ),
        ("[0, 1]", "[0, 0]", "6:13", "seed 0 is there twice"),
        (
            "[\"plain-32\"]",
            "[\"plain-56\"]",
            "9:14",
            "degradation, plain-56, seed 0 stands in the plan before",
        ),
        (
            "arms = [\"plain-32\"]",
            "",
            "9:14",
            "degradation, plain-20, seed 0 stands in the plan before",
        ),
        (
            "\"dropout\"",
            "\"degradation\"",
            "13:14",
            "degradation, plain-20 is left out, and stands in the plan before",
        ),
        ("[0, 1]", "[]", "6:9", "names no seed"),
        ("[\"plain-32\"]", "[]", "10:8", "names no arm"),
        ("\"One can wait.\"", "\" \"", "14:7", "has a reason"),
    ] {
        assert_eq!(GOOD.matches(old).count(), 1, "{old}");
        let error = parsed(&GOOD.replace(old, new)).unwrap_err();
        assert!(
            error.starts_with(&format!("p.toml:{place}: ")) && error.contains(says),
            "{new}: {error}"
        );
        assert!(!error.contains('\n'), "{new}: {error}");
    }
    let none = parsed("scale = \"quick\"\nruns = []\n").unwrap_err();
    assert!(none.starts_with("p.toml:2:8: there are no runs"), "{none}");
    // a scale that an experiment does not have
    let quick = "name = \"e\"\ntitle = \"E\"\nsource = \"nobody\"\nrecipe.model = \"resnet20_digits\"\n\
                 recipe.data = \"digits\"\nrecipe.epochs = 1\nrecipe.batch = 50\n\
                 recipe.optimizer = { sgd = { rate = 0.1 } }\nquick.seeds = 1\n\
                 arm = [{ name = \"a\", title = \"a\" }]\n";
    let only = experiment::parse(Path::new("e.toml"), quick, &Registry::builtin()).unwrap();
    let text = "scale = \"full\"\n[[runs]]\nexperiment = \"e\"\n";
    let error = RunPlan::parse(Path::new("p.toml"), text, &[only], &Registry::builtin());
    let error = error.unwrap_err().to_string();
    assert_eq!(error, "p.toml:3:14: e has no full scale");
    let error = RunPlan::find("full-scal", &all(), &Registry::builtin()).unwrap_err();
    assert!(
        error.to_string().contains("did you mean full-scale?"),
        "{error}"
    );
}

/// An experiment of one's own is found as seen from the plan, and has a name of its own.
fn beside() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let experiment = |title: &str| {
        let degradation =
            (experiment::EMBEDDED.iter()).find(|(file, _)| file.contains("degradation"));
        let text = degradation.unwrap().1;
        let text = text.replace("name = \"degradation\"", "name = \"mine\"");
        text.replace("title = \"Degradation", &format!("title = \"{title}"))
    };
    write("mine.toml", &experiment("One"));
    write("other.toml", &experiment("Another"));
    let find = |second: &str| {
        let text = format!(
            "scale = \"quick\"\n[[runs]]\nexperiment = \"mine.toml\"\nseeds = [0]\n\
             [[runs]]\nexperiment = \"{second}\"\nseeds = [1]\n"
        );
        write("p.toml", &text);
        let path = folder.path().join("p.toml");
        RunPlan::find(path.to_str().unwrap(), &all(), &Registry::builtin())
            .map_err(|error| error.to_string())
    };
    let plan = find("mine.toml").unwrap();
    assert_eq!(plan.parts[0].experiment, plan.parts[1].experiment);
    let error = find("other.toml").unwrap_err();
    assert!(
        error.contains("p.toml:6:14: there is an experiment `mine` already: ")
            && error.contains("mine.toml:"),
        "{error}"
    );
}

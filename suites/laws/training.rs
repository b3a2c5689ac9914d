//! Laws over the pages of experiments, on runs that never ran.

use crate::laws::pages::{attributes, lead_somewhere, provenance, render, stand_alone};
use crate::{law, repository};
use convcheck::check::{check, select};
use convcheck::claim;
use convcheck::evidence::{Evaluator, Training};
use convcheck::experiment::{self, Answer, Experiment, Finding};
use convcheck::pipeline;
use convcheck::random::Key;
use convcheck::record;
use convcheck::report::{Page, answers_text, published_text};
use convcheck::train::{Curve, Divergence, Epoch, Recipe, Trained};
use convcheck::visible;
use convcheck::zoo::Registry;
use libtest_mimic::Trial;
use serde_json::json;
use std::path::{Path, PathBuf};

pub fn trials() -> Vec<Trial> {
    vec![
        law("training::pages-lead-somewhere-and-stand-alone", pages_hold),
        law("training::same-runs-same-bytes-in-any-order", deterministic),
        law("training::hostile-text-is-escaped", hostile),
        law("training::without-runs-there-is-no-page", without_runs),
        law("training::claims-link-to-their-experiment", linked),
        law("training::runs-that-do-not-count-are-counted", left_out),
        law("training::odd-runs-are-shown", odd),
        law("training::published-results-stand-beside-runs", published),
        law("training::every-committed-run-counts", committed),
        law("training::committed-records-are-whole", whole),
        law("training::defaults-of-recipes-stand-for-good", defaults),
    ]
}

const TEXT: &str = r#"
name = "made-up"
title = "A listing that ran by accident"
source = "nowhere"
about = "Two *arms*."
recipe = { model = "resnet20_digits", data = "digits", batch = 64, optimizer = { sgd = { rate = 0.1 } } }
quick = { seeds = 8, recipe = { epochs = 4 } }
full = { seeds = 8, recipe = { epochs = 8 } }

[[arm]]
name = "as-written"
title = "as it is written"
recipe = { norm = "running" }

[[arm]]
name = "as-meant"
title = "as it was meant"

[[arm]]
name = "deep-56"
title = "deeper"
recipe = { model = "plain56_digits" }
quick = false

[[question]]
name = "costs"
says = "The accident costs accuracy."
metric = "test_error"
contrast = { as-written = 1, as-meant = -1 }
above = 0.0

[[question]]
name = "printed-loss"
says = "A run prints a first loss of 2.4."
metric = "loss@1"
arm = "as-written"
printed = 2.4

[[question]]
name = "deeper"
says = "The deeper one is worse."
metric = "train_loss"
contrast = { deep-56 = 1, as-meant = -1 }
below = 0.5
scale = "full"
"#;

fn made_up() -> Experiment {
    experiment::parse(Path::new("made-up.toml"), TEXT, &Registry::builtin()).unwrap()
}

/// Runs of every arm at every scale, of so many epochs as the recipe has.
fn runs(experiment: &Experiment) -> Vec<Trained> {
    let mut runs = Vec::new();
    for (place, arm) in (0..).zip(&experiment.arms) {
        for (&scale, recipe) in &arm.recipes {
            for seed in experiment.seeds[&scale].clone() {
                let key = Key::named(&arm.name).fold_in(seed);
                let images = recipe.data.training_images().unwrap();
                let steps = recipe.steps_of_epoch(images) * u64::from(recipe.epochs);
                let epoch = |i: u32| {
                    let level = 1.0 / f64::from(i + 1) + 0.2 / f64::from(place + 1);
                    let at = |j: u64| 0.4 * level + 0.05 * key.uniform(u64::from(i) * 8 + j);
                    Epoch {
                        train_loss: 3.0 * at(0),
                        train_error: at(1),
                        test_loss: 3.0 * at(2),
                        test_error: at(3),
                        validation_error: None,
                    }
                };
                runs.push(Trained {
                    experiment: experiment.name.clone(),
                    scale,
                    arm: arm.name.clone(),
                    seed,
                    model: recipe.model.clone(),
                    recipe: recipe.fingerprint(),
                    network: Some(arm.models[&scale].graph().unwrap().digest()),
                    data: "0123456789abcdef".into(),
                    commit: Some("abcdef0".into()),
                    begun_by: Vec::new(),
                    diverged: None,
                    backend: "cpu-f32".into(),
                    machine: "a machine".into(),
                    date: "1970-01-01".into(),
                    seconds: 7.3,
                    curve: Curve {
                        losses: vec![2.3 + key.uniform(99) as f32 / 5.0; steps as usize],
                        epochs: (0..recipe.epochs).map(epoch).collect(),
                    },
                });
            }
        }
    }
    runs
}

fn rendered(experiments: &[Experiment], runs: &[Trained]) -> Vec<Page> {
    let training = Training::new(experiments.to_vec(), runs.to_vec());
    render(
        &[],
        &[],
        &training,
        &[],
        &provenance(),
        &Registry::builtin(),
    )
    .unwrap()
}

fn page<'a>(pages: &'a [Page], file: &str) -> &'a str {
    let page = pages.iter().find(|page| page.file == file);
    &page.unwrap_or_else(|| panic!("there is no {file}")).html
}

fn pages_hold() {
    let experiment = made_up();
    let pages = rendered(std::slice::from_ref(&experiment), &runs(&experiment));
    lead_somewhere(&pages);
    stand_alone(&pages);
    let overview = page(&pages, "index.html");
    assert!(overview.contains("What each accident costs"));
    let html = page(&pages, "experiment-made-up.html");
    // at both scales a loss, an error, contrasts and a printed number
    assert_eq!(html.matches("<figure").count(), 8, "{html}");
    assert!(html.contains("<em>arms</em>") && !html.contains("NaN"));
    assert!(html.contains("quick scale: answers only claims about that scale"));
    // a question whose arm is not run at the quick scale is not asked there
    assert!(html.contains("id=\"full-deeper\"") && !html.contains("id=\"quick-deeper\""));
}

fn deterministic() {
    let experiment = made_up();
    let mut runs = runs(&experiment);
    let experiments = std::slice::from_ref(&experiment);
    let pages = rendered(experiments, &runs);
    runs.reverse();
    assert_eq!(pages, rendered(experiments, &runs));
}

fn hostile() {
    const EVIL: &str = "<script>alert('1')</script> \"quoted\" & <img src=x onerror=alert(1)> \u{1b}[2J\n\u{202e}\u{ffff}\u{9b}";
    let mut experiment = made_up();
    let title = format!("{EVIL} title");
    experiment.name = format!("../../{EVIL}");
    experiment.title = title.clone();
    experiment.source = title.clone();
    experiment.about = format!("{EVIL} [a](javascript:alert(1)) ![b](http://c/d.png)");
    for arm in &mut experiment.arms {
        arm.title = format!("{EVIL} arm");
        for recipe in arm.recipes.values_mut() {
            recipe.model = format!("{EVIL} {}", arm.name);
        }
    }
    for question in &mut experiment.questions {
        question.name = format!("{EVIL} {}", question.name);
        question.says = format!("{EVIL} says");
    }
    experiment.published = repeating("0.5").published;
    for published in &mut experiment.published {
        published.paper = format!("{EVIL} paper");
        published.table = format!("{EVIL} table");
        published.differences = vec![format!("{EVIL} difference")];
        for result in &mut published.results {
            result.cell = format!("{EVIL} cell");
        }
    }
    let mut runs = runs(&experiment);
    for run in &mut runs {
        run.machine = EVIL.into();
        run.date = EVIL.into();
        run.data = EVIL.into();
        run.commit = Some(EVIL.into());
    }
    let all: Vec<&Trained> = runs.iter().collect();
    let asked = experiment.questions.iter();
    let answers: Vec<Answer> = asked.map(|one| experiment::answer(one, &all)).collect();
    let text = answers_text(&answers) + &published_text(&experiment, &runs);
    assert!(text.contains("paper") && text.contains("cell"));
    assert_eq!(visible::text(&text), text);
    assert!(!text.contains("\n\\u202E"), "{text}");
    let pages = rendered(&[experiment], &runs);
    lead_somewhere(&pages);
    stand_alone(&pages);
    for page in &pages {
        let harmless = page
            .file
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
        assert!(harmless && !page.file.starts_with('.'), "{}", page.file);
        assert!(!page.html.contains("<img"), "{}", page.file);
        assert!(visible::text(&page.html) == page.html, "{}", page.file);
        let links = attributes(&page.html, "href");
        assert!(links.iter().all(|link| !link.starts_with("javascript")));
    }
}

fn without_runs() {
    let pages = rendered(&[made_up()], &[]);
    assert!(
        pages
            .iter()
            .all(|page| !page.file.starts_with("experiment"))
    );
    let overview = page(&pages, "index.html");
    assert!(overview.contains("The experiment was not run."));
    let pages = rendered(&[], &[]);
    assert!(!page(&pages, "index.html").contains("experiments"));
}

/// A claim leads to the experiment and the scale of its trial, though others ask the same.
fn linked() {
    let experiment = made_up();
    let question = &experiment.questions[0].name;
    let suite = format!(
        "system = \"made\"\ntitle = \"Made\"\nmodels = []\n\n[[claim]]\nid = \"made.one\"\nsection = \"1\"\nline = 1\nsays = \"x\"\ntrial = {{ experiment = \"{}\", scale = \"quick\", questions = [\"{question}\"] }}\n",
        experiment.name
    );
    let suites = claim::parse(Path::new("made.toml"), &suite)
        .whole()
        .unwrap();
    let mut twin = experiment.clone();
    twin.name = "twin".into();
    let runs = [runs(&twin), runs(&experiment)].concat();
    let both = || vec![twin.clone(), experiment.clone()];
    let training = Training::new(both(), runs.clone());
    let registry = Registry::builtin();
    let evaluator = Evaluator::new(&registry);
    let records = check(select(&suites, None), &evaluator, &training, false, |_| {
        true
    })
    .records;
    assert_eq!(records[0].answers[0].finding, Finding::Holds);
    let rendered = |runs: Vec<Trained>| {
        let training = Training::new(both(), runs);
        let pages = render(
            &suites,
            &records,
            &training,
            &[],
            &provenance(),
            &Registry::builtin(),
        )
        .unwrap();
        lead_somewhere(&pages);
        page(&pages, "made.html").to_string()
    };
    let html = rendered(runs.clone());
    let links = attributes(&html, "href");
    let links = links
        .iter()
        .filter(|link| link.contains(".html#quick-costs"));
    assert_eq!(
        links.collect::<Vec<_>>(),
        [&"experiment-made-up.html#quick-costs"]
    );
    // without the runs the answer stays, and leads nowhere
    let html = rendered(Vec::new());
    assert!(html.contains("The accident costs accuracy."));
    assert!(!html.contains("#quick-costs"));
}

/// Runs of an experiment that there is not, and of a recipe that it does not have, are said once.
fn left_out() {
    let experiment = made_up();
    let mut own = experiment.clone();
    own.name = "own".into();
    let counting = runs(&experiment);
    let told = |others: &[Trained]| {
        let all = [counting.as_slice(), others].concat();
        let pages = rendered(std::slice::from_ref(&experiment), &all);
        lead_somewhere(&pages);
        let said = pages
            .iter()
            .map(|page| page.html.matches("not count").count());
        assert_eq!(said.sum::<usize>(), usize::from(!others.is_empty()));
        page(&pages, "index.html").to_string()
    };
    told(&[]);
    let mut others = runs(&own);
    let own = format!("{} finished runs do not count", others.len());
    assert!(told(&others).contains(&own));
    others.truncate(1);
    assert!(told(&others).contains("1 finished run does not count"));
    others[0] = counting[0].clone();
    others[0].recipe = "another".into();
    assert!(told(&others).contains("1 finished run does not count"));
}

/// One seed, one epoch, none of an arm, and a diverged run.
fn odd() {
    let experiment = made_up();
    let all = runs(&experiment);
    let shown = |runs: &[Trained]| {
        let pages = rendered(std::slice::from_ref(&experiment), runs);
        lead_somewhere(&pages);
        let html = page(&pages, "experiment-made-up.html").to_string();
        assert!(!html.contains("NaN"), "{html}");
        html
    };
    shown(&all[..1]);
    let with = |change: &dyn Fn(&mut Trained)| {
        let mut runs = all.clone();
        runs.iter_mut().for_each(change);
        runs
    };
    // of one epoch
    let short = TEXT.replace("epochs = 4", "epochs = 1");
    let short = experiment::parse(Path::new("made-up.toml"), &short, &Registry::builtin()).unwrap();
    let pages = rendered(std::slice::from_ref(&short), &runs(&short));
    lead_somewhere(&pages);
    assert!(!page(&pages, "experiment-made-up.html").contains("NaN"));
    // what its recipe contradicts is shown nowhere
    let cut = with(&|run| {
        if run.arm == "as-written" {
            run.curve = Curve::default();
        }
    });
    assert_ne!(shown(&cut), shown(&all));
    let diverged = with(&|run| {
        if run.seed == 3 && run.arm == "as-meant" {
            run.curve.epochs[2].train_loss = f64::NAN;
        }
    });
    assert!(shown(&diverged).contains("a run diverged"));
}

/// The made-up experiment, one of whose arms repeats a published error of that value.
fn repeating(value: &str) -> Experiment {
    let results = [
        format!("cell = \"single\", number = \"single-run\", value = {value}"),
        format!("cell = \"best\", number = {{ best-of = 5 }}, value = {value}"),
        format!("cell = \"drawn\", number = \"best-epoch\", read_off = true, value = {value}"),
    ];
    let results =
        results.map(|one| format!("{{ {one}, arm = \"as-meant\", metric = \"test_error\" }}"));
    let text = format!(
        "{TEXT}\n[[published]]\npaper = \"Somebody 1999\"\ntable = \"Table 1\"\ntest_images = 500\ndifferences = [\"Other shoes.\"]\nresult = [{}]",
        results.join(", ")
    );
    experiment::parse(Path::new("made-up.toml"), &text, &Registry::builtin()).unwrap()
}

/// A published result is shown with what it is, the last epochs of all runs and what would make those that are missing.
fn published() {
    let experiment = repeating("0.1");
    let shown = |experiment: &Experiment, runs: &[Trained]| {
        let pages = rendered(std::slice::from_ref(experiment), runs);
        lead_somewhere(&pages);
        stand_alone(&pages);
        let all = page(&pages, "published-results.html").to_string();
        let own = pages
            .iter()
            .find(|page| page.file == "experiment-made-up.html");
        let both = own.map(|own| all.clone() + &own.html).unwrap_or(all);
        assert!(!both.contains("NaN"), "{both}");
        both
    };
    let decides = |html: &str| {
        html.contains("The published value lies") || html.contains(">for one more run<")
    };
    let all = runs(&experiment);
    let html = shown(&experiment, &all);
    assert!(decides(&html));
    for part in [
        "Other shoes.",
        "best of 5 runs",
        "best epoch of a run, read off the figure",
        "about 10 %",
        "for the least of 5 more runs",
        "<a href=\"experiment-made-up.html#published\">",
        "test error, last epoch",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    // the errors are those of the last epoch, though others were better
    let mut other = all.clone();
    for run in &mut other {
        run.curve.epochs[0].test_error = 0.0;
    }
    let published = |html: &str| {
        html.split("Published results</h2>")
            .nth(1)
            .map(String::from)
    };
    assert_eq!(published(&shown(&experiment, &other)), published(&html));
    // last epochs are errors from 0.09 to 0.14
    for (value, side) in [("0.01", "below"), ("0.12", "within"), ("0.5", "above")] {
        let html = shown(&repeating(value), &all);
        let words = format!("The published value lies {side} the interval for one more run.");
        assert!(html.contains(&words), "{value}: {html}");
    }
    // before all runs are here nothing is said
    let some: Vec<Trained> = all.iter().filter(|run| run.seed < 3).cloned().collect();
    let html = shown(&experiment, &some);
    assert!(
        html.contains("3 of 8 runs are here")
            && html.contains("--arm as-meant --seed 3 --seed 4 --seed 5")
    );
    assert!(!decides(&html));
    let html = shown(&experiment, &[]);
    assert!(
        html.contains("No run yet.")
            && html.contains("convcheck train made-up --scale full --arm as-meant<")
    );
    // a run that diverged is named, and what the others come to decides nothing
    let mut diverged = all.clone();
    for run in diverged.iter_mut().filter(|run| run.seed == 5) {
        run.diverged = Some(Divergence {
            step: 90,
            layer: Some("stem.conv".into()),
        });
        run.curve.losses.truncate(90);
        *run.curve.losses.last_mut().unwrap() = f32::NAN;
        run.curve.epochs.truncate(4);
    }
    let html = shown(&experiment, &diverged);
    assert!(
        html.contains("1 of 8 runs diverged (seed 5 at step 90, in layer `stem.conv`)")
            && html.contains("8, 1 diverged")
    );
    assert!(!decides(&html));
    let text = published_text(&experiment, &all);
    assert!(
        text.starts_with("Somebody 1999, Table 1, single: 10 % (single run)\n"),
        "{text}"
    );
    assert_eq!(text.matches("99 % interval").count(), 3, "{text}");
    assert_eq!(published_text(&experiment, &[]), "");
    // without published results there is no such page
    let pages = rendered(&[made_up()], &all);
    assert!(
        pages
            .iter()
            .all(|page| page.file != "published-results.html")
    );
}

/// Each line of the committed records has a checksum and is as it was written, and each verdict follows from what was found.
fn whole() {
    let mut lines = 0;
    for folder in committed_folders() {
        if folder.join(record::MACHINE).exists() {
            let found = record::load(&folder).unwrap();
            assert_eq!(found.damage, []);
            lines += found.records.len();
        }
        lines += record::load_training(&folder)
            .unwrap()
            .whole()
            .unwrap()
            .len();
        lines += record::load_throughput(&folder)
            .unwrap()
            .whole()
            .unwrap()
            .len();
        for file in [record::EVIDENCE, record::TRAINING, record::THROUGHPUT] {
            let text = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
            assert!(
                text.lines().all(|line| line.starts_with("{\"sum\":\"")),
                "{file}"
            );
        }
    }
    assert!(lines > 0);
}

/// The folders of the committed records.
fn committed_folders() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(repository("reports")).unwrap();
    (folders.map(|entry| entry.unwrap().path()))
        .filter(|path| path.is_dir() && !path.ends_with("latest"))
        .collect()
}

/// Recipes, networks, data and devices of the committed runs are those of the experiments as they are now.
fn committed() {
    let experiments = experiment::embedded(&Registry::builtin()).unwrap();
    let runs = pipeline::finished_runs(&committed_folders())
        .unwrap()
        .whole()
        .unwrap();
    assert!(!runs.is_empty());
    let training = Training::new(experiments, runs.clone());
    assert_eq!(training.left_out(), []);
    assert_eq!(training.runs().len(), runs.len());
}

/// A fingerprint leaves out what stands for a default: another default would give runs of two recipes one fingerprint. A
/// key that is new comes to these; none of these changes.
fn defaults() {
    let read = |optimizer: serde_json::Value| -> serde_json::Value {
        let smallest = json!({ "model": "m", "data": "digits", "epochs": 1, "batch": 8, "optimizer": optimizer });
        let recipe: Recipe = serde_json::from_value(smallest).unwrap();
        serde_json::to_value(recipe).unwrap()
    };
    let holds = |whole: &serde_json::Value, defaults: serde_json::Value| {
        for (key, default) in defaults.as_object().unwrap() {
            assert_eq!(&whole[key], default, "{key}");
        }
    };
    let sgd = read(json!({ "sgd": { "rate": 0.1 } }));
    holds(
        &sgd,
        json!({
            "images": null, "size": null, "fit": "resize", "augment": [], "augment_evaluation": [], "normalise": "own",
            "last_batch": "keep", "order": "shuffled", "init": "torch", "norm": "torch", "schedule": "constant",
            "warm_up": 0, "smoothing": 0.0, "auxiliary": 0.0,
        }),
    );
    let steps =
        json!({ "momentum": 0.0, "nesterov": false, "weight_decay": 0.0, "decay_all": true });
    holds(&sgd["optimizer"]["sgd"], steps);
    for kind in ["adam", "adam-w"] {
        holds(
            &read(json!({ kind: { "rate": 0.1 } }))["optimizer"][kind],
            json!({ "beta1": 0.9, "beta2": 0.999, "form": "torch", "weight_decay": 0.0, "decay_all": true }),
        );
    }
}

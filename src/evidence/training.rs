//! What do the finished runs at hand say about a claim?

use crate::claim::{Scale, Trial};
use crate::digest;
use crate::experiment::{Answer, Experiment, MOST_SEEDS, Question, answer};
use crate::train::Trained;
use std::collections::{BTreeMap, BTreeSet};

/// Experiments, and finished runs that follow their recipes as they are now.
#[derive(Default)]
pub struct Training {
    experiments: Vec<Experiment>,
    runs: Vec<Trained>,
    follows: BTreeMap<Arm, Option<Follows>>,
    left_out: Vec<LeftOut>,
}

/// A finished run that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The experiment.
    pub experiment: String,
    /// At which scale.
    pub scale: Scale,
    /// The arm.
    pub arm: String,
    /// The seed.
    pub seed: u64,
    /// Why not.
    pub why: Why,
}

/// Why a finished run does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// There is no such experiment, or it has no such arm or scale.
    Unknown,
    /// It followed another recipe than its arm has now.
    Recipe,
    /// It is from before runs named their network.
    Unnamed,
    /// It trained another network than its arm has now.
    Network,
    /// No run of its recipe can be like that, for a reason.
    Contradicts(String),
    /// Its seed is none of its experiment's, or was looked at while a recipe was sought.
    Seed,
    /// It saw other data than the first run of its arm.
    Data,
    /// It was computed on another device, or in other numbers, than the first run of its experiment.
    Device,
    /// Another run of its arm and seed comes first.
    Repeated,
}

/// Experiment, scale and arm.
type Arm = (String, Scale, String);
/// Fingerprint of a recipe and digest of a network.
type Follows = (String, String);

/// What the runs of an arm follow as it is now.
fn followed(experiment: &Experiment, arm: &str, scale: Scale) -> Option<Follows> {
    let arm = experiment.arm(arm)?;
    let network = arm.models.get(&scale)?.graph().ok()?.digest();
    Some((arm.recipes.get(&scale)?.fingerprint(), network))
}

/// Why a run does not count, whatever other runs there are.
fn why_not(run: &Trained, experiment: &Experiment, follows: &Follows) -> Option<Why> {
    let (recipe, network) = follows;
    if *recipe != run.recipe {
        return Some(Why::Recipe);
    }
    match &run.network {
        None => return Some(Why::Unnamed),
        Some(own) if own != network => return Some(Why::Network),
        Some(_) => {}
    }
    let recipe = experiment
        .arm(&run.arm)
        .and_then(|arm| arm.recipes.get(&run.scale));
    if let Some(what) = run.contradiction(recipe) {
        return Some(Why::Contradicts(what));
    }
    // as many as one can ask for
    let first = experiment.seeds.get(&run.scale)?.start;
    let seeds = first..first.saturating_add(MOST_SEEDS);
    (!seeds.contains(&run.seed)).then_some(Why::Seed)
}

impl Training {
    /// Of several runs of the same arm and seed the first counts; so does, for each arm, the data set of
    /// its first run, and for each experiment and scale what its first run computed on. Runs of other
    /// experiments, or of other recipes or networks than the experiments have now, do not count, nor do those that their
    /// recipe contradicts, or seeds that were looked at while a recipe was sought.
    pub fn new(experiments: Vec<Experiment>, runs: impl IntoIterator<Item = Trained>) -> Training {
        let mut kept: BTreeMap<(Arm, u64), Trained> = BTreeMap::new();
        let mut follows: BTreeMap<Arm, Option<Follows>> = BTreeMap::new();
        let mut data: BTreeMap<Arm, String> = BTreeMap::new();
        let mut backends: BTreeMap<(String, Scale), String> = BTreeMap::new();
        let mut left_out = BTreeSet::new();
        for run in runs {
            let arm = (run.experiment.clone(), run.scale, run.arm.clone());
            let experiment = experiments.iter().find(|one| one.name == run.experiment);
            let follows = follows
                .entry(arm.clone())
                .or_insert_with(|| followed(experiment?, &run.arm, run.scale));
            let of_scale = (run.experiment.clone(), run.scale);
            let place = (arm, run.seed);
            let known = experiment.zip(follows.as_ref());
            let why = known.map_or(Some(Why::Unknown), |(experiment, follows)| {
                why_not(&run, experiment, follows)
            });
            let is_other = |first: Option<&String>, own: &String| first.is_some_and(|it| it != own);
            let why = match why {
                Some(why) => Some(why),
                None if is_other(data.get(&place.0), &run.data) => Some(Why::Data),
                None if is_other(backends.get(&of_scale), &run.backend) => Some(Why::Device),
                None => match kept.get(&place) {
                    Some(first) if first.is_same_run(&run) => continue,
                    Some(_) => Some(Why::Repeated),
                    None => None,
                },
            };
            if let Some(why) = why {
                // a run that stands in two folders is one
                left_out.insert((place, run.fingerprint(), why));
                continue;
            }
            data.insert(place.0.clone(), run.data.clone());
            backends.insert(of_scale, run.backend.clone());
            kept.insert(place, run);
        }
        let left_out = left_out.into_iter();
        Training {
            runs: kept.into_values().collect(),
            follows,
            experiments,
            left_out: left_out
                .map(|(((experiment, scale, arm), seed), _, why)| LeftOut {
                    experiment,
                    scale,
                    arm,
                    seed,
                    why,
                })
                .collect(),
        }
    }

    /// The experiments.
    pub fn experiments(&self) -> &[Experiment] {
        &self.experiments
    }

    /// The experiment of that name.
    pub fn experiment(&self, name: &str) -> Option<&Experiment> {
        self.experiments.iter().find(|known| known.name == name)
    }

    /// The runs that count, by experiment, scale, arm and seed.
    pub fn runs(&self) -> &[Trained] {
        &self.runs
    }

    /// The runs that do not count, by experiment, scale, arm and seed.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// What the runs answer to the questions of a trial; nothing if there are none of its experiment at
    /// its scale.
    ///
    /// # Errors
    /// An experiment or a question that there is not.
    pub fn answers(&self, trial: &Trial) -> Result<Vec<Answer>, String> {
        let Trial {
            experiment: name,
            scale,
            questions,
        } = trial;
        let Some(experiment) = self.experiment(name) else {
            return Err(format!(
                "there is no experiment `{name}`; `convcheck list experiments` shows all"
            ));
        };
        if !experiment.seeds.contains_key(scale) {
            return Err(format!("experiment `{name}` has no {} scale", scale.name()));
        }
        let runs: Vec<&Trained> = (self.runs.iter())
            .filter(|run| run.experiment == *name && run.scale == *scale)
            .collect();
        let mut answers = Vec::new();
        for asked in questions {
            let Some(question) = experiment.question(asked) else {
                return Err(format!("experiment `{name}` has no question `{asked}`"));
            };
            if !question.is_asked_at(*scale) {
                let scale = scale.name();
                return Err(format!(
                    "question `{asked}` of experiment `{name}` is not asked at the {scale} scale"
                ));
            }
            answers.push(answer(question, &runs));
        }
        Ok(if runs.is_empty() { Vec::new() } else { answers })
    }

    /// Digest of what a trial asks, and of the recipes and networks that it asks about, as they are now; nothing if
    /// there is no such experiment or question. Which runs there are changes nothing.
    pub fn means(&self, trial: &Trial) -> Option<String> {
        let experiment = self.experiment(&trial.experiment)?;
        let asked = trial.questions.iter();
        let asked: Vec<&Question> = asked
            .map(|name| experiment.question(name))
            .collect::<Option<_>>()?;
        let rules: Vec<_> = (asked.iter())
            .map(|of| {
                let (metric, rule) = (of.metric.to_string(), of.rule.to_string());
                (&of.says, metric, rule, of.scale)
            })
            .collect();
        let arms: BTreeSet<&str> = asked.iter().flat_map(|of| of.rule.arms()).collect();
        let follows: Vec<_> = (arms.iter())
            .map(|arm| self.follows(experiment, arm, trial.scale))
            .collect();
        Some(digest::of_json(&(rules, arms, follows)))
    }

    /// What the runs of an arm follow.
    fn follows(&self, experiment: &Experiment, arm: &str, scale: Scale) -> Option<Follows> {
        let known = (self.follows).get(&(experiment.name.clone(), scale, arm.to_string()));
        known.map_or_else(|| followed(experiment, arm, scale), Clone::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Curve, Epoch};
    use crate::zoo::Model;
    use crate::zoo::Registry;
    use std::path::Path;

    const TEXT: &str = r#"
name = "e"
title = "t"
source = "s"
recipe = { model = "resnet20_digits", data = "digits", batch = 8, epochs = 1, optimizer = { sgd = { rate = 0.1 } } }
quick = { seeds = 2, first_seed = 10 }
arm = [{ name = "a", title = "a" }, { name = "b", title = "b" }]
"#;

    fn run(arm: &str, seed: u64) -> Trained {
        let experiment = experiment();
        let recipe = &experiment.arms[0].recipes[&Scale::Quick];
        let network = experiment.arms[0].models[&Scale::Quick]
            .graph()
            .unwrap()
            .digest();
        Trained {
            experiment: experiment.name,
            scale: Scale::Quick,
            arm: arm.into(),
            seed,
            model: "m".into(),
            recipe: recipe.fingerprint(),
            network: Some(network),
            data: "d".into(),
            commit: None,
            begun_by: Vec::new(),
            diverged: None,
            backend: "cpu-f32".into(),
            machine: "a machine".into(),
            date: "1970-01-01".into(),
            seconds: 1.0,
            curve: Curve {
                losses: vec![2.0; 1297_usize.div_ceil(8)],
                epochs: vec![Epoch {
                    train_loss: 1.0,
                    train_error: 0.5,
                    test_loss: 1.0,
                    test_error: 0.5,
                    validation_error: None,
                }],
            },
        }
    }

    fn experiment() -> Experiment {
        crate::experiment::parse(Path::new("e.toml"), TEXT, &Registry::builtin()).unwrap()
    }

    #[test]
    fn what_does_not_count_is_left_out_and_counted() {
        let with = |change: &dyn Fn(&mut Trained)| {
            let mut run = run("a", 12);
            change(&mut run);
            run
        };
        let contradicts = |what: &str| Why::Contradicts(what.into());
        for (other, why) in [
            (with(&|run| run.experiment = "own".into()), Why::Unknown),
            (with(&|run| run.scale = Scale::Full), Why::Unknown),
            (with(&|run| run.arm = "c".into()), Why::Unknown),
            (with(&|run| run.recipe = "r".into()), Why::Recipe),
            (
                with(&|run| run.network = Some("another".into())),
                Why::Network,
            ),
            (with(&|run| run.network = None), Why::Unnamed),
            (with(&|run| run.backend = "cuda-bf16".into()), Why::Device),
            (with(&|run| run.data = "other".into()), Why::Data),
            (with(&|run| run.seed = 9), Why::Seed),
            (with(&|run| run.seed = 10 + MOST_SEEDS), Why::Seed),
            (
                with(&|run| {
                    run.seed = 10;
                    run.curve.losses[0] = 3.0;
                }),
                Why::Repeated,
            ),
            (
                with(&|run| run.curve.losses.truncate(3)),
                contradicts("it has 3 losses, its recipe takes 163 steps"),
            ),
            (
                with(&|run| run.curve.epochs.clear()),
                contradicts("it has 0 epochs, its recipe takes 1"),
            ),
            (
                with(&|run| run.curve.epochs[0].test_error = 99.0),
                contradicts("its test_error in epoch 1 is 99, must be a share from 0 to 1"),
            ),
            (
                with(&|run| run.seconds = -5.0),
                contradicts("it took -5 seconds"),
            ),
        ] {
            let runs = [
                run("b", 11),
                run("a", 11),
                run("a", 10),
                other.clone(),
                other,
            ];
            let training = Training::new(vec![experiment()], runs);
            let counts = [run("a", 10), run("a", 11), run("b", 11)];
            assert_eq!(training.runs(), counts);
            let [left_out] = training.left_out() else {
                panic!("{:?} for {why:?}", training.left_out())
            };
            assert_eq!(left_out.why, why);
        }
    }

    /// Dropout that changes in a description disowns the runs of that network, and no others.
    #[test]
    fn another_network_under_the_same_name_has_no_runs() {
        let registry = Registry::builtin();
        let mut experiment = experiment();
        let with_dropout = registry.find("vgg_a_digits").unwrap();
        experiment.arms[0]
            .models
            .insert(Scale::Quick, with_dropout.clone());
        let digest = |model: &Model| model.graph().unwrap().digest();
        let with_network = |arm, model: &Model| {
            let mut run = run(arm, 11);
            run.network = Some(digest(model));
            run
        };
        let other = &experiment.arms[1].models[&Scale::Quick];
        let runs = [with_network("a", &with_dropout), with_network("b", other)];
        let training = Training::new(vec![experiment.clone()], runs.clone());
        assert_eq!((training.runs(), training.left_out().len()), (&runs[..], 0));
        let mut without = registry.find("vgg_a_no_dropout_digits").unwrap();
        without.name.clone_from(&with_dropout.name);
        experiment.arms[0].models.insert(Scale::Quick, without);
        let training = Training::new(vec![experiment], runs.clone());
        assert_eq!(
            (training.runs(), training.left_out().len()),
            (&runs[1..], 1)
        );
    }

    #[test]
    fn of_a_seed_the_first_run_counts() {
        let mut again = run("a", 10);
        again.date = "1970-01-02".into();
        let training = Training::new(vec![experiment()], [run("a", 10), again]);
        assert_eq!(
            (training.runs(), training.left_out().len()),
            (&[run("a", 10)][..], 0)
        );
    }
}

//! What do the finished runs at hand say about a claim?

use crate::claim::{Scale, Trial};
use crate::digest;
use crate::experiment::{Answer, Experiment, Question, answer};
use crate::train::Trained;
use std::collections::{BTreeMap, BTreeSet};

/// Experiments, and finished runs that follow their recipes as they are now.
#[derive(Default)]
pub struct Training {
    experiments: Vec<Experiment>,
    runs: Vec<Trained>,
    follows: BTreeMap<Arm, Option<Follows>>,
    left_out: usize,
    unnamed: usize,
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

impl Training {
    /// Of several runs of the same arm and seed the first counts; so does, for each arm, the data set of
    /// its first run, and for each experiment and scale what its first run computed on. Runs of other
    /// experiments, or of other recipes or networks than the experiments have now, do not count, nor do seeds
    /// that were looked at while a recipe was sought.
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
            let is_followed = follows.as_ref().is_some_and(|(recipe, network)| {
                *recipe == run.recipe && Some(network) == run.network.as_ref()
            });
            let looked_at = experiment
                .and_then(|experiment| experiment.seeds.get(&run.scale))
                .is_some_and(|seeds| run.seed < seeds.start);
            let of_scale = (run.experiment.clone(), run.scale);
            if !is_followed
                || looked_at
                || data.get(&arm).is_some_and(|data| *data != run.data)
                || (backends.get(&of_scale)).is_some_and(|backend| *backend != run.backend)
            {
                // a run that stands in two folders is one
                left_out.insert((arm, run.seed, run.fingerprint()));
                continue;
            }
            data.insert(arm.clone(), run.data.clone());
            backends.insert(of_scale, run.backend.clone());
            kept.entry((arm, run.seed)).or_insert(run);
        }
        Training {
            runs: kept.into_values().collect(),
            follows,
            experiments,
            unnamed: (left_out.iter())
                .filter(|(_, _, fingerprint)| fingerprint.network.is_none())
                .count(),
            left_out: left_out.len(),
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

    /// How many runs do not count, since they are of another experiment, recipe, network, data set or
    /// device, or of a seed that was looked at before.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// How many of those are from before runs named their network.
    pub fn unnamed(&self) -> usize {
        self.unnamed
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
    use crate::train::Curve;
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
            backend: "cpu-f32".into(),
            machine: "a machine".into(),
            date: "1970-01-01".into(),
            seconds: 1.0,
            curve: Curve::default(),
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
        for other in [
            with(&|run| run.experiment = "own".into()),
            with(&|run| run.scale = Scale::Full),
            with(&|run| run.arm = "c".into()),
            with(&|run| run.recipe = "r".into()),
            with(&|run| run.network = Some("another".into())),
            with(&|run| run.network = None),
            with(&|run| run.backend = "cuda-bf16".into()),
            with(&|run| run.data = "other".into()),
            with(&|run| run.seed = 9),
        ] {
            let runs = [
                run("b", 11),
                run("a", 11),
                other.clone(),
                run("a", 10),
                other,
            ];
            let training = Training::new(vec![experiment()], runs);
            let counts = [run("a", 10), run("a", 11), run("b", 11)];
            assert_eq!((training.runs(), training.left_out()), (&counts[..], 1));
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
        assert_eq!((training.runs(), training.left_out()), (&runs[..], 0));
        let mut without = registry.find("vgg_a_no_dropout_digits").unwrap();
        without.name.clone_from(&with_dropout.name);
        experiment.arms[0].models.insert(Scale::Quick, without);
        let training = Training::new(vec![experiment], runs.clone());
        assert_eq!((training.runs(), training.left_out()), (&runs[1..], 1));
    }

    #[test]
    fn of_a_seed_the_first_run_counts() {
        let mut again = run("a", 10);
        again.date = "1970-01-02".into();
        let training = Training::new(vec![experiment()], [run("a", 10), again]);
        assert_eq!(
            (training.runs(), training.left_out()),
            (&[run("a", 10)][..], 0)
        );
    }
}

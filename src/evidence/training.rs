//! What do the finished runs at hand say about a claim?

use crate::claim::{Scale, Trial};
use crate::experiment::{Answer, Experiment, answer};
use crate::train::Trained;
use std::collections::{BTreeMap, BTreeSet};

/// Experiments, and finished runs that follow their recipes as they are now.
#[derive(Default)]
pub struct Training {
    experiments: Vec<Experiment>,
    runs: Vec<Trained>,
    left_out: usize,
}

impl Training {
    /// Of several runs of the same arm and seed the first counts; so does, for each arm, the data set of
    /// its first run. Runs of other experiments or of other recipes than the experiments have now do not
    /// count, nor do seeds that were looked at while a recipe was sought.
    pub fn new(experiments: Vec<Experiment>, runs: impl IntoIterator<Item = Trained>) -> Training {
        let recipes: BTreeMap<(&str, &str, Scale), String> = (experiments.iter())
            .flat_map(|experiment| {
                let arms = experiment.arms.iter();
                arms.flat_map(move |arm| {
                    let of_scale = |(&scale, recipe): (&Scale, &crate::train::Recipe)| {
                        ((&*experiment.name, &*arm.name, scale), recipe.fingerprint())
                    };
                    arm.recipes.iter().map(of_scale)
                })
            })
            .collect();
        let mut kept: BTreeMap<(String, Scale, String, u64), Trained> = BTreeMap::new();
        let mut data: BTreeMap<(String, Scale, String), String> = BTreeMap::new();
        let mut left_out = BTreeSet::new();
        for run in runs {
            let recipe = recipes.get(&(&*run.experiment, &*run.arm, run.scale));
            let arm = (run.experiment.clone(), run.scale, run.arm.clone());
            let of_arm = data.get(&arm).unwrap_or(&run.data);
            let looked_at = (experiments.iter())
                .filter(|experiment| experiment.name == run.experiment)
                .filter_map(|experiment| experiment.seeds.get(&run.scale))
                .any(|seeds| run.seed < seeds.start);
            if recipe != Some(&run.recipe) || *of_arm != run.data || looked_at {
                // a run that stands in two folders is one
                left_out.insert((arm, run.seed, run.recipe, run.data));
                continue;
            }
            data.insert(arm, run.data.clone());
            let key = (run.experiment.clone(), run.scale, run.arm.clone(), run.seed);
            kept.entry(key).or_insert(run);
        }
        Training {
            runs: kept.into_values().collect(),
            experiments,
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

    /// How many runs do not count, since they are of another experiment, recipe or data set, or of a seed
    /// that was looked at before.
    pub fn left_out(&self) -> usize {
        self.left_out
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Curve;
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
        Trained {
            experiment: experiment.name,
            scale: Scale::Quick,
            arm: arm.into(),
            seed,
            model: "m".into(),
            recipe: recipe.fingerprint(),
            data: "d".into(),
            commit: None,
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

//! What do the finished runs at hand say about a claim?

use crate::claim::{Scale, Trial};
use crate::experiment::{Answer, Experiment, answer};
use crate::train::Trained;
use std::collections::BTreeMap;

/// Experiments, and finished runs that follow their recipes as they are now.
#[derive(Default)]
pub struct Training {
    experiments: Vec<Experiment>,
    runs: Vec<Trained>,
    stale: usize,
}

impl Training {
    /// Of several runs of the same arm and seed the first counts; so does, for each arm, the data set of
    /// its first run. Runs of other recipes than the experiments have now do not count, nor do seeds that
    /// were looked at while a recipe was sought.
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
        let mut stale = 0;
        for run in runs {
            let recipe = recipes.get(&(&*run.experiment, &*run.arm, run.scale));
            let arm = (run.experiment.clone(), run.scale, run.arm.clone());
            let of_arm = data.get(&arm).unwrap_or(&run.data);
            let looked_at = (experiments.iter())
                .filter(|experiment| experiment.name == run.experiment)
                .filter_map(|experiment| experiment.seeds.get(&run.scale))
                .any(|seeds| run.seed < seeds.start);
            if recipe != Some(&run.recipe) || *of_arm != run.data || looked_at {
                stale += 1;
                continue;
            }
            data.insert(arm, run.data.clone());
            let key = (run.experiment.clone(), run.scale, run.arm.clone(), run.seed);
            kept.entry(key).or_insert(run);
        }
        Training {
            runs: kept.into_values().collect(),
            experiments,
            stale,
        }
    }

    /// The experiments.
    pub fn experiments(&self) -> &[Experiment] {
        &self.experiments
    }

    /// The runs that count, by experiment, scale, arm and seed.
    pub fn runs(&self) -> &[Trained] {
        &self.runs
    }

    /// How many runs were left out, since they follow another recipe, other data or a seed
    /// that was looked at before.
    pub fn stale(&self) -> usize {
        self.stale
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
        let named = self.experiments.iter().find(|known| known.name == *name);
        let Some(experiment) = named else {
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

//! Which runs belong to which arm of which experiment?

use super::super::RenderError;
use crate::experiment::{Answer, Arm, Experiment, Question, Rule, answer};
use crate::train::{Recipe, Scale, Trained};
use std::collections::BTreeMap;

/// An experiment that has runs.
pub(in crate::report) struct Gathered<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// Its scales that have runs.
    pub scales: Vec<AtScale<'a>>,
}

/// An experiment at one scale.
pub(in crate::report) struct AtScale<'a> {
    /// The scale.
    pub scale: Scale,
    /// Its arms that have runs.
    pub arms: Vec<Runs<'a>>,
    /// What the runs say to each question that is asked at this scale.
    pub asked: Vec<Asked<'a>>,
    /// How many runs followed another recipe than the experiment has now, or belong to no arm.
    pub others: usize,
}

/// A question with its answer.
pub(in crate::report) struct Asked<'a> {
    /// The question.
    pub question: &'a Question,
    /// The answer.
    pub answer: Answer,
}

impl Asked<'_> {
    /// Whether it is about a printed number.
    pub fn is_printed(&self) -> bool {
        matches!(self.question.rule, Rule::Printed { .. })
    }
}

/// The runs of an arm.
pub(in crate::report) struct Runs<'a> {
    /// The arm.
    pub arm: &'a Arm,
    /// How they were trained.
    pub recipe: &'a Recipe,
    /// By seed, the first run of each.
    pub by_seed: BTreeMap<u64, &'a Trained>,
}

impl<'a> AtScale<'a> {
    /// The runs of the arm of that name.
    pub fn arm(&self, name: &str) -> Option<&Runs<'a>> {
        self.arms.iter().find(|runs| runs.arm.name == name)
    }

    /// How many seeds the arm with most has.
    pub fn seeds(&self) -> usize {
        let seeds = self.arms.iter().map(|runs| runs.by_seed.len());
        seeds.max().unwrap_or_default()
    }
}

/// The experiments that have runs, in their order.
///
/// # Errors
/// [`RenderError::NoExperiment`] for a run of none of them.
pub(in crate::report) fn gather<'a>(
    experiments: &'a [Experiment],
    trained: &'a [Trained],
) -> Result<Vec<Gathered<'a>>, RenderError> {
    let known = |name: &str| experiments.iter().any(|one| one.name == name);
    if let Some(run) = trained.iter().find(|run| !known(&run.experiment)) {
        return Err(RenderError::NoExperiment(run.experiment.clone()));
    }
    let gathered = experiments.iter().map(|experiment| Gathered {
        experiment,
        scales: [Scale::Full, Scale::Quick]
            .into_iter()
            .filter_map(|scale| at_scale(experiment, scale, trained))
            .collect(),
    });
    Ok(gathered.filter(|one| !one.scales.is_empty()).collect())
}

fn at_scale<'a>(
    experiment: &'a Experiment,
    scale: Scale,
    trained: &'a [Trained],
) -> Option<AtScale<'a>> {
    let here = |run: &&Trained| run.experiment == experiment.name && run.scale == scale;
    let all = trained.iter().filter(here).count();
    let mut counted = 0;
    let mut arms = Vec::new();
    for arm in &experiment.arms {
        let Some(recipe) = arm.recipes.get(&scale) else {
            continue;
        };
        let fingerprint = recipe.fingerprint();
        let mut by_seed = BTreeMap::new();
        for run in trained.iter().filter(here) {
            if run.arm == arm.name && run.recipe == fingerprint {
                counted += 1;
                by_seed.entry(run.seed).or_insert(run);
            }
        }
        if !by_seed.is_empty() {
            arms.push(Runs {
                arm,
                recipe,
                by_seed,
            });
        }
    }
    let runs: Vec<&Trained> = arms
        .iter()
        .flat_map(|runs| runs.by_seed.values().copied())
        .collect();
    let has = |name: &str| {
        let arm = experiment.arm(name);
        arm.is_some_and(|arm| arm.recipes.contains_key(&scale))
    };
    let asked = experiment.questions_at(scale);
    let asked = asked.filter(|question| question.rule.arms().all(has));
    (all > 0).then(|| AtScale {
        scale,
        asked: asked
            .map(|question| Asked {
                question,
                answer: answer(question, &runs),
            })
            .collect(),
        arms,
        others: all - counted,
    })
}

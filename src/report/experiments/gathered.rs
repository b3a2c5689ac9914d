//! Which runs belong to which arm of which experiment?

use crate::claim::Claim;
use crate::experiment::{Answer, Arm, Experiment, Question, Rule, answer};
use crate::report::Report;
use crate::train::{Recipe, Scale, Trained};
use std::collections::{BTreeMap, BTreeSet};

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
    /// By seed.
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

/// The experiments that a report shows: all, or those of the author's own and those that claims ask for.
pub(super) fn shown<'a>(report: &Report<'a>) -> Vec<&'a Experiment> {
    let claims = report.suites.iter().flat_map(|suite| &suite.claims);
    let asked: BTreeSet<&str> = (claims.filter_map(Claim::trial))
        .map(|trial| trial.experiment.as_str())
        .collect();
    let is_shown = |one: &&Experiment| {
        report.document.every_model || !one.is_embedded() || asked.contains(&*one.name)
    };
    let experiments = report.training.experiments().iter();
    experiments.filter(is_shown).collect()
}

/// Those of them that have runs, in their order.
pub(in crate::report) fn gather<'a>(report: &Report<'a>) -> Vec<Gathered<'a>> {
    let gathered = shown(report).into_iter().map(|experiment| Gathered {
        experiment,
        scales: [Scale::Full, Scale::Quick]
            .into_iter()
            .filter_map(|scale| at_scale(experiment, scale, report.training.runs()))
            .collect(),
    });
    gathered.filter(|one| !one.scales.is_empty()).collect()
}

fn at_scale<'a>(
    experiment: &'a Experiment,
    scale: Scale,
    trained: &'a [Trained],
) -> Option<AtScale<'a>> {
    let here = |run: &&Trained| run.experiment == experiment.name && run.scale == scale;
    let runs: Vec<&Trained> = trained.iter().filter(here).collect();
    let of_arm = |arm: &'a Arm| {
        let of_arm = runs.iter().filter(|run| run.arm == arm.name);
        Some(Runs {
            arm,
            recipe: arm.recipes.get(&scale)?,
            by_seed: of_arm.map(|run| (run.seed, *run)).collect(),
        })
    };
    let arms = experiment.arms.iter().filter_map(of_arm);
    let has = |name: &str| {
        let arm = experiment.arm(name);
        arm.is_some_and(|arm| arm.recipes.contains_key(&scale))
    };
    let asked = experiment.questions_at(scale);
    let asked = asked.filter(|question| question.rule.arms().all(has));
    (!runs.is_empty()).then(|| AtScale {
        scale,
        asked: asked
            .map(|question| Asked {
                question,
                answer: answer(question, &runs),
            })
            .collect(),
        arms: arms.filter(|runs| !runs.by_seed.is_empty()).collect(),
    })
}

//! What do finished runs say to a question?

use super::{Question, Rule, Side};
use crate::stats::{self, Interval, LEVEL};
use crate::train::Trained;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Fewer pairs than this decide nothing.
const FEWEST_PAIRS: usize = 8;
/// Fewer runs than this decide nothing about a printed number.
const FEWEST_RUNS: usize = 5;

/// What runs say to a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The question.
    pub question: String,
    /// What it asks.
    pub says: String,
    /// What was looked at.
    pub metric: String,
    /// The rule, in words.
    pub rule: String,
    /// The seeds that count: those whose value is a number.
    pub seeds: Vec<u64>,
    /// The value of each: the contrast, or the arm's own.
    pub values: Vec<f64>,
    /// Their mean; 0 if there are none.
    pub mean: f64,
    /// Where the mean lies; for a printed number where one more run would.
    pub interval: Option<Interval>,
    /// The bound, or the printed number.
    pub bound: f64,
    /// The mean's distance from the bound in standard deviations of the values.
    pub effect: Option<f64>,
    /// What follows.
    pub finding: Finding,
}

impl Answer {
    /// Whether it is one to this question as it is asked now, whatever runs there are.
    pub fn is_to(&self, question: &Question) -> bool {
        // the rule in words has its bound
        let asked = (
            &question.says,
            question.metric.to_string(),
            question.rule.to_string(),
        );
        (&self.says, self.metric.clone(), self.rule.clone()) == asked
    }
}

/// What follows from runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// It is so.
    Holds,
    /// It is not so.
    Fails,
    /// Too little evidence, and how much would likely do.
    Open(String),
}

/// Holds runs of one experiment at one scale against a question; each seed once.
///
/// A run that diverged, so that its value is no number, leaves the question open: to go by the others
/// would be to choose runs by how they ended.
pub fn answer(question: &Question, runs: &[&Trained]) -> Answer {
    let all = values(question, runs);
    let ran = all.len();
    let numbers = all.into_iter().filter(|(_, value)| value.is_finite());
    let (seeds, values): (Vec<u64>, Vec<f64>) = numbers.unzip();
    let (bound, interval) = match &question.rule {
        Rule::Contrast { bound, .. } => (*bound, stats::mean_interval(&values, LEVEL)),
        Rule::Printed { value, images, .. } => {
            let p = stats::mean(&values).clamp(0.0, 1.0);
            let own = images.map_or(0.0, |n| stats::binomial_variance(p, n));
            (*value, stats::prediction_interval(&values, LEVEL, own))
        }
    };
    let mean = stats::mean(&values);
    let deviation = stats::deviation(&values);
    let effect = Some((mean - bound) / deviation).filter(|effect| effect.is_finite());
    let finding = match &question.rule {
        _ if values.len() < ran => Finding::Open(format!(
            "{} of {ran} seeds diverged: their value is no number{}",
            ran - values.len(),
            first_of_diverged(question, runs)
        )),
        Rule::Contrast { side, .. } => contrast(&values, bound, *side),
        Rule::Printed { .. } => printed(&values, interval, bound),
    };
    Answer {
        question: question.name.clone(),
        says: question.says.clone(),
        metric: question.metric.to_string(),
        rule: question.rule.to_string(),
        seeds,
        values,
        mean: if mean.is_finite() { mean } else { 0.0 },
        // beyond all numbers it lies nowhere
        interval: interval.filter(|Interval { low, high }| low.is_finite() && high.is_finite()),
        bound,
        effect,
        finding,
    }
}

/// By seed, the value that the rule looks at, where all its arms have been run.
fn values(question: &Question, runs: &[&Trained]) -> BTreeMap<u64, f64> {
    let of = |arm: &str, seed: u64| {
        let run = runs.iter().find(|run| run.arm == arm && run.seed == seed)?;
        match run.divergence() {
            Some(_) => Some(f64::NAN),
            None => question.metric.of(&run.curve),
        }
    };
    let value = |seed: u64| match &question.rule {
        Rule::Contrast { arms, .. } => {
            let parts = arms
                .iter()
                .map(|(arm, factor)| Some(factor * of(arm, seed)?));
            parts.sum::<Option<f64>>()
        }
        Rule::Printed { arm, .. } => of(arm, seed),
    };
    let seeds = runs.iter().map(|run| run.seed);
    seeds
        .filter_map(|seed| Some((seed, value(seed)?)))
        .collect()
}

/// The first of a question's runs that diverged, and where.
fn first_of_diverged(question: &Question, runs: &[&Trained]) -> String {
    let of_arm = |arm: &str| {
        let own = runs.iter().filter(|run| run.arm == arm);
        let diverged = own.filter_map(|run| Some((run.seed, run.divergence()?)));
        let first = diverged.min_by_key(|(seed, _)| *seed)?;
        Some(format!("{arm}, seed {}, {}", first.0, first.1))
    };
    let arms: Vec<String> = question.rule.arms().filter_map(of_arm).collect();
    match arms.is_empty() {
        true => String::new(),
        false => format!(" ({})", arms.join("; ")),
    }
}

fn contrast(values: &[f64], bound: f64, side: Side) -> Finding {
    let n = values.len();
    if n < FEWEST_PAIRS {
        return Finding::Open(format!("{n} seeds; {FEWEST_PAIRS} are the fewest"));
    }
    match (stats::side(values, bound, LEVEL), side) {
        (Some(Ordering::Greater), Side::Above) | (Some(Ordering::Less), Side::Below) => {
            Finding::Holds
        }
        (Some(_), _) => Finding::Fails,
        (None, _) => Finding::Open(match more(values, bound) {
            Some(needed) => format!(
                "{n} seeds do not decide; if the difference is what it seems, about {needed} would"
            ),
            None => format!("{n} seeds show no difference from the bound"),
        }),
    }
}

/// How many seeds would likely decide, where these do not.
fn more(values: &[f64], bound: f64) -> Option<u64> {
    let distance = (stats::mean(values) - bound).abs();
    let needed = stats::enough(distance, stats::deviation(values), LEVEL)?;
    Some(needed.max(values.len() as u64 + 1))
}

/// Runs without any spread say nothing of how far another one would be: they can agree with a number, but
/// not contradict it.
fn printed(values: &[f64], interval: Option<Interval>, value: f64) -> Finding {
    let n = values.len();
    let Some(Interval { low, high }) = interval.filter(|_| n >= FEWEST_RUNS) else {
        return Finding::Open(format!("{n} runs; {FEWEST_RUNS} are the fewest"));
    };
    if (low..=high).contains(&value) {
        return Finding::Holds;
    }
    match high > low {
        true => Finding::Fails,
        false => Finding::Open(format!(
            "all {n} runs gave the same, so their spread is unknown"
        )),
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Rule::Contrast { arms, side, bound } => {
                // what is added comes before what is taken away
                let (added, taken): (Vec<_>, Vec<_>) =
                    arms.iter().partition(|(_, factor)| **factor >= 0.0);
                for (i, (arm, factor)) in added.into_iter().chain(taken).enumerate() {
                    let sign = match (i, *factor < 0.0) {
                        (0, false) => "",
                        (0, true) => "-",
                        (_, false) => " + ",
                        (_, true) => " - ",
                    };
                    f.write_str(sign)?;
                    if factor.abs() != 1.0 {
                        write!(f, "{} ", factor.abs())?;
                    }
                    f.write_str(arm)?;
                }
                let side = match side {
                    Side::Above => "above",
                    Side::Below => "below",
                };
                write!(
                    f,
                    ": {:.0} % interval of the mean, paired by seed, wholly {side} {bound}",
                    100.0 * LEVEL
                )
            }
            Rule::Printed { arm, value, images } => {
                write!(
                    f,
                    "{value} within the {:.0} % interval for one more run of {arm}",
                    100.0 * LEVEL
                )?;
                match images {
                    Some(n) => write!(f, ", counted on {n} images"),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

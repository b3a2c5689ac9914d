//! Which published results do arms repeat, and what is each number?

mod format;

pub(super) use format::{PublishedFile, published};

use super::Metric;
use crate::stats::Further;
use crate::train::Scale;
use schemars::JsonSchema;
use serde::Deserialize;

/// Results in one table or figure of a publication, which arms repeat. They are no part of any recipe and decide nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// The publication.
    pub paper: String,
    /// The table or the figure.
    pub table: String,
    /// At which scale the arms repeat it.
    pub scale: Scale,
    /// How many images the arms are tested on, where that is known.
    pub test_images: Option<u64>,
    /// How the publication's recipe and the arms' differ, a sentence each.
    pub differences: Vec<String>,
    /// The results.
    pub results: Vec<PublishedResult>,
}

/// A published result and the arm that repeats it.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedResult {
    /// Where in the table or the figure it stands.
    pub cell: String,
    /// What the number is.
    pub number: PublishedNumber,
    /// Whether it is read off a figure.
    pub is_read_off: bool,
    /// The arm.
    pub arm: String,
    /// What of a run corresponds to it.
    pub metric: Metric,
    /// The number, a share where it is one.
    pub value: f64,
    /// The question whose rule holds the number.
    pub question: Option<String>,
}

/// What a published number is.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PublishedNumber {
    /// What one run came to in the end, or what no more is said of.
    SingleRun,
    /// The best epoch of one run, chosen by the number itself.
    BestEpoch,
    /// The best of so many runs.
    BestOf(u32),
    /// The median of so many runs.
    MedianOf(u32),
    /// The mean of several runs.
    MeanOf {
        /// How many.
        runs: u32,
        /// Their standard deviation, if it is published.
        deviation: Option<f64>,
    },
}

impl PublishedResult {
    /// Of which further runs it would be a number, were they like those at hand.
    pub fn further(&self) -> Further {
        match self.number {
            PublishedNumber::SingleRun | PublishedNumber::BestEpoch => Further::One,
            PublishedNumber::BestOf(k) if self.metric.is_better_larger() => Further::Largest(k),
            PublishedNumber::BestOf(k) => Further::Least(k),
            PublishedNumber::MedianOf(k) => Further::Median(k),
            PublishedNumber::MeanOf { runs, .. } => Further::Mean(runs),
        }
    }
}

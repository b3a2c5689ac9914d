//! What is to be trained, and what would decide? Experiments, read from TOML.
//!
//! An experiment trains several arms under the same seeds. Its questions, each with its rule, are
//! written down before it runs; [`answer()`] holds finished runs against one of them.

mod adopt;
mod answer;
mod data_sets;
mod estimate;
mod fault;
mod format;
mod job;
mod kept;
mod metric;
mod notice;
mod plan;
mod prepared;
mod published;
mod queue;
mod recipes;
mod status;

pub use adopt::{Adopted, adopt};
pub use answer::{Answer, Finding, answer};
pub use data_sets::DataSets;
pub use estimate::{Basis, Estimate, Wanted, estimates};
pub use fault::ExperimentFault;
pub use format::{MOST_SEEDS, parse, schema};
pub use job::{OnStep, ProgressEvent, Say};
pub use kept::{Existing, Keep};
pub use metric::Metric;
pub use notice::Notice;
pub use plan::{EMBEDDED_PLANS, LeftOut, PlannedRuns, RunPlan};
pub use prepared::{By, Job, Plan, PreparedExperiment};
pub use published::{Published, PublishedNumber, PublishedResult};
pub use queue::{Done, train_all};
pub use status::{Followed, Query, State, Status, followed, statuses, times};

use crate::claim::Location;
use crate::file;
use crate::train::{Recipe, Scale};
use crate::zoo::{Model, Registry};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ops::Range;
use std::path::Path;

/// An experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// Kebab-case name.
    pub name: String,
    /// Heading.
    pub title: String,
    /// Who asked it first: paper, section, table.
    pub source: String,
    /// Prose in Markdown that the report prints.
    pub about: String,
    /// What is compared, in order.
    pub arms: Vec<Arm>,
    /// What is asked.
    pub questions: Vec<Question>,
    /// Published results that arms repeat.
    pub published: Vec<Published>,
    /// Under which seeds each arm is trained, at each scale that the experiment has.
    pub seeds: BTreeMap<Scale, Range<u64>>,
    /// Where it is named.
    pub at: Location,
}

/// One of the things compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// Kebab-case name.
    pub name: String,
    /// What it is, for the report.
    pub title: String,
    /// The arms of one kind and several depths to which it belongs, whose errors the report draws over depth.
    pub series: Option<String>,
    /// How it is trained, at each scale that it has.
    pub recipes: BTreeMap<Scale, Recipe>,
    /// The models that the recipes name.
    pub models: BTreeMap<Scale, Model>,
}

/// A question and the rule that answers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Kebab-case name.
    pub name: String,
    /// The statement whose truth is asked.
    pub says: String,
    /// What is looked at.
    pub metric: Metric,
    /// What decides.
    pub rule: Rule,
    /// At which scale alone it is asked; at each without it.
    pub scale: Option<Scale>,
}

impl Question {
    /// Whether runs at that scale can answer it.
    pub fn is_asked_at(&self, scale: Scale) -> bool {
        self.scale.is_none_or(|only| only == scale)
    }
}

/// What decides a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// The mean, over seeds, of a sum of arms lies on one side of a bound: arms are paired by seed.
    Contrast {
        /// The factor of each arm.
        arms: BTreeMap<String, f64>,
        /// On which side.
        side: Side,
        /// The bound.
        bound: f64,
    },
    /// A printed number is one that a run of an arm could have printed.
    Printed {
        /// The arm.
        arm: String,
        /// The number.
        value: f64,
        /// If it is a share: how many images it was counted on.
        images: Option<u64>,
    },
}

impl Rule {
    /// The arms that it needs.
    pub fn arms(&self) -> impl Iterator<Item = &str> {
        let (many, one) = match self {
            Rule::Contrast { arms, .. } => (Some(arms), None),
            Rule::Printed { arm, .. } => (None, Some(arm)),
        };
        let many = many.into_iter().flat_map(BTreeMap::keys);
        many.chain(one).map(String::as_str)
    }
}

/// A side of a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Above it.
    Above,
    /// Below it.
    Below,
}

impl Experiment {
    /// Whether its name is that of one of the program's own, each in a file of its name.
    pub fn is_embedded(&self) -> bool {
        embedded_as(&self.name).is_some()
    }

    /// The arm of that name.
    pub fn arm(&self, name: &str) -> Option<&Arm> {
        self.arms.iter().find(|arm| arm.name == name)
    }

    /// The questions that runs at a scale can answer.
    pub fn questions_at(&self, scale: Scale) -> impl Iterator<Item = &Question> {
        let questions = self.questions.iter();
        questions.filter(move |question| question.is_asked_at(scale))
    }

    /// The question of that name.
    pub fn question(&self, name: &str) -> Option<&Question> {
        self.questions.iter().find(|question| question.name == name)
    }
}

/// The file of the program's own experiment of that name, and its text.
fn embedded_as(name: &str) -> Option<(&'static str, &'static str)> {
    let mut all = EMBEDDED.iter().copied();
    all.find(|(file, _)| Path::new(file).file_stem() == Some(OsStr::new(name)))
}

/// An experiment that cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct ExperimentError {
    /// File, line and column.
    pub at: Location,
    /// What is wrong and what would be right.
    pub what: String,
}

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        &[$((
            concat!("suites/experiments/", $name, ".toml"),
            include_str!(concat!("../suites/experiments/", $name, ".toml")),
        )),*]
    };
}

/// The experiments about the document, as files of this repository.
pub const EMBEDDED: &[(&str, &str)] = embedded![
    "listing-lenet5",
    "listing-vgg",
    "listing-resnet-tf",
    "listing-resnet-torch",
    "listing-pokemon",
    "listing-transfer",
    "degradation",
    "vgg-lrn",
    "vgg-depth",
    "vgg-3x3",
    "auxiliary-heads",
    "average-pooling",
    "sigmoid-relu",
    "tanh-shortcuts",
    "dropout",
    "batch-norm",
    "preactivation",
    "densenet-resnet",
    "lenet5-mnist",
];

/// An experiment that is larger is none.
const MIB: u64 = 1;

/// Reads an experiment from a file.
///
/// # Errors
/// [`ExperimentError`], at the first thing that is wrong.
pub fn load(path: &Path, registry: &Registry) -> Result<Experiment, ExperimentError> {
    let text = file::text(path, MIB).map_err(|what| ExperimentError {
        at: Location::file(path),
        what,
    })?;
    parse(path, &text, registry)
}

/// Reads the experiments about the document.
///
/// # Errors
/// [`ExperimentError`], at the first thing that is wrong.
pub fn embedded(registry: &Registry) -> Result<Vec<Experiment>, ExperimentError> {
    (EMBEDDED.iter())
        .map(|(file, text)| parse(Path::new(file), text, registry))
        .collect()
}

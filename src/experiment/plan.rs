//! Which runs of which experiments are worth a device's time, and in which order? Plans, read from TOML.

use super::recipes::Fault;
use super::{Experiment, ExperimentError, MOST_SEEDS, load};
use crate::claim::{Location, Places};
use crate::file;
use crate::nearest::{did_you_mean, suggestion};
use crate::train::Scale;
use crate::zoo::Registry;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;
use toml::Spanned;

/// Runs of several experiments, those that are worth most first.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPlan {
    /// At which scale all of them are trained.
    pub scale: Scale,
    /// The runs, in order: of each part all arms of a seed before those of the next, in the order of the experiment.
    pub parts: Vec<PlannedRuns>,
    /// What is not trained, although it could be.
    pub left_out: Vec<LeftOut>,
}

/// Runs of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRuns {
    /// The experiment.
    pub experiment: Experiment,
    /// Its arms, by name.
    pub arms: Vec<String>,
    /// The seeds of each arm.
    pub seeds: Vec<u64>,
    /// Where its data set is, within the folder of all of them, if not under its own name.
    pub data: Option<String>,
}

/// Arms that are not trained.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    /// Name of the experiment.
    pub experiment: String,
    /// Its arms, by name.
    pub arms: Vec<String>,
    /// Why not.
    pub why: String,
}

/// Runs in order of worth, as `convcheck train --plan` takes them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "convcheck plan")]
struct PlanFile {
    /// At which scale all of them are trained.
    scale: Scale,
    /// Runs, those that are worth most first.
    #[schemars(with = "Vec<RunsFile>", length(min = 1))]
    runs: Spanned<Vec<RunsFile>>,
    /// What is left out on purpose.
    #[serde(default, rename = "left-out")]
    left_out: Vec<LeftOutFile>,
}

/// Runs of an experiment: all arms of a seed before those of the next.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RunsFile {
    /// Its name, or a file of your own (NAME.toml), as seen from the plan.
    #[schemars(with = "String")]
    experiment: Spanned<String>,
    /// Those of its arms that are trained; all without it.
    #[schemars(with = "Option<Vec<String>>")]
    arms: Option<Spanned<Vec<Spanned<String>>>>,
    /// Under which seeds; without it those of the experiment.
    #[schemars(with = "Option<Vec<u64>>")]
    seeds: Option<Spanned<Vec<Spanned<u64>>>>,
    /// The folder of its data set within that of all data sets; without it the one that is called as the set is (`cifar10`).
    data: Option<String>,
}

/// Arms of an experiment that are not trained.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LeftOutFile {
    /// Its name.
    #[schemars(with = "String")]
    experiment: Spanned<String>,
    /// Its arms; all without it.
    #[schemars(with = "Option<Vec<String>>")]
    arms: Option<Spanned<Vec<Spanned<String>>>>,
    /// Why not.
    #[schemars(with = "String", length(min = 1))]
    why: Spanned<String>,
}

/// The program's own plans, as files of this repository.
pub const EMBEDDED_PLANS: &[(&str, &str)] = &[(
    "suites/plans/full-scale.toml",
    include_str!("../../suites/plans/full-scale.toml"),
)];

/// A plan that is larger is none.
const MIB: u64 = 1;

impl RunPlan {
    /// The format as a JSON Schema.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(PlanFile).to_value()
    }

    /// The plan of that name, or of that file (NAME.toml). It may ask for all of the experiments that are `known`.
    ///
    /// # Errors
    /// [`ExperimentError`], at the first thing that is wrong.
    pub fn find(
        name: &str,
        known: &[Experiment],
        registry: &Registry,
    ) -> Result<RunPlan, ExperimentError> {
        let path = Path::new(name);
        let fault = |what: String| ExperimentError {
            at: Location::file(path),
            what,
        };
        if name.ends_with(".toml") {
            let text = file::text(path, MIB).map_err(fault)?;
            return RunPlan::parse(path, &text, known, registry);
        }
        let own = || {
            let stem = |&(file, _): &(&'static str, _)| Path::new(file).file_stem()?.to_str();
            EMBEDDED_PLANS.iter().map(move |plan| (stem(plan), plan))
        };
        match own().find(|(stem, _)| *stem == Some(name)) {
            Some((_, (file, text))) => RunPlan::parse(Path::new(file), text, known, registry),
            None => {
                let names = own().filter_map(|(stem, _)| stem);
                let all = names.clone().collect::<Vec<_>>().join(", ");
                let hint = suggestion(name, names).unwrap_or_else(|| format!("there is {all}"));
                let what = format!("there is no such plan, and no file (NAME.toml); {hint}");
                Err(fault(what))
            }
        }
    }

    /// Reads a plan, which may ask for all of the experiments that are `known`, and for files beside it.
    ///
    /// # Errors
    /// [`ExperimentError`] with the line and column of the first fault.
    pub fn parse(
        file: &Path,
        text: &str,
        known: &[Experiment],
        registry: &Registry,
    ) -> Result<RunPlan, ExperimentError> {
        let fault = |(span, what): Fault| ExperimentError {
            at: Places::of(file, text).at(span.start),
            what,
        };
        let read: PlanFile = toml::from_str(text).map_err(|error| {
            let what = error.message().replace('\n', "; ");
            fault((error.span().unwrap_or(0..0), what))
        })?;
        let sight = Sight {
            file,
            scale: read.scale,
            known,
            registry,
        };
        plan(read, &sight).map_err(fault)
    }
}

fn plan(read: PlanFile, sight: &Sight) -> Result<RunPlan, Fault> {
    let mut parts: Vec<PlannedRuns> = Vec::new();
    // arms and seeds that have their place; of those that are left out the arms alone
    let (mut runs, mut arms_of_runs) = (BTreeSet::new(), BTreeSet::new());
    if read.runs.get_ref().is_empty() {
        return Err((read.runs.span(), "there are no runs in it".into()));
    }
    for of in read.runs.into_inner() {
        let span = of.experiment.span();
        let experiment = sight.experiment(&of.experiment)?;
        let other = sight
            .known
            .iter()
            .chain(parts.iter().map(|p| &p.experiment));
        if let Some(other) = (other.filter(|other| other.name == experiment.name))
            .find(|&other| *other != experiment)
        {
            let (name, at) = (&experiment.name, &other.at);
            let what = format!("there is an experiment `{name}` already: {at}");
            return Err((span, what));
        }
        let arms = sight.arms(&experiment, of.arms)?;
        let seeds = sight.seeds(&experiment, of.seeds)?;
        for arm in &arms {
            arms_of_runs.insert((experiment.name.clone(), arm.clone()));
            for &seed in &seeds {
                if !runs.insert((experiment.name.clone(), arm.clone(), seed)) {
                    let name = &experiment.name;
                    let what = format!("{name}, {arm}, seed {seed} stands in the plan before");
                    return Err((span, what));
                }
            }
        }
        parts.push(PlannedRuns {
            experiment,
            arms,
            seeds,
            data: of.data,
        });
    }
    let mut left_out = Vec::new();
    for of in read.left_out {
        let experiment = sight.experiment(&of.experiment)?;
        let arms = sight.arms(&experiment, of.arms)?;
        for arm in &arms {
            if !arms_of_runs.insert((experiment.name.clone(), arm.clone())) {
                let name = &experiment.name;
                let what = format!("{name}, {arm} is left out, and stands in the plan before");
                return Err((of.experiment.span(), what));
            }
        }
        if of.why.get_ref().trim().is_empty() {
            return Err((of.why.span(), "what is left out has a reason".into()));
        }
        left_out.push(LeftOut {
            experiment: experiment.name,
            arms,
            why: of.why.into_inner(),
        });
    }
    Ok(RunPlan {
        scale: sight.scale,
        parts,
        left_out,
    })
}

/// What a plan can name.
struct Sight<'a> {
    file: &'a Path,
    scale: Scale,
    known: &'a [Experiment],
    registry: &'a Registry,
}

impl Sight<'_> {
    fn experiment(&self, named: &Spanned<String>) -> Result<Experiment, Fault> {
        let name = named.get_ref();
        let found = if name.ends_with(".toml") {
            let beside = self.file.parent().unwrap_or(Path::new("")).join(name);
            load(&beside, self.registry).map_err(|error| error.to_string())
        } else {
            let found = self.known.iter().find(|known| known.name == *name);
            found.cloned().ok_or_else(|| {
                let names = self.known.iter().map(|known| known.name.as_str());
                let hint = did_you_mean(name, names, "convcheck list experiments");
                format!("there is no experiment `{name}`; {hint}")
            })
        };
        let found = found.map_err(|what| (named.span(), what))?;
        match found.seeds.contains_key(&self.scale) {
            true => Ok(found),
            false => {
                let what = format!("{} has no {} scale", found.name, self.scale.name());
                Err((named.span(), what))
            }
        }
    }

    /// The arms that are named, or all that the experiment has at the scale.
    fn arms(
        &self,
        experiment: &Experiment,
        named: Option<Spanned<Vec<Spanned<String>>>>,
    ) -> Result<Vec<String>, Fault> {
        let all = || {
            let arms = experiment.arms.iter();
            let of_scale = arms.filter(|arm| arm.recipes.contains_key(&self.scale));
            of_scale.map(|arm| arm.name.as_str())
        };
        let Some(named) = named else {
            return Ok(all().map(str::to_string).collect());
        };
        let span = named.span();
        let mut arms = Vec::new();
        for arm in named.into_inner() {
            let (span, arm) = (arm.span(), arm.into_inner());
            if !all().any(|known| known == arm) {
                let every = || all().collect::<Vec<_>>().join(", ");
                let hint = suggestion(&arm, all());
                let hint = hint.unwrap_or_else(|| format!("its arms: {}", every()));
                let (name, scale) = (&experiment.name, self.scale.name());
                let what = format!("{name} has no arm `{arm}` at the {scale} scale; {hint}");
                return Err((span, what));
            }
            if arms.contains(&arm) {
                return Err((span, format!("arm `{arm}` is there twice")));
            }
            arms.push(arm);
        }
        match arms.is_empty() {
            true => Err((
                span,
                "names no arm; without `arms` it is all of them".into(),
            )),
            false => Ok(arms),
        }
    }

    /// The seeds that are named, or those of the experiment.
    fn seeds(
        &self,
        experiment: &Experiment,
        named: Option<Spanned<Vec<Spanned<u64>>>>,
    ) -> Result<Vec<u64>, Fault> {
        let own = experiment.seeds.get(&self.scale).cloned().unwrap_or(0..0);
        let Some(named) = named else {
            return Ok(own.collect());
        };
        let known = own.start..own.start.saturating_add(MOST_SEEDS);
        let (span, mut seeds) = (named.span(), Vec::new());
        let mut before = BTreeSet::new();
        for seed in named.into_inner() {
            let (span, seed) = (seed.span(), seed.into_inner());
            if !known.contains(&seed) {
                let (first, last) = (known.start, known.end - 1);
                let name = &experiment.name;
                let what = format!(
                    "seed is {seed}, must be from {first} to {last}: runs of {name} count under no others"
                );
                return Err((span, what));
            }
            if !before.insert(seed) {
                return Err((span, format!("seed {seed} is there twice")));
            }
            seeds.push(seed);
        }
        match seeds.is_empty() {
            true => Err((
                span,
                "names no seed; without `seeds` it is those of the experiment".into(),
            )),
            false => Ok(seeds),
        }
    }
}

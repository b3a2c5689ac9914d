//! What do recorded timings say to a measure? The medians and ratios that the report shows.

use super::budget;
use crate::bench::{
    Engine, Platform, StepKind, Timing, What, against, best, best_of_rows, median, platforms,
    seconds,
};
use crate::few::few;
use crate::nearest::suggestion;
use std::path::PathBuf;

/// The timings that a folder records.
#[derive(Debug, Clone)]
pub struct TimedFolder {
    /// The folder, whose name is that of the record.
    pub folder: PathBuf,
    /// What it holds.
    pub timings: Vec<Timing>,
}

/// Records of timings.
#[derive(Debug, Default)]
pub struct Timings(Vec<TimedFolder>);

/// What is asked about a step of a network.
pub(super) struct Asked<'a> {
    /// As records spell it.
    pub model: String,
    pub batch: usize,
    pub step: &'a str,
    /// An engine by its name, or [`BEST`].
    pub by: &'a str,
    pub record: &'a str,
    pub platform: Option<&'a str>,
}

/// Whichever peer is best over all rounds.
const BEST: &str = "best peer";
/// So many things are named in an error.
const MOST_NAMED: usize = 8;
/// Steps of a measure that it takes to find a record, and lines of it that are looked at in another.
const STEPS_OF_A_RECORD: usize = 100;
const LINES_IN_A_STEP: usize = 20;

impl Timings {
    /// Those of these folders.
    pub fn new(folders: Vec<TimedFolder>) -> Timings {
        Timings(folders)
    }

    /// The median of all samples of an engine, in seconds.
    pub(super) fn seconds(&self, asked: &Asked) -> Result<f64, String> {
        let mut found = self.step(asked)?;
        found.narrow("by", asked.by, |timing| Some(timing.engine.name().into()))?;
        let all = found.all;
        found.only(asked.platform, |one, platform| {
            Some(median(&seconds(all, one.engine, &one.what, platform)))
        })
    }

    /// How many times as long a peer takes as this program: the median of the rounds.
    pub(super) fn speedup(&self, asked: &Asked) -> Result<f64, String> {
        let mut found = self.step(asked)?;
        let all = found.all;
        if asked.by == BEST {
            return found.only(asked.platform, |one, platform| {
                Some(best(all, &one.what, platform)?.ratio.median)
            });
        }
        let peer = |timing: &Timing| {
            let engine = Some(timing.engine).filter(|one| *one != Engine::Convcheck);
            engine.map(|engine| engine.name().to_string())
        };
        found.narrow("by the peer", asked.by, peer)?;
        found.only(asked.platform, |one, platform| {
            Some(against(all, &one.what, platform, one.engine)?.median)
        })
    }

    /// The same against the best peer of each row of a step.
    pub(super) fn speedups(
        &self,
        step: &str,
        record: &str,
        platform: Option<&str>,
    ) -> Result<Vec<f64>, String> {
        let mut found = self.record(record)?;
        found.narrow("of", step, |timing| Some(step_of(timing)?.name().into()))?;
        // a row is looked for in all lines
        look_at(found.all.len().saturating_mul(found.left.len()))?;
        let all = found.all;
        found.only(platform, |one, platform| {
            let rows = best_of_rows(all, step_of(one)?, platform);
            let ratios: Vec<f64> = rows.iter().map(|best| best.ratio.median).collect();
            (!ratios.is_empty()).then_some(ratios)
        })
    }

    /// The timings of a record.
    fn record(&self, name: &str) -> Result<Found<'_>, String> {
        budget::steps(STEPS_OF_A_RECORD as u64)?;
        let is_it = |one: &&TimedFolder| one.folder.file_name().is_some_and(|own| own == name);
        let records: Vec<&TimedFolder> = self.0.iter().filter(is_it).collect();
        match records.as_slice() {
            [] => {
                let what = format!(
                    "a record `{name}` with timings, which is in none of the folders of --runs"
                );
                Err(budget::lacking(what))
            }
            [record] => {
                look_at(record.timings.len())?;
                Ok(Found {
                    all: &record.timings,
                    left: record.timings.iter().collect(),
                    said: format!("record `{name}` has no timing"),
                })
            }
            several => {
                let folders = several.iter().map(|one| one.folder.display().to_string());
                let folders = few(&folders.collect::<Vec<_>>(), MOST_NAMED);
                Err(format!("several records are called `{name}`: {folders}"))
            }
        }
    }

    /// The timings of a step of a network, by whomever and wherever.
    fn step(&self, asked: &Asked) -> Result<Found<'_>, String> {
        let mut found = self.record(asked.record)?;
        found.narrow("of", &asked.model, |timing| match &timing.what {
            What::Network { model, .. } => Some(model.clone()),
            What::Kernel { .. } | What::Peak { .. } => None,
        })?;
        found.narrow("in", asked.step, |timing| {
            Some(step_of(timing)?.name().into())
        })?;
        found.narrow(
            "at batch",
            &asked.batch.to_string(),
            |timing| match &timing.what {
                What::Network { batch, .. } => Some(batch.to_string()),
                What::Kernel { .. } | What::Peak { .. } => None,
            },
        )?;
        Ok(found)
    }
}

fn step_of(timing: &Timing) -> Option<StepKind> {
    match timing.what {
        What::Network { step, .. } => Some(step),
        What::Kernel { .. } | What::Peak { .. } => None,
    }
}

/// Looking at so many lines of records.
fn look_at(lines: usize) -> Result<(), String> {
    budget::steps((lines / LINES_IN_A_STEP) as u64)
}

/// Timings of a record that are as asked so far.
struct Found<'a> {
    all: &'a [Timing],
    left: Vec<&'a Timing>,
    /// What is to be said if none is.
    said: String,
}

impl<'a> Found<'a> {
    /// Leaves those of which something is as wanted.
    ///
    /// # Errors
    /// One line on what there is, if none is.
    fn narrow(
        &mut self,
        of: &str,
        wanted: &str,
        is: impl Fn(&Timing) -> Option<String>,
    ) -> Result<(), String> {
        self.said += &format!(" {of} `{wanted}`");
        let mut there: Vec<String> = Vec::new();
        let mut left = Vec::new();
        for &timing in &self.left {
            match is(timing) {
                Some(own) if own == wanted => left.push(timing),
                Some(own) if !there.contains(&own) => there.push(own),
                _ => {}
            }
        }
        self.left = left;
        match self.left.is_empty() {
            false => Ok(()),
            true => Err(format!("{}; {}", self.said, instead(of, wanted, &there))),
        }
    }

    /// What is found on the only platform on which something is.
    ///
    /// # Errors
    /// One line on the platforms that there are, if it is on none or on several.
    fn only<T>(
        &self,
        wanted: Option<&str>,
        find: impl Fn(&Timing, Platform) -> Option<T>,
    ) -> Result<T, String> {
        let all = platforms(self.left.iter().copied());
        let of = all.iter().filter(|platform| {
            let words = platform.to_string();
            let has = |wanted: &str| words.split(", ").any(|word| word == wanted.trim());
            wanted.is_none_or(|wanted| wanted.split(',').all(has))
        });
        let of: Vec<&Platform> = of.collect();
        if let (Some(wanted), []) = (wanted, of.as_slice()) {
            let there = one_by_one(&all);
            return Err(format!("{} on `{wanted}`; there is {there}", self.said));
        }
        let found = of.into_iter().filter_map(|platform| {
            let one = self.left.iter().find(|one| one.platform() == *platform)?;
            Some((*platform, find(one, *platform)?))
        });
        let mut found: Vec<(Platform, T)> = found.collect();
        match (found.len(), found.pop()) {
            (1, Some((_, value))) => Ok(value),
            (_, None) => Err(format!(
                "{} in a round in which both convcheck and a peer took their turn",
                self.said
            )),
            (_, Some((last, _))) => {
                let names: Vec<Platform> =
                    found.into_iter().map(|(platform, _)| platform).collect();
                let names = one_by_one(&[&names[..], &[last]].concat());
                Err(format!(
                    "it was timed on several platforms, and a last argument says which, by some of its words: {names}"
                ))
            }
        }
    }
}

/// What there is in the place of what was asked for.
fn instead(of: &str, wanted: &str, there: &[String]) -> String {
    let like = || suggestion(wanted, there.iter().map(String::as_str));
    match there {
        [] => format!("there is none {of} anything"),
        few_names if few_names.len() <= MOST_NAMED => {
            format!("there is one {of} {}", few(few_names, MOST_NAMED))
        }
        many => like().unwrap_or_else(|| format!("there is one {of} {}", few(many, MOST_NAMED))),
    }
}

fn one_by_one(platforms: &[Platform]) -> String {
    let names: Vec<String> = (platforms.iter())
        .map(|platform| format!("`{platform}`"))
        .collect();
    few(&names, MOST_NAMED)
}

#[cfg(test)]
mod tests;

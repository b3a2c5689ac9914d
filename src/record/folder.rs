//! What stands in a report folder, and how is it written and read?

use super::growing::grow;
use super::lines::{self, Lines};
use super::runs::{RUNS, TRAINING_RUN, load_training};
use super::timings::load_throughput;
use super::{EVIDENCE, MACHINE, Provenance, Record, RecordError, THROUGHPUT, TRAINING, write};
use crate::bench::Timing;
use crate::train::Trained;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What a report folder says of claims.
#[derive(Debug, Default)]
pub struct Findings {
    /// When, where and by what claims were checked; nothing where none were, or nobody knows any more.
    pub provenance: Option<Provenance>,
    /// The claims' records that are as they were written.
    pub records: Vec<Record>,
    /// Claims that the check was to judge and could not, by id.
    pub unjudged: Vec<String>,
    /// What is wrong with the others.
    pub damage: Vec<RecordError>,
}

impl Findings {
    /// Whether claims were checked.
    pub fn are_of_a_check(&self) -> bool {
        self.provenance.is_some() || !self.records.is_empty() || !self.damage.is_empty()
    }
}

/// All that a report folder records.
#[derive(Debug)]
pub struct Held {
    /// Of claims.
    pub findings: Findings,
    /// Finished runs.
    pub runs: Vec<Trained>,
    /// Timings.
    pub timings: Vec<Timing>,
    /// What is wrong with any of it.
    pub damage: Vec<RecordError>,
}

/// Reads what a folder records, which may be a part only: claims, runs or timings.
///
/// # Errors
/// [`RecordError`] where it is no folder, or records nothing, or a file cannot be read at all.
pub fn load_all(folder: &Path) -> Result<Held, RecordError> {
    let unreadable = |error| RecordError::new(folder, format!("cannot read the folder: {error}"));
    std::fs::read_dir(folder).map_err(unreadable)?;
    let findings = load(folder)?;
    let runs = load_training(folder)?;
    let timings = load_throughput(folder)?;
    let damage = [&findings.damage[..], &runs.damage, &timings.damage].concat();
    let is_empty = runs.good.is_empty() && timings.good.is_empty() && damage.is_empty();
    match is_empty && !findings.are_of_a_check() {
        false => Ok(Held {
            findings,
            runs: runs.good,
            timings: timings.good,
            damage,
        }),
        true => Err(RecordError::new(
            folder,
            format!(
                "records nothing: it has neither {EVIDENCE}, nor finished runs ({TRAINING}, {RUNS}), nor {THROUGHPUT}"
            ),
        )),
    }
}

/// What stands beside the provenance, so that lines that are lost are missed; records from before say nothing of it.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Extent {
    /// How many claims have a record.
    claims: Option<usize>,
    /// Claims whose check failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unjudged: Vec<String>,
}

/// Writes records and their provenance into a folder, each file whole or not at all. `unjudged` claims have no record,
/// since their check failed.
///
/// # Errors
/// [`RecordError`] names the file and what the system says.
pub fn save(
    folder: &Path,
    provenance: &Provenance,
    records: &[Record],
    unjudged: &[String],
) -> Result<(), RecordError> {
    let path = folder.join(EVIDENCE);
    write(&path, &lines::written(&path, records)?)?;
    let path = folder.join(MACHINE);
    let fault = |error| RecordError::new(&path, error);
    let extent = Extent {
        claims: Some(records.len()),
        unjudged: unjudged.to_vec(),
    };
    let machine = toml::to_string(provenance).map_err(fault)?;
    let extent = toml::to_string(&extent).map_err(fault)?;
    write(&path, (machine + &extent).as_bytes())
}

/// Reads what [`save`] wrote; a folder without it records no check. A record that was changed, whose verdict does not follow
/// from what it says or whose claim has one already is damage, as are records and files that are missing.
///
/// # Errors
/// [`RecordError`] names a file that cannot be read at all.
pub fn load(folder: &Path) -> Result<Findings, RecordError> {
    let (evidence, made) = (folder.join(EVIDENCE), folder.join(MACHINE));
    let is_there = |path: &Path| !matches!(path.try_exists(), Ok(false));
    let mut findings = Findings::default();
    let mut claims = None;
    if is_there(&made) {
        let (provenance, extent) = machine(&made)?;
        findings.provenance = Some(provenance);
        findings.unjudged = extent.unjudged;
        claims = extent.claims;
    }
    match (is_there(&evidence), &findings.provenance) {
        (false, None) => return Ok(findings),
        (false, Some(_)) => {
            let lost = format!("is not there, and {MACHINE} says that claims were checked");
            findings.damage.push(RecordError::new(&evidence, lost));
            return Ok(findings);
        }
        (true, None) => {
            let lost = format!("is not there: when and where {EVIDENCE} was made is not known");
            findings.damage.push(RecordError::new(&made, lost));
        }
        (true, Some(_)) => {}
    }
    let mut ids = BTreeSet::new();
    let holds = |record: &Record| {
        record.follows()?;
        match ids.insert(record.id.clone()) {
            true => Ok(()),
            false => Err(format!(
                "`{}`: a line before it is of that claim",
                record.id
            )),
        }
    };
    let text = lines::bytes(&evidence)?;
    let Lines { good, damage } = lines::parse(&evidence, &text, "record of a claim", holds);
    findings.records = good.into_iter().map(|(_, record)| record).collect();
    findings.damage.extend(damage);
    let lines = text.split_inclusive(|byte| *byte == b'\n').count();
    if let Some(claims) = claims.filter(|claims| *claims != lines) {
        findings.damage.push(RecordError::new(
            &evidence,
            format!("it has {lines} lines, and {MACHINE} says that {claims} claims have one"),
        ));
    }
    Ok(findings)
}

/// The provenance of a folder's records, and how many there are.
fn machine(path: &Path) -> Result<(Provenance, Extent), RecordError> {
    let bytes = lines::bytes(path)?;
    let fault = |what: String| RecordError::new(path, what.replace('\n', "; "));
    let text = String::from_utf8(bytes).map_err(|error| fault(error.to_string()))?;
    let read = |error: toml::de::Error| fault(error.message().to_string());
    let mut provenance: toml::Table = toml::from_str(&text).map_err(read)?;
    let mut extent = toml::Table::new();
    for key in ["claims", "unjudged"] {
        extent.extend(provenance.remove_entry(key));
    }
    Ok((
        provenance.try_into().map_err(read)?,
        extent.try_into().map_err(read)?,
    ))
}

/// Adds training runs to those of a folder, in front, and returns all that stand there now; a run that is there already
/// comes to the front. None is ever taken away: which of them count is for [`crate::evidence::Training`] to say. `goes_on`
/// is asked while another process writes there.
///
/// # Errors
/// [`RecordError`] names the file and what the system says.
pub fn add_training(
    folder: &Path,
    runs: &[Trained],
    goes_on: &dyn Fn() -> bool,
) -> Result<Lines<Trained>, RecordError> {
    grow(&folder.join(TRAINING), TRAINING_RUN, goes_on, |before| {
        let mut before: Vec<Option<Trained>> = before.into_iter().map(Some).collect();
        let mut by_seed: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        let key = |run: &Trained| (run.experiment.clone(), run.scale, run.arm.clone(), run.seed);
        for (i, old) in before.iter().enumerate() {
            by_seed.entry(old.as_ref().map(key)).or_default().push(i);
        }
        let mut there = |run: &Trained| {
            let places = by_seed.get(&Some(key(run)))?.iter();
            let is_it =
                |old: &Option<Trained>| old.as_ref().is_some_and(|old| old.is_same_run(run));
            let place = places.copied().find(|&i| is_it(&before[i]))?;
            before[place].take()
        };
        let runs = runs
            .iter()
            .map(|run| there(run).unwrap_or_else(|| run.clone()));
        let runs: Vec<Trained> = runs.collect();
        runs.into_iter()
            .chain(before.into_iter().flatten())
            .collect()
    })
}

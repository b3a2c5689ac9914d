//! Where does a run keep what it needs to go on after a stop?
//!
//! A snapshot is one file that is whole or absent: a safetensors file of the weights, of what the
//! optimiser remembers, and of the rest as JSON in a tensor of bytes, which is sealed and holds a checksum of the other
//! tensors. All else follows from the task and the number of steps. The curve is written beside it as it grows, a JSON line a step and an epoch;
//! that file is for watching only, and made anew from the snapshot when a run goes on.

use super::backend::{Backend, State};
use super::learner::{Learner, PROGRAM, Progress};
use super::optimizer::OptimizerState;
use super::task::Task;
use super::{Curve, Fingerprint, TrainError};
use crate::digest;
use crate::file;
use crate::net::Net;
use crate::net::checkpoint;
use crate::seal::{sealed, unsealed};
use candle_core::{DType, Device, Tensor};
use safetensors::View;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The two files of a run, and how often the first is written.
#[derive(Debug, Clone)]
pub struct CheckpointPaths {
    /// The snapshot.
    pub snapshot: PathBuf,
    /// The growing curve.
    pub curve: PathBuf,
    /// Time between snapshots.
    pub every: Duration,
}

impl CheckpointPaths {
    /// Whether there is a snapshot; where nobody can tell, reading it says why.
    pub(super) fn is_begun(&self) -> bool {
        !matches!(self.snapshot.try_exists(), Ok(false))
    }
}

/// What a snapshot holds besides tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    recipe: String,
    network: Option<String>,
    data: String,
    #[serde(default = "super::cpu::name")]
    backend: String,
    /// Checksum of the tensors; nothing in files from before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tensors: Option<String>,
    progress: Progress,
}

impl Header {
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            recipe: self.recipe.clone(),
            network: self.network.clone(),
            data: self.data.clone(),
            backend: self.backend.clone(),
        }
    }
}

const STATE: &str = "state";

/// A run that has a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    /// What it follows.
    pub fingerprint: Fingerprint,
    /// Steps taken.
    pub steps: u64,
    /// Seconds for them.
    pub seconds: f64,
}

/// The run that has a snapshot there, whichever it is; nothing where there is none.
///
/// # Errors
/// [`TrainError::Damaged`] where it is not as it was written, another where it cannot be read.
pub fn begun(path: &Path) -> Result<Option<Begun>, TrainError> {
    if matches!(path.try_exists(), Ok(false)) {
        return Ok(None);
    }
    let (_, header) = open(path)?;
    Ok(Some(Begun {
        fingerprint: header.fingerprint(),
        steps: header.progress.steps,
        seconds: header.progress.seconds,
    }))
}

impl<B: Backend> Learner<B> {
    /// Writes the snapshot; `backend` is its name.
    fn save(&mut self, task: &Task, backend: &str, path: &Path) -> Result<(), TrainError> {
        let fault = |what: String| fault(path, what);
        let state = self.backend.state()?;
        let Fingerprint {
            recipe,
            network,
            data,
            backend,
        } = task.fingerprint(backend);
        let mut tensors = BTreeMap::new();
        for (name, weight) in state.weights {
            tensors.insert(format!("net.{name}"), weight);
        }
        for (name, kept) in state.optimizer.0 {
            for (i, tensor) in kept.into_iter().enumerate() {
                tensors.insert(format!("memory.{i}.{name}"), tensor);
            }
        }
        let header = Header {
            recipe,
            network,
            data,
            backend,
            tensors: Some(checksum(&tensors)),
            progress: self.progress.clone(),
        };
        let json = sealed(&header).map_err(|error| fault(error.to_string()))?;
        let length = json.len();
        let json = Tensor::from_vec(json.into_bytes(), length, &Device::Cpu);
        tensors.insert(STATE.to_string(), json.map_err(|e| fault(e.to_string()))?);
        checkpoint::write(path, &tensors).map_err(|error| TrainError::Files(error.to_string()))
    }
}

/// Of names, types, shapes and numbers.
fn checksum(tensors: &BTreeMap<String, Tensor>) -> String {
    let each = tensors.iter().map(|(name, tensor)| {
        let bytes = digest::of_bytes(&tensor.data());
        (name, tensor.dtype().as_str(), tensor.dims(), bytes)
    });
    digest::of_json(&each.collect::<Vec<_>>())
}

/// The run that a snapshot holds, if it is this one, on that backend.
///
/// # Errors
/// [`TrainError::Damaged`] where it is not as it was written, another where it is of another run or cannot be read.
pub(super) fn load(
    task: &Task,
    seed: u64,
    backend: &str,
    path: &Path,
) -> Result<(State, Progress), TrainError> {
    let damaged = |what: &str| TrainError::Damaged(what.into());
    let (tensors, header) = open(path)?;
    let (kept, mut progress) = (header.fingerprint(), header.progress);
    let another = |what: String| TrainError::AnotherRun(format!("{}: {what}", path.display()));
    task.fingerprint(backend).is_of(&kept).map_err(another)?;
    if progress.seed != seed {
        let kept = progress.seed;
        return Err(another(format!(
            "is of another seed ({kept}) than this run ({seed})"
        )));
    }
    if !is_possible(&progress, task) {
        return Err(damaged("its curve is not that of its steps"));
    }
    let mut weights = BTreeMap::new();
    let mut optimizer: BTreeMap<String, Vec<Tensor>> = BTreeMap::new();
    for (name, tensor) in tensors {
        if let Some(name) = name.strip_prefix("net.") {
            weights.insert(name.to_string(), tensor);
        } else if let Some(name) = (name.strip_prefix("memory.")).and_then(|n| n.split_once('.')) {
            // names sort by their number, so that the tensors of a weight come in order
            optimizer
                .entry(name.1.to_string())
                .or_default()
                .push(tensor);
        } else {
            return Err(damaged(&format!(
                "has a tensor `{name}` that belongs nowhere"
            )));
        }
    }
    Net::new(task.graph.clone(), weights.clone(), DType::F32)
        .map_err(|error| damaged(&error.to_string()))?;
    for (name, kept) in &optimizer {
        let fits = |tensor: &Tensor| {
            weights
                .get(name)
                .is_some_and(|weight| tensor.dims() == weight.dims())
                && tensor.dtype() == DType::F32
        };
        if !kept.iter().all(fits) {
            return Err(damaged(&format!(
                "what the optimiser remembers of `{name}` does not fit it"
            )));
        }
    }
    let optimizer = OptimizerState(optimizer);
    if progress.programs.last().is_none_or(|last| last != PROGRAM) {
        progress.programs.push(PROGRAM.into());
    }
    Ok((State { weights, optimizer }, progress))
}

/// What a snapshot holds, as it was written.
fn open(path: &Path) -> Result<(BTreeMap<String, Tensor>, Header), TrainError> {
    let unreadable = |what: String| fault(path, what);
    let damaged = |what: &str| TrainError::Damaged(what.into());
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(unreadable("is no file".into()));
    }
    let bytes =
        std::fs::read(path).map_err(|error| unreadable(format!("cannot read it: {error}")))?;
    let mut tensors = checkpoint::safetensors(&bytes).map_err(|what| damaged(&what))?;
    drop(bytes);
    let state = tensors
        .remove(STATE)
        .and_then(|state| state.to_vec1::<u8>().ok())
        .ok_or_else(|| damaged("is no snapshot of a run: it has no state"))?;
    let header = read_header(&state).map_err(|what| damaged(&what))?;
    let sum = header.tensors.as_ref();
    if sum.is_some_and(|sum| *sum != checksum(&tensors)) {
        return Err(damaged(
            "its tensors were changed: they have another checksum",
        ));
    }
    Ok((tensors, header))
}

/// Whether a run can have come that far.
fn is_possible(progress: &Progress, task: &Task) -> bool {
    let Progress { steps, curve, .. } = progress;
    let in_epochs = (curve.epochs.len() as u64).saturating_mul(task.steps_of_epoch());
    let under_way = steps.checked_sub(in_epochs);
    *steps == curve.losses.len() as u64
        && *steps <= task.steps()
        && under_way.is_some_and(|steps| steps <= task.steps_of_epoch())
}

fn read_header(state: &[u8]) -> Result<Header, String> {
    let unreadable = |error: &dyn Display| format!("its state cannot be read: {error}");
    let text = str::from_utf8(state).map_err(|error| unreadable(&error))?;
    let json = unsealed(text).map_err(|error| unreadable(&error))?;
    serde_json::from_str(&json).map_err(|error| unreadable(&error))
}

/// Whether a run can go on from its snapshot on that backend; it can where there is none. Returns the other versions
/// of the program that took its first steps.
///
/// # Errors
/// What is wrong with the snapshot.
pub fn fits(
    task: &Task,
    seed: u64,
    backend: &str,
    paths: &CheckpointPaths,
) -> Result<Vec<String>, TrainError> {
    match paths.is_begun() {
        true => Ok(load(task, seed, backend, &paths.snapshot)?.1.begun_by()),
        false => Ok(Vec::new()),
    }
}

/// Writes snapshots when they are due, and the curve as it grows.
pub(super) struct RunLog<'a> {
    paths: &'a CheckpointPaths,
    backend: &'a str,
    file: File,
    /// Steps whose losses it has.
    steps: usize,
    last: Instant,
}

impl<'a> RunLog<'a> {
    /// Begins with the curve so far.
    pub(super) fn open(
        paths: &'a CheckpointPaths,
        backend: &'a str,
        curve: &Curve,
        epoch: u64,
    ) -> Result<Self, TrainError> {
        let fault = |error: std::io::Error| cannot_write(&paths.curve, &error);
        let mut lines = String::new();
        let mut epochs = curve.epochs.iter().enumerate();
        for (step, loss) in (1u64..).zip(&curve.losses) {
            lines += &step_line(step, *loss);
            if step % epoch == 0
                && let Some((i, of_epoch)) = epochs.next()
            {
                lines += &epoch_line(i, of_epoch);
            }
        }
        let file = file::begin(&paths.curve, lines.as_bytes()).map_err(fault)?;
        Ok(RunLog {
            paths,
            backend,
            file,
            steps: curve.losses.len(),
            last: Instant::now(),
        })
    }

    /// The steps of a curve that it does not have yet.
    pub(super) fn steps(&mut self, curve: &Curve) -> Result<(), TrainError> {
        let all = (1u64..).zip(&curve.losses).skip(self.steps);
        let lines: String = all.map(|(step, &loss)| step_line(step, loss)).collect();
        self.steps = curve.losses.len();
        self.write(&lines)
    }

    /// The last epoch of a curve.
    pub(super) fn epoch(&mut self, curve: &Curve) -> Result<(), TrainError> {
        match curve.epochs.last() {
            Some(epoch) => self.write(&epoch_line(curve.epochs.len() - 1, epoch)),
            None => Ok(()),
        }
    }

    fn write(&mut self, line: &str) -> Result<(), TrainError> {
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|error| cannot_write(&self.paths.curve, &error))
    }

    /// Whether a snapshot is due.
    pub(super) fn is_due(&self) -> bool {
        self.last.elapsed() >= self.paths.every
    }

    /// Writes one.
    pub(super) fn save<B: Backend>(
        &mut self,
        task: &Task,
        learner: &mut Learner<B>,
    ) -> Result<(), TrainError> {
        learner.save(task, self.backend, &self.paths.snapshot)?;
        self.last = Instant::now();
        Ok(())
    }
}

fn step_line(step: u64, loss: f32) -> String {
    format!("{{\"step\":{step},\"loss\":{loss}}}\n")
}

fn epoch_line(i: usize, epoch: &super::Epoch) -> String {
    let epoch = serde_json::to_string(epoch).unwrap_or_default();
    format!("{{\"epoch\":{},{}\n", i + 1, epoch.trim_start_matches('{'))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> TrainError {
    fault(path, format!("cannot write it: {error}"))
}

fn fault(path: &Path, what: String) -> TrainError {
    TrainError::Files(format!("{}: {what}", path.display()))
}

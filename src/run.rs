//! What does a network say to these inputs? Weights from wherever they come, one batch or a data set.

use crate::data::{DataError, Preparation, Split, batch};
use crate::graph::Graph;
use crate::net::checkpoint::{self, CheckpointError, Head};
use crate::net::{Fill, Init, Mode, Net, NetError};
use crate::ops::loss::cross_entropy;
use crate::random::Key;
use crate::zoo::Registry;
use candle_core::{DType, Tensor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where weights come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightSource {
    /// A checkpoint.
    File(PathBuf),
    /// Numbers that depend on names alone.
    Fill(Fill),
    /// Untrained, as PyTorch starts.
    Seed(u64),
}

/// `FILE`, `fill:default`, `fill:gain1` or `seed:N`.
impl FromStr for WeightSource {
    type Err = String;

    fn from_str(text: &str) -> Result<WeightSource, String> {
        match text.split_once(':') {
            Some(("fill", "default")) => Ok(WeightSource::Fill(Fill::Default)),
            Some(("fill", "gain1")) => Ok(WeightSource::Fill(Fill::Gain1)),
            Some(("fill", other)) => Err(format!("`{other}` is no fill: default or gain1")),
            Some(("seed", seed)) => match seed.parse() {
                Ok(seed) => Ok(WeightSource::Seed(seed)),
                Err(_) => Err(format!("`{seed}` is no seed: a whole number from 0 on")),
            },
            _ => Ok(WeightSource::File(text.into())),
        }
    }
}

/// Why a network cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Weights that do not fit.
    #[error("{0}{1}")]
    Checkpoint(CheckpointError, String),
    /// The network fails.
    #[error(transparent)]
    Net(#[from] NetError),
    /// Images that cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file of tensors that does not hold what is needed.
    #[error("{}: {what}", .path.display())]
    Tensors {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A data set of other classes than the network's, or an output that is no score.
    #[error("{0}")]
    Scores(String),
}

/// The network with those weights.
///
/// # Errors
/// [`RunError::Checkpoint`] says what does not fit, and which registered model would.
pub fn net(
    graph: Graph,
    weights: &WeightSource,
    dtype: DType,
    registry: &Registry,
) -> Result<Net, RunError> {
    let weights = match weights {
        WeightSource::File(path) => from_file(path, &graph, dtype, registry)?,
        WeightSource::Fill(fill) => fill.weights(&graph, dtype)?,
        WeightSource::Seed(seed) => Init::Torch.weights(&graph, *seed, dtype)?,
    };
    Ok(Net::new(graph, weights, dtype)?)
}

fn from_file(
    path: &Path,
    graph: &Graph,
    dtype: DType,
    registry: &Registry,
) -> Result<BTreeMap<String, Tensor>, RunError> {
    let plain = |error| RunError::Checkpoint(error, String::new());
    let tensors = checkpoint::read(path).map_err(plain)?;
    match checkpoint::fit(&tensors, graph, Head::Same, dtype) {
        Ok(fitted) => Ok(fitted.tensors),
        Err(error @ CheckpointError::Misfit(_)) => {
            let hint = match checkpoint::best_fit(&tensors, registry).first() {
                Some((model, 0)) => format!("; it fits `{model}`"),
                Some((model, differ)) => {
                    format!("; the nearest model is `{model}`, where {differ} tensors differ")
                }
                None => String::new(),
            };
            Err(RunError::Checkpoint(error, hint))
        }
        Err(error) => Err(plain(error)),
    }
}

/// The tensor of that name in a file.
///
/// # Errors
/// [`RunError::Checkpoint`] for a file that cannot be read, [`RunError::Tensors`] without the tensor.
pub fn tensor(path: &Path, name: &str, dtype: DType) -> Result<Tensor, RunError> {
    let fault = |what| RunError::Tensors {
        path: path.to_path_buf(),
        what,
    };
    let tensors =
        checkpoint::read(path).map_err(|error| RunError::Checkpoint(error, String::new()))?;
    let found = tensors.get(name).ok_or_else(|| {
        let names: Vec<&str> = tensors.keys().map(String::as_str).take(3).collect();
        fault(format!(
            "holds no tensor `{name}`, but {}",
            names.join(", ")
        ))
    })?;
    found
        .to_dtype(dtype)
        .map_err(|error| fault(error.to_string()))
}

/// How often a network is right.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Score {
    /// Images whose class has the highest score.
    pub correct: usize,
    /// Images.
    pub total: usize,
    /// Share of the others, in percent.
    pub error: f64,
    /// Mean cross-entropy.
    pub loss: f64,
    /// Time taken.
    pub seconds: f64,
}

/// Images run at once.
pub(crate) const BATCH: usize = 100;

/// Runs a network over a whole split, its images altered under a key; `step` is told of each number of
/// images and stops the run by returning false.
///
/// # Errors
/// [`RunError`]; a run that was stopped has no score.
pub fn evaluate(
    net: &Net,
    split: &Split,
    preparation: &Preparation,
    key: Key,
    step: impl FnMut(usize) -> bool,
) -> Result<Option<Score>, RunError> {
    let classes = net.graph().prediction().shape.channels();
    if classes != split.classes {
        return Err(RunError::Scores(format!(
            "the data set has {} classes, the network {classes}",
            split.classes
        )));
    }
    let scores = |images: Vec<usize>| {
        let x = batch(split, &images, preparation, key, net.dtype())?;
        Ok(net.forward(&x, Mode::Eval)?.output().clone())
    };
    score(split, scores, step)
}

/// How often `scores` is right about a whole split, of whose images it is asked by their numbers, [`BATCH`] at
/// once; `step` as in [`evaluate`].
pub(crate) fn score<E: From<RunError>>(
    split: &Split,
    mut scores: impl FnMut(Vec<usize>) -> Result<Tensor, E>,
    mut step: impl FnMut(usize) -> bool,
) -> Result<Option<Score>, E> {
    let start = std::time::Instant::now();
    let (mut correct, mut loss) = (0, 0.0);
    for from in (0..split.len()).step_by(BATCH) {
        let range = from..(from + BATCH).min(split.len());
        let scores = scores(range.clone().collect())?;
        let labels = &split.labels[range.clone()];
        let of_batch = cross_entropy(&scores, labels, 0.0);
        let (of_batch, _) = of_batch.map_err(|error| RunError::Scores(error.to_string()))?;
        loss += of_batch * range.len() as f64;
        correct += right(&scores, labels)?;
        if !step(range.len()) {
            return Ok(None);
        }
    }
    let total = split.len();
    Ok(Some(Score {
        correct,
        total,
        error: 100.0 * (total - correct) as f64 / total as f64,
        loss: loss / total as f64,
        seconds: start.elapsed().as_secs_f64(),
    }))
}

/// How many rows of scores are highest at their label; of equal scores the first counts, and a row
/// with a NaN is wrong.
pub(crate) fn right(scores: &Tensor, labels: &[usize]) -> Result<usize, RunError> {
    let rows = scores
        .to_dtype(DType::F64)
        .and_then(|scores| scores.to_vec2::<f64>())
        .map_err(|error| RunError::Scores(error.to_string()))?;
    let highest = |row: &[f64]| {
        let better = |best: usize, i: usize| if row[i] > row[best] { i } else { best };
        (0..row.len()).reduce(better)
    };
    let hits = rows.iter().zip(labels).filter(|(row, label)| {
        row.iter().all(|score| !score.is_nan()) && highest(row) == Some(**label)
    });
    Ok(hits.count())
}

//! What does a network say to these inputs? Weights from wherever they come, one batch or a data set.

use crate::cpu::Predictor;
use crate::data::{DataError, Preparation, Split, batch};
use crate::foreign;
use crate::graph::Graph;
use crate::net::checkpoint::{self, CheckpointError, Head};
use crate::net::{Fill, Init, Net, NetError};
use crate::ops::loss::cross_entropy;
use crate::random::Key;
use crate::zoo::{Model, Registry};
use candle_core::{DType, Tensor};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where weights come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightSource {
    /// A checkpoint.
    File {
        /// Its file.
        path: PathBuf,
        /// The dict of tensors in it that is meant, if it is not the one that fits.
        key: Option<String>,
    },
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
            _ => Ok(WeightSource::File {
                path: text.into(),
                key: None,
            }),
        }
    }
}

impl WeightSource {
    /// What is given, or those of the file that the network is from.
    ///
    /// # Errors
    /// Neither is there.
    pub fn or_own(given: Option<WeightSource>, model: &Model) -> Result<WeightSource, String> {
        let own = (model.file.as_ref()).filter(|file| foreign::recognises(file));
        let own = own.map(|path| WeightSource::File {
            path: path.clone(),
            key: None,
        });
        given.or(own).ok_or_else(|| {
            format!(
                "{} has no weights of its own: `--weights` says which: FILE, fill:default, fill:gain1 or seed:N",
                model.name
            )
        })
    }

    /// The same, of the dict under that key, if one is given.
    ///
    /// # Errors
    /// Only a checkpoint has dicts.
    pub fn under(self, within: Option<String>) -> Result<WeightSource, String> {
        match (self, within) {
            (WeightSource::File { path, .. }, key) => Ok(WeightSource::File { path, key }),
            (source, None) => Ok(source),
            (_, Some(key)) => Err(format!(
                "`{key}` is a key of a checkpoint, and these weights are none"
            )),
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
    /// Outputs that answer nothing.
    #[error("{0}")]
    NotFinite(NotFinite),
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
    let weights = tensors(&graph, weights, dtype, registry)?;
    Ok(Net::new(graph, weights, dtype)?)
}

/// A network's weights by key.
///
/// # Errors
/// As [`net`].
pub fn tensors(
    graph: &Graph,
    weights: &WeightSource,
    dtype: DType,
    registry: &Registry,
) -> Result<BTreeMap<String, Tensor>, RunError> {
    Ok(match weights {
        WeightSource::File { path, key } => {
            from_file(path, key.as_deref(), graph, dtype, registry)?
        }
        WeightSource::Fill(fill) => fill.weights(graph, dtype)?,
        WeightSource::Seed(seed) => Init::Torch.weights(graph, *seed, dtype)?,
    })
}

fn from_file(
    path: &Path,
    key: Option<&str>,
    graph: &Graph,
    dtype: DType,
    registry: &Registry,
) -> Result<BTreeMap<String, Tensor>, RunError> {
    let plain = |error| RunError::Checkpoint(error, String::new());
    let checkpoint = checkpoint::open(path).map_err(plain)?;
    let dict = match key {
        Some(key) => checkpoint.under(key),
        None => checkpoint.of(graph, Head::Same),
    };
    let dict = dict.map_err(plain)?;
    match dict.fit(graph, Head::Same, dtype) {
        Ok(fitted) => Ok(fitted.tensors),
        Err(error @ CheckpointError::Misfit(_)) => {
            let mut hint = String::new();
            let prefix = checkpoint::prefix(&dict.tensors, graph);
            if !prefix.is_empty() {
                hint += &format!("; `{prefix}` in front of its names is left out");
            }
            match checkpoint.keys() {
                Some(keys) => {
                    hint += &format!(
                        "; these are its tensors under `{}`, of {keys}: `--key` says which are meant",
                        dict.key
                    );
                }
                None if dict.key != checkpoint::TOP => {
                    hint += &format!("; these are its tensors under `{}`", dict.key);
                }
                None => {}
            }
            match checkpoint::best_fit(&dict.tensors, registry).first() {
                Some((model, 0)) => hint += &format!("; it fits `{model}`"),
                // of a model of which most tensors are others nobody would think
                Some((model, differ)) if 2 * differ < dict.tensors.len() => {
                    hint +=
                        &format!("; the nearest model is `{model}`, where {differ} tensors differ");
                }
                _ => {}
            }
            Err(RunError::Checkpoint(error, hint))
        }
        Err(error) => Err(plain(error)),
    }
}

/// The tensor of that name in a file, every number finite.
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
    let converted = found.to_dtype(dtype);
    let tensor = converted.map_err(|error| fault(error.to_string()))?;
    match NotFinite::of(&tensor, 0)? {
        None => Ok(tensor),
        Some(strange) => Err(fault(format!("`{name}` has {}", strange.first))),
    }
}

/// Numbers of a batch or of a data set that are not finite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFinite {
    /// Samples with at least one.
    samples: usize,
    /// Samples.
    of: usize,
    /// The first of them: what it is, and where.
    first: String,
}

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotFinite { samples, of, first } = self;
        write!(
            f,
            "the network's outputs are not finite for {samples} of {of} samples (the first: {first}), so it answers nothing: are these its weights, and is its input scaled as in its training?"
        )
    }
}

impl NotFinite {
    /// Those of one batch, whose first sample is of that number.
    ///
    /// # Errors
    /// [`RunError::Scores`] for a tensor that cannot be read.
    fn of(tensor: &Tensor, start: usize) -> Result<Option<NotFinite>, RunError> {
        let numbers = (tensor.to_dtype(DType::F64))
            .and_then(|tensor| tensor.flatten_all()?.to_vec1::<f64>())
            .map_err(|error| RunError::Scores(error.to_string()))?;
        let samples = tensor.dims().first().copied().unwrap_or(1);
        let each = (numbers.len() / samples.max(1)).max(1);
        let strange = |sample: &&[f64]| sample.iter().any(|number| !number.is_finite());
        let Some((i, number)) = (numbers.iter().enumerate()).find(|(_, n)| !n.is_finite()) else {
            return Ok(None);
        };
        Ok(Some(NotFinite {
            samples: numbers.chunks(each).filter(strange).count(),
            of: samples,
            first: format!(
                "{number} as number {} of sample {}",
                i % each,
                start + i / each
            ),
        }))
    }

    /// These and those of a later batch.
    fn and(self, later: Option<NotFinite>) -> NotFinite {
        NotFinite {
            samples: self.samples + later.map_or(0, |later| later.samples),
            ..self
        }
    }
}

/// Says where an output is not finite.
///
/// # Errors
/// [`RunError::NotFinite`].
pub fn finite(output: &Tensor) -> Result<(), RunError> {
    match NotFinite::of(output, 0)? {
        None => Ok(()),
        Some(strange) => Err(RunError::NotFinite(strange)),
    }
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

/// Runs a network of f32 over a whole split, its images altered under a key; `step` is told of each number of
/// images and stops the run by returning false.
///
/// # Errors
/// [`RunError`]; a run that was stopped has no score, and neither has one whose outputs are not all finite.
pub fn evaluate(
    predictor: &mut Predictor,
    split: &Split,
    preparation: &Preparation,
    key: Key,
    step: impl FnMut(usize) -> bool,
) -> Result<Option<Score>, RunError> {
    let classes = predictor.net().graph().prediction().shape.channels();
    if classes != split.classes {
        return Err(RunError::Scores(format!(
            "the data set has {} classes, the network {classes}",
            split.classes
        )));
    }
    let mut strange: Option<NotFinite> = None;
    let scores = |images: Vec<usize>| {
        let x = batch(split, &images, preparation, key, DType::F32)?;
        let output = predictor.predict(&x)?;
        let here = NotFinite::of(&output, images.first().copied().unwrap_or(0))?;
        strange = match strange.take() {
            Some(earlier) => Some(earlier.and(here)),
            None => here,
        };
        Ok::<_, RunError>(output)
    };
    let score = score(split, scores, step)?;
    match (strange, &score) {
        (Some(strange), Some(_)) => Err(RunError::NotFinite(NotFinite {
            of: split.len(),
            ..strange
        })),
        _ => Ok(score),
    }
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

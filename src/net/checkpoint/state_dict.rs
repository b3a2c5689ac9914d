//! Which of a checkpoint's dicts of tensors is meant?

use super::fit::agreement;
use super::{CheckpointError, Fitted, Head, fit, short};
use crate::few::few;
use crate::graph::Graph;
use candle_core::{DType, Tensor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What stands for the key of the dict that is the whole file.
pub const TOP: &str = ".";

/// A dict of tensors in a checkpoint.
#[derive(Debug, Clone)]
pub struct StateDict {
    /// Under which keys it stands in the file, with points between them; [`TOP`] if it is all of it.
    pub key: String,
    /// Its tensors by name, as they are stored.
    pub tensors: BTreeMap<String, Tensor>,
    /// What stands between the tensors and is none, and what it is.
    pub foreign: BTreeMap<String, String>,
}

impl StateDict {
    /// Tensors and nothing else.
    pub(super) fn alone(tensors: BTreeMap<String, Tensor>) -> StateDict {
        StateDict {
            key: TOP.into(),
            tensors,
            foreign: BTreeMap::new(),
        }
    }

    /// Its tensors as the network's weights, as [`fit()`](super::fit()) has them.
    ///
    /// # Errors
    /// Those of [`fit()`](super::fit()); a value that is no tensor where the network has one is named.
    pub fn fit(&self, graph: &Graph, head: Head, dtype: DType) -> Result<Fitted, CheckpointError> {
        let error = match fit(&self.tensors, graph, head, dtype) {
            Ok(fitted) => return Ok(fitted),
            Err(error) => error,
        };
        let CheckpointError::Misfit(misfit) = &error else {
            return Err(error);
        };
        let instead = (misfit.missing.iter()).find_map(|name| {
            let of_name = |key: &&String| {
                (key.strip_suffix(name.as_str()))
                    .is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'))
            };
            self.foreign.keys().find(of_name)
        });
        Err(match instead {
            Some(key) => CheckpointError::Tensor {
                name: short(key),
                what: format!("is {}, which cannot be weights", self.foreign[key]),
            },
            None => error,
        })
    }
}

/// What a checkpoint holds.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    path: PathBuf,
    /// At least one; those with most tensors first.
    dicts: Vec<StateDict>,
}

/// Keys that decide between dicts that are equally good.
const FIRST: [&str; 2] = ["state_dict", "model"];

impl Checkpoint {
    /// Of those dicts.
    pub(super) fn new(path: &Path, dicts: Vec<StateDict>) -> Checkpoint {
        Checkpoint {
            path: path.to_path_buf(),
            dicts,
        }
    }

    /// The dict under that key.
    ///
    /// # Errors
    /// [`CheckpointError::File`] lists the dicts that are there.
    pub fn under(&self, key: &str) -> Result<&StateDict, CheckpointError> {
        (self.dicts.iter().find(|dict| dict.key == key)).ok_or_else(|| {
            self.fault(format!(
                "holds no tensors under `{}`, but {}",
                short(key),
                self.list()
            ))
        })
    }

    /// The dict that fits the network; if none does, the one that was probably meant, whose
    /// [`fit`](StateDict::fit) then says what differs.
    ///
    /// # Errors
    /// [`CheckpointError::File`] lists the dicts if several fit.
    pub fn of(&self, graph: &Graph, head: Head) -> Result<&StateDict, CheckpointError> {
        let standing = |dict: &StateDict| {
            let (agree, differ) = agreement(&dict.tensors, graph, head);
            (differ == 0, agree)
        };
        let standings: Vec<_> = self.dicts.iter().map(standing).collect();
        let best = standings.iter().max().copied().unwrap_or_default();
        let dicts: Vec<&StateDict> = (self.dicts.iter().zip(&standings))
            .filter(|(_, standing)| **standing == best)
            .map(|(dict, _)| dict)
            .collect();
        match (&dicts[..], preferred(&dicts)) {
            (&[only], _) | (_, Some(only)) => Ok(only),
            _ if !best.0 => Ok(dicts[0]),
            _ => Err(self.fault(format!(
                "holds several dicts of tensors that fit: {}; `--key` says which is meant",
                list(&dicts)
            ))),
        }
    }

    /// The dict that is meant where no network says it: the only one, or one under a usual key.
    ///
    /// # Errors
    /// [`CheckpointError::File`] lists the dicts.
    pub fn single(mut self) -> Result<StateDict, CheckpointError> {
        let dicts: Vec<&StateDict> = self.dicts.iter().collect();
        let at = match (&dicts[..], preferred(&dicts)) {
            ([_], _) => Some(0),
            (_, Some(dict)) => self
                .dicts
                .iter()
                .position(|other| std::ptr::eq(other, dict)),
            // the tensors of the file's own dict, beside others further in
            _ => self.dicts.iter().position(|dict| dict.key == TOP),
        };
        match at {
            Some(at) => Ok(self.dicts.swap_remove(at)),
            None => Err(self.fault(format!("holds several dicts of tensors: {}", self.list()))),
        }
    }

    /// The dict that is meant where no network says it, or else the one with most tensors.
    pub fn likely(self) -> StateDict {
        let first = self.dicts[0].clone();
        self.single().unwrap_or(first)
    }

    /// How the dicts are called, if there are several.
    pub fn keys(&self) -> Option<String> {
        (self.dicts.len() > 1).then(|| self.list())
    }

    fn list(&self) -> String {
        list(&self.dicts.iter().collect::<Vec<_>>())
    }

    fn fault(&self, what: String) -> CheckpointError {
        CheckpointError::File {
            path: self.path.clone(),
            what,
        }
    }
}

/// The first of them under a usual key.
fn preferred<'d>(dicts: &[&'d StateDict]) -> Option<&'d StateDict> {
    (FIRST.iter()).find_map(|key| dicts.iter().find(|dict| dict.key == *key).copied())
}

/// `` `model` (65 tensors), `ema` (65 tensors) ``.
fn list(dicts: &[&StateDict]) -> String {
    const NAMED: usize = 5;
    let named: Vec<String> = (dicts.iter())
        .map(|dict| match dict.tensors.len() {
            1 => format!("`{}` (1 tensor)", dict.key),
            n => format!("`{}` ({n} tensors)", dict.key),
        })
        .collect();
    few(&named, NAMED)
}

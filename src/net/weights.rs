//! Are these the tensors that a network names?

use super::NetError;
use candle_core::Tensor;
use std::collections::BTreeMap;
use std::fmt;

/// A tensor of another shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Its name in the network.
    pub name: String,
    /// The shape in the network.
    pub expected: Vec<usize>,
    /// The shape that was found.
    pub found: Vec<usize>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch {
            name,
            expected,
            found,
        } = self;
        write!(f, "{name} {found:?}, not {expected:?}")
    }
}

/// What differs between tensors and those of a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misfit {
    /// Tensors of the network that are not there.
    pub missing: Vec<String>,
    /// Tensors that the network lacks.
    pub unexpected: Vec<String>,
    /// Tensors of both that have different shapes.
    pub mismatched: Vec<Mismatch>,
}

impl Misfit {
    /// Between tensors of those names and shapes and those that were found.
    pub(crate) fn between(
        expected: impl IntoIterator<Item = (String, Vec<usize>)>,
        found: &BTreeMap<&str, &Tensor>,
    ) -> Misfit {
        let (mut misfit, mut known) = (Misfit::default(), 0);
        let expected: BTreeMap<String, Vec<usize>> = expected.into_iter().collect();
        for (name, dims) in &expected {
            let Some(tensor) = found.get(name.as_str()) else {
                misfit.missing.push(name.clone());
                continue;
            };
            known += 1;
            if tensor.dims() != dims {
                misfit.mismatched.push(Mismatch {
                    name: name.clone(),
                    expected: dims.clone(),
                    found: tensor.dims().to_vec(),
                });
            }
        }
        if known < found.len() {
            let unknown = found.keys().filter(|name| !expected.contains_key(**name));
            misfit.unexpected = unknown.map(ToString::to_string).collect();
        }
        misfit
    }

    /// How many tensors differ.
    pub fn count(&self) -> usize {
        self.missing.len() + self.unexpected.len() + self.mismatched.len()
    }

    /// Whether nothing differs.
    ///
    /// # Errors
    /// [`NetError::Weight`] names the first that does.
    pub(crate) fn check(self) -> Result<(), NetError> {
        let missing = self.missing.into_iter();
        let missing = missing.map(|name| (name, "is missing".to_string()));
        let mismatched = self.mismatched.into_iter().map(|one| {
            let what = format!("is {:?}, must be {:?}", one.found, one.expected);
            (one.name, what)
        });
        let unexpected = self.unexpected.into_iter();
        let unexpected =
            unexpected.map(|name| (name, "belongs to no layer of this network".into()));
        match missing.chain(mismatched).chain(unexpected).next() {
            Some((name, what)) => Err(NetError::Weight { name, what }),
            None => Ok(()),
        }
    }
}

//! Are these the tensors that a network names?

use super::NetError;
use crate::few::few;
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
    /// [`NetError::Misfit`].
    pub(crate) fn check(self) -> Result<(), NetError> {
        match self.count() {
            0 => Ok(()),
            _ => Err(NetError::Misfit(self)),
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            some("missing", &self.missing),
            some("unexpected", &self.unexpected),
            some("of another shape", &self.mismatched),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join("; "))
    }
}

/// `5 missing (a, b, c and 2 more)`, or nothing for an empty list.
fn some(what: &str, list: &[impl ToString]) -> Option<String> {
    const NAMED: usize = 3;
    let names: Vec<String> = list.iter().map(|item| short(&item.to_string())).collect();
    (!list.is_empty()).then(|| format!("{} {what} ({})", list.len(), few(&names, NAMED)))
}

/// A name as long as one can read, without what could disturb a terminal.
pub(super) fn short(name: &str) -> String {
    let mut text: String = (name.chars().take(80))
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if text.len() < name.len() {
        text.push_str("...");
    }
    text
}

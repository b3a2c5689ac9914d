//! What was asked about a model, and what came back.

use crate::claim::Datum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A call that a measure made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The function, by its name in [`super::FUNCTIONS`].
    pub function: String,
    /// What it was called with.
    pub arguments: Vec<Datum>,
    /// What it returned.
    pub value: Datum,
}

impl Call {
    /// The text of an argument, if there is one at that place.
    pub fn text(&self, i: usize) -> Option<&str> {
        match self.arguments.get(i)? {
            Datum::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether one of the arguments is that text.
    pub fn asks(&self, text: &str) -> bool {
        self.texts().any(|argument| argument == text)
    }

    /// All arguments that are texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        (0..self.arguments.len()).filter_map(|i| self.text(i))
    }
}

/// As a measure spells it: `params('vgg16', 'conv1') = 34,944`.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function)?;
        for (i, argument) in self.arguments.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            match argument {
                Datum::Text(text) => write!(f, "{comma}'{text}'")?,
                other => write!(f, "{comma}{other}")?,
            }
        }
        write!(f, ") = {}", self.value)
    }
}

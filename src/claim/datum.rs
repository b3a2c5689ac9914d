//! What can be stated and found: numbers, truth, text, and lists of them.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// A stated or found value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Datum {
    /// Truth.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A measured or computed number.
    // one that is not finite has no name in JSON: it is written as null, and read back as not a number
    Float(#[serde(deserialize_with = "float")] f64),
    /// Text.
    Text(String),
    /// A shape, a series, a list of layers.
    List(Vec<Datum>),
}

fn float<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

impl Datum {
    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match *self {
            Datum::Int(n) => Some(n as f64),
            Datum::Float(x) => Some(x),
            _ => None,
        }
    }

    /// Whether it, or something in it, is not a number.
    pub fn has_nan(&self) -> bool {
        match self {
            Datum::Float(x) => x.is_nan(),
            Datum::List(values) => values.iter().any(Datum::has_nan),
            Datum::Bool(_) | Datum::Int(_) | Datum::Text(_) => false,
        }
    }
}

impl From<&str> for Datum {
    fn from(text: &str) -> Datum {
        Datum::Text(text.to_string())
    }
}

impl<T: Into<Datum>> From<Vec<T>> for Datum {
    fn from(values: Vec<T>) -> Datum {
        Datum::List(values.into_iter().map(Into::into).collect())
    }
}

/// As people write it: `34,944`, `16.94`, `[96, 55, 55]`.
impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Datum::Bool(truth) => write!(f, "{truth}"),
            Datum::Int(n) => f.write_str(&grouped(*n)),
            Datum::Float(x) => write!(f, "{x}"),
            Datum::Text(text) => f.write_str(text),
            Datum::List(values) => {
                f.write_str("[")?;
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{value}")?;
                }
                f.write_str("]")
            }
        }
    }
}

/// A whole number with a comma before every third digit.
pub(crate) fn grouped(n: impl Into<i128>) -> String {
    let n = n.into();
    let digits = n.unsigned_abs().to_string();
    let mut text = String::from(if n < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (-1000, "-1,000"),
            (i64::MIN, "-9,223,372,036,854,775,808"),
        ] {
            assert_eq!(Datum::Int(n).to_string(), text);
        }
    }
}

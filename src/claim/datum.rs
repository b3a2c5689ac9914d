//! What can be stated and found: numbers, truth, text, and lists of them.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A list may have so many levels of lists in it: with those of its record they are fewer than the 128 that JSON's
/// readers follow.
pub(crate) const MOST_LEVELS: usize = 64;

/// How much of a value stands in a sentence.
const MOST_CHARACTERS: usize = 200;

/// A stated or found value.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a value is a number, a text, true or false, or a list of such values"
)]
pub enum Datum {
    /// Truth.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A measured or computed number.
    Float(
        #[serde(serialize_with = "write_float", deserialize_with = "read_float")]
        #[schemars(with = "f64")]
        f64,
    ),
    /// Text.
    Text(String),
    /// A shape, a series, a list of layers.
    List(Vec<Datum>),
}

/// What has no name as a number in JSON, as `{"float":"-inf"}`, which is no text that could be meant.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotFinite {
    float: NotFiniteName,
}

#[derive(Serialize, Deserialize)]
enum NotFiniteName {
    #[serde(rename = "NaN")]
    Nan,
    #[serde(rename = "inf")]
    Infinity,
    #[serde(rename = "-inf")]
    MinusInfinity,
}

fn write_float<S: Serializer>(x: &f64, to: S) -> Result<S::Ok, S::Error> {
    let float = match *x {
        x if x.is_finite() => return to.serialize_f64(x),
        x if x.is_nan() => NotFiniteName::Nan,
        x if x > 0.0 => NotFiniteName::Infinity,
        _ => NotFiniteName::MinusInfinity,
    };
    NotFinite { float }.serialize(to)
}

fn read_float<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(f64),
        Named(NotFinite),
        // so records from before wrote all that is not finite
        Null,
    }
    Ok(match Written::deserialize(from)? {
        Written::Number(x) => x,
        Written::Named(NotFinite { float }) => match float {
            NotFiniteName::Nan => f64::NAN,
            NotFiniteName::Infinity => f64::INFINITY,
            NotFiniteName::MinusInfinity => f64::NEG_INFINITY,
        },
        Written::Null => f64::NAN,
    })
}

/// What is not a number is the same as what is none: as a value that was found, it was found again.
impl PartialEq for Datum {
    fn eq(&self, other: &Datum) -> bool {
        match (self, other) {
            (Datum::Bool(a), Datum::Bool(b)) => a == b,
            (Datum::Int(a), Datum::Int(b)) => a == b,
            (Datum::Float(a), Datum::Float(b)) => a == b || a.is_nan() && b.is_nan(),
            (Datum::Text(a), Datum::Text(b)) => a == b,
            (Datum::List(a), Datum::List(b)) => a == b,
            _ => false,
        }
    }
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

    /// The first number in it that is not finite: infinite, or not a number at all.
    pub fn not_finite(&self) -> Option<f64> {
        match self {
            Datum::Float(x) => Some(*x).filter(|x| !x.is_finite()),
            Datum::List(values) => values.iter().find_map(Datum::not_finite),
            Datum::Bool(_) | Datum::Int(_) | Datum::Text(_) => None,
        }
    }

    /// As it stands in a sentence: of a long text or list the beginning, since a measure may find a quarter of a million
    /// numbers.
    pub fn brief(&self) -> String {
        let text = self.to_string();
        match text.char_indices().nth(MOST_CHARACTERS) {
            None => text,
            Some((end, _)) => format!("{}...", &text[..end]),
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
    fn a_value_in_a_sentence_is_short() {
        assert_eq!(Datum::from(vec![Datum::Int(1); 3]).brief(), "[1, 1, 1]");
        let long = Datum::from(vec![Datum::from("\u{fc}"); 100_000]).brief();
        assert_eq!(long.chars().count(), MOST_CHARACTERS + 3);
        assert!(long.starts_with("[\u{fc}, \u{fc}") && long.ends_with("..."));
    }

    #[test]
    fn every_value_comes_back_from_json() {
        let float = Datum::Float;
        let mut deep = float(f64::INFINITY);
        for _ in 0..MOST_LEVELS {
            deep = Datum::List(vec![deep]);
        }
        for (value, json) in [
            (Datum::Int(i64::MIN), Some("-9223372036854775808")),
            (float(2.0), Some("2.0")),
            (float(f64::NAN), Some(r#"{"float":"NaN"}"#)),
            (float(f64::NEG_INFINITY), Some(r#"{"float":"-inf"}"#)),
            ("NaN".into(), Some(r#""NaN""#)),
            ("inf".into(), None),
            (
                vec![float(f64::INFINITY), float(f64::NAN), float(0.1)].into(),
                Some(r#"[{"float":"inf"},{"float":"NaN"},0.1]"#),
            ),
            (
                vec![Datum::from(vec![float(f64::NAN)]), Datum::List(vec![])].into(),
                None,
            ),
            (deep, None),
        ] {
            let written = serde_json::to_string(&value).unwrap();
            assert!(json.is_none_or(|json| json == written), "{written}");
            assert_eq!(serde_json::from_str::<Datum>(&written).unwrap(), value);
        }
        // as records from before have them
        let before: Datum = serde_json::from_str("[null, 1]").unwrap();
        assert_eq!(before, vec![float(f64::NAN), Datum::Int(1)].into());
        for foreign in [r#"{"float":"1"}"#, r#"{"float":"NaN","x":1}"#, "{}"] {
            assert!(serde_json::from_str::<Datum>(foreign).is_err(), "{foreign}");
        }
    }

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

//! What does the document state, and how precisely does it print it?

use super::Datum;
use toml::Spanned;
use toml::de::{DeInteger, DeValue};

/// A stated value.
#[derive(Debug, Clone, PartialEq)]
pub enum Stated {
    /// Truth, or a text that is no number.
    Plain(Datum),
    /// A number.
    Number(Printed),
    /// A list of values.
    List(Vec<Stated>),
}

/// A number as it is printed.
#[derive(Debug, Clone, PartialEq)]
pub struct Printed {
    /// As the suite has it: a whole number, a fraction, or a text with a unit.
    pub written: Datum,
    /// Its value.
    pub value: f64,
    /// The power of ten that its last digit counts: -1 in 5.0, 6 in 138M, 5 in 1.384e8.
    pub last: i32,
}

/// The units that a number in a text may have, and the powers of ten that they stand for.
const UNITS: [(&str, i32); 7] = [
    ("k", 3),
    ("K", 3),
    ("M", 6),
    ("G", 9),
    ("B", 9),
    ("T", 12),
    ("%", -2),
];

impl Stated {
    /// The value of a `stated` key; nothing of a date or a table, which state nothing, and of infinity.
    pub(super) fn read(value: &Spanned<DeValue>) -> Option<Stated> {
        Some(match value.get_ref() {
            DeValue::Boolean(truth) => Stated::Plain(Datum::Bool(*truth)),
            DeValue::String(text) => match with_unit(text) {
                Some(number) => Stated::Number(number),
                None => Stated::Plain(Datum::Text(text.to_string())),
            },
            DeValue::Integer(digits) => Stated::Number(whole(digits)?),
            DeValue::Float(digits) => {
                let value: f64 = digits.as_str().parse().ok()?;
                Stated::Number(Printed {
                    written: Datum::Float(value),
                    value: Some(value).filter(|value| value.is_finite())?,
                    last: last_of(digits.as_str()),
                })
            }
            DeValue::Array(values) => {
                Stated::List(values.iter().map(Stated::read).collect::<Option<_>>()?)
            }
            DeValue::Datetime(_) | DeValue::Table(_) => return None,
        })
    }

    /// A value that is printed in the shortest way; a text that is a number with a unit is one.
    pub fn shortest(value: &Datum) -> Stated {
        match value {
            Datum::Bool(_) => Stated::Plain(value.clone()),
            Datum::Text(text) => match with_unit(text) {
                Some(number) => Stated::Number(number),
                None => Stated::Plain(value.clone()),
            },
            Datum::Int(written) => Stated::Number(whole_number(*written)),
            Datum::Float(number) => Stated::Number(Printed {
                written: value.clone(),
                value: *number,
                last: last_of(&format!("{number:?}")),
            }),
            Datum::List(values) => Stated::List(values.iter().map(Stated::shortest).collect()),
        }
    }

    /// The value, without how it is printed.
    pub fn datum(&self) -> Datum {
        match self {
            Stated::Plain(value) => value.clone(),
            Stated::Number(number) => number.written.clone(),
            Stated::List(values) => Datum::List(values.iter().map(Stated::datum).collect()),
        }
    }

    /// The last place of each number, where it is not that of the shortest writing of its value; nothing if all are.
    pub(super) fn unusual_places(&self) -> Vec<Option<i32>> {
        let mut places = self.places();
        if places.iter().all(Option::is_none) {
            places.clear();
        }
        places
    }

    fn places(&self) -> Vec<Option<i32>> {
        match self {
            Stated::Plain(_) => Vec::new(),
            Stated::Number(number) => vec![match number.written {
                Datum::Float(value) => {
                    Some(number.last).filter(|last| *last != last_of(&format!("{value:?}")))
                }
                // whole numbers are printed in one way, and a text is kept as it is printed
                _ => None,
            }],
            Stated::List(values) => values.iter().flat_map(Stated::places).collect(),
        }
    }

    /// Whether a number in it has a unit, and so is rounded.
    pub fn has_unit(&self) -> bool {
        match self {
            Stated::Plain(_) => false,
            Stated::Number(number) => matches!(number.written, Datum::Text(_)),
            Stated::List(values) => values.iter().any(Stated::has_unit),
        }
    }
}

fn whole(digits: &DeInteger) -> Option<Printed> {
    Some(whole_number(
        i64::from_str_radix(digits.as_str(), digits.radix()).ok()?,
    ))
}

/// A whole number. Zeros at its end are taken for rounding, as long as two digits stand in front of them: 138400000 is
/// printed to the hundred thousands, 100 to the tens, 10 to the ones.
fn whole_number(written: i64) -> Printed {
    let text = written.unsigned_abs().to_string();
    let zeros = text.len() - text.trim_end_matches('0').len();
    Printed {
        written: Datum::Int(written),
        value: written as f64,
        last: zeros.min(text.len().saturating_sub(2)) as i32,
    }
}

/// A number with a unit behind it: `138.4M`, `60 k`, `5.0 %`.
fn with_unit(text: &str) -> Option<Printed> {
    let (number, power) = UNITS
        .iter()
        .find_map(|(unit, power)| Some((text.strip_suffix(unit)?, power)))?;
    let number = number.strip_suffix(' ').unwrap_or(number);
    let unsigned = number.strip_prefix(['+', '-']).unwrap_or(number);
    let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !are_digits(whole) || !are_digits(part) {
        return None;
    }
    let value: f64 = format!("{number}e{power}").parse().ok()?;
    Some(Printed {
        written: Datum::Text(text.to_string()),
        value: Some(value).filter(|value| value.is_finite())?,
        last: last_of(number) + power,
    })
}

/// The power of ten of the last digit of a number such as `5.0` or `1.384e8`.
fn last_of(number: &str) -> i32 {
    let (digits, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let behind = digits.split_once('.').map_or(0, |(_, behind)| behind.len());
    // no number that is finite and not zero has a power beyond
    power
        .parse::<i32>()
        .unwrap_or(0)
        .saturating_sub(behind as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(written: &str) -> Option<Stated> {
        Stated::read(&DeValue::parse(written).unwrap())
    }

    #[test]
    fn the_last_digit_is_the_one_that_is_printed() {
        for (written, value, last) in [
            ("138400000", 138_400_000.0, 5),
            ("138_000_000", 138_000_000.0, 6),
            ("100", 100.0, 1),
            ("10", 10.0, 0),
            ("0", 0.0, 0),
            ("-1200", -1200.0, 2),
            ("0x64", 100.0, 1),
            ("5.0", 5.0, -1),
            ("16.94", 16.94, -2),
            ("1.38e8", 138_000_000.0, 6),
            ("1.380e8", 138_000_000.0, 5),
            ("'138M'", 138_000_000.0, 6),
            ("'138.4M'", 138_400_000.0, 5),
            ("'138.40 M'", 138_400_000.0, 4),
            ("'60k'", 60_000.0, 3),
            ("'1.5 B'", 1_500_000_000.0, 8),
            ("'5.0 %'", 0.05, -3),
            ("'-3%'", -0.03, -2),
        ] {
            let Some(Stated::Number(number)) = read(written) else {
                panic!("{written} is a number");
            };
            assert_eq!((number.value, number.last), (value, last), "{written}");
        }
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in [
            "138,357,544",
            "138 357 544M",
            "M",
            ".5M",
            "5.M",
            "1e3M",
            "5  %",
            "3x3",
            "",
        ] {
            let plain = Stated::Plain(text.into());
            assert_eq!(read(&format!("'{text}'")), Some(plain), "{text}");
        }
        assert_eq!(read("inf"), None);
        assert_eq!(read("[1, [nan]]"), None);
    }
}

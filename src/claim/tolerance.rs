//! How near must a found value come to the stated one?

use super::{Datum, Printed, Stated};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How near a found value must come.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "lowercase",
    expecting = "a tolerance is \"exact\", \"printed\", \"about\", a part of the stated value such as 0.05, or { absolute = 3 }"
)]
pub enum Tolerance {
    /// Equal.
    #[default]
    Exact,
    /// Equal once rounded to the digits that the document prints; halfway, to either side. Zeros at the end of a whole
    /// number are taken for rounding, as long as two digits stand in front of them.
    Printed,
    /// Within 10 %, where the document says "about" or counts in millions.
    About,
    /// Within so much, in the measure's own unit.
    Absolute(f64),
    /// Within so much of the stated value, a part between 0 and 1.
    #[serde(untagged)]
    Relative(f64),
}

/// Two values of which one cannot be the other's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`stated` is {stated}, and the measure finds {found}: {hint}")]
pub struct KindError {
    stated: String,
    found: String,
    hint: &'static str,
}

impl Tolerance {
    /// Whether a found value agrees with the stated one. Lists agree element by element; text and
    /// truth only exactly. Not a number agrees with nothing.
    ///
    /// # Errors
    /// [`KindError`] when one is a number and the other a text, or a list, or truth.
    pub fn agrees(self, stated: &Stated, found: &Datum) -> Result<bool, KindError> {
        Ok(match (stated, found) {
            (Stated::List(stated), Datum::List(found)) => {
                let mut agree = stated.len() == found.len();
                for (stated, found) in stated.iter().zip(found) {
                    agree &= self.agrees(stated, found)?;
                }
                agree
            }
            (Stated::Number(number), Datum::Int(_) | Datum::Float(_)) => {
                self.is_near(number, found)
            }
            (Stated::Number(Printed { written, .. }), Datum::Text(_))
                if matches!(written, Datum::Text(_)) =>
            {
                written == found
            }
            (Stated::Plain(Datum::Bool(_)), Datum::Bool(_))
            | (Stated::Plain(Datum::Text(_)), Datum::Text(_)) => stated.datum() == *found,
            _ => return Err(mismatch(stated, found)),
        })
    }

    fn is_near(self, stated: &Printed, found: &Datum) -> bool {
        let apart = match (&stated.written, found) {
            (Datum::Int(stated), Datum::Int(found)) => stated.abs_diff(*found) as f64,
            _ => (found.number().unwrap_or(f64::NAN) - stated.value).abs(),
        };
        // a decimal bound is no binary number: at the bound itself the last bit must not decide
        let within = |most: f64| apart <= most * (1.0 + 1e-9);
        match self {
            Tolerance::Exact => apart == 0.0,
            Tolerance::Printed => within(0.5 * 10f64.powi(stated.last)),
            Tolerance::About => within(0.1 * stated.value.abs()),
            Tolerance::Relative(part) => within(part * stated.value.abs()),
            Tolerance::Absolute(most) => within(most),
        }
    }

    /// Whether its number, if it has one, can be a tolerance.
    pub(super) fn is_possible(self) -> bool {
        match self {
            Tolerance::Exact | Tolerance::Printed | Tolerance::About => true,
            Tolerance::Relative(part) => part > 0.0 && part < 1.0,
            Tolerance::Absolute(most) => most > 0.0 && most.is_finite(),
        }
    }
}

fn mismatch(stated: &Stated, found: &Datum) -> KindError {
    let kind = |value: &Datum| match value {
        Datum::Bool(truth) => format!("a truth, {truth}"),
        Datum::Int(_) | Datum::Float(_) => format!("a number, {value}"),
        Datum::Text(_) => format!("a text, \"{}\"", value.brief()),
        Datum::List(_) => format!("a list, {}", value.brief()),
    };
    let stated = stated.datum();
    KindError {
        stated: kind(&stated),
        found: kind(found),
        hint: match (&stated, found) {
            (Datum::Text(_), Datum::Int(_) | Datum::Float(_)) => {
                "a number stands without quotes and commas, or in quotes with a unit (k, M, G, B, T, %), as \"138.4M\""
            }
            _ => "they must be of one kind",
        },
    }
}

/// As a report says it behind two values.
impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tolerance::Exact => f.write_str("exactly"),
            Tolerance::Printed => f.write_str("to the printed digits"),
            Tolerance::About => f.write_str("within 10 %"),
            // nine digits, so that 0.07 is 7 %
            Tolerance::Relative(part) => write!(f, "within {} %", (part * 1e11).round() / 1e9),
            Tolerance::Absolute(most) => write!(f, "within {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::de::DeValue;

    fn stated(written: &str) -> Stated {
        Stated::read(&DeValue::parse(written).unwrap()).unwrap()
    }

    #[test]
    fn each_tolerance_accepts_what_its_name_says() {
        use Tolerance::{About, Absolute, Exact, Printed, Relative};
        let (int, float) = (Datum::Int, Datum::Float);
        for (tolerance, written, found, agrees) in [
            (Exact, "55", int(55), true),
            (Exact, "55", float(55.0), true),
            (Exact, "55", float(55.000001), false),
            (Exact, "0.1", float(0.1 + f64::EPSILON), false),
            (Exact, "9007199254740993", int(9_007_199_254_740_992), false),
            (Exact, "'138.4M'", int(138_400_000), true),
            (Exact, "'138.4M'", int(138_357_544), false),
            (Printed, "16.94", float(16.941176), true),
            (Printed, "16.95", float(16.941176), false),
            (Printed, "17", float(16.94), true),
            (Printed, "17", int(18), false),
            (Printed, "0.12", float(0.125), true),
            (Printed, "0.13", float(0.125), true),
            (Printed, "5.0", float(5.04), true),
            (Printed, "5.0", float(5.4), false),
            (Printed, "138400000", int(138_357_544), true),
            (Printed, "138300000", int(138_357_544), false),
            (Printed, "138000000", int(138_357_544), true),
            (Printed, "138357544", int(138_357_545), false),
            (Printed, "100", int(96), true),
            (Printed, "100", int(94), false),
            (Printed, "60", int(61), false),
            (Printed, "'138M'", int(138_357_544), true),
            (Printed, "'138.4M'", int(138_357_544), true),
            (Printed, "'138.40M'", int(138_357_544), false),
            (Printed, "1.38e8", int(138_357_544), true),
            (Printed, "1.380e8", int(138_357_544), false),
            (Printed, "'5.0 %'", float(0.0496), true),
            (Printed, "'5.0 %'", float(0.0494), false),
            (About, "5000000", int(5_500_000), true),
            (About, "5000000", int(5_500_001), false),
            (About, "0", int(1), false),
            (Relative(0.05), "100", int(105), true),
            (Relative(0.05), "100", int(106), false),
            (Absolute(3.0), "100", int(97), true),
            (Absolute(3.0), "100", int(96), false),
            (Absolute(0.1), "0.3", float(0.4), true),
            (Exact, "true", Datum::Bool(true), true),
            (Exact, "'a'", "b".into(), false),
            (Printed, "'5M'", "5M".into(), true),
            (Printed, "'5M'", "5 M".into(), false),
            (Exact, "[1, 2]", vec![int(1), int(2)].into(), true),
            (About, "[1, 2]", vec![int(1), int(3)].into(), false),
            (Exact, "[1, 2]", vec![int(1)].into(), false),
        ] {
            assert_eq!(
                tolerance.agrees(&stated(written), &found),
                Ok(agrees),
                "{tolerance:?} {written} {found}"
            );
        }
    }

    #[test]
    fn values_of_two_kinds_are_an_error() {
        let field = || Datum::List(vec![Datum::Int(7), Datum::Int(1)]);
        for (written, found, says) in [
            ("'138,357,544'", Datum::Int(138_357_544), "without quotes"),
            ("1", "1".into(), "a text, \"1\""),
            ("[1]", Datum::Int(1), "a list, [1]"),
            ("3", field(), "a list, [7, 1]"),
            ("[3, 3]", vec![Datum::Int(3), field()].into(), "a number, 3"),
            ("true", Datum::Int(1), "a truth, true"),
        ] {
            let error = Tolerance::About
                .agrees(&stated(written), &found)
                .unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn not_a_number_agrees_with_nothing() {
        for tolerance in [Tolerance::Exact, Tolerance::Printed, Tolerance::About] {
            let nan = Datum::Float(f64::NAN);
            assert_eq!(tolerance.agrees(&stated("1.0"), &nan), Ok(false));
        }
    }

    /// As suites and records write it.
    #[test]
    fn a_tolerance_is_a_name_or_a_number() {
        for (written, tolerance) in [
            ("\"exact\"", Tolerance::Exact),
            ("\"printed\"", Tolerance::Printed),
            ("0.05", Tolerance::Relative(0.05)),
            ("{\"absolute\":3.0}", Tolerance::Absolute(3.0)),
        ] {
            assert_eq!(
                serde_json::from_str::<Tolerance>(written).unwrap(),
                tolerance
            );
            assert_eq!(serde_json::to_string(&tolerance).unwrap(), written);
        }
        let error = serde_json::from_str::<Tolerance>("\"abuot\"").unwrap_err();
        assert!(error.to_string().contains("\"about\""), "{error}");
        assert_eq!(Tolerance::Relative(0.07).to_string(), "within 7 %");
    }
}

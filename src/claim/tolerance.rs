//! How near must a found value come to the stated one?

use super::Datum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Named tolerances; there are no numbers to turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tolerance {
    /// Equal.
    #[default]
    Exact,
    /// Equal once rounded to the digits that the document prints.
    Printed,
    /// Within 10 %, where the document says "about" or counts in millions.
    About,
}

impl Tolerance {
    /// Its name in suites.
    pub const fn name(self) -> &'static str {
        match self {
            Tolerance::Exact => "exact",
            Tolerance::Printed => "printed",
            Tolerance::About => "about",
        }
    }

    /// Whether a found value agrees with the stated one. Lists agree element by element; text and
    /// truth only exactly.
    pub fn agrees(self, stated: &Datum, found: &Datum) -> bool {
        if let (Datum::List(stated), Datum::List(found)) = (stated, found) {
            return stated.len() == found.len()
                && stated.iter().zip(found).all(|(s, f)| self.agrees(s, f));
        }
        if let (Datum::Int(stated), Datum::Int(found)) = (stated, found)
            && self != Tolerance::About
        {
            return stated == found;
        }
        let (Some(s), Some(f)) = (stated.number(), found.number()) else {
            return stated == found;
        };
        match self {
            Tolerance::Exact => s == f,
            Tolerance::Printed => {
                let digits = decimals(s);
                format!("{s:.digits$}") == format!("{f:.digits$}")
            }
            Tolerance::About => (f - s).abs() <= 0.1 * s.abs(),
        }
    }
}

/// Digits behind the point in the shortest way to write a number.
fn decimals(x: f64) -> usize {
    x.to_string()
        .split_once('.')
        .map_or(0, |(_, digits)| digits.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tolerance_accepts_what_its_name_says() {
        use Tolerance::{About, Exact, Printed};
        let (int, float) = (Datum::Int, Datum::Float);
        for (tolerance, stated, found, agrees) in [
            (Exact, int(55), int(55), true),
            (Exact, int(55), float(55.0), true),
            (Exact, int(55), float(55.000001), false),
            (Exact, float(0.1), float(0.1 + f64::EPSILON), false),
            (Printed, float(16.94), float(16.941176), true),
            (Printed, float(16.95), float(16.941176), false),
            (Printed, int(17), float(16.94), true),
            (Printed, int(17), int(18), false),
            (About, int(5_000_000), int(5_500_000), true),
            (About, int(5_000_000), int(5_500_001), false),
            (About, int(0), int(1), false),
            (Exact, Datum::Bool(true), Datum::Bool(true), true),
            (About, Datum::Bool(true), int(1), false),
            (Exact, "a".into(), "b".into(), false),
        ] {
            assert_eq!(
                tolerance.agrees(&stated, &found),
                agrees,
                "{tolerance:?} {stated} {found}"
            );
        }
        let lists = |a: i64| Datum::List(vec![Datum::Int(1), Datum::Int(a)]);
        assert!(Exact.agrees(&lists(2), &lists(2)));
        assert!(!About.agrees(&lists(2), &lists(3)));
        assert!(!Exact.agrees(&lists(2), &Datum::List(vec![Datum::Int(1)])));
    }

    #[test]
    fn not_a_number_agrees_with_nothing() {
        for tolerance in [Tolerance::Exact, Tolerance::About] {
            assert!(!tolerance.agrees(&Datum::Float(1.0), &Datum::Float(f64::NAN)));
        }
    }
}

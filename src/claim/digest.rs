//! Is this still the claim that was judged? A digest of all that a verdict depends on in its suite: what names in it
//! stand for is another (`check/current.rs`).

use super::{Basis, Claim, Datum, Tolerance, Trial};
use crate::digest;
use serde::Serialize;
use std::borrow::Cow;

/// What is judged of a claim. Where it stands, its notes and what else it settles change no verdict.
#[derive(Default, Serialize)]
pub(crate) struct Judged<'a> {
    /// The statement.
    pub says: &'a str,
    /// The value that the document states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated: Option<Cow<'a, Datum>>,
    /// Where the printed digits decide: the last place of each number in it, if it is not that of its shortest writing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Option<i32>>,
    /// How near a value must come to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Tolerance>,
    /// The expression that finds the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measure: Option<&'a str>,
    /// The questions that decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<&'a Trial>,
    /// The publication that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cites: Option<&'a str>,
    /// What a test needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<&'a str>,
}

impl Judged<'_> {
    /// 16 hexadecimal digits.
    pub fn digest(&self) -> String {
        digest::of_json(self)
    }
}

impl Claim {
    /// What of it is judged, in 16 hexadecimal digits.
    pub fn digest(&self) -> String {
        let mut judged = Judged {
            says: &self.says,
            ..Judged::default()
        };
        match &self.basis {
            Basis::Measure(measure) => {
                judged.stated = Some(Cow::Owned(measure.stated.datum()));
                judged.tolerance = Some(measure.tolerance);
                if measure.tolerance == Tolerance::Printed {
                    judged.places = measure.stated.unusual_places();
                }
                judged.measure = Some(&measure.expression);
            }
            Basis::Trial(trial) => judged.trial = Some(trial),
            Basis::Citation(publication) => judged.cites = Some(publication),
            Basis::Needs(what) => judged.needs = Some(what),
        }
        judged.digest()
    }
}

#[cfg(test)]
mod tests {
    use crate::claim::parse;
    use std::path::Path;

    /// Digits that are printed bound what agrees, as nothing else of how a number is written does.
    #[test]
    fn a_place_more_is_another_claim_where_the_printed_digits_decide() {
        let digest = |stated: &str, tolerance: &str| {
            let text = format!(
                "system = \"s\"\ntitle = \"S\"\n[[claim]]\nid = \"s.a\"\nsays = \"A.\"\nstated = {stated}\nmeasure = \"1\"\ntolerance = \"{tolerance}\"\n"
            );
            parse(Path::new("s.toml"), &text).whole().unwrap()[0].claims[0].digest()
        };
        for (one, other, tolerance, is_same) in [
            ("16.9", "16.90", "printed", false),
            ("16.90", "16.900", "printed", false),
            ("1.38e8", "1.380e8", "printed", false),
            ("[1, 16.9]", "[1, 16.90]", "printed", false),
            ("[[5.00], 5.0]", "[[5.0], 5.00]", "printed", false),
            ("5.0", "5e0", "printed", false),
            ("16.9", "+16.9", "printed", true),
            ("1000", "1_000", "printed", true),
            ("16.9", "16.90", "about", true),
            ("16.9", "16.90", "exact", true),
        ] {
            let is_found = digest(one, tolerance) == digest(other, tolerance);
            assert_eq!(is_found, is_same, "{one}, {other}, {tolerance}");
        }
    }
}

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
                judged.measure = Some(&measure.expression);
            }
            Basis::Trial(trial) => judged.trial = Some(trial),
            Basis::Citation(publication) => judged.cites = Some(publication),
            Basis::Needs(what) => judged.needs = Some(what),
        }
        judged.digest()
    }
}

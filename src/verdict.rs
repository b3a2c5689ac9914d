//! What follows from the evidence? A pure function, and the only place that says so.

use crate::claim::{Basis, Claim, Datum, Kind, KindError, Stated, Tolerance};
use crate::evidence::Evidence;
use crate::experiment::{Answer, Finding};

/// The verdict on a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The value found is the stated one, within the claim's tolerance.
    Confirmed,
    /// It is not.
    Refuted,
    /// The evidence does not decide, because.
    Inconclusive(String),
    /// Not decidable here; what is needed.
    Untested(String),
    /// A publication says so; which.
    Cited(String),
}

impl Verdict {
    /// The verdict without its reason.
    pub const fn kind(&self) -> Kind {
        match self {
            Verdict::Confirmed => Kind::Confirmed,
            Verdict::Refuted => Kind::Refuted,
            Verdict::Inconclusive(_) => Kind::Inconclusive,
            Verdict::Untested(_) => Kind::Untested,
            Verdict::Cited(_) => Kind::Cited,
        }
    }

    /// Why it is neither confirmed nor refuted.
    pub fn because(&self) -> Option<&str> {
        match self {
            Verdict::Confirmed | Verdict::Refuted => None,
            Verdict::Inconclusive(why) | Verdict::Untested(why) | Verdict::Cited(why) => Some(why),
        }
    }
}

/// Judges a claim by its evidence.
///
/// # Errors
/// [`KindError`] when what is stated and what was found cannot be compared.
pub fn judge(claim: &Claim, evidence: &Evidence) -> Result<Verdict, KindError> {
    Ok(match (&claim.basis, evidence) {
        (Basis::Citation(publication), _) => Verdict::Cited(publication.clone()),
        (Basis::Needs(what), _) => Verdict::Untested(what.clone()),
        (
            Basis::Measure(measure),
            Evidence::Structural(found) | Evidence::Numerical(found) | Evidence::Timed(found),
        ) => by_value(&measure.stated, measure.tolerance, &found.value)?,
        (Basis::Measure(_), Evidence::Lacking(what)) => Verdict::Untested(what.clone()),
        (Basis::Trial(_), Evidence::Training(answers)) => by_answers(answers),
        (Basis::Trial(trial), _) => Verdict::Untested(format!(
            "no run of this experiment at the {scale} scale: `convcheck train {} --scale {scale}` makes them",
            trial.experiment,
            scale = trial.scale.name()
        )),
        (Basis::Measure(_), Evidence::None | Evidence::Training(_)) => {
            Verdict::Inconclusive("nothing was measured".into())
        }
    })
}

/// Confirmed when the value found agrees with the stated one; a value that is not finite, anywhere in it, decides nothing,
/// whatever is stated.
///
/// # Errors
/// [`KindError`] when the two cannot be compared.
pub fn by_value(
    stated: &Stated,
    tolerance: Tolerance,
    found: &Datum,
) -> Result<Verdict, KindError> {
    Ok(match found.not_finite() {
        Some(x) if x.is_nan() => Verdict::Inconclusive("the measure is not a number".into()),
        Some(_) => Verdict::Inconclusive("the measure is not finite".into()),
        None if tolerance.agrees(stated, found)? => Verdict::Confirmed,
        None => Verdict::Refuted,
    })
}

/// Confirmed when every question's answer is yes, refuted when one is no.
pub fn by_answers(answers: &[Answer]) -> Verdict {
    let mut open = None;
    for answer in answers {
        match &answer.finding {
            Finding::Fails => return Verdict::Refuted,
            Finding::Open(why) => {
                open.get_or_insert_with(|| format!("{}: {why}", answer.question));
            }
            Finding::Holds => {}
        }
    }
    match open {
        Some(why) => Verdict::Inconclusive(why),
        None => Verdict::Confirmed,
    }
}

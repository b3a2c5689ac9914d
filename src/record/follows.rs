//! Does a record's verdict follow from what the record itself says? It was computed from that, so that where it does
//! not somebody wrote another.

use super::Record;
use crate::claim::{Kind, Stated, Tolerance};
use crate::verdict::{by_answers, by_value};

impl Record {
    /// Judges again what was found.
    ///
    /// # Errors
    /// What does not follow, in words that go on after the number of its line.
    pub(super) fn follows(&self) -> Result<(), String> {
        let is = self.verdict;
        let follows = match (&self.measure, &self.trial) {
            (None, None) => match is {
                Kind::Cited | Kind::Untested => return Ok(()),
                _ => "cites nothing, and has neither a measure nor a trial".to_string(),
            },
            (None, Some(_)) => match by_answers(&self.answers).kind() {
                _ if self.answers.is_empty() && is == Kind::Untested => return Ok(()),
                _ if self.answers.is_empty() => "has no answers".to_string(),
                kind if kind == is => return Ok(()),
                kind => format!("is {} by its answers", kind.name()),
            },
            (Some(_), _) => match (&self.stated, &self.tolerance, &self.found) {
                (Some(stated), Some(tolerance), Some(found)) => {
                    let printed = Stated::shortest(stated);
                    match by_value(&printed, *tolerance, found) {
                        Ok(verdict) if verdict.kind() == is => return Ok(()),
                        // how a number is printed decides here, and no record says it
                        Ok(verdict)
                            if *tolerance == Tolerance::Printed
                                && verdict.kind() != Kind::Inconclusive
                                && matches!(is, Kind::Confirmed | Kind::Refuted)
                                && self.has_unusual_places() =>
                        {
                            return Ok(());
                        }
                        Ok(verdict) => format!(
                            "is {}: {found} was found where {stated} is stated, {tolerance}",
                            verdict.kind().name()
                        ),
                        Err(error) => format!("cannot be judged: {error}"),
                    }
                }
                (.., None) => match is {
                    Kind::Untested | Kind::Inconclusive => return Ok(()),
                    // so records from before wrote that an infinite value was found
                    Kind::Refuted if self.method.is_some() => return Ok(()),
                    _ => "has no value that was found".to_string(),
                },
                _ => "has no stated value or no tolerance".to_string(),
            },
        };
        Err(format!(
            "`{}`: it is recorded as {}, and {follows}",
            self.id,
            is.name()
        ))
    }

    /// Whether a number of the claim is printed in another than the shortest way: then its digest is another than that of
    /// what the record says.
    fn has_unusual_places(&self) -> bool {
        (self.digest.as_ref()).is_some_and(|digest| *digest != self.computed_digest())
    }
}

//! How does a verdict stand to what its suite records?

use super::Record;
use crate::claim::{Datum, Kind};

/// What a suite says to the verdict that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Verdict and value are those that the suite records.
    AsRecorded,
    /// Runs of another machine leave open what was decided, or decide what was open.
    Open,
    /// The suite records another verdict or value; what differs, in a sentence without its subject.
    Differs(String),
    /// The suite records no verdict, and nothing contradicts the claim.
    Unrecorded,
    /// The suite records no verdict, and the claim is refuted; in a sentence without its subject.
    RefutedUnrecorded(String),
    /// The check left the claim out, since it takes long, its networks have not been trained, or its timings are not at hand.
    LeftOut,
}

impl Record {
    /// How the verdict stands to the suite's record. Of trained networks, whose numbers differ from
    /// machine to machine, chance may leave open here what it decided there: only the opposite differs.
    pub fn standing(&self) -> Standing {
        if self.is_left_out() {
            return Standing::LeftOut;
        }
        let is_open = |kind| kind == Kind::Inconclusive;
        let may_vary =
            self.trial.is_some() && (is_open(self.verdict) || self.recorded.is_some_and(is_open));
        let found = self
            .found
            .as_ref()
            .map_or(String::new(), |found| format!(" (found {})", found.brief()));
        if let Some(recorded) = self.recorded
            && recorded != self.verdict
            && !may_vary
        {
            return Standing::Differs(format!(
                "is {} now, recorded as {}{found}",
                self.verdict.name(),
                recorded.name(),
            ));
        }
        if let Some(recorded) = &self.recorded_found
            && Some(recorded) != self.found.as_ref()
        {
            return Standing::Differs(format!(
                "finds {} now, recorded is {}",
                (self.found.as_ref()).map_or("nothing".into(), Datum::brief),
                recorded.brief()
            ));
        }
        match (self.recorded, self.verdict) {
            (Some(recorded), verdict) if recorded != verdict => Standing::Open,
            (Some(_), _) => Standing::AsRecorded,
            (None, Kind::Refuted) => {
                Standing::RefutedUnrecorded(format!("is refuted{found}, and records no verdict"))
            }
            (None, _) => Standing::Unrecorded,
        }
    }

    /// Why whoever relies on the check must look, in a sentence without its subject: something differs
    /// from the record, or a claim is refuted of which nothing is recorded. What is inconclusive, untested
    /// or cited and was never recorded is no failure.
    pub fn failure(&self) -> Option<String> {
        match self.standing() {
            Standing::Differs(why) | Standing::RefutedUnrecorded(why) => Some(why),
            Standing::AsRecorded | Standing::Open | Standing::Unrecorded | Standing::LeftOut => {
                None
            }
        }
    }
}

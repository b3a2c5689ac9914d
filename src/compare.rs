//! What changed between two records?

mod timing;
mod training;

pub use timing::{Retimed, compare_timings};
pub use training::{Retrained, Trend, absent_arms, compare_training};

use crate::claim::{Datum, Kind};
use crate::record::Record;
use std::collections::BTreeMap;

/// A claim that two records do not agree on.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The claim.
    pub id: String,
    /// Verdict and value in the first record; nothing if it lacks the claim.
    pub before: Option<(Kind, Option<Datum>)>,
    /// Verdict and value in the second record; nothing if it lacks the claim.
    pub after: Option<(Kind, Option<Datum>)>,
    /// Whether something that held no longer does: a confirmed claim is confirmed no more or gone, or
    /// a check fails on a claim on which it did not. Claims that one of the two checks left
    /// out, since their measures take long, have not changed.
    pub broken: bool,
    /// Whether what is judged under that id is another claim: statement, value, tolerance or measure.
    pub restated: bool,
}

/// The claims that, or whose verdict or value, differ between two records, in order of id.
pub fn compare(before: &[Record], after: &[Record]) -> Vec<Change> {
    let by_id = |records: &'_ [Record]| -> BTreeMap<String, Record> {
        records
            .iter()
            .map(|record| (record.id.clone(), record.clone()))
            .collect()
    };
    let (before, after) = (by_id(before), by_id(after));
    let mut ids: Vec<&String> = before.keys().chain(after.keys()).collect();
    ids.sort();
    ids.dedup();
    ids.into_iter()
        .filter_map(|id| change(id, before.get(id), after.get(id)))
        .collect()
}

fn change(id: &str, before: Option<&Record>, after: Option<&Record>) -> Option<Change> {
    if let (Some(before), Some(after)) = (before, after)
        && before.is_left_out() != after.is_left_out()
    {
        return None;
    }
    let outcome = |record: &Record| (record.verdict, record.found.clone());
    let broken = before.is_some_and(|before| {
        // whether training decides a question again is chance; that it decides the opposite is not
        let holds = |after: &Record| {
            let open = after.trial.is_some() && after.verdict == Kind::Inconclusive;
            open || after.verdict == Kind::Confirmed
        };
        let confirmed_no_more = before.verdict == Kind::Confirmed && !after.is_some_and(holds);
        let fails_now =
            before.failure().is_none() && after.is_some_and(|after| after.failure().is_some());
        confirmed_no_more || fails_now
    });
    let restated = before
        .zip(after)
        .is_some_and(|(before, after)| before.claim_digest() != after.claim_digest());
    let change = Change {
        id: id.to_string(),
        before: before.map(outcome),
        after: after.map(outcome),
        broken,
        restated,
    };
    (broken || restated || change.before != change.after).then_some(change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Method;

    fn record(id: &str, verdict: Kind, found: i64, recorded: Option<Kind>) -> Record {
        Record {
            digest: None,
            means: None,
            id: id.into(),
            system: "s".into(),
            section: None,
            line: None,
            says: "A.".into(),
            topic: None,
            stated: None,
            measure: None,
            tolerance: None,
            trial: None,
            answers: Vec::new(),
            method: None,
            found: Some(Datum::Int(found)),
            calls: Vec::new(),
            steps: Vec::new(),
            verdict,
            because: None,
            recorded,
            recorded_found: None,
            covers: Vec::new(),
            note: None,
        }
    }

    /// A check without the slow measures says nothing about them.
    #[test]
    fn what_is_left_out_has_not_changed() {
        let run = Record {
            measure: Some("m".into()),
            method: Some(Method::Run),
            ..record("s.a", Kind::Confirmed, 1, Some(Kind::Confirmed))
        };
        let left_out = Record {
            method: None,
            found: None,
            verdict: Kind::Untested,
            recorded: None,
            ..run.clone()
        };
        let (run, left_out) = (vec![run], vec![left_out]);
        assert!(compare(&run, &left_out).is_empty());
        assert!(compare(&left_out, &run).is_empty());
        let refuted = vec![record("s.a", Kind::Refuted, 2, Some(Kind::Confirmed))];
        assert!(compare(&run, &refuted)[0].broken);
    }

    #[test]
    fn only_what_held_can_break() {
        use Kind::{Confirmed, Refuted};
        let one = |verdict, found, recorded| vec![record("s.a", verdict, found, recorded)];
        let same = one(Confirmed, 1, Some(Confirmed));
        assert!(compare(&same, &same).is_empty());
        for (before, after, broken) in [
            (same.clone(), one(Refuted, 2, Some(Confirmed)), true),
            (same.clone(), one(Refuted, 2, Some(Refuted)), true),
            (same.clone(), one(Confirmed, 2, Some(Confirmed)), false),
            (same.clone(), Vec::new(), true),
            (Vec::new(), same.clone(), false),
            (one(Refuted, 2, Some(Refuted)), same.clone(), false),
            (
                one(Refuted, 2, Some(Refuted)),
                one(Refuted, 2, Some(Confirmed)),
                true,
            ),
            (one(Refuted, 2, Some(Refuted)), Vec::new(), false),
        ] {
            let changes = compare(&before, &after);
            assert_eq!(changes.len(), 1, "{before:?} {after:?}");
            assert_eq!(changes[0].broken, broken, "{before:?} {after:?}");
        }
    }

    /// A verdict on another statement is not the old one's, even where it is the same.
    #[test]
    fn another_claim_under_the_same_id_is_a_change() {
        let before = record("s.a", Kind::Confirmed, 1, None);
        let after = Record {
            says: "B.".into(),
            ..before.clone()
        };
        let of = std::slice::from_ref;
        let changes = compare(of(&before), of(&after));
        assert!(changes[0].restated && !changes[0].broken);
        // a record of before, which has no digest, is known by what it holds
        let digested = Record {
            digest: Some(before.claim_digest()),
            ..before.clone()
        };
        assert!(compare(of(&before), of(&digested)).is_empty());
        let digest = Some(after.claim_digest());
        let other = Record {
            digest,
            ..before.clone()
        };
        assert!(compare(of(&before), of(&other))[0].restated);
    }
}

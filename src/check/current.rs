//! Do the records of an earlier check still speak of these suites?

use super::record;
use crate::claim::{Basis, Claim, Suite, SuiteError};
use crate::evidence::{Evaluator, Evidence, Training};
use crate::record::Record;
use crate::verdict::{Verdict, judge};
use std::collections::{BTreeMap, BTreeSet};

/// Records of a check beside suites that may have changed since.
#[derive(Debug, Default)]
pub struct Current {
    /// A record a claim, as the suites have it now: without a verdict where it is another claim than the one that
    /// was checked, or its names stand for something else.
    pub records: Vec<Record>,
    /// Claims that have changed since they were checked.
    pub changed: Vec<String>,
    /// Claims of which there is no record, though nothing is wrong with them.
    pub unchecked: Vec<String>,
    /// Claims that were checked and that the suites do not have any more.
    pub gone: Vec<String>,
}

/// Holds records against suites, and against what is wrong with some of their claims, claim by claim; networks are
/// those of the evaluator, experiments those of `training`.
pub fn current(
    suites: &[Suite],
    errors: &[SuiteError],
    records: &[Record],
    evaluator: &Evaluator,
    training: &Training,
) -> Current {
    let mut by_id: BTreeMap<&str, &Record> = records.iter().map(|r| (&*r.id, r)).collect();
    let mut current = Current::default();
    let wrong: BTreeSet<&str> = errors.iter().filter_map(|e| e.id.as_deref()).collect();
    let is_wrong = |id: &str| wrong.contains(id);
    let claims = suites.iter().flat_map(|suite| {
        let claims = suite.claims.iter();
        claims.map(move |claim| (suite, claim))
    });
    for (suite, claim) in claims {
        let record = match by_id.remove(&*claim.id) {
            Some(record)
                if record.claim_digest() == claim.digest()
                    && means_the_same(record, evaluator, training) =>
            {
                with_found(suite, claim, record)
            }
            Some(_) => {
                current.changed.push(claim.id.clone());
                without_evidence(suite, claim, "a new check: it has changed since the last")
            }
            // what is wrong with it stands in its place
            None if is_wrong(&claim.id) => continue,
            None => {
                current.unchecked.push(claim.id.clone());
                without_evidence(suite, claim, "a check: there is no record of one")
            }
        };
        current.records.push(record);
    }
    let gone = records.iter().map(|record| &record.id);
    current.gone = gone
        .filter(|id| by_id.contains_key(id.as_str()) && !is_wrong(id))
        .cloned()
        .collect();
    current
}

/// Whether names stand for what they stood for when a record was made. Records from before that was written down are
/// only known by what their answers repeat of the questions.
fn means_the_same(record: &Record, evaluator: &Evaluator, training: &Training) -> bool {
    let means = match &record.trial {
        Some(trial) => training.means(trial),
        None => evaluator.means(&record.calls),
    };
    let experiment =
        (record.trial.as_ref()).and_then(|trial| training.experiment(&trial.experiment));
    let mut answers = record.answers.iter();
    let are_asked = answers.all(|answer| {
        let question = experiment.and_then(|one| one.question(&answer.question));
        question.is_some_and(|question| answer.is_to(question))
    });
    are_asked && (record.means.is_none() || record.means == means)
}

/// What was found, under the claim as its suite has it now.
fn with_found(suite: &Suite, claim: &Claim, found: &Record) -> Record {
    let found = found.clone();
    Record {
        digest: found.digest,
        means: found.means,
        method: found.method,
        found: found.found,
        calls: found.calls,
        steps: found.steps,
        answers: found.answers,
        verdict: found.verdict,
        because: found.because,
        ..without_evidence(suite, claim, "")
    }
}

/// What can be said of a claim that is not checked: all where a publication or a lack decides.
fn without_evidence(suite: &Suite, claim: &Claim, needs: &str) -> Record {
    let verdict = match (&claim.basis, judge(claim, &Evidence::None)) {
        (Basis::Citation(_) | Basis::Needs(_), Ok(verdict)) => verdict,
        _ => Verdict::Untested(needs.into()),
    };
    record(suite, claim, Evidence::None, &verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::parse;
    use crate::evidence::{Evaluator, Training};
    use crate::zoo::Registry;
    use std::path::Path;

    const SUITE: &str = r#"
system = "s"
title = "A text"

[[claim]]
id = "s.a"
section = "1"
line = 1
says = "One."
stated = 1
measure = "1 + 0"
verdict = "confirmed"

[[claim]]
id = "s.b"
section = "1"
line = 2
says = "Two."
cites = "Somebody, 1998"
"#;

    fn suite(text: &str) -> Vec<Suite> {
        parse(Path::new("s.toml"), text).whole().unwrap()
    }

    fn held(text: &str, errors: &[SuiteError], records: &[Record]) -> Current {
        let evaluator = Evaluator::new(&Registry::builtin());
        current(
            &suite(text),
            errors,
            records,
            &evaluator,
            &Training::default(),
        )
    }

    fn records() -> Vec<Record> {
        let (suites, registry) = (suite(SUITE), Registry::builtin());
        let claims = crate::check::select(&suites, None);
        let evaluator = Evaluator::new(&registry);
        claims
            .map(|(suite, claim)| {
                crate::check::check_one(suite, claim, &evaluator, &Training::default()).unwrap()
            })
            .collect()
    }

    /// What its suite says beside the claim is the suite's of now.
    #[test]
    fn what_has_not_changed_keeps_its_verdict() {
        let moved = SUITE
            .replace(
                "line = 1",
                "line = 7\nnote = \"As it is.\"\ncovers = [\"s.c\"]",
            )
            .replace("\"confirmed\"", "\"refuted\"");
        for (text, is_moved) in [(SUITE, false), (&moved, true)] {
            for strip in [false, true] {
                let mut records = records();
                if strip {
                    // as records of before, which carry no digest
                    records.iter_mut().for_each(|record| record.digest = None);
                }
                let current = held(text, &[], &records);
                if is_moved {
                    let first = &mut records[0];
                    (first.line, first.note) = (Some(7), Some("As it is.".into()));
                    first.covers = vec!["s.c".into()];
                    first.recorded = Some(crate::claim::Kind::Refuted);
                }
                assert_eq!(current.records, records);
                let lists = [&current.changed, &current.unchecked, &current.gone];
                assert!(lists.iter().all(|list| list.is_empty()));
            }
        }
    }

    #[test]
    fn no_old_verdict_stands_under_a_new_claim() {
        for (old, new) in [
            ("One.", "Another."),
            ("stated = 1", "stated = 2"),
            ("1 + 0", "2 - 1"),
            ("verdict = \"confirmed\"", "tolerance = \"about\""),
        ] {
            for strip in [false, true] {
                let mut records = records();
                if strip {
                    records.iter_mut().for_each(|record| record.digest = None);
                }
                let current = held(&SUITE.replace(old, new), &[], &records);
                assert_eq!(current.changed, ["s.a"], "{old}");
                let first = &current.records[0];
                assert_eq!(
                    (first.verdict, &first.found),
                    (crate::claim::Kind::Untested, &None)
                );
                assert!(first.calls.is_empty());
                assert_eq!(current.records[1], records[1]);
            }
        }
    }

    #[test]
    fn claims_that_come_and_go_are_named() {
        let current = held(&SUITE.replace("s.b", "s.c"), &[], &records());
        assert_eq!(
            (current.unchecked, current.gone),
            (vec!["s.c".into()], vec!["s.b".into()])
        );
        assert_eq!(current.records[1].verdict, crate::claim::Kind::Cited);
    }

    /// A claim that something is wrong with is neither unchecked nor gone: its error says what it is.
    #[test]
    fn claims_that_are_errors_are_in_no_list() {
        let wrong = |id| {
            let at = crate::claim::Location::file(Path::new("s.toml"));
            SuiteError::new(at, "wrong").about(id)
        };
        let errors = [wrong("s.b"), wrong("s.c")];
        let current = held(&SUITE.replace("s.b", "s.c"), &errors, &records());
        assert!(current.unchecked.is_empty() && current.gone.is_empty());
        assert_eq!(current.records, records()[..1]);
    }
}

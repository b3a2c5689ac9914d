//! Do the records of an earlier check still speak of these suites?

use super::record;
use crate::claim::{Basis, Claim, Suite};
use crate::evidence::Evidence;
use crate::record::Record;
use crate::verdict::{Verdict, judge};
use std::collections::BTreeMap;

/// Records of a check beside suites that may have changed since.
#[derive(Debug, Default)]
pub struct Current {
    /// A record a claim, as the suites have it now: without a verdict where it is another claim than the one that
    /// was checked.
    pub records: Vec<Record>,
    /// Claims that have changed since they were checked.
    pub changed: Vec<String>,
    /// Claims of which there is no record.
    pub unchecked: Vec<String>,
    /// Claims that were checked and that the suites do not have any more.
    pub gone: Vec<String>,
}

/// Holds records against suites, claim by claim.
pub fn current(suites: &[Suite], records: &[Record]) -> Current {
    let mut by_id: BTreeMap<&str, &Record> = records.iter().map(|r| (&*r.id, r)).collect();
    let mut current = Current::default();
    let claims = suites.iter().flat_map(|suite| {
        let claims = suite.claims.iter();
        claims.map(move |claim| (suite, claim))
    });
    for (suite, claim) in claims {
        let record = match by_id.remove(&*claim.id) {
            Some(record) if record.claim_digest() == claim.digest() => record.clone(),
            Some(_) => {
                current.changed.push(claim.id.clone());
                without_evidence(suite, claim, "a new check: it has changed since the last")
            }
            None => {
                current.unchecked.push(claim.id.clone());
                without_evidence(suite, claim, "a check: there is no record of one")
            }
        };
        current.records.push(record);
    }
    let gone = records.iter().map(|record| &record.id);
    current.gone = gone
        .filter(|id| by_id.contains_key(id.as_str()))
        .cloned()
        .collect();
    current
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

    #[test]
    fn what_has_not_changed_keeps_its_verdict() {
        let moved = SUITE.replace("line = 1", "line = 7\nnote = \"As it is.\"");
        for text in [SUITE, &moved] {
            for strip in [false, true] {
                let mut records = records();
                if strip {
                    // as records of before, which carry no digest
                    records.iter_mut().for_each(|record| record.digest = None);
                }
                let current = current(&suite(text), &records);
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
                let current = current(&suite(&SUITE.replace(old, new)), &records);
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
        let current = current(&suite(&SUITE.replace("s.b", "s.c")), &records());
        assert_eq!(
            (current.unchecked, current.gone),
            (vec!["s.c".into()], vec!["s.b".into()])
        );
        assert_eq!(current.records[1].verdict, crate::claim::Kind::Cited);
    }
}

//! JUnit XML, for CI systems: a test case a claim, failing where the verdict differs from the
//! record, or is refuted and none is recorded; what has no verdict since something is wrong with it is an error. The writer
//! drops most characters that XML does not have, but not all: whatever an author wrote is made visible first.

use crate::claim::{Kind, Suite, SuiteError};
use crate::record::Record;
use crate::visible::text;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// The records as JUnit XML.
///
/// # Errors
/// What the XML writer says.
pub fn junit(
    suites: &[Suite],
    records: &[Record],
    errors: &[SuiteError],
) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("convcheck");
    for suite in suites {
        let mut cases = TestSuite::new(text(&suite.system));
        for record in records
            .iter()
            .filter(|record| record.system == suite.system)
        {
            let mut case = TestCase::new(text(&record.id), status(record));
            case.set_classname(text(&record.system));
            cases.add_test_case(case);
        }
        if cases.tests > 0 {
            report.add_test_suite(cases);
        }
    }
    if !errors.is_empty() {
        let mut cases = TestSuite::new("errors");
        for error in errors {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(text(&error.to_string()));
            let name = error.id.clone().unwrap_or_else(|| error.at.to_string());
            cases.add_test_case(TestCase::new(text(&name), status));
        }
        report.add_test_suite(cases);
    }
    report.to_string()
}

fn status(record: &Record) -> TestCaseStatus {
    match (record.failure(), record.verdict) {
        (Some(failure), _) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(text(&failure));
            status.set_description(text(&record.says));
            status
        }
        (None, Kind::Untested) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(text(record.because.as_deref().unwrap_or_default()));
            status
        }
        (None, _) => TestCaseStatus::success(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Location;
    use quick_xml::events::Event;
    use std::path::Path;

    /// What XML 1.0 has no place for, or would read as something else.
    const HOSTILE: &str = "\u{1}\u{1b}[31m\u{b}\u{fffe}\u{ffff}\u{fdd0}\u{1ffff}\u{85}\u{2028}\u{202e} ]]> --> <a b='\"'> &#x1b; &\r\n\t.";

    #[test]
    fn whatever_is_in_a_claim_it_is_xml() {
        let errors = [SuiteError {
            id: Some(HOSTILE.into()),
            ..SuiteError::new(Location::file(Path::new("a\u{ffff}\u{1b}.toml")), HOSTILE)
        }];
        let xml = junit(&[], &[], &errors).unwrap();
        let mut reader = quick_xml::Reader::from_str(&xml);
        let mut seen = String::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(tag) | Event::Empty(tag) => {
                    for attribute in tag.attributes() {
                        let value = attribute
                            .unwrap()
                            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                            .unwrap();
                        seen += &format!("{value}\n");
                    }
                }
                Event::Eof => break,
                _ => {}
            }
        }
        let is_char = |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
        assert!(xml.chars().all(is_char), "{xml:?}");
        assert!(
            !seen.contains(|c: char| c.is_control() && !c.is_whitespace()),
            "{seen:?}"
        );
        let shown = "\\u0001\\u001B[31m\\u000B\\uFFFE\\uFFFF\\uFDD0\\U0001FFFF\\u0085\\u2028\\u202E ]]> --> <a b='\"'> &#x1b; &";
        assert_eq!(seen.matches(shown).count(), 2, "{seen}");
        assert!(seen.contains("a\\uFFFF\\u001B.toml"), "{seen}");
    }
}

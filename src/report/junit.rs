//! JUnit XML, for CI systems: a test case a claim, failing where the verdict differs from the
//! record, or is refuted and none is recorded; what has no verdict since something is wrong with it is an error.

use crate::claim::{Kind, Suite, SuiteError};
use crate::record::Record;
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
        let mut cases = TestSuite::new(&suite.system);
        for record in records
            .iter()
            .filter(|record| record.system == suite.system)
        {
            let mut case = TestCase::new(&record.id, status(record));
            case.set_classname(&record.system);
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
            status.set_message(error.to_string());
            let name = error.id.clone().unwrap_or_else(|| error.at.to_string());
            cases.add_test_case(TestCase::new(name, status));
        }
        report.add_test_suite(cases);
    }
    report.to_string()
}

fn status(record: &Record) -> TestCaseStatus {
    match (record.failure(), record.verdict) {
        (Some(failure), _) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(failure);
            status.set_description(record.says.as_str());
            status
        }
        (None, Kind::Untested) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(record.because.as_deref().unwrap_or_default());
            status
        }
        (None, _) => TestCaseStatus::success(),
    }
}

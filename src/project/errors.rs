//! What is wrong in a project, all of it.

use crate::claim::{Location, SuiteError, one_line};
use crate::document::DocumentError;
use crate::experiment::ExperimentError;
use std::fmt;

/// Something in a project that cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct ProjectError {
    /// File, line and column.
    pub at: Location,
    /// What is wrong and what would be right.
    pub what: String,
}

impl ProjectError {
    pub(super) fn new(at: Location, what: impl Into<String>) -> ProjectError {
        ProjectError {
            at,
            what: one_line(what),
        }
    }
}

/// All that is wrong, in order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ProjectErrors(pub Vec<ProjectError>);

impl ProjectErrors {
    pub(super) fn add(&mut self, at: Location, what: String) {
        self.0.push(ProjectError::new(at, what));
    }

    /// These, behind the others.
    pub(super) fn and(&mut self, errors: Option<ProjectErrors>) {
        self.0
            .extend(errors.into_iter().flat_map(|errors| errors.0));
    }

    /// # Errors
    /// These, if there are some.
    pub(super) fn none(self) -> Result<(), ProjectErrors> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(self),
        }
    }
}

impl std::error::Error for ProjectErrors {}

/// A line each, as the program prints them behind its name.
impl fmt::Display for ProjectErrors {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\nconvcheck: "))
    }
}

impl From<ProjectError> for ProjectErrors {
    fn from(error: ProjectError) -> ProjectErrors {
        ProjectErrors(vec![error])
    }
}

impl From<Vec<SuiteError>> for ProjectErrors {
    fn from(errors: Vec<SuiteError>) -> ProjectErrors {
        let errors = errors.into_iter();
        ProjectErrors(
            errors
                .map(|error| ProjectError::new(error.at, error.what))
                .collect(),
        )
    }
}

impl From<ExperimentError> for ProjectErrors {
    fn from(error: ExperimentError) -> ProjectErrors {
        ProjectError::new(error.at, error.what).into()
    }
}

impl From<DocumentError> for ProjectErrors {
    fn from(error: DocumentError) -> ProjectErrors {
        ProjectError::new(error.at, error.what).into()
    }
}

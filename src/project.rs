//! Which texts are checked here, and what has their author added to the program?
//!
//! A project is a folder with a [`FILE`]: texts, the suites about them, and models and experiments of the
//! author's own, which are added to the program's. Without one the program's own article is checked.

mod errors;
mod format;
mod init;
mod paths;

pub use errors::{ProjectError, ProjectErrors};
pub use format::schema;
pub use init::{InitError, init};

use crate::claim::{self, Location, Suite, SuiteError, Suites};
use crate::document::{self, Document};
use crate::evidence::Training;
use crate::experiment::{self, Experiment};
use crate::file;
use crate::report;
use crate::zoo::{Registry, ZooError};
use format::{DocumentFile, ProjectFile};
use paths::Root;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The file that makes a folder a project.
pub const FILE: &str = "convcheck.toml";

/// A `convcheck.toml` that is larger is none.
const MIB: u64 = 1;

/// Texts with their suites, and all that claims can name.
pub struct Project {
    /// Its folder, or the one in which one stands.
    folder: PathBuf,
    document: Document,
    registry: Registry,
    /// Files of suites, and whether those that are embedded belong to them.
    suites: (Vec<PathBuf>, bool),
    own_experiments: Vec<PathBuf>,
}

/// What is checked, read, and what its claims can name.
pub struct Subject {
    /// The text.
    pub document: Document,
    /// What it claims.
    pub suites: Vec<Suite>,
    /// What of it cannot be judged, since something is wrong with its suites.
    pub errors: Vec<SuiteError>,
    /// The experiments whose runs can decide some of the claims.
    pub experiments: Vec<Experiment>,
    /// The networks.
    pub registry: Registry,
}

impl Project {
    /// The program's own article.
    ///
    /// # Errors
    /// [`ProjectErrors`] if what is embedded is wrong; a test insists that it is not.
    pub fn builtin() -> Result<Project, ProjectErrors> {
        Ok(Project {
            folder: PathBuf::new(),
            document: document::embedded()?,
            registry: Registry::builtin(),
            suites: (Vec::new(), true),
            own_experiments: Vec::new(),
        })
    }

    /// The folder of the nearest project, upwards from a folder and as seen from it.
    pub fn nearest(here: &Path) -> Option<PathBuf> {
        let up = here
            .ancestors()
            // whatever has the name, or may have it: a folder, a link to nothing and what the system does not show are said
            .position(|folder| !is_passed_over(folder.join(FILE).symlink_metadata()))?;
        Some(std::iter::repeat_n("..", up).collect())
    }

    /// Reads the `convcheck.toml` of a folder. Suites and experiments are found, but not read yet.
    ///
    /// # Errors
    /// [`ProjectErrors`]: all that is wrong in it.
    pub fn load(folder: &Path) -> Result<Project, ProjectErrors> {
        let file = folder.join(FILE);
        // where nobody can tell, reading it says why
        if matches!(file.try_exists(), Ok(false)) {
            let what = "there is no such file; `convcheck init` writes one";
            return Err(ProjectError::new(Location::file(&file), what).into());
        }
        let text = file::text(&file, MIB)
            .map_err(|what| ProjectError::new(Location::file(&file), what))?;
        let read = format::parse(&file, &text)?;
        let root = Root::new(folder, &file, &text)?;
        let mut errors = ProjectErrors::default();
        let experiments = root.all(&read.experiments, &[FILE], &mut errors);
        let documents: Vec<&DocumentFile> = read.documents().collect();
        let mut suites = BTreeSet::new();
        for document in &documents {
            // title and source of a text stand here: a report.toml is for folders of suites without a project
            let passed_over = [FILE, claim::REPORT];
            let named = root.all(document.suites.get_ref(), &passed_over, &mut errors);
            // they may stand in a folder among the suites, as those of the program do
            if !named.is_empty() && named.is_subset(&experiments) {
                let what = "no suite is left of this document: all that it names are experiments";
                errors.add(root.at(document.suites.span().start), what.into());
            }
            suites.extend(named.difference(&experiments).cloned());
            if let Some(name) = &document.file
                && let Err(what) = root.file(name.get_ref())
            {
                errors.add(root.at(name.span().start), what);
            }
        }
        let mut registry = Registry::builtin().within(folder);
        for (byte, what) in register(&read, &text, &mut registry) {
            errors.add(root.at(byte), what);
        }
        errors.none()?;
        Ok(Project {
            folder: folder.to_path_buf(),
            document: described(&documents, read.builtin_suites)?,
            registry,
            suites: (suites.into_iter().collect(), read.builtin_suites),
            own_experiments: experiments.into_iter().collect(),
        })
    }

    /// The folder of reports and of finished runs.
    pub fn reports(&self) -> PathBuf {
        self.folder.join("reports")
    }

    /// The folder of the report that is drawn anew.
    pub fn report(&self) -> PathBuf {
        self.reports().join("latest")
    }

    /// The networks: the program's and those that have names in `convcheck.toml`.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Its claims, and what is wrong with how they are written.
    pub fn suites(&self) -> Suites {
        let (files, embedded) = &self.suites;
        claim::read(files, *embedded)
    }

    /// Every experiment that can be trained: the program's, then the author's own.
    ///
    /// # Errors
    /// [`ProjectErrors`]: what is wrong in each file, and names that are taken.
    pub fn experiments(&self) -> Result<Vec<Experiment>, ProjectErrors> {
        let mut all = experiment::embedded(&self.registry)?;
        let mut errors = ProjectErrors::default();
        for file in &self.own_experiments {
            match experiment::load(file, &self.registry) {
                Ok(own) => match all.iter().find(|other| other.name == own.name) {
                    Some(other) => {
                        let (name, first) = (&own.name, &other.at);
                        let what = format!("there is an experiment `{name}` already: {first}");
                        errors.add(own.at, what);
                    }
                    None => all.push(own),
                },
                Err(error) => errors.add(error.at, error.what),
            }
        }
        errors.none()?;
        Ok(all)
    }

    /// Reads what is checked: the suites of the project, or those of another folder.
    ///
    /// # Errors
    /// [`ProjectErrors`] if an experiment or the description of a text is wrong, with what is wrong with claims; else that
    /// is said beside the others.
    pub fn subject(&self, folder: Option<&Path>) -> Result<Subject, ProjectErrors> {
        let (document, suites) = match folder {
            Some(folder) => (document::beside(folder), claim::load(folder)),
            None => (Ok(self.document.clone()), self.suites()),
        };
        let suites = drawable(suites, &self.registry);
        match (document, self.experiments()) {
            (Ok(document), Ok(experiments)) => {
                let Suites { suites, errors } = decidable(suites, &experiments);
                Ok(Subject {
                    document,
                    suites,
                    errors,
                    experiments,
                    registry: self.registry.clone(),
                })
            }
            (document, experiments) => {
                let mut errors = ProjectErrors::default();
                errors.and(document.err().map(ProjectErrors::from));
                errors.and(experiments.err());
                errors.and(Some(suites.errors.into()));
                Err(errors)
            }
        }
    }
}

/// Suites of which a report can be drawn: their pages have names of their own, and models that they show are there. What is not
/// is an error.
fn drawable(all: Suites, registry: &Registry) -> Suites {
    let Suites {
        mut suites,
        mut errors,
    } = all;
    suites.retain(|suite| {
        let is_taken = report::is_taken(&suite.system);
        if is_taken {
            let what = format!(
                "system `{}`: a page of the report is called so already",
                suite.system
            );
            errors.push(SuiteError::new(suite.at.clone(), what));
        }
        !is_taken
    });
    for Suite { system, models, .. } in &mut suites {
        models.retain(|model| {
            let found = registry.find(&model.name).map_err(|error| {
                let what = format!("models of `{system}`: {error}");
                errors.push(SuiteError::new(model.at.clone(), what));
            });
            found.is_ok()
        });
    }
    errors.sort();
    Suites { suites, errors }
}

/// Suites whose trials name experiments and questions that are there, whether they have been trained or not. A claim whose
/// trial does not is an error.
fn decidable(all: Suites, experiments: &[Experiment]) -> Suites {
    let Suites {
        mut suites,
        mut errors,
    } = all;
    let untrained = Training::new(experiments.to_vec(), []);
    for suite in &mut suites {
        suite.claims.retain(|claim| {
            let answers = claim
                .trial()
                .map_or(Ok(Vec::new()), |trial| untrained.answers(trial));
            let answers = answers.map_err(|what| {
                let what = format!("`{}`: {what}", claim.id);
                errors.push(SuiteError::new(claim.trial_at.clone(), what).about(&claim.id));
            });
            answers.is_ok()
        });
    }
    errors.sort();
    Suites { suites, errors }
}

/// Adds the names of models. Of those that cannot be had, in order of place: the byte of the text, and what is wrong.
fn register(read: &ProjectFile, text: &str, registry: &mut Registry) -> Vec<(usize, String)> {
    let names: Vec<(String, String)> = (read.models.iter())
        .map(|(name, stands_for)| (name.get_ref().clone(), stands_for.get_ref().clone()))
        .collect();
    let Err(faults) = registry.add(&names) else {
        return Vec::new();
    };
    let place = |(name, error): (String, ZooError)| {
        let (key, stands_for) = read.models.get_key_value(name.as_str())?;
        let (value, expression) = (stands_for.span().start, stands_for.get_ref());
        // behind the quote, unless the value is written in another way
        let is_plain = (text.get(value + 1..)).is_some_and(|rest| rest.starts_with(expression));
        let byte = match error {
            ZooError::Name { .. } => key.span().start,
            ZooError::Expression { column, .. } if is_plain => {
                let mut places = expression.char_indices();
                let place = places.nth(column.saturating_sub(1));
                value + 1 + place.map_or(0, |(byte, _)| byte)
            }
            _ => value,
        };
        Some((byte, error.to_string()))
    };
    let mut faults: Vec<(usize, String)> = faults.into_iter().filter_map(place).collect();
    faults.sort();
    faults
}

/// Whether a folder above has no project, by what the system says of its file; a folder that may not be searched can be
/// nobody's project here.
fn is_passed_over<T>(seen: std::io::Result<T>) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    seen.is_err_and(|error| {
        let kind = error.kind();
        [NotFound, NotADirectory, PermissionDenied].contains(&kind)
    })
}

/// What a report says of the texts, and of the program's own article if it is one of them.
fn described(texts: &[&DocumentFile], and_embedded: bool) -> Result<Document, ProjectErrors> {
    let base = match and_embedded {
        true => document::embedded()?,
        false => Document::default(),
    };
    let mut titles: Vec<&str> = texts
        .iter()
        .map(|text| text.title.get_ref().as_str())
        .collect();
    if and_embedded {
        titles.push(&base.title);
    }
    let sources: Vec<&str> = texts
        .iter()
        .map(|text| text.source.get_ref().as_str())
        .collect();
    Ok(Document {
        title: titles.join("; "),
        source: Some(sources.join("; ")),
        name: None,
        statements: None,
        ..base
    })
}

#[cfg(test)]
mod tests;

//! Which model has that name?

use super::{FAMILIES, Model};
use crate::graph::{Shape, ShapeError};
use crate::nearest::did_you_mean;
use std::sync::Arc;

/// Everything that can be named in a claim, a recipe or a command.
#[derive(Clone)]
pub struct Registry {
    families: Vec<Family>,
}

/// Models that one description yields.
#[derive(Clone)]
pub struct Family {
    /// Name of the file, as in `list models`.
    pub name: &'static str,
    /// How people call it.
    pub title: &'static str,
    /// The year of its paper, if it is from one.
    pub year: Option<u16>,
    /// Its registry lines.
    pub models: Vec<Model>,
}

impl Registry {
    /// The networks that the program describes.
    pub fn builtin() -> Registry {
        let families = FAMILIES.iter().map(|lines| Family {
            name: lines.name,
            title: lines.title,
            year: lines.year,
            models: (lines.models.iter())
                .map(|line| Model {
                    name: line.name.to_string(),
                    source: line.source.to_string(),
                    input: line.input,
                    describe: Arc::new(line.describe),
                })
                .collect(),
        });
        Registry {
            families: families.collect(),
        }
    }

    /// Every family, in the order in which the document treats them.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// Every registered model, family by family.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.families.iter().flat_map(|family| &family.models)
    }

    /// The model of that name.
    ///
    /// # Errors
    /// [`ZooError::Unknown`], with the nearest names.
    pub fn find(&self, name: &str) -> Result<Model, ZooError> {
        let found = self.models().find(|model| model.name == name);
        found.cloned().ok_or_else(|| {
            let known = self.models().map(|model| model.name.as_str());
            ZooError::Unknown {
                name: name.to_string(),
                hint: did_you_mean(name, known, "convcheck list models"),
            }
        })
    }
}

/// Why a network cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZooError {
    /// No model has that name.
    #[error("there is no model `{name}`; {hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names like it, or where all are listed.
        hint: String,
    },
    /// A layer cannot take what reaches it.
    #[error("{model} cannot take an input of {input}: {error}")]
    Shape {
        /// The model.
        model: String,
        /// The input that was asked for.
        input: Shape,
        /// The layer and what is wrong.
        error: Box<ShapeError>,
    },
}

//! Which images are in memory already?

use crate::data::{DataError, Dataset, Fit, Source};
use crate::graph::Shape;
use crate::train::{Recipe, image_shape};
use crate::zoo::Model;
use std::path::Path;
use std::sync::Arc;

/// Data sets, each read once for all that learn from it.
pub struct DataSets<'a> {
    folder: Option<&'a Path>,
    read: Vec<((Source, Shape, Fit), Arc<Dataset>)>,
}

impl<'a> DataSets<'a> {
    /// None yet; `folder` is where they stand, which only the embedded digits do without.
    pub fn new(folder: Option<&'a Path>) -> DataSets<'a> {
        DataSets {
            folder,
            read: Vec::new(),
        }
    }

    /// The images of a recipe, in the shape that its model takes.
    ///
    /// # Errors
    /// [`DataError`] where they cannot be read.
    pub fn of(&mut self, recipe: &Recipe, model: &Model) -> Result<Arc<Dataset>, DataError> {
        let images = (recipe.data, image_shape(recipe, model), recipe.fit);
        if let Some((_, known)) = self.read.iter().find(|(known, _)| *known == images) {
            return Ok(Arc::clone(known));
        }
        let (source, shape, fit) = images;
        let data = Arc::new(source.load(self.folder, shape, fit)?);
        self.read.push((images, Arc::clone(&data)));
        Ok(data)
    }
}

//! A network that has a name: its description, and its graph on inputs of one size or another.

use super::ZooError;
use crate::graph::{Graph, Shape, ShapeError, Value};
use std::fmt;
use std::sync::Arc;

/// What a description is: a function from the input to the prediction.
pub(super) type Describe = Arc<dyn for<'g> Fn(Value<'g>) -> Value<'g> + Send + Sync>;

/// One registered network or unit. Copies share its description.
#[derive(Clone)]
pub struct Model {
    /// Registry name, `lower_snake` with the variant as suffix.
    pub name: String,
    /// Which paper, table and variant, or which listing it is.
    pub source: String,
    /// Input shape per sample that its source gives.
    pub input: Shape,
    /// Its description.
    pub(super) describe: Describe,
}

impl Model {
    /// The network on the input that its source gives.
    ///
    /// # Errors
    /// [`ZooError::Shape`] if its description does not fit together.
    pub fn graph(&self) -> Result<Graph, ZooError> {
        Graph::build(self.input, |x| (self.describe)(x))
            .map_err(|error| self.fault(self.input, error))
    }

    /// The same network, weights and all, on an input of another size.
    ///
    /// # Errors
    /// [`ZooError::Shape`] names the first layer that does not work at that size, or whose weights
    /// would have to have other dimensions.
    pub fn graph_at(&self, input: Shape) -> Result<Graph, ZooError> {
        (self.graph()?.at(input)).map_err(|error| self.fault(input, error))
    }

    fn fault(&self, input: Shape, error: ShapeError) -> ZooError {
        ZooError::Shape {
            model: self.name.clone(),
            input,
            error: Box::new(error),
        }
    }
}

/// In one registry a name is one network.
impl PartialEq for Model {
    fn eq(&self, other: &Model) -> bool {
        (&self.name, &self.source, self.input) == (&other.name, &other.source, other.input)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.input)
    }
}

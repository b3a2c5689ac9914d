//! A network that has a name: its description, and its graph on inputs of one size or another.

use super::arguments::Argument;
use super::expression::Given;
use super::{Network, ZooError};
use crate::graph::{Graph, Shape, ShapeError};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// One network or unit. Copies share its description.
#[derive(Clone)]
pub struct Model {
    /// Its name in the registry: of the program's own `lower_snake` with the variant as suffix, of a user's as the user
    /// spells it; behind it, in braces, the arguments that make it another network, in alphabetical order and without
    /// blanks.
    pub name: String,
    /// Which paper, table and variant, or which listing it is.
    pub source: String,
    /// Input shape per sample for which it is made.
    pub input: Shape,
    pub(super) network: Description,
    /// What there is to say of it, a line each.
    pub remarks: Vec<String>,
    /// The file that states it, of a network that is not registered.
    pub file: Option<PathBuf>,
    /// Why its parameters and buffers are not counted as a network's, if that is so: a file may have lost some.
    pub count_refused: Option<String>,
}

/// Where a model's graph comes from.
#[derive(Clone)]
pub(super) enum Description {
    /// It is described in this program.
    Network(Arc<dyn Network>),
    /// A file states it.
    File(Arc<Graph>),
}

/// The argument that every network takes.
const INPUT: &str = "input";

impl Model {
    /// What it leaves open, with its own values; of every network its input is.
    pub fn arguments(&self) -> Vec<Argument> {
        let mut arguments = match &self.network {
            Description::Network(network) => network.arguments(),
            Description::File(_) => Vec::new(),
        };
        arguments.push(Argument {
            name: INPUT,
            value: self.input.to_string(),
            range: "any size, such as 3x224x224".into(),
            meaning: "the size for which it is made: channels, rows, columns",
        });
        arguments.sort_by_key(|argument| argument.name);
        arguments
    }

    /// The network that it becomes with other arguments; `expression` is how they were asked for.
    ///
    /// # Errors
    /// [`ZooError::Expression`] for an argument that it does not take, [`ZooError::Impossible`] for
    /// several that give no network.
    pub(super) fn with(&self, expression: &str, given: &[Given]) -> Result<Model, ZooError> {
        let mut network = match &self.network {
            Description::Network(network) => Some(network.copy()),
            Description::File(_) => None,
        };
        let mut input = self.input;
        for (
            i,
            Given {
                name,
                value,
                column,
            },
        ) in given.iter().enumerate()
        {
            let wrong = |what: String| ZooError::Expression {
                expression: expression.to_string(),
                column: *column,
                what,
            };
            if given[..i].iter().any(|other| other.name == *name) {
                return Err(wrong(format!("`{name}` is given twice")));
            }
            let set = match name.as_str() {
                INPUT => value.to_string().parse().map(|size| input = size),
                _ => (network
                    .as_mut()
                    .and_then(|network| network.set(name, value)))
                .ok_or_else(|| wrong(format!("there is no argument `{name}`; {}", self.takes())))?,
            };
            set.map_err(|what| wrong(format!("{name} {what}; {}", self.takes())))?;
        }
        let network = match network {
            Some(network) => {
                (network.check()).map_err(|what| self.impossible(expression, what))?;
                Description::Network(network.into())
            }
            None => self.network.clone(),
        };
        let mut model = Model {
            input,
            network,
            ..self.clone()
        };
        let own = self.arguments();
        let other: Vec<String> = (model.arguments().iter().zip(&own))
            .filter(|(is, was)| is.value != was.value)
            .map(|(is, _)| format!("{}={}", is.name, is.value))
            .collect();
        if !other.is_empty() {
            let other = other.join(",");
            model.name = format!("{}{{{other}}}", self.name);
            model.source = format!("{}; here {other}", self.source);
        }
        Ok(model)
    }

    /// An expression in which arguments of this model give no network.
    pub(super) fn impossible(&self, expression: &str, what: impl fmt::Display) -> ZooError {
        ZooError::Impossible {
            expression: expression.to_string(),
            what: format!("{what}; {}", self.takes()),
        }
    }

    /// All that it leaves open, in a line.
    fn takes(&self) -> String {
        let all: Vec<String> = self.arguments().iter().map(ToString::to_string).collect();
        format!("{} takes {}", self.name, all.join(", "))
    }

    /// The network on the input that its source gives.
    ///
    /// # Errors
    /// [`ZooError::Shape`] if its description does not fit together.
    pub fn graph(&self) -> Result<Graph, ZooError> {
        let graph = match &self.network {
            Description::Network(network) => Graph::build(self.input, |x| network.describe(x)),
            Description::File(graph) if graph.input() == self.input => Ok((**graph).clone()),
            Description::File(graph) => graph.at(self.input),
        };
        graph.map_err(|error| self.fault(self.input, error))
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

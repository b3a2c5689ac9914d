//! What is a network before it has a name? A description, and the values of what it leaves open. A registry line
//! gives it a name.

use super::Model;
use super::arguments::{Argument, Arguments};
use super::expression::Literal;
use super::model::Description;
use crate::graph::{Shape, Value};

/// A description.
pub(super) trait Network: Arguments + Send + Sync {
    /// From the input to the prediction.
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g>;

    /// Whether there is such a network, as far as single arguments do not say: what is wrong with them
    /// together.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A network in which nothing is open but its input.
#[derive(Clone, Copy)]
pub(super) struct Fixed(pub for<'g> fn(Value<'g>) -> Value<'g>);

impl Arguments for Fixed {
    fn arguments(&self) -> Vec<Argument> {
        Vec::new()
    }

    fn set(&mut self, _: &str, _: &Literal) -> Option<Result<(), String>> {
        None
    }

    fn copy(&self) -> Box<dyn Network> {
        Box::new(*self)
    }
}

impl Network for Fixed {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        (self.0)(x)
    }
}

/// A description with a name, which its registry lines and everybody else give arguments to.
pub struct Architecture {
    /// Its name.
    pub name: &'static str,
    /// What it describes, and after whom.
    pub source: &'static str,
    /// The input for which it is made unless another is given.
    pub input: Shape,
    make: fn() -> Box<dyn Network>,
}

impl Architecture {
    /// The network that it is without arguments.
    pub fn model(&self) -> Model {
        Model {
            name: self.name.to_string(),
            source: self.source.to_string(),
            input: self.input,
            network: Description::Network((self.make)().into()),
            remarks: Vec::new(),
            file: None,
            count_refused: None,
        }
    }
}

pub(super) const fn architecture<N: Network + Default + 'static>(
    name: &'static str,
    source: &'static str,
    input: Shape,
) -> Architecture {
    Architecture {
        name,
        source,
        input,
        make: || Box::new(N::default()),
    }
}

/// A registry line: a model and what it is.
pub(super) struct Line {
    pub name: &'static str,
    pub source: &'static str,
    pub of: Of,
}

/// What a registry line names.
pub(super) enum Of {
    /// An architecture with arguments, as anybody would spell it.
    Expression(&'static str),
    /// A description of its own, on that input.
    Fixed(Shape, Fixed),
}

pub(super) const fn line(
    name: &'static str,
    source: &'static str,
    expression: &'static str,
) -> Line {
    Line {
        name,
        source,
        of: Of::Expression(expression),
    }
}

pub(super) const fn fixed(
    name: &'static str,
    source: &'static str,
    input: Shape,
    describe: for<'g> fn(Value<'g>) -> Value<'g>,
) -> Line {
    Line {
        name,
        source,
        of: Of::Fixed(input, Fixed(describe)),
    }
}

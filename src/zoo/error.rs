//! Why is there no such network?

use crate::graph::{Shape, ShapeError};

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
    /// A name with arguments that cannot be read, or that the model does not take.
    #[error("`{expression}`, column {column}: {what}")]
    Expression {
        /// What was asked for.
        expression: String,
        /// Where in it, from 1.
        column: usize,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// Arguments that give no network.
    #[error("`{expression}` is no network: {what}")]
    Impossible {
        /// What was asked for.
        expression: String,
        /// What is wrong, and what the model takes.
        what: String,
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
    /// A file that is no network.
    #[error("{what}")]
    File {
        /// The file, and what is wrong with it.
        what: String,
    },
    /// A name that cannot be given to a network.
    #[error("a model cannot be called `{name}`: {what}")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        what: String,
    },
}

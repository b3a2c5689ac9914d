//! What comes out of a layer, and what is said when nothing can.

use super::Dims;
use std::fmt;

/// One sample's activation: a stack of feature maps, or a flat vector.
///
/// The two are kept apart because the field does: a fully connected layer takes a vector, and
/// whoever hands it maps has forgotten to flatten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `c` maps of `h` x `w` units.
    Map {
        /// Channels.
        c: usize,
        /// Rows.
        h: usize,
        /// Columns.
        w: usize,
    },
    /// A vector of `c` units.
    Vector {
        /// Units.
        c: usize,
    },
}

impl Shape {
    /// `c` maps of `h` x `w`.
    pub const fn map(c: usize, h: usize, w: usize) -> Shape {
        Shape::Map { c, h, w }
    }

    /// A vector of `c` units.
    pub const fn vector(c: usize) -> Shape {
        Shape::Vector { c }
    }

    /// Channels of maps, units of a vector.
    pub const fn channels(self) -> usize {
        match self {
            Shape::Map { c, .. } | Shape::Vector { c } => c,
        }
    }

    /// `[h, w]`; a vector counts as one unit per channel.
    pub const fn extent(self) -> [usize; 2] {
        match self {
            Shape::Map { h, w, .. } => [h, w],
            Shape::Vector { .. } => [1, 1],
        }
    }

    /// `[c, h, w]` or `[c]`, as the tensor's dimensions behind the batch.
    pub fn dims(self) -> Dims {
        match self {
            Shape::Map { c, h, w } => [c, h, w].into(),
            Shape::Vector { c } => [c].into(),
        }
    }

    /// Units per sample, unless they exceed 2^64 - 1.
    pub fn elements(self) -> Option<u64> {
        let [h, w] = self.extent();
        (self.channels() as u64)
            .checked_mul(h as u64)?
            .checked_mul(w as u64)
    }

    /// The same extent with another number of channels.
    pub(crate) const fn with_channels(self, c: usize) -> Shape {
        match self {
            Shape::Map { h, w, .. } => Shape::Map { c, h, w },
            Shape::Vector { .. } => Shape::Vector { c },
        }
    }
}

/// `64x112x112`, or `1000` for a vector; [`std::str::FromStr`] reads it back.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Map { c, h, w } => write!(f, "{c}x{h}x{w}"),
            Shape::Vector { c } => write!(f, "{c}"),
        }
    }
}

impl std::str::FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Shape, String> {
        let wrong = || format!("`{text}` is not a size: write CxHxW, for example 3x224x224");
        let dims: Vec<usize> = text
            .split('x')
            .map(|n| n.parse().ok().filter(|&n| n > 0).ok_or_else(wrong))
            .collect::<Result<_, _>>()?;
        match dims[..] {
            [c, h, w] => Ok(Shape::map(c, h, w)),
            [c] => Ok(Shape::vector(c)),
            _ => Err(wrong()),
        }
    }
}

/// A layer that cannot take its input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("layer `{path}`: {what}")]
pub struct ShapeError {
    /// The layer's path.
    pub path: String,
    /// What is wrong, and what would be right.
    pub what: String,
}

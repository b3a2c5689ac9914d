//! What comes out of a layer, and what is said when nothing can.

use super::Dims;
use std::fmt;

/// One sample's activation: its sizes axis by axis, channels first.
///
/// Most are a stack of feature maps (three axes) or a flat vector (one). The two are kept apart because
/// the field does: a fully connected layer takes a vector, and whoever hands it maps has forgotten to
/// flatten. Others (a sequence, a volume) pass through the layers that ask for neither.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape(Dims);

impl Shape {
    /// `c` maps of `h` x `w`.
    pub const fn map(c: usize, h: usize, w: usize) -> Shape {
        Shape(Dims::of([c, h, w]))
    }

    /// A vector of `c` units.
    pub const fn vector(c: usize) -> Shape {
        Shape(Dims::of([c]))
    }

    /// Any sizes, channels first.
    ///
    /// # Errors
    /// Says how many axes it can have: one to eight.
    pub fn new(dims: &[usize]) -> Result<Shape, String> {
        match Dims::from_slice(dims) {
            Some(dims) if !dims.is_empty() => Ok(Shape(dims)),
            _ => Err(format!(
                "a sample has 1 to {} axes, not {}",
                Dims::MOST,
                dims.len()
            )),
        }
    }

    /// Channels of maps, units of a vector.
    pub const fn channels(self) -> usize {
        self.0.first()
    }

    /// `[c, h, w]` of maps.
    pub const fn maps(self) -> Option<[usize; 3]> {
        self.0.three()
    }

    /// Whether it is a vector.
    pub fn is_vector(self) -> bool {
        self.0.len() == 1
    }

    /// `[h, w]` of maps; of anything else the units of a channel are one row.
    pub fn extent(self) -> [usize; 2] {
        match self.maps() {
            Some([_, h, w]) => [h, w],
            None => {
                let behind = self.0.iter().skip(1);
                [1, behind.fold(1, |n, &size| n.saturating_mul(size))]
            }
        }
    }

    /// `[c, h, w]` or `[c]`, as the tensor's dimensions behind the batch.
    pub const fn dims(self) -> Dims {
        self.0
    }

    /// `[n, c, h, w]` or `[n, c]`: the dimensions of a tensor of so many samples.
    pub fn of_batch(self, samples: usize) -> Vec<usize> {
        [&[samples][..], &self.0].concat()
    }

    /// Units per sample, unless they exceed 2^64 - 1.
    pub fn elements(self) -> Option<u64> {
        (self.0.iter()).try_fold(1u64, |n, &size| n.checked_mul(size as u64))
    }

    /// The same sizes with another number of channels.
    pub(crate) const fn with_channels(self, c: usize) -> Shape {
        Shape(self.0.with_first(c))
    }
}

/// `64x112x112`, or `1000` for a vector; [`std::str::FromStr`] reads it back.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, size) in self.0.iter().enumerate() {
            let before = if i == 0 { "" } else { "x" };
            write!(f, "{before}{size}")?;
        }
        Ok(())
    }
}

/// As it is written.
impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
        Shape::new(&dims).map_err(|what| format!("`{text}` is not a size: {what}"))
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

//! The dimensions of a tensor or an activation, without an allocation: there are many of them.

use std::fmt;
use std::ops::Deref;

/// Up to eight sizes, read as a slice.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dims {
    /// Zero behind the axes that there are.
    sizes: [usize; Dims::MOST],
    axes: usize,
}

impl Dims {
    /// The most axes that one can have.
    pub const MOST: usize = 8;

    /// Those sizes.
    pub(super) const fn of<const N: usize>(given: [usize; N]) -> Dims {
        const { assert!(N <= Dims::MOST, "an array has at most eight axes") };
        let mut sizes = [0; Dims::MOST];
        let mut i = 0;
        while i < N {
            sizes[i] = given[i];
            i += 1;
        }
        Dims { sizes, axes: N }
    }

    /// Those sizes, unless there are too many.
    pub fn from_slice(given: &[usize]) -> Option<Dims> {
        let mut sizes = [0; Dims::MOST];
        sizes.get_mut(..given.len())?.copy_from_slice(given);
        Some(Dims {
            sizes,
            axes: given.len(),
        })
    }

    /// The first axis.
    pub(super) const fn first(&self) -> usize {
        self.sizes[0]
    }

    /// As three axes, if that is what it has.
    pub(super) const fn three(&self) -> Option<[usize; 3]> {
        match (self.axes, self.sizes) {
            (3, [a, b, c, ..]) => Some([a, b, c]),
            _ => None,
        }
    }

    /// With another first axis.
    pub(super) const fn with_first(mut self, size: usize) -> Dims {
        self.sizes[0] = size;
        self
    }
}

impl<const N: usize> From<[usize; N]> for Dims {
    fn from(given: [usize; N]) -> Dims {
        Dims::of(given)
    }
}

impl Deref for Dims {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.sizes[..self.axes]
    }
}

/// As a slice: `[64, 3, 7, 7]`.
impl fmt::Debug for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl serde::Serialize for Dims {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

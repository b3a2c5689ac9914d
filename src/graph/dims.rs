//! The dimensions of a tensor or an activation, without an allocation: there are many of them.

use std::fmt;
use std::ops::Deref;

/// Up to four sizes, read as a slice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Dims {
    sizes: [usize; 4],
    axes: usize,
}

impl<const N: usize> From<[usize; N]> for Dims {
    fn from(given: [usize; N]) -> Dims {
        const {
            assert!(
                N <= 4,
                "a convolution's weights have the most dimensions, four"
            )
        };
        let mut sizes = [0; 4];
        sizes[..N].copy_from_slice(&given);
        Dims { sizes, axes: N }
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

//! Sizes along rows and columns, written as short as they can be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One number for both directions, or `[rows, columns]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "must be a number that is not negative, or two: [rows, columns]"
)]
pub enum Sides {
    /// For both.
    One(usize),
    /// `[rows, columns]`.
    Two([usize; 2]),
}

impl Sides {
    /// The shortest way to write a pair.
    pub const fn of([h, w]: [usize; 2]) -> Sides {
        if h == w {
            Sides::One(h)
        } else {
            Sides::Two([h, w])
        }
    }

    /// `[rows, columns]`.
    pub const fn pair(self) -> [usize; 2] {
        match self {
            Sides::One(n) => [n, n],
            Sides::Two(pair) => pair,
        }
    }

    pub(super) const fn one() -> Sides {
        Sides::One(1)
    }

    pub(super) fn is_one(&self) -> bool {
        self.pair() == [1, 1]
    }

    pub(super) const fn zero() -> Sides {
        Sides::One(0)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.pair() == [0, 0]
    }
}

/// Zeros around a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "must be a number that is not negative, [rows, columns], [[above, left], [below, right]], or \"same\""
)]
pub enum PadFile {
    /// On each side.
    One(usize),
    /// Above and below, left and right.
    Two([usize; 2]),
    /// `[[above, left], [below, right]]`.
    Around([[usize; 2]; 2]),
    /// In a word.
    Word(PadWord),
}

/// Padding that a word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PadWord {
    /// TensorFlow's `'same'`.
    Same,
}

impl Default for PadFile {
    fn default() -> PadFile {
        PadFile::One(0)
    }
}

impl PadFile {
    pub(super) fn is_none(&self) -> bool {
        matches!(self, PadFile::One(0))
    }
}

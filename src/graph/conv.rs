//! A convolution's constants, written as its paper gives them: `conv(64, 7).stride(2).pad(3)`.

use super::{Constant, Pair, Window};
use std::fmt;
use std::sync::Arc;

/// A convolution (as deep learning calls cross-correlation).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conv {
    /// Output maps.
    pub out: usize,
    /// Geometry.
    pub window: Window,
    /// Groups of maps that do not see each other.
    pub groups: usize,
    /// Whether each output map adds a bias.
    pub bias: bool,
    /// For each output map the input maps that it reads; all of them without a table
    /// (LeNet-5's C3: LeCun et al. 1998, Table I).
    pub table: Option<Arc<[Vec<usize>]>>,
}

/// A convolution to `out` maps: stride 1, no padding, one group, with bias, until told otherwise.
pub fn conv(out: usize, kernel: impl Pair) -> Conv {
    Conv {
        out,
        window: Window::new(kernel.pair()),
        groups: 1,
        bias: true,
        table: None,
    }
}

impl Conv {
    /// Sets the step.
    pub fn stride(self, stride: impl Pair) -> Conv {
        Conv {
            window: self.window.stride(stride),
            ..self
        }
    }

    /// Sets the zero padding on each side.
    pub fn pad(self, pad: impl Pair) -> Conv {
        Conv {
            window: self.window.pad(pad),
            ..self
        }
    }

    /// Sets the zero padding above and left, and below and right.
    pub fn pad_around(self, before: impl Pair, after: impl Pair) -> Conv {
        Conv {
            window: self.window.pad_around(before, after),
            ..self
        }
    }

    /// Pads as TensorFlow's `'same'` does.
    pub fn same(self) -> Conv {
        Conv {
            window: self.window.same(),
            ..self
        }
    }

    /// Sets the distance between taps.
    pub fn dilation(self, dilation: impl Pair) -> Conv {
        Conv {
            window: self.window.dilation(dilation),
            ..self
        }
    }

    /// Splits input and output maps into groups that do not see each other.
    pub fn groups(self, groups: usize) -> Conv {
        Conv { groups, ..self }
    }

    /// Leaves the biases out.
    pub fn no_bias(self) -> Conv {
        Conv {
            bias: false,
            ..self
        }
    }

    /// For each output map the input maps that it reads.
    pub fn table(self, table: &[&[usize]]) -> Conv {
        Conv {
            table: Some(table.iter().map(|row| row.to_vec()).collect()),
            ..self
        }
    }

    /// By the names that measures and digests have for them, every one.
    pub(super) fn constants(&self) -> Vec<(&'static str, Constant)> {
        // no `..`: a new constant must be named here
        let Conv {
            out,
            window,
            groups,
            bias,
            table,
        } = self;
        let mut constants = window.constants().to_vec();
        constants.extend([
            ("out", Constant::Size(*out)),
            ("groups", Constant::Size(*groups)),
            ("bias", Constant::Flag(*bias)),
        ]);
        let rows = table.as_ref().map(|table| Constant::Rows(table.to_vec()));
        constants.extend(rows.map(|rows| ("table", rows)));
        constants
    }
}

/// As a drawing has it: `3x3 conv 64 /2, 32 groups`.
impl fmt::Display for Conv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.window.words(&format!("conv {}", self.out)))?;
        if self.groups > 1 {
            write!(f, ", {} groups", self.groups)?;
        }
        if self.table.is_some() {
            f.write_str(", table")?;
        }
        Ok(())
    }
}

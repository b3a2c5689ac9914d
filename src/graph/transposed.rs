//! A transposed convolution's constants: the gradient of a convolution run forward (Zeiler et al. 2010).

use super::{Constant, Conv, Window};

/// A transposed convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transposed {
    /// Output maps.
    pub out: usize,
    /// Geometry of the convolution whose gradient it is: its stride is what the maps grow by.
    pub window: Window,
    /// Rows and columns of the output behind those that windows reach, `[h, w]`.
    pub extra: [usize; 2],
    /// Groups of maps that do not see each other.
    pub groups: usize,
    /// Whether each output map adds a bias.
    pub bias: bool,
}

impl Transposed {
    /// The convolution of the output whose gradient it is, for `c` input maps.
    pub(crate) fn of(&self, c: usize) -> Conv {
        Conv {
            out: c,
            window: self.window,
            groups: self.groups,
            bias: false,
            table: None,
        }
    }

    /// By the names that measures and digests have for them, every one.
    pub(super) fn constants(&self) -> Vec<(&'static str, Constant)> {
        // no `..`: a new constant must be named here
        let Transposed {
            out,
            window,
            extra,
            groups,
            bias,
        } = self;
        // its output has no last window that hangs over an edge
        let window = window.constants().into_iter();
        let mut constants: Vec<_> = window.filter(|(name, _)| *name != "ceil").collect();
        constants.extend([
            ("extra", Constant::Pair(*extra)),
            ("out", Constant::Size(*out)),
            ("groups", Constant::Size(*groups)),
            ("bias", Constant::Flag(*bias)),
        ]);
        constants
    }

    /// Rows or columns that it makes of as many as it takes.
    pub(crate) fn size(&self, axis: usize, input: usize) -> usize {
        self.axis(axis, input).unwrap_or(0)
    }

    /// Rows or columns that it makes of `input`; `axis` is 0 for h, 1 for w.
    ///
    /// # Errors
    /// Says what does not fit.
    pub(super) fn axis(&self, axis: usize, input: usize) -> Result<usize, String> {
        let (stride, extra) = (self.window.stride[axis], self.extra[axis]);
        if extra >= stride.max(self.window.dilation[axis]) {
            return Err(format!(
                "its output padding {extra} must be less than its stride or dilation"
            ));
        }
        let large = || "the window's size exceeds the machine's integers".to_string();
        let super::Pad::Even(pad) = self.window.pad else {
            return Err("a transposed convolution pads evenly".into());
        };
        let span = self.window.span(axis).ok_or_else(large)?;
        let reach = input
            .saturating_sub(1)
            .checked_mul(stride)
            .and_then(|n| n.checked_add(span));
        let whole = reach.and_then(|n| n.checked_add(extra)).ok_or_else(large)?;
        let output = whole
            .checked_sub(pad[axis].saturating_mul(2))
            .filter(|&n| n > 0);
        let output = output.ok_or_else(|| {
            format!("nothing is left of {whole} rows or columns without its padding")
        })?;
        // the convolution of the output must give the input
        match self.window.axis(axis, output) {
            Ok(back) if back.output == input => Ok(output),
            Ok(_) => Err(format!(
                "its output padding {extra} gives windows that its input does not have"
            )),
            Err(error) => Err(error),
        }
    }
}

//! The geometry that convolution, pooling and subsampling share: a window that slides over maps.

use super::Constant;
use std::fmt;

/// Zero padding around a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pad {
    /// The same number of rows above and below, and of columns left and right: `[h, w]`.
    Even([usize; 2]),
    /// Different numbers in front of the map and behind it, each `[h, w]`: above and left, below and right.
    Around {
        /// Above and left.
        before: [usize; 2],
        /// Below and right.
        after: [usize; 2],
    },
    /// TensorFlow's `'same'`: as much as makes the output `ceil(input / stride)`; an odd one goes
    /// behind, so that an even map under stride 2 gets 0 in front and 1 behind.
    Same,
}

/// A sliding window; each pair is `[h, w]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Size.
    pub kernel: [usize; 2],
    /// Step.
    pub stride: [usize; 2],
    /// Zeros around the map.
    pub pad: Pad,
    /// Distance between neighbouring taps.
    pub dilation: [usize; 2],
    /// Whether a last window that hangs over the edge counts (PyTorch's `ceil_mode`).
    pub ceil: bool,
}

/// One direction of a window on a map of known size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// Positions that the window takes.
    pub output: usize,
    /// Zeros in front of the map.
    pub before: usize,
    /// Zeros behind it, as far as they are declared (a ceil window may look further).
    pub after: usize,
}

/// One number for both directions, or `[h, w]`.
pub trait Pair {
    /// As `[h, w]`.
    fn pair(self) -> [usize; 2];
}

impl Pair for usize {
    fn pair(self) -> [usize; 2] {
        [self, self]
    }
}

impl Pair for [usize; 2] {
    fn pair(self) -> [usize; 2] {
        self
    }
}

/// A pooling window; the stride is the kernel's size until it is set, as in PyTorch.
pub fn pool(kernel: impl Pair) -> Window {
    let kernel = kernel.pair();
    Window {
        stride: kernel,
        ..Window::new(kernel)
    }
}

impl Window {
    /// Stride 1, no padding, no dilation.
    pub(crate) const fn new(kernel: [usize; 2]) -> Window {
        Window {
            kernel,
            stride: [1, 1],
            pad: Pad::Even([0, 0]),
            dilation: [1, 1],
            ceil: false,
        }
    }

    /// Sets the step.
    pub fn stride(self, stride: impl Pair) -> Window {
        Window {
            stride: stride.pair(),
            ..self
        }
    }

    /// Sets the zero padding on each side.
    pub fn pad(self, pad: impl Pair) -> Window {
        Window {
            pad: Pad::Even(pad.pair()),
            ..self
        }
    }

    /// Sets the zero padding above and left, and below and right.
    pub fn pad_around(self, before: impl Pair, after: impl Pair) -> Window {
        let (before, after) = (before.pair(), after.pair());
        Window {
            // one way to say a thing: a digest goes by it
            pad: match before == after {
                true => Pad::Even(before),
                false => Pad::Around { before, after },
            },
            ..self
        }
    }

    /// Pads as TensorFlow's `'same'` does.
    pub fn same(self) -> Window {
        Window {
            pad: Pad::Same,
            ..self
        }
    }

    /// Sets the distance between taps.
    pub fn dilation(self, dilation: impl Pair) -> Window {
        Window {
            dilation: dilation.pair(),
            ..self
        }
    }

    /// Lets the last window hang over the edge.
    pub fn ceil(self) -> Window {
        Window { ceil: true, ..self }
    }

    /// Its constants by name.
    pub(super) fn constants(&self) -> [(&'static str, Constant); 5] {
        let pad = match self.pad {
            Pad::Even(pad) => Constant::Pair(pad),
            Pad::Around { before, after } => Constant::Rows(vec![before.into(), after.into()]),
            Pad::Same => Constant::Word("same"),
        };
        // no `..` here: a new constant must be named
        let Window {
            kernel,
            stride,
            pad: _,
            dilation,
            ceil,
        } = *self;
        [
            ("kernel", Constant::Pair(kernel)),
            ("stride", Constant::Pair(stride)),
            ("pad", pad),
            ("dilation", Constant::Pair(dilation)),
            ("ceil", Constant::Flag(ceil)),
        ]
    }

    /// Taps of one window on one map.
    pub const fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Rows or columns that the taps span, dilation included; `axis` is 0 for h, 1 for w.
    pub fn span(&self, axis: usize) -> Option<usize> {
        self.kernel[axis]
            .checked_sub(1)?
            .checked_mul(self.dilation[axis])?
            .checked_add(1)
    }

    /// The positions of the window along one axis of a map of `input` rows or columns.
    ///
    /// # Errors
    /// Says what does not fit: a zero kernel, stride or dilation, a window larger than the padded
    /// map, or a size beyond the machine's integers.
    pub fn axis(&self, axis: usize, input: usize) -> Result<Axis, String> {
        let (kernel, stride) = (self.kernel[axis], self.stride[axis]);
        if kernel == 0 || stride == 0 || self.dilation[axis] == 0 {
            return Err("kernel, stride and dilation must be at least 1".into());
        }
        let large = || "the window's size exceeds the machine's integers".to_string();
        let span = self.span(axis).ok_or_else(large)?;
        let (before, after) = match self.pad {
            Pad::Even(pad) => (pad[axis], pad[axis]),
            Pad::Around { before, after } => (before[axis], after[axis]),
            Pad::Same => {
                let output = input.div_ceil(stride);
                let reach = (output.max(1) - 1)
                    .checked_mul(stride)
                    .and_then(|n| n.checked_add(span))
                    .ok_or_else(large)?;
                let pad = reach.saturating_sub(input);
                return Ok(Axis {
                    output,
                    before: pad / 2,
                    after: pad - pad / 2,
                });
            }
        };
        let padded = before
            .checked_add(after)
            .and_then(|n| n.checked_add(input))
            .ok_or_else(large)?;
        let room = padded.checked_sub(span).ok_or_else(|| {
            let direction = ["high", "wide"][axis];
            format!(
                "a window {span} {direction} does not fit on a map {padded} {direction}, padding included"
            )
        })?;
        let steps = if self.ceil {
            // a window that would start in the padding behind the map is dropped, as in PyTorch
            room.div_ceil(stride)
                .min((input + before).saturating_sub(1) / stride)
        } else {
            room / stride
        };
        Ok(Axis {
            output: steps + 1,
            before,
            after,
        })
    }
}

impl Window {
    /// What slides, as a drawing has it: `3x3 max pool /2`.
    pub(super) fn words(&self, what: &str) -> String {
        let [h, w] = self.kernel;
        let stride = match self.stride {
            [down, right] if down == right => words_of_stride(down),
            [down, right] => format!(" /{down}x{right}"),
        };
        let dilation = match self.dilation {
            [1, 1] => String::new(),
            [h, w] if h == w => format!(", dilation {h}"),
            [h, w] => format!(", dilation {h}x{w}"),
        };
        format!("{h}x{w} {what}{stride}{dilation}")
    }
}

/// ` /2`, or nothing for a stride of 1.
pub(super) fn words_of_stride(stride: usize) -> String {
    match stride {
        1 => String::new(),
        stride => format!(" /{stride}"),
    }
}

impl fmt::Display for Pad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pad::Even([h, w]) => write!(f, "{h}x{w}"),
            Pad::Around {
                before: [top, left],
                after: [bottom, right],
            } => write!(f, "{top}x{left} before, {bottom}x{right} after"),
            Pad::Same => f.write_str("same"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn windows() -> impl Strategy<Value = (Window, usize)> {
        (
            1..12usize,
            1..6usize,
            (0..6usize, 0..6usize),
            1..4usize,
            any::<bool>(),
            1..70usize,
        )
            .prop_map(|(kernel, stride, (before, after), dilation, ceil, input)| {
                let window = pool(kernel)
                    .stride(stride)
                    .pad_around(before, after)
                    .dilation(dilation);
                (Window { ceil, ..window }, input)
            })
    }

    /// Zeros before and behind, alike in both directions.
    fn sides(window: &Window) -> [usize; 2] {
        match window.pad {
            Pad::Even([pad, _]) => [pad, pad],
            Pad::Around { before, after } => [before[0], after[0]],
            Pad::Same => unreachable!(),
        }
    }

    proptest! {
        /// Counting start positions one by one is the oracle of the closed form.
        #[test]
        fn positions_are_those_that_counting_finds((window, input) in windows()) {
            let [before, after] = sides(&window);
            let (span, stride) = (window.span(0).unwrap(), window.stride[0]);
            let counted = (0..)
                .map(|i| i * stride)
                .take_while(|start| if window.ceil {
                    // starts on the map or in front of it, and the window before it did not reach the end
                    *start == 0 || (start + span < input + before + after + stride && *start < input + before)
                } else {
                    start + span <= input + before + after
                })
                .count();
            match window.axis(0, input) {
                Ok(axis) => prop_assert_eq!(axis.output, counted),
                Err(_) => prop_assert!(span > input + before + after),
            }
        }

        #[test]
        fn same_padding_gives_the_ceiling_and_puts_the_odd_zero_behind((window, input) in windows()) {
            let axis = window.same().axis(0, input).unwrap();
            prop_assert_eq!(axis.output, input.div_ceil(window.stride[0]));
            prop_assert!(axis.after == axis.before || axis.after == axis.before + 1);
            let reach = (axis.output - 1) * window.stride[0] + window.span(0).unwrap();
            prop_assert_eq!(axis.before + axis.after, reach.saturating_sub(input));
        }

        #[test]
        fn rows_and_columns_do_not_mix((a, n) in windows(), (b, m) in windows()) {
            let both = Window {
                kernel: [a.kernel[0], b.kernel[1]],
                stride: [a.stride[0], b.stride[1]],
                dilation: [a.dilation[0], b.dilation[1]],
                pad: Pad::Same,
                ceil: a.ceil,
            };
            let ([top, bottom], [left, right]) = (sides(&a), sides(&b));
            let both = both.pad_around([top, left], [bottom, right]);
            prop_assert_eq!(both.axis(0, n), a.axis(0, n));
            prop_assert_eq!(both.axis(1, m), Window { ceil: a.ceil, ..b }.axis(1, m));
        }
    }

    #[test]
    fn an_even_map_under_same_and_stride_2_is_padded_behind_only() {
        let axis = pool(3).stride(2).same().axis(0, 32).unwrap();
        assert_eq!((axis.output, axis.before, axis.after), (16, 0, 1));
    }

    #[test]
    fn sizes_beyond_the_integers_are_errors() {
        assert!(pool(usize::MAX).dilation(2).axis(0, 5).is_err());
        assert!(pool(3).pad(usize::MAX).axis(0, 5).is_err());
        assert!(pool(0).axis(0, 5).is_err());
    }
}

//! What frameworks do with arrays, beside the layers that papers name: functions of one unit, arithmetic with repetition, axes
//! that are moved, cut, joined and summed up.
//!
//! An axis is one of a sample's: 0 are the channels. None of these has weights.

use super::{Constant, Dims, Sees, Shape};
use std::fmt;

/// An operation on arrays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Array {
    /// A function of each unit.
    Function(Function),
    /// Two inputs, unit by unit; an axis of one unit, and axes that one of them lacks in front, are repeated.
    Arithmetic(Arithmetic),
    /// Axes that become one value.
    Reduce {
        /// How.
        by: Reduction,
        /// Which, in ascending order.
        axes: Dims,
        /// Whether they stay, with one unit.
        keep: bool,
    },
    /// Exponentials along an axis, scaled to sum 1.
    Softmax {
        /// Along which.
        axis: usize,
    },
    /// Maps of another size.
    Resize(Resize),
    /// Units around an array.
    Pad {
        /// In front, for each axis.
        before: Dims,
        /// Behind, for each axis.
        after: Dims,
        /// Of which values.
        with: Padding,
    },
    /// The same units under other axes.
    Reshape {
        /// Sizes; at most one is 0, and follows from the others.
        to: Dims,
    },
    /// Axes in another order.
    Permute {
        /// For each axis of the output the one of the input.
        axes: Dims,
    },
    /// Some units along an axis.
    Slice {
        /// Along which.
        axis: usize,
        /// First unit.
        from: usize,
        /// Unit behind the last.
        to: usize,
        /// Units from one to the next.
        step: usize,
    },
    /// Inputs one after the other along an axis.
    Concat {
        /// Along which.
        axis: usize,
    },
    /// Channels of groups dealt out: the first of each, the second of each (ShuffleNet, Zhang et al. 2017, section 3.1).
    ChannelShuffle {
        /// Groups.
        groups: usize,
    },
    /// `factor` x `factor` channels become a square of units (Shi et al. 2016).
    PixelShuffle {
        /// Side of the square.
        factor: usize,
    },
    /// A sample's value is dropped in training, the others are scaled (Huang et al. 2016).
    StochasticDepth {
        /// Probability that a sample is dropped.
        p: f64,
    },
}

/// A function of one unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// min(max(x, min), max): ReLU6 is 0 to 6.
    Clip {
        /// Least value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// x min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, section 5.2).
    HardSwish,
    /// min(max(x + 3, 0), 6) / 6.
    HardSigmoid,
    /// x sigmoid(x): SiLU, Swish.
    Silu,
    /// x Phi(x), Phi the distribution function of the normal distribution (Hendrycks & Gimpel 2016).
    Gelu,
    /// Its approximation by a hyperbolic tangent (ibid.).
    GeluTanh,
    /// x, below zero `slope` x.
    LeakyRelu {
        /// Factor below zero.
        slope: f64,
    },
    /// `scale` x, below zero `scale alpha (exp(x) - 1)`: ELU, and SELU.
    Elu {
        /// Limit below zero.
        alpha: f64,
        /// Factor.
        scale: f64,
    },
    /// log(1 + exp(beta x)) / beta.
    Softplus {
        /// Steepness.
        beta: f64,
    },
    /// x tanh(softplus(x)).
    Mish,
    /// x to a power: of 1/2 a root, of -1 the reciprocal.
    Power {
        /// Exponent.
        exponent: f64,
    },
    /// exp(x).
    Exp,
    /// |x|.
    Abs,
}

/// What becomes of two units.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Arithmetic {
    /// a + b.
    Add,
    /// a - b.
    Subtract,
    /// a b.
    Multiply,
    /// a / b.
    Divide,
    /// The larger.
    Maximum,
    /// The smaller.
    Minimum,
}

/// What becomes of many units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// The largest.
    Maximum,
}

/// Which values stand around an array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Padding {
    /// One number.
    Constant(f64),
    /// The array mirrored, its edge not repeated.
    Reflect,
    /// Its edge repeated.
    Replicate,
    /// Its other end.
    Circular,
}

/// How maps get another size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resize {
    /// `[h, w]` of the output.
    pub output: [usize; 2],
    /// Between which units.
    pub by: Interpolation,
    /// Output units an input unit, `[h, w]`, where it was given as such; else that of the sizes.
    pub scale: Option<[f64; 2]>,
}

/// Which units of the input make one of the output.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The nearest, as PyTorch rounds it: down.
    Nearest,
    /// The four around it, by their distance; units are squares.
    Bilinear,
    /// The same, where corners of input and output lie on each other.
    BilinearCorners,
}

impl Array {
    /// The output shape on those inputs.
    ///
    /// # Errors
    /// What does not fit, and what would.
    pub(super) fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = inputs[0];
        let dims = input.dims();
        let has_axis = |axis: usize| match axis < dims.len() {
            true => Ok(()),
            false => Err(format!("{input} has no axis {axis}")),
        };
        match *self {
            Array::Function(_) | Array::StochasticDepth { .. } => Ok(input),
            Array::Arithmetic(_) => broadcast(input, inputs[1]),
            Array::Reduce { axes, keep, .. } => {
                if axes.is_empty() || !axes.is_sorted_by(|a, b| a < b) {
                    return Err("needs axes, each once, in ascending order".into());
                }
                axes.iter().try_for_each(|&axis| has_axis(axis))?;
                let sizes = dims.iter().enumerate();
                let mut left: Vec<usize> = match keep {
                    true => sizes
                        .map(|(i, &n)| if axes.contains(&i) { 1 } else { n })
                        .collect(),
                    false => sizes
                        .filter(|(i, _)| !axes.contains(i))
                        .map(|(_, &n)| n)
                        .collect(),
                };
                if left.is_empty() {
                    // one number a sample
                    left.push(1);
                }
                Shape::new(&left)
            }
            Array::Softmax { axis } => has_axis(axis).map(|()| input),
            Array::Resize(Resize {
                output: [h, w],
                scale,
                ..
            }) => {
                let [c, ..] = maps(input)?;
                if h == 0
                    || w == 0
                    || scale.is_some_and(|scale| scale.iter().any(|s| *s <= 0.0 || !s.is_finite()))
                {
                    return Err("needs a size of at least 1x1".into());
                }
                Ok(Shape::map(c, h, w))
            }
            Array::Pad {
                before,
                after,
                with,
            } => {
                if before.len() != dims.len() || after.len() != dims.len() {
                    return Err(format!("pads {} axes of {input}", before.len()));
                }
                let mut padded = Vec::with_capacity(dims.len());
                for ((&n, &before), &after) in dims.iter().zip(before.iter()).zip(after.iter()) {
                    let most = match with {
                        Padding::Constant(_) => usize::MAX,
                        Padding::Replicate if n > 0 => usize::MAX,
                        Padding::Replicate => 0,
                        Padding::Reflect => n.saturating_sub(1),
                        Padding::Circular => n,
                    };
                    if before.max(after) > most {
                        return Err(format!(
                            "cannot take {} more units from {n}",
                            before.max(after)
                        ));
                    }
                    let sum = n.checked_add(before).and_then(|n| n.checked_add(after));
                    padded.push(sum.ok_or("its size exceeds the machine's integers")?);
                }
                Shape::new(&padded)
            }
            Array::Reshape { to } => reshaped(input, to),
            Array::Permute { axes } => {
                let mut sorted = axes.to_vec();
                sorted.sort_unstable();
                if !sorted.iter().copied().eq(0..dims.len()) {
                    return Err(format!(
                        "cannot put the axes of {input} in the order {axes:?}"
                    ));
                }
                let moved: Vec<usize> = axes.iter().map(|&axis| dims[axis]).collect();
                Shape::new(&moved)
            }
            Array::Slice {
                axis,
                from,
                to,
                step,
            } => {
                has_axis(axis)?;
                if from >= to || to > dims[axis] || step == 0 {
                    return Err(format!(
                        "cannot take units {from} to {to} of {}",
                        dims[axis]
                    ));
                }
                Ok(with(dims, axis, (to - from).div_ceil(step)))
            }
            Array::Concat { axis } => {
                has_axis(axis)?;
                let rest = |shape: &Shape| {
                    (shape.dims().len() == dims.len()).then(|| with(shape.dims(), axis, 1))
                };
                if let Some(other) = inputs.iter().find(|shape| rest(shape) != rest(&input)) {
                    return Err(format!(
                        "cannot put {other} behind {input} along axis {axis}: other sizes differ"
                    ));
                }
                let sum = inputs
                    .iter()
                    .try_fold(0usize, |sum, shape| sum.checked_add(shape.dims()[axis]));
                sum.map(|sum| with(dims, axis, sum))
                    .ok_or_else(|| "too many units".into())
            }
            Array::ChannelShuffle { groups } => {
                match groups > 0 && input.channels().is_multiple_of(groups) {
                    true => Ok(input),
                    false => Err(format!(
                        "{groups} groups must divide its {} channels",
                        input.channels()
                    )),
                }
            }
            Array::PixelShuffle { factor } => {
                let [c, h, w] = maps(input)?;
                let square = factor
                    .checked_mul(factor)
                    .filter(|&n| n > 0 && c.is_multiple_of(n));
                let size = |n: usize| n.checked_mul(factor);
                match (square, size(h), size(w)) {
                    (Some(square), Some(h), Some(w)) => Ok(Shape::map(c / square, h, w)),
                    _ => Err(format!("{factor}x{factor} must divide its {c} channels")),
                }
            }
        }
    }

    /// By the names that measures and digests have for them, every one.
    pub(super) fn constants(&self) -> Vec<(&'static str, Constant)> {
        use Constant::{Flag, Number, Pair, Size, Word};
        match *self {
            // no `..` in these patterns: a new constant must be named here
            Array::Function(ref function) => function.constants(),
            Array::Arithmetic(_) => Vec::new(),
            Array::Reduce { by: _, axes, keep } => vec![("axes", list(axes)), ("keep", Flag(keep))],
            Array::Softmax { axis } | Array::Concat { axis } => vec![("axis", Size(axis))],
            Array::Resize(Resize { output, by, scale }) => {
                // none is that of the sizes
                let [h, w] = scale.unwrap_or_default();
                vec![
                    ("output", Pair(output)),
                    ("by", Word(by.name())),
                    ("scale_h", Number(h)),
                    ("scale_w", Number(w)),
                ]
            }
            Array::Pad {
                before,
                after,
                with,
            } => {
                let value = match with {
                    Padding::Constant(value) => value,
                    Padding::Reflect | Padding::Replicate | Padding::Circular => 0.0,
                };
                vec![
                    ("before", list(before)),
                    ("after", list(after)),
                    ("with", Word(with.name())),
                    ("value", Number(value)),
                ]
            }
            Array::Reshape { to } => vec![("to", list(to))],
            Array::Permute { axes } => vec![("axes", list(axes))],
            Array::Slice {
                axis,
                from,
                to,
                step,
            } => {
                vec![
                    ("axis", Size(axis)),
                    ("from", Size(from)),
                    ("to", Size(to)),
                    ("step", Size(step)),
                ]
            }
            Array::ChannelShuffle { groups } => vec![("groups", Size(groups))],
            Array::PixelShuffle { factor } => vec![("factor", Size(factor))],
            Array::StochasticDepth { p } => vec![("p", Number(p))],
        }
    }

    /// What one unit sees of the inputs, along rows and columns.
    pub(super) fn sees(&self, inputs: &[Shape], output: Shape) -> Sees {
        match *self {
            Array::Function(_)
            | Array::Softmax { .. }
            | Array::Permute { .. }
            | Array::Pad { .. }
            | Array::ChannelShuffle { .. }
            | Array::StochasticDepth { .. } => Sees::Unit,
            Array::Arithmetic(_) | Array::Concat { .. } => Sees::UnitOfEach,
            Array::Slice {
                axis: 1 | 2, step, ..
            } if inputs[0].maps().is_some() => Sees::EveryNth(step),
            Array::Slice { .. } => Sees::Unit,
            Array::Reduce { axes, .. } if *axes == [0] => Sees::Unit,
            // rows and columns stay
            Array::Reshape { .. } if ends_alike(inputs[0], output) => Sees::Unit,
            Array::Reduce { .. } | Array::Reshape { .. } => Sees::Everything,
            Array::Resize(Resize { output: to, by, .. }) => {
                let from = inputs[0].extent();
                let taps = if by == Interpolation::Nearest { 1 } else { 2 };
                Sees::Between {
                    taps: [taps, taps],
                    from,
                    to,
                }
            }
            Array::PixelShuffle { .. } => Sees::Between {
                taps: [1, 1],
                from: inputs[0].extent(),
                to: output.extent(),
            },
        }
    }

    /// Whether it makes one vector of whole maps.
    pub(super) fn collapses(&self, input: Shape) -> bool {
        match *self {
            Array::Reduce { axes, .. } => {
                input.maps().is_some() && input.extent() != [1, 1] && *axes == [1, 2]
            }
            _ => false,
        }
    }
}

impl Function {
    fn constants(&self) -> Vec<(&'static str, Constant)> {
        use Constant::Number;
        match *self {
            Function::Clip { min, max } => vec![("min", Number(min)), ("max", Number(max))],
            Function::LeakyRelu { slope } => vec![("slope", Number(slope))],
            Function::Elu { alpha, scale } => {
                vec![("alpha", Number(alpha)), ("scale", Number(scale))]
            }
            Function::Softplus { beta } => vec![("beta", Number(beta))],
            Function::Power { exponent } => vec![("exponent", Number(exponent))],
            Function::HardSwish
            | Function::HardSigmoid
            | Function::Silu
            | Function::Gelu
            | Function::GeluTanh
            | Function::Mish
            | Function::Exp
            | Function::Abs => Vec::new(),
        }
    }
}

impl Arithmetic {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Arithmetic::Add => "add",
            Arithmetic::Subtract => "subtract",
            Arithmetic::Multiply => "multiply",
            Arithmetic::Divide => "divide",
            Arithmetic::Maximum => "maximum",
            Arithmetic::Minimum => "minimum",
        }
    }
}

impl Interpolation {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Interpolation::Nearest => "nearest",
            Interpolation::Bilinear => "bilinear",
            Interpolation::BilinearCorners => "bilinear_corners",
        }
    }
}

impl Padding {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Padding::Constant(_) => "constant",
            Padding::Reflect => "reflect",
            Padding::Replicate => "replicate",
            Padding::Circular => "circular",
        }
    }
}

/// Sizes as a constant.
pub(super) fn list(dims: Dims) -> Constant {
    Constant::Rows(vec![dims.to_vec()])
}

/// `[c, h, w]` of what must be maps.
fn maps(input: Shape) -> Result<[usize; 3], String> {
    input
        .maps()
        .ok_or_else(|| format!("takes maps of CxHxW, but {input} comes in"))
}

/// The same sizes but along one axis.
fn with(dims: Dims, axis: usize, size: usize) -> Shape {
    let mut sizes = dims.to_vec();
    sizes[axis] = size;
    Shape::new(&sizes).expect("as many axes as before")
}

/// Whether both have the same last two axes.
fn ends_alike(a: Shape, b: Shape) -> bool {
    let (a, b) = (a.dims(), b.dims());
    a.len() > 1 && b.len() > 1 && a[a.len() - 2..] == b[b.len() - 2..]
}

/// The shape that both are repeated to.
fn broadcast(a: Shape, b: Shape) -> Result<Shape, String> {
    let axes = a.dims().len().max(b.dims().len());
    let size = |shape: Shape, i: usize| {
        let dims = shape.dims();
        (i + dims.len()).checked_sub(axes).map_or(1, |i| dims[i])
    };
    let joined = (0..axes).map(|i| match (size(a, i), size(b, i)) {
        (a, b) if a == b || b == 1 => Ok(a),
        (1, b) => Ok(b),
        _ => Err(format!("cannot repeat {a} and {b} to one shape")),
    });
    Shape::new(&joined.collect::<Result<Vec<_>, _>>()?)
}

/// Of an input with those units.
fn reshaped(input: Shape, to: Dims) -> Result<Shape, String> {
    let fault = || format!("cannot order the units of {input} as {to:?}");
    let units = input.elements().ok_or_else(fault)?;
    let known =
        (to.iter().filter(|&&n| n > 0)).try_fold(1u64, |n, &size| n.checked_mul(size as u64));
    let known = known.ok_or_else(fault)?;
    let left = units
        .checked_div(known)
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(fault)?;
    let open = to.iter().filter(|&&n| n == 0).count();
    let sizes: Vec<usize> = to.iter().map(|&n| if n == 0 { left } else { n }).collect();
    match open {
        0 if known == units => Shape::new(&sizes),
        1 if left > 0 && known.checked_mul(left as u64) == Some(units) => Shape::new(&sizes),
        _ => Err(fault()),
    }
}

/// In a few words, as a drawing has it.
impl fmt::Display for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes = |axes: &[usize]| -> String {
            let axes: Vec<String> = axes.iter().map(ToString::to_string).collect();
            axes.join(",")
        };
        let words: String = match self {
            Array::Function(function) => return function.fmt(f),
            Array::Arithmetic(Arithmetic::Add) => "add".into(),
            Array::Arithmetic(Arithmetic::Subtract) => "subtract".into(),
            Array::Arithmetic(Arithmetic::Multiply) => "multiply".into(),
            Array::Arithmetic(Arithmetic::Divide) => "divide".into(),
            Array::Arithmetic(Arithmetic::Maximum) => "maximum".into(),
            Array::Arithmetic(Arithmetic::Minimum) => "minimum".into(),
            Array::Reduce { by, axes: of, .. } => {
                let by = match by {
                    Reduction::Sum => "sum",
                    Reduction::Mean => "mean",
                    Reduction::Maximum => "maximum",
                };
                format!("{by} over {}", axes(of))
            }
            Array::Softmax { axis } => format!("softmax over {axis}"),
            Array::Resize(Resize {
                output: [h, w], by, ..
            }) => {
                let by = match by {
                    Interpolation::Nearest => "nearest",
                    Interpolation::Bilinear | Interpolation::BilinearCorners => "bilinear",
                };
                format!("{by} to {h}x{w}")
            }
            Array::Pad { .. } => "pad".into(),
            Array::Reshape { to } => format!("reshape {}", axes(to)),
            Array::Permute { axes: of } => format!("permute {}", axes(of)),
            Array::Slice { axis, from, to, .. } => {
                format!("{from} to {} of axis {axis}", to.saturating_sub(1))
            }
            Array::Concat { axis } => format!("concat {axis}"),
            Array::ChannelShuffle { groups } => format!("shuffle {groups}"),
            Array::PixelShuffle { factor } => format!("pixel shuffle {factor}"),
            Array::StochasticDepth { p } => format!("stochastic depth {p}"),
        };
        f.write_str(&words)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Function::Clip { min, max } if [min, max] == [0.0, 6.0] => f.write_str("ReLU6"),
            Function::Clip { min, max } => write!(f, "clip {min} to {max}"),
            Function::HardSwish => f.write_str("hard swish"),
            Function::HardSigmoid => f.write_str("hard sigmoid"),
            Function::Silu => f.write_str("SiLU"),
            Function::Gelu | Function::GeluTanh => f.write_str("GELU"),
            Function::LeakyRelu { slope } => write!(f, "leaky ReLU {slope}"),
            Function::Elu { .. } => f.write_str("ELU"),
            Function::Softplus { .. } => f.write_str("softplus"),
            Function::Mish => f.write_str("Mish"),
            Function::Power { exponent } => write!(f, "power {exponent}"),
            Function::Exp => f.write_str("exp"),
            Function::Abs => f.write_str("abs"),
        }
    }
}

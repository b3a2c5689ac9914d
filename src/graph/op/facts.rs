//! What follows of a layer once it is known what comes in: its shape, its weights, its counts.

use super::{Op, Own};
use crate::graph::array::{Arithmetic, Array};
use crate::graph::{Conv, Dims, Role, Shape, Tensor, Transposed, Window};

/// What a layer has and costs on its inputs, per sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Its weights and running statistics, in `state_dict` order.
    pub tensors: Vec<Tensor>,
    /// Inputs of one unit, as initialisation counts them; 1 without weights to draw.
    pub fan_in: usize,
    /// Units that read one input, as initialisation counts them; 1 without weights to draw.
    pub fan_out: usize,
    /// Multiply-accumulates of a convolution or a linear layer: biases left out, padded taps included.
    /// `None` beyond 64 bits, as in the other counts.
    pub macs: Option<u64>,
    /// Units, of a layer that computes features or samples them (LeCun et al. 1998, section II-B).
    pub neurons: Option<u64>,
    /// Values that enter those units, each unit's bias included, shared weights or not (ibid.).
    pub connections: Option<u64>,
    /// What one unit sees of its inputs.
    pub sees: Sees,
    /// Whether it makes one vector of whole maps, where a network's feature maps end.
    pub collapses: bool,
}

/// What one unit of a layer sees of the layer's inputs, along rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// The unit at its own place, of the first input.
    Unit,
    /// What lies under a window.
    Window(Window),
    /// A cell of a grid of `[h, w]` cells laid over the map.
    Cell([usize; 2]),
    /// Every `stride`-th unit.
    EveryNth(usize),
    /// All there is.
    Everything,
    /// So many neighbours of a map of `from` rows and columns, where the output has `to`.
    Between {
        /// `[h, w]`.
        taps: [usize; 2],
        /// `[h, w]`.
        from: [usize; 2],
        /// `[h, w]`.
        to: [usize; 2],
    },
    /// The unit at its own place, of each input; a map of one row or column is seen everywhere.
    UnitOfEach,
}

impl Op {
    /// The output shape on those inputs.
    ///
    /// # Errors
    /// What does not fit, and what would.
    pub(crate) fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        if let Op::Parameter { dims, .. } = *self {
            return Shape::new(&dims);
        }
        let input = inputs[0];
        match *self {
            Op::Input
            | Op::BatchNorm { .. }
            | Op::Lrn(_)
            | Op::Activation(_)
            | Op::Dropout { .. }
            | Op::Scale { .. } => Ok(input),
            Op::Conv(Conv { out: 0, .. })
            | Op::Linear { out: 0, .. }
            | Op::LinearLast { out: 0, .. }
            | Op::ConvTranspose(Transposed { out: 0, .. })
            | Op::Rbf { out: 0 } => Err("has no output: at least one map or unit is needed".into()),
            Op::Conv(ref conv) => convolved(conv, input),
            Op::MaxPool { window } | Op::AvgPool { window, .. } | Op::Subsample { window } => {
                slide(&window, input, input.channels())
            }
            Op::AdaptiveAvgPool { output: [h, w] } if h == 0 || w == 0 => Err(format!(
                "has a grid of {h}x{w} cells: at least one is needed along each axis"
            )),
            Op::AdaptiveAvgPool { output: [h, w] } => {
                maps(input).map(|_| Shape::map(input.channels(), h, w))
            }
            Op::Linear { out, .. } | Op::Rbf { out } if input.is_vector() => Ok(Shape::vector(out)),
            Op::Linear { .. } | Op::Rbf { .. } => Err(match input.maps() {
                Some(_) => {
                    format!("takes a vector, but maps of {input} come in: flatten them first")
                }
                None => format!("takes a vector, but {input} comes in: flatten it first"),
            }),
            Op::Flatten => input
                .elements()
                .and_then(|n| usize::try_from(n).ok())
                .map(Shape::vector)
                .ok_or_else(|| format!("{input} has more units than the machine's integers")),
            Op::Concat => {
                let rest = |shape: &Shape| shape.with_channels(1);
                if let Some(other) = inputs.iter().find(|s| rest(s) != rest(&input)) {
                    return Err(format!(
                        "cannot put {other} beside {input}: the sizes differ"
                    ));
                }
                inputs
                    .iter()
                    .try_fold(0usize, |sum, s| sum.checked_add(s.channels()))
                    .map(|c| input.with_channels(c))
                    .ok_or_else(|| "too many channels".into())
            }
            Op::Add | Op::BroadcastAdd | Op::Gate | Op::Array(Array::Arithmetic(_))
                if inputs.len() != 2 =>
            {
                Err(format!("takes two inputs, not {}", inputs.len()))
            }
            Op::Add | Op::Mean { .. } => match inputs.iter().find(|&&s| s != input) {
                None => Ok(input),
                Some(other) => Err(format!("cannot add {other} to {input}: the shapes differ")),
            },
            Op::Gate => match inputs[1] {
                gate if gate == input => Ok(input),
                gate if gate.elements() == Some(input.channels() as u64)
                    && gate.channels() == input.channels() =>
                {
                    Ok(input)
                }
                gate => Err(format!(
                    "cannot gate {input} by {gate}: one value per channel or per unit is needed"
                )),
            },
            Op::Slice { from, to } => {
                if from < to && to <= input.channels() {
                    Ok(input.with_channels(to - from))
                } else {
                    Err(format!(
                        "cannot take channels {from} to {to} of {}",
                        input.channels()
                    ))
                }
            }
            Op::BroadcastAdd => {
                let join = |a: usize, b: usize| (a == b || a == 1 || b == 1).then(|| a.max(b));
                inputs
                    .iter()
                    .try_fold(input, |sum, &other| {
                        let (a, b) = (sum.dims(), other.dims());
                        if sum == other {
                            return Some(sum);
                        }
                        if a.len() != b.len() || sum.is_vector() {
                            return None;
                        }
                        let joined = a.iter().zip(b.iter()).map(|(&a, &b)| join(a, b));
                        Shape::new(&joined.collect::<Option<Vec<_>>>()?).ok()
                    })
                    .ok_or_else(|| format!("cannot repeat {inputs:?} to one shape"))
            }
            Op::ConvTranspose(ref transposed) => {
                let [h, w] = maps(input)?;
                let Transposed { out, groups, .. } = *transposed;
                let c = input.channels();
                if groups == 0 || !c.is_multiple_of(groups) || !out.is_multiple_of(groups) {
                    return Err(format!(
                        "{groups} groups must divide its {c} input maps and {out} output maps"
                    ));
                }
                Ok(Shape::map(
                    out,
                    transposed.axis(0, h)?,
                    transposed.axis(1, w)?,
                ))
            }
            Op::GroupNorm { groups, .. } => {
                match groups > 0 && input.channels().is_multiple_of(groups) {
                    true => Ok(input),
                    false => Err(format!(
                        "{groups} groups must divide its {} channels",
                        input.channels()
                    )),
                }
            }
            Op::LayerNorm { axes, .. } => match axes > 0 && axes <= input.dims().len() {
                true => Ok(input),
                false => Err(format!("cannot normalise over {axes} axes of {input}")),
            },
            Op::PRelu { .. } => Ok(input),
            Op::LinearLast { out, .. } => {
                let mut dims = input.dims().to_vec();
                *dims.last_mut().expect("a shape has an axis") = out;
                Shape::new(&dims)
            }
            Op::Own(Own { dims, view, .. }) => {
                let units = |dims: &[usize]| product(dims);
                let repeated = Shape::new(&view)
                    .and_then(|own| Array::Arithmetic(Arithmetic::Add).output(&[input, own]));
                match repeated {
                    Ok(shape) if shape == input && units(&view) == units(&dims) => Ok(input),
                    _ => Err(format!("cannot repeat its tensor {view:?} to {input}")),
                }
            }
            Op::Array(ref array) => array.output(inputs),
            Op::Parameter { .. } => unreachable!("it takes nothing"),
            Op::Opaque(ref opaque) => match opaque.inputs == inputs {
                true => Ok(opaque.output),
                false => Err(format!(
                    "its operator {} is not known, so it takes {:?} alone, not {inputs:?}",
                    opaque.operator, opaque.inputs
                )),
            },
            Op::PadShortcut { channels, stride } => {
                let [h, w] = maps(input)?;
                if stride == 0 || channels < input.channels() {
                    return Err(format!(
                        "can add maps to its {}, not cut them to {channels}, with a stride of at least 1",
                        input.channels()
                    ));
                }
                Ok(Shape::map(channels, h.div_ceil(stride), w.div_ceil(stride)))
            }
        }
    }

    /// What the layer has and costs on inputs that it takes.
    pub(crate) fn facts(&self, inputs: &[Shape], output: Shape) -> Facts {
        let c = inputs.first().map_or(0, |input| input.channels());
        match *self {
            Op::Conv(ref conv) => of_conv(conv, c, output),
            Op::Linear { out, bias } => {
                let macs = product(&[out, c]);
                Facts {
                    tensors: with_bias(Tensor::new(Role::Weight, [out, c]), out, bias),
                    fan_in: c,
                    fan_out: out,
                    macs,
                    neurons: output.elements(),
                    connections: biased(macs, output, bias),
                    sees: Sees::Unit,
                    collapses: false,
                }
            }
            Op::Rbf { out } => Facts {
                tensors: vec![Tensor::new(Role::Code, [out, c])],
                fan_in: c,
                fan_out: out,
                macs: Some(0),
                neurons: output.elements(),
                connections: product(&[out, c]),
                sees: Sees::Unit,
                collapses: false,
            },
            Op::Subsample { ref window } => {
                let taps = product(&window.kernel);
                Facts {
                    tensors: vec![
                        Tensor::new(Role::Coefficient, [c]),
                        Tensor::new(Role::Bias, [c]),
                    ],
                    fan_in: window.kernel[0].saturating_mul(window.kernel[1]),
                    fan_out: 1,
                    macs: Some(0),
                    neurons: output.elements(),
                    // a unit's window, and its bias
                    connections: each(output, taps.and_then(|taps| taps.checked_add(1))),
                    sees: Sees::Window(*window),
                    collapses: false,
                }
            }
            Op::MaxPool { ref window } | Op::AvgPool { ref window, .. } => Facts {
                neurons: output.elements(),
                connections: each(output, product(&window.kernel)),
                ..without_weights(Sees::Window(*window))
            },
            Op::AdaptiveAvgPool { output: cells } => Facts {
                neurons: output.elements(),
                connections: inputs[0].elements(),
                collapses: cells == [1, 1] && inputs[0].extent() != [1, 1],
                ..without_weights(Sees::Cell(cells))
            },
            Op::BatchNorm { .. } => Facts {
                tensors: [
                    Role::NormScale,
                    Role::NormShift,
                    Role::RunningMean,
                    Role::RunningVariance,
                ]
                .map(|role| Tensor::new(role, [c]))
                .into(),
                ..without_weights(Sees::Unit)
            },
            Op::ConvTranspose(ref transposed) => of_transposed(transposed, inputs[0], output),
            Op::GroupNorm { affine, .. } => Facts {
                tensors: normalised([c].into(), affine, affine),
                // its statistics see more than the features, but only weigh them
                ..without_weights(Sees::Unit)
            },
            Op::LayerNorm {
                axes, scale, shift, ..
            } => {
                let dims = inputs[0].dims();
                let last = Dims::from_slice(&dims[dims.len() - axes..]);
                Facts {
                    tensors: normalised(last.expect("as many as there are"), scale, shift),
                    ..without_weights(Sees::Unit)
                }
            }
            Op::PRelu { shared } => Facts {
                tensors: vec![Tensor::new(Role::NormScale, [if shared { 1 } else { c }])],
                ..without_weights(Sees::Unit)
            },
            Op::LinearLast { out, bias } => {
                let dims = inputs[0].dims();
                let last = dims[dims.len() - 1];
                let macs = output.elements().and_then(|n| n.checked_mul(last as u64));
                Facts {
                    tensors: with_bias(Tensor::new(Role::Weight, [out, last]), out, bias),
                    fan_in: last,
                    fan_out: out,
                    macs,
                    neurons: output.elements(),
                    connections: biased(macs, output, bias),
                    sees: Sees::Unit,
                    collapses: false,
                }
            }
            Op::Own(Own { by, dims, kind, .. }) => {
                let role = match by {
                    Arithmetic::Multiply | Arithmetic::Divide => Role::NormScale,
                    Arithmetic::Add
                    | Arithmetic::Subtract
                    | Arithmetic::Maximum
                    | Arithmetic::Minimum => Role::NormShift,
                };
                Facts {
                    tensors: vec![Tensor {
                        kind,
                        ..Tensor::new(role, dims)
                    }],
                    ..without_weights(Sees::Unit)
                }
            }
            Op::Array(ref array) => Facts {
                collapses: array.collapses(inputs[0]),
                ..without_weights(array.sees(inputs, output))
            },
            Op::Parameter { dims, kind } => Facts {
                tensors: vec![Tensor {
                    kind,
                    ..Tensor::new(Role::NormScale, dims)
                }],
                ..without_weights(Sees::Unit)
            },
            Op::Opaque(ref opaque) => Facts {
                macs: Some(opaque.macs),
                ..without_weights(Sees::Everything)
            },
            Op::Flatten => Facts {
                collapses: true,
                ..without_weights(Sees::Everything)
            },
            Op::PadShortcut { stride, .. } => without_weights(Sees::EveryNth(stride)),
            // a channel gate sees more than the features, often everything, but only weighs them
            Op::Gate if inputs[1].extent() != inputs[0].extent() => without_weights(Sees::Unit),
            Op::Gate | Op::Concat | Op::Add | Op::BroadcastAdd | Op::Mean { .. } => {
                without_weights(Sees::UnitOfEach)
            }
            Op::Input
            | Op::Lrn(_)
            | Op::Activation(_)
            | Op::Dropout { .. }
            | Op::Slice { .. }
            | Op::Scale { .. } => without_weights(Sees::Unit),
        }
    }
}

/// `[h, w]` of what must be maps.
fn maps(input: Shape) -> Result<[usize; 2], String> {
    match input.maps() {
        Some([_, h, w]) => Ok([h, w]),
        None if input.is_vector() => Err(format!("takes maps, but a vector of {input} comes in")),
        None => Err(format!("takes maps of CxHxW, but {input} comes in")),
    }
}

fn slide(window: &Window, input: Shape, channels: usize) -> Result<Shape, String> {
    let [h, w] = maps(input)?;
    Ok(Shape::map(
        channels,
        window.axis(0, h)?.output,
        window.axis(1, w)?.output,
    ))
}

/// What a convolution makes of maps.
fn convolved(conv: &Conv, input: Shape) -> Result<Shape, String> {
    let &Conv {
        out,
        ref window,
        groups,
        ref table,
        ..
    } = conv;
    let c = input.channels();
    if groups == 0 || !c.is_multiple_of(groups) || !out.is_multiple_of(groups) {
        return Err(format!(
            "{groups} groups must divide its {c} input maps and {out} output maps"
        ));
    }
    if let Some(table) = table {
        if groups > 1 {
            return Err(format!(
                "has a table and {groups} groups: a table alone says which maps are seen"
            ));
        }
        if table.len() != out {
            let rows = table.len();
            return Err(format!("its table has {rows} rows for {out} output maps"));
        }
        if table.iter().any(|row| row.iter().any(|&map| map >= c)) {
            return Err(format!("its table names a map beyond its {c} input maps"));
        }
    }
    slide(window, input, out)
}

/// Of a convolution of `c` maps.
fn of_conv(conv: &Conv, c: usize, output: Shape) -> Facts {
    let &Conv {
        out,
        ref window,
        groups,
        bias,
        ref table,
    } = conv;
    let ([rows, columns], [h, w]) = (window.kernel, output.extent());
    // how many kernels there are, and how many the output map with most inputs has
    let (kernels, most, dims) = match table {
        // a kernel for each entry of the table, row by row
        Some(table) => {
            let lengths = || table.iter().map(Vec::len);
            let all = lengths().sum();
            let dims: Dims = [all, rows, columns].into();
            (Some(all), lengths().max().unwrap_or(0), dims)
        }
        None => {
            let maps = c / groups;
            let dims: Dims = [out, maps, rows, columns].into();
            (out.checked_mul(maps), maps, dims)
        }
    };
    let taps = rows.saturating_mul(columns);
    let macs = kernels.and_then(|kernels| product(&[kernels, rows, columns, h, w]));
    Facts {
        tensors: with_bias(Tensor::new(Role::Weight, dims), out, bias),
        fan_in: most.saturating_mul(taps),
        fan_out: out.saturating_mul(taps),
        macs,
        neurons: output.elements(),
        connections: biased(macs, output, bias),
        sees: Sees::Window(*window),
        collapses: false,
    }
}

/// Of a transposed convolution.
fn of_transposed(transposed: &Transposed, input: Shape, output: Shape) -> Facts {
    let &Transposed {
        out,
        ref window,
        groups,
        bias,
        ..
    } = transposed;
    let (c, [rows, columns]) = (input.channels(), window.kernel);
    let taps = rows.saturating_mul(columns);
    let maps = out / groups;
    let units = input.elements();
    let macs = product(&[maps, rows, columns]).and_then(|of_unit| units?.checked_mul(of_unit));
    let axis = |axis: usize| rows_between(window, axis);
    Facts {
        tensors: with_bias(
            Tensor::new(Role::Weight, [c, maps, rows, columns]),
            out,
            bias,
        ),
        fan_in: maps.saturating_mul(taps),
        fan_out: c.saturating_mul(taps),
        macs,
        neurons: output.elements(),
        connections: biased(macs, output, bias),
        sees: Sees::Between {
            taps: [axis(0), axis(1)],
            from: input.extent(),
            to: output.extent(),
        },
        collapses: false,
    }
}

/// Rows of the input, or columns, that reach one of the output of a transposed convolution, at most.
fn rows_between(window: &Window, axis: usize) -> usize {
    let span = window.span(axis).unwrap_or(usize::MAX);
    span.div_ceil(window.stride[axis].max(1))
}

/// Scale and shift of a normalisation.
fn normalised(dims: Dims, scale: bool, shift: bool) -> Vec<Tensor> {
    let scale = scale.then(|| Tensor::new(Role::NormScale, dims));
    let shift = shift.then(|| Tensor::new(Role::NormShift, dims));
    scale.into_iter().chain(shift).collect()
}

/// Of a layer without tensors, whose units do not count.
const fn without_weights(sees: Sees) -> Facts {
    Facts {
        tensors: Vec::new(),
        fan_in: 1,
        fan_out: 1,
        macs: Some(0),
        neurons: Some(0),
        connections: Some(0),
        sees,
        collapses: false,
    }
}

/// A layer's weight and, where it has one, the bias of each of its `out` units or maps.
fn with_bias(weight: Tensor, out: usize, bias: bool) -> Vec<Tensor> {
    let bias = bias.then(|| Tensor::new(Role::Bias, [out]));
    [weight].into_iter().chain(bias).collect()
}

/// Connections of a layer that costs so many products: those, and a bias a unit where it has biases.
fn biased(macs: Option<u64>, output: Shape, bias: bool) -> Option<u64> {
    let biases = if bias { output.elements()? } else { 0 };
    macs?.checked_add(biases)
}

/// So many for each unit.
fn each(output: Shape, connections: Option<u64>) -> Option<u64> {
    output.elements()?.checked_mul(connections?)
}

/// A product of sizes; `None` beyond 64 bits.
fn product(factors: &[usize]) -> Option<u64> {
    factors
        .iter()
        .try_fold(1u64, |n, &factor| n.checked_mul(factor as u64))
}

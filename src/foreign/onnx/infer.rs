//! What shape does an operator give? ONNX's rules, batch included, for the files that do not say.
//!
//! Layers work shapes out too, by rules of their own: where the two differ, an operator is not understood.

use super::constant::{Constant, broadcast};
use super::fold::{axis, cuts, lifted, order, reshaped};
use super::node::Node;

/// What is known of a node's inputs.
pub(super) struct Known<'a> {
    pub node: &'a Node,
    /// For each input its dimensions; none if it is left out.
    pub dims: Vec<Option<Vec<usize>>>,
    pub constants: Vec<Option<Constant>>,
    pub opset: i64,
}

/// Functions of one unit, or ones that leave the shape.
const SAME: [&str; 44] = [
    "Relu",
    "Sigmoid",
    "Tanh",
    "Softmax",
    "LogSoftmax",
    "Clip",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "Elu",
    "Selu",
    "Celu",
    "Gelu",
    "Erf",
    "Softplus",
    "Softsign",
    "Mish",
    "Swish",
    "ThresholdedRelu",
    "Sqrt",
    "Reciprocal",
    "Exp",
    "Log",
    "Abs",
    "Neg",
    "Floor",
    "Ceil",
    "Round",
    "Sign",
    "Sin",
    "Cos",
    "Not",
    "Cast",
    "Identity",
    "BatchNormalization",
    "InstanceNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "LRN",
    "Dropout",
    "LpNormalization",
    "Hardmax",
    "PRelu",
    "MeanVarianceNormalization",
];

/// Of several inputs, repeated to one shape.
const TOGETHER: [&str; 17] = [
    "Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Sum", "Mean", "Where", "And", "Or", "Xor",
    "Equal", "Greater", "Less", "Mod",
];

impl Known<'_> {
    pub fn x(&self) -> Option<&[usize]> {
        self.at(0)
    }

    pub fn at(&self, i: usize) -> Option<&[usize]> {
        self.dims.get(i)?.as_deref()
    }

    pub fn constant(&self, i: usize) -> Option<&Constant> {
        self.constants.get(i)?.as_ref()
    }

    /// Ints of an attribute up to some version, of an input from it on.
    pub fn ints(&self, name: &str, input: usize, since: i64) -> Option<Vec<i64>> {
        match self.opset < since {
            true => Some(self.node.ints(name)?.to_vec()),
            false => Some(self.constant(input)?.ints()?.to_vec()),
        }
    }

    /// Whether the ints are left out altogether.
    pub fn left_out(&self, name: &str, input: usize, since: i64) -> bool {
        match self.opset < since {
            true => self.node.attribute(name).is_none(),
            false => self.node.input(input).is_none(),
        }
    }

    /// The axes that a reduction takes away, ascending; all if it names none.
    pub fn reduced(&self) -> Option<Vec<usize>> {
        let axes = self.x()?.len();
        let since = match self.node.op.as_str() {
            "ReduceSum" => 13,
            _ => 18,
        };
        if self.left_out("axes", 1, since) {
            return (self.node.int("noop_with_empty_axes", 0) == 0).then(|| (0..axes).collect());
        }
        let given = self.ints("axes", 1, since)?;
        let mut given: Vec<usize> = given
            .iter()
            .map(|&one| axis(one, axes))
            .collect::<Option<_>>()?;
        given.sort_unstable();
        Some(given)
    }

    /// Sizes of parts along an axis.
    pub fn parts(&self) -> Option<(usize, Vec<usize>)> {
        let x = self.x()?;
        let along = axis(self.node.int("axis", 0), x.len())?;
        if !self.left_out("split", 1, 13) {
            let sizes = self.ints("split", 1, 13)?;
            let sizes: Option<Vec<usize>> =
                sizes.iter().map(|&n| usize::try_from(n).ok()).collect();
            let sum = sizes
                .as_ref()?
                .iter()
                .try_fold(0usize, |sum, &n| sum.checked_add(n));
            return (sum == Some(x[along])).then_some((along, sizes?));
        }
        let count = self.node.outputs.len();
        let each = x[along].div_ceil(count.max(1));
        let sizes = (0..count).map(|i| each.min(x[along].saturating_sub(i * each)));
        Some((along, sizes.collect()))
    }

    /// Units in front of each axis, and behind it.
    pub fn pads(&self) -> Option<(Vec<i64>, Vec<i64>)> {
        let axes = self.x()?.len();
        let pads = self.ints("pads", 1, 11)?;
        let which: Vec<usize> = match self.constant(3) {
            Some(which) => which
                .ints()?
                .iter()
                .map(|&one| axis(one, axes))
                .collect::<Option<_>>()?,
            None if self.node.input(3).is_some() => return None,
            None => (0..axes).collect(),
        };
        if pads.len() != 2 * which.len() {
            return None;
        }
        let (mut before, mut after) = (vec![0; axes], vec![0; axes]);
        for (i, &axis) in which.iter().enumerate() {
            before[axis] = pads[i];
            after[axis] = pads[which.len() + i];
        }
        Some((before, after))
    }

    /// The shapes that it gives.
    pub fn outputs(&self) -> Option<Vec<Vec<usize>>> {
        let node = self.node;
        let one = match node.op.as_str() {
            "Split" => {
                let (along, sizes) = self.parts()?;
                let of = |&size: &usize| with(self.x()?, along, size);
                return sizes.iter().map(of).collect();
            }
            "Dropout" | "MaxPool" => {
                let one = match node.op == "Dropout" {
                    true => self.x()?.to_vec(),
                    false => self.window()?,
                };
                return Some(vec![one.clone(), one]);
            }
            op if SAME.contains(&op) => self.x()?.to_vec(),
            op if TOGETHER.contains(&op) => {
                let all: Vec<&Vec<usize>> = self
                    .dims
                    .iter()
                    .map(Option::as_ref)
                    .collect::<Option<_>>()?;
                let (first, rest) = all.split_first()?;
                rest.iter()
                    .try_fold(first.to_vec(), |sum, one| broadcast(&sum, one))?
            }
            op if op.starts_with("Reduce") => self.reduce()?,
            "Conv" | "AveragePool" | "LpPool" => self.window()?,
            "ConvTranspose" => self.transposed()?,
            "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => {
                let x = self.x()?;
                [x.get(..2)?, &vec![1; x.len() - 2]].concat()
            }
            "Gemm" => {
                let row = |i: usize, turned: bool| match (self.at(i)?, turned) {
                    (&[a, b], false) => Some([a, b]),
                    (&[a, b], true) => Some([b, a]),
                    _ => None,
                };
                let a = row(0, node.int("transA", 0) != 0)?;
                let b = row(1, node.int("transB", 0) != 0)?;
                (a[1] == b[0]).then(|| vec![a[0], b[1]])?
            }
            "MatMul" => product(self.x()?, self.at(1)?)?,
            "Concat" => {
                let x = self.x()?;
                let along = axis(node.int("axis", 0), x.len())?;
                let sizes = self
                    .dims
                    .iter()
                    .map(|dims| dims.as_ref()?.get(along).copied());
                let sizes: Vec<usize> = sizes.collect::<Option<_>>()?;
                with(
                    x,
                    along,
                    sizes
                        .iter()
                        .try_fold(0usize, |sum, &n| sum.checked_add(n))?,
                )?
            }
            "Slice" => {
                let given = |i: usize| self.constant(i).cloned();
                let cuts = cuts(node, self.x()?, &given, self.opset)?;
                cuts.iter().map(|cut| cut.count()).collect()
            }
            "Pad" => {
                let (before, after) = self.pads()?;
                let sizes = self.x()?.iter().zip(before).zip(after);
                let padded = sizes.map(|((&n, before), after)| {
                    usize::try_from(
                        i64::try_from(n)
                            .ok()?
                            .checked_add(before)?
                            .checked_add(after)?,
                    )
                    .ok()
                });
                padded.collect::<Option<_>>()?
            }
            "Reshape" => {
                let to = self.constant(1)?.ints()?;
                if node.int("allowzero", 0) != 0 && to.contains(&0) {
                    return None;
                }
                reshaped(self.x()?, to)?
            }
            "Flatten" => {
                let x = self.x()?;
                let along = axis(node.int("axis", 1), x.len() + 1)?;
                let (a, b) = x.split_at(along);
                vec![units(a)?, units(b)?]
            }
            "Transpose" => order(node, self.x()?.len())?
                .iter()
                .map(|&i| self.x().map(|x| x[i]))
                .collect::<Option<_>>()?,
            "Squeeze" | "Unsqueeze" => {
                let axes = match self.left_out("axes", 1, 13) {
                    true => None,
                    false => Some(self.ints("axes", 1, 13)?),
                };
                lifted(self.x()?, axes.as_deref(), node.op == "Squeeze")?
            }
            "Expand" => {
                let to = self.constant(1)?.ints()?.iter();
                let to: Vec<usize> = to
                    .map(|&n| usize::try_from(n).ok())
                    .collect::<Option<_>>()?;
                broadcast(self.x()?, &to)?
            }
            "Tile" => {
                let times = self.constant(1)?.ints()?.iter();
                let sizes = times
                    .zip(self.x()?)
                    .map(|(&n, &size)| usize::try_from(n).ok()?.checked_mul(size));
                sizes.collect::<Option<_>>()?
            }
            "Gather" => {
                let (x, which) = (self.x()?, self.at(1)?);
                let along = axis(node.int("axis", 0), x.len())?;
                [&x[..along], which, &x[along + 1..]].concat()
            }
            "ArgMax" | "ArgMin" => {
                let x = self.x()?;
                let along = axis(node.int("axis", 0), x.len())?;
                match node.int("keepdims", 1) != 0 {
                    true => with(x, along, 1)?,
                    false => [&x[..along], &x[along + 1..]].concat(),
                }
            }
            "DepthToSpace" | "SpaceToDepth" => {
                let (&[n, c, h, w], size) =
                    (self.x()?, usize::try_from(node.int("blocksize", 0)).ok()?)
                else {
                    return None;
                };
                let square = size.checked_mul(size).filter(|&square| square > 0)?;
                match node.op == "DepthToSpace" {
                    true => vec![n, c / square, h.checked_mul(size)?, w.checked_mul(size)?],
                    false => vec![n, c.checked_mul(square)?, h / size, w / size],
                }
            }
            "Resize" | "Upsample" => self.resized()?,
            _ => return None,
        };
        Some(vec![one])
    }

    fn reduce(&self) -> Option<Vec<usize>> {
        let gone = self.reduced()?;
        let sizes = self.x()?.iter().enumerate();
        Some(match self.node.int("keepdims", 1) != 0 {
            true => sizes
                .map(|(i, &n)| if gone.contains(&i) { 1 } else { n })
                .collect(),
            false => sizes
                .filter(|(i, _)| !gone.contains(i))
                .map(|(_, &n)| n)
                .collect(),
        })
    }

    /// Sizes of a window, and what stands around the map, axis by axis: kernel, stride, dilation, in front, behind.
    fn geometry(&self, i: usize) -> Option<[usize; 5]> {
        let node = self.node;
        let axes = self.x()?.len().checked_sub(2)?;
        let kernel = match (node.sizes("kernel_shape"), self.at(1)) {
            (Some(kernel), _) => *kernel.get(i)?,
            (None, Some(weight)) => *weight.get(i + 2)?,
            _ => return None,
        };
        let of = |name: &str, i: usize, default: usize| match node.ints(name) {
            None => Some(default),
            Some(_) => node.sizes(name)?.get(i).copied(),
        };
        let [stride, dilation] = [of("strides", i, 1)?, of("dilations", i, 1)?];
        Some([
            kernel,
            stride,
            dilation,
            of("pads", i, 0)?,
            of("pads", axes + i, 0)?,
        ])
    }

    fn window(&self) -> Option<Vec<usize>> {
        let x = self.x()?;
        let mut dims = vec![*x.first()?, *x.get(1)?];
        if self.node.op == "Conv" {
            dims[1] = *self.at(1)?.first()?;
        }
        for (i, &size) in x[2..].iter().enumerate() {
            let [kernel, stride, dilation, before, after] = self.geometry(i)?;
            let span = kernel
                .checked_sub(1)?
                .checked_mul(dilation)?
                .checked_add(1)?;
            if stride == 0 {
                return None;
            }
            dims.push(match self.node.text("auto_pad") {
                Some("SAME_UPPER" | "SAME_LOWER") => size.div_ceil(stride),
                auto => {
                    let (before, after) = if auto == Some("VALID") {
                        (0, 0)
                    } else {
                        (before, after)
                    };
                    let padded = size.checked_add(before)?.checked_add(after)?;
                    let room = padded.checked_sub(span)?;
                    match self.node.int("ceil_mode", 0) != 0 {
                        false => room / stride + 1,
                        // a window that would start behind the map is none
                        true => {
                            room.div_ceil(stride)
                                .min((size + before).checked_sub(1)? / stride)
                                + 1
                        }
                    }
                }
            });
        }
        Some(dims)
    }

    fn transposed(&self) -> Option<Vec<usize>> {
        let (x, weight) = (self.x()?, self.at(1)?);
        let groups = usize::try_from(self.node.int("group", 1)).ok()?;
        let mut dims = vec![*x.first()?, weight.get(1)?.checked_mul(groups)?];
        let output = self.node.sizes("output_shape");
        let extra = self.node.sizes("output_padding");
        for (i, &size) in x.get(2..)?.iter().enumerate() {
            let [kernel, stride, dilation, before, after] = self.geometry(i)?;
            if let Some(output) = &output {
                dims.push(*output.get(output.len().checked_sub(x.len() - 2)? + i)?);
                continue;
            }
            let extra = extra
                .as_ref()
                .and_then(|extra| extra.get(i))
                .copied()
                .unwrap_or(0);
            let span = kernel
                .checked_sub(1)?
                .checked_mul(dilation)?
                .checked_add(1)?;
            let reach = size
                .checked_sub(1)?
                .checked_mul(stride)?
                .checked_add(span)?
                .checked_add(extra)?;
            dims.push(match self.node.text("auto_pad") {
                Some("SAME_UPPER" | "SAME_LOWER") => size.checked_mul(stride)?,
                Some("VALID") => reach,
                _ => reach.checked_sub(before.checked_add(after)?)?,
            });
        }
        Some(dims)
    }

    /// The factors of a resize, where it has such.
    pub fn factors(&self) -> Option<Vec<f64>> {
        let node = self.node;
        let found = match (node.op.as_str(), self.opset) {
            ("Upsample", ..9) => node
                .attribute("scales")?
                .floats
                .iter()
                .map(|&x| super::constant::decimal(x))
                .collect(),
            ("Upsample", _) | (_, ..11) => self.constant(1)?.floats(),
            _ => self.constant(2)?.floats(),
        };
        Some(found).filter(|found: &Vec<f64>| !found.is_empty())
    }

    fn resized(&self) -> Option<Vec<usize>> {
        let x = self.x()?;
        let axes: Vec<usize> = match self.node.ints("axes") {
            None => (0..x.len()).collect(),
            Some(axes) => axes
                .iter()
                .map(|&one| axis(one, x.len()))
                .collect::<Option<_>>()?,
        };
        let mut dims = x.to_vec();
        if let Some(factors) = self.factors() {
            for (&axis, factor) in axes.iter().zip(&factors) {
                let size = (x[axis] as f64 * factor).floor();
                if !(0.0..1e15).contains(&size) {
                    return None;
                }
                dims[axis] = size as usize;
            }
            return (axes.len() == factors.len()).then_some(dims);
        }
        // how to keep the ratio is another question
        if !matches!(
            self.node.text("keep_aspect_ratio_policy"),
            None | Some("stretch")
        ) {
            return None;
        }
        let sizes = self.constant(3)?.ints()?;
        for (&axis, &size) in axes.iter().zip(sizes) {
            dims[axis] = usize::try_from(size).ok()?;
        }
        (axes.len() == sizes.len()).then_some(dims)
    }
}

/// The shape of a matrix product, matrix by matrix.
fn product(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let (mut a, mut b) = (a.to_vec(), b.to_vec());
    let (row, column) = (a.len() == 1, b.len() == 1);
    if row {
        a.insert(0, 1);
    }
    if column {
        b.push(1);
    }
    let (&[.., m, inner], &[.., k, n]) = (&a[..], &b[..]) else {
        return None;
    };
    if inner != k {
        return None;
    }
    let mut dims = broadcast(&a[..a.len() - 2], &b[..b.len() - 2])?;
    if !row {
        dims.push(m);
    }
    if !column {
        dims.push(n);
    }
    Some(dims)
}

fn units(dims: &[usize]) -> Option<usize> {
    dims.iter().try_fold(1usize, |n, &size| n.checked_mul(size))
}

/// The same sizes but along one axis.
fn with(dims: &[usize], axis: usize, size: usize) -> Option<Vec<usize>> {
    let mut dims = dims.to_vec();
    *dims.get_mut(axis)? = size;
    Some(dims)
}

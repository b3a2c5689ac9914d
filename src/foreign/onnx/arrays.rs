//! Arithmetic, and operations on axes.

use super::fold::{Cut, cuts, order};
use super::reading::Reading;
use crate::foreign::assembly::{Stated, Value};
use crate::graph::{
    Arithmetic, Array, Dims, Function, Interpolation, NodeId, Op, Padding, Reduction, Resize, Shape,
};

impl Reading<'_, '_> {
    /// The layer that it is, if arithmetic or an operation on axes.
    pub fn arrays(&mut self) -> Option<NodeId> {
        match self.node.op.as_str() {
            "Add" | "Sub" | "Mul" | "Div" | "Max" | "Min" | "Sum" | "Mean" => self.arithmetic(),
            "Pow" => {
                let exponent = self.known.constant(1)?.scalar()?;
                self.unary(Op::Array(Array::Function(Function::Power { exponent })))
            }
            "ReduceMean" | "ReduceSum" | "ReduceMax" => self.reduce(),
            "Concat" => self.concat(),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {
                let x = self.layer(0)?;
                self.reshape(x)
            }
            "Transpose" => self.permute(),
            "Slice" => self.slice(),
            "Gather" => self.gather(),
            "Pad" => self.pad(),
            "Resize" | "Upsample" => self.resize(),
            "DepthToSpace" if self.node.text("mode") == Some("CRD") => {
                let factor = usize::try_from(self.node.int("blocksize", 0)).ok()?;
                self.unary(Op::Array(Array::PixelShuffle { factor }))
            }
            _ => None,
        }
    }

    fn arithmetic(&mut self) -> Option<NodeId> {
        let by = match self.node.op.as_str() {
            "Add" | "Sum" => Arithmetic::Add,
            "Sub" => Arithmetic::Subtract,
            "Mul" => Arithmetic::Multiply,
            "Div" => Arithmetic::Divide,
            "Max" => Arithmetic::Maximum,
            "Min" => Arithmetic::Minimum,
            _ => return self.mean(),
        };
        if self.node.inputs.len() != 2 {
            return match self.node.op.as_str() {
                "Sum" => self.sum(),
                _ => None,
            };
        }
        match (self.operand(0), self.operand(1)) {
            (Some(a), Some(b)) => {
                let tensors = [&a, &b].into_iter().filter_map(|value| match value {
                    Value::Kept(id, _) => Some(*id),
                    Value::Layer(_) => None,
                });
                let tensors: Vec<usize> = tensors.collect();
                let step = self.step(&[]);
                // another layer may have it: then this one has a copy
                let own = self.network.unshared(&tensors, &step.path);
                let mut copies = own.iter();
                let [a, b] = [a, b].map(|value| match value {
                    Value::Kept(id, view) => {
                        Value::Kept(copies.next().copied().unwrap_or(id), view)
                    }
                    layer => layer,
                });
                let found = self
                    .network
                    .assembly
                    .arithmetic(&step, by, [&a, &b], self.stated);
                if found.is_none() {
                    self.network.forget(&tensors, &own);
                }
                found
            }
            (Some(Value::Layer(x)), None) => self.with_number(by, x, 1, false),
            (None, Some(Value::Layer(x))) => self.with_number(by, x, 0, true),
            _ => None,
        }
    }

    /// Arithmetic with one number, which may stand before the operator.
    fn with_number(
        &mut self,
        by: Arithmetic,
        x: NodeId,
        input: usize,
        first: bool,
    ) -> Option<NodeId> {
        let number = self.known.constant(input)?.scalar()?;
        let scale = |factor: f64, offset: f64| Op::Scale { factor, offset };
        let clip = |min: f64, max: f64| Op::Array(Array::Function(Function::Clip { min, max }));
        let op = match (by, first) {
            (Arithmetic::Add, _) => scale(1.0, number),
            (Arithmetic::Subtract, false) => scale(1.0, -number),
            (Arithmetic::Subtract, true) => scale(-1.0, number),
            (Arithmetic::Multiply, _) => scale(number, 0.0),
            (Arithmetic::Divide, false) => scale(1.0 / number, 0.0),
            (Arithmetic::Maximum, _) => clip(number, f64::INFINITY),
            (Arithmetic::Minimum, _) => clip(f64::NEG_INFINITY, number),
            (Arithmetic::Divide, true) => {
                let power = Op::Array(Array::Function(Function::Power { exponent: -1.0 }));
                let inverse = self.beside("reciprocal", power, &[x], self.stated)?;
                let step = self.step(&[]);
                return self.network.assembly.plain(
                    &step,
                    scale(number, 0.0),
                    &[inverse],
                    self.stated,
                );
            }
        };
        let step = self.step(&[]);
        self.network.assembly.plain(&step, op, &[x], self.stated)
    }

    /// Inputs of one shape, one sum after the other.
    fn sum(&mut self) -> Option<NodeId> {
        let mut sum = self.layer(0)?;
        let count = self.node.inputs.len();
        for i in 1..count {
            let next = self.layer(i)?;
            if [sum, next].map(|id| self.network.assembly.of(id)) != [self.stated; 2] {
                return None;
            }
            sum = match i + 1 == count {
                false => self.beside("part", Op::Add, &[sum, next], self.stated)?,
                true => {
                    let step = self.step(&[]);
                    (self.network.assembly).plain(&step, Op::Add, &[sum, next], self.stated)?
                }
            };
        }
        Some(sum)
    }

    fn mean(&mut self) -> Option<NodeId> {
        self.joined(Op::Mean { drop_path: 0.0 })
    }

    /// All inputs as one layer takes them.
    fn joined(&mut self, op: Op) -> Option<NodeId> {
        let inputs = (0..self.node.inputs.len()).map(|i| self.layer(i));
        let inputs: Vec<NodeId> = inputs.collect::<Option<_>>()?;
        if let [alone] = inputs[..] {
            return Some(alone);
        }
        let step = self.step(&[]);
        self.network.assembly.plain(&step, op, &inputs, self.stated)
    }

    fn reduce(&mut self) -> Option<NodeId> {
        let x = self.layer(0)?;
        let input = self.network.assembly.of(x);
        let axes = self.known.reduced()?;
        let axes: Vec<usize> = axes
            .iter()
            .map(|axis| axis.checked_sub(1))
            .collect::<Option<_>>()?;
        let keep = self.node.int("keepdims", 1) != 0;
        let by = match self.node.op.as_str() {
            "ReduceMean" => Reduction::Mean,
            "ReduceSum" => Reduction::Sum,
            _ => Reduction::Maximum,
        };
        // the mean over rows and columns has a name
        if by == Reduction::Mean && axes == [1, 2] && input.shape.maps().is_some() && input.batched
        {
            let output = [1, 1];
            let op = Op::AdaptiveAvgPool { output };
            if keep {
                return self.unary(op);
            }
            let pooled = Stated {
                shape: Shape::map(input.shape.channels(), 1, 1),
                batched: true,
            };
            let step = self.step(&[]);
            let pool = self.network.assembly.plain(&step, op, &[x], pooled)?;
            return self.beside("flatten", Op::Flatten, &[pool], self.stated);
        }
        let axes = Dims::from_slice(&axes)?;
        self.unary(Op::Array(Array::Reduce { by, axes, keep }))
    }

    fn concat(&mut self) -> Option<NodeId> {
        let axes = self.known.x()?.len();
        match super::fold::axis(self.node.int("axis", 0), axes)?.checked_sub(1)? {
            0 => self.joined(Op::Concat),
            axis => self.joined(Op::Array(Array::Concat { axis })),
        }
    }

    /// The same units under other axes.
    fn reshape(&mut self, x: NodeId) -> Option<NodeId> {
        let (from, to) = (self.network.assembly.of(x), self.stated);
        if !from.batched || !to.batched {
            return None;
        }
        let op = match to.shape.is_vector() && !from.shape.is_vector() {
            true => Op::Flatten,
            false => Op::Array(Array::Reshape {
                to: to.shape.dims(),
            }),
        };
        let step = self.step(&[]);
        self.network.assembly.plain(&step, op, &[x], to)
    }

    fn permute(&mut self) -> Option<NodeId> {
        let order = order(self.node, self.known.x()?.len())?;
        let (&0, rest) = order.split_first()? else {
            return None;
        };
        let axes: Vec<usize> = rest.iter().map(|&axis| axis - 1).collect();
        let axes = Dims::from_slice(&axes)?;
        self.unary(Op::Array(Array::Permute { axes }))
    }

    /// Units along axes, one axis after the other.
    fn slice(&mut self) -> Option<NodeId> {
        let x = self.layer(0)?;
        let dims = self.known.x()?.to_vec();
        let given = |i: usize| self.known.constant(i).cloned();
        let cuts = cuts(self.node, &dims, &given, self.known.opset)?;
        let whole = |i: usize| cuts[i].from == 0 && cuts[i].step == 1 && cuts[i].count() == dims[i];
        if !whole(0) {
            return None;
        }
        let cut: Vec<usize> = (1..dims.len()).filter(|&i| !whole(i)).collect();
        self.cut(x, &cuts, &cut)
    }

    /// Cuts some axes, of the batch's dimensions.
    fn cut(&mut self, mut x: NodeId, cuts: &[Cut], axes: &[usize]) -> Option<NodeId> {
        let Some((last, first)) = axes.split_last() else {
            // nothing is cut off: a layer all the same, since others read it
            return Some(x);
        };
        for &axis in first {
            let part = self.part_of(x, axis, cuts[axis].count())?;
            x = self.beside("rows", slice(axis, cuts[axis])?, &[x], part)?;
        }
        let step = self.step(&[]);
        self.network
            .assembly
            .plain(&step, slice(*last, cuts[*last])?, &[x], self.stated)
    }

    /// A layer's shape with another size along an axis.
    fn part_of(&self, x: NodeId, axis: usize, size: usize) -> Option<Stated> {
        let mut dims = self.network.assembly.of(x).shape.dims().to_vec();
        *dims.get_mut(axis.checked_sub(1)?)? = size;
        Some(Stated {
            shape: Shape::new(&dims).ok()?,
            batched: true,
        })
    }

    /// One unit of an axis, which is left out where the index is a number.
    fn gather(&mut self) -> Option<NodeId> {
        let x = self.layer(0)?;
        let dims = self.known.x()?.to_vec();
        let axis = super::fold::axis(self.node.int("axis", 0), dims.len())?;
        let indices = self.known.constant(1)?.clone();
        let at = super::fold::axis(indices.int()?, dims[axis])?;
        let at = i64::try_from(at).ok()?;
        let op = slice(
            axis,
            Cut {
                from: at,
                to: at + 1,
                step: 1,
            },
        )?;
        if !indices.dims.is_empty() {
            return self.unary(op);
        }
        let one = self.part_of(x, axis, 1)?;
        let part = self.beside("select", op, &[x], one)?;
        self.reshape(part)
    }

    /// Parts along an axis, one after the other; those that somebody reads.
    pub fn split(&mut self, gives: &[(usize, &str, Stated)]) -> Option<Vec<NodeId>> {
        let x = self.layer(0)?;
        let (axis, sizes) = self.known.parts()?;
        let mut parts = Vec::new();
        for (i, _, stated) in gives {
            let from: usize = sizes.get(..*i)?.iter().sum();
            let to = from.checked_add(*sizes.get(*i)?)?;
            let cut = Cut {
                from: i64::try_from(from).ok()?,
                to: i64::try_from(to).ok()?,
                step: 1,
            };
            let step = self.step(&[]);
            parts.push(
                self.network
                    .assembly
                    .plain(&step, slice(axis, cut)?, &[x], *stated)?,
            );
        }
        Some(parts)
    }

    /// Units in front and behind; negative ones are cut off.
    fn pad(&mut self) -> Option<NodeId> {
        let mut x = self.layer(0)?;
        let mut dims = self.known.x()?.to_vec();
        let (before, after) = self.known.pads()?;
        let with = match self.node.text("mode") {
            None | Some("constant") => {
                Padding::Constant(match (self.known.opset < 11, self.node.input(2)) {
                    (true, _) => self.node.float("value", 0.0),
                    (false, None) => 0.0,
                    (false, Some(_)) => self.known.constant(2)?.scalar()?,
                })
            }
            Some("reflect") => Padding::Reflect,
            Some("edge") => Padding::Replicate,
            Some("wrap") => Padding::Circular,
            Some(_) => return None,
        };
        if before.first() != Some(&0) || after.first() != Some(&0) {
            return None;
        }
        let is_all = before.iter().chain(&after).all(|&n| n <= 0);
        let mut cut = Vec::new();
        let mut cuts = Vec::new();
        for (axis, size) in dims.iter_mut().enumerate() {
            let all = i64::try_from(*size).ok()?;
            let to = all.checked_add(after[axis].min(0))?;
            let one = Cut {
                from: before[axis].min(0).checked_neg()?,
                to,
                step: 1,
            };
            if one.count() != *size {
                cut.push(axis);
                *size = one.count();
            }
            cuts.push(one);
        }
        if is_all {
            return self.cut(x, &cuts, &cut);
        }
        for &axis in &cut {
            let part = self.part_of(x, axis, cuts[axis].count())?;
            x = self.beside("crop", slice(axis, cuts[axis])?, &[x], part)?;
        }
        let sizes = |pads: &[i64]| -> Option<Dims> {
            let sizes = pads[1..].iter().map(|&n| usize::try_from(n.max(0)).ok());
            Dims::from_slice(&sizes.collect::<Option<Vec<_>>>()?)
        };
        let op = Op::Array(Array::Pad {
            before: sizes(&before)?,
            after: sizes(&after)?,
            with,
        });
        let step = self.step(&[]);
        self.network.assembly.plain(&step, op, &[x], self.stated)
    }

    /// A resize by the coordinates that PyTorch has too.
    fn resize(&mut self) -> Option<NodeId> {
        let node = self.node;
        let old = node.op == "Upsample" || self.known.opset < 11;
        let mode = node.text("mode").unwrap_or("nearest");
        let coordinates = match (old, node.text("coordinate_transformation_mode")) {
            (true, _) => "asymmetric",
            (false, mode) => mode.unwrap_or("half_pixel"),
        };
        let rounded = if old {
            "floor"
        } else {
            node.text("nearest_mode").unwrap_or("round_prefer_floor")
        };
        let [_, h, w] = self.stated.shape.maps()?;
        let [_, from_h, from_w] = self.network.assembly.of(self.layer(0)?).shape.maps()?;
        let is_half = matches!(coordinates, "half_pixel" | "pytorch_half_pixel");
        let whole = h.is_multiple_of(from_h) && w.is_multiple_of(from_w);
        let by = match mode {
            "nearest" if coordinates == "asymmetric" && rounded == "floor" => {
                Interpolation::Nearest
            }
            // by a whole factor the nearest is the same
            "nearest" if is_half && whole && rounded.starts_with("round_prefer") => {
                Interpolation::Nearest
            }
            "linear" if coordinates == "half_pixel" => Interpolation::Bilinear,
            // this one takes the first row for one row, PyTorch the middle
            "linear" if coordinates == "pytorch_half_pixel" && h > 1 && w > 1 => {
                Interpolation::Bilinear
            }
            "linear" if coordinates == "align_corners" => Interpolation::BilinearCorners,
            _ => return None,
        };
        if node.int("antialias", 0) != 0 || node.int("exclude_outside", 0) != 0 {
            return None;
        }
        let scale = match self.known.factors() {
            None => None,
            Some(factors) => match (&factors[..], node.ints("axes")) {
                (&[n, c, h, w], None) if [n, c] == [1.0, 1.0] => Some([h, w]),
                (&[h, w], Some([2, 3] | [-2, -1])) => Some([h, w]),
                _ => return None,
            },
        };
        let output = [h, w];
        self.unary(Op::Array(Array::Resize(Resize { output, by, scale })))
    }
}

/// Units along an axis, counted with the batch.
fn slice(axis: usize, cut: Cut) -> Option<Op> {
    let [from, to, step] = [cut.from, cut.to, cut.step].map(|n| usize::try_from(n).ok());
    Some(match (axis.checked_sub(1)?, from?, to?, step?) {
        (0, from, to, 1) => Op::Slice { from, to },
        (axis, from, to, step) => Op::Array(Array::Slice {
            axis,
            from,
            to,
            step,
        }),
    })
}

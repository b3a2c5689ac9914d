//! Arithmetic, and operations on axes.

use super::Reading;
use crate::foreign::assembly::{Stated, Step};
use crate::foreign::pt2::call::scalar;
use crate::graph::{
    Activation, Arithmetic, Array, Dims, Interpolation, NodeId, Op, Padding, Reduction, Resize,
    Shape,
};

impl Reading<'_, '_, '_> {
    /// The layer that this call is.
    pub fn arrays(&mut self) -> Option<NodeId> {
        match self.call.name {
            "add" | "sub" | "mul" | "div" | "rsub" | "maximum" | "minimum" => self.arithmetic(),
            "mean" | "sum" | "amax" => self.reduce(),
            "cat" => {
                let inputs = self.tensors("tensors")?;
                self.concat(&inputs, self.call.int("dim", 0)?)
            }
            "stack" => self.stack(),
            "flatten" | "view" | "reshape" | "_unsafe_view" | "unsqueeze" | "squeeze"
            | "unflatten" | "view_as" | "reshape_as" => self.reshape(),
            "permute" | "transpose" => self.permute(),
            "slice" | "select" | "narrow" => self.slice(),
            "softmax" | "_softmax" => {
                let axes = self.calls.assembly.of(self.x()?).shape.dims().len();
                match self.axis(self.call.int("dim", -1)?, axes)? {
                    0 => self.unary(Op::Activation(Activation::Softmax)),
                    axis => self.unary(Op::Array(Array::Softmax { axis })),
                }
            }
            "pad" | "constant_pad_nd" | "reflection_pad2d" | "replication_pad2d" => self.pad(),
            name if name.starts_with("upsample_") => self.resize(),
            "pixel_shuffle" => {
                let factor = usize::try_from(self.call.int("upscale_factor", 1)?).ok()?;
                self.unary(Op::Array(Array::PixelShuffle { factor }))
            }
            "channel_shuffle" | "native_channel_shuffle" => {
                let groups = usize::try_from(self.call.int("groups", 1)?).ok()?;
                self.unary(Op::Array(Array::ChannelShuffle { groups }))
            }
            _ => None,
        }
    }

    fn arithmetic(&mut self) -> Option<NodeId> {
        let call = self.call;
        if call.float("alpha", 1.0)? != 1.0 || call.get("rounding_mode").is_some() {
            return None;
        }
        let by = match call.name {
            "add" => Arithmetic::Add,
            "sub" | "rsub" => Arithmetic::Subtract,
            "mul" => Arithmetic::Multiply,
            "div" => Arithmetic::Divide,
            "maximum" => Arithmetic::Maximum,
            _ => Arithmetic::Minimum,
        };
        if let Some(number) = scalar(call.get("other")?) {
            let (factor, offset) = match call.name {
                "add" => (1.0, number),
                "sub" => (1.0, -number),
                "rsub" => (-1.0, number),
                "mul" => (number, 0.0),
                "div" => (1.0 / number, 0.0),
                _ => return None,
            };
            return self.unary(Op::Scale { factor, offset });
        }
        let mut values = [self.value("self")?, self.value("other")?];
        if call.name == "rsub" {
            values.reverse();
        }
        let [a, b] = &values;
        self.calls
            .assembly
            .arithmetic(&self.step, by, [a, b], self.stated)
    }

    fn reduce(&mut self) -> Option<NodeId> {
        let x = self.x()?;
        let input = self.calls.assembly.of(x);
        let dims = self.call.ints("dim")?;
        let axes = dims
            .iter()
            .map(|&axis| self.axis(axis, input.shape.dims().len()));
        let mut axes: Vec<usize> = axes.collect::<Option<_>>()?;
        axes.sort_unstable();
        let keep = self.call.flag("keepdim", false)?;
        let by = match self.call.name {
            "mean" => Reduction::Mean,
            "sum" => Reduction::Sum,
            _ => Reduction::Maximum,
        };
        // the mean over rows and columns has a name
        if by == Reduction::Mean && axes == [1, 2] && input.shape.maps().is_some() && input.batched
        {
            let pooled = Stated {
                shape: Shape::map(input.shape.channels(), 1, 1),
                batched: true,
            };
            let output = [1, 1];
            let pool = self.calls.assembly.plain(
                &self.step,
                Op::AdaptiveAvgPool { output },
                &[x],
                pooled,
            )?;
            return match keep {
                true => Some(pool),
                false => self.behind("flatten", Op::Flatten, pool, self.stated),
            };
        }
        let axes = Dims::from_slice(&axes)?;
        self.unary(Op::Array(Array::Reduce { by, axes, keep }))
    }

    /// A second layer of the same call.
    fn behind(&mut self, what: &str, op: Op, x: NodeId, stated: Stated) -> Option<NodeId> {
        let step = Step {
            path: format!("{}_{what}", self.step.path),
            ..self.step
        };
        self.calls.assembly.plain(&step, op, &[x], stated)
    }

    fn concat(&mut self, inputs: &[NodeId], axis: i64) -> Option<NodeId> {
        let axes = self.calls.assembly.of(*inputs.first()?).shape.dims().len();
        let op = match self.axis(axis, axes)? {
            0 => Op::Concat,
            axis => Op::Array(Array::Concat { axis }),
        };
        self.calls
            .assembly
            .plain(&self.step, op, inputs, self.stated)
    }

    /// Each under one axis more, then one after the other.
    fn stack(&mut self) -> Option<NodeId> {
        let inputs = self.tensors("tensors")?;
        let first = self.calls.assembly.of(*inputs.first()?);
        let axes = first.shape.dims().len() + 1;
        let axis = self.axis(self.call.int("dim", 0)?, axes)?;
        let mut dims = first.shape.dims().to_vec();
        dims.insert(axis, 1);
        let one = Stated {
            shape: Shape::new(&dims).ok()?,
            batched: true,
        };
        let to = one.shape.dims();
        let mut raised = Vec::new();
        for &x in &inputs {
            raised.push(self.behind("unsqueeze", Op::Array(Array::Reshape { to }), x, one)?);
        }
        self.concat(&raised, axis as i64 + 1)
    }

    /// The same units under other axes, as the file states them.
    fn reshape(&mut self) -> Option<NodeId> {
        let x = self.x()?;
        let (from, to) = (self.calls.assembly.of(x), self.stated);
        if !from.batched || !to.batched {
            return None;
        }
        let op = match to.shape.is_vector() && !from.shape.is_vector() {
            true => Op::Flatten,
            false => Op::Array(Array::Reshape {
                to: to.shape.dims(),
            }),
        };
        self.calls.assembly.plain(&self.step, op, &[x], to)
    }

    fn permute(&mut self) -> Option<NodeId> {
        let axes = self.calls.assembly.of(self.x()?).shape.dims().len();
        let order: Vec<usize> = match self.call.name {
            "permute" => {
                let dims = self.call.ints("dims")?;
                if self.axis(*dims.first()?, axes).is_some() || dims.len() != axes + 1 {
                    return None;
                }
                dims[1..]
                    .iter()
                    .map(|&axis| self.axis(axis, axes))
                    .collect::<Option<_>>()?
            }
            _ => {
                let [a, b] = ["dim0", "dim1"].map(|name| self.call.int(name, 0));
                let (a, b) = (self.axis(a?, axes)?, self.axis(b?, axes)?);
                let mut order: Vec<usize> = (0..axes).collect();
                order.swap(a, b);
                order
            }
        };
        let axes = Dims::from_slice(&order)?;
        self.unary(Op::Array(Array::Permute { axes }))
    }

    /// Units along an axis of an array of that size, as Python counts them.
    fn slice(&mut self) -> Option<NodeId> {
        let x = self.x()?;
        let shape = self.calls.assembly.of(x).shape;
        let axis = self.axis(self.call.int("dim", 0)?, shape.dims().len())?;
        let size = i64::try_from(shape.dims()[axis]).ok()?;
        let at = |i: i64| {
            if i < 0 {
                i.saturating_add(size).max(0)
            } else {
                i.min(size)
            }
        };
        if self.call.name == "select" {
            let index = at(self.call.int("index", 0)?);
            let mut one = shape.dims().to_vec();
            one[axis] = 1;
            let one = Stated {
                shape: Shape::new(&one).ok()?,
                batched: true,
            };
            let cut = cut(axis, index, index + 1, 1)?;
            let part = self.calls.assembly.plain(&self.step, cut, &[x], one)?;
            let to = self.stated.shape.dims();
            return self.behind(
                "squeeze",
                Op::Array(Array::Reshape { to }),
                part,
                self.stated,
            );
        }
        let (start, end) = match self.call.name {
            "slice" => (
                at(self.call.int("start", 0)?),
                at(self.call.int("end", i64::MAX)?),
            ),
            _ => {
                let start = at(self.call.int("start", 0)?);
                (start, start.checked_add(self.call.int("length", 0)?)?)
            }
        };
        let op = cut(axis, start, end, self.call.int("step", 1)?)?;
        self.unary(op)
    }

    /// The layers of a call that gives several values: parts along an axis, one after the other.
    pub fn parts(&mut self, stated: &[Stated]) -> Option<Vec<NodeId>> {
        let unbound = match self.call.name {
            "split" | "split_with_sizes" | "chunk" | "unsafe_chunk" | "unsafe_split"
            | "tensor_split" => false,
            "unbind" => true,
            _ => return None,
        };
        let x = self.x()?;
        let shape = self.calls.assembly.of(x).shape;
        let axis = self.axis(self.call.int("dim", 0)?, shape.dims().len())?;
        let mut from = 0i64;
        let mut parts = Vec::new();
        for stated in stated {
            let whole = match unbound {
                false => *stated,
                true => {
                    let mut one = shape.dims().to_vec();
                    one[axis] = 1;
                    Stated {
                        shape: Shape::new(&one).ok()?,
                        batched: true,
                    }
                }
            };
            let size = *whole.shape.dims().get(axis)?;
            let to = from.checked_add(i64::try_from(size).ok()?)?;
            let part =
                self.calls
                    .assembly
                    .plain(&self.step, cut(axis, from, to, 1)?, &[x], whole)?;
            from = to;
            parts.push(match unbound {
                false => part,
                true => {
                    let to = stated.shape.dims();
                    self.behind("squeeze", Op::Array(Array::Reshape { to }), part, *stated)?
                }
            });
        }
        Some(parts)
    }

    /// Units in front and behind, the last axis first; negative ones are cut off.
    fn pad(&mut self) -> Option<NodeId> {
        let mut x = self.x()?;
        let shape = self.calls.assembly.of(x).shape;
        let axes = shape.dims().len();
        let pads = match self.call.get("pad") {
            Some(_) => self.call.ints("pad")?,
            None => self.call.ints("padding")?,
        };
        let with = match (self.call.name, self.call.text("mode")) {
            ("reflection_pad2d", _) | ("pad", Some("reflect")) => Padding::Reflect,
            ("replication_pad2d", _) | ("pad", Some("replicate")) => Padding::Replicate,
            ("pad", Some("circular")) => Padding::Circular,
            (_, None | Some("constant")) => Padding::Constant(self.call.float("value", 0.0)?),
            _ => return None,
        };
        if !pads.len().is_multiple_of(2) || pads.len() / 2 > axes {
            return None;
        }
        let (mut before, mut after) = (vec![0; axes], vec![0; axes]);
        let mut dims = shape.dims().to_vec();
        for (i, pair) in pads.chunks(2).enumerate() {
            let axis = axes - 1 - i;
            let size = i64::try_from(dims[axis]).ok()?;
            let (from, to) = (
                pair[0].min(0).checked_neg()?,
                size.checked_add(pair[1].min(0))?,
            );
            if from > 0 || to < size {
                dims[axis] = usize::try_from(to - from).ok()?;
                let stated = Stated {
                    shape: Shape::new(&dims).ok()?,
                    batched: true,
                };
                let is_all = pads.iter().all(|&pad| pad <= 0);
                let op = cut(axis, from, to, 1)?;
                x = match is_all && stated == self.stated {
                    true => self.calls.assembly.plain(&self.step, op, &[x], stated)?,
                    false => self.behind("crop", op, x, stated)?,
                };
            }
            before[axis] = usize::try_from(pair[0].max(0)).ok()?;
            after[axis] = usize::try_from(pair[1].max(0)).ok()?;
        }
        if before.iter().chain(&after).all(|&n| n == 0) {
            return Some(x);
        }
        let (before, after) = (Dims::from_slice(&before)?, Dims::from_slice(&after)?);
        let op = Op::Array(Array::Pad {
            before,
            after,
            with,
        });
        self.calls.assembly.plain(&self.step, op, &[x], self.stated)
    }

    fn resize(&mut self) -> Option<NodeId> {
        let by = match (self.call.name, self.call.flag("align_corners", false)?) {
            ("upsample_nearest2d", _) => Interpolation::Nearest,
            ("upsample_bilinear2d", false) => Interpolation::Bilinear,
            ("upsample_bilinear2d", true) => Interpolation::BilinearCorners,
            _ => return None,
        };
        let [_, h, w] = self.stated.shape.maps()?;
        let scale = match (self.call.get("scale_factors"), self.call.get("scales_h")) {
            (Some(super::super::schema::Argument::Floats(scale)), _) => match scale[..] {
                [h, w] => Some([h, w]),
                _ => return None,
            },
            (None, Some(_)) => Some([
                self.call.float("scales_h", 1.0)?,
                self.call.float("scales_w", 1.0)?,
            ]),
            (None, None) => None,
            _ => return None,
        };
        let output = [h, w];
        self.unary(Op::Array(Array::Resize(Resize { output, by, scale })))
    }
}

/// Units from one up to another.
fn cut(axis: usize, from: i64, to: i64, step: i64) -> Option<Op> {
    let [from, to, step] = [from, to, step].map(|n| usize::try_from(n).ok());
    Some(match (axis, from?, to?, step?) {
        (0, from, to, 1) => Op::Slice { from, to },
        (axis, from, to, step) => Op::Array(Array::Slice {
            axis,
            from,
            to,
            step,
        }),
    })
}

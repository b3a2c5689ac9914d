//! Layers with weights: convolutions, fully connected layers, normalisations.

use super::infer::Known;
use super::network::Network;
use super::node::Node;
use crate::foreign::assembly::{KeptId, Stated, Step, Value};
use crate::graph::{Conv, Lrn, NodeId, Op, Transposed, conv};

/// One node, and what it gives.
pub(super) struct Reading<'r, 'a> {
    pub network: &'r mut Network<'a>,
    pub node: &'a Node,
    pub known: Known<'a>,
    pub stated: Stated,
}

impl<'a> Reading<'_, 'a> {
    /// The layer that it is, if that has weights.
    pub fn weighted(&mut self) -> Option<NodeId> {
        match self.node.op.as_str() {
            "Conv" => self.convolution(),
            "ConvTranspose" => self.transposed(),
            "Gemm" => self.gemm(),
            "MatMul" => self.product(),
            "BatchNormalization" => self.batch_norm(),
            "GroupNormalization" | "InstanceNormalization" => self.group_norm(),
            "LayerNormalization" => self.layer_norm(),
            "LRN" => {
                // of an even number ONNX has the larger half behind, PyTorch in front
                let size = usize::try_from(self.node.int("size", 0))
                    .ok()
                    .filter(|&size| size % 2 == 1)?;
                self.unary(Op::Lrn(Lrn {
                    size,
                    // ONNX divides the sum by the channels that take part
                    alpha: self.node.float("alpha", 1e-4) / size as f64,
                    beta: self.node.float("beta", 0.75),
                    k: self.node.float("bias", 1.0),
                }))
            }
            "PRelu" => {
                let (slope, _) = self.kept(1)?;
                let shared = self.network.assembly.kept[slope].dims == [1];
                self.with(Op::PRelu { shared }, &[slope])
            }
            _ => None,
        }
    }

    /// What an input is, if no constant.
    pub fn operand(&self, i: usize) -> Option<Value> {
        self.network.operand(self.node.input(i)?)
    }

    /// The layer that an input is.
    pub fn layer(&self, i: usize) -> Option<NodeId> {
        match self.operand(i)? {
            Value::Layer(id) => Some(id),
            Value::Kept(..) => None,
        }
    }

    /// The stored tensor that an input is, and the dimensions under which it is read.
    fn kept(&self, i: usize) -> Option<(KeptId, Vec<usize>)> {
        let name = self.node.input(i)?;
        match self.network.assembly.value(name).ok()? {
            Value::Kept(id, view) => Some((*id, view.clone())),
            Value::Layer(_) => None,
        }
    }

    /// The stored tensor that an input is, under its own dimensions.
    fn stored(&self, i: usize) -> Option<KeptId> {
        let (id, view) = self.kept(i)?;
        (view == self.network.assembly.kept[id].dims).then_some(id)
    }

    /// The tensors of inputs that may be left out.
    fn all_stored(&self, inputs: &[usize]) -> Option<Vec<KeptId>> {
        let given = inputs.iter().filter(|&&i| self.node.input(i).is_some());
        given.map(|&i| self.stored(i)).collect()
    }

    /// A layer of the first input alone.
    pub fn unary(&mut self, op: Op) -> Option<NodeId> {
        let x = self.layer(0)?;
        let step = self.step(&[]);
        self.network.assembly.plain(&step, op, &[x], self.stated)
    }

    /// A second layer of the same node, before or behind it.
    pub fn beside(
        &mut self,
        what: &str,
        op: Op,
        inputs: &[NodeId],
        stated: Stated,
    ) -> Option<NodeId> {
        let mut step = self.step(&[]);
        step.path = format!("{}_{what}", step.path);
        self.network.assembly.plain(&step, op, inputs, stated)
    }

    /// A layer of the first input, and tensors of its own.
    fn with(&mut self, op: Op, tensors: &[KeptId]) -> Option<NodeId> {
        let x = self.layer(0)?;
        let step = self.step(tensors);
        let own = self.network.unshared(tensors, &step.path);
        let found = self
            .network
            .assembly
            .with(&step, op, &[x], &own, self.stated);
        if found.is_none() {
            self.network.forget(tensors, &own);
        }
        found
    }

    pub fn step(&mut self, tensors: &[KeptId]) -> Step<'a> {
        Step {
            path: self.network.path(self.node, tensors),
            operator: &self.node.op,
            line: None,
        }
    }

    /// `[h, w]` of an attribute.
    pub fn pair(&self, name: &str, default: usize) -> Option<[usize; 2]> {
        match self.node.ints(name) {
            None => Some([default; 2]),
            Some(_) => self.node.sizes(name)?.try_into().ok(),
        }
    }

    /// Zeros above and left, below and right.
    pub fn pads(
        &self,
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
    ) -> Option<Around> {
        match self.node.text("auto_pad") {
            Some("SAME_UPPER") => Some(Around::Same),
            Some("VALID") => Some(Around::Sides([0; 2], [0; 2])),
            // of an odd number the larger half stands in front
            Some("SAME_LOWER") => {
                let x = self.known.x()?;
                let (mut before, mut after) = ([0; 2], [0; 2]);
                for i in 0..2 {
                    let size = *x.get(i + 2)?;
                    let span = kernel[i]
                        .checked_sub(1)?
                        .checked_mul(dilation[i])?
                        .checked_add(1)?;
                    let steps = size
                        .checked_add(stride[i])?
                        .checked_sub(1)?
                        .checked_div(stride[i])?;
                    let reach = steps
                        .checked_sub(1)?
                        .checked_mul(stride[i])?
                        .checked_add(span)?;
                    let total = reach.saturating_sub(size);
                    (before[i], after[i]) = (total.div_ceil(2), total / 2);
                }
                Some(Around::Sides(before, after))
            }
            None | Some("NOTSET" | "") => match self.node.ints("pads") {
                None => Some(Around::Sides([0; 2], [0; 2])),
                Some(_) => match self.node.sizes("pads")?[..] {
                    [top, left, bottom, right] => Some(Around::Sides([top, left], [bottom, right])),
                    _ => None,
                },
            },
            Some(_) => None,
        }
    }

    fn convolution(&mut self) -> Option<NodeId> {
        let weight = self.stored(1)?;
        let bias = self.all_stored(&[2])?;
        let [out, _, h, w] = self.network.assembly.kept[weight].dims[..] else {
            return None;
        };
        let (stride, dilation) = (self.pair("strides", 1)?, self.pair("dilations", 1)?);
        let layer = conv(out, [h, w])
            .stride(stride)
            .dilation(dilation)
            .groups(usize::try_from(self.node.int("group", 1)).ok()?);
        let layer = match self.pads([h, w], stride, dilation)? {
            Around::Same => layer.same(),
            Around::Sides(before, after) => layer.pad_around(before, after),
        };
        let layer = Conv {
            bias: !bias.is_empty(),
            ..layer
        };
        self.folded(weight, &bias);
        let tensors = [&[weight][..], &bias].concat();
        self.with(Op::Conv(layer), &tensors)
    }

    /// Notes a convolution into which a normalisation was folded.
    fn folded(&mut self, weight: KeptId, bias: &[KeptId]) {
        let key = |id: &KeptId| self.network.assembly.kept[*id].key.as_str();
        let made_up = |key: &str| key.starts_with("onnx::Conv") || key.ends_with(".weight_bias");
        let is_folded = bias.iter().chain([&weight]).any(|id| made_up(key(id)));
        if !bias.is_empty() && is_folded {
            self.network.folded += 1;
        }
    }

    fn transposed(&mut self) -> Option<NodeId> {
        let weight = self.stored(1)?;
        let bias = self.all_stored(&[2])?;
        let [_, second, h, w] = self.network.assembly.kept[weight].dims[..] else {
            return None;
        };
        let groups = usize::try_from(self.node.int("group", 1)).ok()?;
        let (stride, dilation) = (self.pair("strides", 1)?, self.pair("dilations", 1)?);
        if self.node.attribute("output_shape").is_some()
            || !matches!(self.node.text("auto_pad"), None | Some("NOTSET"))
        {
            return None;
        }
        let Around::Sides(before, after) = self.pads([h, w], stride, dilation)? else {
            return None;
        };
        // one side is cut less: as if more stood behind
        let mut extra = self.pair("output_padding", 0)?;
        for i in 0..2 {
            extra[i] = extra[i].checked_add(before[i])?.checked_sub(after[i])?;
        }
        let window = conv(1, [h, w])
            .stride(stride)
            .dilation(dilation)
            .pad(before)
            .window;
        let op = Op::ConvTranspose(Transposed {
            out: second.checked_mul(groups)?,
            window,
            extra,
            groups,
            bias: !bias.is_empty(),
        });
        self.folded(weight, &bias);
        let tensors = [&[weight][..], &bias].concat();
        self.with(op, &tensors)
    }

    fn gemm(&mut self) -> Option<NodeId> {
        let node = self.node;
        if node.int("transA", 0) != 0
            || node.float("alpha", 1.0) != 1.0
            || node.float("beta", 1.0) != 1.0
        {
            return None;
        }
        let weight = match node.int("transB", 0) != 0 {
            true => self.stored(1)?,
            false => *self.network.turned.get(node.input(1)?)?,
        };
        let bias = self.all_stored(&[2])?;
        self.linear(weight, &bias)
    }

    /// A product with a matrix that is stored, and the bias behind it.
    fn product(&mut self) -> Option<NodeId> {
        let weight = *self.network.turned.get(self.node.input(1)?)?;
        let output = self.node.output(0)?;
        let Some((i, add, bias)) = self.bias_behind(weight, output) else {
            return self.linear(weight, &[]);
        };
        let id = self.linear(weight, &[bias])?;
        self.network.done.insert(i);
        self.network
            .dims
            .insert(add, self.network.dims.get(output)?.clone());
        self.network.assembly.name(add, Value::Layer(id));
        Some(id)
    }

    /// A sum with a row of numbers that alone reads the product: its node, what it gives, and the row.
    fn bias_behind(&self, weight: KeptId, output: &str) -> Option<(usize, &'a str, KeptId)> {
        let [i] = self.network.readers.get(output)?[..] else {
            return None;
        };
        let add = self.network.nodes.get(i).filter(|add| add.op == "Add")?;
        let other = (add.inputs.iter()).find(|name| *name != output)?;
        let Value::Kept(bias, view) = self.network.operand(other)? else {
            return None;
        };
        let kept = &self.network.assembly.kept;
        let fits =
            view.len() == 1 && kept[bias].dims == view && kept[weight].dims.first() == view.first();
        (fits && add.inputs.len() == 2).then_some((i, add.output(0)?, bias))
    }

    fn linear(&mut self, weight: KeptId, bias: &[KeptId]) -> Option<NodeId> {
        let [out, _] = self.network.assembly.kept[weight].dims[..] else {
            return None;
        };
        let x = self.layer(0)?;
        let tensors = [&[weight][..], bias].concat();
        let bias = !bias.is_empty();
        let op = match self.network.assembly.of(x).shape.is_vector() {
            true => Op::Linear { out, bias },
            false => Op::LinearLast { out, bias },
        };
        self.with(op, &tensors)
    }

    fn batch_norm(&mut self) -> Option<NodeId> {
        let tensors = self.all_stored(&[1, 2, 3, 4])?;
        let kept = 1.0 - self.node.float("momentum", 0.9);
        let op = Op::BatchNorm {
            eps: self.node.float("epsilon", 1e-5),
            // the part of the old in ONNX, of the new in PyTorch: to as many digits as the file has
            momentum: format!("{kept:.6e}").parse().unwrap_or(kept),
        };
        self.with(op, &tensors)
    }

    fn group_norm(&mut self) -> Option<NodeId> {
        let x = self.layer(0)?;
        let channels = self.network.assembly.of(x).shape.channels();
        let groups = match self.node.op.as_str() {
            "GroupNormalization" => usize::try_from(self.node.int("num_groups", 0)).ok()?,
            _ => channels,
        };
        let eps = self.node.float("epsilon", 1e-5);
        let plain = [1, 2].map(|i| self.known.constant(i).map(|given| given.floats()));
        if let [Some(scale), Some(shift)] = &plain
            && scale.iter().all(|&x| x == 1.0)
            && shift.iter().all(|&x| x == 0.0)
        {
            let affine = false;
            return self.unary(Op::GroupNorm {
                groups,
                eps,
                affine,
            });
        }
        let affine = self.node.input(1).is_some();
        let tensors = self.all_stored(&[1, 2])?;
        self.with(
            Op::GroupNorm {
                groups,
                eps,
                affine,
            },
            &tensors,
        )
    }

    fn layer_norm(&mut self) -> Option<NodeId> {
        let all = self.known.x()?.len();
        let from = super::fold::axis(self.node.int("axis", -1), all)?;
        let has = |i: usize| self.node.input(i).is_some();
        let op = Op::LayerNorm {
            axes: all - from,
            eps: self.node.float("epsilon", 1e-5),
            scale: has(1),
            shift: has(2),
        };
        let tensors = self.all_stored(&[1, 2])?;
        self.with(op, &tensors)
    }

    /// Multiply-accumulates of a convolution or a matrix product, for one sample.
    pub fn macs(&self) -> u64 {
        let product = |dims: &[usize]| {
            dims.iter()
                .try_fold(1u64, |n, &size| n.checked_mul(size as u64))
        };
        let (x, second) = (self.known.x(), self.known.at(1));
        let all = || match self.node.op.as_str() {
            "Conv" => product(&self.known.outputs()?.swap_remove(0))?
                .checked_mul(product(second?.get(1..)?)?),
            "ConvTranspose" => product(x?)?.checked_mul(product(second?.get(1..)?)?),
            "MatMul" | "Gemm" => {
                let inner = match self.node.int("transA", 0) != 0 {
                    true => x?.first()?,
                    false => x?.last()?,
                };
                product(&self.known.outputs()?.swap_remove(0))?.checked_mul(*inner as u64)
            }
            _ => Some(0),
        };
        all().unwrap_or(0) / self.network.assembly.batch as u64
    }
}

/// Zeros around a map.
pub(super) enum Around {
    /// As many as make the output `ceil(input / stride)`.
    Same,
    /// Above and left, below and right.
    Sides([usize; 2], [usize; 2]),
}

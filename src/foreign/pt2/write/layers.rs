//! The layers that papers name, by operators of PyTorch.

use super::Writer;
use crate::foreign::pt2::schema::Argument::{self, Bool, Float, Int, Ints, None as Nothing};
use crate::graph::{Activation, Arithmetic, Conv, Node, Op, Own, Transposed, Window};

/// Whole numbers as the format has them.
pub(super) fn ints(sizes: &[usize]) -> Argument {
    Ints(sizes.iter().map(|&n| n as i64).collect())
}

pub(super) fn int(n: usize) -> Argument {
    Int(n as i64)
}

pub(super) fn value(name: &str) -> Argument {
    Argument::Tensor(name.into())
}

impl<'a> Writer<'a> {
    /// Writes a layer that reads those values; the value that it gives.
    pub(super) fn calls_of(&mut self, node: &'a Node, values: &[String]) -> Result<String, String> {
        // what has no inputs stands in no file
        let x = values.first().map(String::as_str).unwrap_or_default();
        let dims = node.shape.dims();
        Ok(match &node.op {
            Op::Conv(conv) => return self.conv(node, conv, x),
            Op::ConvTranspose(conv) => return self.transposed(node, conv, x),
            Op::Linear { bias, .. } | Op::LinearLast { bias, .. } => {
                let mut given = vec![("input", value(x)), ("weight", self.tensor(0)?)];
                if *bias {
                    given.push(("bias", self.tensor(1)?));
                }
                self.call("linear.default", &given, &dims)
            }
            Op::BatchNorm { eps, momentum } => {
                let given = [
                    ("input", value(x)),
                    ("weight", self.tensor(0)?),
                    ("bias", self.tensor(1)?),
                    ("running_mean", self.tensor(2)?),
                    ("running_var", self.tensor(3)?),
                    ("training", Bool(false)),
                    ("momentum", Float(*momentum)),
                    ("eps", Float(*eps)),
                    ("cudnn_enabled", Bool(false)),
                ];
                self.call("batch_norm.default", &given, &dims)
            }
            Op::GroupNorm {
                groups,
                eps,
                affine,
            } => {
                let (weight, bias) = match affine {
                    true => (self.tensor(0)?, self.tensor(1)?),
                    false => (Nothing, Nothing),
                };
                let given = [
                    ("input", value(x)),
                    ("num_groups", int(*groups)),
                    ("weight", weight),
                    ("bias", bias),
                    ("eps", Float(*eps)),
                ];
                self.call("group_norm.default", &given, &dims)
            }
            Op::LayerNorm {
                axes,
                eps,
                scale,
                shift,
            } => {
                let weight = match scale {
                    true => self.tensor(0)?,
                    false => Nothing,
                };
                let bias = match shift {
                    true => self.tensor(usize::from(*scale))?,
                    false => Nothing,
                };
                let given = [
                    ("input", value(x)),
                    ("normalized_shape", ints(&dims[dims.len() - axes..])),
                    ("weight", weight),
                    ("bias", bias),
                    ("eps", Float(*eps)),
                ];
                self.call("layer_norm.default", &given, &dims)
            }
            Op::PRelu { .. } => {
                let given = [("self", value(x)), ("weight", self.tensor(0)?)];
                self.call("prelu.default", &given, &dims)
            }
            Op::Lrn(_) => {
                return Err("PyTorch has no operator of local response normalisation".into());
            }
            Op::Activation(activation) => self.activation(*activation, x, &dims),
            Op::MaxPool { window } => {
                let mut given = self.window(window, x)?;
                given.push(("dilation", ints(&window.dilation)));
                given.push(("ceil_mode", Bool(window.ceil)));
                self.call("max_pool2d.default", &given, &dims)
            }
            Op::AvgPool {
                window,
                count_include_pad,
            } => self.mean_of_windows(window, *count_include_pad, x, &dims)?,
            Op::AdaptiveAvgPool { output } => {
                let given = [("self", value(x)), ("output_size", ints(output))];
                self.call("adaptive_avg_pool2d.default", &given, &dims)
            }
            Op::Subsample { window } => {
                if window.ceil {
                    return Err("PyTorch has no sum of windows that hang over the edge".into());
                }
                let mean = self.mean_of_windows(window, true, x, &dims)?;
                let sum = self.line(&mean, window.taps() as f64, 0.0, &dims);
                let channels = node.shape.channels();
                let factor = self.tensor_as(0, &[channels, 1, 1])?;
                let product = self.pair(Arithmetic::Multiply, value(&sum), factor, &dims);
                let bias = self.tensor_as(1, &[channels, 1, 1])?;
                self.pair(Arithmetic::Add, value(&product), bias, &dims)
            }
            Op::Rbf { out } => {
                let units = self.graph.input_of(node).channels();
                let row = self.reshaped(x, &[1, units]);
                // a row for each code
                let rows = [
                    ("tensors", Argument::Tensors(vec![row; *out])),
                    ("dim", Int(1)),
                ];
                let rows = self.call("cat.default", &rows, &[*out, units]);
                let codes = self.tensor(0)?;
                let apart = self.pair(Arithmetic::Subtract, value(&rows), codes, &[*out, units]);
                let square = self.pair(
                    Arithmetic::Multiply,
                    value(&apart),
                    value(&apart),
                    &[*out, units],
                );
                let given = [("self", value(&square)), ("dim", Ints(vec![2]))];
                self.call("sum.dim_IntList", &given, &dims)
            }
            Op::Dropout { p } => {
                let given = [
                    ("input", value(x)),
                    ("p", Float(*p)),
                    ("train", Bool(false)),
                ];
                self.call("dropout.default", &given, &dims)
            }
            Op::Flatten => {
                let given = [("self", value(x)), ("start_dim", Int(1))];
                self.call("flatten.using_ints", &given, &dims)
            }
            Op::Concat => self.concat(values, 0, &dims),
            Op::Add | Op::BroadcastAdd => {
                self.pair(Arithmetic::Add, value(x), value(&values[1]), &dims)
            }
            Op::Gate => {
                let of = |i: usize| self.graph.nodes()[node.inputs[i]].shape;
                let (map, gate) = (of(0), of(1));
                let gate = match gate.is_vector() && !map.is_vector() {
                    false => values[1].clone(),
                    true => self.reshaped(&values[1], &[gate.channels(), 1, 1]),
                };
                self.pair(Arithmetic::Multiply, value(x), value(&gate), &dims)
            }
            Op::Mean { .. } => {
                let mut sum = x.to_string();
                for other in &values[1..] {
                    sum = self.pair(Arithmetic::Add, value(&sum), value(other), &dims);
                }
                self.line(&sum, 1.0 / values.len() as f64, 0.0, &dims)
            }
            Op::Slice { from, to } => self.slice(x, 0, [*from, *to, 1], &dims),
            Op::Scale { factor, offset } => self.line(x, *factor, *offset, &dims),
            Op::PadShortcut { channels, stride } => {
                let [c, h, w] = self.maps(node)?;
                let (rows, columns) = (h.div_ceil(*stride), w.div_ceil(*stride));
                let mut units = x.to_string();
                if *stride > 1 {
                    units = self.slice(&units, 1, [0, h, *stride], &[c, rows, w]);
                    units = self.slice(&units, 2, [0, w, *stride], &[c, rows, columns]);
                }
                let front = (channels - c) / 2;
                self.padded(&units, &[0, 0, 0, 0, front, channels - c - front], &dims)
            }
            Op::Own(own) => return self.own(node, own, x),
            Op::Array(array) => return self.array(node, array, values),
            Op::Input | Op::Parameter { .. } => return Err("is computed by no operator".into()),
            Op::Opaque(opaque) => {
                return Err(format!("the operator `{}` is not known", opaque.operator));
            }
        })
    }

    /// Channels, rows and columns that a layer reads.
    pub(super) fn maps(&self, node: &Node) -> Result<[usize; 3], String> {
        let input = self.graph.input_of(node);
        input.maps().ok_or_else(|| format!("{input} are no maps"))
    }

    /// Zeros above, left, below and right of the maps that the layer reads.
    fn zeros(&self, window: &Window) -> Result<[usize; 4], String> {
        let [_, h, w] = self.maps(self.node_at())?;
        let (rows, columns) = (window.axis(0, h)?, window.axis(1, w)?);
        Ok([rows.before, columns.before, rows.after, columns.after])
    }

    /// The geometry of a pool.
    fn window(&self, window: &Window, x: &str) -> Result<Vec<(&'static str, Argument)>, String> {
        let [top, left, bottom, right] = self.zeros(window)?;
        if [top, left] != [bottom, right] {
            return Err("PyTorch has no pool that pads one side more than the other".into());
        }
        if 2 * top > window.kernel[0] || 2 * left > window.kernel[1] {
            return Err("PyTorch has no pool that pads more than half its window".into());
        }
        Ok(vec![
            ("self", value(x)),
            ("kernel_size", ints(&window.kernel)),
            ("stride", ints(&window.stride)),
            ("padding", ints(&[top, left])),
        ])
    }

    fn mean_of_windows(
        &mut self,
        window: &Window,
        count_include_pad: bool,
        x: &str,
        dims: &[usize],
    ) -> Result<String, String> {
        if window.dilation != [1, 1] {
            return Err("PyTorch has no mean of windows with gaps".into());
        }
        let mut given = self.window(window, x)?;
        given.push(("ceil_mode", Bool(window.ceil)));
        given.push(("count_include_pad", Bool(count_include_pad)));
        Ok(self.call("avg_pool2d.default", &given, dims))
    }

    fn conv(&mut self, node: &'a Node, conv: &Conv, x: &str) -> Result<String, String> {
        let [c, h, w] = self.maps(node)?;
        let weight = match &conv.table {
            None => self.tensor(0)?,
            Some(table) => {
                let (stored, numbers) = self.stock.filled(self.at, [conv.out, c], table)?;
                self.keep(&stored, &numbers.dims, &numbers.bytes)
            }
        };
        let bias = match conv.bias {
            true => self.tensor(1)?,
            false => Nothing,
        };
        let [top, left, bottom, right] = self.zeros(&conv.window)?;
        let (x, zeros) = match [top, left] == [bottom, right] {
            true => (x.to_string(), [top, left]),
            false => {
                let dims = [c, h + top + bottom, w + left + right];
                (self.padded(x, &[left, right, top, bottom], &dims), [0, 0])
            }
        };
        let given = [
            ("input", value(&x)),
            ("weight", weight),
            ("bias", bias),
            ("stride", ints(&conv.window.stride)),
            ("padding", ints(&zeros)),
            ("dilation", ints(&conv.window.dilation)),
            ("groups", int(conv.groups)),
        ];
        Ok(self.call("conv2d.default", &given, &node.shape.dims()))
    }

    fn transposed(&mut self, node: &Node, conv: &Transposed, x: &str) -> Result<String, String> {
        let crate::graph::Pad::Even(pad) = conv.window.pad else {
            return Err("PyTorch has no transposed convolution that pads one side more".into());
        };
        let weight = self.tensor(0)?;
        let bias = match conv.bias {
            true => self.tensor(1)?,
            false => Nothing,
        };
        let given = [
            ("input", value(x)),
            ("weight", weight),
            ("bias", bias),
            ("stride", ints(&conv.window.stride)),
            ("padding", ints(&pad)),
            ("output_padding", ints(&conv.extra)),
            ("groups", int(conv.groups)),
            ("dilation", ints(&conv.window.dilation)),
        ];
        Ok(self.call("conv_transpose2d.input", &given, &node.shape.dims()))
    }

    fn activation(&mut self, activation: Activation, x: &str, dims: &[usize]) -> String {
        let given = [("self", value(x))];
        match activation {
            Activation::Relu => self.call("relu.default", &given, dims),
            Activation::Sigmoid => self.call("sigmoid.default", &given, dims),
            Activation::Tanh => self.call("tanh.default", &given, dims),
            Activation::ScaledTanh => {
                let [amplitude, slope] = Activation::SCALED_TANH;
                let slow = self.line(x, slope, 0.0, dims);
                let tanh = self.call("tanh.default", &[("self", value(&slow))], dims);
                self.line(&tanh, amplitude, 0.0, dims)
            }
            Activation::Softmax => {
                let given = [("self", value(x)), ("dim", Int(1))];
                self.call("softmax.int", &given, dims)
            }
        }
    }

    /// A factor and an offset, as far as they change anything.
    pub(super) fn line(&mut self, x: &str, factor: f64, offset: f64, dims: &[usize]) -> String {
        let mut line = x.to_string();
        if factor != 1.0 || offset == 0.0 {
            line = self.pair(Arithmetic::Multiply, value(&line), Float(factor), dims);
        }
        if offset != 0.0 {
            line = self.pair(Arithmetic::Add, value(&line), Float(offset), dims);
        }
        line
    }

    fn own(&mut self, node: &'a Node, own: &Own, x: &str) -> Result<String, String> {
        let (view, dims) = (own.view.to_vec(), own.dims.to_vec());
        let kept = match view == dims {
            true => self.tensor(0)?,
            false => self.tensor_as(0, &view)?,
        };
        let input = self.graph.input_of(node).dims();
        // PyTorch lines axes up at the last one, batch included
        let x = match view.len() > input.len() {
            false => x.to_string(),
            true => {
                let mut sizes = vec![1; view.len() - input.len()];
                sizes.extend(input.iter());
                self.reshaped(x, &sizes)
            }
        };
        let (a, b) = match own.first {
            true => (kept, value(&x)),
            false => (value(&x), kept),
        };
        Ok(self.pair(own.by, a, b, &node.shape.dims()))
    }
}

//! The layers that papers name, by operators of ONNX.

use super::proto::{float, int, ints, signed, text};
use super::{Writer, raised};
use crate::graph::{Activation, Conv, Lrn, Node, Op, Own, Pad, Transposed, Window};
use rten_onnx::onnx::AttributeProto;

impl<'a> Writer<'a> {
    /// Writes a layer that reads those values; the value that it gives.
    pub(super) fn nodes_of(&mut self, node: &'a Node, inputs: &[String]) -> Result<String, String> {
        let values: Vec<&str> = inputs.iter().map(String::as_str).collect();
        // what has no inputs stands in no file
        let x = values.first().copied().unwrap_or_default();
        Ok(match &node.op {
            Op::Conv(conv) => return self.conv(node, conv, x),
            Op::ConvTranspose(conv) => return self.transposed(conv, x),
            Op::Linear { bias, .. } => {
                let mut inputs = vec![x.to_string(), self.tensor(0)?];
                if *bias {
                    inputs.push(self.tensor(1)?);
                }
                let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
                self.node("Gemm", &inputs, vec![int("transB", 1)])
            }
            Op::LinearLast { bias, .. } => {
                let weight = self.tensor_turned(0)?;
                let product = self.node("MatMul", &[x, &weight], vec![]);
                match bias {
                    false => product,
                    true => {
                        let bias = self.tensor(1)?;
                        self.node("Add", &[&product, &bias], vec![])
                    }
                }
            }
            Op::BatchNorm { eps, momentum } => {
                let tensors = (0..4)
                    .map(|i| self.tensor(i))
                    .collect::<Result<Vec<_>, _>>()?;
                let [scale, shift, mean, variance] = &tensors[..] else {
                    return Err("has other tensors than a normalisation".into());
                };
                // the part of the old in ONNX, of the new in PyTorch
                let constants = vec![float("epsilon", *eps), float("momentum", 1.0 - momentum)];
                let inputs = [x, scale, shift, mean, variance];
                self.node("BatchNormalization", &inputs, constants)
            }
            Op::GroupNorm {
                groups,
                eps,
                affine,
            } => {
                let channels = self.graph.input_of(node).channels();
                let (scale, shift) = match affine {
                    true => (self.tensor(0)?, self.tensor(1)?),
                    false => (
                        self.repeated(1.0, &[channels]),
                        self.repeated(0.0, &[channels]),
                    ),
                };
                let constants = vec![float("epsilon", *eps), int("num_groups", *groups)];
                self.node("GroupNormalization", &[x, &scale, &shift], constants)
            }
            Op::LayerNorm {
                axes,
                eps,
                scale,
                shift,
            } => {
                let input = self.graph.input_of(node).dims();
                let factor = match scale {
                    true => self.tensor(0)?,
                    false => self.repeated(1.0, &input[input.len() - axes..]),
                };
                let mut inputs = vec![x.to_string(), factor];
                if *shift {
                    inputs.push(self.tensor(usize::from(*scale))?);
                }
                let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
                let constants = vec![signed("axis", -(*axes as i64)), float("epsilon", *eps)];
                self.node("LayerNormalization", &inputs, constants)
            }
            Op::PRelu { .. } => {
                let rank = self.graph.input_of(node).dims().len();
                let stored = self.stock.tensor(self.at, 0)?;
                let mut view = stored.numbers.dims.clone();
                view.resize(rank, 1);
                let slope = self.tensor_as(0, &view)?;
                self.node("PRelu", &[x, &slope], vec![])
            }
            Op::Lrn(lrn) => return self.lrn(lrn, x),
            Op::Activation(activation) => self.activation(*activation, x),
            Op::MaxPool { window } => {
                let window = self.window(window, true)?;
                self.node("MaxPool", &[x], window)
            }
            Op::AvgPool {
                window,
                count_include_pad,
            } => {
                let mut window = self.window(window, true)?;
                window.push(int("count_include_pad", usize::from(*count_include_pad)));
                self.node("AveragePool", &[x], window)
            }
            Op::AdaptiveAvgPool { output: [1, 1] } => self.node("GlobalAveragePool", &[x], vec![]),
            Op::AdaptiveAvgPool { output } => {
                let [_, h, w] = self.maps(node)?;
                if !h.is_multiple_of(output[0]) || !w.is_multiple_of(output[1]) {
                    return Err(format!(
                        "ONNX has no mean over the cells of a {}x{} grid on a {h}x{w} map, whose sizes differ",
                        output[0], output[1]
                    ));
                }
                let kernel = [h / output[0], w / output[1]];
                let constants = vec![ints("kernel_shape", &kernel), ints("strides", &kernel)];
                self.node("AveragePool", &[x], constants)
            }
            Op::Subsample { window } => {
                if window.ceil {
                    return Err("ONNX has no sum of windows that hang over the edge".into());
                }
                let mut constants = self.window(window, true)?;
                constants.push(int("count_include_pad", 1));
                let mean = self.node("AveragePool", &[x], constants);
                let sum = self.line(&mean, window.taps() as f64, 0.0);
                let channels = node.shape.channels();
                let factor = self.tensor_as(0, &[channels, 1, 1])?;
                let product = self.node("Mul", &[&sum, &factor], vec![]);
                let bias = self.tensor_as(1, &[channels, 1, 1])?;
                self.node("Add", &[&product, &bias], vec![])
            }
            Op::Rbf { out } => {
                // a row for each code: repeated here, since readers know what repeats a stored tensor, not what it repeats
                let units = self.graph.input_of(node).channels();
                let row = self.reshaped(x, &[1, units]);
                let rows = vec![row.as_str(); *out];
                let rows = self.node("Concat", &rows, vec![int("axis", 1)]);
                let codes = self.tensor(0)?;
                let apart = self.node("Sub", &[&rows, &codes], vec![]);
                let square = self.node("Mul", &[&apart, &apart], vec![]);
                let axis = self.row(&[2]);
                self.node("ReduceSum", &[&square, &axis], vec![int("keepdims", 0)])
            }
            Op::Dropout { p } => {
                let p = self.number(*p);
                self.node("Dropout", &[x, &p], vec![])
            }
            Op::Flatten => self.node("Flatten", &[x], vec![int("axis", 1)]),
            Op::Concat => self.node("Concat", &values, vec![int("axis", 1)]),
            Op::Add | Op::BroadcastAdd => self.node("Add", &values, vec![]),
            Op::Gate => {
                let of = |i: usize| self.graph.nodes()[node.inputs[i]].shape;
                let (map, gate) = (of(0), of(1));
                let gate = match gate.is_vector() && !map.is_vector() {
                    false => values[1].to_string(),
                    true => self.reshaped(values[1], &[gate.channels(), 1, 1]),
                };
                self.node("Mul", &[x, &gate], vec![])
            }
            Op::Mean { .. } => self.node("Mean", &values, vec![]),
            Op::Slice { from, to } => self.slice(x, &[(0, *from, *to, 1)]),
            Op::Scale { factor, offset } => self.line(x, *factor, *offset),
            Op::PadShortcut { channels, stride } => {
                let [c, h, w] = self.maps(node)?;
                let units = match stride {
                    1 => x.to_string(),
                    &n => self.slice(x, &[(1, 0, h, n), (2, 0, w, n)]),
                };
                let front = (channels - c) / 2;
                let behind = channels - c - front;
                let pads = self.row(&[0, front as i64, 0, 0, 0, behind as i64, 0, 0]);
                self.node("Pad", &[&units, &pads], vec![])
            }
            Op::Own(own) => return self.own(node, own, x),
            Op::Array(array) => return self.array(node, array, &values),
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

    /// The geometry of a window on the maps that the layer reads.
    fn window(&self, window: &Window, is_pool: bool) -> Result<Vec<AttributeProto>, String> {
        let [_, h, w] = self.maps(self.node_at())?;
        let mut constants = vec![
            ints("kernel_shape", &window.kernel),
            ints("strides", &window.stride),
        ];
        if window.dilation != [1, 1] {
            constants.push(ints("dilations", &window.dilation));
        }
        if is_pool && window.ceil {
            constants.push(int("ceil_mode", 1));
        }
        let (rows, columns) = (window.axis(0, h)?, window.axis(1, w)?);
        constants.push(match window.pad {
            Pad::Same if window.dilation == [1, 1] => text("auto_pad", "SAME_UPPER"),
            _ => ints(
                "pads",
                &[rows.before, columns.before, rows.after, columns.after],
            ),
        });
        Ok(constants)
    }

    fn conv(&mut self, node: &'a Node, conv: &Conv, x: &str) -> Result<String, String> {
        let weight = match &conv.table {
            None => self.tensor(0)?,
            Some(table) => self.table(conv.out, self.maps(node)?[0], table)?,
        };
        let mut inputs = vec![x.to_string(), weight];
        if conv.bias {
            inputs.push(self.tensor(1)?);
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let mut constants = self.window(&conv.window, false)?;
        constants.push(int("group", conv.groups));
        Ok(self.node("Conv", &inputs, constants))
    }

    fn transposed(&mut self, conv: &Transposed, x: &str) -> Result<String, String> {
        let mut inputs = vec![x.to_string(), self.tensor(0)?];
        if conv.bias {
            inputs.push(self.tensor(1)?);
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let pads = match conv.window.pad {
            Pad::Even([h, w]) => [h, w, h, w],
            Pad::Around {
                before: [top, left],
                after: [bottom, right],
            } => [top, left, bottom, right],
            Pad::Same => {
                return Err(
                    "a transposed convolution that pads as it needs has no counterpart in ONNX"
                        .into(),
                );
            }
        };
        let constants = vec![
            ints("kernel_shape", &conv.window.kernel),
            ints("strides", &conv.window.stride),
            ints("dilations", &conv.window.dilation),
            ints("pads", &pads),
            ints("output_padding", &conv.extra),
            int("group", conv.groups),
        ];
        Ok(self.node("ConvTranspose", &inputs, constants))
    }

    fn lrn(&mut self, lrn: &Lrn, x: &str) -> Result<String, String> {
        let Lrn {
            size,
            alpha,
            beta,
            k,
        } = *lrn;
        if size % 2 == 0 {
            // of an even number ONNX has the larger half behind, PyTorch in front
            return Err(format!(
                "ONNX has no normalisation over {size} channels of which more stand in front"
            ));
        }
        let constants = vec![
            int("size", size),
            // ONNX divides the sum by the channels that take part
            float("alpha", alpha * size as f64),
            float("beta", beta),
            float("bias", k),
        ];
        Ok(self.node("LRN", &[x], constants))
    }

    fn activation(&mut self, activation: Activation, x: &str) -> String {
        match activation {
            Activation::Relu => self.node("Relu", &[x], vec![]),
            Activation::Sigmoid => self.node("Sigmoid", &[x], vec![]),
            Activation::Tanh => self.node("Tanh", &[x], vec![]),
            Activation::ScaledTanh => {
                let [amplitude, slope] = Activation::SCALED_TANH;
                let slow = self.line(x, slope, 0.0);
                let tanh = self.node("Tanh", &[&slow], vec![]);
                self.line(&tanh, amplitude, 0.0)
            }
            Activation::Softmax => self.node("Softmax", &[x], vec![int("axis", 1)]),
        }
    }

    /// A factor and an offset, as far as they change anything.
    pub(super) fn line(&mut self, x: &str, factor: f64, offset: f64) -> String {
        let mut value = x.to_string();
        if factor != 1.0 || offset == 0.0 {
            let factor = self.number(factor);
            value = self.node("Mul", &[&value, &factor], vec![]);
        }
        if offset != 0.0 {
            let offset = self.number(offset);
            value = self.node("Add", &[&value, &offset], vec![]);
        }
        value
    }

    fn own(&mut self, node: &'a Node, own: &Own, x: &str) -> Result<String, String> {
        let (view, dims) = (own.view.to_vec(), own.dims.to_vec());
        let mut kept = self.tensor(0)?;
        if view != dims {
            let sizes: Vec<i64> = super::dims(&view).collect();
            let sizes = self.row(&sizes);
            kept = self.node("Reshape", &[&kept, &sizes], vec![]);
        }
        let rank = self.graph.input_of(node).dims().len();
        // ONNX lines axes up at the last one, batch included
        let x = match view.len() > rank {
            false => x.to_string(),
            true => {
                let input = self.graph.input_of(node);
                let sizes = raised(&input.dims(), view.len());
                self.reshaped(x, &sizes)
            }
        };
        let inputs = match own.first {
            true => [kept, x],
            false => [x, kept],
        };
        let inputs = [inputs[0].as_str(), inputs[1].as_str()];
        Ok(self.node(super::arrays::arithmetic(own.by), &inputs, vec![]))
    }
}

//! Operations on arrays, by operators of PyTorch.

use super::Writer;
use super::layers::{int, ints, value};
use crate::foreign::pt2::schema::Argument::{
    self, Bool, Float, Floats, Int, Ints, None as Nothing, Text,
};
use crate::graph::{Arithmetic, Array, Function, Interpolation, Node, Padding, Reduction, Resize};

impl<'a> Writer<'a> {
    pub(super) fn array(
        &mut self,
        node: &'a Node,
        array: &Array,
        values: &[String],
    ) -> Result<String, String> {
        let x = values[0].as_str();
        let (input, dims) = (self.graph.input_of(node).dims(), node.shape.dims());
        Ok(match *array {
            Array::Function(function) => self.function(function, x, &dims),
            Array::Arithmetic(by) => {
                let raised: Vec<String> = (node.inputs.iter().zip(values))
                    .map(|(&id, value)| {
                        let own = self.graph.nodes()[id].shape.dims();
                        // behind the batch: PyTorch lines axes up at the last one, batch included
                        match own.len() < dims.len() {
                            false => value.clone(),
                            true => {
                                let mut sizes = vec![1; dims.len() - own.len()];
                                sizes.extend(own.iter());
                                self.reshaped(value, &sizes)
                            }
                        }
                    })
                    .collect();
                self.pair(by, value(&raised[0]), value(&raised[1]), &dims)
            }
            Array::Reduce { by, axes, keep } => {
                let operator = match by {
                    Reduction::Sum => "sum.dim_IntList",
                    Reduction::Mean => "mean.dim",
                    Reduction::Maximum => "amax.default",
                };
                // a sample has at least one axis
                let keeps = keep || axes.len() == input.len();
                let reduced: Vec<usize> = axes.iter().map(|&axis| axis + 1).collect();
                let given = [
                    ("self", value(x)),
                    ("dim", ints(&reduced)),
                    ("keepdim", Bool(keeps)),
                ];
                let sizes = input.iter().enumerate();
                let kept: Vec<usize> = match keeps {
                    true => sizes
                        .map(|(i, &n)| if axes.contains(&i) { 1 } else { n })
                        .collect(),
                    false => dims.to_vec(),
                };
                let reduced = self.call(operator, &given, &kept);
                match keeps == keep {
                    true => reduced,
                    false => self.reshaped(&reduced, &dims),
                }
            }
            Array::Softmax { axis } => {
                let given = [("self", value(x)), ("dim", int(axis + 1))];
                self.call("softmax.int", &given, &dims)
            }
            Array::Resize(resize) => return self.resize(node, resize, x),
            Array::Pad {
                before,
                after,
                with,
            } => {
                // from the last axis to the first
                let mut around: Vec<usize> = (before.iter().zip(after.iter()).rev())
                    .flat_map(|(&before, &after)| [before, after])
                    .collect();
                let (mode, number) = match with {
                    Padding::Constant(number) => ("constant", number),
                    Padding::Reflect => ("reflect", 0.0),
                    Padding::Replicate => ("replicate", 0.0),
                    Padding::Circular => ("circular", 0.0),
                };
                if mode != "constant" {
                    let channels = around.split_off(2 * (dims.len() - 1));
                    if channels != [0, 0] || around.is_empty() {
                        return Err(format!("PyTorch has no `{mode}` padding of channels"));
                    }
                }
                let given = [
                    ("self", value(x)),
                    ("pad", ints(&around)),
                    ("mode", Text(mode.into())),
                    (
                        "value",
                        if mode == "constant" {
                            Float(number)
                        } else {
                            Nothing
                        },
                    ),
                ];
                self.call("pad.default", &given, &dims)
            }
            Array::Reshape { .. } => self.reshaped(x, &dims),
            Array::Permute { axes } => {
                let order: Vec<usize> = std::iter::once(0)
                    .chain(axes.iter().map(|&axis| axis + 1))
                    .collect();
                self.call(
                    "permute.default",
                    &[("self", value(x)), ("dims", ints(&order))],
                    &dims,
                )
            }
            Array::Slice {
                axis,
                from,
                to,
                step,
            } => self.slice(x, axis, [from, to, step], &dims),
            Array::Concat { axis } => self.concat(values, axis, &dims),
            Array::ChannelShuffle { groups } => {
                let [c, h, w] = self.maps(node)?;
                let parted = self.reshaped(x, &[groups, c / groups, h, w]);
                let given = [("self", value(&parted)), ("dim0", Int(1)), ("dim1", Int(2))];
                let turned = self.call("transpose.int", &given, &[c / groups, groups, h, w]);
                self.reshaped(&turned, &dims)
            }
            Array::PixelShuffle { factor } => {
                let given = [("self", value(x)), ("upscale_factor", int(factor))];
                self.call("pixel_shuffle.default", &given, &dims)
            }
            // once it is trained nothing is dropped
            Array::StochasticDepth { .. } => x.to_string(),
        })
    }

    fn function(&mut self, function: Function, x: &str, dims: &[usize]) -> String {
        let mut given = vec![("self", value(x))];
        let operator = match function {
            Function::Clip { min, max } => {
                let bound = |bound: f64| match bound.is_finite() {
                    true => Float(bound),
                    false => Nothing,
                };
                given.extend([("min", bound(min)), ("max", bound(max))]);
                "clamp.default"
            }
            Function::HardSwish => "hardswish.default",
            Function::HardSigmoid => "hardsigmoid.default",
            Function::Silu => "silu.default",
            Function::Gelu => "gelu.default",
            Function::GeluTanh => {
                given.push(("*approximate", Text("tanh".into())));
                "gelu.default"
            }
            Function::LeakyRelu { slope } => {
                given.push(("negative_slope", Float(slope)));
                "leaky_relu.default"
            }
            Function::Elu { alpha, scale } => {
                given.extend([("alpha", Float(alpha)), ("scale", Float(scale))]);
                "elu.default"
            }
            Function::Softplus { beta } => {
                given.push(("beta", Float(beta)));
                "softplus.default"
            }
            Function::Mish => "mish.default",
            Function::Power { exponent } => {
                given.push(("exponent", Float(exponent)));
                "pow.Tensor_Scalar"
            }
            Function::Exp => "exp.default",
            Function::Abs => "abs.default",
        };
        self.call(operator, &given, dims)
    }

    fn resize(&mut self, node: &Node, resize: Resize, x: &str) -> Result<String, String> {
        let Resize { output, by, scale } = resize;
        let [_, h, w] = self.maps(node)?;
        let (size, factors) = match scale {
            None => (ints(&output), Nothing),
            Some(factors) => {
                let gives = [(h, factors[0]), (w, factors[1])]
                    .map(|(size, factor)| (size as f64 * factor).floor() as usize);
                if gives != output {
                    return Err(format!(
                        "PyTorch has no resize to {}x{} by factors that give {}x{}",
                        output[0], output[1], gives[0], gives[1]
                    ));
                }
                (Nothing, Floats(factors.to_vec()))
            }
        };
        let mut given = vec![("input", value(x)), ("output_size", size)];
        let operator = match by {
            Interpolation::Nearest => "upsample_nearest2d.vec",
            Interpolation::Bilinear | Interpolation::BilinearCorners => {
                let corners = by == Interpolation::BilinearCorners;
                given.push(("align_corners", Bool(corners)));
                "upsample_bilinear2d.vec"
            }
        };
        given.push(("scale_factors", factors));
        Ok(self.call(operator, &given, &node.shape.dims()))
    }

    /// Arithmetic of two values, of which the second may be a number.
    pub(super) fn pair(
        &mut self,
        by: Arithmetic,
        a: Argument,
        b: Argument,
        dims: &[usize],
    ) -> String {
        let operator = match by {
            Arithmetic::Add => "add.Tensor",
            Arithmetic::Subtract => "sub.Tensor",
            Arithmetic::Multiply => "mul.Tensor",
            Arithmetic::Divide => "div.Tensor",
            Arithmetic::Maximum => "maximum.default",
            Arithmetic::Minimum => "minimum.default",
        };
        self.call(operator, &[("self", a), ("other", b)], dims)
    }

    pub(super) fn concat(&mut self, values: &[String], axis: usize, dims: &[usize]) -> String {
        let given = [
            ("tensors", Argument::Tensors(values.to_vec())),
            ("dim", int(axis + 1)),
        ];
        self.call("cat.default", &given, dims)
    }

    /// The same units under other axes, the batch in front.
    pub(super) fn reshaped(&mut self, x: &str, to: &[usize]) -> String {
        let sizes = std::iter::once(-1).chain(to.iter().map(|&n| n as i64));
        let given = [("self", value(x)), ("shape", Ints(sizes.collect()))];
        self.call("reshape.default", &given, to)
    }

    /// Every `step`-th unit from one up to another along an axis of a sample.
    pub(super) fn slice(
        &mut self,
        x: &str,
        axis: usize,
        [from, to, step]: [usize; 3],
        dims: &[usize],
    ) -> String {
        let given = [
            ("self", value(x)),
            ("dim", int(axis + 1)),
            ("start", int(from)),
            ("end", int(to)),
            ("step", int(step)),
        ];
        self.call("slice.Tensor", &given, dims)
    }

    /// Zeros around axes from the last one on, before and after each.
    pub(super) fn padded(&mut self, x: &str, around: &[usize], dims: &[usize]) -> String {
        let given = [
            ("self", value(x)),
            ("pad", ints(around)),
            ("mode", Text("constant".into())),
            ("value", Float(0.0)),
        ];
        self.call("pad.default", &given, dims)
    }
}

//! Operations on arrays, by operators of ONNX.

use super::proto::{float, int, ints, text};
use super::{Writer, of_batch, raised};
use crate::graph::{Arithmetic, Array, Function, Interpolation, Node, Padding, Reduction, Resize};

impl<'a> Writer<'a> {
    pub(super) fn array(
        &mut self,
        node: &'a Node,
        array: &Array,
        values: &[&str],
    ) -> Result<String, String> {
        let x = values[0];
        let input = self.graph.input_of(node);
        Ok(match *array {
            Array::Function(function) => self.function(function, x),
            Array::Arithmetic(by) => {
                let rank = node.shape.dims().len();
                let raised: Vec<String> = (node.inputs.iter().zip(values))
                    .map(|(&id, value)| {
                        let dims = self.graph.nodes()[id].shape;
                        let dims = dims.dims().to_vec();
                        // behind the batch: ONNX lines axes up at the last one, batch included
                        match dims.len() < rank {
                            false => value.to_string(),
                            true => self.reshaped(value, &raised(&dims, rank)),
                        }
                    })
                    .collect();
                let raised: Vec<&str> = raised.iter().map(String::as_str).collect();
                self.node(arithmetic(by), &raised, vec![])
            }
            Array::Reduce { by, axes, keep } => {
                let op = match by {
                    Reduction::Sum => "ReduceSum",
                    Reduction::Mean => "ReduceMean",
                    Reduction::Maximum => "ReduceMax",
                };
                // a sample has at least one axis
                let all = axes.len() == input.dims().len();
                let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64 + 1).collect();
                let axes = self.row(&axes);
                let kept = usize::from(keep);
                let reduced = self.node(op, &[x, &axes], vec![int("keepdims", kept)]);
                match all && !keep {
                    true => self.reshaped(&reduced, &[1]),
                    false => reduced,
                }
            }
            Array::Softmax { axis } => self.node("Softmax", &[x], vec![int("axis", axis + 1)]),
            Array::Resize(resize) => return self.resize(node, resize, x),
            Array::Pad {
                before,
                after,
                with,
            } => {
                let pads: Vec<i64> = [of_batch(&before), of_batch(&after)].concat();
                let pads = self.row(&pads);
                let (mode, number) = match with {
                    Padding::Constant(number) => ("constant", number),
                    Padding::Reflect => ("reflect", 0.0),
                    Padding::Replicate => ("edge", 0.0),
                    Padding::Circular => ("wrap", 0.0),
                };
                let mode = vec![text("mode", mode)];
                match number == 0.0 {
                    true => self.node("Pad", &[x, &pads], mode),
                    false => {
                        let number = self.number(number);
                        self.node("Pad", &[x, &pads, &number], mode)
                    }
                }
            }
            Array::Reshape { .. } => self.reshaped(x, &node.shape.dims()),
            Array::Permute { axes } => {
                let order: Vec<usize> = [0]
                    .into_iter()
                    .chain(axes.iter().map(|&axis| axis + 1))
                    .collect();
                self.node("Transpose", &[x], vec![ints("perm", &order)])
            }
            Array::Slice {
                axis,
                from,
                to,
                step,
            } => self.slice(x, &[(axis, from, to, step)]),
            Array::Concat { axis } => self.node("Concat", values, vec![int("axis", axis + 1)]),
            Array::ChannelShuffle { groups } => {
                let [c, h, w] = self.maps(node)?;
                let parted = self.reshaped(x, &[groups, c / groups, h, w]);
                let turned = self.node(
                    "Transpose",
                    &[&parted],
                    vec![ints("perm", &[0, 2, 1, 3, 4])],
                );
                self.reshaped(&turned, &[c, h, w])
            }
            Array::PixelShuffle { factor } => {
                let constants = vec![int("blocksize", factor), text("mode", "CRD")];
                self.node("DepthToSpace", &[x], constants)
            }
            // once it is trained nothing is dropped
            Array::StochasticDepth { .. } => self.node("Identity", &[x], vec![]),
        })
    }

    fn function(&mut self, function: Function, x: &str) -> String {
        match function {
            Function::Clip { min, max } => {
                let bounds = [min, max].map(|bound| match bound.is_finite() {
                    true => self.number(bound),
                    false => String::new(),
                });
                self.node("Clip", &[x, &bounds[0], &bounds[1]], vec![])
            }
            Function::HardSwish => self.node("HardSwish", &[x], vec![]),
            Function::HardSigmoid => {
                let constants = vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)];
                self.node("HardSigmoid", &[x], constants)
            }
            Function::Silu => {
                let gate = self.node("Sigmoid", &[x], vec![]);
                self.node("Mul", &[x, &gate], vec![])
            }
            Function::Gelu => self.node("Gelu", &[x], vec![]),
            Function::GeluTanh => self.node("Gelu", &[x], vec![text("approximate", "tanh")]),
            Function::LeakyRelu { slope } => {
                self.node("LeakyRelu", &[x], vec![float("alpha", slope)])
            }
            Function::Elu { alpha, scale: 1.0 } => {
                self.node("Elu", &[x], vec![float("alpha", alpha)])
            }
            Function::Elu { alpha, scale } => {
                let constants = vec![float("alpha", alpha), float("gamma", scale)];
                self.node("Selu", &[x], constants)
            }
            Function::Softplus { beta: 1.0 } => self.node("Softplus", &[x], vec![]),
            Function::Softplus { beta } => {
                let steep = self.line(x, beta, 0.0);
                let soft = self.node("Softplus", &[&steep], vec![]);
                self.line(&soft, 1.0 / beta, 0.0)
            }
            Function::Mish => self.node("Mish", &[x], vec![]),
            Function::Power { exponent } => {
                let exponent = self.number(exponent);
                self.node("Pow", &[x, &exponent], vec![])
            }
            Function::Exp => self.node("Exp", &[x], vec![]),
            Function::Abs => self.node("Abs", &[x], vec![]),
        }
    }

    fn resize(&mut self, node: &Node, resize: Resize, x: &str) -> Result<String, String> {
        let Resize { output, by, scale } = resize;
        let (mode, coordinates) = match by {
            Interpolation::Nearest => ("nearest", "asymmetric"),
            Interpolation::Bilinear => ("linear", "half_pixel"),
            Interpolation::BilinearCorners => ("linear", "align_corners"),
        };
        let mut constants = vec![
            text("mode", mode),
            text("coordinate_transformation_mode", coordinates),
        ];
        if by == Interpolation::Nearest {
            constants.push(text("nearest_mode", "floor"));
        }
        constants.push(ints("axes", &[2, 3]));
        let Some(factors) = scale else {
            let sizes = self.row(&output.map(|size| size as i64));
            return Ok(self.node("Resize", &[x, "", "", &sizes], constants));
        };
        let [_, h, w] = self.maps(node)?;
        let gives = [(h, factors[0]), (w, factors[1])]
            .map(|(size, factor)| (size as f32 * factor as f32).floor() as usize);
        if gives != output {
            return Err(format!(
                "ONNX has no resize to {}x{} by factors that give {}x{}",
                output[0], output[1], gives[0], gives[1]
            ));
        }
        let factors = self.factors(&factors);
        Ok(self.node("Resize", &[x, "", &factors], constants))
    }

    /// The same units under other axes, the batch in front.
    pub(super) fn reshaped(&mut self, x: &str, to: &[usize]) -> String {
        let sizes = self.row(&of_batch(to));
        self.node("Reshape", &[x, &sizes], vec![])
    }

    /// Every `step`-th unit along axes of a sample, `(axis, from, to, step)`.
    pub(super) fn slice(&mut self, x: &str, cuts: &[(usize, usize, usize, usize)]) -> String {
        let mut of = |each: fn(&(usize, usize, usize, usize)) -> usize| {
            let numbers: Vec<i64> = cuts.iter().map(|cut| each(cut) as i64).collect();
            self.row(&numbers)
        };
        let inputs = [
            of(|cut| cut.1),
            of(|cut| cut.2),
            of(|cut| cut.0 + 1),
            of(|cut| cut.3),
        ];
        let [from, to, axes, steps] = [0, 1, 2, 3].map(|i| inputs[i].as_str());
        self.node("Slice", &[x, from, to, axes, steps], vec![])
    }
}

/// The operator of that name.
pub(super) fn arithmetic(by: Arithmetic) -> &'static str {
    match by {
        Arithmetic::Add => "Add",
        Arithmetic::Subtract => "Sub",
        Arithmetic::Multiply => "Mul",
        Arithmetic::Divide => "Div",
        Arithmetic::Maximum => "Max",
        Arithmetic::Minimum => "Min",
    }
}

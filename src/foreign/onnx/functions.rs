//! Functions of one unit, and pools.

use super::reading::{Around, Reading};
use crate::graph::{Activation, Array, Function, NodeId, Op, Reduction, Window, pool};

/// A sixth, as near as single precision has it.
const SIXTH: f64 = 1.0 / 6.0;

impl Reading<'_, '_> {
    /// The layer that it is, if a function or a pool.
    pub fn functions(&mut self) -> Option<NodeId> {
        let node = self.node;
        let op = match node.op.as_str() {
            "Clip" => {
                let [min, max] = self.clip()?;
                clip(min, max)
            }
            "HardSigmoid" => {
                let (alpha, beta) = (node.float("alpha", 0.2), node.float("beta", 0.5));
                if (alpha - SIXTH).abs() > 1e-7 || beta != 0.5 {
                    let x = self.layer(0)?;
                    let (factor, offset) = (alpha, beta);
                    let line =
                        self.beside("line", Op::Scale { factor, offset }, &[x], self.stated)?;
                    let step = self.step(&[]);
                    return self.network.assembly.plain(
                        &step,
                        clip(0.0, 1.0),
                        &[line],
                        self.stated,
                    );
                }
                function(Function::HardSigmoid)
            }
            "Softmax" => self.softmax()?,
            "Dropout" => {
                let p = match (node.attribute("ratio"), node.input(1)) {
                    (Some(_), _) => node.float("ratio", 0.5),
                    (None, Some(_)) => self.known.constant(1)?.scalar()?,
                    (None, None) => 0.5,
                };
                Op::Dropout { p }
            }
            "GlobalAveragePool" => Op::AdaptiveAvgPool { output: [1, 1] },
            "GlobalMaxPool" => Op::Array(Array::Reduce {
                by: Reduction::Maximum,
                axes: [1, 2].into(),
                keep: true,
            }),
            "MaxPool" => {
                let window = self.window()?;
                Op::MaxPool { window }
            }
            "AveragePool" => {
                let window = self.window()?;
                if window.dilation != [1, 1] {
                    return None;
                }
                Op::AvgPool {
                    window,
                    count_include_pad: node.int("count_include_pad", 0) != 0,
                }
            }
            _ => self.simple()?,
        };
        self.unary(op)
    }

    /// A function that takes attributes alone.
    fn simple(&self) -> Option<Op> {
        let node = self.node;
        Some(function(match node.op.as_str() {
            "Relu" => return Some(Op::Activation(Activation::Relu)),
            "Sigmoid" => return Some(Op::Activation(Activation::Sigmoid)),
            "Tanh" => return Some(Op::Activation(Activation::Tanh)),
            "Neg" => {
                return Some(Op::Scale {
                    factor: -1.0,
                    offset: 0.0,
                });
            }
            "HardSwish" => Function::HardSwish,
            "Swish" if node.float("alpha", 1.0) == 1.0 => Function::Silu,
            "Gelu" => match node.text("approximate") {
                None | Some("none") => Function::Gelu,
                Some("tanh") => Function::GeluTanh,
                Some(_) => return None,
            },
            "LeakyRelu" => Function::LeakyRelu {
                slope: node.float("alpha", 0.01),
            },
            "Elu" => Function::Elu {
                alpha: node.float("alpha", 1.0),
                scale: 1.0,
            },
            // as single precision has the constants of Klambauer et al. 2017
            "Selu" => {
                let near = |name: &str, exact: f64| {
                    let given = node.float(name, exact);
                    if (given - exact).abs() < 1e-6 {
                        exact
                    } else {
                        given
                    }
                };
                Function::Elu {
                    alpha: near("alpha", 1.673_263_242_354_377_2),
                    scale: near("gamma", 1.050_700_987_355_480_5),
                }
            }
            "Celu" if node.float("alpha", 1.0) == 1.0 => Function::Elu {
                alpha: 1.0,
                scale: 1.0,
            },
            "Softplus" => Function::Softplus { beta: 1.0 },
            "Mish" => Function::Mish,
            "Exp" => Function::Exp,
            "Abs" => Function::Abs,
            "Sqrt" => Function::Power { exponent: 0.5 },
            "Reciprocal" => Function::Power { exponent: -1.0 },
            _ => return None,
        }))
    }

    /// Least and largest value, of attributes or inputs.
    fn clip(&self) -> Option<[f64; 2]> {
        let of = |name: &str, input: usize, default: f64| match (
            self.known.opset < 11,
            self.node.input(input),
        ) {
            (true, _) => Some(self.node.float(name, default)),
            (false, None) => Some(default),
            (false, Some(_)) => self.known.constant(input)?.scalar(),
        };
        Some([
            of("min", 1, f64::NEG_INFINITY)?,
            of("max", 2, f64::INFINITY)?,
        ])
    }

    fn softmax(&self) -> Option<Op> {
        let dims = self.known.x()?;
        let old = self.known.opset < 13;
        let axis = super::fold::axis(self.node.int("axis", if old { 1 } else { -1 }), dims.len())?;
        // it used to go over all axes from one on
        if old && dims[axis + 1..].iter().any(|&size| size != 1) {
            return None;
        }
        match axis.checked_sub(1)? {
            0 => Some(Op::Activation(Activation::Softmax)),
            axis => Some(Op::Array(Array::Softmax { axis })),
        }
    }

    fn window(&self) -> Option<Window> {
        let kernel: [usize; 2] = self.node.sizes("kernel_shape")?.try_into().ok()?;
        let (stride, dilation) = (self.pair("strides", 1)?, self.pair("dilations", 1)?);
        let window = pool(kernel).stride(stride).dilation(dilation);
        let window = match self.pads(kernel, stride, dilation)? {
            Around::Same => window.same(),
            Around::Sides(before, after) => window.pad_around(before, after),
        };
        Some(match self.node.int("ceil_mode", 0) != 0 {
            true => window.ceil(),
            false => window,
        })
    }
}

fn function(function: Function) -> Op {
    Op::Array(Array::Function(function))
}

fn clip(min: f64, max: f64) -> Op {
    function(Function::Clip { min, max })
}

//! The same networks on stock candle layers, where candle can do the work: plain stacks of square
//! convolutions, batch normalisation, ReLU, whole windows, global pooling and linear layers.

use candle_core::{Result, Tensor, Var};
use convcheck::graph::{Activation, Graph, Op, Pad};
use std::collections::BTreeMap;

/// A network whose weights candle differentiates by.
pub struct Stock {
    graph: Graph,
    weights: BTreeMap<String, Var>,
}

impl Stock {
    /// With those weights.
    pub fn new(graph: &Graph, weights: &BTreeMap<String, Tensor>) -> Result<Stock> {
        let weights = weights
            .iter()
            .map(|(name, weight)| Ok((name.clone(), Var::from_tensor(weight)?)));
        Ok(Stock {
            graph: graph.clone(),
            weights: weights.collect::<Result<_>>()?,
        })
    }

    /// The trainable weights.
    pub fn variables(&self) -> Vec<Var> {
        let trained = |name: &str| !name.contains("running_");
        let weights = self.weights.iter().filter(|(name, _)| trained(name));
        weights.map(|(_, weight)| weight.clone()).collect()
    }

    /// The prediction; in training by the batch's statistics.
    pub fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut values: Vec<Tensor> = vec![x.clone()];
        for node in &self.graph.nodes()[1..] {
            let x = &values[node.inputs[0]];
            let weight = |name: &str| self.weights[&format!("{}.{name}", node.path)].as_tensor();
            let y = match &node.op {
                Op::Conv(conv) => {
                    let window = conv.window;
                    let Pad::Even([pad, _]) = window.pad else {
                        candle_core::bail!("candle pads evenly")
                    };
                    let y = x.conv2d(
                        weight("weight"),
                        pad,
                        window.stride[0],
                        window.dilation[0],
                        conv.groups,
                    )?;
                    match conv.bias {
                        true => y.broadcast_add(&weight("bias").reshape((1, (), 1, 1))?)?,
                        false => y,
                    }
                }
                Op::BatchNorm { eps, .. } => {
                    let column = |tensor: &Tensor| tensor.reshape((1, (), 1, 1));
                    let (mean, variance) = match train {
                        true => {
                            let mean = x.mean_keepdim((0, 2, 3))?;
                            let centred = x.broadcast_sub(&mean)?;
                            (mean, centred.sqr()?.mean_keepdim((0, 2, 3))?)
                        }
                        false => (
                            column(weight("running_mean"))?,
                            column(weight("running_var"))?,
                        ),
                    };
                    x.broadcast_sub(&mean)?
                        .broadcast_div(&(variance + *eps)?.sqrt()?)?
                        .broadcast_mul(&column(weight("weight"))?)?
                        .broadcast_add(&column(weight("bias"))?)?
                }
                Op::Activation(Activation::Relu) => x.relu()?,
                Op::MaxPool { window } => {
                    x.max_pool2d_with_stride(window.kernel[0], window.stride[0])?
                }
                Op::AdaptiveAvgPool { output: [1, 1] } => x.mean_keepdim((2, 3))?,
                Op::Flatten => x.flatten_from(1)?,
                Op::Linear { .. } => x
                    .matmul(&weight("weight").t()?)?
                    .broadcast_add(weight("bias"))?,
                other => candle_core::bail!("no stock layer for {}", other.name()),
            };
            values.push(y);
        }
        Ok(values.pop().expect("a graph has layers"))
    }
}

//! The same networks on stock candle layers, where candle can do the work.

use candle_core::{Result, Tensor, Var, bail};
use candle_nn::{
    BatchNorm, Conv2d, Conv2dConfig, Dropout, Linear, Module, ModuleT, Optimizer, SGD, ops,
};
use convcheck::bench::{BenchError, StepKind, Workload};
use convcheck::graph::{Activation, Graph, Node, NodeId, Op, Window};
use std::collections::BTreeMap;

/// A network whose weights candle differentiates by, and the batch and labels of a workload.
pub struct Stock {
    layers: Vec<(Vec<NodeId>, Layer)>,
    /// For each value the last layer that reads it.
    last: Vec<NodeId>,
    step: StepKind,
    optimizer: SGD,
    x: Tensor,
    labels: Tensor,
}

/// What a layer makes of its inputs; the flag says whether it trains.
type Layer = Box<dyn Fn(&[&Tensor], bool) -> Result<Tensor>>;

impl Stock {
    /// The same weights, images and labels as a workload's.
    ///
    /// # Errors
    /// What candle cannot do, and predictions that are not the workload's.
    pub fn new(workload: &Workload, step: StepKind) -> std::result::Result<Stock, BenchError> {
        let net = workload.net();
        let graph = net.graph();
        let weights: BTreeMap<String, Var> = (net.weights())
            .map(|(name, _, weight)| Ok((name, Var::from_tensor(weight)?)))
            .collect::<Result<_>>()?;
        let layers = (graph.nodes().iter().skip(1))
            .map(|node| Ok((node.inputs.clone(), layer(graph, node, &weights, step)?)))
            .collect::<Result<Vec<_>>>()?;
        let mut last = vec![0; graph.nodes().len()];
        for (i, (inputs, _)) in layers.iter().enumerate() {
            inputs.iter().for_each(|&input| last[input] = i + 1);
        }
        let trained = weights
            .iter()
            .filter(|(name, _)| !name.contains("running_"));
        let labels: Vec<u32> = workload
            .labels()
            .iter()
            .map(|&label| label as u32)
            .collect();
        let stock = Stock {
            layers,
            last,
            step,
            // candle's has no momentum, which is less work
            optimizer: SGD::new(trained.map(|(_, weight)| weight.clone()).collect(), 1e-4)?,
            x: workload.x().clone(),
            labels: Tensor::new(labels, workload.x().device())?,
        };
        let ours = net.forward(workload.x(), convcheck::net::Mode::Eval)?;
        let apart = (stock.forward(false)? - ours.output())?.abs()?.max_all()?;
        let largest = ours.output().abs()?.max_all()?;
        if apart.to_scalar::<f32>()? > 1e-3 * largest.to_scalar::<f32>()? {
            let what = format!("candle predicts otherwise, by {apart}");
            return Err(BenchError::Task(what));
        }
        Ok(stock)
    }

    /// The prediction, in training by the batch's statistics.
    fn forward(&self, train: bool) -> Result<Tensor> {
        let mut values = vec![Some(self.x.clone())];
        for (i, (inputs, layer)) in self.layers.iter().enumerate() {
            let read: Vec<&Tensor> = inputs.iter().flat_map(|&input| &values[input]).collect();
            let y = layer(&read, train)?;
            for &input in inputs {
                if self.last[input] == i + 1 {
                    values[input] = None;
                }
            }
            values.push(Some(y));
        }
        Ok(values.pop().flatten().expect("a graph has layers"))
    }

    /// Takes the step.
    pub fn run(&mut self) -> std::result::Result<(), BenchError> {
        let train = self.step == StepKind::Training;
        let y = self.forward(train)?;
        if train {
            let loss = candle_nn::loss::cross_entropy(&y, &self.labels)?;
            self.optimizer.backward_step(&loss)?;
        }
        Ok(())
    }
}

fn layer(
    graph: &Graph,
    node: &Node,
    weights: &BTreeMap<String, Var>,
    step: StepKind,
) -> Result<Layer> {
    let owner = node.weights_of.map_or(node, |id| &graph.nodes()[id]);
    let weight = |name: &str| match weights.get(&format!("{}.{name}", owner.path)) {
        Some(weight) => Ok(weight.as_tensor().clone()),
        None => bail!("{} has no {name}", owner.path),
    };
    let from = graph.input_of(node);
    Ok(match &node.op {
        Op::Conv(conv) => {
            let (pad, padding) = padding(graph, node, &conv.window)?;
            let config = Conv2dConfig {
                padding,
                stride: conv.window.stride[0],
                dilation: conv.window.dilation[0],
                groups: conv.groups,
                ..Conv2dConfig::default()
            };
            let bias = conv.bias.then(|| weight("bias")).transpose()?;
            let conv = Conv2d::new(weight("weight")?, bias, config);
            Box::new(move |x, _| conv.forward(&pad(x[0])?))
        }
        Op::BatchNorm { eps, .. } => {
            let [mean, variance] = [weight("running_mean")?, weight("running_var")?];
            let [scale, shift] = [weight("weight")?, weight("bias")?];
            let norm = BatchNorm::new(from.channels(), mean, variance, scale, shift, *eps)?;
            Box::new(move |x, train| norm.forward_t(x[0], train))
        }
        Op::MaxPool { .. } if step == StepKind::Training => {
            bail!("candle's gradient of max pooling is wrong")
        }
        Op::MaxPool { window } => {
            let (pad, even) = padding(graph, node, window)?;
            // zeros are less than nothing only where nothing is
            if even > 0 && !is_positive(graph, node.inputs[0]) {
                bail!("candle does not pad max pooling")
            }
            let [kernel, stride] = [window.kernel, window.stride].map(|[h, w]| (h, w));
            Box::new(move |x, _| {
                let x = pad(x[0])?;
                let x = x
                    .pad_with_zeros(2, even, even)?
                    .pad_with_zeros(3, even, even)?;
                x.max_pool2d_with_stride(kernel, stride)
            })
        }
        Op::AvgPool { window, .. } if window.pad == convcheck::graph::Pad::Even([0, 0]) => {
            let [kernel, stride] = [window.kernel, window.stride].map(|[h, w]| (h, w));
            Box::new(move |x, _| x[0].avg_pool2d_with_stride(kernel, stride))
        }
        Op::AdaptiveAvgPool { output } if from.extent() == *output => {
            Box::new(|x, _| Ok(x[0].clone()))
        }
        Op::AdaptiveAvgPool { output: [1, 1] } => Box::new(|x, _| x[0].mean_keepdim((2, 3))),
        Op::Linear { bias, .. } => {
            let bias = bias.then(|| weight("bias")).transpose()?;
            let linear = Linear::new(weight("weight")?, bias);
            Box::new(move |x, _| linear.forward(x[0]))
        }
        Op::Activation(Activation::Relu) => Box::new(|x, _| x[0].relu()),
        Op::Activation(Activation::Sigmoid) => Box::new(|x, _| ops::sigmoid(x[0])),
        Op::Dropout { p } => {
            let dropout = Dropout::new(*p as f32);
            Box::new(move |x, train| dropout.forward_t(x[0], train))
        }
        Op::Flatten => Box::new(|x, _| x[0].flatten_from(1)),
        Op::Concat => Box::new(|x, _| Tensor::cat(x, 1)),
        Op::Add => Box::new(|x, _| x[0] + x[1]),
        Op::BroadcastAdd => Box::new(|x, _| x[0].broadcast_add(x[1])),
        Op::Gate => Box::new(|x, _| x[0].broadcast_mul(x[1])),
        &Op::PadShortcut { channels, stride } => {
            let more = channels - from.channels();
            let device = weights
                .values()
                .next()
                .map(|weight| weight.device().clone());
            let device = device.unwrap_or(candle_core::Device::Cpu);
            let [rows, columns] = from.extent().map(|side| {
                let kept: Vec<u32> = (0..side as u32).step_by(stride).collect();
                Tensor::new(kept, &device)
            });
            let (rows, columns) = (rows?, columns?);
            Box::new(move |x, _| {
                let x = x[0].index_select(&rows, 2)?.index_select(&columns, 3)?;
                x.pad_with_zeros(1, more / 2, more - more / 2)
            })
        }
        other => bail!("no stock layer for {}", other.name()),
    })
}

/// Puts zeros around where candle's one number for all sides does not do; else that number.
fn padding(
    graph: &Graph,
    node: &Node,
    window: &Window,
) -> Result<(impl Fn(&Tensor) -> Result<Tensor> + use<>, usize)> {
    let from = graph.input_of(node).extent();
    let mut sides = Vec::new();
    for (axis, side) in from.into_iter().enumerate() {
        let place = window.axis(axis, side).map_err(candle_core::Error::Msg)?;
        let span = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
        // a window may hang over the edge
        let reach = (place.output - 1) * window.stride[axis] + span;
        let after = reach.saturating_sub(side + place.before);
        sides.push((place.before, after.max(place.after)));
    }
    let even = sides[0].0;
    let is_even = sides.iter().all(|&side| side == (even, even));
    let pad = move |x: &Tensor| match is_even {
        true => Ok(x.clone()),
        false => x
            .pad_with_zeros(2, sides[0].0, sides[0].1)?
            .pad_with_zeros(3, sides[1].0, sides[1].1),
    };
    Ok((pad, if is_even { even } else { 0 }))
}

/// Whether no value of a layer is below zero.
fn is_positive(graph: &Graph, id: NodeId) -> bool {
    let node = &graph.nodes()[id];
    match node.op {
        Op::Activation(Activation::Relu) => true,
        Op::MaxPool { .. } | Op::Concat => {
            (node.inputs.iter()).all(|&input| is_positive(graph, input))
        }
        _ => false,
    }
}

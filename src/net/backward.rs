//! The backward pass: the layers in reverse, each handing on the gradient of its output.

use super::accumulate::Accumulator;
use super::forward::mean_of;
use super::{ForwardPass, Gradients, Net, NetError, failed};
use crate::graph::{FusedGroup, Graph, Node, NodeId, Op, fuse};
use crate::ops::batch_norm::UpstreamGradient;
use crate::ops::lrn::Lrn;
use crate::ops::{activation, conv, dropout, join, linear, lrn, max_pool, pool, rbf};
use candle_core::{Result as CandleResult, Tensor};
use std::collections::BTreeMap;

/// The gradients of a layer's inputs (none where they are not needed) and of its trainable tensors.
type Parts = (Vec<Option<Tensor>>, Vec<Tensor>);

impl Net {
    /// The gradients of `sum of value * seed` over the layers named, each seed of its layer's shape in
    /// the batch; with `input` also with respect to the network's input. (The layers of the outputs
    /// stand in [`Graph::outputs`].)
    ///
    /// # Errors
    /// [`NetError::Layer`] for a seed of another shape and for a layer that fails, as each does after a
    /// pass that kept nothing.
    pub fn backward(
        &self,
        pass: ForwardPass,
        seeds: &[(NodeId, &Tensor)],
        input: bool,
    ) -> Result<Gradients, NetError> {
        self.walk_back(pass, seeds, input, true, |_, _| {})
    }

    /// As [`Net::backward`], layer by layer, and shows each with the gradient of its output as it is computed.
    ///
    /// # Errors
    /// As [`Net::backward`].
    pub fn backward_with(
        &self,
        pass: ForwardPass,
        seeds: &[(NodeId, &Tensor)],
        input: bool,
        seen: impl FnMut(&Node, &Tensor),
    ) -> Result<Gradients, NetError> {
        self.walk_back(pass, seeds, input, false, seen)
    }

    /// Goes through the layers in reverse; where `fused`, ReLU runs within the normalisation before it.
    fn walk_back(
        &self,
        mut pass: ForwardPass,
        seeds: &[(NodeId, &Tensor)],
        input: bool,
        fused: bool,
        mut seen: impl FnMut(&Node, &Tensor),
    ) -> Result<Gradients, NetError> {
        let nodes = self.graph.nodes();
        let mut gradients = Accumulator::new(self.graph.requires_grad(input));
        for &(id, seed) in seeds {
            let dims = self.dims(id, pass.samples);
            if seed.dims() != dims {
                let what = format!("a seed of {:?} for a value of {dims:?}", seed.dims());
                return Err(NetError::Layer {
                    path: nodes[id].path.clone(),
                    what,
                });
            }
            let added = gradients.accumulate(id, seed.clone(), add);
            added.map_err(|error| failed(&nodes[id], &error))?;
        }
        let fused_relus = match fused {
            true => fused_relus(&self.graph),
            false => BTreeMap::new(),
        };
        // of normalisations whose gradient is that of the ReLU behind them, the value there
        let mut relu_outputs: Vec<Option<Tensor>> = vec![None; nodes.len()];
        let mut layers = Accumulator::new(vec![true; nodes.len()]);
        for (id, node) in nodes.iter().enumerate().skip(1).rev() {
            let gradient = gradients.take(id);
            if let Some(&norm) = fused_relus.get(&id)
                && gradients.is_empty(norm)
            {
                relu_outputs[norm] = pass.values[id].take();
                if let Some(gradient) = gradient {
                    let moved = gradients.accumulate(norm, gradient, add);
                    moved.map_err(|error| failed(node, &error))?;
                }
                continue;
            }
            if let Some(dy) = gradient {
                seen(node, &dy);
                let upstream = UpstreamGradient {
                    dy: &dy,
                    relu_output: relu_outputs[id].as_ref(),
                };
                let parts = self.layer_backward(id, &pass, upstream, &gradients);
                let summed = parts.and_then(|(inputs, weights)| {
                    for (&input, gradient) in node.inputs.iter().zip(inputs) {
                        if let Some(gradient) = gradient {
                            gradients.accumulate(input, gradient, add)?;
                        }
                    }
                    layers.accumulate(self.graph.owner(id), weights, add_all)
                });
                summed.map_err(|error| failed(node, &error))?;
                relu_outputs[id] = None;
            }
            pass.values[id] = None;
        }
        let layers = layers.into_sums().into_iter();
        Ok(Gradients {
            input: gradients.take(0),
            layers: layers.map(Option::unwrap_or_default).collect(),
        })
    }

    fn layer_backward(
        &self,
        id: NodeId,
        pass: &ForwardPass,
        upstream: UpstreamGradient,
        gradients: &Accumulator<Tensor>,
    ) -> CandleResult<Parts> {
        let dy = upstream.dy;
        let node = &self.graph.nodes()[id];
        let weights = self.weights_of(id);
        let wanted = |i: usize| gradients.requires(node.inputs[i]);
        let x = |i: usize| kept(pass, node.inputs[i], "input");
        let dims = |i: usize| self.dims(node.inputs[i], pass.samples);
        let only = |dx: CandleResult<Tensor>| Ok((vec![Some(dx?)], Vec::new()));
        match &node.op {
            Op::Input => Ok((Vec::new(), Vec::new())),
            Op::Conv(conv) => {
                let dx = wanted(0).then(|| conv::input_gradient(conv, x(0)?, &weights[0], dy));
                Ok((
                    vec![dx.transpose()?],
                    conv::weight_gradient(conv, x(0)?, dy)?,
                ))
            }
            Op::Linear { bias, .. } => {
                let dx = wanted(0).then(|| linear::input_gradient(&weights[0], dy));
                Ok((
                    vec![dx.transpose()?],
                    linear::weight_gradient(x(0)?, dy, *bias)?,
                ))
            }
            Op::BatchNorm { .. } => {
                let gradients = self.normalised_backward(id, pass, x(0)?, upstream)?;
                Ok((
                    vec![Some(gradients.input)],
                    vec![gradients.weight, gradients.bias],
                ))
            }
            &Op::Lrn {
                size,
                alpha,
                beta,
                k,
            } => only(lrn::backward(
                &Lrn {
                    size,
                    alpha,
                    beta,
                    k,
                },
                x(0)?,
                dy,
            )),
            Op::Activation(activation) => only(activation::backward(
                *activation,
                kept(pass, id, "output")?,
                dy,
            )),
            Op::MaxPool { window } => only(max_pool::backward(window, x(0)?, dy)),
            Op::AvgPool { .. } | Op::AdaptiveAvgPool { .. } => {
                only(pool::mean_backward(mean_of(&node.op), &dims(0), dy))
            }
            Op::Subsample { window } => Ok((
                vec![Some(pool::subsample_backward(
                    window,
                    &dims(0),
                    &weights[0],
                    dy,
                )?)],
                pool::subsample_weights(window, x(0)?, dy)?,
            )),
            Op::Rbf { .. } => only(rbf::backward(x(0)?, &weights[0], dy)),
            Op::Dropout { p } => match pass.mode.key(id) {
                Some(key) => only(dropout::dropout(dy, *p, key)),
                None => only(Ok(dy.clone())),
            },
            Op::Flatten => only(dy.reshape(dims(0))),
            Op::Concat => {
                let mut from = 0;
                let mut part = |&input: &NodeId| {
                    let to = from + self.graph.nodes()[input].shape.channels();
                    let gradient = join::slice(dy, from, to);
                    from = to;
                    gradient.map(Some)
                };
                let parts = node
                    .inputs
                    .iter()
                    .map(&mut part)
                    .collect::<CandleResult<_>>()?;
                Ok((parts, Vec::new()))
            }
            Op::Add => Ok((vec![Some(dy.clone()), Some(dy.clone())], Vec::new())),
            Op::BroadcastAdd => {
                let gradient = |i| join::broadcast_add_backward(&dims(i), dy).map(Some);
                Ok((vec![gradient(0)?, gradient(1)?], Vec::new()))
            }
            Op::Gate => {
                let [dx, dgate] = join::gate_backward(x(0)?, x(1)?, dy)?;
                Ok((vec![Some(dx), Some(dgate)], Vec::new()))
            }
            Op::Mean { drop_path } => {
                let inputs = node.inputs.len();
                let gradients = match pass.mode.key(id) {
                    Some(key) => dropout::drop_path_backward(inputs, *drop_path, key, dy)?,
                    None => vec![join::scale(dy, 1.0 / inputs as f64, 0.0)?; inputs],
                };
                Ok((gradients.into_iter().map(Some).collect(), Vec::new()))
            }
            Op::Slice { from, .. } => only(join::slice_backward(&dims(0), *from, dy)),
            Op::Scale { factor, .. } => only(join::scale(dy, *factor, 0.0)),
            Op::PadShortcut { channels, stride } => {
                let dims = dims(0).try_into().expect("a shortcut reads maps");
                only(join::pad_shortcut_backward(dims, *channels, *stride, dy))
            }
        }
    }

    /// Dimensions of a layer's value in a batch.
    fn dims(&self, id: NodeId, samples: usize) -> Vec<usize> {
        let mut dims = vec![samples];
        dims.extend_from_slice(&self.graph.nodes()[id].shape.dims());
        dims
    }
}

/// Each ReLU that is the only consumer of a normalisation, with that normalisation.
fn fused_relus(graph: &Graph) -> BTreeMap<NodeId, NodeId> {
    let all = vec![true; graph.nodes().len()];
    let groups = fuse(graph, &all, |op| matches!(op, Op::BatchNorm { .. }));
    let alone = |group: &&FusedGroup| group.relu && group.residual.is_none();
    let alone = groups.iter().filter(alone);
    alone.map(|group| (group.last, group.first)).collect()
}

fn kept<'a>(pass: &'a ForwardPass, id: NodeId, what: &str) -> CandleResult<&'a Tensor> {
    pass.values[id].as_ref().ok_or_else(|| {
        candle_core::Error::Msg(format!(
            "its {what} was not kept: a pass in evaluation mode has no gradients"
        ))
    })
}

fn add(sum: Tensor, gradient: Tensor) -> CandleResult<Tensor> {
    join::add(&sum, &gradient)
}

fn add_all(sums: Vec<Tensor>, weights: Vec<Tensor>) -> CandleResult<Vec<Tensor>> {
    let pairs = sums.into_iter().zip(weights);
    pairs.map(|(sum, weight)| add(sum, weight)).collect()
}

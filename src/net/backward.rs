//! The backward pass: the layers in reverse, each handing on the gradient of its output.

use super::forward::mean_of;
use super::{ForwardPass, Gradients, Net, NetError, failed};
use crate::graph::{Graph, Group, Node, NodeId, Op, groups};
use crate::ops::batch_norm::Slope;
use crate::ops::lrn::Lrn;
use crate::ops::{activation, conv, dropout, join, linear, lrn, max_pool, pool, rbf};
use candle_core::{Result as CandleResult, Tensor};
use std::collections::BTreeMap;

/// The gradients of a layer's inputs (none where nobody needs them) and of its trainable tensors.
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

    /// Goes through the layers in reverse; where `fused`, a normalisation takes along the rectifier behind it.
    fn walk_back(
        &self,
        mut pass: ForwardPass,
        seeds: &[(NodeId, &Tensor)],
        input: bool,
        fused: bool,
        mut seen: impl FnMut(&Node, &Tensor),
    ) -> Result<Gradients, NetError> {
        let nodes = self.graph.nodes();
        let needed = needed(&self.graph, input);
        let mut slopes: Vec<Option<Tensor>> = vec![None; nodes.len()];
        for &(id, seed) in seeds {
            let dims = self.dims(id, pass.samples);
            if seed.dims() != dims {
                let what = format!("a seed of {:?} for a value of {dims:?}", seed.dims());
                return Err(NetError::Layer {
                    path: nodes[id].path.clone(),
                    what,
                });
            }
            collect(&mut slopes[id], seed.clone()).map_err(|error| failed(&nodes[id], &error))?;
        }
        let rectifiers = match fused {
            true => rectifiers(&self.graph),
            false => BTreeMap::new(),
        };
        // of normalisations whose slope is that behind the rectifier, the value there
        let mut rectified: Vec<Option<Tensor>> = vec![None; nodes.len()];
        let mut layers: Vec<Vec<Tensor>> = vec![Vec::new(); nodes.len()];
        for (id, node) in nodes.iter().enumerate().skip(1).rev() {
            let slope = slopes[id].take().filter(|_| needed[id]);
            if let Some(&norm) = rectifiers.get(&id)
                && slopes[norm].is_none()
            {
                rectified[norm] = pass.values[id].take();
                slopes[norm] = slope;
                continue;
            }
            if let Some(dy) = slope {
                seen(node, &dy);
                let slope = Slope {
                    dy: &dy,
                    rectified: rectified[id].as_ref(),
                };
                let (inputs, weights) = (self.layer_backward(id, &pass, slope, &needed))
                    .map_err(|error| failed(node, &error))?;
                rectified[id] = None;
                for (&input, slope) in node.inputs.iter().zip(inputs) {
                    if let Some(slope) = slope {
                        collect(&mut slopes[input], slope).map_err(|error| failed(node, &error))?;
                    }
                }
                let sums = &mut layers[self.graph.owner(id)];
                add_all(sums, weights).map_err(|error| failed(node, &error))?;
            }
            pass.values[id] = None;
        }
        Ok(Gradients {
            input: slopes[0].take().filter(|_| input),
            layers,
        })
    }

    fn layer_backward(
        &self,
        id: NodeId,
        pass: &ForwardPass,
        slope: Slope,
        needed: &[bool],
    ) -> CandleResult<Parts> {
        let dy = slope.dy;
        let node = &self.graph.nodes()[id];
        let weights = self.weights_of(id);
        let wanted = |i: usize| needed[node.inputs[i]];
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
                let slopes = self.normalised_backward(id, pass, x(0)?, slope)?;
                Ok((vec![Some(slopes.input)], vec![slopes.weight, slopes.bias]))
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
                    let slope = join::slice(dy, from, to);
                    from = to;
                    slope.map(Some)
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
                let slope = |i| join::broadcast_add_backward(&dims(i), dy).map(Some);
                Ok((vec![slope(0)?, slope(1)?], Vec::new()))
            }
            Op::Gate => {
                let [dx, dgate] = join::gate_backward(x(0)?, x(1)?, dy)?;
                Ok((vec![Some(dx), Some(dgate)], Vec::new()))
            }
            Op::Mean { drop_path } => {
                let inputs = node.inputs.len();
                let slopes = match pass.mode.key(id) {
                    Some(key) => dropout::drop_path_backward(inputs, *drop_path, key, dy)?,
                    None => vec![join::scale(dy, 1.0 / inputs as f64, 0.0)?; inputs],
                };
                Ok((slopes.into_iter().map(Some).collect(), Vec::new()))
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

/// The rectifiers that alone read a normalisation, with it.
fn rectifiers(graph: &Graph) -> BTreeMap<NodeId, NodeId> {
    let all = vec![true; graph.nodes().len()];
    let groups = groups(graph, &all, |op| matches!(op, Op::BatchNorm { .. }));
    let alone = |group: &&Group| group.relu && group.beside.is_none();
    let alone = groups.iter().filter(alone);
    alone.map(|group| (group.last, group.first)).collect()
}

/// For each layer, whether a trainable tensor, or the input if it is asked for, lies at or before it.
pub(crate) fn needed(graph: &Graph, input: bool) -> Vec<bool> {
    let mut needed = vec![input; graph.nodes().len()];
    for (id, node) in graph.nodes().iter().enumerate().skip(1) {
        needed[id] = is_trained(node) || node.inputs.iter().any(|&input| needed[input]);
    }
    needed
}

fn is_trained(node: &Node) -> bool {
    matches!(
        node.op,
        Op::Conv(_) | Op::Linear { .. } | Op::BatchNorm { .. } | Op::Subsample { .. }
    )
}

fn kept<'a>(pass: &'a ForwardPass, id: NodeId, what: &str) -> CandleResult<&'a Tensor> {
    pass.values[id].as_ref().ok_or_else(|| {
        candle_core::Error::Msg(format!(
            "its {what} was not kept: a pass in evaluation mode has no gradients"
        ))
    })
}

fn collect(sum: &mut Option<Tensor>, slope: Tensor) -> CandleResult<()> {
    *sum = Some(match sum.take() {
        Some(sum) => join::add(&sum, &slope)?,
        None => slope,
    });
    Ok(())
}

fn add_all(sums: &mut Vec<Tensor>, weights: Vec<Tensor>) -> CandleResult<()> {
    if sums.is_empty() {
        *sums = weights;
        return Ok(());
    }
    for (sum, weight) in sums.iter_mut().zip(weights) {
        *sum = join::add(sum, &weight)?;
    }
    Ok(())
}

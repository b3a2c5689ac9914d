//! The backward pass: the layers in reverse, each handing on the gradient of its output.

use super::accumulate::Accumulator;
use super::{ForwardPass, Gradients, Net, NetError, failed};
use crate::graph::{FusedGroup, Graph, Node, NodeId, Op, fuse};
use crate::ops::batch_norm::UpstreamGradient;
use crate::ops::{self, LayerGradients, Saved, join};
use candle_core::{Result as CandleResult, Tensor};
use std::collections::BTreeMap;

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
        self.pass(|| self.walk_back(pass, seeds, input, true, |_, _| {}))
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
            let dims = nodes[id].shape.of_batch(pass.samples);
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
            self.go_on()?;
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
                let summed = parts.and_then(|parts| {
                    for (&input, gradient) in node.inputs.iter().zip(parts.inputs) {
                        if let Some(gradient) = gradient {
                            gradients.accumulate(input, gradient, add)?;
                        }
                    }
                    layers.accumulate(self.graph.owner(id), parts.weights, add_all)
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
    ) -> CandleResult<LayerGradients> {
        let node = &self.graph.nodes()[id];
        let inputs = node.inputs.iter();
        let saved = Saved {
            weights: self.weights_of(id),
            key: pass.mode.key(id),
            inputs: (inputs.clone().map(|&input| pass.values[input].as_ref())).collect(),
            dims: inputs
                .map(|&input| self.graph.nodes()[input].shape.of_batch(pass.samples))
                .collect(),
            output: pass.values[id].as_ref(),
            input_required: node
                .inputs
                .first()
                .is_some_and(|&input| gradients.requires(input)),
        };
        match node.op {
            Op::BatchNorm { .. } => {
                let parts = self.normalised_backward(id, pass, saved.input(0)?, upstream)?;
                Ok(LayerGradients {
                    inputs: vec![Some(parts.input)],
                    weights: vec![parts.weight, parts.bias],
                })
            }
            _ => ops::backward(&node.op, &saved, upstream.dy),
        }
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

fn add(sum: Tensor, gradient: Tensor) -> CandleResult<Tensor> {
    join::add(&sum, &gradient)
}

fn add_all(sums: Vec<Tensor>, weights: Vec<Tensor>) -> CandleResult<Vec<Tensor>> {
    let pairs = sums.into_iter().zip(weights);
    pairs.map(|(sum, weight)| add(sum, weight)).collect()
}

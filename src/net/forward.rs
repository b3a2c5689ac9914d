//! The forward pass.

use super::keep::freed;
use super::norm::leads;
use super::{Mode, Net, NetError, failed};
use crate::graph::{Graph, Node, NodeId, Op, fuse};
use crate::ops::{self, batch_norm::Statistics};
use candle_core::{Result as CandleResult, Tensor};

/// What a forward pass leaves.
pub struct ForwardPass {
    pub(super) mode: Mode,
    /// The outputs of the layers, as far as they are kept.
    pub(super) values: Vec<Option<Tensor>>,
    pub(super) statistics: Vec<Option<Statistics>>,
    pub(super) samples: usize,
    outputs: Vec<(String, Option<Tensor>)>,
    peak: usize,
}

impl ForwardPass {
    /// The prediction, `[n, classes]` or maps.
    ///
    /// # Panics
    /// Never: every pass computes it.
    pub fn output(&self) -> &Tensor {
        let prediction = self.outputs[0].1.as_ref();
        prediction.expect("every pass computes the prediction")
    }

    /// The outputs that this pass computed, by name, the prediction first.
    pub fn outputs(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        let outputs = self.outputs.iter();
        outputs.filter_map(|(name, value)| Some((name.as_str(), value.as_ref()?)))
    }

    /// The most activations alive at once, counted as they were computed and freed.
    pub fn peak_activations(&self) -> usize {
        self.peak
    }

    /// The value of a layer, if the pass has kept it.
    pub fn value(&self, id: NodeId) -> Option<&Tensor> {
        self.values[id].as_ref()
    }

    /// The mode of the pass.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The statistics of the batch at a batch normalisation that ran by them.
    pub(super) fn statistics(&self, id: NodeId) -> Option<&Statistics> {
        self.statistics[id].as_ref()
    }

    /// Units that a channel of a layer has in the batch.
    pub(super) fn units(&self, node: &Node) -> usize {
        self.samples * node.shape.extent().iter().product::<usize>()
    }
}

impl Net {
    /// Runs the network on `[n, c, h, w]`. In training some layers are fused, to the same numbers as in
    /// [`Net::forward_with`].
    ///
    /// # Errors
    /// [`NetError::Input`] for another shape or type, [`NetError::Layer`] for a layer that fails.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<ForwardPass, NetError> {
        self.pass(|| self.walk(x, mode, true, |_, _| {}))
    }

    /// As [`Net::forward`], layer by layer, and shows each with its value as it is computed.
    ///
    /// # Errors
    /// As [`Net::forward`].
    pub fn forward_with(
        &self,
        x: &Tensor,
        mode: Mode,
        seen: impl FnMut(&Node, &Tensor),
    ) -> Result<ForwardPass, NetError> {
        self.walk(x, mode, false, seen)
    }

    /// For each layer whether a pass runs it.
    fn runs(&self, mode: Mode) -> Vec<bool> {
        match mode {
            Mode::Eval => self.graph.live(),
            Mode::Probe | Mode::Train { .. } => vec![true; self.graph.nodes().len()],
        }
    }

    /// Runs the network; where `fused`, some layers run as one with those behind them.
    fn walk(
        &self,
        x: &Tensor,
        mode: Mode,
        fused: bool,
        mut seen: impl FnMut(&Node, &Tensor),
    ) -> Result<ForwardPass, NetError> {
        let samples = self.accept(x)?;
        let nodes = self.graph.nodes();
        let leads = |op: &Op| fused && leads(mode, op);
        let groups = fuse(&self.graph, &self.runs(mode), leads);
        let freed = freed(&self.graph, &groups, mode);
        let mut pass = ForwardPass {
            mode,
            values: vec![None; nodes.len()],
            statistics: vec![None; nodes.len()],
            samples,
            outputs: Vec::new(),
            peak: 0,
        };
        let mut alive = 0;
        for (group, freed) in groups.iter().zip(&freed) {
            self.go_on()?;
            let (id, node) = (group.last, &nodes[group.last]);
            let value = match &nodes[group.first].op {
                Op::Input => x.contiguous(),
                Op::BatchNorm { .. } => self.normalised(group, &mut pass),
                _ => self.layer(id, &pass),
            }
            .map_err(|error| failed(node, &error))?;
            seen(node, &value);
            alive += value.elem_count();
            pass.peak = pass.peak.max(alive);
            pass.values[id] = Some(value);
            for &done in freed {
                if let Some(value) = pass.values[done].take() {
                    alive -= value.elem_count();
                }
            }
        }
        pass.outputs = named_outputs(&self.graph, &pass.values);
        Ok(pass)
    }

    /// The number of samples, if the input is the network's.
    pub(crate) fn accept(&self, x: &Tensor) -> Result<usize, NetError> {
        let dims = self.graph.input().dims();
        match x.dims() {
            [n, rest @ ..] if x.elem_count() > 0 && *rest == *dims && x.dtype() == self.dtype => {
                Ok(*n)
            }
            found => Err(NetError::Input {
                expected: format!("[n, {}] of {:?}", list(&dims), self.dtype),
                found: format!("[{}] of {:?}", list(found), x.dtype()),
            }),
        }
    }

    /// The output of one layer.
    fn layer(&self, id: NodeId, pass: &ForwardPass) -> CandleResult<Tensor> {
        let node = &self.graph.nodes()[id];
        let value = |&input: &NodeId| {
            let value = pass.values[input].as_ref();
            value.expect("freed after its last reader")
        };
        let inputs: Vec<&Tensor> = node.inputs.iter().map(value).collect();
        ops::forward(&node.op, &inputs, self.weights_of(id), pass.mode.key(id))
    }
}

fn named_outputs(graph: &Graph, values: &[Option<Tensor>]) -> Vec<(String, Option<Tensor>)> {
    let outputs = graph.outputs().iter();
    outputs
        .map(|output| (output.name.clone(), values[output.node].clone()))
        .collect()
}

fn list(dims: &[usize]) -> String {
    let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
    dims.join(", ")
}

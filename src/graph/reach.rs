//! Which layers does a value depend on, and which gradients does training require?

use super::{Graph, NodeId, TensorKind};

impl Graph {
    /// For each layer whether one of those depends on it, or is it.
    pub fn reached(&self, from: impl IntoIterator<Item = NodeId>) -> Vec<bool> {
        let mut reached = vec![false; self.nodes().len()];
        for id in from {
            reached[id] = true;
        }
        for (id, node) in self.nodes().iter().enumerate().rev() {
            if reached[id] {
                node.inputs.iter().for_each(|&input| reached[input] = true);
            }
        }
        reached
    }

    /// For each layer, whether the prediction, or another output that is not for training only, depends on it. Auxiliary heads are not live: a forward
    /// pass in evaluation mode does not run them.
    pub fn live(&self) -> Vec<bool> {
        let outputs = self.outputs().iter().filter(|output| !output.auxiliary);
        self.reached(outputs.map(|output| output.node))
    }

    /// For each layer whether its weights are its own and one of those that use them is picked.
    pub fn by_owner(&self, picked: &[bool]) -> Vec<bool> {
        let mut owners = vec![false; picked.len()];
        for id in (0..picked.len()).filter(|&id| picked[id]) {
            owners[self.owner(id)] = true;
        }
        owners
    }

    /// For each layer, whether training requires the gradient of its output: a trainable tensor, or the input
    /// if it is asked for, lies at or before it.
    pub fn requires_grad(&self, input: bool) -> Vec<bool> {
        let mut required = vec![input; self.nodes().len()];
        for (id, node) in self.nodes().iter().enumerate().skip(1) {
            let owner = &self.nodes()[self.owner(id)];
            let learns =
                (self.tensors_of(owner).iter()).any(|one| one.kind == TensorKind::Trainable);
            required[id] = learns || node.inputs.iter().any(|&input| required[input]);
        }
        required
    }
}

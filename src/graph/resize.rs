//! What becomes of a network on an input of another size?
//!
//! What PyTorch's module does: its layers, their constants and weights stand, and only the shapes between
//! them are others. A description that asks for a shape while it runs is not asked again.

use super::{Graph, Shape, ShapeError};

impl Graph {
    /// The same layers with the same weights on an input of another size; of several inputs, the first.
    ///
    /// # Errors
    /// The first layer, by path, that cannot take what reaches it, or whose weights would have to have other
    /// dimensions.
    pub fn at(&self, input: Shape) -> Result<Graph, ShapeError> {
        let mut resized = self.clone();
        resized.nodes[0].shape = input;
        for id in 0..resized.nodes.len() {
            let node = &resized.nodes[id];
            if node.inputs.is_empty() {
                continue;
            }
            let fault = |what: String| ShapeError {
                path: node.path.clone(),
                what,
            };
            let shapes = resized.inputs_of(node);
            let shape = node.op.output(&shapes).map_err(fault)?;
            if node.op.facts(&shapes, shape).tensors != self.facts(&self.nodes[id]).tensors {
                let (takes, gets) = (self.input_of(&self.nodes[id]), shapes[0]);
                return Err(fault(format!(
                    "its weights take {} inputs (from {takes}), but {} come in (from {gets}); the network is made for {}",
                    takes.channels(),
                    gets.channels(),
                    self.input()
                )));
            }
            resized.nodes[id].shape = shape;
        }
        Ok(resized)
    }
}

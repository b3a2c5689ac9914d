//! What a backward pass finds.

use crate::graph::NodeId;
use candle_core::Tensor;

/// The gradients of a sum of outputs.
pub struct Gradients {
    /// With respect to the input, if it was asked for and the outputs depend on it.
    pub input: Option<Tensor>,
    /// For each layer those of its trainable tensors, in order; none where no output depends on them.
    pub(super) layers: Vec<Vec<Tensor>>,
}

impl Gradients {
    /// Of each layer's trainable tensors.
    pub(crate) fn of_layers(layers: Vec<Vec<Tensor>>) -> Gradients {
        Gradients {
            input: None,
            layers,
        }
    }

    /// Of a layer's trainable tensors, in order; empty where it has none, or uses another layer's, or
    /// no output depends on it.
    pub fn of(&self, id: NodeId) -> &[Tensor] {
        &self.layers[id]
    }
}

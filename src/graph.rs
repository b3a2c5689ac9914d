//! What is a network, before there are any numbers in it?
//!
//! A [`Graph`] is a list of layers in the order in which the network's description names them, each
//! with its output shape. It holds no tensors: the symbolic interpreter ([`crate::analysis`]) counts
//! on it. Model code writes graphs through [`Value`] and never sees a node.

mod array;
mod build;
mod conv;
mod digest;
mod dims;
mod fusion;
mod kind;
mod liveness;
mod modules;
mod op;
mod reach;
mod resize;
mod shape;
mod tensor;
mod transposed;
mod value;
mod window;

pub use array::{Arithmetic, Array, Function, Interpolation, Padding, Reduction, Resize};
pub use build::Layer;
pub use conv::{Conv, conv};
pub use dims::Dims;
pub(crate) use fusion::{FusedGroup, fuse};
pub use kind::{Backward, Constant, Drawn, Features, Kind, Reference};
pub(crate) use liveness::{freed_after, lifetimes};
pub use modules::{Module, ModuleId, Modules};
pub use op::{Activation, Facts, Lrn, Op, Opaque, Own, Sees};
pub use shape::{Shape, ShapeError};
pub use tensor::{Role, Tensor, TensorKind};
pub use transposed::Transposed;
pub use value::{Name, Value, concat, mean};
pub use window::{Axis, Pad, Pair, Window, pool};

use std::sync::Arc;

/// Where a layer stands in [`Graph::nodes`].
pub type NodeId = usize;

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Scopes and the layer's name, joined by dots, as in a PyTorch `state_dict` key
    /// (`layer1.0.conv1`). Unique in its graph.
    pub path: String,
    /// What the layer computes.
    pub op: Op,
    /// The layers whose outputs it reads, in order.
    pub inputs: Vec<NodeId>,
    /// Its output, per sample.
    pub shape: Shape,
    /// The layer whose weights it uses, where those are not its own.
    pub weights_of: Option<NodeId>,
    /// What its tensors are in a file that others wrote, in order, where that is not what its path and its kind say.
    pub stored: Arc<[Stored]>,
}

/// What a file says of a layer's tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its key in the `state_dict`.
    pub key: String,
    /// What training does with it: a kernel may be a constant.
    pub kind: TensorKind,
}

impl Node {
    /// The key of its tensor of that number in the `state_dict`.
    pub fn key(&self, i: usize, tensor: &Tensor) -> String {
        match self.stored.get(i) {
            Some(stored) => stored.key.clone(),
            None => [&self.path, ".", tensor.name].concat(),
        }
    }
}

/// A value that the network hands out under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// `output` for the prediction; auxiliary heads have names of their own.
    pub name: String,
    /// The layer that computes it.
    pub node: NodeId,
    /// Whether it is for training only, as auxiliary heads are.
    pub auxiliary: bool,
}

/// A network: layers in description order, every input before its reader.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
    /// How many of the layers, from the first on, are inputs.
    inputs: usize,
    outputs: Vec<Output>,
    modules: Modules,
    /// The layers in the order in which PyTorch's `state_dict` lists their modules.
    state_order: Vec<NodeId>,
}

impl Graph {
    /// Runs a model description on an input of the given shape.
    ///
    /// # Errors
    /// The first layer that cannot take its input, by path, with what would be right.
    pub fn build(
        input: Shape,
        describe: impl for<'g> FnOnce(Value<'g>) -> Value<'g>,
    ) -> Result<Graph, ShapeError> {
        build::run(&[("input", input)], |values| describe(values[0]))
    }

    /// Runs a description of a network with several inputs, each under a name of its own.
    ///
    /// # Errors
    /// As [`Graph::build`].
    pub fn build_of(
        inputs: &[(&str, Shape)],
        describe: impl for<'g> FnOnce(&[Value<'g>]) -> Value<'g>,
    ) -> Result<Graph, ShapeError> {
        build::run(inputs, describe)
    }

    /// A network that is given layer by layer: its inputs, the modules in the order in which the `state_dict` lists them, as far
    /// as that is not the order of the layers, the layers behind the inputs, and the outputs by name, the prediction first.
    ///
    /// # Errors
    /// The first layer that cannot take its input, by path, with what would be right.
    pub fn of_layers(
        inputs: &[(&str, Shape)],
        registered: &[&str],
        layers: Vec<Layer>,
        outputs: &[(&str, NodeId)],
    ) -> Result<Graph, ShapeError> {
        let outputs = outputs.iter().map(|&(name, node)| Output {
            name: name.into(),
            node,
            auxiliary: false,
        });
        let ahead = std::iter::once(registered).chain(std::iter::repeat(&[][..]));
        let ahead = ahead.map(|paths| paths.iter().copied());
        build::of_layers(inputs, ahead.zip(layers), &[], outputs.collect())
    }

    /// A network that is given layer by layer, each with the paths of the modules that are registered ahead of it and behind the
    /// layer before; `registered` are those behind the last layer.
    ///
    /// # Errors
    /// As [`Graph::of_layers`].
    pub fn of_registered_layers(
        inputs: &[(&str, Shape)],
        layers: Vec<(Vec<String>, Layer)>,
        registered: &[&str],
        outputs: Vec<Output>,
    ) -> Result<Graph, ShapeError> {
        let (ahead, layers): (Vec<_>, Vec<_>) = layers.into_iter().unzip();
        let ahead = ahead.iter().map(|paths| paths.iter().map(String::as_str));
        build::of_layers(inputs, ahead.zip(layers), registered, outputs)
    }

    /// All layers; the inputs are the first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The named outputs; the first is the prediction.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The layer of that path.
    pub fn node(&self, path: &str) -> Option<&Node> {
        self.id(path).map(|id| &self.nodes[id])
    }

    /// Where the layer of that path stands.
    pub fn id(&self, path: &str) -> Option<NodeId> {
        let module = self.modules.find(Modules::ROOT, path)?;
        self.modules.get(module).layer
    }

    /// The scopes and layers as a tree.
    pub fn modules(&self) -> &Modules {
        &self.modules
    }

    /// The layers at or below that path, in order; none if no layer or scope has it.
    pub fn below(&self, path: &str) -> Vec<NodeId> {
        let module = self.modules.find(Modules::ROOT, path);
        let mut layers = module.map_or(Vec::new(), |module| self.modules.layers(module));
        layers.sort_unstable();
        layers
    }

    /// The inputs.
    pub fn inputs(&self) -> &[Node] {
        &self.nodes[..self.inputs]
    }

    /// Whether both engines can run it: they take one input, and know all its operators.
    ///
    /// # Errors
    /// What they do not take, in a line.
    pub fn can_run(&self) -> Result<(), String> {
        if let [_, other, ..] = self.inputs() {
            return Err(format!(
                "it has a second input, `{}`: networks run on one",
                other.path
            ));
        }
        match self
            .nodes
            .iter()
            .find_map(|node| node.op.cannot_run().map(|what| (node, what)))
        {
            Some((Node { path, .. }, what)) => Err(format!("layer `{path}`: {what}")),
            None => Ok(()),
        }
    }

    /// The shape of one sample of the (first) input.
    pub fn input(&self) -> Shape {
        self.nodes[0].shape
    }

    /// The layer that computes the prediction.
    pub fn prediction(&self) -> &Node {
        &self.nodes[self.outputs[0].node]
    }

    /// The shape that enters a layer; of a join, the shape of its first operand.
    pub fn input_of(&self, node: &Node) -> Shape {
        node.inputs
            .first()
            .map_or(node.shape, |&id| self.nodes[id].shape)
    }

    /// The layer that has the weights which a layer uses: itself, unless its scope is described
    /// [again](Value::again).
    pub fn owner(&self, id: NodeId) -> NodeId {
        self.nodes[id].weights_of.unwrap_or(id)
    }

    /// Every weight and running statistic, once, in `state_dict` order, under its full name.
    pub fn tensors(&self) -> impl Iterator<Item = (String, Tensor)> {
        self.state_order.iter().flat_map(|&id| {
            let node = &self.nodes[id];
            let tensors = self.tensors_of(node).into_iter().enumerate();
            tensors.map(|(i, tensor)| (node.key(i, &tensor), tensor))
        })
    }

    /// The layers in `state_dict` order.
    pub fn state_order(&self) -> &[NodeId] {
        &self.state_order
    }

    /// The weights and running statistics that one layer has: none where it uses those of another.
    pub fn tensors_of(&self, node: &Node) -> Vec<Tensor> {
        match node.weights_of {
            None => {
                let mut tensors = self.facts(node).tensors;
                for (tensor, stored) in tensors.iter_mut().zip(node.stored.iter()) {
                    tensor.kind = stored.kind;
                }
                tensors
            }
            Some(_) => Vec::new(),
        }
    }

    /// What a layer has and costs on its inputs, whoever owns its weights.
    pub fn facts(&self, node: &Node) -> Facts {
        node.op.facts(&self.inputs_of(node), node.shape)
    }

    /// The shapes that enter a layer; the network's input counts as its own.
    fn inputs_of(&self, node: &Node) -> Vec<Shape> {
        match *node.inputs {
            [] => vec![node.shape],
            _ => node.inputs.iter().map(|&id| self.nodes[id].shape).collect(),
        }
    }
}

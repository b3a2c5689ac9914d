//! What accumulates while a description runs: layers, the tree of their modules, the first error.

use super::modules::{ModuleId, Modules};
use super::{Graph, Node, NodeId, Op, Output, Shape, ShapeError, Stored, Value};
use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The name of the network's result among its outputs.
const PREDICTION: &str = "output";

/// A network under construction, which all its values share.
pub(super) struct Builder(RefCell<State>);

pub(super) struct State {
    nodes: Vec<Node>,
    outputs: Vec<Output>,
    modules: Modules,
    /// For a module that gave others their names, the last number in them.
    namesakes: BTreeMap<ModuleId, usize>,
    /// The names of the open scopes, joined by dots.
    path: String,
    scope: Scope,
    error: Option<ShapeError>,
}

/// The scope in which layers are being described.
#[derive(Clone, Copy)]
pub(super) struct Scope {
    module: ModuleId,
    /// The module whose weights it uses, if it is described again.
    first: Option<ModuleId>,
    /// How much of [`State::path`] names it.
    length: usize,
}

pub(super) fn run(
    inputs: &[(&str, Shape)],
    describe: impl for<'g> FnOnce(&[Value<'g>]) -> Value<'g>,
) -> Result<Graph, ShapeError> {
    let builder = Builder(RefCell::new(State::new(inputs)?));
    let values: Vec<Value> = (0..inputs.len())
        .map(|id| Value::new(&builder, id))
        .collect();
    let fault = builder.state().error.take();
    if let Some(error) = fault {
        return Err(error);
    }
    let prediction = describe(&values).node();
    drop(values);
    let state = builder.0.into_inner();
    match state.error {
        Some(error) => Err(error),
        None => {
            let mut outputs = vec![Output {
                name: PREDICTION.into(),
                node: prediction,
                auxiliary: false,
            }];
            outputs.extend(state.outputs);
            Ok(Graph {
                state_order: state.modules.layers(Modules::ROOT),
                modules: state.modules,
                nodes: state.nodes,
                inputs: inputs.len(),
                outputs,
            })
        }
    }
}

/// A layer of a network that is given layer by layer.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Its path.
    pub path: String,
    /// What it computes.
    pub op: Op,
    /// The layers that it reads; the inputs are the first.
    pub inputs: Vec<NodeId>,
    /// The layer whose weights it uses, where those are not its own.
    pub weights_of: Option<NodeId>,
    /// What its tensors are in a file, in order, where that is not what its path and its kind say.
    pub stored: Arc<[Stored]>,
}

/// A network that is given layer by layer; before each layer the modules that are registered ahead of it, and those that are
/// registered behind all.
pub(super) fn of_layers<'a>(
    inputs: &[(&str, Shape)],
    layers: impl IntoIterator<Item = (impl IntoIterator<Item = &'a str>, Layer)>,
    registered: &[&str],
    outputs: Vec<Output>,
) -> Result<Graph, ShapeError> {
    let mut state = State::new(inputs)?;
    for (registered, layer) in layers {
        for path in registered {
            state.modules.enter(Modules::ROOT, path);
        }
        state.push_layer(layer)?;
    }
    for path in registered {
        state.modules.enter(Modules::ROOT, path);
    }
    let mut names = BTreeSet::new();
    for output in &outputs {
        if output.node >= state.nodes.len() || !names.insert(&output.name) {
            return Err(ShapeError {
                path: output.name.clone(),
                what: "an output is a layer, under a name of its own".into(),
            });
        }
    }
    if outputs.first().is_none_or(|output| output.auxiliary) {
        return Err(ShapeError {
            path: PREDICTION.into(),
            what: "a network has at least one output, and the first is not auxiliary".into(),
        });
    }
    match state.error {
        Some(error) => Err(error),
        None => Ok(Graph {
            state_order: state.modules.layers(Modules::ROOT),
            modules: state.modules,
            nodes: state.nodes,
            inputs: inputs.len(),
            outputs,
        }),
    }
}

impl Builder {
    pub(super) fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }
}

impl State {
    /// A network of inputs only.
    fn new(inputs: &[(&str, Shape)]) -> Result<State, ShapeError> {
        let mut state = State {
            nodes: Vec::new(),
            outputs: Vec::new(),
            modules: Modules::new(),
            namesakes: BTreeMap::new(),
            path: String::new(),
            scope: Scope {
                module: Modules::ROOT,
                first: None,
                length: 0,
            },
            error: None,
        };
        if inputs.is_empty() {
            return Err(ShapeError {
                path: "input".into(),
                what: "a network has at least one input".into(),
            });
        }
        for &(name, shape) in inputs {
            state.push_input(name, shape);
        }
        Ok(state)
    }

    pub(super) fn shape(&self, node: NodeId) -> Shape {
        self.nodes[node].shape
    }

    /// Opens a scope and returns the one around it.
    pub(super) fn enter(&mut self, name: &str) -> Scope {
        let first = self
            .scope
            .first
            .and_then(|outer| self.modules.find(outer, name));
        if self.scope.first.is_some() && first.is_none() {
            self.fail(name, "this scope was not there the first time".into());
        }
        self.open(name, first)
    }

    /// Opens a scope that uses the weights of one that was described before.
    pub(super) fn enter_again(&mut self, name: &str) -> Scope {
        let first = self.modules.find(self.scope.module, name);
        if first.is_none() {
            self.fail(name, "this scope was not described before".into());
        }
        let name = self.free_name(name);
        self.open(&name, first)
    }

    fn open(&mut self, name: &str, first: Option<ModuleId>) -> Scope {
        let outer = self.scope;
        self.path = self.path_of(name);
        self.scope = Scope {
            module: self.modules.enter(outer.module, name),
            first,
            length: self.path.len(),
        };
        outer
    }

    /// Closes the open scope.
    pub(super) fn leave(&mut self, outer: Scope) {
        self.path.truncate(outer.length);
        self.scope = outer;
    }

    /// Registers modules of the open scope ahead of their description.
    pub(super) fn register(&mut self, names: &[&str]) {
        for name in names {
            self.modules.enter(self.scope.module, name);
        }
    }

    pub(super) fn output(&mut self, name: &str, node: NodeId) {
        if name == PREDICTION || self.outputs.iter().any(|output| output.name == name) {
            self.error.get_or_insert(ShapeError {
                path: name.into(),
                what: "two outputs have this name: rename one".into(),
            });
        } else {
            self.outputs.push(Output {
                name: name.into(),
                node,
                auxiliary: true,
            });
        }
    }

    /// Adds an input of the network.
    fn push_input(&mut self, name: &str, shape: Shape) {
        match self.place(name) {
            Ok(()) => self.nodes.push(Node {
                path: name.into(),
                op: Op::Input,
                inputs: Vec::new(),
                shape,
                weights_of: None,
                stored: Arc::default(),
            }),
            Err(what) => self.fail(name, what),
        }
    }

    /// Adds a layer that its paper does not name: `relu`, `relu_2`, ... within its scope.
    pub(super) fn push_unnamed(&mut self, op: Op, inputs: Vec<NodeId>) -> NodeId {
        let name = self.free_name(op.name());
        self.push(&name, op, inputs)
    }

    /// Adds a layer; after an error, or at one, hands back the first input instead.
    pub(super) fn push(&mut self, name: &str, op: Op, inputs: Vec<NodeId>) -> NodeId {
        let fallback = inputs[0];
        if self.error.is_some() {
            return fallback;
        }
        let checked = self
            .place(name)
            .and_then(|()| op.output(&self.shapes(&inputs)))
            .and_then(|shape| Ok((shape, self.weights_of(name, &op, &inputs, shape)?)));
        match checked {
            Ok((shape, weights_of)) => {
                self.nodes.push(Node {
                    path: self.path_of(name),
                    op,
                    inputs,
                    shape,
                    weights_of,
                    stored: Arc::default(),
                });
                self.nodes.len() - 1
            }
            Err(what) => {
                self.fail(name, what);
                fallback
            }
        }
    }

    /// Adds a layer whose path is whole.
    fn push_layer(&mut self, layer: Layer) -> Result<(), ShapeError> {
        let fault = |path: &str, what: String| ShapeError {
            path: path.into(),
            what,
        };
        let count = self.nodes.len();
        let known = |&id: &NodeId| id < count;
        let takes_nothing = matches!(layer.op, Op::Parameter { .. });
        if layer.inputs.is_empty() != takes_nothing || !layer.inputs.iter().all(known) {
            return Err(fault(
                &layer.path,
                "reads layers that stand before it".into(),
            ));
        }
        self.place(&layer.path)
            .map_err(|what| fault(&layer.path, what))?;
        let shapes = self.shapes(&layer.inputs);
        let shape = (layer.op.output(&shapes)).map_err(|what| fault(&layer.path, what))?;
        if let Some(of) = layer.weights_of {
            let there = (self.nodes.get(of)).filter(|there| there.weights_of.is_none());
            let fits = there.is_some_and(|there| {
                let own = (there.op).facts(&self.shapes(&there.inputs), there.shape);
                own.tensors == layer.op.facts(&shapes, shape).tensors
            });
            if !fits {
                let what = "the weights that it shares do not fit it".into();
                return Err(fault(&layer.path, what));
            }
        }
        self.nodes.push(Node {
            path: layer.path,
            op: layer.op,
            inputs: layer.inputs,
            shape,
            weights_of: layer.weights_of,
            stored: layer.stored,
        });
        Ok(())
    }

    fn place(&mut self, name: &str) -> Result<(), String> {
        let module = self.modules.enter(self.scope.module, name);
        if self.modules.place(module) {
            Ok(())
        } else {
            Err("two layers have this path: rename one".into())
        }
    }

    fn shapes(&self, inputs: &[NodeId]) -> Vec<Shape> {
        inputs.iter().map(|&id| self.shape(id)).collect()
    }

    /// In a scope that is described again, the layer whose weights a layer uses.
    fn weights_of(
        &self,
        name: &str,
        op: &Op,
        inputs: &[NodeId],
        shape: Shape,
    ) -> Result<Option<NodeId>, String> {
        let Some(scope) = self.scope.first else {
            return Ok(None);
        };
        let tensors = op.facts(&self.shapes(inputs), shape).tensors;
        if tensors.is_empty() {
            return Ok(None);
        }
        let first = self
            .modules
            .find(scope, name)
            .and_then(|module| self.modules.get(module).layer)
            .ok_or("this layer was not there the first time")?;
        let there = &self.nodes[first];
        let own = (there.op).facts(&self.shapes(&there.inputs), there.shape);
        if there.op != *op || own.tensors != tensors {
            return Err(format!("the weights of `{}` do not fit it", there.path));
        }
        Ok(Some(self.nodes[first].weights_of.unwrap_or(first)))
    }

    /// A name that nothing in the open scope has: the given one, or `name_2`, `name_3`, ...
    fn free_name(&mut self, name: &str) -> String {
        let scope = self.scope.module;
        let Some(first) = self.modules.find(scope, name) else {
            return name.into();
        };
        let count = self.namesakes.entry(first).or_insert(1);
        loop {
            *count += 1;
            let numbered = format!("{name}_{count}");
            if self.modules.find(scope, &numbered).is_none() {
                return numbered;
            }
        }
    }

    fn path_of(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.into(),
            scope => [scope, ".", name].concat(),
        }
    }

    fn fail(&mut self, name: &str, what: String) {
        let path = self.path_of(name);
        self.error.get_or_insert(ShapeError { path, what });
    }
}

//! How a model is written down: verbs on [`Value`], a handle to what a layer computes.
//!
//! There is no `?` in model code. The builder keeps the first error and [`Graph::build`] returns it;
//! until then later verbs add nothing.
//!
//! [`Graph::build`]: super::Graph::build

use super::{
    Activation, Conv, Graph, Node, NodeId, Op, Output, Pair, Shape, ShapeError, Window, order,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::{Add, Mul};

/// A layer's or scope's name: text or a number, as in PyTorch's `Sequential`.
pub trait Name: fmt::Display {}

impl Name for &str {}
impl Name for &String {}
impl Name for String {}
impl Name for usize {}

/// What a layer computes; a handle that model code passes on.
#[derive(Clone, Copy)]
pub struct Value<'g> {
    builder: &'g Builder,
    node: NodeId,
}

/// The name of the network's result among its outputs.
const PREDICTION: &str = "output";

struct Builder(RefCell<State>);

struct State {
    nodes: Vec<Node>,
    outputs: Vec<Output>,
    /// The names of the open scopes, joined by dots.
    scope: String,
    /// Fingerprints of all paths: comparing them is what building a deep network would spend its time on.
    paths: BTreeSet<u64>,
    /// Scope to the order of its modules, where a description declares one.
    registered: BTreeMap<String, Vec<String>>,
    error: Option<ShapeError>,
}

pub(super) fn run(
    input: Shape,
    describe: impl for<'g> FnOnce(Value<'g>) -> Value<'g>,
) -> Result<Graph, ShapeError> {
    let builder = Builder(RefCell::new(State {
        nodes: vec![Node {
            path: "input".into(),
            op: Op::Input,
            inputs: Vec::new(),
            shape: input,
        }],
        outputs: Vec::new(),
        scope: String::new(),
        paths: BTreeSet::from([fingerprint("input")]),
        registered: BTreeMap::new(),
        error: None,
    }));
    let prediction = describe(Value {
        builder: &builder,
        node: 0,
    })
    .node;
    let state = builder.0.into_inner();
    match state.error {
        Some(error) => Err(error),
        None => {
            let mut outputs = vec![Output {
                name: PREDICTION.into(),
                node: prediction,
            }];
            outputs.extend(state.outputs);
            Ok(Graph {
                state_order: order::state_order(&state.nodes, &state.registered),
                nodes: state.nodes,
                outputs,
            })
        }
    }
}

/// The same for equal paths in every run.
fn fingerprint(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

impl State {
    fn path(&self, name: impl fmt::Display) -> String {
        match self.scope.as_str() {
            "" => name.to_string(),
            scope => format!("{scope}.{name}"),
        }
    }

    /// A path for a layer that its paper does not name: `relu`, `relu_2`, ... within its scope.
    fn unnamed(&self, op: &Op) -> String {
        let path = self.path(op.name());
        if !self.paths.contains(&fingerprint(&path)) {
            return path;
        }
        (2..)
            .map(|n| format!("{path}_{n}"))
            .find(|path| !self.paths.contains(&fingerprint(path)))
            .expect("there is always a larger number")
    }

    fn fail(&mut self, path: String, what: String) {
        self.error.get_or_insert(ShapeError { path, what });
    }

    /// Adds a layer; after an error, or at one, hands back the first input instead.
    fn push(&mut self, path: String, op: Op, inputs: Vec<NodeId>) -> NodeId {
        let fallback = inputs[0];
        if self.error.is_some() {
            return fallback;
        }
        // only the path itself proves that it is taken
        if !self.paths.insert(fingerprint(&path)) && self.nodes.iter().any(|node| node.path == path)
        {
            self.fail(path, "two layers have this path: rename one".into());
            return fallback;
        }
        let output = match inputs.as_slice() {
            &[input] => op.output(&[self.nodes[input].shape]),
            inputs => {
                let shapes: Vec<Shape> = inputs.iter().map(|&id| self.nodes[id].shape).collect();
                op.output(&shapes)
            }
        };
        match output {
            Ok(shape) => {
                self.nodes.push(Node {
                    path,
                    op,
                    inputs,
                    shape,
                });
                self.nodes.len() - 1
            }
            Err(what) => {
                self.fail(path, what);
                fallback
            }
        }
    }
}

impl<'g> Value<'g> {
    /// Its shape, per sample.
    pub fn shape(self) -> Shape {
        self.builder.0.borrow().nodes[self.node].shape
    }

    /// Its channels, or the units of a vector.
    pub fn channels(self) -> usize {
        self.shape().channels()
    }

    /// Describes a part of the network under a name of its own.
    pub fn scope<R>(self, name: impl Name, describe: impl FnOnce(Value<'g>) -> R) -> R {
        let mut state = self.builder.0.borrow_mut();
        let outer = state.scope.len();
        state.scope = state.path(name);
        drop(state);
        let result = describe(self);
        self.builder.0.borrow_mut().scope.truncate(outer);
        result
    }

    /// Hands this value out under a name, as auxiliary heads are.
    pub fn output(self, name: impl Name) -> Value<'g> {
        let mut state = self.builder.0.borrow_mut();
        let name = name.to_string();
        if name == PREDICTION || state.outputs.iter().any(|output| output.name == name) {
            state.fail(name, "two outputs have this name: rename one".into());
        } else {
            state.outputs.push(Output {
                name,
                node: self.node,
            });
        }
        drop(state);
        self
    }

    /// Convolution.
    pub fn conv(self, name: impl Name, conv: Conv) -> Value<'g> {
        self.named(name, Op::Conv(conv))
    }

    /// Fully connected layer with bias.
    pub fn linear(self, name: impl Name, out: usize) -> Value<'g> {
        self.named(name, Op::Linear { out, bias: true })
    }

    /// Batch normalisation with PyTorch's constants (eps 1e-5, momentum 0.1).
    pub fn bn(self, name: impl Name) -> Value<'g> {
        self.batch_norm(name, 1e-5, 0.1)
    }

    /// Batch normalisation with constants of its own.
    pub fn batch_norm(self, name: impl Name, eps: f64, momentum: f64) -> Value<'g> {
        self.named(name, Op::BatchNorm { eps, momentum })
    }

    /// Local response normalisation over `size` channels.
    pub fn lrn(self, name: impl Name, size: usize, alpha: f64, beta: f64, k: f64) -> Value<'g> {
        self.named(
            name,
            Op::Lrn {
                size,
                alpha,
                beta,
                k,
            },
        )
    }

    /// Max pooling.
    pub fn max_pool(self, name: impl Name, window: Window) -> Value<'g> {
        self.named(name, Op::MaxPool { window })
    }

    /// Average pooling; padded zeros count in the mean, as is PyTorch's default.
    pub fn avg_pool(self, name: impl Name, window: Window) -> Value<'g> {
        self.named(
            name,
            Op::AvgPool {
                window,
                count_include_pad: true,
            },
        )
    }

    /// Average pooling over the units of the map alone.
    pub fn avg_pool_without_pad(self, name: impl Name, window: Window) -> Value<'g> {
        self.named(
            name,
            Op::AvgPool {
                window,
                count_include_pad: false,
            },
        )
    }

    /// The mean over each cell of a grid.
    pub fn adaptive_avg_pool(self, name: impl Name, output: impl Pair) -> Value<'g> {
        self.named(
            name,
            Op::AdaptiveAvgPool {
                output: output.pair(),
            },
        )
    }

    /// The mean of each map.
    pub fn global_avg_pool(self) -> Value<'g> {
        self.unnamed(Op::AdaptiveAvgPool { output: [1, 1] })
    }

    /// LeNet-5's trainable subsampling.
    pub fn subsample(self, name: impl Name, window: Window) -> Value<'g> {
        self.named(name, Op::Subsample { window })
    }

    /// Distances to `out` fixed codes.
    pub fn rbf(self, name: impl Name, out: usize) -> Value<'g> {
        self.named(name, Op::Rbf { out })
    }

    /// max(x, 0).
    pub fn relu(self) -> Value<'g> {
        self.unnamed(Op::Activation(Activation::Relu))
    }

    /// Logistic function.
    pub fn sigmoid(self) -> Value<'g> {
        self.unnamed(Op::Activation(Activation::Sigmoid))
    }

    /// Hyperbolic tangent.
    pub fn tanh(self) -> Value<'g> {
        self.unnamed(Op::Activation(Activation::Tanh))
    }

    /// LeNet-5's 1.7159 tanh(2x / 3).
    pub fn scaled_tanh(self) -> Value<'g> {
        self.unnamed(Op::Activation(Activation::ScaledTanh))
    }

    /// Class probabilities.
    pub fn softmax(self) -> Value<'g> {
        self.unnamed(Op::Activation(Activation::Softmax))
    }

    /// Dropout with probability `p` of zero.
    pub fn dropout(self, p: f64) -> Value<'g> {
        self.unnamed(Op::Dropout { p })
    }

    /// Maps to a vector.
    pub fn flatten(self) -> Value<'g> {
        self.unnamed(Op::Flatten)
    }

    /// ResNet's option A shortcut.
    pub fn pad_shortcut(self, channels: usize, stride: usize) -> Value<'g> {
        self.unnamed(Op::PadShortcut { channels, stride })
    }

    /// The channels from one number up to another.
    pub fn slice(self, from: usize, to: usize) -> Value<'g> {
        self.unnamed(Op::Slice { from, to })
    }

    /// Each unit times `factor` plus `offset`.
    pub fn scale(self, factor: f64, offset: f64) -> Value<'g> {
        self.unnamed(Op::Scale { factor, offset })
    }

    /// Says in which order this scope's modules stand in the `state_dict`, where that is not the
    /// order of the description; modules that are not listed follow in the order of description.
    pub fn registers(self, names: &[&str]) -> Value<'g> {
        let mut state = self.builder.0.borrow_mut();
        let scope = state.scope.clone();
        let names = names.iter().map(|name| name.to_string()).collect();
        state.registered.insert(scope, names);
        drop(state);
        self
    }

    /// A sum in which maps of one row or column are repeated.
    pub fn broadcast_add(self, other: Value<'g>) -> Value<'g> {
        self.join(Op::BroadcastAdd, &[self, other])
    }

    fn named(self, name: impl Name, op: Op) -> Value<'g> {
        let mut state = self.builder.0.borrow_mut();
        let path = state.path(name);
        Value {
            node: state.push(path, op, vec![self.node]),
            ..self
        }
    }

    fn unnamed(self, op: Op) -> Value<'g> {
        self.join(op, &[self])
    }

    fn join(self, op: Op, inputs: &[Value<'g>]) -> Value<'g> {
        let mut state = self.builder.0.borrow_mut();
        let path = state.unnamed(&op);
        let inputs = inputs.iter().map(|value| value.node).collect();
        Value {
            node: state.push(path, op, inputs),
            ..self
        }
    }
}

/// The residual join: a sum of equal shapes.
impl<'g> Add for Value<'g> {
    type Output = Value<'g>;

    fn add(self, other: Value<'g>) -> Value<'g> {
        self.join(Op::Add, &[self, other])
    }
}

/// The channel gate: each map times its own value of `other`.
impl<'g> Mul for Value<'g> {
    type Output = Value<'g>;

    fn mul(self, other: Value<'g>) -> Value<'g> {
        self.join(Op::Gate, &[self, other])
    }
}

/// The mean of values of one shape, with local drop-path in training.
///
/// # Panics
/// On an empty list, which no paper has.
pub fn mean<'g>(values: &[Value<'g>], drop_path: f64) -> Value<'g> {
    values[0].join(Op::Mean { drop_path }, values)
}

/// Channels of all values, one after the other.
///
/// # Panics
/// On an empty list, which no paper has.
pub fn concat<'g>(values: &[Value<'g>]) -> Value<'g> {
    values[0].join(Op::Concat, values)
}

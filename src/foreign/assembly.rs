//! From calls of operators to layers: values by name, tensors with one owner each.

use crate::graph::{
    Arithmetic, Array, Dims, Graph, Layer, NodeId, Op, Opaque, Own, Shape, ShapeError, Stored,
    TensorKind,
};
use crate::visible::line;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A tensor that a file keeps.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its key in the `state_dict`.
    pub key: String,
    /// Its dimensions.
    pub dims: Vec<usize>,
    /// What training does with it.
    pub kind: TensorKind,
}

/// Which of the tensors that a file keeps.
pub type KeptId = usize;

/// What a name of the file stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// What a layer computes.
    Layer(NodeId),
    /// A stored tensor, under those dimensions.
    Kept(KeptId, Vec<usize>),
}

/// What is known of a layer's output: a sample's shape, and whether there is a batch before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stated {
    /// A sample's shape; without a batch all of it.
    pub shape: Shape,
    /// Whether the batch stands before it.
    pub batched: bool,
}

/// A network that is being put together.
pub struct Assembly {
    inputs: Vec<(String, Shape)>,
    layers: Vec<Layer>,
    stated: Vec<Stated>,
    values: BTreeMap<String, Value>,
    pub kept: Vec<Kept>,
    /// For each stored tensor the layer that has it, and as which of its tensors.
    owners: Vec<Option<(NodeId, usize)>>,
    paths: BTreeSet<String>,
    /// For a path that several layers would have, the last number behind it.
    namesakes: BTreeMap<String, usize>,
    /// Samples in the batch of which the file states shapes.
    pub batch: usize,
}

/// An operator that is to become a layer.
pub struct Step<'a> {
    /// Its path.
    pub path: String,
    /// How the file names it.
    pub operator: &'a str,
    /// The line of the user's program.
    pub line: Option<&'a str>,
}

impl Assembly {
    pub fn new(kept: Vec<Kept>, batch: usize) -> Assembly {
        Assembly {
            inputs: Vec::new(),
            layers: Vec::new(),
            stated: Vec::new(),
            values: BTreeMap::new(),
            owners: vec![None; kept.len()],
            kept,
            paths: BTreeSet::new(),
            namesakes: BTreeMap::new(),
            batch,
        }
    }

    /// One more tensor that the file keeps.
    pub fn keep(&mut self, kept: Kept) -> KeptId {
        self.kept.push(kept);
        self.owners.push(None);
        self.kept.len() - 1
    }

    /// Whether a layer has that tensor.
    pub fn is_owned(&self, id: KeptId) -> bool {
        self.owners[id].is_some()
    }

    /// Whether one layer can have those tensors: nobody has any, or another layer has them all.
    pub fn can_have(&self, tensors: &[KeptId]) -> bool {
        self.shared(tensors).is_ok()
    }

    /// A value of those dimensions, the batch included.
    ///
    /// # Errors
    /// More axes than a shape has.
    pub fn stated(&self, dims: &[usize], batched: bool) -> Result<Stated, String> {
        let one = |dims: &[usize]| match dims {
            [] => Shape::new(&[1]),
            dims => Shape::new(dims),
        };
        match dims {
            [batch, rest @ ..] if batched && *batch == self.batch => Ok(Stated {
                shape: one(rest)?,
                batched: true,
            }),
            dims => Ok(Stated {
                shape: one(dims)?,
                batched: false,
            }),
        }
    }

    /// An input of the network; all stand before the first layer.
    pub fn input(&mut self, name: &str, stated: Stated) {
        let path = self.free(name.to_string());
        self.inputs.push((path, stated.shape));
        self.stated.push(stated);
        self.name(name, Value::Layer(self.inputs.len() - 1));
    }

    /// Gives a value a name.
    pub fn name(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_string(), value);
    }

    pub fn value(&self, name: &str) -> Result<&Value, String> {
        (self.values.get(name))
            .ok_or_else(|| format!("nothing computes the value `{name}` before it is read"))
    }

    pub fn of(&self, layer: NodeId) -> Stated {
        self.stated[layer]
    }

    /// What a layer computes, the inputs left out.
    pub fn layer(&self, id: NodeId) -> Option<&Layer> {
        self.layers.get(id.checked_sub(self.inputs.len())?)
    }

    /// Adds a layer without weights, if it gives what the file states.
    pub fn plain(
        &mut self,
        step: &Step,
        op: Op,
        inputs: &[NodeId],
        stated: Stated,
    ) -> Option<NodeId> {
        self.with(step, op, inputs, &[], stated)
    }

    /// Adds a layer that has those tensors, if it gives what the file states and they can be its own, or are all those of
    /// another layer of its kind.
    pub fn with(
        &mut self,
        step: &Step,
        op: Op,
        inputs: &[NodeId],
        tensors: &[KeptId],
        stated: Stated,
    ) -> Option<NodeId> {
        let batched = inputs.iter().all(|&id| self.stated[id].batched);
        let shapes: Vec<Shape> = inputs.iter().map(|&id| self.stated[id].shape).collect();
        let has_units = |shape: &Shape| shape.dims().iter().all(|&size| size > 0);
        let whole = shapes.iter().chain([&stated.shape]).all(has_units);
        if !batched || !stated.batched || !whole || op.output(&shapes) != Ok(stated.shape) {
            return None;
        }
        let described = op.facts(&shapes, stated.shape).tensors;
        let fits = described.len() == tensors.len()
            && described.iter().zip(tensors).all(|(described, &id)| {
                let kept = &self.kept[id];
                kept.dims == *described.dims
            });
        if !fits {
            return None;
        }
        let weights_of = match self.shared(tensors) {
            Ok(shared) => shared,
            Err(()) => return None,
        };
        let path = self.free(step.path.clone());
        let id = self.inputs.len() + self.layers.len();
        let stored = tensors.iter().map(|&id| Stored {
            key: self.kept[id].key.clone(),
            kind: self.kept[id].kind,
        });
        let mut stored: Vec<Stored> = stored.collect();
        let usual = described.iter().map(|tensor| Stored {
            key: [&path, ".", tensor.name].concat(),
            kind: tensor.kind,
        });
        if weights_of.is_some() || usual.eq(stored.iter().cloned()) {
            stored.clear();
        }
        if weights_of.is_none() {
            for (i, &tensor) in tensors.iter().enumerate() {
                self.owners[tensor] = Some((id, i));
            }
        }
        self.push(
            Layer {
                path,
                op,
                inputs: inputs.to_vec(),
                weights_of,
                stored: stored.into(),
            },
            stated,
        );
        Some(id)
    }

    /// The layer whose tensors these are, all and in this order; none if nobody has one of them.
    fn shared(&self, tensors: &[KeptId]) -> Result<Option<NodeId>, ()> {
        let owners: Vec<Option<(NodeId, usize)>> =
            tensors.iter().map(|&id| self.owners[id]).collect();
        let mut distinct = tensors.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() != tensors.len() {
            return Err(());
        }
        match owners.first() {
            None => Ok(None),
            Some(None) => match owners.iter().all(Option::is_none) {
                true => Ok(None),
                false => Err(()),
            },
            Some(&Some((owner, _))) => {
                let in_order = owners
                    .iter()
                    .enumerate()
                    .all(|(i, one)| *one == Some((owner, i)));
                let is_layer = self
                    .layer(owner)
                    .is_some_and(|layer| !matches!(layer.op, Op::Parameter { .. }));
                match in_order && is_layer {
                    true => Ok(Some(owner)),
                    false => Err(()),
                }
            }
        }
    }

    /// Arithmetic of two values; a stored one becomes the layer's own.
    pub fn arithmetic(
        &mut self,
        step: &Step,
        by: Arithmetic,
        values: [&Value; 2],
        stated: Stated,
    ) -> Option<NodeId> {
        match values {
            [&Value::Layer(a), &Value::Layer(b)] => {
                let [x, y] = [a, b].map(|id| self.stated[id].shape);
                let op = match by {
                    Arithmetic::Add if x == y => Op::Add,
                    Arithmetic::Multiply if x == y => Op::Gate,
                    Arithmetic::Multiply if is_gate(y, x) => Op::Gate,
                    Arithmetic::Multiply if is_gate(x, y) => {
                        return self.plain(step, Op::Gate, &[b, a], stated);
                    }
                    by => Op::Array(Array::Arithmetic(by)),
                };
                self.plain(step, op, &[a, b], stated)
            }
            [&Value::Layer(x), Value::Kept(id, view)] => {
                self.own(step, by, x, *id, view, false, stated)
            }
            [Value::Kept(id, view), &Value::Layer(x)] => {
                self.own(step, by, x, *id, view, true, stated)
            }
            _ => None,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all of one layer")]
    fn own(
        &mut self,
        step: &Step,
        by: Arithmetic,
        x: NodeId,
        id: KeptId,
        view: &[usize],
        first: bool,
        stated: Stated,
    ) -> Option<NodeId> {
        let axes = self.stated[x].shape.dims().len();
        let view = match view {
            [1, rest @ ..] if rest.len() == axes => rest,
            [] => &[1],
            view => view,
        };
        let kept = &self.kept[id];
        let own = Own {
            by,
            dims: Dims::from_slice(&kept.dims)?,
            view: Dims::from_slice(view)?,
            first,
            kind: kept.kind,
        };
        self.with(step, Op::Own(own), &[x], &[id], stated)
    }

    /// Adds an operator that is not known. Tensors that no layer has stand before it as layers of their own.
    pub fn opaque(&mut self, step: &Step, reads: &[Value], stated: Stated, macs: u64) -> NodeId {
        let mut inputs = Vec::new();
        for value in reads {
            match value {
                Value::Layer(id) => inputs.push(*id),
                Value::Kept(id, _) => match self.owners[*id] {
                    None => {
                        let node = self.parameter(*id);
                        inputs.push(node);
                    }
                    Some((owner, _)) if self.is_parameter(owner) => inputs.push(owner),
                    // another layer has it: what this one computes with it is not known anyway
                    Some(_) => {}
                },
            }
        }
        if inputs.is_empty() {
            // it makes something of nothing, or of what others have
            inputs.push(0);
        }
        let opaque = Opaque {
            operator: line(step.operator).into_owned(),
            line: step.line.map(|text| line(text).into_owned()),
            inputs: inputs.iter().map(|&id| self.stated[id].shape).collect(),
            output: stated.shape,
            macs,
        };
        let path = self.free(step.path.clone());
        let id = self.inputs.len() + self.layers.len();
        self.push(
            Layer {
                path,
                op: Op::Opaque(Arc::new(opaque)),
                inputs,
                weights_of: None,
                stored: Arc::default(),
            },
            stated,
        );
        id
    }

    fn is_parameter(&self, id: NodeId) -> bool {
        self.layer(id)
            .is_some_and(|layer| matches!(layer.op, Op::Parameter { .. }))
    }

    /// A layer that is a stored tensor.
    fn parameter(&mut self, id: KeptId) -> NodeId {
        let Kept { key, dims, kind } = self.kept[id].clone();
        let dims = match dims.is_empty() {
            true => vec![1],
            false => dims,
        };
        let node = self.inputs.len() + self.layers.len();
        let path = self.free(key.clone());
        let dims = Dims::from_slice(&dims).expect("its axes were counted");
        self.owners[id] = Some((node, 0));
        let stated = Stated {
            shape: Shape::new(&dims).expect("its axes were counted"),
            batched: false,
        };
        self.push(
            Layer {
                path,
                op: Op::Parameter { dims, kind },
                inputs: Vec::new(),
                weights_of: None,
                stored: vec![Stored { key, kind }].into(),
            },
            stated,
        );
        node
    }

    fn push(&mut self, layer: Layer, stated: Stated) {
        self.layers.push(layer);
        self.stated.push(stated);
    }

    /// A path that no layer has yet.
    fn free(&mut self, path: String) -> String {
        // it is printed, whatever a stranger has put into it
        let path = match path.is_empty() {
            true => "layer".to_string(),
            false => line(&path).into_owned(),
        };
        let mut free = path.clone();
        while !self.paths.insert(free.clone()) {
            let count = self.namesakes.entry(path.clone()).or_insert(1);
            *count += 1;
            free = format!("{path}_{count}");
        }
        free
    }

    /// The network; tensors that nothing has read stand at its end.
    ///
    /// # Errors
    /// Of the graph.
    pub fn finish(
        mut self,
        registered: &[&str],
        outputs: &[(String, NodeId)],
    ) -> Result<Graph, ShapeError> {
        for id in 0..self.kept.len() {
            // batch counters are in the file and counted nowhere
            if self.owners[id].is_none() && self.kept[id].kind != TensorKind::Constant {
                self.parameter(id);
            }
        }
        let inputs: Vec<(&str, Shape)> = self
            .inputs
            .iter()
            .map(|(name, shape)| (name.as_str(), *shape))
            .collect();
        let mut outputs = outputs.to_vec();
        let layers = super::patterns::recognised(inputs.len(), self.layers, &mut outputs);
        let outputs: Vec<(&str, NodeId)> = outputs
            .iter()
            .map(|(name, id)| (name.as_str(), *id))
            .collect();
        Graph::of_layers(&inputs, registered, layers, &outputs)
    }
}

/// Whether a shape has one value for each channel of maps.
fn is_gate(gate: Shape, maps: Shape) -> bool {
    gate.dims().len() == maps.dims().len()
        && gate.channels() == maps.channels()
        && gate.elements() == Some(maps.channels() as u64)
}

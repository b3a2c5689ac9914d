//! A network that is being read: which name stands for what.

use super::constant::Constant;
use super::names::{Names, is_key};
use super::node::Node;
use super::source::Source;
use super::tensors::{Store, dims};
use crate::foreign::assembly::{Assembly, Kept, KeptId, Value};
use crate::graph::TensorKind;
use crate::visible::line;
use rten_onnx::onnx::TensorProto;
use std::collections::{BTreeMap, BTreeSet};

/// A network that is being read.
pub(super) struct Network<'a> {
    pub assembly: Assembly,
    pub opset: i64,
    /// Dimensions of every value, batch included.
    pub dims: BTreeMap<&'a str, Vec<usize>>,
    /// What is known before the network runs.
    pub constants: BTreeMap<&'a str, Constant>,
    /// Names of weights whose two axes stand the other way round than they are kept.
    pub turned: BTreeMap<&'a str, KeptId>,
    /// Shapes that the file states.
    pub stated: BTreeMap<&'a str, Vec<usize>>,
    /// The nodes that read a value; one behind the last reads the outputs.
    pub readers: BTreeMap<&'a str, Vec<usize>>,
    pub nodes: &'a [Node],
    /// Nodes that were read with others.
    pub done: BTreeSet<usize>,
    /// Modules whose path a layer has.
    taken: BTreeSet<String>,
    names: Names,
    pub store: &'a Store,
    /// Of `assembly.kept`, one by one.
    pub sources: Vec<Source<'a>>,
    /// Keys of tensors that layers have which share no others.
    pub merged: BTreeSet<String>,
    /// Convolutions into which a normalisation was folded.
    pub folded: usize,
    /// Numbers of constants that were computed.
    pub computed: usize,
}

impl<'a> Network<'a> {
    /// Nothing of it is read yet; `stated` are the shapes that the file states.
    pub fn new(
        nodes: &'a [Node],
        store: &'a Store,
        opset: i64,
        batch: usize,
        stated: BTreeMap<&'a str, Vec<usize>>,
    ) -> Network<'a> {
        Network {
            assembly: Assembly::new(Vec::new(), batch),
            opset,
            dims: BTreeMap::new(),
            constants: BTreeMap::new(),
            turned: BTreeMap::new(),
            stated,
            readers: BTreeMap::new(),
            nodes,
            done: BTreeSet::new(),
            taken: BTreeSet::new(),
            names: Names::of(nodes),
            store,
            sources: Vec::new(),
            merged: BTreeSet::new(),
            folded: 0,
            computed: 0,
        }
    }

    /// A tensor that the file has, as one of the network.
    pub fn keep(
        &mut self,
        name: &'a str,
        key: &str,
        kind: TensorKind,
        source: Source<'a>,
    ) -> KeptId {
        let id = self.assembly.keep(Kept {
            key: key.to_string(),
            dims: source.dims.clone(),
            kind,
        });
        let dims = source.dims.clone();
        if source.transposed {
            self.dims.insert(name, dims.iter().rev().copied().collect());
            self.turned.insert(name, id);
        } else {
            self.dims.insert(name, dims.clone());
            self.assembly.name(name, Value::Kept(id, dims));
        }
        self.sources.push(source);
        id
    }

    /// A tensor whose numbers are known, if they are few.
    pub fn constant(&mut self, name: &'a str, tensor: &TensorProto) -> Result<(), String> {
        let wrong = |what: String| format!("its tensor `{}`: {what}", line(name));
        self.dims.insert(name, dims(tensor).map_err(wrong)?);
        if let Some(constant) = self.store.constant(tensor).map_err(wrong)? {
            self.constants.insert(name, constant);
        }
        Ok(())
    }

    /// A layer or a stored tensor, if that is what a name stands for.
    pub fn operand(&self, name: &str) -> Option<Value> {
        if let Some(&id) = self.turned.get(name) {
            return Some(Value::Kept(id, self.assembly.kept[id].dims.clone()));
        }
        self.assembly.value(name).ok().cloned()
    }

    /// The path of a layer with those tensors: that of the module which has them, or what its node's name says.
    pub fn path(&mut self, node: &Node, tensors: &[KeptId]) -> String {
        let modules = tensors.iter().filter_map(|&id| {
            let key = &self.assembly.kept[id].key;
            is_key(key).then(|| key.rsplit_once('.').map(|(module, _)| module.to_string()))?
        });
        match { modules }.next() {
            Some(module) if self.taken.insert(module.clone()) => module,
            _ => self.names.path(node),
        }
    }

    /// Those tensors, with a copy of each that another layer has, unless all are those of one layer.
    pub fn unshared(&mut self, tensors: &[KeptId], path: &str) -> Vec<KeptId> {
        if self.assembly.can_have(tensors) {
            return tensors.to_vec();
        }
        let own = tensors.iter().map(|&id| {
            if self.assembly.can_have(&[id]) && !self.assembly.is_owned(id) {
                return id;
            }
            let mut copy = self.assembly.kept[id].clone();
            self.merged.insert(copy.key.clone());
            let last = copy.key.rsplit(['.', ':', '/']).next().unwrap_or_default();
            copy.key = format!("{path}.{last}");
            self.sources.push(self.sources[id].clone());
            self.assembly.keep(copy)
        });
        own.collect()
    }

    /// Leaves copies out that no layer has become the owner of.
    pub fn forget(&mut self, tensors: &[KeptId], own: &[KeptId]) {
        for (id, copy) in tensors.iter().zip(own).filter(|(id, copy)| id != copy) {
            self.merged.remove(&self.assembly.kept[*id].key);
            self.assembly.kept[*copy].kind = TensorKind::Constant;
        }
    }
}

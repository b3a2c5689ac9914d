//! Which modules does a network consist of, and in which order does a `state_dict` list its layers?
//!
//! Scopes and layers form a tree, as PyTorch's modules do. A `state_dict` walks that tree and takes the
//! children of each module in the order in which they were registered.

use super::NodeId;
use std::collections::BTreeMap;

/// Where a module stands among a network's [`Modules`].
pub type ModuleId = usize;

/// The tree of a network's scopes and layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modules {
    all: Vec<Module>,
    /// For each layer its module.
    of_layer: Vec<ModuleId>,
}

/// A scope or a layer; now and then both, where a description puts layers below a layer's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Module {
    /// Its name within its parent; the whole network has none.
    pub name: String,
    /// The scope that it stands in, unless it is the whole network.
    pub parent: Option<ModuleId>,
    /// What stands in it, in the order of registration.
    pub children: Vec<ModuleId>,
    /// The layer that it is, unless it is a scope only.
    pub layer: Option<NodeId>,
    by_name: BTreeMap<String, ModuleId>,
}

impl Modules {
    /// The whole network.
    pub const ROOT: ModuleId = 0;

    pub(super) fn new() -> Modules {
        Modules {
            all: vec![Module::default()],
            of_layer: Vec::new(),
        }
    }

    /// How many there are, the whole network included.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// One of them.
    ///
    /// # Panics
    /// For an id of another network.
    pub fn get(&self, id: ModuleId) -> &Module {
        &self.all[id]
    }

    /// The module of that name, or of that path, below another.
    pub fn find(&self, parent: ModuleId, path: &str) -> Option<ModuleId> {
        path.split('.').try_fold(parent, |parent, name| {
            self.all[parent].by_name.get(name).copied()
        })
    }

    /// The module that a layer is.
    pub fn of_layer(&self, layer: NodeId) -> ModuleId {
        self.of_layer[layer]
    }

    /// A module and all around it, the outermost behind the whole network first.
    pub fn around(&self, id: ModuleId) -> Vec<ModuleId> {
        let parent = |&id: &ModuleId| self.all[id].parent;
        let mut ids: Vec<ModuleId> = std::iter::successors(Some(id), parent).collect();
        ids.pop();
        ids.reverse();
        ids
    }

    /// Its names from the outermost scope on, joined by dots.
    pub fn path(&self, id: ModuleId) -> String {
        let names = self.around(id).into_iter();
        let names: Vec<&str> = names.map(|id| self.all[id].name.as_str()).collect();
        names.join(".")
    }

    /// The layers at or below a module, as a `state_dict` lists them.
    pub fn layers(&self, id: ModuleId) -> Vec<NodeId> {
        let mut layers = Vec::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            layers.extend(self.all[id].layer);
            open.extend(self.all[id].children.iter().rev());
        }
        layers
    }

    /// The module of that name, or of that path, below another; registered last there if it is new.
    pub(super) fn enter(&mut self, parent: ModuleId, path: &str) -> ModuleId {
        path.split('.')
            .fold(parent, |parent, name| self.child(parent, name))
    }

    fn child(&mut self, parent: ModuleId, name: &str) -> ModuleId {
        if let Some(&id) = self.all[parent].by_name.get(name) {
            return id;
        }
        let id = self.all.len();
        self.all.push(Module {
            name: name.to_string(),
            parent: Some(parent),
            ..Module::default()
        });
        self.all[parent].children.push(id);
        self.all[parent].by_name.insert(name.to_string(), id);
        id
    }

    /// Makes a module the layer that comes next; whether it was none before.
    pub(super) fn place(&mut self, module: ModuleId) -> bool {
        let layer = self.of_layer.len();
        self.of_layer.push(module);
        self.all[module].layer.replace(layer).is_none()
    }
}

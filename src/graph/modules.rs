//! Which modules does a network consist of, and in which order does a `state_dict` list its layers?
//!
//! Scopes and layers form a tree, as PyTorch's modules do. A `state_dict` walks that tree and takes the
//! children of each module in the order in which they were registered.

use super::NodeId;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Where a module stands in [`Modules`].
pub(super) type ModuleId = usize;

/// The whole network.
pub(super) const ROOT: ModuleId = 0;

pub(super) struct Modules(Vec<Module>);

#[derive(Default)]
struct Module {
    /// In the order of registration.
    children: Vec<ModuleId>,
    by_name: BTreeMap<String, ModuleId>,
    /// The layer that it is, unless it is a scope.
    layer: Option<NodeId>,
    /// How many names were made from its own, for its siblings.
    namesakes: usize,
}

impl Modules {
    pub(super) fn new() -> Modules {
        Modules(vec![Module::default()])
    }

    /// The module of that name, or of that path, below another; registered last there if it is new.
    pub(super) fn enter(&mut self, parent: ModuleId, path: &str) -> ModuleId {
        path.split('.')
            .fold(parent, |parent, name| self.child(parent, name))
    }

    fn child(&mut self, parent: ModuleId, name: &str) -> ModuleId {
        if let Some(&id) = self.0[parent].by_name.get(name) {
            return id;
        }
        let id = self.0.len();
        self.0.push(Module::default());
        self.0[parent].children.push(id);
        self.0[parent].by_name.insert(name.to_string(), id);
        id
    }

    /// The module of that name, or of that path, below another.
    pub(super) fn find(&self, parent: ModuleId, path: &str) -> Option<ModuleId> {
        path.split('.').try_fold(parent, |parent, name| {
            self.0[parent].by_name.get(name).copied()
        })
    }

    /// A name that no module below `parent` has: the given one, or `name_2`, `name_3`, ...
    pub(super) fn free_name<'a>(&mut self, parent: ModuleId, name: &'a str) -> Cow<'a, str> {
        let Some(first) = self.find(parent, name) else {
            return name.into();
        };
        loop {
            self.0[first].namesakes += 1;
            let numbered = format!("{name}_{}", self.0[first].namesakes + 1);
            if self.find(parent, &numbered).is_none() {
                return numbered.into();
            }
        }
    }

    /// The layer that a module is, unless it is a scope.
    pub(super) fn layer(&self, module: ModuleId) -> Option<NodeId> {
        self.0[module].layer
    }

    /// Makes a module a layer; whether it was none before.
    pub(super) fn place(&mut self, module: ModuleId, layer: NodeId) -> bool {
        self.0[module].layer.replace(layer).is_none()
    }

    /// All layers in `state_dict` order.
    pub(super) fn state_order(&self) -> Vec<NodeId> {
        let mut order = Vec::with_capacity(self.0.len());
        let mut open = vec![ROOT];
        while let Some(id) = open.pop() {
            order.extend(self.0[id].layer);
            open.extend(self.0[id].children.iter().rev());
        }
        order
    }
}

//! The networks that measures name, each built once, and hashed once.

use super::super::budget;
use crate::graph::Graph;
use crate::zoo::Registry;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Layers of networks that are kept: some hundred MiB. The networks of many claims would fill the memory.
const MOST_LAYERS: usize = 200_000;

/// The networks of a registry, and those built so far by the name under which a measure asked for them.
pub struct Graphs {
    registry: Registry,
    built: Mutex<BTreeMap<String, Arc<Graph>>>,
    digests: Mutex<BTreeMap<String, Option<String>>>,
}

impl Graphs {
    /// None is built yet.
    pub fn new(registry: Registry) -> Graphs {
        Graphs {
            registry,
            built: Mutex::default(),
            digests: Mutex::default(),
        }
    }

    /// The network of that name, with arguments and on another input if it says so:
    /// `vgg16{classes=10}@3x256x256`.
    pub(super) fn build(&self, name: &str) -> Result<Arc<Graph>, String> {
        budget::steps(1)?;
        let built = self.kept(name);
        budget::network(name, built.as_deref().ok())?;
        built
    }

    fn kept(&self, name: &str) -> Result<Arc<Graph>, String> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(graph) = built.get(name) {
            return Ok(Arc::clone(graph));
        }
        let graph = self.registry.graph(name);
        let graph = Arc::new(graph.map_err(|error| error.to_string())?);
        let layers = |graph: &Arc<Graph>| graph.nodes().len();
        if built.values().map(layers).sum::<usize>() > MOST_LAYERS {
            built.clear();
        }
        built.insert(name.to_string(), Arc::clone(&graph));
        Ok(graph)
    }

    /// Whether the parameters and buffers of the network of that name may be counted.
    ///
    /// # Errors
    /// Why not, in a line.
    pub(super) fn count(&self, name: &str) -> Result<(), String> {
        let name = name.split('@').next().unwrap_or_default();
        let model = self
            .registry
            .find(name)
            .map_err(|error| error.to_string())?;
        match model.count_refused {
            None => Ok(()),
            Some(what) => Err(format!("{}: {what}", model.name)),
        }
    }

    /// How a record spells the name of a network; a name that is none it leaves as it is.
    pub(super) fn spelt(&self, name: &str) -> String {
        let known = self.registry.find(name);
        known.map_or_else(|_| name.to_string(), |model| model.name)
    }

    /// Digest of the network of that name; nothing if there is none.
    pub fn digest(&self, name: &str) -> Option<String> {
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = || Some(self.kept(name).ok()?.digest());
        let known = digests.entry(name.to_string());
        known.or_insert_with(digest).clone()
    }
}

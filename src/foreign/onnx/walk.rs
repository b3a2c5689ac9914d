//! From the nodes of a file to layers, node by node.

use super::infer::Known;
use super::initialisers;
use super::names::is_key;
use super::network::Network;
use super::node::Node;
use super::reading::Reading;
use super::source::Source;
use super::tensors::Store;
use super::values;
use crate::foreign::assembly::{Stated, Step, Value};
use crate::foreign::{Foreign, opaque};
use crate::graph::NodeId;
use crate::visible::line;
use rten_onnx::onnx::GraphProto;
use std::collections::{BTreeMap, BTreeSet};

/// More nodes than any network has.
const MOST: usize = 200_000;
/// More numbers than sizes and axes are computed of.
const MOST_COMPUTED: usize = 1 << 22;

/// A network, and where its tensors are.
pub(super) struct Read<'a> {
    pub foreign: Foreign,
    /// By key.
    pub sources: BTreeMap<String, Source<'a>>,
}

/// The network of a graph.
///
/// # Errors
/// What is wrong with the file, in a line.
pub(super) fn read<'a>(
    graph: &'a GraphProto,
    nodes: &'a [Node],
    store: &'a Store,
    opset: i64,
) -> Result<Read<'a>, String> {
    if nodes.len() > MOST {
        return Err(format!(
            "has {} nodes; {MOST} are read at most",
            nodes.len()
        ));
    }
    let values = values::Values::of(graph)?;
    let mut network = Network::new(nodes, store, opset, values.batch, values.stated);
    for (i, node) in nodes.iter().enumerate() {
        for name in node.inputs.iter().filter(|name| !name.is_empty()) {
            network.readers.entry(name).or_default().push(i);
        }
    }
    for output in &graph.output {
        let name = output.name.as_deref().unwrap_or_default();
        network.readers.entry(name).or_default().push(nodes.len());
    }
    for (i, (name, dims)) in values.inputs.into_iter().enumerate() {
        let stated = network.assembly.stated(&dims, true)?;
        // dots part modules
        let path = name.replace(['.', '/', ':'], "_");
        network.assembly.input(&path, stated);
        network.assembly.name(name, Value::Layer(i));
        network.dims.insert(name, dims);
    }
    initialisers::register(&mut network, graph)?;
    for (i, node) in nodes.iter().enumerate() {
        if !network.done.contains(&i) {
            network.node(node).map_err(|what| {
                format!(
                    "its node `{}` ({}): {what}",
                    line(&node.name),
                    line(&node.op)
                )
            })?;
        }
    }
    network.finish(graph)
}

impl<'a> Network<'a> {
    fn node(&mut self, node: &'a Node) -> Result<(), String> {
        let mut known = Known {
            node,
            dims: Vec::new(),
            constants: Vec::new(),
            opset: self.opset,
        };
        for name in &node.inputs {
            let name = name.as_str();
            known.constants.push(self.constants.get(name).cloned());
            known.dims.push(match name {
                "" => None,
                name => Some(self.dims.get(name).cloned().ok_or_else(|| {
                    format!(
                        "nothing computes the value `{}` before it is read",
                        line(name)
                    )
                })?),
            });
        }
        let Some(first) = node.output(0) else {
            return match node.outputs.iter().all(String::is_empty) {
                true => Ok(()),
                false => Err("its first value has no name".into()),
            };
        };
        if node
            .outputs
            .iter()
            .any(|name| self.dims.contains_key(name.as_str()))
        {
            return Err(format!("the value `{}` is computed twice", line(first)));
        }
        if node.op == "Constant" {
            return self.constant_node(node, first);
        }
        let mut folded = self.folded(&known);
        if let Some(constant) = folded.take_if(|_| node.outputs.len() == 1) {
            self.computed = self.computed.saturating_add(constant.len());
            if self.computed > MOST_COMPUTED {
                return Err(format!(
                    "more than {MOST_COMPUTED} numbers are computed before the network runs, as no network's sizes are"
                ));
            }
            self.dims.insert(first, constant.dims.clone());
            self.constants.insert(first, constant);
            self.view(&known, first);
            return Ok(());
        }
        if self.view(&known, first) {
            return Ok(());
        }
        self.layers(known)
    }

    /// Reads a node as layers.
    fn layers(&mut self, known: Known<'a>) -> Result<(), String> {
        let node = known.node;
        let inputs = node.inputs.iter().map(String::as_str);
        let reads: Vec<Value> = inputs.filter_map(|name| self.operand(name)).collect();
        let batched = reads.iter().any(|value| match value {
            Value::Layer(id) => self.assembly.of(*id).batched,
            Value::Kept(..) => false,
        });
        let inferred = known.outputs();
        let mut gives: Vec<(usize, &'a str, Stated)> = Vec::new();
        for (i, name) in node.outputs.iter().enumerate() {
            if name.is_empty() || (i > 0 && !self.readers.contains_key(name.as_str())) {
                continue;
            }
            let here = inferred.as_ref().and_then(|all| all.get(i));
            let dims = self.stated.get(name.as_str()).or(here).cloned();
            let dims = dims.ok_or_else(|| {
                format!(
                    "it is not known what shape it gives, and the file states none for `{}`: `onnx.shape_inference.infer_shapes` writes a file with shapes",
                    line(name)
                )
            })?;
            gives.push((i, name, self.assembly.stated(&dims, batched)?));
            self.dims.insert(name, dims);
        }
        let mut reading = Reading {
            stated: gives[0].2,
            network: self,
            node,
            known,
        };
        let found = match node.op.as_str() {
            "Split" => reading.split(&gives),
            _ if gives.len() > 1 => None,
            _ => (reading.weighted())
                .or_else(|| reading.functions())
                .or_else(|| reading.arrays())
                .map(|id| vec![id]),
        };
        let found = match found {
            Some(found) => found,
            None => {
                let macs = reading.macs();
                let path = self.path(node, &[]);
                let each = gives.iter().enumerate().map(|(i, (_, _, stated))| {
                    let step = Step {
                        path: path.clone(),
                        operator: &node.op,
                        line: None,
                    };
                    let macs = if i == 0 { macs } else { 0 };
                    self.assembly.opaque(&step, &reads, *stated, macs)
                });
                each.collect::<Vec<NodeId>>()
            }
        };
        for ((_, name, _), id) in gives.into_iter().zip(found) {
            self.assembly.name(name, Value::Layer(id));
        }
        Ok(())
    }

    fn finish(mut self, graph: &'a GraphProto) -> Result<Read<'a>, String> {
        let mut outputs: Vec<(String, NodeId)> = Vec::new();
        for output in &graph.output {
            let name = output.name.as_deref().unwrap_or_default();
            let id = match self.operand(name) {
                Some(Value::Layer(id)) => id,
                _ => {
                    return Err(format!(
                        "nothing that reads its input computes its output `{}`",
                        line(name)
                    ));
                }
            };
            let called = match outputs.len() {
                0 => "output".to_string(),
                count => format!("output_{}", count + 1),
            };
            outputs.push((called, id));
        }
        if outputs.is_empty() {
            return Err("has no output".into());
        }
        let (count_refused, remarks) = initialisers::refused(&self);
        let kept = &self.assembly.kept;
        let mut seen = BTreeSet::new();
        let modules = kept.iter().filter(|kept| is_key(&kept.key));
        let modules = modules.filter_map(|kept| kept.key.rsplit_once('.'));
        let registered: Vec<String> = modules
            .filter(|(module, _)| seen.insert(module.to_string()))
            .map(|(module, _)| module.to_string())
            .collect();
        let registered: Vec<&str> = registered.iter().map(String::as_str).collect();
        let keys: Vec<String> = kept.iter().map(|kept| kept.key.clone()).collect();
        let sources = keys
            .into_iter()
            .zip(std::mem::take(&mut self.sources))
            .collect();
        let graph = self
            .assembly
            .finish(&registered, &outputs)
            .map_err(|error| error.to_string())?;
        Ok(Read {
            foreign: Foreign {
                remarks: opaque(&graph).into_iter().chain(remarks).collect(),
                graph,
                source: String::new(),
                count_refused,
            },
            sources,
        })
    }
}

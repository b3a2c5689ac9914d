//! From the graph of an exported program to layers: which name is which, call by call.

use super::aten::{self, Calls};
use super::call::{Call, layer};
use super::module_stack::{Module, innermost, line};
use super::schema::{Argument, InputSpec, Node, OutputSpec, Program};
use super::weights::{Config, sizes};
use crate::foreign::assembly::{Assembly, Kept, KeptId, Value};
use crate::foreign::{Foreign, opaque};
use crate::graph::TensorKind;
use crate::visible;
use std::collections::{BTreeMap, BTreeSet};

/// More calls than any network has.
const MOST: usize = 200_000;

/// The network of a program.
pub(super) fn foreign(program: Program, kept: &[Config]) -> Result<Foreign, String> {
    let module = program.graph_module;
    let (graph, signature) = (module.graph, module.signature);
    if graph.nodes.len() > MOST {
        return Err(format!(
            "has {} calls; {MOST} are read at most",
            graph.nodes.len()
        ));
    }
    let dims = |name: &str| -> Result<Vec<usize>, String> {
        let meta = (graph.tensor_values.get(name))
            .ok_or_else(|| format!("states no shape of the value `{}`", visible::line(name)))?;
        sizes(&meta.sizes).map_err(|what| format!("the value `{}`: {what}", visible::line(name)))
    };
    // which tensors there are, each once
    let mut tensors = Tensors::default();
    let mut users = Vec::new();
    for spec in &signature.input_specs {
        match spec {
            InputSpec {
                parameter: Some(spec),
                ..
            } => {
                tensors.add(
                    &spec.arg.name,
                    &spec.parameter_name,
                    TensorKind::Trainable,
                    &kept[..1],
                    &dims,
                )?;
            }
            InputSpec {
                buffer: Some(spec), ..
            } => {
                // one that is not persistent is a buffer too, in no `state_dict`
                let kind = match spec.buffer_name.ends_with("num_batches_tracked") {
                    false => TensorKind::Buffer,
                    true => TensorKind::Constant,
                };
                tensors.add(&spec.arg.name, &spec.buffer_name, kind, kept, &dims)?;
            }
            InputSpec {
                tensor_constant: Some(spec),
                ..
            } => {
                tensors.add(
                    &spec.arg.name,
                    &spec.tensor_constant_name,
                    TensorKind::Constant,
                    &kept[1..],
                    &dims,
                )?;
            }
            InputSpec {
                user_input: Some(spec),
                ..
            } => {
                if let Argument::Tensor(name) = &spec.arg {
                    users.push(name.clone());
                }
            }
            _ => {}
        }
    }
    let first = users.first().ok_or("takes no tensor as its input")?;
    let batch = match dims(first)?[..] {
        [batch, _, ..] if batch > 0 => batch,
        ref other => {
            return Err(format!(
                "its input `{}` is {other:?}, must have a batch and channels",
                visible::line(first)
            ));
        }
    };
    let mut assembly = Assembly::new(tensors.stored, batch);
    for name in &users {
        let stated = assembly.stated(&dims(name)?, true)?;
        assembly.input(name, stated);
    }
    for (name, &id) in &tensors.by_name {
        let dims = assembly.kept[id].dims.clone();
        assembly.name(name, Value::Kept(id, dims));
    }
    let symbols: BTreeMap<String, i64> = (graph.sym_int_values.iter())
        .filter_map(|(name, size)| Some((name.clone(), size.0?)))
        .collect();
    let paths = Paths::of(&graph.nodes, &symbols);
    let mut calls = Calls {
        assembly: &mut assembly,
        dims: &dims,
        remarks: BTreeSet::new(),
    };
    for (node, path) in graph.nodes.iter().zip(paths.0) {
        let call = Call::new(node, &symbols);
        let line = line(node);
        aten::read(&mut calls, &call, path, line.as_deref())?;
    }
    let remarks = calls.remarks;
    let mut outputs = Vec::new();
    for OutputSpec { user_output } in &signature.output_specs {
        let Some(Argument::Tensor(name)) = user_output.as_ref().map(|spec| &spec.arg) else {
            continue;
        };
        let Some(id) = layer(assembly.value(name)?) else {
            return Err(format!("its output `{}` is a weight", visible::line(name)));
        };
        let called = match outputs.is_empty() {
            true => "output".to_string(),
            false => format!("output_{}", outputs.len() + 1),
        };
        outputs.push((called, id));
    }
    name_outputs(&mut outputs, &module.module_call_graph);
    let registered: Vec<String> = registered(&assembly.kept);
    let registered: Vec<&str> = registered.iter().map(String::as_str).collect();
    let graph = assembly
        .finish(&registered, &outputs)
        .map_err(|error| error.to_string())?;
    let version = match program.torch_version.as_str() {
        "" => String::new(),
        version => format!(" of PyTorch {}", visible::line(version)),
    };
    Ok(Foreign {
        remarks: opaque(&graph).into_iter().chain(remarks).collect(),
        graph,
        source: format!("torch.export{version}"),
        count_refused: None,
    })
}

/// The keys under which a network hands out a dictionary.
fn name_outputs(outputs: &mut [(String, usize)], modules: &[super::schema::ModuleCall]) {
    let root = modules.iter().find(|call| call.fqn.is_empty());
    let Some(signature) = root.and_then(|call| call.signature.as_ref()) else {
        return;
    };
    // [1, {"type": "builtins.dict", "context": "[\"out\", \"aux\"]", ...}]
    let spec: Option<serde_json::Value> = serde_json::from_str(&signature.out_spec).ok();
    let keys = spec.and_then(|spec| {
        let context = spec.get(1)?.get("context")?.as_str()?.to_string();
        serde_json::from_str::<Vec<String>>(&context).ok()
    });
    let Some(keys) = keys.filter(|keys| keys.len() == outputs.len()) else {
        return;
    };
    let distinct: BTreeSet<&String> = keys.iter().collect();
    if distinct.len() == keys.len() {
        for ((name, _), key) in outputs.iter_mut().zip(&keys) {
            name.clone_from(key);
        }
    }
}

/// The modules that have tensors, in their order.
fn registered(stored: &[Kept]) -> Vec<String> {
    let modules = stored
        .iter()
        .filter_map(|stored| stored.key.rsplit_once('.'));
    let mut modules: Vec<String> = modules.map(|(module, _)| module.to_string()).collect();
    let mut seen = BTreeSet::new();
    modules.retain(|module| seen.insert(module.clone()));
    modules
}

/// Stored tensors: names of the graph, and what they stand for. Two names of one storage are one tensor.
#[derive(Default)]
struct Tensors {
    stored: Vec<Kept>,
    by_name: BTreeMap<String, KeptId>,
    by_identity: BTreeMap<(String, Vec<Option<i64>>), KeptId>,
}

impl Tensors {
    fn add(
        &mut self,
        name: &str,
        key: &str,
        kind: TensorKind,
        kept: &[Config],
        dims: &impl Fn(&str) -> Result<Vec<usize>, String>,
    ) -> Result<(), String> {
        let entry = kept.iter().find_map(|config| config.config.get(key));
        let dims = match entry {
            Some(entry) => entry
                .dims()
                .map_err(|what| format!("its tensor `{}`: {what}", visible::line(key)))?,
            None => dims(name)?,
        };
        if dims.len() > crate::graph::Dims::MOST {
            return Err(format!(
                "its tensor `{}` has {} axes",
                visible::line(key),
                dims.len()
            ));
        }
        let kind = match entry {
            Some(entry) if kind == TensorKind::Trainable && !entry.is_param => TensorKind::Buffer,
            _ => kind,
        };
        let identity = entry.map(|entry| {
            let (place, numbers) = entry.identity();
            // constants and weights are in folders of their own, and kinds do not mix
            (format!("{} {place}", kind.name()), numbers)
        });
        let next = self.stored.len();
        let id = match identity {
            Some(identity) => *self.by_identity.entry(identity).or_insert(next),
            None => next,
        };
        if id == next {
            self.stored.push(Kept {
                key: key.to_string(),
                dims,
                kind,
            });
        }
        self.by_name.insert(name.to_string(), id);
        Ok(())
    }
}

/// Where each call stands among the modules.
///
/// The only operator of a module of PyTorch, or the last one with weights of a module, stands under the module's name; any
/// other under that name and its own.
struct Paths(Vec<String>);

impl Paths {
    fn of(nodes: &[Node], symbols: &BTreeMap<String, i64>) -> Paths {
        let modules: Vec<Module> = nodes.iter().map(innermost).collect();
        let names: Vec<&str> = nodes
            .iter()
            .map(|node| Call::new(node, symbols).name)
            .collect();
        let mut counts: BTreeMap<&Module, usize> = BTreeMap::new();
        let mut last_weighted: BTreeMap<&Module, usize> = BTreeMap::new();
        for (i, module) in modules.iter().enumerate() {
            *counts.entry(module).or_default() += 1;
            if aten::has_weights(names[i]) {
                last_weighted.insert(module, i);
            }
        }
        let mut repeats: BTreeMap<(&Module, &str), usize> = BTreeMap::new();
        let paths = modules.iter().enumerate().map(|(i, module)| {
            let only = counts[module] == 1 && module.class.starts_with("torch.nn.");
            let is_module = match last_weighted.get(module) {
                Some(&last) => last == i,
                None => only,
            };
            if is_module && !module.path.is_empty() {
                return format!("{}{}", module.path, module.call);
            }
            let count = repeats.entry((module, names[i])).or_default();
            let name = match *count {
                0 => names[i].to_string(),
                count => format!("{}_{count}", names[i]),
            };
            *count += 1;
            // dots part modules
            let name = name.replace('.', "_");
            match module.path.as_str() {
                "" => format!("{name}{}", module.call),
                path => format!("{path}.{name}{}", module.call),
            }
        });
        Paths(paths.collect())
    }
}

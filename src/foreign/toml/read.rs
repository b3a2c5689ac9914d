//! From the words of a file to a network.

use super::format::{InputsFile, LayerFile, NetworkFile, OfFile, prediction};
use super::ops::{joins, op, takes};
use crate::graph::{Graph, Layer, NodeId, Output, Shape, Stored};
use crate::nearest::suggestion;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;

/// What is wrong, and where.
pub type Fault = (Range<usize>, String);

/// What has a name so far.
#[derive(Default)]
struct Known {
    ids: BTreeMap<String, NodeId>,
    /// For a kind of layer the last number in a name that it gave.
    numbers: BTreeMap<String, usize>,
}

/// Reads a network and where it is from.
pub fn network(text: &str) -> Result<(Graph, Option<String>), Fault> {
    let read: NetworkFile = toml::from_str(text).map_err(|error| {
        let what = error.message().replace('\n', "; ");
        (error.span().unwrap_or(0..0), what)
    })?;
    let mut known = Known::default();
    let inputs = inputs(&read.input, &mut known)?;
    if read.layers.is_empty() {
        let what = "a network has layers: `[[layer]]`, and a line such as `relu = {}` below it";
        return Err((read.input.span(), what.into()));
    }
    let all: BTreeMap<&str, usize> = (read.layers.iter().enumerate())
        .filter_map(|(i, layer)| Some((&**layer.get_ref().name.as_ref()?.get_ref(), i)))
        .collect();
    let mut layers = Vec::new();
    let mut spans: BTreeMap<String, Range<usize>> = BTreeMap::new();
    for spanned in &read.layers {
        let (ahead, layer) = layer(spanned, inputs.len(), &mut known, &all)?;
        spans.insert(layer.path.clone(), place(spanned));
        layers.push((ahead, layer));
    }
    let mut outputs = Vec::new();
    for spanned in &read.outputs {
        let output = spanned.get_ref();
        outputs.push(Output {
            name: output.name.clone(),
            node: known.find(output.of.get_ref(), output.of.span(), &BTreeMap::new())?,
            auxiliary: output.auxiliary,
        });
    }
    if outputs.is_empty() {
        outputs.push(Output {
            name: prediction(),
            node: inputs.len() + layers.len() - 1,
            auxiliary: false,
        });
    }
    let at_output = read.outputs.first().map_or(0..0, Spanned::span);
    let inputs: Vec<(&str, Shape)> = (inputs.iter())
        .map(|(name, shape)| (name.as_str(), *shape))
        .collect();
    for path in layers
        .iter()
        .flat_map(|(ahead, _)| ahead)
        .chain(&read.registers)
    {
        sound(path, 0..0)?;
    }
    let registered: Vec<&str> = read.registers.iter().map(String::as_str).collect();
    let graph =
        Graph::of_registered_layers(&inputs, layers, &registered, outputs).map_err(|error| {
            match spans.get(&error.path) {
                Some(span) => (span.clone(), error.to_string()),
                None => (
                    at_output,
                    format!("output `{}`: {}", error.path, error.what),
                ),
            }
        })?;
    Ok((graph, read.source))
}

/// The inputs, by name.
fn inputs(read: &Spanned<InputsFile>, known: &mut Known) -> Result<Vec<(String, Shape)>, Fault> {
    let named: Vec<(String, &str)> = match read.get_ref() {
        InputsFile::One(size) => vec![("input".into(), size)],
        InputsFile::Named(inputs) => inputs
            .iter()
            .map(|input| (input.name.clone(), input.size.as_str()))
            .collect(),
    };
    if named.is_empty() {
        return Err((read.span(), "a network has at least one input".into()));
    }
    let mut inputs = Vec::new();
    for (id, (name, size)) in named.into_iter().enumerate() {
        let size = size.parse().map_err(|what| (read.span(), what))?;
        known.add(&name, id, read.span())?;
        inputs.push((name, size));
    }
    Ok(inputs)
}

/// The layer, and what is registered ahead of it.
fn layer(
    spanned: &Spanned<LayerFile>,
    inputs: usize,
    known: &mut Known,
    all: &BTreeMap<&str, usize>,
) -> Result<(Vec<String>, Layer), Fault> {
    let (read, at) = (spanned.get_ref(), place(spanned));
    if let Some(fault) = &read.fault {
        return Err(fault.clone());
    }
    let (kind, verb) = (read.verb.as_ref())
        .ok_or_else(|| (at.clone(), "a layer has a kind: `relu = {}`".into()))?;
    let id = known.ids.len();
    let said = |what: String| (at.clone(), format!("{kind} {what}"));
    let op = op(verb.clone()).map_err(said)?;
    let (of, at_of): (Vec<NodeId>, _) = match &read.of {
        Some(of) => {
            let names = match of.get_ref() {
                OfFile::One(name) => std::slice::from_ref(name),
                OfFile::Many(names) => names,
            };
            let ids = names.iter().map(|name| known.find(name, of.span(), all));
            (ids.collect::<Result<_, _>>()?, of.span())
        }
        None if id == inputs && inputs > 1 => {
            return Err(said(
                "must say which input it reads: `of = \"name\"`".into(),
            ));
        }
        None => (vec![id - 1], at.clone()),
    };
    if read.of.is_none() && joins(&op) {
        return Err(said(
            "joins layers: `of = [\"one\", \"another\"]` names them".into(),
        ));
    }
    let (least, most) = takes(&op);
    if !(least..=most).contains(&of.len()) {
        let needs = match (least, most) {
            (1, 1) => "one layer".into(),
            (2, 2) => "two layers".into(),
            (least, _) => format!("at least {least} layers"),
        };
        let what = format!(
            "{kind} reads {needs}, which `of` names; here it reads {}",
            of.len()
        );
        return Err((at_of, what));
    }
    let weights_of = match &read.weights_of {
        None => None,
        Some(of) => Some(known.find(of.get_ref(), of.span(), all)?),
    };
    let path = match &read.name {
        Some(name) => {
            known.add(name.get_ref(), id, name.span())?;
            name.get_ref().clone()
        }
        None => known.number(kind, id),
    };
    let stored = read.stored.iter().flatten().map(|stored| Stored {
        key: stored.key.clone(),
        kind: stored.kind,
    });
    let layer = Layer {
        path,
        op,
        inputs: of,
        weights_of,
        stored: stored.collect(),
    };
    Ok((read.registers.clone().unwrap_or_default(), layer))
}

/// Where a layer is said to stand: at its name, or its head.
fn place(layer: &Spanned<LayerFile>) -> Range<usize> {
    (layer.get_ref().name.as_ref()).map_or_else(|| layer.span(), Spanned::span)
}

/// A path that has a name between any two dots.
fn sound(path: &str, at: Range<usize>) -> Result<(), Fault> {
    match path.split('.').any(str::is_empty) {
        true => Err((at, format!("`{path}` is no path: names, joined by dots"))),
        false => Ok(()),
    }
}

impl Known {
    fn add(&mut self, name: &str, id: NodeId, at: Range<usize>) -> Result<(), Fault> {
        sound(name, at.clone())?;
        match self.ids.insert(name.to_string(), id) {
            None => Ok(()),
            Some(_) => Err((at, format!("there are two layers `{name}`: rename one"))),
        }
    }

    /// The first name that is free: the kind's, or that with a number behind it.
    fn number(&mut self, kind: &str, id: NodeId) -> String {
        let mut name = kind.to_string();
        let number = self.numbers.entry(name.clone()).or_insert(1);
        while self.ids.contains_key(&name) {
            *number += 1;
            name = format!("{kind}_{number}");
        }
        self.ids.insert(name.clone(), id);
        name
    }

    /// The layer of that name, which stands before.
    fn find(
        &self,
        name: &str,
        at: Range<usize>,
        all: &BTreeMap<&str, usize>,
    ) -> Result<NodeId, Fault> {
        if let Some(id) = self.ids.get(name) {
            return Ok(*id);
        }
        let what = match all.contains_key(name) {
            true => format!("`{name}` does not stand before the layer that reads it: put it there"),
            false => {
                let like = suggestion(name, self.ids.keys().map(String::as_str));
                let like = like.map_or(String::new(), |like| format!("; {like}"));
                format!("no layer before this one is called `{name}`{like}")
            }
        };
        Err((at, what))
    }
}

//! What runs in a pass, in which order, and what does it read?
//!
//! In an evaluation that nobody watches, a convolution takes along what follows it and what nobody else
//! reads: its normalisation, a sum with a shortcut, the rectifier. That is one pass over the maps
//! instead of four.

use crate::graph::{Activation, Graph, NodeId, Op};

/// A layer that runs, or several that run as one.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The layer whose value comes of it.
    pub id: NodeId,
    /// Whose values it reads.
    pub reads: Vec<NodeId>,
    /// The convolution that takes along what follows it, if one does.
    pub unit: Option<Unit>,
}

/// A convolution and what it takes along.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    /// The convolution.
    pub conv: NodeId,
    /// Its normalisation.
    pub norm: Option<NodeId>,
    /// What is added.
    pub add: Option<NodeId>,
    /// Whether the rectifier is last.
    pub relu: bool,
}

/// The layers that run, each by itself.
pub(super) fn single(graph: &Graph, runs: &[bool]) -> Vec<Step> {
    let nodes = graph.nodes().iter().enumerate();
    nodes
        .filter(|&(id, _)| runs[id])
        .map(|(id, node)| Step {
            id,
            reads: node.inputs.clone(),
            unit: None,
        })
        .collect()
}

/// The layers that run, convolutions with what they take along.
pub(super) fn fused(graph: &Graph, runs: &[bool]) -> Vec<Step> {
    let nodes = graph.nodes();
    let mut readers: Vec<Vec<NodeId>> = vec![Vec::new(); nodes.len()];
    for (id, node) in nodes.iter().enumerate().filter(|&(id, _)| runs[id]) {
        node.inputs
            .iter()
            .for_each(|&input| readers[input].push(id));
    }
    for output in graph.outputs() {
        // whoever is handed out is read outside
        readers[output.node].push(NodeId::MAX);
    }
    let mut taken = vec![false; nodes.len()];
    let mut steps = single(graph, runs);
    let mut units: Vec<Option<Unit>> = vec![None; nodes.len()];
    for (conv, node) in nodes.iter().enumerate() {
        if !runs[conv] || !matches!(node.op, Op::Conv(_)) {
            continue;
        }
        let mut last = conv;
        let mut unit = Unit {
            conv,
            norm: None,
            add: None,
            relu: false,
        };
        while let [next] = readers[last][..]
            && next < nodes.len()
            && !taken[next]
            && !unit.relu
        {
            match &nodes[next].op {
                Op::BatchNorm { .. } if last == conv => unit.norm = Some(next),
                Op::Add if unit.add.is_none() => {
                    unit.add = nodes[next]
                        .inputs
                        .iter()
                        .copied()
                        .find(|&input| input != last);
                }
                Op::Activation(Activation::Relu) => unit.relu = true,
                _ => break,
            }
            taken[last] = true;
            last = next;
        }
        taken[last] = true;
        units[last] = Some(unit);
    }
    steps.retain(|step| !taken[step.id] || units[step.id].is_some());
    for step in &mut steps {
        if let Some(unit) = units[step.id].take() {
            step.reads = nodes[unit.conv]
                .inputs
                .iter()
                .copied()
                .chain(unit.add)
                .collect();
            step.unit = Some(unit);
        }
    }
    steps
}

//! Which layers are fused into one pass over the maps?
//!
//! A convolution, say, is fused with the batch normalisation, the residual sum and the ReLU that follow it, as long as
//! each value in between has no other consumer: one pass over the maps instead of four.

use super::{Activation, Graph, NodeId, Op};

/// A layer that runs, or several that run as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FusedGroup {
    /// The first layer.
    pub first: NodeId,
    /// The normalisation, if it has one; it may be the first layer.
    pub norm: Option<NodeId>,
    /// The value that is added: the other operand of the residual sum.
    pub residual: Option<NodeId>,
    /// Whether ReLU is last.
    pub relu: bool,
    /// The layer whose value comes of it.
    pub last: NodeId,
}

impl FusedGroup {
    /// A layer by itself.
    pub fn single(graph: &Graph, id: NodeId) -> FusedGroup {
        FusedGroup {
            first: id,
            norm: matches!(graph.nodes()[id].op, Op::BatchNorm { .. }).then_some(id),
            residual: None,
            relu: false,
            last: id,
        }
    }

    /// Whose values it reads.
    pub fn reads(&self, graph: &Graph) -> impl Iterator<Item = NodeId> {
        let inputs = graph.nodes()[self.first].inputs.iter().copied();
        inputs.chain(self.residual)
    }
}

/// The layers that run, fused behind those that `leads` picks, in an order in which every value is there before it is
/// read.
pub(crate) fn fuse(graph: &Graph, runs: &[bool], leads: impl Fn(&Op) -> bool) -> Vec<FusedGroup> {
    let nodes = graph.nodes();
    let mut readers: Vec<Vec<NodeId>> = vec![Vec::new(); nodes.len()];
    for (id, node) in nodes.iter().enumerate().filter(|&(id, _)| runs[id]) {
        node.inputs
            .iter()
            .for_each(|&input| readers[input].push(id));
    }
    for output in graph.outputs() {
        // an output is read outside
        readers[output.node].push(NodeId::MAX);
    }
    let mut taken = vec![false; nodes.len()];
    let mut groups = Vec::new();
    for (first, node) in nodes.iter().enumerate() {
        if !runs[first] || taken[first] {
            continue;
        }
        let mut group = FusedGroup::single(graph, first);
        while leads(&node.op)
            && !group.relu
            && let [next] = readers[group.last][..]
            && next < nodes.len()
            && !taken[next]
        {
            match &nodes[next].op {
                Op::BatchNorm { .. } if group.last == first && group.norm.is_none() => {
                    group.norm = Some(next);
                }
                Op::Add if group.residual.is_none() => {
                    let other = |input: &&NodeId| **input != group.last;
                    group.residual = nodes[next].inputs.iter().find(other).copied();
                }
                Op::Activation(Activation::Relu) => group.relu = true,
                _ => break,
            }
            taken[next] = true;
            group.last = next;
        }
        groups.push(group);
    }
    // a sum waits for its other operand
    groups.sort_by_key(|group| group.last);
    groups
}

#[cfg(test)]
mod tests {
    use super::super::{Shape, conv};
    use super::*;

    #[test]
    fn a_block_of_a_residual_network_is_two_groups() {
        let graph = Graph::build(Shape::map(4, 6, 6), |x| {
            let y = x.conv("a", conv(4, 3).pad(1)).bn("a_norm").relu();
            (x + y.conv("b", conv(4, 3).pad(1)).bn("b_norm"))
                .relu()
                .output("maps")
        });
        let graph = graph.unwrap();
        let path = |id: NodeId| graph.nodes()[id].path.as_str();
        let leads = |op: &Op| matches!(op, Op::Conv(_));
        let found = fuse(&graph, &vec![true; graph.nodes().len()], leads);
        let names: Vec<_> = found
            .iter()
            .map(|group| (path(group.first), path(group.last), group.residual))
            .collect();
        let expected = [
            ("input", "input", None),
            ("a", "relu", None),
            ("b", "relu_2", Some(0)),
        ];
        assert_eq!(names, expected);
        let alone = fuse(&graph, &vec![true; graph.nodes().len()], |_| false);
        let single = (0..graph.nodes().len()).map(|id| FusedGroup::single(&graph, id));
        assert_eq!(alone, single.collect::<Vec<_>>());
    }
}

//! How much memory do a network's activations take, per sample?

use super::Overflow;
use crate::graph::{Graph, Node, freed_after};

pub(super) fn activations(_: &Graph, node: &Node) -> Option<u64> {
    node.shape.elements()
}

/// The largest number of values alive at once in an evaluation-mode forward pass that runs the
/// layers in order, frees each output after its last reader and does nothing in place.
///
/// # Errors
/// [`Overflow`], with the layer at which the sum left 64 bits.
pub fn peak_activations(graph: &Graph) -> Result<u64, Overflow> {
    let overflow = |node: &Node| Overflow {
        path: node.path.clone(),
        quantity: "activations",
    };
    let (nodes, live) = (graph.nodes(), graph.live());
    let size = |node: &Node| node.shape.elements().ok_or_else(|| overflow(node));
    let mut outlives = vec![false; nodes.len()];
    outlives[graph.outputs()[0].node] = true;
    let run: Vec<usize> = (0..nodes.len()).filter(|&id| live[id]).collect();
    let touched = |&id: &usize| nodes[id].inputs.iter().copied().chain([id]);
    let freed = freed_after(&outlives, run.iter().map(touched));
    let (mut alive, mut peak) = (0u64, 0u64);
    for (&id, freed) in run.iter().zip(freed) {
        let node = &nodes[id];
        alive = (alive.checked_add(size(node)?)).ok_or_else(|| overflow(node))?;
        peak = peak.max(alive);
        for done in freed {
            alive -= size(&nodes[done])?;
        }
    }
    Ok(peak)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Shape, conv};

    #[test]
    fn a_shortcut_keeps_its_source_alive() {
        let chain = Graph::build(Shape::map(1, 4, 4), |x| {
            x.conv("a", conv(1, 1)).relu().relu()
        })
        .unwrap();
        assert_eq!(peak_activations(&chain).unwrap(), 32);
        let residual = Graph::build(Shape::map(1, 4, 4), |x| {
            let y = x.conv("a", conv(1, 1)).relu();
            x + y
        })
        .unwrap();
        assert_eq!(peak_activations(&residual).unwrap(), 48);
    }
}

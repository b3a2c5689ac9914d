//! How much memory do a network's activations take, per sample?

use super::Overflow;
use crate::graph::{Graph, Node};

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
    let live = graph.live();
    let mut last_reader: Vec<usize> = (0..graph.nodes().len()).collect();
    for (id, node) in graph.nodes().iter().enumerate().filter(|&(id, _)| live[id]) {
        for &input in &node.inputs {
            last_reader[input] = id;
        }
    }
    // the prediction outlives the pass
    last_reader[graph.outputs()[0].node] = graph.nodes().len();
    let (mut alive, mut peak) = (0u64, 0u64);
    for (id, node) in graph.nodes().iter().enumerate().filter(|&(id, _)| live[id]) {
        let size = node.shape.elements().ok_or_else(|| overflow(node))?;
        alive = alive.checked_add(size).ok_or_else(|| overflow(node))?;
        peak = peak.max(alive);
        for (i, &input) in node.inputs.iter().enumerate() {
            // an input that is read twice is freed once
            if last_reader[input] == id && !node.inputs[..i].contains(&input) {
                alive -= graph.nodes()[input]
                    .shape
                    .elements()
                    .ok_or_else(|| overflow(node))?;
            }
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

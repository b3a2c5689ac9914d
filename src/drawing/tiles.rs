//! Which boxes does a network's drawing have?
//!
//! A box is a layer with what merely follows it (batch norm, activations) or prepares its input.

use crate::graph::{Drawn, Graph, NodeId, Op};

/// One box of the drawing.
pub(super) struct Tile {
    /// Its layers in order; none for an output's label.
    pub(super) nodes: Vec<NodeId>,
    /// Where in `nodes` its main layer stands.
    pub(super) main: usize,
    /// The boxes that it reads, in order, as often as it reads them.
    pub(super) inputs: Vec<usize>,
    /// The output's name, for a label.
    pub(super) output: Option<String>,
}

impl Tile {
    /// Whether it is more than the place at which a network's ways end.
    pub(super) fn is_drawn(&self) -> bool {
        !self.nodes.is_empty() || self.output.is_some()
    }
}

/// The boxes, every one behind those that it reads, and the place of the prediction's label.
pub(super) fn tiles(graph: &Graph) -> (Vec<Tile>, usize) {
    let nodes = graph.nodes();
    let mut readers = vec![0usize; nodes.len()];
    for node in nodes {
        for &input in &node.inputs {
            readers[input] += 1;
        }
    }
    for output in graph.outputs() {
        readers[output.node] += 1;
    }
    let mut tiles: Vec<Tile> = Vec::new();
    let mut tile_of = vec![0usize; nodes.len()];
    for (id, node) in nodes.iter().enumerate() {
        // a layer whose one input nobody else reads may share its box
        let before = match node.inputs[..] {
            [input] if readers[input] == 1 => Some((tile_of[input], input)),
            _ => None,
        };
        let home = before.filter(|&(tile, input)| {
            let waiting = tiles[tile].nodes.iter().all(|&n| follows(&nodes[n].op));
            waiting || (follows(&node.op) && nodes[input].op != Op::Input)
        });
        if let Some((tile, _)) = home {
            tile_of[id] = tile;
            let tile = &mut tiles[tile];
            tile.nodes.push(id);
            if follows(&nodes[tile.nodes[tile.main]].op) && !follows(&node.op) {
                tile.main = tile.nodes.len() - 1;
            }
        } else {
            tile_of[id] = tiles.len();
            tiles.push(Tile {
                nodes: vec![id],
                main: 0,
                inputs: node.inputs.iter().map(|&input| tile_of[input]).collect(),
                output: None,
            });
        }
    }
    spread_concats(graph, &mut tiles);
    let end = tiles.len();
    tiles.extend(graph.outputs().iter().map(|output| Tile {
        nodes: Vec::new(),
        main: 0,
        inputs: vec![tile_of[output.node]],
        output: Some(output.name.clone()),
    }));
    (tiles, end)
}

/// Whether a layer goes into the box of the layer before it.
fn follows(op: &Op) -> bool {
    op.kind().drawn == Drawn::Behind
}

/// A concatenation of a concatenation reads the parts themselves, so that a dense block is drawn with
/// all its connections, whether its description keeps a list of parts or one growing value.
fn spread_concats(graph: &Graph, tiles: &mut [Tile]) {
    let concat = |tile: &Tile| {
        tile.nodes
            .first()
            .is_some_and(|&node| graph.nodes()[node].op == Op::Concat)
    };
    // only one that some other layer reads too: its box must keep a reader
    let mut spread = vec![false; tiles.len()];
    for tile in tiles.iter() {
        if !concat(tile) {
            for &input in &tile.inputs {
                spread[input] = concat(&tiles[input]) && tiles[input].nodes.len() == 1;
            }
        }
    }
    for id in 0..tiles.len() {
        if concat(&tiles[id]) {
            tiles[id].inputs = tiles[id]
                .inputs
                .iter()
                .flat_map(|&input| {
                    if spread[input] {
                        tiles[input].inputs.clone()
                    } else {
                        vec![input]
                    }
                })
                .collect();
        }
    }
}

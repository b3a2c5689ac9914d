//! A drawing of a network, made from its graph: boxes from the input down to the prediction, repeated
//! parts once, shapes on the arrows.
//!
//! graph, [`tiles`] (boxes), [`parts`] (series, forks, tangles), [`fold`] (repeats), [`layout`] (a
//! sketch of it), [`svg`]: each step knows only the one before it.

mod column;
mod fold;
mod fork;
mod grid;
mod layout;
mod parts;
mod share;
mod sketch;
mod svg;
mod tangle;
mod text;
mod tiles;

#[cfg(test)]
mod tests;

use crate::graph::Graph;
use layout::Layout;
use maud::{Markup, html};
use parts::Part;
use sketch::{End, Sketch};
use text::Text;
use tiles::Tile;

/// Drawings of more boxes than this are shown on request.
const MOST_OPEN: usize = 45;

/// A network's boxes and where they stand.
struct Drawing {
    tiles: Vec<Tile>,
    parts: Vec<Part>,
    sketch: Sketch,
}

/// The drawing of a network, closed if it is long.
pub(super) fn drawing(name: &str, graph: &Graph) -> Markup {
    let drawing = sketch(graph);
    let (all, drawn) = fold::count(&drawing.tiles, &drawing.parts);
    let label = format!(
        "Drawing of {name}: from its input of {} to its output of {}, {drawn} boxes{}",
        text::shape(graph.input()),
        text::shape(graph.prediction().shape),
        if drawn < all {
            format!(" that stand for {all}, since repeated parts are drawn once")
        } else {
            String::new()
        },
    );
    let title = |tile: usize| {
        let nodes = drawing.tiles[tile].nodes.iter();
        let paths: Vec<&str> = nodes.map(|&id| graph.nodes()[id].path.as_str()).collect();
        paths.join(", ")
    };
    let wires = &drawing.sketch.wires;
    let brackets = wires.iter().any(|wire| wire.end == End::Bracket);
    html! {
        details.drawing open[drawn <= MOST_OPEN] {
            summary { "Drawing of " (name) }
            div.wide tabindex="0" role="region" aria-label={"Drawing of " (name)} {
                (svg::svg(&drawing.sketch, &label, title))
            }
            p.source {
                "Beside the arrows: maps x rows x columns. \"/2\" is a stride."
                @if brackets { " What a bracket spans comes so many times." }
            }
        }
    }
}

fn sketch(graph: &Graph) -> Drawing {
    let (mut tiles, end) = tiles::tiles(graph);
    let parts = parts::parts(&mut tiles, end);
    let parts = fold::fold(graph, &tiles, parts);
    let texts: Vec<Text> = tiles.iter().map(|tile| text::text(graph, tile)).collect();
    let layout = Layout {
        graph,
        tiles: &tiles,
        texts: &texts,
    };
    let sketch = layout.drawing(&parts);
    Drawing {
        tiles,
        parts,
        sketch,
    }
}

//! How does a network look? A drawing, made from its graph: boxes from the input down to the prediction,
//! repeated parts once, shapes on the arrows.
//!
//! graph, `tiles.rs` (boxes), `parts.rs` (series, forks, tangles), `fold.rs` (repeats), `layout.rs` (a
//! sketch of it), `svg.rs`: each step knows only the one before it.

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
use crate::visible;
use layout::Layout;
use maud::{Markup, PreEscaped, html};
use parts::Part;
use sketch::{End, Sketch};
use text::Text;
use tiles::Tile;

/// The colours of drawings, by name, for light and dark; a page around drawings may use them too.
pub const COLOURS: &str = include_str!("drawing/colours.css");

/// What a page around drawings has among its styles, behind [`COLOURS`].
pub const STYLE: &str = include_str!("drawing/drawing.css");

/// A network's boxes and where they stand.
pub struct Drawing<'a> {
    name: &'a str,
    graph: &'a Graph,
    tiles: Vec<Tile>,
    parts: Vec<Part>,
    sketch: Sketch,
}

/// The drawing of a network of that name.
pub fn drawing<'a>(name: &'a str, graph: &'a Graph) -> Drawing<'a> {
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
        name,
        graph,
        tiles,
        parts,
        sketch,
    }
}

impl Drawing<'_> {
    /// How many boxes of layers it has.
    pub fn boxes(&self) -> usize {
        fold::count(&self.tiles, &self.parts).1
    }

    /// Whether a bracket says how often something comes.
    pub fn has_brackets(&self) -> bool {
        let wires = &self.sketch.wires;
        wires.iter().any(|wire| wire.end == End::Bracket)
    }

    /// The drawing as SVG, for a page that has [`COLOURS`] and [`STYLE`].
    pub fn svg(&self) -> Markup {
        self.drawn(&html! {})
    }

    /// The drawing as a file of its own.
    pub fn file(&self) -> String {
        let own = ".network:root { background: var(--paper); }\n";
        let style = html! { style { (PreEscaped([COLOURS, STYLE, own].concat())) } };
        let file = self.drawn(&style).into_string();
        visible::text(&file).into_owned()
    }

    fn drawn(&self, style: &Markup) -> Markup {
        let (all, drawn) = fold::count(&self.tiles, &self.parts);
        let label = format!(
            "Drawing of {}: from its input of {} to its output of {}, {drawn} boxes{}",
            self.name,
            text::shape(self.graph.input()),
            text::shape(self.graph.prediction().shape),
            if drawn < all {
                format!(" that stand for {all}, since repeated parts are drawn once")
            } else {
                String::new()
            },
        );
        let title = |tile: usize| {
            let nodes = self.tiles[tile].nodes.iter();
            let paths: Vec<&str> =
                (nodes.map(|&id| self.graph.nodes()[id].path.as_str())).collect();
            paths.join(", ")
        };
        svg::svg(&self.sketch, &label, style, title)
    }
}

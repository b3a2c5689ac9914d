//! Laws of drawings, on every registered model and on small networks of each structure.

use super::sketch::{Placed, Wire};
use super::{Drawing, drawing, fold, parts, svg, tiles};
use crate::graph::{Graph, Shape, Value, concat, conv, mean, pool};
use crate::zoo::Registry;

fn build(describe: impl for<'g> FnOnce(Value<'g>) -> Value<'g>) -> Graph {
    Graph::build(Shape::map(8, 16, 16), describe).unwrap()
}

fn unit<'g>(x: Value<'g>, name: &str) -> Value<'g> {
    x.conv(name, conv(8, 3).pad(1))
        .bn(format!("{name}_bn"))
        .relu()
}

fn residual() -> Graph {
    build(|x| {
        let x = unit(x, "a");
        (unit(unit(x, "b"), "c") + x).relu()
    })
}

fn inception() -> Graph {
    build(|x| {
        let pooled = x.max_pool("pool", pool(3).stride(1).pad(1));
        concat(&[
            unit(x, "a"),
            unit(unit(x, "b"), "c"),
            unit(unit(x, "d"), "e"),
            unit(pooled, "f"),
        ])
        .global_avg_pool()
        .flatten()
        .linear("fc", 4)
    })
}

/// A list of parts that every layer reads, or one value that grows.
fn dense(layers: usize, grows: bool) -> Graph {
    build(|x| {
        let mut parts = vec![unit(x, "stem")];
        for i in 0..layers {
            let read = concat(&parts);
            let new = unit(read, &format!("layer{i}"));
            if grows {
                parts = vec![read, new];
            } else {
                parts.push(new);
            }
        }
        concat(&parts).relu()
    })
}

fn fractal() -> Graph {
    fn columns<'g>(x: Value<'g>, name: &str, left: usize) -> Value<'g> {
        let one = unit(x, &format!("{name}c"));
        if left == 0 {
            return one;
        }
        let half = columns(x, &format!("{name}a"), left - 1);
        mean(&[one, columns(half, &format!("{name}b"), left - 1)], 0.15)
    }
    build(|x| columns(x, "f", 2))
}

fn gated() -> Graph {
    build(|x| {
        let y = unit(x, "a");
        let gate = y.global_avg_pool().conv("down", conv(2, 1)).relu();
        let gate = gate.conv("up", conv(8, 1)).sigmoid();
        (y * gate + x).relu()
    })
}

/// Each value of it has two readers, so nothing cuts it.
fn highway() -> Graph {
    build(|x| {
        let transform = x.conv("t", conv(8, 3).pad(1)).sigmoid();
        let carry = transform.scale(-1.0, 1.0);
        unit(x, "h") * transform + x * carry
    })
}

fn with_heads() -> Graph {
    build(|x| {
        let x = unit(x, "a");
        x.flatten().linear("head", 4).output("aux");
        let y = unit(x, "b");
        concat(&[x, y]).flatten().linear("both", 4).output("both");
        unit(y, "c")
    })
}

fn examples() -> Vec<Graph> {
    vec![
        residual(),
        inception(),
        dense(2, false),
        dense(2, true),
        fractal(),
        gated(),
        highway(),
        with_heads(),
    ]
}

fn every() -> Vec<Graph> {
    let registry = Registry::builtin();
    let models = registry.models().map(|model| model.graph().unwrap());
    let long = [dense(20, false), dense(20, true)];
    models.chain(examples()).chain(long).collect()
}

#[test]
fn folding_keeps_the_number_of_layers() {
    for graph in every() {
        let (mut tiles, end) = tiles::tiles(&graph);
        let layers: usize = tiles.iter().map(|tile| tile.nodes.len()).sum();
        assert_eq!(layers, graph.nodes().len());
        let boxes = tiles.iter().filter(|tile| !tile.nodes.is_empty()).count();
        let parts = parts::parts(&mut tiles, end);
        assert_eq!(fold::count(&tiles, &parts), (boxes, boxes));
        let (all, drawn) = fold::count(&tiles, &fold::fold(&graph, &tiles, parts));
        assert_eq!(all, boxes);
        let Drawing { sketch, tiles, .. } = drawing("net", &graph);
        let placed = sketch.boxes.iter().filter_map(|placed| placed.tile);
        let layers = placed.filter(|&tile| !tiles[tile].nodes.is_empty());
        assert_eq!(layers.count(), drawn);
    }
}

#[test]
fn every_box_of_a_small_network_is_drawn_once() {
    for graph in examples() {
        let Drawing { sketch, tiles, .. } = drawing("net", &graph);
        let mut drawn: Vec<usize> = sketch.boxes.iter().filter_map(|b| b.tile).collect();
        drawn.sort_unstable();
        let all = (0..tiles.len()).filter(|&id| tiles[id].is_drawn());
        let all: Vec<usize> = all.collect();
        assert_eq!(drawn, all);
    }
}

#[test]
fn boxes_and_arrows_keep_apart() {
    for graph in every() {
        let Drawing { sketch, .. } = drawing("net", &graph);
        let (width, height) = svg::size(&sketch);
        for (i, a) in sketch.boxes.iter().enumerate() {
            assert!(
                a.x >= -sketch.left && a.x + a.width <= sketch.right,
                "{a:?}"
            );
            assert!(a.y >= 0 && a.y + a.height <= height, "{a:?}");
            for b in &sketch.boxes[i + 1..] {
                assert!(!overlap(a, b), "{a:?} lies on {b:?}, {width} wide");
            }
            for wire in &sketch.wires {
                assert!(!crosses(wire, a), "{wire:?} runs through {a:?}");
            }
        }
    }
}

fn overlap(a: &Placed, b: &Placed) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

fn crosses(wire: &Wire, placed: &Placed) -> bool {
    wire.points.windows(2).any(|ends| {
        let [(x0, y0), (x1, y1)] = [ends[0], ends[1]];
        x0.min(x1) < placed.x + placed.width
            && placed.x < x0.max(x1)
            && y0.min(y1) < placed.y + placed.height
            && placed.y < y0.max(y1)
    })
}

#[test]
fn a_dense_block_is_drawn_alike_however_it_is_written() {
    let shape = |graph: &Graph| {
        let Drawing { sketch, .. } = drawing("net", graph);
        let mut wires: Vec<_> = sketch.wires.into_iter().map(|wire| wire.points).collect();
        wires.sort();
        wires
    };
    assert_eq!(shape(&dense(20, false)), shape(&dense(20, true)));
}

#[test]
fn text_is_escaped() {
    let graph = build(|x| {
        let y = x.conv("<i>&\"", conv(2, 1));
        y.relu().output("<script>");
        y
    });
    let page = drawing("<b>", &graph).file();
    for hostile in ["<b>", "<script>", "<i>"] {
        assert!(!page.contains(hostile));
    }
    assert!(page.contains("&lt;script&gt;") && page.contains("&lt;i&gt;&amp;&quot;"));
}

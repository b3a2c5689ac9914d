//! How is a sketch written as SVG?

use super::sketch::{End, Placed, Sketch, Wire};
use super::text::LINE;
use maud::{Markup, html};
use std::fmt::Write;

/// Space around the drawing.
const MARGIN: i32 = 4;
/// Largest radius of an arrow's corners.
const ROUND: i32 = 6;

/// The drawing, with its style if it needs one, and with `title` of each box for a mouse that rests on it.
pub(super) fn svg(
    sketch: &Sketch,
    label: &str,
    style: &Markup,
    title: impl Fn(usize) -> String,
) -> Markup {
    let (width, height) = size(sketch);
    // on half units, so that thin lines meet the screen's pixels
    let origin = format!("translate({}.5 {MARGIN}.5)", sketch.left + MARGIN);
    html! {
        svg.network xmlns="http://www.w3.org/2000/svg" role="img" aria-label=(label)
            width=(width) height=(height) viewBox={"0 0 " (width) " " (height)}
            // its text of 12 px may shrink to 11; then the drawing is scrolled
            style={"min-width:" (width * 11 / 12 + 1) "px"} {
            (style)
            g transform=(origin) {
                @for wire in &sketch.wires {
                    path.bracket[wire.end == End::Bracket] d=(path(wire)) {}
                    @if wire.end == End::Arrow { path.head d=(head(wire)) {} }
                }
                @for placed in &sketch.boxes {
                    g class=(placed.kind) {
                        @if let Some(tile) = placed.tile { title { (title(tile)) } }
                        (rect(placed))
                        @for (i, line) in (0..).zip(&placed.lines) {
                            text x=(placed.x + placed.width / 2) y=(placed.y + 14 + LINE * i) {
                                @for (words, lesser) in line {
                                    tspan.lesser[*lesser] { (words) }
                                }
                            }
                        }
                    }
                }
                @for note in &sketch.notes {
                    text.note.before[note.before] x=(note.x) y=(note.y) { (note.text) }
                }
            }
        }
    }
}

/// Units from edge to edge.
pub(super) fn size(sketch: &Sketch) -> (i32, i32) {
    (
        sketch.left + sketch.right + 2 * MARGIN,
        sketch.height + 2 * MARGIN,
    )
}

fn rect(placed: &Placed) -> Markup {
    let round = match placed.kind {
        "join" | "gate" | "end" => 11,
        _ => 4,
    };
    html! {
        rect x=(placed.x) y=(placed.y) width=(placed.width) height=(placed.height) rx=(round) {}
    }
}

/// Strokes with round corners.
fn path(wire: &Wire) -> String {
    let points = &wire.points;
    let mut path = format!("M{} {}", points[0].0, points[0].1);
    for (i, &(x, y)) in points.iter().enumerate().skip(1) {
        let Some(&next) = points.get(i + 1) else {
            // infallible, as below: a String takes all
            let _ = write!(path, "L{x} {y}");
            break;
        };
        let before = toward((x, y), points[i - 1]);
        let behind = toward((x, y), next);
        let _ = write!(
            path,
            "L{} {}Q{x} {y} {} {}",
            before.0, before.1, behind.0, behind.1
        );
    }
    path
}

/// The point at which a corner's curve meets the stroke to another point.
fn toward((x, y): (i32, i32), (to_x, to_y): (i32, i32)) -> (i32, i32) {
    let step = |from: i32, to: i32| ((to - from) / 2).clamp(-ROUND, ROUND);
    (x + step(x, to_x), y + step(y, to_y))
}

/// A small triangle whose tip is the wire's end.
fn head(wire: &Wire) -> String {
    let [.., (from_x, from_y), (x, y)] = wire.points[..] else {
        return String::new();
    };
    if from_x == x {
        let back = 6 * (from_y - y).signum();
        format!("M{x} {y}l-3 {back}h6z")
    } else {
        let back = 6 * (from_x - x).signum();
        format!("M{x} {y}l{back} -3v6z")
    }
}

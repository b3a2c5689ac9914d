//! Plots, as SVG that follows the page's colours.

mod axis;
mod bars;
mod curves;
mod forest;
mod lines;
mod network;
mod ratios;
mod roofline;
mod scatter;

pub(super) use bars::{Bar, bars};
pub(super) use curves::{Curve, Spread, curves};
pub(super) use forest::{Row, Ruler, Tone, forest};
pub(super) use lines::{Line, lines};
pub(super) use network::{parameters, receptive_field};
pub(super) use ratios::{Dot, Series, ratios};
pub(super) use roofline::roofline;
pub(super) use scatter::{Mark, scatter};

use axis::Axis;
use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;

/// Lines and text; the page's stylesheet turns it into the theme's colour.
const INK: RGBColor = RGBColor(0, 0, 0);
/// Bars and curves; readable on light and dark.
const ACCENT: RGBColor = RGBColor(0x3b, 0x82, 0xc4);
/// In units of the drawing: what a phone shows nearly at full size, so that text stays legible.
const WIDTH: u32 = 390;
/// A plot with many names; a phone scrolls it.
const BROAD: u32 = 640;
/// Plotters writes four fifths of a size into the SVG.
const LABEL: (&str, i32) = ("sans-serif", 15);
/// Parts of a bar and lines, from the first on; all readable on light and dark.
const PARTS: [RGBColor; 3] = [
    ACCENT,
    RGBColor(0xd9, 0x82, 0x2b),
    RGBColor(0x5f, 0x9e, 0x6e),
];

/// Curves, from the first on; the first three are those of parts.
const SERIES: [RGBColor; 6] = [
    PARTS[0],
    PARTS[1],
    PARTS[2],
    RGBColor(0x9a, 0x6f, 0xc4),
    RGBColor(0xd0, 0x56, 0x6e),
    RGBColor(0x2a, 0x9a, 0x9c),
];

/// So many curves have colours of their own.
pub(super) const COLOURS: usize = SERIES.len();

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// An SVG with a title; nothing if the plot cannot be drawn.
fn draw(
    title: &str,
    (width, height): (u32, u32),
    paint: impl FnOnce(&DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Drawn,
) -> Option<Markup> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        paint(&root).ok()?;
        root.present().ok()?;
    }
    let picture = html! { div role="img" aria-label=(title) { (PreEscaped(svg)) } };
    let broad = width > WIDTH;
    Some(html! {
        figure.plot.broad[broad] {
            @if broad {
                div.wide tabindex="0" role="region" aria-label=(title) { (picture) }
            } @else {
                (picture)
            }
            figcaption { (title) }
        }
    })
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

/// Axes with names, ticks and a faint grid.
fn axes(
    chart: &mut Chart<'_, '_>,
    x_name: &str,
    y_name: &str,
    x_tick: &dyn Fn(&f64) -> String,
    y_tick: &dyn Fn(&f64) -> String,
) -> Drawn {
    let label = LABEL.into_font().color(&INK);
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.15))
        .axis_style(INK)
        .label_style(label.clone())
        .axis_desc_style(label)
        .x_labels(6)
        .y_labels(6)
        .x_desc(x_name)
        .y_desc(y_name)
        .x_label_formatter(&x_tick)
        .y_label_formatter(&y_tick)
        .draw()?;
    Ok(())
}

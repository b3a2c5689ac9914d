//! Lines over layers, on a logarithmic axis.

use super::axis::Axis;
use super::{BROAD, INK, LABEL, PARTS, axes, draw};
use maud::Markup;
use plotters::prelude::*;

/// A line.
pub(in crate::report) struct Line {
    /// Its name.
    pub label: String,
    /// Positive values, one a layer.
    pub values: Vec<f64>,
}

/// Lines from the first layer to the last, with a legend. Of twice as many lines as there are colours
/// the second half is drawn thin.
pub(in crate::report) fn lines(
    title: &str,
    x_name: &str,
    y_name: &str,
    lines: &[Line],
) -> Option<Markup> {
    let logs: Vec<Vec<(f64, f64)>> = lines
        .iter()
        .map(|line| {
            let values = (1u32..)
                .zip(&line.values)
                .filter(|&(_, &value)| value > 0.0);
            values
                .map(|(i, value)| (f64::from(i), value.log10()))
                .collect()
        })
        .collect();
    let all = || logs.iter().flatten();
    let end = all().map(|point| point.0).fold(2.0, f64::max);
    let low = all().map(|point| point.1).reduce(f64::min)?.floor();
    let high = all().map(|point| point.1).reduce(f64::max)?.ceil();
    let rows = lines.len().div_ceil(PARTS.len());
    let head = 20 * rows as u32 + 4;
    draw(title, (BROAD, 360 + head), |root| {
        let style = |i: usize| {
            let width = if i < PARTS.len() { 3 } else { 1 };
            PARTS[i % PARTS.len()].stroke_width(width)
        };
        let label = LABEL.into_font().color(&INK);
        for (i, line) in lines.iter().enumerate() {
            let x = 8 + (i % PARTS.len()) as i32 * BROAD as i32 / PARTS.len() as i32;
            let y = 12 + 20 * (i / PARTS.len()) as i32;
            root.draw(&PathElement::new([(x, y), (x + 20, y)], style(i)))?;
            root.draw(&Text::new(line.label.clone(), (x + 26, y - 6), &label))?;
        }
        let (_, below) = root.split_vertically(head);
        let mut chart = ChartBuilder::on(&below)
            .margin(8)
            .set_label_area_size(LabelAreaPosition::Left, 56)
            .set_label_area_size(LabelAreaPosition::Bottom, 48)
            .build_cartesian_2d(
                Axis::plain(1.0..end),
                Axis::logarithmic(low..high.max(low + 1.0)),
            )?;
        axes(&mut chart, x_name, y_name, &|v| format!("{v:.0}"), &|v| {
            format!("1e{v:.0}")
        })?;
        for (i, points) in logs.iter().enumerate() {
            chart.draw_series(LineSeries::new(points.iter().copied(), style(i)))?;
        }
        Ok(())
    })
}

//! Points with names.

use super::{ACCENT, INK, WIDTH, axes, draw};
use maud::Markup;
use plotters::prelude::*;
use std::collections::BTreeSet;

/// A point of a scatter plot.
pub(in crate::report) struct Mark {
    /// Its name.
    pub label: String,
    /// What it belongs to; one name of each group is tried first.
    pub group: &'static str,
    /// Horizontal value.
    pub x: f64,
    /// Vertical value.
    pub y: f64,
}

/// Points with as many names as fit without touching each other.
pub(in crate::report) fn scatter(
    title: &str,
    x_name: &str,
    y_name: &str,
    log_x: bool,
    log_y: bool,
    marks: Vec<Mark>,
) -> Option<Markup> {
    let place = |log: bool, value: f64| if log { value.max(1.0).log10() } else { value };
    let points: Vec<(f64, f64)> = marks
        .iter()
        .map(|mark| (place(log_x, mark.x), place(log_y, mark.y)))
        .collect();
    let range = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)));
        let margin = ((high - low) * 0.06).max(0.05);
        low - margin..high + margin
    };
    let (xs, ys) = (
        range(&mut points.iter().map(|p| p.0)),
        range(&mut points.iter().map(|p| p.1)),
    );
    draw(title, 420, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .set_label_area_size(LabelAreaPosition::Left, 56)
            .set_label_area_size(LabelAreaPosition::Bottom, 48)
            .build_cartesian_2d(xs, ys)?;
        let tick = |log: bool, v: f64| {
            if log {
                short(10f64.powf(v))
            } else {
                format!("{v:.0}")
            }
        };
        axes(&mut chart, x_name, y_name, &|v| tick(log_x, *v), &|v| {
            tick(log_y, *v)
        })?;
        chart.draw_series(
            points
                .iter()
                .map(|&point| Circle::new(point, 4, ACCENT.mix(0.75).filled())),
        )?;
        let pixels: Vec<(i32, i32)> = points
            .iter()
            .map(|point| chart.backend_coord(point))
            .collect();
        for (i, corner) in labels(&marks, &pixels) {
            let text = ("sans-serif", 11).into_font().color(&INK);
            root.draw(&Text::new(marks[i].label.clone(), corner, &text))?;
        }
        Ok(())
    })
}

/// Which names are written where: greedily, the first of each group before the others, in the first of
/// four places beside the point that touches no name, no point and no edge.
fn labels(marks: &[Mark], points: &[(i32, i32)]) -> Vec<(usize, (i32, i32))> {
    let mut groups = BTreeSet::new();
    let (first, rest): (Vec<usize>, Vec<usize>) =
        (0..marks.len()).partition(|&i| groups.insert(marks[i].group));
    let mut taken: Vec<[i32; 4]> = points
        .iter()
        .map(|&(x, y)| [x - 3, y - 3, x + 3, y + 3])
        .collect();
    let mut placed = Vec::new();
    for i in first.into_iter().chain(rest) {
        let (x, y) = points[i];
        let (w, h) = (marks[i].label.len() as i32 * 6, 12);
        let corners = [
            (x + 6, y - 6),
            (x - 6 - w, y - 6),
            (x - w / 2, y - 18),
            (x - w / 2, y + 7),
        ];
        let free = corners.into_iter().find(|&(left, top)| {
            left > 58
                && left + w < WIDTH as i32
                && top > 0
                && top + h < 372
                && taken
                    .iter()
                    .all(|&[l, t, r, b]| left > r || left + w < l || top > b || top + h < t)
        });
        if let Some((left, top)) = free {
            taken.push([left, top, left + w, top + h]);
            placed.push((i, (left, top)));
        }
    }
    placed
}

/// A number as axes write it: 25 M, 4 G.
fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        v if v >= 1e9 => (v / 1e9, " G"),
        v if v >= 1e6 => (v / 1e6, " M"),
        v if v >= 1e3 => (v / 1e3, " k"),
        v => (v, ""),
    };
    if scaled < 10.0 && !unit.is_empty() {
        format!("{scaled:.1}{unit}")
    } else {
        format!("{scaled:.0}{unit}")
    }
}

//! Points with names.

use super::{ACCENT, Axis, BROAD, INK, axes, draw};
use maud::Markup;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::collections::BTreeSet;

/// Room for the names of the ticks.
const LEFT: u32 = 56;

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
    // one point shows nothing
    if marks.len() < 2 {
        return None;
    }
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
    let scale = |log: bool, range| {
        if log {
            Axis::logarithmic(range)
        } else {
            Axis::plain(range)
        }
    };
    draw(title, (BROAD, 420), |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .set_label_area_size(LabelAreaPosition::Left, LEFT)
            .set_label_area_size(LabelAreaPosition::Bottom, 46)
            .build_cartesian_2d(scale(log_x, xs), scale(log_y, ys))?;
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
        let text = ("sans-serif", 14).into_font().color(&INK);
        for label in labels(&marks, &pixels, 366) {
            let style = text.pos(Pos::new(label.side, VPos::Center));
            root.draw(&Text::new(
                marks[label.mark].label.clone(),
                label.at,
                &style,
            ))?;
        }
        Ok(())
    })
}

/// A name with its place.
pub(super) struct Label {
    pub mark: usize,
    /// Where it starts, has its middle or ends, by `side`.
    pub at: (i32, i32),
    pub side: HPos,
}

/// Which names are written where: greedily, the first of each group before the others, in the first of
/// four places beside the point that touches no name, no point and no edge; `floor` is the lower one. Points beyond those of the marks are only kept free.
pub(super) fn labels(marks: &[Mark], points: &[(i32, i32)], floor: i32) -> Vec<Label> {
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
        let w = marks[i].label.len() as i32 * 13 / 2;
        let places = [
            (HPos::Left, (x + 7, y)),
            (HPos::Right, (x - 7, y)),
            (HPos::Center, (x, y - 13)),
            (HPos::Center, (x, y + 13)),
        ];
        let free = places.into_iter().find_map(|(side, at)| {
            let left = match side {
                HPos::Left => at.0,
                HPos::Center => at.0 - w / 2,
                HPos::Right => at.0 - w,
            };
            let [right, top, bottom] = [left + w, at.1 - 7, at.1 + 7];
            let inside =
                left > LEFT as i32 + 8 && right < BROAD as i32 && top > 0 && bottom < floor;
            let apart = |&[l, t, r, b]: &[i32; 4]| left > r || right < l || top > b || bottom < t;
            (inside && taken.iter().all(apart)).then_some((side, at, [left, top, right, bottom]))
        });
        if let Some((side, at, area)) = free {
            taken.push(area);
            placed.push(Label { mark: i, at, side });
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
    format!("{scaled:.0}{unit}")
}

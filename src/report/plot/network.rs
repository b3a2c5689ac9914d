//! Plots of one network: where its parameters are, and how its receptive field grows.

use super::{ACCENT, Axis, INK, LABEL, WIDTH, axes, draw};
use crate::analysis::Summary;
use crate::claim::grouped;
use crate::graph::{Graph, ModuleId};
use maud::Markup;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// More bars than this are summed by scope.
const MOST_BARS: usize = 36;
/// Longest name of a bar that is written in full.
const LONGEST_NAME: usize = 26;
/// More dots than this would run into each other.
const MOST_DOTS: usize = 60;

/// Where a network keeps its parameters, a bar a layer; `None` if it has none.
pub(in crate::report) fn parameters(summary: &Summary, graph: &Graph) -> Option<Markup> {
    let bars = by_layer(summary, graph);
    let largest = bars.iter().map(|&(_, n)| n).max().filter(|&n| n > 0)?;
    let row = 20;
    let height = row * bars.len() as u32 + 8;
    let longest = bars.iter().map(|(name, _)| name.chars().count()).max();
    let names = 7 * longest.unwrap_or(0).min(LONGEST_NAME) as i32 + 16;
    let room = WIDTH as i32 - names - 90;
    let title = format!("Parameters of {} by layer", summary.model);
    draw(&title, (WIDTH, height), |root| {
        let label = LABEL.into_font().color(&INK);
        let left = label.pos(Pos::new(HPos::Right, VPos::Center));
        let right = label.pos(Pos::new(HPos::Left, VPos::Center));
        for (i, (name, n)) in (0..).zip(&bars) {
            let top = 4 + i * row as i32;
            let middle = top + row as i32 / 2;
            let length = (*n as f64 / largest as f64 * f64::from(room)).round() as i32;
            root.draw(&Text::new(shortened(name), (names - 8, middle), &left))?;
            root.draw(&Rectangle::new(
                [
                    (names, top + 4),
                    (names + length.max(1), top + row as i32 - 4),
                ],
                ACCENT.filled(),
            ))?;
            root.draw(&Text::new(
                grouped(*n),
                (names + length + 8, middle),
                &right,
            ))?;
        }
        Ok(())
    })
}

/// A name without its middle if it is long: paths differ at their ends.
fn shortened(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= LONGEST_NAME {
        return name.to_string();
    }
    let (head, tail) = (&letters[..14], &letters[letters.len() - 11..]);
    head.iter().chain(&['…']).chain(tail).collect()
}

/// Parameters by layer, or, of a deep network, by the scopes that keep the bars few.
fn by_layer(summary: &Summary, graph: &Graph) -> Vec<(String, u64)> {
    let modules = graph.modules();
    let with_params: Vec<(Vec<ModuleId>, u64)> = (summary.layers.iter())
        .filter(|row| row.params > 0)
        .filter_map(|row| {
            let layer = modules.of_layer(graph.id(&row.path)?);
            Some((modules.around(layer), row.params))
        })
        .collect();
    let at = |depth: usize| {
        let mut bars: Vec<(ModuleId, u64)> = Vec::new();
        for (around, n) in &with_params {
            let Some(&scope) = around[..depth.min(around.len())].last() else {
                continue;
            };
            match bars.last_mut() {
                Some((last, sum)) if *last == scope => *sum = sum.saturating_add(*n),
                _ => bars.push((scope, *n)),
            }
        }
        bars
    };
    let deepest = with_params.iter().map(|(around, _)| around.len()).max();
    let depths = (1..=deepest.unwrap_or(1)).rev();
    let bars = depths.map(at).find(|bars| bars.len() <= MOST_BARS);
    match bars {
        Some(bars) => {
            let named = bars.into_iter();
            named.map(|(scope, n)| (modules.path(scope), n)).collect()
        }
        None => {
            let all = with_params.iter().map(|(_, n)| *n);
            vec![("all layers".into(), all.fold(0, u64::saturating_add))]
        }
    }
}

/// How the receptive field grows along the layers that slide a window.
pub(in crate::report) fn receptive_field(summary: &Summary) -> Option<Markup> {
    summary.totals.receptive_field.as_ref()?;
    // of parallel branches the one that sees most: the others only fall behind it
    let mut points = vec![(0f64, 1f64)];
    let mut largest = 1;
    for row in summary
        .layers
        .iter()
        .filter(|row| row.live && row.kernel.is_some())
    {
        largest = largest.max(row.receptive_field.size[0]);
        points.push((points.len() as f64, largest as f64));
    }
    let rows = summary.input.get(1).map_or(1.0, |&h| h as f64);
    let top = points.iter().map(|&(_, y)| y).fold(rows, f64::max) * 1.1;
    let title = format!("Receptive field of {} along its layers", summary.model);
    draw(&title, (WIDTH, 260), |root| {
        let end = (points.len() as f64 - 1.0).max(1.0);
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .set_label_area_size(LabelAreaPosition::Left, 56)
            .set_label_area_size(LabelAreaPosition::Bottom, 46)
            .build_cartesian_2d(Axis::plain(0.0..end), Axis::plain(0.0..top))?;
        let whole = |v: &f64| format!("{v:.0}");
        axes(
            &mut chart,
            "layer with a window",
            "input rows seen by one unit",
            &whole,
            &whole,
        )?;
        let label = LABEL.into_font().color(&INK);
        chart.draw_series(LineSeries::new([(0.0, rows), (end, rows)], INK.mix(0.5)))?;
        chart.draw_series(std::iter::once(Text::new(
            format!("input: {rows:.0} rows"),
            (end * 0.02, rows + top * 0.02),
            label.pos(Pos::new(HPos::Left, VPos::Bottom)),
        )))?;
        chart.draw_series(LineSeries::new(
            points.iter().copied(),
            ACCENT.stroke_width(2),
        ))?;
        if points.len() <= MOST_DOTS {
            chart.draw_series(
                points
                    .iter()
                    .map(|&point| Circle::new(point, 3, ACCENT.filled())),
            )?;
        }
        Ok(())
    })
}

//! Operations a second against operations a byte, under what a machine can do at most.

use super::axis::Axis;
use super::scatter::{Mark, labels};
use super::{BROAD, INK, LABEL, SERIES, axes, draw};
use maud::Markup;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const HEAD: i32 = 28;
const HEIGHT: i32 = 560;
/// Room for the ticks below.
const FOOT: i32 = 54;

/// Points by group (colours in the order of `groups`, which is the legend) under the roof of so many operations
/// and bytes a second. x is operations a byte, y operations a second.
pub(in crate::report) fn roofline(
    title: &str,
    groups: &[&'static str],
    (flop_per_second, bytes_per_second): (f64, f64),
    marks: Vec<Mark>,
) -> Option<Markup> {
    let marks: Vec<Mark> = marks
        .into_iter()
        .filter(|mark| [mark.x, mark.y].iter().all(|x| x.is_finite() && *x > 0.0))
        .collect();
    let points: Vec<(f64, f64)> = (marks.iter())
        .map(|mark| (mark.x.log10(), mark.y.log10()))
        .collect();
    let (peak, bandwidth) = (flop_per_second.log10(), bytes_per_second.log10());
    // where the roof bends
    let ridge = peak - bandwidth;
    if !ridge.is_finite() {
        return None;
    }
    let range = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)));
        let margin = (high - low) * 0.06 + 0.05;
        low - margin..high + margin
    };
    let xs = range(&mut points.iter().map(|point| point.0).chain([ridge]));
    let ys = range(&mut points.iter().map(|point| point.1).chain([peak]));
    let colour = |group: &str| {
        let i = groups.iter().position(|other| *other == group).unwrap_or(0);
        SERIES[i % SERIES.len()]
    };
    draw(title, (BROAD, HEIGHT as u32), |root| {
        let label = LABEL.into_font().color(&INK);
        let right = label.pos(Pos::new(HPos::Left, VPos::Center));
        for (i, group) in (0..).zip(groups) {
            let x = 12 + i * BROAD as i32 / groups.len() as i32;
            root.draw(&Circle::new((x, 12), 5, colour(group).filled()))?;
            root.draw(&Text::new(group.to_string(), (x + 12, 12), &right))?;
        }
        let roof = [
            (xs.start, bandwidth + xs.start),
            (ridge, peak),
            (xs.end, peak),
        ];
        // the slope begins where it enters the field
        let floor = ys.start;
        let roof = roof.map(|(x, y)| match y < floor {
            true => (floor - bandwidth, floor),
            false => (x, y),
        });
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .margin_top(HEAD)
            .set_label_area_size(LabelAreaPosition::Left, 56)
            .set_label_area_size(LabelAreaPosition::Bottom, 46)
            .build_cartesian_2d(Axis::logarithmic(xs.clone()), Axis::logarithmic(ys))?;
        let power = |v: f64| crate::report::number::short(10f64.powf(v));
        axes(
            &mut chart,
            "operations a byte",
            "Gflop/s",
            &|v| power(*v),
            &|v| power(*v - 9.0),
        )?;
        chart.draw_series(LineSeries::new(roof, INK.stroke_width(2)))?;
        let dots = points.iter().zip(&marks);
        chart.draw_series(
            dots.map(|(&point, mark)| Circle::new(point, 4, colour(mark.group).mix(0.8).filled())),
        )?;
        // names keep away from the roof as from points
        let steps = (0..=200).map(|i| xs.start + (xs.end - xs.start) * f64::from(i) / 200.0);
        let above = steps.map(|x| (x, peak.min(bandwidth + x)));
        let pixels: Vec<(i32, i32)> = (points.iter().copied())
            .chain(above)
            .map(|point| chart.backend_coord(&point))
            .collect();
        let text = ("sans-serif", 14).into_font().color(&INK);
        for label in labels(&marks, &pixels, HEIGHT - FOOT) {
            let style = text.pos(Pos::new(label.side, VPos::Center));
            let name = marks[label.mark].label.clone();
            root.draw(&Text::new(name, label.at, &style))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_too_little_or_too_large() {
        let mark = |x, y| Mark {
            label: "1".into(),
            group: "forward",
            x,
            y,
        };
        let draw = |roof, mark| roofline("t", &["forward"], roof, vec![mark]);
        assert!(draw((0.0, 1.0), mark(1.0, 1.0)).is_none());
        for mark in [mark(0.0, 1e9), mark(1e-9, 1.0), mark(1e9, 1e15)] {
            let svg = draw((1e11, 1e10), mark).unwrap().into_string();
            assert!(!svg.contains("NaN") && !svg.contains("-21474"), "{svg}");
        }
    }
}

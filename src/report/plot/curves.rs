//! Curves with bands: what several runs came to on the way, their mean and their extremes.

use super::axis::Axis;
use super::{INK, LABEL, SERIES, WIDTH, axes, draw};
use crate::report::number::short;
use maud::Markup;
use plotters::prelude::*;
use std::ops::Range;

/// A curve.
pub(in crate::report) struct Curve {
    /// Its name.
    pub label: String,
    /// Its colour, by number; beyond the last they begin again.
    pub colour: usize,
    /// Whether it is drawn in dashes.
    pub dashed: bool,
    /// From left to right.
    pub points: Vec<Spread>,
}

/// What several runs have at one place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report) struct Spread {
    /// The place.
    pub x: f64,
    /// The least of them.
    pub low: f64,
    /// Their mean.
    pub mean: f64,
    /// The largest of them.
    pub high: f64,
}

impl Spread {
    /// Of some values; nothing where there are none, or one is no number.
    pub fn of(x: f64, values: &[f64]) -> Option<Spread> {
        let low = values.iter().copied().reduce(f64::min)?;
        let high = values.iter().copied().reduce(f64::max)?;
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        mean.is_finite().then_some(Spread { x, low, mean, high })
    }
}

/// More points than this need no dots.
const MOST_DOTS: usize = 12;
/// Where the largest value is more than so many times the least, the axis is logarithmic.
const WIDE: f64 = 40.0;
/// What an axis can end with and still be divided.
const LARGEST: f64 = 1e300;

/// Curves over whole numbers, with a legend; nothing where there is no point.
pub(in crate::report) fn curves(
    title: &str,
    x_name: &str,
    y_name: &str,
    curves: &[Curve],
) -> Option<Markup> {
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let least = |of: fn(&Spread) -> f64| all().map(of).reduce(f64::min);
    let most = |of: fn(&Spread) -> f64| all().map(of).reduce(f64::max);
    let (left, right) = (least(|p| p.x)?, most(|p| p.x)?);
    let (low, high) = (least(|p| p.low)?, most(|p| p.high)?.min(LARGEST));
    let log = low > 0.0 && high / low > WIDE;
    let place = |y: f64| match log {
        true => y.min(LARGEST).log10(),
        false => y.min(LARGEST),
    };
    let rows = legend_rows(curves);
    let head = 20 * rows.len() as u32 + 6;
    draw(title, (WIDTH, 262 + head), |root| {
        for (i, row) in (0..).zip(&rows) {
            for &(x, curve) in row {
                legend(root, curve, (x, 12 + 20 * i))?;
            }
        }
        let (_, below) = root.split_vertically(head);
        let y = match log {
            true => Axis::logarithmic(low.log10()..high.log10().max(low.log10() + 0.1)),
            false => Axis::fine(linear(low, high)),
        };
        let decimals = y.decimals();
        let tick = move |y: &f64| match log {
            true => short(10f64.powf(*y)),
            false if y.abs() < 1e6 => format!("{y:.decimals$}"),
            false => short(*y),
        };
        let x = match right > left {
            true => left..right,
            false => left - 0.5..right + 0.5,
        };
        let mut chart = ChartBuilder::on(&below)
            .margin(8)
            .set_label_area_size(LabelAreaPosition::Left, 56)
            .set_label_area_size(LabelAreaPosition::Bottom, 46)
            .build_cartesian_2d(Axis::plain(x), y)?;
        axes(&mut chart, x_name, y_name, &|x| format!("{x:.0}"), &tick)?;
        for curve in curves {
            let colour = SERIES[curve.colour % SERIES.len()];
            let upper = curve.points.iter().map(|p| (p.x, place(p.high)));
            let lower = curve.points.iter().rev().map(|p| (p.x, place(p.low)));
            let band: Vec<(f64, f64)> = upper.chain(lower).collect();
            if curve.points.len() > 1 {
                chart.draw_series([Polygon::new(band, colour.mix(0.16).filled())])?;
            } else {
                // a band without width would not be seen
                chart.draw_series([PathElement::new(band, colour.mix(0.5).stroke_width(6))])?;
            }
        }
        // lines come after all bands, so that none lies under one
        for curve in curves {
            let colour = SERIES[curve.colour % SERIES.len()];
            let points: Vec<(f64, f64)> =
                curve.points.iter().map(|p| (p.x, place(p.mean))).collect();
            if curve.dashed {
                let line = DashedLineSeries::new(points.clone(), 5, 4, colour.stroke_width(2));
                chart.draw_series(line)?;
            } else {
                chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?;
            }
            if points.len() <= MOST_DOTS {
                let dots = points.iter();
                chart.draw_series(dots.map(|&at| Circle::new(at, 3, colour.filled())))?;
            }
        }
        Ok(())
    })
}

/// From zero where nothing is below it, with a little room.
fn linear(low: f64, high: f64) -> Range<f64> {
    let (low, high) = (low.min(0.0), high.max(0.0));
    let room = ((high - low) * 0.05).max(1e-9);
    match low < 0.0 {
        true => low - room..high + room,
        false => 0.0..high + room,
    }
}

/// The curves by row of the legend, each with its place.
fn legend_rows(curves: &[Curve]) -> Vec<Vec<(i32, &Curve)>> {
    let longest = curves.iter().map(|curve| curve.label.chars().count()).max();
    let column = (longest.unwrap_or_default() as i32 * 13 / 2 + 42).min(WIDTH as i32);
    let columns = (WIDTH as i32 / column).max(1);
    curves
        .chunks(columns as usize)
        .map(|row| (0..).map(|i| 8 + i * column).zip(row).collect())
        .collect()
}

fn legend(
    root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    curve: &Curve,
    (x, y): (i32, i32),
) -> super::Drawn {
    let line = SERIES[curve.colour % SERIES.len()].stroke_width(3);
    let label = LABEL.into_font().color(&INK);
    if curve.dashed {
        root.draw(&PathElement::new([(x, y), (x + 8, y)], line))?;
        root.draw(&PathElement::new([(x + 13, y), (x + 21, y)], line))?;
    } else {
        root.draw(&PathElement::new([(x, y), (x + 21, y)], line))?;
    }
    root.draw(&Text::new(curve.label.clone(), (x + 27, y - 6), &label))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(values: &[&[f64]]) -> Curve {
        let points = (1u32..).zip(values);
        Curve {
            label: "a".into(),
            colour: 7,
            dashed: false,
            points: points
                .filter_map(|(x, values)| Spread::of(f64::from(x), values))
                .collect(),
        }
    }

    fn drawn(values: &[&[f64]]) -> Option<String> {
        let svg = curves("t", "epoch", "error", &[curve(values)])?.into_string();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        Some(svg)
    }

    #[test]
    fn a_spread_is_of_numbers() {
        assert_eq!(Spread::of(1.0, &[]), None);
        assert_eq!(Spread::of(1.0, &[1.0, f64::NAN]), None);
        assert_eq!(Spread::of(1.0, &[1.0, f64::INFINITY]), None);
        let spread = Spread::of(1.0, &[3.0, 1.0]).unwrap();
        assert_eq!((spread.low, spread.mean, spread.high), (1.0, 2.0, 3.0));
    }

    #[test]
    fn nothing_is_too_little_or_too_large() {
        assert!(drawn(&[]).is_none());
        assert!(drawn(&[&[f64::NAN]]).is_none());
        for values in [
            &[&[0.5][..]][..],
            &[&[0.5, 0.6]],
            &[&[0.0]],
            &[&[0.0], &[0.0]],
            &[&[1e-300], &[1e300]],
            &[&[-5.0], &[1e300]],
            &[&[f64::MAX], &[0.0]],
            &[&[-3.0, -2.0], &[-1.0, 4.0]],
            &[&[1e15], &[1e15 + 1.0]],
        ] {
            assert!(drawn(values).is_some(), "{values:?}");
        }
    }
}

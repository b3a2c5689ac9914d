//! Ratios by row on a common logarithmic axis, with the line of equality.

use super::{INK, LABEL, SERIES, WIDTH, draw};
use crate::report::number::short;
use crate::stats::Interval;
use maud::Markup;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A row: its name, and a dot of each series that has one.
pub(in crate::report) struct Series {
    /// Its name.
    pub label: String,
    /// In the order of the legend.
    pub dots: Vec<Option<Dot>>,
}

/// A ratio and its spread.
pub(in crate::report) struct Dot {
    /// The ratio.
    pub value: f64,
    /// Its spread.
    pub interval: Interval,
}

const ROW: i32 = 36;
/// A series, and the logarithms of lower end, value and upper end.
type Row = (usize, [f64; 3]);

/// Where in a row its dots stand.
const LINE: i32 = 24;
const HEAD: i32 = 30;
const FOOT: i32 = 26;
/// Where ratios are drawn.
const FIELD: (i32, i32) = (14, WIDTH as i32 - 14);

/// Rows of ratios, with a legend of the series that have one; nothing without a ratio.
pub(in crate::report) fn ratios(title: &str, names: &[String], rows: &[Series]) -> Option<Markup> {
    let is_drawable = |dot: &Dot| {
        let Interval { low, high } = dot.interval;
        [dot.value, low, high]
            .iter()
            .all(|x| x.is_finite() && *x > 0.0)
    };
    let dots = |row: &Series| -> Vec<Row> {
        let dots = row.dots.iter().enumerate();
        dots.filter_map(|(i, dot)| Some((i, dot.as_ref().filter(|dot| is_drawable(dot))?)))
            .map(|(i, dot)| {
                let Interval { low, high } = dot.interval;
                (i, [low, dot.value, high].map(f64::log2))
            })
            .collect()
    };
    let rows: Vec<(&str, Vec<Row>)> = rows
        .iter()
        .map(|row| (row.label.as_str(), dots(row)))
        .filter(|(_, dots)| !dots.is_empty())
        .collect();
    let all = || {
        rows.iter()
            .flat_map(|(_, dots)| dots.iter().map(|dot| dot.1))
    };
    // a factor of two to each side at least
    let low = all()
        .map(|[low, ..]| low)
        .reduce(f64::min)?
        .min(-1.0)
        .floor();
    let high = all()
        .map(|[.., high]| high)
        .reduce(f64::max)?
        .max(1.0)
        .ceil();
    let is_drawn = |i: usize| {
        rows.iter()
            .any(|(_, dots)| dots.iter().any(|dot| dot.0 == i))
    };
    let legend: Vec<(usize, &String)> = (names.iter().enumerate())
        .filter(|(i, _)| is_drawn(*i))
        .collect();
    let bottom = HEAD + ROW * rows.len() as i32;
    draw(title, (WIDTH, (bottom + FOOT) as u32), |root| {
        let label = LABEL.into_font().color(&INK);
        let [left, right, middle] = [HPos::Left, HPos::Right, HPos::Center]
            .map(|side| label.pos(Pos::new(side, VPos::Center)));
        for (k, (i, name)) in (0..).zip(&legend) {
            let x = 8 + k * WIDTH as i32 / legend.len().max(2) as i32;
            root.draw(&Circle::new((x, 10), 5, SERIES[*i].filled()))?;
            root.draw(&Text::new(name.to_string(), (x + 12, 10), &left))?;
        }
        let place = |log: f64| {
            let share = (log - low) / (high - low);
            FIELD.0 + (share * f64::from(FIELD.1 - FIELD.0)).round() as i32
        };
        let every = ((high - low) / 8.0).ceil().max(1.0) as i32;
        for power in (low as i32..=high as i32).filter(|power| power % every == 0) {
            let x = place(f64::from(power));
            let line = match power {
                0 => INK.mix(0.8).stroke_width(2),
                _ => INK.mix(0.15).stroke_width(1),
            };
            // beside the dots only, not through the names
            for i in 0..rows.len() as i32 {
                let middle = HEAD + i * ROW + LINE;
                let ends = [(x, middle - 8), (x, middle + 9)];
                root.draw(&PathElement::new(ends, line))?;
            }
            let text = short(2f64.powi(power));
            root.draw(&Text::new(text, (x, bottom + 12), &middle))?;
        }
        for (i, (name, dots)) in (0..).zip(&rows) {
            let (top, line) = (HEAD + i * ROW + 8, HEAD + i * ROW + LINE);
            root.draw(&Text::new(name.to_string(), (2, top), &left))?;
            let values: Vec<String> = dots.iter().map(|dot| short(dot.1[1].exp2())).collect();
            let end = WIDTH as i32 - 2;
            root.draw(&Text::new(values.join(", "), (end, top), &right))?;
            for &(series, [low, value, high]) in dots {
                let colour = SERIES[series];
                root.draw(&Rectangle::new(
                    [
                        (place(low), line - 3),
                        (place(high).max(place(low) + 1), line + 3),
                    ],
                    colour.mix(0.45).filled(),
                ))?;
                root.draw(&Circle::new((place(value), line), 5, colour.filled()))?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legend_names_what_is_drawn_within_the_plot() {
        let names = ["first", "second", "third"].map(String::from);
        let interval = Interval {
            low: 1.0,
            high: 2.0,
        };
        let dot = |value| Some(Dot { value, interval });
        let dots = vec![dot(1.5), None, dot(1.2)];
        let label = "a network".into();
        let svg = ratios("t", &names, &[Series { label, dots }]).unwrap();
        let svg = svg.into_string();
        assert!(!svg.contains("second"));
        let text = svg.split("<text").find(|text| text.contains("third"));
        let x = text
            .unwrap()
            .split("x=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next();
        assert!(x.unwrap().parse::<u32>().unwrap() < WIDTH * 2 / 3);
    }

    #[test]
    fn nothing_is_too_little_or_too_large() {
        let names = ["to a peer".to_string()];
        let draw = |value: f64| {
            let interval = Interval {
                low: value,
                high: value,
            };
            let dots = vec![Some(Dot { value, interval })];
            let label = "a network".into();
            ratios("t", &names, &[Series { label, dots }])
        };
        for value in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            assert!(draw(value).is_none());
        }
        for value in [1e-300, 1.0, 1e300] {
            let svg = draw(value).unwrap().into_string();
            assert!(!svg.contains("NaN") && !svg.contains("-21474"), "{svg}");
        }
    }
}

//! Intervals beside what they are held against, a row each.

use super::{INK, LABEL, SERIES, WIDTH, draw};
use crate::report::number::short;
use crate::stats::Interval;
use maud::Markup;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A row.
pub(in crate::report) struct Row {
    /// Its name.
    pub label: String,
    /// What stands at its end.
    pub text: String,
    /// Its colour.
    pub tone: Tone,
    /// The values of the runs.
    pub values: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// The interval.
    pub interval: Interval,
    /// What it is held against.
    pub mark: f64,
}

/// What a row says, as a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Tone {
    /// As stated.
    Good,
    /// Not as stated.
    Bad,
    /// Undecided.
    Open,
}

impl Tone {
    const fn colour(self) -> RGBColor {
        match self {
            Tone::Good => SERIES[2],
            Tone::Bad => SERIES[4],
            Tone::Open => RGBColor(0x80, 0x88, 0x92),
        }
    }
}

/// What a row's width stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Ruler {
    /// In each row something else, with the mark in the middle.
    Own,
    /// In all rows the same.
    Common,
}

/// Where intervals are drawn; beside it stand their ends.
const FIELD: (i32, i32) = (72, WIDTH as i32 - 72);
const ROW: i32 = 46;

/// Rows with a name, an interval (bar), the mean of the runs (large dot), the runs (small dots) and what
/// they are held against (upright line); `foot` says what left and right are.
pub(in crate::report) fn forest(
    title: &str,
    rows: &[Row],
    ruler: Ruler,
    foot: (&str, &str),
) -> Option<Markup> {
    let rows: Vec<&Row> = rows.iter().filter(|row| is_drawable(row)).collect();
    let below = if foot == ("", "") { 2 } else { 22 };
    let height = ROW * rows.len() as i32 + below;
    let all = rows.iter().map(|row| hull(row));
    let all = all.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    draw(title, (WIDTH, height as u32), |root| {
        let label = LABEL.into_font().color(&INK);
        let [left, right] =
            [HPos::Left, HPos::Right].map(|side| label.pos(Pos::new(side, VPos::Center)));
        for (i, row) in (0..).zip(&rows) {
            let (top, middle) = (i * ROW + 10, i * ROW + 31);
            let range = match ruler {
                Ruler::Own => centred(row),
                Ruler::Common => all,
            };
            let place = |value: f64| place(value, range);
            let room = (WIDTH as usize * 2 / 13).saturating_sub(row.text.chars().count() + 3);
            root.draw(&Text::new(cut(&row.label, room), (2, top), &left))?;
            let end = WIDTH as i32 - 2;
            root.draw(&Text::new(row.text.clone(), (end, top), &right))?;
            let colour = row.tone.colour();
            let faint = INK.mix(0.2).stroke_width(1);
            root.draw(&PathElement::new(
                [(FIELD.0, middle), (FIELD.1, middle)],
                faint,
            ))?;
            let (low, high) = (place(row.interval.low), place(row.interval.high));
            root.draw(&Rectangle::new(
                [(low, middle - 4), (high.max(low + 1), middle + 4)],
                colour.mix(0.45).filled(),
            ))?;
            for &value in &row.values {
                let at = (place(value), middle);
                root.draw(&Circle::new(at, 2, INK.mix(0.45).filled()))?;
            }
            let mark = place(row.mark);
            root.draw(&PathElement::new(
                [(mark, middle - 10), (mark, middle + 10)],
                INK.stroke_width(2),
            ))?;
            root.draw(&Circle::new((place(row.mean), middle), 5, colour.filled()))?;
            let (from, to) = (short(row.interval.low), short(row.interval.high));
            root.draw(&Text::new(from, (FIELD.0 - 8, middle), &right))?;
            root.draw(&Text::new(to, (FIELD.1 + 8, middle), &left))?;
        }
        let bottom = height - 10;
        root.draw(&Text::new(foot.0.to_string(), (2, bottom), &left))?;
        let end = WIDTH as i32 - 2;
        root.draw(&Text::new(foot.1.to_string(), (end, bottom), &right))?;
        Ok(())
    })
}

fn is_drawable(row: &Row) -> bool {
    [row.mean, row.mark, row.interval.low, row.interval.high]
        .iter()
        .chain(&row.values)
        .all(|x| x.is_finite())
}

/// The least and the largest of what a row shows.
fn hull(row: &Row) -> (f64, f64) {
    let ends = [row.interval.low, row.interval.high, row.mark];
    let all = ends.iter().chain(&row.values);
    all.fold((f64::MAX, f64::MIN), |(low, high), &x| {
        (low.min(x), high.max(x))
    })
}

/// What a row shows, as far to the left of its mark as to the right.
fn centred(row: &Row) -> (f64, f64) {
    let (low, high) = hull(row);
    let reach = (row.mark - low).max(high - row.mark);
    (row.mark - reach, row.mark + reach)
}

fn place(value: f64, (low, high): (f64, f64)) -> i32 {
    let middle = f64::from(FIELD.0 + FIELD.1) / 2.0;
    // halves do not overflow where the difference would
    let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
    let width = f64::from(FIELD.1 - FIELD.0);
    match share.is_finite() {
        true => (f64::from(FIELD.0) + share * width).round() as i32,
        false => middle.round() as i32,
    }
}

/// A name without its end, if it is longer than that.
fn cut(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_string();
    }
    let kept = name.chars().take(most.saturating_sub(1));
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(low: f64, mean: f64, high: f64, mark: f64) -> Row {
        Row {
            label: "a question whose name is longer than the line on which it has to stand".into(),
            text: "holds".into(),
            tone: Tone::Good,
            values: vec![low, high],
            mean,
            interval: Interval { low, high },
            mark,
        }
    }

    #[test]
    fn nothing_is_too_little_or_too_large() {
        for ruler in [Ruler::Own, Ruler::Common] {
            assert!(forest("t", &[], ruler, ("", "")).is_none());
            assert!(forest("t", &[row(f64::NAN, 0.0, 1.0, 0.0)], ruler, ("", "")).is_none());
            for one in [
                row(0.0, 0.0, 0.0, 0.0),
                row(1.0, 1.0, 1.0, 0.0),
                row(-1e300, 0.0, 1e300, 1.0),
                row(f64::MIN, 0.0, f64::MAX, 0.0),
                row(1e-300, 2e-300, 3e-300, 0.0),
            ] {
                let svg = forest("t", &[one], ruler, ("below", "above")).unwrap();
                let svg = svg.into_string();
                assert!(!svg.contains("NaN") && !svg.contains("-21474"), "{svg}");
            }
        }
    }
}

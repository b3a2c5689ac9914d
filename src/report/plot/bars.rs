//! Horizontal bars of one or several parts.

use super::{INK, LABEL, PARTS, WIDTH, draw};
use maud::Markup;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A bar of parts, each a share of the whole width.
pub(in crate::report) struct Bar {
    /// Its name.
    pub label: String,
    /// Shares, from 0 to 1 in sum.
    pub parts: Vec<f64>,
    /// What stands behind it.
    pub text: String,
}

/// Horizontal bars, with a legend where they have several parts.
pub(in crate::report) fn bars(title: &str, parts: &[&str], rows: &[Bar]) -> Option<Markup> {
    let row = 20;
    let head = if parts.len() > 1 { 28 } else { 4 };
    let names = 13 * rows.iter().map(|bar| bar.label.len() as i32).max()? / 2 + 12;
    let room = WIDTH as i32 - names - 60;
    draw(title, (WIDTH, head + row * rows.len() as u32 + 4), |root| {
        let label = LABEL.into_font().color(&INK);
        let left = label.pos(Pos::new(HPos::Right, VPos::Center));
        let right = label.pos(Pos::new(HPos::Left, VPos::Center));
        if parts.len() > 1 {
            for (i, part) in (0..).zip(parts) {
                let x = 4 + i * WIDTH as i32 / parts.len() as i32;
                root.draw(&Rectangle::new(
                    [(x, 8), (x + 12, 20)],
                    PARTS[i as usize % 3].filled(),
                ))?;
                root.draw(&Text::new(part.to_string(), (x + 18, 14), &right))?;
            }
        }
        for (i, bar) in (0..).zip(rows) {
            let top = head as i32 + i * row as i32;
            let middle = top + row as i32 / 2;
            root.draw(&Text::new(bar.label.clone(), (names - 6, middle), &left))?;
            let mut from = names;
            for (part, share) in bar.parts.iter().enumerate() {
                let to = from + (share * f64::from(room)).round() as i32;
                if to > from {
                    root.draw(&Rectangle::new(
                        [(from, top + 3), (to, top + row as i32 - 3)],
                        PARTS[part % 3].filled(),
                    ))?;
                }
                from = to;
            }
            root.draw(&Text::new(bar.text.clone(), (from + 6, middle), &right))?;
        }
        Ok(())
    })
}

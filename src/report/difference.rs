//! What differs between two networks, as text and as a page.

mod grouped;
mod paths;

use self::grouped::{Line, alone, changed, reshaped, tensors};
use super::frame::page;
use super::models::drawn;
use super::number::{agreeing, counted};
use super::table::{Cell, Table, numbers, words};
use crate::claim::grouped as digits;
use crate::difference::{Difference, TensorDifference, TensorRow, Totals};
use crate::few::few;
use crate::graph::Graph;
use crate::visible;
use maud::html;
use unicode_width::UnicodeWidthStr;

/// Columns of a terminal that text takes at most.
const WIDTH: usize = 80;

/// What one kind of difference consists of.
struct Section {
    title: &'static str,
    lines: Vec<Line>,
}

/// What differs between two networks, for a terminal; of each kind so many lines at most.
pub fn difference_text(names: [&str; 2], difference: &Difference, most: usize) -> String {
    let mut text = headed(names);
    text += &totals(difference).text();
    text += &wrapped(&verdict(difference), "");
    text + &sections_text(&sections(difference), most) + &remarks_text(difference)
}

/// The same in few lines, without sums.
pub fn difference_brief(difference: &Difference, most: usize) -> String {
    let text = wrapped(&verdict(difference), "");
    text + &sections_text(&sections(difference), most) + &remarks_text(difference)
}

/// What differs between two networks, as a page with both drawings.
pub fn difference_html(names: [&str; 2], difference: &Difference, graphs: [&Graph; 2]) -> String {
    let remarks = remarks(difference);
    let body = html! {
        main #content {
            h1 { "Two networks compared" }
            p { "A is " code { (names[0]) } ", B is " code { (names[1]) } "." }
            p.lead { (verdict(difference)) }
            (totals(difference).html("Sums over both networks"))
            @for section in sections(difference) {
                h2 { (section.title) }
                (table(&section.lines).html(section.title))
            }
            @for remark in remarks { p { (remark) } }
            h2 { "Drawings" }
            div.figures {
                @for ((side, name), graph) in ["A: ", "B: "].iter().zip(names).zip(graphs) {
                    (drawn(&[*side, name].concat(), graph))
                }
            }
        }
    };
    page("Two networks compared · convcheck", &body)
}

/// What differs between the tensors of two, for a terminal; of each kind so many lines at most.
pub fn tensor_difference_text(
    names: [&str; 2],
    difference: &TensorDifference,
    most: usize,
) -> String {
    let mut table = Table::new([words(""), numbers("A"), numbers("B")]);
    for (i, what) in ["tensors", "numbers in them"].iter().enumerate() {
        let cells = [difference.a[i], difference.b[i]].map(|n| Cell::new(digits(n)));
        table.row([Cell::new(what)].into_iter().chain(cells));
    }
    headed(names) + &table.text() + &tensor_difference_brief(difference, most)
}

/// The same in few lines, without sums.
pub fn tensor_difference_brief(difference: &TensorDifference, most: usize) -> String {
    wrapped(&tensor_verdict(difference), "")
        + &sections_text(&tensor_sections(difference), most)
        + &tensor_remarks(difference)
            .iter()
            .map(|remark| wrapped(remark, ""))
            .collect::<String>()
}

/// The same as a page.
pub fn tensor_difference_html(names: [&str; 2], difference: &TensorDifference) -> String {
    let body = html! {
        main #content {
            h1 { "Tensors compared" }
            p { "A is " code { (names[0]) } ", B is " code { (names[1]) } "." }
            p.lead { (tensor_verdict(difference)) }
            @for section in tensor_sections(difference) {
                h2 { (section.title) }
                (table(&section.lines).html(section.title))
            }
            @for remark in tensor_remarks(difference) { p { (remark) } }
        }
    };
    page("Tensors compared · convcheck", &body)
}

fn headed(names: [&str; 2]) -> String {
    let [a, b] = names.map(visible::line);
    format!("A: {a}\nB: {b}\n")
}

fn totals(difference: &Difference) -> Table {
    let mut table = Table::new([words(""), numbers("A"), numbers("B"), numbers("B - A")]);
    let (a, b) = (&difference.a, &difference.b);
    table.row([&"input".to_string(), &a.input, &b.input, &String::new()].map(Cell::new));
    let counts = |of: &Totals| {
        let (layers, depth) = (of.layers as u64, of.depth as u64);
        [layers, of.params, of.buffers, of.macs, depth]
    };
    let names = ["layers", "params", "buffers", "macs", "depth"];
    for ((name, a), b) in names.iter().zip(counts(a)).zip(counts(b)) {
        let more = match i128::from(b) - i128::from(a) {
            0 => String::new(),
            more @ 1.. => format!("+{}", digits(more)),
            less => digits(less),
        };
        table.row([name.to_string(), digits(a), digits(b), more].map(Cell::new));
    }
    table
}

fn verdict(difference: &Difference) -> String {
    let Difference {
        changed,
        only_a,
        only_b,
        ..
    } = difference;
    if difference.is_same() {
        return match difference.differs_in_training() {
            true => "Both compute the same once they are trained.".into(),
            false => "Both compute the same.".into(),
        };
    }
    let mut parts = Vec::new();
    for (n, what) in [
        (changed.len(), "is made otherwise"),
        (only_a.len(), "stands in A only"),
        (only_b.len(), "stands in B only"),
    ] {
        let what = match n {
            1 => what.to_string(),
            _ => what
                .replacen("is ", "are ", 1)
                .replacen("stands", "stand", 1),
        };
        if n > 0 {
            parts.push(format!("{} {what}", counted(n, "layer")));
        }
    }
    if difference.outputs.is_some() {
        parts.push("the outputs are others".into());
    }
    let other = &difference.follows;
    if parts.is_empty() {
        let have = agreeing(other.len(), "has", "have");
        parts.push(format!(
            "{} {have} other shapes",
            counted(other.len(), "layer")
        ));
    }
    format!("They differ: {}.", parts.join(", "))
}

fn sections(difference: &Difference) -> Vec<Section> {
    let all = [
        ("Made otherwise, A -> B", changed(&difference.changed)),
        ("Only in A", alone(&difference.only_a)),
        ("Only in B", alone(&difference.only_b)),
        ("In training alone, A -> B", changed(&difference.training)),
        (
            "Other shapes that follow, A -> B",
            reshaped(&difference.follows),
        ),
    ];
    let all = all
        .into_iter()
        .map(|(title, lines)| Section { title, lines });
    all.filter(|section| !section.lines.is_empty()).collect()
}

/// What there is to say beside the layers.
fn remarks(difference: &Difference) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some([a, b]) = &difference.outputs {
        remarks.push(format!("Outputs: A {}; B {}.", few(a, 4), few(b, 4)));
    }
    if let [[a, b], ..] = &difference.renamed[..] {
        let n = difference.renamed.len();
        remarks.push(format!(
            "{} {} in both, under other names: {a} in A is {b} in B{}.",
            counted(n, "layer"),
            agreeing(n, "is the same", "are the same"),
            if n > 1 { ", and so on" } else { "" }
        ));
    }
    remarks
}

fn remarks_text(difference: &Difference) -> String {
    let remarks = remarks(difference).into_iter();
    remarks.map(|remark| wrapped(&remark, "")).collect()
}

fn tensor_verdict(difference: &TensorDifference) -> String {
    let parts: Vec<String> = [
        (difference.reshaped.len(), "of another shape"),
        (difference.only_a.len(), "in A only"),
        (difference.only_b.len(), "in B only"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{} {what}", counted(n, "tensor")))
    .collect();
    match parts.is_empty() {
        true => "The tensors are the same, by name and shape.".into(),
        false => format!("They differ: {}.", parts.join(", ")),
    }
}

fn tensor_sections(difference: &TensorDifference) -> Vec<Section> {
    let reshaped = difference.reshaped.iter().map(|one| {
        let what = format!("{:?} -> {:?}", one.a, one.b);
        (one.name.as_str(), what)
    });
    let rows = |rows: &[TensorRow]| -> Vec<Line> {
        tensors(
            rows.iter()
                .map(|row| (row.name.as_str(), format!("{:?}", row.shape))),
        )
    };
    let all = [
        ("Of another shape, A -> B", tensors(reshaped)),
        ("Only in A", rows(&difference.only_a)),
        ("Only in B", rows(&difference.only_b)),
    ];
    let all = all
        .into_iter()
        .map(|(title, lines)| Section { title, lines });
    all.filter(|section| !section.lines.is_empty()).collect()
}

fn tensor_remarks(difference: &TensorDifference) -> Vec<String> {
    let mut remarks = Vec::new();
    for (side, prefix) in ["A", "B"].iter().zip(&difference.prefixes) {
        if !prefix.is_empty() {
            remarks.push(format!(
                "`{prefix}` in front of the names of {side} is left out."
            ));
        }
    }
    if !difference.unused.is_empty() {
        remarks.push(format!(
            "Not compared, since no network needs them: {}.",
            counted(difference.unused.len(), "counter or auxiliary tensor")
        ));
    }
    remarks
}

fn table(lines: &[Line]) -> Table {
    let mut table = Table::new([numbers("layers"), words("where").head(), words("what")]);
    for Line { count, place, what } in lines {
        table.row([Cell::new(count), Cell::code(place), Cell::new(what)]);
    }
    table
}

fn sections_text(sections: &[Section], most: usize) -> String {
    let mut text = String::new();
    for Section { title, lines } in sections {
        text += &format!("{title}:\n");
        for Line { count, place, what } in lines.iter().take(most) {
            let many = match count {
                1 => String::new(),
                count => format!("{count} x "),
            };
            text += &wrapped(&format!("{many}{place}: {what}"), "  ");
        }
        if let Some(more @ 1..) = lines.len().checked_sub(most) {
            text += &format!("  and {}\n", counted(more, "more line"));
        }
    }
    text
}

/// A text in lines of a terminal, those behind the first further in.
fn wrapped(text: &str, indent: &str) -> String {
    let text = visible::line(text);
    let mut lines = String::new();
    let mut line = indent.to_string();
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && line.width() + 1 + word.width() > WIDTH {
            lines += &line;
            lines.push('\n');
            line = format!("{indent}    ");
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line += word;
        is_empty = false;
    }
    lines + &line + "\n"
}

//! A network at a glance: its layers or scopes down to a depth, and totals in units that people read.

use super::number::agreeing;
use super::table::{Cell, Column, Table, numbers, words};
use crate::analysis::{Account, PadRow, Row, Summary};
use crate::claim::grouped;
use crate::visible::line;
use std::collections::BTreeMap;

/// Columns in the order in which they go where there is no room; at `digits`, numbers are shortened to three of them.
const LESS: [&str; 8] = [
    "groups", "pad", "input", "digits", "stride", "%", "kernel", "op",
];

/// A row: a layer, or those below a scope.
struct Part<'a> {
    path: String,
    first: &'a Row,
    last: &'a Row,
    layers: usize,
    params: u64,
    macs: u64,
}

/// The network on so many columns, if they are few: layers below `depth` scopes are summed up, memory is that of a batch.
pub fn shown(
    summary: &Summary,
    account: &Account,
    inputs: &[String],
    depth: Option<usize>,
    batch: u64,
    width: Option<usize>,
) -> String {
    let totals = &summary.totals;
    let field = (totals.receptive_field.as_ref()).map_or(String::new(), |of| {
        format!(
            "receptive field of {}: {}, stride {}, offset {}x{}\n",
            line(&of.layer),
            pair(&of.field.size),
            pair(&of.field.stride),
            of.field.offset[0],
            of.field.offset[1]
        )
    });
    format!(
        "{} on {}\n{}{}{}{}{field}",
        line(&summary.model),
        by(&summary.input),
        fitting(&parts(summary, inputs, depth), totals.params, width),
        counts(summary),
        conventions(account),
        memory(account, batch),
    )
}

fn counts(summary: &Summary) -> String {
    let totals = &summary.totals;
    let trainable = match totals.trainable == totals.params {
        true => "all trainable".to_string(),
        false => format!("{} trainable", grouped(totals.trainable)),
    };
    let stored = match summary.count_refused {
        Some(_) => " in the file",
        None => "",
    };
    format!(
        "{} parameters{stored} ({}; {trainable}), {} values in buffers; depth {}\n",
        grouped(totals.params),
        units(totals.params, ""),
        grouped(totals.buffers),
        totals.depth
    )
}

/// Operations as different counters count them.
fn conventions(account: &Account) -> String {
    let Account {
        products,
        biases,
        normalisation,
        pooling,
        functions,
        ..
    } = *account;
    let and = |sum: u64, more: &[u64]| more.iter().fold(sum, |sum, n| sum.saturating_add(*n));
    let normed = and(products, &[normalisation]);
    format!(
        "{} multiply-accumulates: {} = {}
(convolutions and linear layers; a multiply-accumulate counted as two)
with biases {}; with normalisation {};
with normalisation and pooling {};
with these, biases and functions of one value {}
",
        grouped(products),
        units(products, "MAC"),
        units(products.saturating_mul(2), "FLOP"),
        units(and(products, &[biases]), "MAC"),
        units(normed, "MAC"),
        units(and(normed, &[pooling]), "MAC"),
        units(and(normed, &[pooling, biases, functions]), "MAC"),
    )
}

fn memory(account: &Account, batch: u64) -> String {
    let memory = account.memory(batch);
    format!(
        "{} of weights in single precision; activations of {batch} {}:\n{} at most in inference, {} kept in training\n",
        units(memory.weights, "B"),
        agreeing(
            usize::try_from(batch).unwrap_or(usize::MAX),
            "sample",
            "samples"
        ),
        units(memory.inference, "B"),
        units(memory.training, "B"),
    )
}

/// Layers, and scopes of that depth, in the order in which they begin.
fn parts<'a>(summary: &'a Summary, inputs: &[String], depth: Option<usize>) -> Vec<Part<'a>> {
    let mut parts: Vec<Part> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for row in &summary.layers {
        let names = row.path.split('.');
        let path = match depth {
            Some(depth) if !inputs.contains(&row.path) => {
                let names: Vec<&str> = names.take(depth.max(1)).collect();
                names.join(".")
            }
            _ => row.path.clone(),
        };
        let macs = if row.live { row.macs } else { 0 };
        match places.get(&path) {
            Some(&place) => {
                let part = &mut parts[place];
                part.last = row;
                part.layers += 1;
                part.params = part.params.saturating_add(row.params);
                part.macs = part.macs.saturating_add(macs);
            }
            None => {
                places.insert(path.clone(), parts.len());
                parts.push(Part {
                    path,
                    first: row,
                    last: row,
                    layers: 1,
                    params: row.params,
                    macs: if depth.is_none() { row.macs } else { macs },
                });
            }
        }
    }
    parts
}

/// The table, without the columns that do not fit.
fn fitting(parts: &[Part], all: u64, width: Option<usize>) -> String {
    let mut left_out: Vec<&str> = Vec::new();
    loop {
        let text = table(parts, all, &left_out).whole_text();
        let is_wide =
            width.is_some_and(|width| text.lines().any(|line| line.chars().count() > width));
        match LESS.get(left_out.len()) {
            Some(next) if is_wide => left_out.push(next),
            _ => return text,
        }
    }
}

fn table(parts: &[Part], all: u64, left_out: &[&str]) -> Table {
    let columns: [fn() -> Column; 10] = [
        || words("layer"),
        || words("op"),
        || words("kernel"),
        || words("stride"),
        || words("pad"),
        || words("groups"),
        || words("input"),
        || words("output"),
        || numbers("params"),
        || numbers("%"),
    ];
    let names = [
        "layer", "op", "kernel", "stride", "pad", "groups", "input", "output", "params", "%",
        "macs",
    ];
    let there: Vec<bool> = names.iter().map(|name| !left_out.contains(name)).collect();
    let columns = columns
        .into_iter()
        .map(|column| column())
        .chain([numbers("macs")]);
    let columns = columns.zip(&there).filter(|(_, is)| **is);
    let mut table = Table::new(columns.map(|(column, _)| column));
    for part in parts {
        let cells = cells(part, all, left_out.contains(&"digits"))
            .into_iter()
            .zip(&there);
        table.row(cells.filter(|(_, is)| **is).map(|(cell, _)| cell));
    }
    table
}

fn cells(part: &Part, all: u64, are_short: bool) -> [Cell; 11] {
    let one = (part.layers == 1).then_some(part.first);
    let pair = |pair: Option<[usize; 2]>| Cell::new(pair.map_or(String::new(), |pair| side(&pair)));
    let count = |n: u64| match n {
        0 => Cell::none(),
        n if are_short => Cell::new(units(n, "")),
        n => Cell::new(grouped(n)),
    };
    [
        Cell::code(&part.path),
        Cell::new(one.map_or_else(|| format!("{} layers", part.layers), |row| row.op.into())),
        pair(one.and_then(|row| row.kernel)),
        pair(one.and_then(|row| row.stride)),
        Cell::new(match one.and_then(|row| row.pad) {
            None | Some(PadRow::Even([0, 0])) => String::new(),
            Some(PadRow::Even(pad)) => side(&pad),
            Some(PadRow::Around([before, after])) => format!("{}+{}", by(&before), by(&after)),
            Some(PadRow::Named(name)) => name.into(),
        }),
        Cell::new(match one.and_then(|row| row.groups) {
            None | Some(1) => String::new(),
            Some(groups) => groups.to_string(),
        }),
        Cell::new(by(&part.first.input)),
        Cell::new(by(&part.last.output)),
        match one.and_then(|row| row.weights_of.as_ref()) {
            Some(_) => Cell::new("shared"),
            None => count(part.params),
        },
        match part.params {
            0 => Cell::none(),
            n => Cell::new(format!("{:.1}", 100.0 * n as f64 / all.max(1) as f64)),
        },
        count(part.macs),
    ]
}

/// Three digits and a prefix: `11.7 M`, `1.81 GMAC`.
fn units(n: u64, unit: &str) -> String {
    let mut scaled = n as f64;
    let mut prefix = "";
    for next in ["k", "M", "G", "T", "P", "E"] {
        // what three digits would round up to a thousand
        if scaled < 999.5 {
            break;
        }
        (scaled, prefix) = (scaled / 1000.0, next);
    }
    let decimals = match (prefix, scaled) {
        ("", _) => 0,
        (_, ..9.995) => 2,
        (_, ..99.95) => 1,
        _ => 0,
    };
    let text = format!("{scaled:.decimals$} {prefix}{unit}");
    text.trim_end().to_string()
}

/// Rows by columns.
fn pair([h, w]: &[u64; 2]) -> String {
    format!("{h}x{w}")
}

/// One number for both directions, where they are alike.
fn side(pair: &[usize; 2]) -> String {
    match pair {
        [h, w] if h == w => h.to_string(),
        pair => by(pair),
    }
}

fn by(dims: &[usize]) -> String {
    let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
    dims.join("x")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{account, summary};
    use crate::zoo::Registry;

    fn text(model: &str, depth: Option<usize>, width: Option<usize>) -> String {
        let graph = Registry::builtin().graph(model).unwrap();
        let (summary, account) = (summary(model, &graph).unwrap(), account(&graph).unwrap());
        shown(&summary, &account, &["input".into()], depth, 1, width)
    }

    #[test]
    fn digits_are_three() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1.00 k"),
            (11_689_512, "11.7 M"),
            (999_600, "1.00 M"),
            (u64::MAX, "18.4 E"),
        ] {
            assert_eq!(units(n, ""), text);
        }
    }

    #[test]
    fn counters_of_others_are_explained() {
        let text = text("resnet50", None, None);
        for part in [
            "25,557,032 parameters (25.6 M; all trainable)",
            "4.09 GMAC = 8.18 GFLOP",
            "with normalisation 4.11 GMAC",
            "4.12 GMAC",
            "102 MB of weights",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_deep_network_is_a_page_and_fits_80_columns() {
        let short = text("densenet121", Some(2), Some(80));
        assert!(short.lines().count() < 30, "{short}");
        for depth in [None, Some(1), Some(2)] {
            let all = text("densenet121", depth, Some(80));
            let table = all.lines().filter(|line| line.starts_with(' '));
            assert!(
                table.clone().all(|line| line.chars().count() <= 80),
                "{all}"
            );
        }
    }
}

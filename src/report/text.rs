//! Tables for the terminal.

use super::standing::Standings;
use super::{counts, statements};
use crate::analysis::Summary;
use crate::claim::{Kind, Suite, grouped};
use crate::record::Record;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

/// What a check found, to be read in ten seconds.
pub fn summary(suites: &[Suite], records: &[Record]) -> String {
    let all = counts(records.iter());
    let given: Vec<usize> = (0..all.len()).filter(|&i| all[i] > 0).collect();
    let mut table = table(["system"]);
    table.set_header(
        std::iter::once(Cell::new("system"))
            .chain(given.iter().map(|&i| right(Kind::ALL[i].name())))
            .chain([right("statements")]),
    );
    let row = |name: &str, of: Vec<&Record>| {
        let counts = counts(of.iter().copied());
        let shown = |n: usize| right(if n == 0 { "-".into() } else { n.to_string() });
        std::iter::once(Cell::new(name))
            .chain(given.iter().map(|&i| shown(counts[i])))
            .chain([right(statements(of.into_iter()))])
            .collect::<Vec<_>>()
    };
    for suite in suites {
        let of: Vec<&Record> = records
            .iter()
            .filter(|r| r.system == suite.system)
            .collect();
        if !of.is_empty() {
            table.add_row(row(&suite.system, of));
        }
    }
    table.add_row(row("all", records.iter().collect()));
    // on a narrow terminal names wrap, numbers do not
    for column in table.column_iter_mut().skip(1) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    let mut text = format!("{}\n", table.trim_fmt());
    let standings = Standings::of(records);
    for (what, failures) in [
        ("differ from what is recorded", &standings.differing),
        ("refuted without a recorded verdict", &standings.refuted),
    ] {
        if !failures.is_empty() {
            text += &format!("{} {what}:\n", failures.len());
        }
        for (record, why) in failures {
            text += &format!("  {} {why}\n", record.id);
        }
    }
    if let Some(rest) = standings.rest() {
        text += &format!("{rest}\n");
    }
    text
}

/// A line for each claim.
pub fn claims(records: &[Record]) -> String {
    let mut table = table(["verdict", "claim", "stated", "found"]);
    for record in records {
        let value = |value: &Option<crate::claim::Datum>| {
            value
                .as_ref()
                .map_or(String::new(), |value| shortened(&value.to_string(), 40))
        };
        table.add_row([
            record.verdict.name().to_string(),
            record.id.clone(),
            value(&record.stated),
            value(&record.found),
        ]);
    }
    format!("{}\n", table.trim_fmt())
}

/// A network's layers and totals.
pub fn layers(summary: &Summary) -> String {
    let mut table = table(["layer", "op", "kernel", "stride", "pad", "output"]);
    table.set_header(
        ["layer", "op", "kernel", "stride", "output"]
            .map(Cell::new)
            .into_iter()
            .chain(["params", "macs"].map(right)),
    );
    let by = |dims: &[usize]| {
        dims.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("x")
    };
    let count = |n: u64| right(if n == 0 { "-".into() } else { grouped(n) });
    for row in &summary.layers {
        table.add_row([
            Cell::new(&row.path),
            Cell::new(row.op),
            Cell::new(row.kernel.map_or(String::new(), |k| by(&k))),
            Cell::new(row.stride.map_or(String::new(), |s| by(&s))),
            Cell::new(by(&row.output)),
            match row.weights_of {
                Some(_) => right("shared"),
                None => count(row.params),
            },
            count(row.macs),
        ]);
    }
    let totals = &summary.totals;
    let field = totals
        .receptive_field
        .as_ref()
        .map_or(String::new(), |field| {
            format!(
                "receptive field of {}: {}x{}, stride {}x{}, offset {}x{}\n",
                field.layer,
                field.field.size[0],
                field.field.size[1],
                field.field.stride[0],
                field.field.stride[1],
                field.field.offset[0],
                field.field.offset[1]
            )
        });
    format!(
        "{model} on {input}\n{layers}\nparams {params} ({trainable} trainable), buffers {buffers}\nmacs {macs}, depth {depth}\n{field}peak activations {peak} values per sample\n",
        layers = table.trim_fmt(),
        model = summary.model,
        input = by(&summary.input),
        params = grouped(totals.params),
        trainable = grouped(totals.trainable),
        buffers = grouped(totals.buffers),
        macs = grouped(totals.macs),
        depth = totals.depth,
        peak = grouped(totals.peak_activations),
    )
}

/// Rows under a header.
pub fn columns<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let mut table = table(header);
    for row in rows {
        table.add_row(row);
    }
    format!("{}\n", table.trim_fmt())
}

pub(super) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

pub(super) fn right(text: impl ToString) -> Cell {
    Cell::new(text.to_string()).set_alignment(CellAlignment::Right)
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_string();
    }
    text.chars().take(most - 3).chain("...".chars()).collect()
}

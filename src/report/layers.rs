//! The layers of a network, as a table.

use super::table::{Cell, Table, numbers, words};
use crate::analysis::Summary;
use crate::claim::grouped;
use crate::visible::line;

/// The layers of a network in their order.
pub(super) fn layers(summary: &Summary) -> Table {
    let mut table = Table::new([
        words("layer"),
        words("op").titled("Kind"),
        words("kernel"),
        words("stride"),
        words("output"),
        numbers("params").titled("Parameters"),
        numbers("macs").titled("Multiply-accumulates"),
        numbers("field").on_pages_only(),
    ]);
    let pair = |pair: Option<[usize; 2]>| Cell::new(pair.map_or(String::new(), |pair| by(&pair)));
    let count = |n: u64| match n {
        0 => Cell::none(),
        n => Cell::new(grouped(n)),
    };
    for row in &summary.layers {
        table.row([
            Cell::code(&row.path),
            Cell::new(row.op),
            pair(row.kernel),
            pair(row.stride),
            Cell::new(by(&row.output)),
            match row.weights_of {
                Some(_) => Cell::new("shared"),
                None => count(row.params),
            },
            count(row.macs),
            Cell::new(row.receptive_field.size[0]),
        ]);
    }
    table
}

/// A network's layers and totals, for a terminal.
pub fn text(summary: &Summary) -> String {
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
        "{model} on {input}\n{layers}params{stored} {params} ({trainable} trainable), buffers {buffers}\nmacs {macs}, depth {depth}\n{field}peak activations {peak} values per sample\n",
        layers = layers(summary).text(),
        model = line(&summary.model),
        input = by(&summary.input),
        stored = if summary.count_refused.is_some() {
            " in the file"
        } else {
            ""
        },
        params = grouped(totals.params),
        trainable = grouped(totals.trainable),
        buffers = grouped(totals.buffers),
        macs = grouped(totals.macs),
        depth = totals.depth,
        peak = grouped(totals.peak_activations),
    )
}

fn by(dims: &[usize]) -> String {
    let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
    dims.join("x")
}

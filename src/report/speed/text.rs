//! Timings for the terminal, and for Markdown.

use super::gathered::{machines, sections};
use super::standing::sentence;
use super::tables::{is_alone, kernels, networks, processors};
use crate::bench::Timing;
use crate::report::number::short;
use crate::report::plain::{item, plain};
use crate::report::table::Table;
use crate::visible::line;

/// How timings are written.
struct Form {
    /// A machine of the list in front.
    machine: fn(&str) -> String,
    /// What tells sections apart.
    title: fn(&str) -> String,
    /// A sentence.
    sentence: fn(&str) -> String,
    table: fn(&Table) -> String,
}

const TERMINAL: Form = Form {
    machine: |machine| line(machine).into_owned(),
    title: |title| line(title).into_owned(),
    sentence: |sentence| line(sentence).into_owned(),
    table: Table::text,
};

const MARKDOWN: Form = Form {
    machine: |machine| format!("- {}", item(machine)),
    title: |title| format!("## {}", plain(title)),
    sentence: plain,
    table: Table::markdown,
};

/// What was timed: networks beside their peers, then kernels beside the most that the machine can do.
pub fn text(timings: &[Timing]) -> String {
    written(timings, &TERMINAL)
}

/// The same for a pull request.
pub fn markdown(timings: &[Timing]) -> String {
    written(timings, &MARKDOWN)
}

fn written(timings: &[Timing], form: &Form) -> String {
    let machines = machines(timings);
    let machines = machines.iter().map(|one| (form.machine)(one) + "\n");
    let mut text: String = machines.collect();
    for section in sections(timings) {
        if let Some(title) = &section.title {
            text += &format!("\n{}\n", (form.title)(title));
        }
        if !section.networks.is_empty() {
            if !is_alone(&section.networks) {
                text += "\nimages a second\n";
            }
            text += &format!("\n{}", (form.table)(&networks(&section.networks)));
        }
        if let Some(table) = processors(&section.networks) {
            let table = (form.table)(&table);
            text += &format!("\nms of CPU time a step, all threads together\n\n{table}");
        }
        if let Some(sentence) = sentence(&section.networks) {
            text += &format!("\n{}\n", (form.sentence)(&sentence));
        }
        if let Some(roof) = section.roof {
            text += &format!(
                "\nat most {} Gflop/s, and {} GB/s from memory\n",
                short(roof.flop_per_second / 1e9),
                short(roof.bytes_per_second / 1e9)
            );
        }
        if !section.kernels.is_empty() {
            text += &format!("\n{}", (form.table)(&kernels(&section)));
            text += "\noperations are those of the definition; Winograd's filtering does a 3x3 convolution with fewer\n";
        }
    }
    text
}

//! Timings for the terminal.

use super::gathered::{machines, sections};
use super::tables::{kernels, networks};
use crate::bench::Timing;
use crate::report::number::short;
use crate::visible::line;

/// What was timed: networks beside their peers, then kernels beside the most that the machine can do.
pub fn text(timings: &[Timing]) -> String {
    let machines = machines(timings);
    let machines = machines.iter().map(|machine| line(machine) + "\n");
    let mut text: String = machines.collect();
    for section in sections(timings) {
        if let Some(title) = &section.title {
            text += &format!("\n{}\n", line(title));
        }
        if !section.networks.is_empty() {
            text += &format!("\n{}", networks(&section.networks).text());
        }
        if let Some(roof) = section.roof {
            text += &format!(
                "\nat most {} Gflop/s, and {} GB/s from memory\n",
                short(roof.flop_per_second / 1e9),
                short(roof.bytes_per_second / 1e9)
            );
        }
        if !section.kernels.is_empty() {
            text += &format!("\n{}", kernels(&section).text());
        }
    }
    text
}

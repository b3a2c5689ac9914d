//! Timings for the terminal.

use super::gathered::{ENGINES, Kernel, Network, PEERS, machines, sections};
use crate::bench::{Ratio, Timing};
use crate::report::number::{percent, short};
use crate::report::text::{right, table};
use comfy_table::Cell;

/// What was timed: networks beside their peers, then kernels beside the most that the machine can do.
pub fn text(timings: &[Timing]) -> String {
    let mut text = machines(timings).join("\n") + "\n";
    for section in sections(timings) {
        if let Some(title) = &section.title {
            text += &format!("\n{title}\n");
        }
        if !section.networks.is_empty() {
            text += &network_table(&section.networks);
        }
        if let Some(roof) = section.roof {
            text += &format!(
                "\nat most {} Gflop/s, and {} GB/s from memory\n",
                short(roof.flop_per_second / 1e9),
                short(roof.bytes_per_second / 1e9)
            );
        }
        if !section.kernels.is_empty() {
            text += &kernel_table(&section.kernels);
        }
    }
    text
}

/// A peer has columns only where it was measured.
fn network_table(networks: &[Network]) -> String {
    let has = |i: usize| networks.iter().any(|network| network.measured[i].is_some());
    let engines: Vec<usize> = (0..ENGINES.len()).filter(|&i| has(i)).collect();
    let alone = engines.len() == 1;
    let mut table = table(["model"]);
    let mut header = vec![Cell::new("model"), Cell::new("step"), right("batch")];
    for &i in &engines {
        header.push(right(match alone {
            true => "images/s".to_string(),
            false => format!("{}, images/s", ENGINES[i].name()),
        }));
    }
    match alone {
        true => header.extend(["ms a step", "from", "to"].map(right)),
        false => header.extend(
            (PEERS.iter().enumerate())
                .filter(|(i, _)| has(i + 1))
                .map(|(_, peer)| right(format!("of {}'s speed", peer.name()))),
        ),
    }
    table.set_header(header);
    for network in networks {
        let mut row = vec![
            Cell::new(network.model),
            Cell::new(network.step.name()),
            right(network.batch),
        ];
        let images = |seconds: f64| short(network.batch as f64 / seconds);
        for &i in &engines {
            let measured = network.measured[i].as_ref();
            row.push(right(measured.map_or("-".into(), |one| images(one.median))));
        }
        let one = engines.first().and_then(|&i| network.measured[i].as_ref());
        match (alone, one) {
            (true, Some(one)) => {
                let seconds = [one.median, one.low, one.high];
                row.extend(seconds.map(|seconds| right(short(1e3 * seconds))));
            }
            _ => row.extend((0..PEERS.len()).filter(|&i| has(i + 1)).map(|i| {
                let ratio = network.ratios[i].as_ref();
                right(ratio.map_or("-".into(), ratio_text))
            })),
        }
        table.add_row(row);
    }
    format!("\n{}\n", table.trim_fmt())
}

/// The median, and between which ends the rounds lie.
pub(super) fn ratio_text(ratio: &Ratio) -> String {
    match ratio.rounds.len() {
        1 => format!("{} x", short(ratio.median)),
        _ => format!(
            "{} x ({} to {})",
            short(ratio.median),
            short(ratio.interval.low),
            short(ratio.interval.high)
        ),
    }
}

fn kernel_table(kernels: &[Kernel]) -> String {
    let mut table = table(["kernel"]);
    let names = ["ms", "Gflop/s", "GB/s", "of the peak", "of the roof"].map(right);
    table.set_header(
        [Cell::new("kernel"), Cell::new("pass")]
            .into_iter()
            .chain(names),
    );
    for kernel in kernels {
        let share = |share: Option<f64>| right(share.map_or("-".into(), percent));
        table.add_row([
            Cell::new(kernel.name),
            Cell::new(kernel.pass.name()),
            right(short(1e3 * kernel.seconds)),
            right(short(kernel.rate / 1e9)),
            right(short(kernel.traffic / 1e9)),
            share(kernel.of_peak),
            share(kernel.of_roof),
        ]);
    }
    format!("\n{}\n", table.trim_fmt())
}

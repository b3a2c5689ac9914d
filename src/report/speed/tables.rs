//! Tables of timings: networks beside their peers, kernels beside the most that the machine can do.

use super::gathered::{ENGINES, Network, PEERS, Section};
use crate::bench::Ratio;
use crate::report::number::{percent, short};
use crate::report::table::{Cell, Table, numbers, words};

/// Images a second of networks. A peer has columns only where it was measured; where none was, the time of a step
/// stands in their place.
pub(super) fn networks(networks: &[Network]) -> Table {
    let has = |i: &usize| (networks.iter()).any(|network| network.measured[*i].is_some());
    let engines: Vec<usize> = (0..ENGINES.len()).filter(has).collect();
    let peers: Vec<usize> = (0..PEERS.len()).filter(|i| has(&(i + 1))).collect();
    let alone = engines.len() == 1;
    let images = engines.iter().map(|&i| match alone {
        true => numbers("images/s"),
        false => numbers(format!("{}, images/s", ENGINES[i].name())).titled(ENGINES[i].name()),
    });
    let ratios = peers.iter().map(|&i| {
        let peer = PEERS[i].name();
        numbers(format!("of {peer}'s speed")).titled(format!("to {peer}"))
    });
    let times = ["ms a step", "from", "to"].map(|name| numbers(name).titled(name));
    let names = [
        words("model").titled("Network"),
        words("step"),
        numbers("batch"),
    ];
    let columns = names.into_iter().chain(images).chain(ratios);
    let mut table = Table::new(columns.chain(times.into_iter().filter(|_| alone)));
    for network in networks {
        let images = |seconds: f64| short(network.batch as f64 / seconds);
        let mut row = vec![
            Cell::code(network.model),
            Cell::new(network.step.name()),
            Cell::new(network.batch),
        ];
        row.extend(engines.iter().map(|&i| {
            let measured = network.measured[i].as_ref();
            Cell::maybe(measured.map(|one| images(one.median)))
        }));
        row.extend((peers.iter()).map(|&i| Cell::maybe(network.ratios[i].as_ref().map(ratio))));
        if alone {
            let measured = engines.first().and_then(|&i| network.measured[i].as_ref());
            let seconds = measured.map(|one| [one.median, one.low, one.high].map(Some));
            let seconds = seconds.unwrap_or_default();
            row.extend(seconds.map(|one| Cell::maybe(one.map(|seconds| short(1e3 * seconds)))));
        }
        table.row(row);
    }
    table
}

/// The median, and between which ends the rounds lie.
fn ratio(ratio: &Ratio) -> String {
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

/// The kernels of a section, each with its number in the section's plot.
pub(super) fn kernels(section: &Section) -> Table {
    let number = numbers("no.").on_pages_only();
    let names = [number, words("kernel").head(), words("pass")];
    let units = ["ms", "Gflop/s", "GB/s", "of the peak", "of the roof"];
    let units = units.map(|name| numbers(name).titled(name));
    let mut table = Table::new(names.into_iter().chain(units));
    for kernel in &section.kernels {
        table.row([
            Cell::new(section.number(kernel)),
            Cell::new(kernel.name),
            Cell::new(kernel.pass.name()),
            Cell::new(short(1e3 * kernel.seconds)),
            Cell::new(short(kernel.rate / 1e9)),
            Cell::new(short(kernel.traffic / 1e9)),
            Cell::maybe(kernel.of_peak.map(percent)),
            Cell::maybe(kernel.of_roof.map(percent)),
        ]);
    }
    table
}

//! Tables of timings: networks beside their peers, kernels beside the most that the machine can do.

use super::gathered::{ENGINES, Measured, Network, Section};
use crate::bench::{Best, Ratio};
use crate::report::number::{percent, short};
use crate::report::table::{Cell, Column, Table, numbers, words};

/// The engines that timed something of these, by their places in [`ENGINES`].
fn engines(networks: &[Network]) -> Vec<usize> {
    let has = |i: &usize| (networks.iter()).any(|network| network.measured[*i].is_some());
    (0..ENGINES.len()).filter(has).collect()
}

/// Whether nobody but one engine timed these.
pub(super) fn is_alone(networks: &[Network]) -> bool {
    engines(networks).len() == 1
}

/// What each row is about.
fn names() -> [Column; 3] {
    [
        words("model").titled("Network"),
        words("step"),
        numbers("batch"),
    ]
}

fn names_of(network: &Network) -> [Cell; 3] {
    [
        Cell::code(network.model),
        Cell::new(network.step.name()),
        Cell::new(network.batch),
    ]
}

/// A column an engine.
fn columns(engines: &[usize]) -> impl Iterator<Item = Column> {
    let names = engines.iter().map(|&i| ENGINES[i].name());
    names.map(|name| numbers(name).titled(name))
}

/// Images a second of networks, by each engine that was measured, and how many times as fast as the best peer this program
/// is; where there is one engine only, the time of a step stands in their place.
pub(super) fn networks(networks: &[Network]) -> Table {
    if is_alone(networks) {
        return alone(networks);
    }
    let engines = engines(networks);
    // in front, since there may be no room for all engines
    let best = [
        numbers("best peer / convcheck").titled("Best peer / convcheck"),
        words("best peer"),
    ];
    let mut table = Table::new(names().into_iter().chain(best).chain(columns(&engines)));
    for network in networks {
        let images = engines.iter().map(|&i| {
            let measured = network.measured[i].as_ref();
            Cell::maybe(measured.map(|one| images(network, one.median)))
        });
        let best = network.best.as_ref();
        let best = [
            Cell::maybe(best.map(|Best { ratio: of, .. }| ratio(of))),
            Cell::maybe(best.map(|best| best.peer.name().to_string())),
        ];
        table.row(names_of(network).into_iter().chain(best).chain(images));
    }
    table
}

fn alone(networks: &[Network]) -> Table {
    let measured = |network: &Network| network.measured.iter().flatten().next().copied();
    let cpu = |network: &Network| measured(network)?.cpu;
    let has_cpu = networks.iter().any(|network| cpu(network).is_some());
    let times = ["images/s", "ms a step", "from", "to", "CPU ms"];
    let times = times.into_iter().take(4 + usize::from(has_cpu));
    let times = times.map(|name| numbers(name).titled(name));
    let mut table = Table::new(names().into_iter().chain(times));
    for network in networks {
        let mut row = Vec::from(names_of(network));
        if let Some(Measured {
            median, low, high, ..
        }) = measured(network)
        {
            row.push(Cell::new(images(network, median)));
            row.extend([median, low, high].map(|seconds| Cell::new(ms(seconds))));
        }
        if has_cpu {
            row.push(Cell::maybe(cpu(network).map(ms)));
        }
        table.row(row);
    }
    table
}

fn ms(seconds: f64) -> String {
    short(1e3 * seconds)
}

fn images(network: &Network, seconds: f64) -> String {
    short(network.batch as f64 / seconds)
}

/// Milliseconds of a processor that a step takes, by each of several engines; nothing where that was not measured.
pub(super) fn processors(networks: &[Network]) -> Option<Table> {
    let cpu = |network: &Network, i: usize| network.measured[i].as_ref()?.cpu;
    let mut engines = engines(networks);
    engines.retain(|&i| networks.iter().any(|network| cpu(network, i).is_some()));
    if is_alone(networks) || engines.is_empty() {
        return None;
    }
    let mut table = Table::new(names().into_iter().chain(columns(&engines)));
    for network in networks {
        let times = engines.iter().map(|&i| cpu(network, i));
        let times = times.map(|seconds| Cell::maybe(seconds.map(ms)));
        table.row(names_of(network).into_iter().chain(times));
    }
    Some(table)
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

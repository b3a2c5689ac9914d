//! How fast? Timings of networks beside those of peers, and of kernels beside the most that the machine can do.

mod gathered;
mod text;

pub use text::text;

use super::number::{percent, short};
use super::plot::{Dot, Mark, Series, ratios, roofline};
use crate::bench::{Pass, StepKind, Timing};
use gathered::{ENGINES, PEERS, Section, machines, sections};
use maud::{Markup, html};
use text::ratio_text;

/// The page's file name.
pub(super) const FILE: &str = "throughput.html";

/// The page of timings.
pub(super) fn page(timings: &[Timing]) -> Markup {
    html! {
        h1 { "Speed" }
        p.lead {
            "Images a second of whole steps, after a warm-up. Training is forward, loss, backward and the update of the weights."
        }
        ul { @for machine in machines(timings) { li { (machine) } } }
        @for section in sections(timings) {
            @if let Some(title) = &section.title { h2 { (title) } }
            @if !section.networks.is_empty() { (steps(&section)) }
            @if !section.kernels.is_empty() { (layers(&section)) }
        }
    }
}

/// A link for the first page.
pub(super) fn section(timings: &[Timing]) -> Markup {
    html! { @if !timings.is_empty() {
        h2 { "Speed" }
        p { "How many images a second the networks take here, beside other engines, and how near each kernel comes to what the "
            "machine can do: " a href=(FILE) { "speed" } "." }
    } }
}

fn steps(section: &Section) -> Markup {
    let networks = &section.networks;
    let has = |i: usize| networks.iter().any(|network| network.measured[i].is_some());
    let plots = StepKind::ALL.map(|step| {
        let rows: Vec<Series> = (networks.iter())
            .filter(|network| network.step == step)
            .map(|network| Series {
                label: format!("{}, {}", network.model, network.batch),
                dots: (network.ratios.iter().map(|ratio| {
                    ratio.as_ref().map(|ratio| Dot { value: ratio.median, interval: ratio.interval })
                })).collect(),
            })
            .collect();
        let title = format!(
            "Speed of convcheck in {}, as a multiple of a peer's: to the right of 1 convcheck is faster. Behind each name the batch; a bar \
             goes from the least to the largest round; the axis is logarithmic",
            step.name()
        );
        ratios(&title, &PEERS.map(|peer| format!("to {}", peer.name())), &rows)
    });
    html! {
        h2 { "Networks" }
        @if PEERS.iter().enumerate().any(|(i, _)| has(i + 1)) {
            p { "Engines took turns. A ratio is a peer's median time over that of convcheck, within a round: above 1 convcheck is faster. "
                "Shown is the median of the rounds, and the least and the largest. candle is stock candle layers, where they can do "
                "the work." }
        }
        div.plots { @for plot in plots.into_iter().flatten() { (plot) } }
        h3 { "Images a second" @if (1..ENGINES.len()).any(has) { ", and the speed of convcheck as a multiple" } }
        div.wide tabindex="0" role="region" aria-label="Images a second" {
            table {
                thead { tr {
                    th scope="col" { "Network" } th scope="col" { "Step" } th.number scope="col" { "Batch" }
                    @for (i, engine) in ENGINES.iter().enumerate() { @if has(i) { th.number scope="col" { (engine.name()) } } }
                    @for (i, peer) in PEERS.iter().enumerate() { @if has(i + 1) { th.number scope="col" { "to " (peer.name()) } } }
                } }
                tbody { @for network in networks { tr {
                    th scope="row" { code { (network.model) } }
                    td { (network.step.name()) }
                    td.number { (network.batch) }
                    @for (i, measured) in network.measured.iter().enumerate() { @if has(i) {
                        td.number { (measured.as_ref().map_or("-".into(), |one| short(network.batch as f64 / one.median))) }
                    } }
                    @for (i, ratio) in network.ratios.iter().enumerate() { @if has(i + 1) {
                        td.number { (ratio.as_ref().map_or("-".into(), ratio_text)) }
                    } }
                } } }
            }
        }
    }
}

fn layers(section: &Section) -> Markup {
    let (kernels, roof, threads) = (&section.kernels, section.roof, section.threads);
    let number = |name: &str| {
        let mut names: Vec<&str> = kernels.iter().map(|kernel| kernel.name).collect();
        names.dedup();
        1 + names.iter().position(|other| *other == name).unwrap_or(0)
    };
    let points = kernels.iter().map(|kernel| Mark {
        label: number(kernel.name).to_string(),
        group: kernel.pass.name(),
        x: kernel.intensity,
        y: kernel.rate,
    });
    html! {
        h2 { "Kernels on " (threads) @if threads == 1 { " thread" } @else { " threads" } }
        @if let Some(roof) = roof {
            p { "The most that this machine did in the same run: " (short(roof.flop_per_second / 1e9)) " Gflop/s of multiply-adds in registers, and "
                (short(roof.bytes_per_second / 1e9)) " GB/s from memory. The roof of a kernel is what these two allow at its operations a byte, each "
                "input and output counted once; kernels whose numbers stay in a cache can be above it." }
            @if let Some(plot) = roofline(
                "Operations a second against operations a byte, a point for each kernel and pass, with its number in the table below; both axes are logarithmic",
                &Pass::ALL.map(Pass::name),
                (roof.flop_per_second, roof.bytes_per_second),
                points.collect(),
            ) { (plot) }
        }
        div.wide tabindex="0" role="region" aria-label="Kernels" {
            table {
                thead { tr {
                    th.number scope="col" { "No." } th scope="col" { "Kernel" } th scope="col" { "Pass" }
                    @for name in ["ms", "Gflop/s", "GB/s", "of the peak", "of the roof"] { th.number scope="col" { (name) } }
                } }
                tbody { @for kernel in kernels { tr {
                    td.number { (number(kernel.name)) }
                    th scope="row" { (kernel.name) }
                    td { (kernel.pass.name()) }
                    td.number { (short(1e3 * kernel.seconds)) }
                    td.number { (short(kernel.rate / 1e9)) }
                    td.number { (short(kernel.traffic / 1e9)) }
                    @for share in [kernel.of_peak, kernel.of_roof] { td.number { (share.map_or("-".into(), percent)) } }
                } } }
            }
        }
    }
}

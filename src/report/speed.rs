//! How fast? Timings of networks beside those of peers, and of kernels beside the most that the machine can do.

mod gathered;
mod standing;
mod tables;
mod text;

pub use text::{markdown, text};

use super::number::short;
use super::plot::{Dot, Mark, Series, ratios, roofline};
use crate::bench::{Engine, Pass, StepKind, Timing};
use gathered::{Section, machines, sections};
use maud::{Markup, html};

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
    let has_peers = !tables::is_alone(networks);
    let plots = StepKind::ALL.map(|step| {
        let rows: Vec<Series> = (networks.iter())
            .filter(|network| network.step == step)
            .map(|network| Series {
                label: format!("{}, {}", network.model, network.batch),
                dots: vec![network.best.as_ref().map(|best| Dot {
                    value: best.ratio.median,
                    interval: best.ratio.interval,
                })],
            })
            .collect();
        let title = format!(
            "Speed of convcheck in {}, as a multiple of that of the best peer: to the right of 1 convcheck is faster. Behind each name the batch; a bar \
             goes from the least to the largest round; the axis is logarithmic",
            step.name()
        );
        ratios(&title, &["to the best peer".into()], &rows)
    });
    html! {
        h2 { "Networks" }
        @if let Some(sentence) = standing::sentence(networks) {
            p.lead { (sentence) }
            p { "Engines took turns. A ratio is a peer's median time over that of convcheck, within a round: above 1 convcheck is faster. "
                "Shown is the median of the rounds, and the least and the largest, for the peer that is best over all rounds."
                @if networks.iter().any(|network| network.is_by(Engine::Candle)) {
                    " candle is stock candle layers, where they can do the work."
                } }
        }
        div.plots { @for plot in plots.into_iter().flatten() { (plot) } }
        h3 { "Images a second" @if has_peers { ", and the speed of convcheck as a multiple" } }
        (tables::networks(networks).html("Images a second"))
        @if let Some(table) = tables::processors(networks) {
            h3 { "CPU time" }
            p { "Milliseconds of a step, those of all threads of an engine together, also of threads that spin while they wait." }
            (table.html("CPU time"))
        }
    }
}

fn layers(section: &Section) -> Markup {
    let (kernels, roof, threads) = (&section.kernels, section.roof, section.threads);
    let points = kernels.iter().map(|kernel| Mark {
        label: section.number(kernel).to_string(),
        group: kernel.pass.name(),
        x: kernel.intensity,
        y: kernel.rate,
    });
    html! {
        h2 { "Kernels on " (threads) @if threads == 1 { " thread" } @else { " threads" } }
        @if let Some(roof) = roof {
            p { "The most that this machine did in the same run: " (short(roof.flop_per_second / 1e9)) " Gflop/s of multiply-adds in registers, and "
                (short(roof.bytes_per_second / 1e9)) " GB/s from memory. The roof of a kernel is what these two allow at its operations a byte, each "
                "input and output counted once; kernels whose numbers stay in a cache can be above it, and so can 3x3 convolutions, whose "
                "operations are counted by the definition, and which Winograd's filtering computes with fewer." }
            @if let Some(plot) = roofline(
                "Operations a second against operations a byte, a point for each kernel and pass, with its number in the table below; both axes are logarithmic",
                &Pass::ALL.map(Pass::name),
                (roof.flop_per_second, roof.bytes_per_second),
                points.collect(),
            ) { (plot) }
        }
        (tables::kernels(section).html("Kernels"))
    }
}

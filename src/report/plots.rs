//! The page of plots over the whole zoo.

use super::RenderError;
use super::plot::{Bar, Mark, bars, scatter};
use super::runs::{first_losses, gradients};
use crate::analysis::{QUANTITIES, Summary, summary};
use crate::graph::{Graph, Op};
use crate::record::Record;
use crate::zoo::{Family, Registry};
use maud::{Markup, html};

/// The page's file name.
pub(super) const FILE: &str = "plots.html";

/// What a saving compares: what it is, the costly and the cheap model.
const SAVINGS: &[(&str, &str, &str)] = &[
    ("two 3x3 for one 5x5", "conv5x5", "two_conv3x3"),
    ("three 3x3 for one 7x7", "conv7x7", "three_conv3x3"),
    ("1x3 and 3x1 for one 3x3", "conv3x3", "conv1x3_conv3x1"),
    ("1x7 and 7x1 for one 7x7", "conv7x7", "conv1x7_conv7x1"),
    (
        "1x1 before a 5x5",
        "conv5x5_128_to_256",
        "conv1x1_32_conv5x5_128_to_256",
    ),
    (
        "Inception 3a with 1x1",
        "inception_naive_3a",
        "inception_reduced_3a",
    ),
    (
        "bottleneck for basic unit",
        "basic_unit_256",
        "bottleneck_unit_256",
    ),
];

struct Shown<'a> {
    family: &'a Family,
    name: &'a str,
    graph: Graph,
    summary: Summary,
}

pub(super) fn page(records: &[Record], registry: &Registry) -> Result<Markup, RenderError> {
    let mut shown = Vec::new();
    let published = (registry.families().iter()).filter(|family| family.year.is_some());
    for family in published {
        for model in &family.models {
            let graph = model.graph()?;
            shown.push(Shown {
                family,
                name: &model.name,
                summary: summary(&model.name, &graph)?,
                graph,
            });
        }
    }
    let mark = |net: &Shown, x: f64, y: f64| Mark {
        label: net.name.to_string(),
        group: net.family.title,
        x,
        y,
    };
    let costs = shown
        .iter()
        .filter(|net| net.summary.totals.macs > 0)
        .map(|net| {
            mark(
                net,
                net.summary.totals.params as f64,
                net.summary.totals.macs as f64,
            )
        });
    let years = shown.iter().map(|net| {
        let year = f64::from(net.family.year.unwrap_or_default());
        mark(net, year, net.summary.totals.depth as f64)
    });
    let sizes = shown.iter().map(|net| Mark {
        label: format!("{} {}", net.name, net.family.year.unwrap_or_default()),
        ..mark(
            net,
            net.summary.totals.params as f64,
            net.summary.totals.depth as f64,
        )
    });
    let fields = shown.iter().filter_map(|net| {
        let field = net.summary.totals.receptive_field.as_ref()?;
        Some(mark(
            net,
            net.summary.totals.depth as f64,
            field.field.size[0] as f64,
        ))
    });
    let mut savings = Vec::new();
    for (what, costly, cheap) in SAVINGS {
        let params = |name| -> Result<u64, RenderError> {
            let model = registry.find(name)?;
            Ok(summary(name, &model.graph()?)?.totals.params)
        };
        let (costly, cheap) = (params(costly)?, params(cheap)?);
        savings.push(Bar {
            label: what.to_string(),
            parts: vec![cheap as f64 / costly as f64],
            text: format!("{:.1} %", 100.0 * cheap as f64 / costly as f64),
        });
    }
    let mut places = Vec::new();
    // the large networks: those for small images keep nearly all in convolutions
    for net in shown
        .iter()
        .filter(|net| net.graph.input().extent()[0] >= 224)
    {
        places.push(places_of(net)?);
    }
    Ok(html! {
        h1 { "Plots" }
        p.lead {
            "Every registered network with a paper, counted on its description. Labels stand where they fit; "
            a href="models.html" { "the table of models" } " has every number."
        }
        h2 { "Parameters against multiply-accumulates" }
        @if let Some(plot) = scatter("Multiply-accumulates for one sample against parameters; both axes are logarithmic", "parameters", "multiply-accumulates", true, true, costs.collect()) { (plot) }
        h2 { "Depth over the years" }
        @if let Some(plot) = scatter("Weighted layers on the longest way from input to prediction, on a logarithmic axis, by the year of the paper", "year of the paper", "weighted layers", false, true, years.collect()) { (plot) }
        h2 { "Depth against parameters" }
        @if let Some(plot) = scatter("Weighted layers against parameters, each name with the year of its paper; both axes are logarithmic", "parameters", "weighted layers", true, true, sizes.collect()) { (plot) }
        h2 { "Depth against receptive field" }
        @if let Some(plot) = scatter("What one unit of the last feature map could see, were the input large enough, against weighted layers; both axes are logarithmic", "weighted layers", "input rows seen", true, true, fields.collect()) { (plot) }
        h2 { "What factorisation and reduction save" }
        @if let Some(plot) = bars("Parameters of the cheap form, as a share of those of the form that it replaces", &["left"], &savings) { (plot) }
        h2 { "Where each network keeps its parameters" }
        @if let Some(plot) = bars("Shares of convolutions, fully connected layers and normalisation, in the networks for ImageNet", &["convolution", "fully connected", "normalisation"], &places) { (plot) }
        @if let Some(plot) = gradients(records) {
            h2 { "Gradients on their way back" }
            p {
                "The norm of the gradient at each layer of an untrained stack of 30, from the prediction on the right back to the first layer; "
                "the weights are drawn by PyTorch's default, the axis is logarithmic. Residual stacks have an identity around each layer."
            }
            (plot)
        }
        @if let Some(plot) = first_losses(records) {
            h2 { "First losses" }
            p {
                "What each listing prints as its first loss, and what untrained networks of the listing have on random images, "
                "with batch normalisation by the batch (training) and by its initial statistics (inference), the mean over the runs."
            }
            (plot)
        }
    })
}

/// Shares of a network's parameters by kind of layer.
fn places_of(net: &Shown) -> Result<Bar, RenderError> {
    let params = QUANTITIES
        .iter()
        .find(|quantity| quantity.name == "params")
        .expect("parameters are a quantity");
    let share = |include: fn(&Op) -> bool| -> Result<f64, RenderError> {
        let part = params.sum(&net.graph, |node| include(&node.op))?;
        Ok(part as f64 / (net.summary.totals.params.max(1)) as f64)
    };
    Ok(Bar {
        label: net.name.to_string(),
        parts: vec![
            share(|op| matches!(op, Op::Conv(_)))?,
            share(|op| matches!(op, Op::Linear { .. } | Op::Rbf { .. }))?,
            share(|op| matches!(op, Op::BatchNorm { .. }))?,
        ],
        text: String::new(),
    })
}

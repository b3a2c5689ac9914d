//! The page of plots over the whole zoo.

use super::measured::{first_losses, gradients};
use super::models::Used;
use super::plot::{Bar, Mark, bars, scatter};
use super::{RenderError, Report};
use crate::analysis::{QUANTITIES, Summary, summary};
use crate::graph::{Graph, Op};
use crate::zoo::Family;
use maud::{Markup, html};

/// The page's file name.
pub(super) const FILE: &str = "plots.html";

struct Shown<'a> {
    family: &'a Family,
    name: &'a str,
    graph: Graph,
    summary: Summary,
}

pub(super) fn page(report: &Report, used: &Used) -> Result<Markup, RenderError> {
    let &Report {
        document,
        records,
        registry,
        ..
    } = report;
    let mut shown = Vec::new();
    for family in used.families.iter().filter(|family| family.year.is_some()) {
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
    for saving in document.savings.iter().flat_map(|savings| &savings.bars) {
        let params = |name: &str| -> Result<u64, RenderError> {
            let model = registry.find(name)?;
            Ok(summary(name, &model.graph()?)?.totals.params)
        };
        let (costly, cheap) = (params(&saving.costly)?, params(&saving.cheap)?);
        savings.push(Bar {
            label: saving.label.clone(),
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
            (used.which) " with a paper, counted on its description. Labels stand where they fit; "
            a href=(super::models::FILE) { "the table of models" } " has every number."
        }
        h2 { "Parameters against multiply-accumulates" }
        @if let Some(plot) = scatter("Multiply-accumulates for one sample against parameters; both axes are logarithmic", "parameters", "multiply-accumulates", true, true, costs.collect()) { (plot) }
        h2 { "Depth over the years" }
        @if let Some(plot) = scatter("Weighted layers on the longest way from input to prediction, on a logarithmic axis, by the year of the paper", "year of the paper", "weighted layers", false, true, years.collect()) { (plot) }
        h2 { "Depth against parameters" }
        @if let Some(plot) = scatter("Weighted layers against parameters, each name with the year of its paper; both axes are logarithmic", "parameters", "weighted layers", true, true, sizes.collect()) { (plot) }
        h2 { "Depth against receptive field" }
        @if let Some(plot) = scatter("What one unit of the last feature map could see, were the input large enough, against weighted layers; both axes are logarithmic", "weighted layers", "input rows seen", true, true, fields.collect()) { (plot) }
        @if let Some(shown) = &document.savings {
            h2 { (shown.title) }
            @if let Some(plot) = bars(&shown.figure, &["left"], &savings) { (plot) }
        }
        h2 { "Where each network keeps its parameters" }
        @if let Some(plot) = bars("Shares of convolutions, fully connected layers and normalisation, in the networks for ImageNet", &["convolution", "fully connected", "normalisation"], &places) { (plot) }
        @if let Some(shown) = &document.gradients {
            h2 { (shown.title) }
            p { (shown.about) }
            (gradients(shown, records))
        }
        @if let Some(shown) = &document.first_losses {
            h2 { (shown.title) }
            p { (shown.about) }
            (first_losses(shown, records))
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
        let part = params.sum(&net.graph, |id| include(&net.graph.nodes()[id].op))?;
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

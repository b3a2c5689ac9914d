//! The page of plots over the whole zoo.

use super::measured::{first_losses, gradients};
use super::models::{Group, Used};
use super::plot::{Bar, Mark, bars, scatter};
use super::{RenderError, Report};
use crate::analysis::{QUANTITIES, Summary, summary};
use crate::document::Savings;
use crate::graph::{Drawn, Graph};
use crate::zoo::Registry;
use maud::{Markup, html};

/// The page's file name.
pub(super) const FILE: &str = "plots.html";

struct Shown<'a> {
    family: &'a Group,
    name: &'a str,
    graph: Graph,
    summary: Summary,
}

/// The page, unless there is nothing to plot.
pub(super) fn page(report: &Report, used: &Used) -> Result<Option<Markup>, RenderError> {
    let &Report {
        document, records, ..
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
    let mut plots = by_paper(&shown);
    if let Some(savings) = &document.savings {
        plots.push((&savings.title, saved(savings, report.registry)?));
    }
    // the large networks: those for small images keep nearly all in convolutions
    let large = shown
        .iter()
        .filter(|net| net.graph.input().extent()[0] >= 224);
    let places = large.map(places_of).collect::<Result<Vec<_>, _>>()?;
    plots.push((
        "Where each network keeps its parameters",
        bars(
            "Shares of convolutions, fully connected layers and normalisation, in the networks for images of 224 rows or more",
            &["convolution", "fully connected", "normalisation"],
            &places,
        ),
    ));
    let (measured_gradients, measured_losses) = (&document.gradients, &document.first_losses);
    let is_empty = plots.iter().all(|(_, plot)| plot.is_none());
    if is_empty && measured_gradients.is_none() && measured_losses.is_none() {
        return Ok(None);
    }
    Ok(Some(html! {
        h1 { "Plots" }
        p.lead {
            (used.which) " with a paper, counted on its description. Labels stand where they fit; "
            a href=(super::models::FILE) { "the table of models" } " has every number."
        }
        @for (heading, plot) in &plots {
            @if let Some(plot) = plot { h2 { (heading) } (plot) }
        }
        @if let Some(shown) = measured_gradients {
            h2 { (shown.title) }
            p { (shown.about) }
            (gradients(shown, records, report.registry))
        }
        @if let Some(shown) = measured_losses {
            h2 { (shown.title) }
            p { (shown.about) }
            (first_losses(shown, records, report.registry))
        }
    }))
}

/// A plot under its heading, if there is something to plot.
type Titled<'a> = (&'a str, Option<Markup>);

/// What networks cost and how deep they are, a point a network.
fn by_paper<'a>(shown: &[Shown]) -> Vec<Titled<'a>> {
    let mark = |net: &Shown, x: f64, y: f64| Mark {
        label: net.name.to_string(),
        group: net.family.title,
        x,
        y,
    };
    let of = |net: &Shown| {
        let totals = &net.summary.totals;
        let year = net.family.year.unwrap_or_default();
        let [params, macs] = [totals.params, totals.macs].map(|n| n as f64);
        (year, params, macs, totals.depth as f64)
    };
    let costs = shown.iter().filter_map(|net| {
        let (_, params, macs, _) = of(net);
        (macs > 0.0).then(|| mark(net, params, macs))
    });
    let years = shown.iter().map(|net| {
        let (year, .., depth) = of(net);
        mark(net, f64::from(year), depth)
    });
    let sizes = shown.iter().map(|net| {
        let (year, params, _, depth) = of(net);
        Mark {
            label: format!("{} {year}", net.name),
            ..mark(net, params, depth)
        }
    });
    let fields = shown.iter().filter_map(|net| {
        let field = net.summary.totals.receptive_field.as_ref()?;
        Some(mark(net, of(net).3, field.field.size[0] as f64))
    });
    vec![
        (
            "Parameters against multiply-accumulates",
            scatter(
                "Multiply-accumulates for one sample against parameters; both axes are logarithmic",
                "parameters",
                "multiply-accumulates",
                true,
                true,
                costs.collect(),
            ),
        ),
        (
            "Depth over the years",
            scatter(
                "Weighted layers on the longest way from input to prediction, on a logarithmic axis, by the year of the paper",
                "year of the paper",
                "weighted layers",
                false,
                true,
                years.collect(),
            ),
        ),
        (
            "Depth against parameters",
            scatter(
                "Weighted layers against parameters, each name with the year of its paper; both axes are logarithmic",
                "parameters",
                "weighted layers",
                true,
                true,
                sizes.collect(),
            ),
        ),
        (
            "Depth against receptive field",
            scatter(
                "What one unit of the last feature map could see, were the input large enough, against weighted layers; both axes are logarithmic",
                "weighted layers",
                "input rows seen",
                true,
                true,
                fields.collect(),
            ),
        ),
    ]
}

/// The share of parameters that is left where a cheaper model stands for another.
fn saved(savings: &Savings, registry: &Registry) -> Result<Option<Markup>, RenderError> {
    let params = |name: &str| -> Result<u64, RenderError> {
        let model = registry.find(name)?;
        Ok(summary(name, &model.graph()?)?.totals.params)
    };
    let mut rows = Vec::new();
    for saving in &savings.bars {
        let left = params(&saving.cheap)? as f64 / params(&saving.costly)? as f64;
        rows.push(Bar {
            label: saving.label.clone(),
            parts: vec![left],
            text: format!("{:.1} %", 100.0 * left),
        });
    }
    Ok(bars(&savings.figure, &["left"], &rows))
}

/// Shares of a network's parameters by kind of layer.
fn places_of(net: &Shown) -> Result<Bar, RenderError> {
    let params = QUANTITIES
        .iter()
        .find(|quantity| quantity.name == "params")
        .expect("parameters are a quantity");
    let share = |drawn: Drawn| -> Result<f64, RenderError> {
        let nodes = net.graph.nodes();
        let part = params.sum(&net.graph, |id| nodes[id].op.kind().drawn == drawn)?;
        Ok(part as f64 / (net.summary.totals.params.max(1)) as f64)
    };
    Ok(Bar {
        label: net.name.to_string(),
        parts: vec![
            share(Drawn::Conv)?,
            share(Drawn::Linear)?,
            share(Drawn::Behind)?,
        ],
        text: String::new(),
    })
}

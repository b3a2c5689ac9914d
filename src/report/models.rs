//! Models in the report: one with its drawing, plots and layers, and the registry as a whole.

use super::{RenderError, drawing, plot};
use crate::analysis::{Summary, summary};
use crate::claim::grouped;
use crate::zoo::Registry;
use maud::{Markup, html};

/// A model's totals, drawing, plots and layer table.
pub(super) fn model(name: &str, registry: &Registry) -> Result<Markup, RenderError> {
    let model = registry.find(name)?;
    let graph = model.graph()?;
    let summary = summary(&model.name, &graph)?;
    let totals = &summary.totals;
    Ok(html! {
        section.model id={"model-" (model.name)} {
            h3 { code { (model.name) } }
            p.source { (model.source) "." }
            dl {
                div { dt { "input" } dd { (model.input) } }
                div { dt { "parameters" } dd { (grouped(totals.params)) } }
                @if totals.trainable != totals.params {
                    div { dt { "trainable" } dd { (grouped(totals.trainable)) } }
                }
                div { dt { "multiply-accumulates" } dd { (grouped(totals.macs)) } }
                div { dt { "depth" } dd { (totals.depth) } }
                @if let Some(field) = &totals.receptive_field {
                    div { dt { "receptive field" } dd { (field.field.size[0]) " x " (field.field.size[1]) } }
                }
            }
            div.figures {
                (drawing::drawing(&model.name, &graph))
                div.plots {
                    @if let Some(plot) = plot::parameters(&summary) { (plot) }
                    @if let Some(plot) = plot::receptive_field(&summary) { (plot) }
                }
            }
            details {
                summary { "Layers of " (model.name) }
                (layers(&summary))
            }
        }
    })
}

fn layers(summary: &Summary) -> Markup {
    let by = |dims: &[usize]| {
        dims.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" x ")
    };
    let pair = |pair: Option<[usize; 2]>| pair.map_or(String::new(), |pair| by(&pair));
    let count = |n: u64| if n == 0 { String::new() } else { grouped(n) };
    html! {
        div.wide tabindex="0" role="region" aria-label={"Layers of " (summary.model)} {
            table {
                thead { tr {
                    th scope="col" { "Layer" }
                    th scope="col" { "Kind" }
                    th scope="col" { "Kernel" }
                    th scope="col" { "Stride" }
                    th scope="col" { "Output" }
                    th.number scope="col" { "Parameters" }
                    th.number scope="col" { "Multiply-accumulates" }
                    th.number scope="col" { "Field" }
                } }
                tbody { @for row in &summary.layers { tr {
                    th scope="row" { code { (row.path) } }
                    td { (row.op) }
                    td { (pair(row.kernel)) }
                    td { (pair(row.stride)) }
                    td { (by(&row.output)) }
                    td.number { (count(row.params)) }
                    td.number { (count(row.macs)) }
                    td.number { (row.receptive_field.size[0]) }
                } } }
            }
        }
    }
}

/// Every registered model with its totals.
pub(super) fn registry(registry: &Registry) -> Result<Markup, RenderError> {
    let mut families = Vec::new();
    for family in registry.families() {
        let mut rows = Vec::new();
        for model in &family.models {
            rows.push((model, summary(&model.name, &model.graph()?)?.totals));
        }
        families.push((family, rows));
    }
    Ok(html! {
        h1 { "Models" }
        p.lead {
            "Every network that a claim can name. Parameters, multiply-accumulates (convolutions and linear layers, "
            "one sample) and depth (weighted layers on the longest way) are counted on its description."
        }
        @for (family, rows) in families {
            h2 { (family.title) }
            div.wide tabindex="0" role="region" aria-label=(family.title) {
                table.models {
                    thead { tr {
                        th scope="col" { "Model" }
                        th scope="col" { "Input" }
                        th.number scope="col" { "Parameters" }
                        th.number scope="col" { "Multiply-accumulates" }
                        th.number scope="col" { "Depth" }
                        th.number scope="col" { "Field" }
                        th scope="col" { "Source" }
                    } }
                    tbody { @for (model, totals) in rows { tr {
                        th scope="row" { code { (model.name) } }
                        td { (model.input) }
                        td.number { (grouped(totals.params)) }
                        td.number { (grouped(totals.macs)) }
                        td.number { (totals.depth) }
                        td.number { @if let Some(field) = &totals.receptive_field { (field.field.size[0]) } }
                        td.source { (model.source) }
                    } } }
                }
            }
        }
    })
}

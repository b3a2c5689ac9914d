//! Models in the report: one with its drawing, plots and layers, and the registry as a whole.

use super::experiments::Gathered;
use super::{RenderError, Report, plot};
use crate::analysis::{Summary, summary};
use crate::claim::{Suite, grouped};
use crate::drawing::drawing;
use crate::graph::Graph;
use crate::record::Record;
use crate::zoo::{Family, Registry};
use maud::{Markup, html};
use std::collections::BTreeSet;

/// The page's file name.
pub(super) const FILE: &str = "models.html";

/// Drawings of more boxes than this are shown on request.
const MOST_OPEN: usize = 45;

/// The models that a report shows, family by family.
pub(super) struct Used {
    /// Which they are, in words: the start of a sentence.
    pub which: &'static str,
    /// Families without those of their models that are not shown.
    pub families: Vec<Family>,
}

impl Used {
    /// Every registered model, or those that suites and experiments name and measures asked about.
    ///
    /// # Errors
    /// [`RenderError::Zoo`] if a name is no model's.
    pub(super) fn by(
        report: &Report,
        shown: &[(&Suite, Vec<&Record>)],
        gathered: &[Gathered],
    ) -> Result<Used, RenderError> {
        let registered = report.registry.families();
        if report.document.every_model {
            return Ok(Used {
                which: "Every registered network",
                families: registered.to_vec(),
            });
        }
        let scales = gathered.iter().flat_map(|one| &one.scales);
        let arms = scales.flat_map(|at| &at.arms);
        let records = shown.iter().flat_map(|(_, records)| records);
        let asked = (records.flat_map(|record| &record.calls))
            .filter_map(|call| call.text(0)?.split('@').next())
            .filter(|name| report.registry.find(name).is_ok());
        let names: BTreeSet<&str> = (shown.iter().flat_map(|(suite, _)| &suite.models))
            .chain(arms.map(|runs| &runs.recipe.model))
            .map(String::as_str)
            .chain(asked)
            .collect();
        let mut families: Vec<Family> = (registered.iter())
            .map(|family| Family {
                models: (family.models.iter())
                    .filter(|model| names.contains(model.name.as_str()))
                    .cloned()
                    .collect(),
                ..family.clone()
            })
            .collect();
        let is_listed = |name: &str| {
            let mut models = registered.iter().flat_map(|family| &family.models);
            models.any(|model| model.name == name)
        };
        let others = names.iter().filter(|name| !is_listed(name));
        families.push(Family {
            name: "others",
            title: "With other arguments",
            year: None,
            models: others
                .map(|name| report.registry.find(name))
                .collect::<Result<_, _>>()?,
        });
        families.retain(|family| !family.models.is_empty());
        Ok(Used {
            which: "Every network that a claim or an experiment uses",
            families,
        })
    }
}

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
                (drawn(&model.name, &graph))
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

/// The drawing of a network, closed if it is long.
fn drawn(name: &str, graph: &Graph) -> Markup {
    let drawing = drawing(name, graph);
    html! {
        details.drawing open[drawing.boxes() <= MOST_OPEN] {
            summary { "Drawing of " (name) }
            div.wide tabindex="0" role="region" aria-label={"Drawing of " (name)} { (drawing.svg()) }
            p.source {
                "Beside the arrows: maps x rows x columns. \"/2\" is a stride."
                @if drawing.has_brackets() { " What a bracket spans comes so many times." }
            }
        }
    }
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

/// The models with their totals.
pub(super) fn models(used: &Used) -> Result<Markup, RenderError> {
    let mut families = Vec::new();
    for family in &used.families {
        let mut rows = Vec::new();
        for model in &family.models {
            rows.push((model, summary(&model.name, &model.graph()?)?.totals));
        }
        families.push((family, rows));
    }
    Ok(html! {
        h1 { "Models" }
        p.lead {
            (used.which) ". Parameters, multiply-accumulates (convolutions and linear layers, "
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

//! Models in the report: one with its drawing, plots and layers, and the registry as a whole.

use super::experiments::Gathered;
use super::layers::layers;
use super::table::{Cell, Table, numbers, words};
use super::verdicts::Found;
use super::{RenderError, Report, plot};
use crate::analysis::summary;
use crate::claim::grouped;
use crate::drawing::drawing;
use crate::graph::Graph;
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
        found: &[Found],
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
        let records = found.iter().flat_map(|(_, records)| records);
        let asked = (records.flat_map(|record| &record.calls))
            .filter_map(|call| call.text(0)?.split('@').next())
            .filter(|name| report.registry.find(name).is_ok());
        let names: BTreeSet<&str> = (found.iter().flat_map(|(suite, _)| &suite.models))
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
                    @if let Some(plot) = plot::parameters(&summary, &graph) { (plot) }
                    @if let Some(plot) = plot::receptive_field(&summary) { (plot) }
                }
            }
            details {
                summary { "Layers of " (model.name) }
                (layers(&summary).html(&format!("Layers of {}", summary.model)))
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

/// The models with their totals.
pub(super) fn models(used: &Used) -> Result<Markup, RenderError> {
    let mut families = Vec::new();
    for family in &used.families {
        let mut table = Table::new([
            words("model"),
            words("input"),
            numbers("parameters"),
            numbers("multiply-accumulates"),
            numbers("depth"),
            numbers("field"),
            words("source").class("source"),
        ])
        .class("models");
        for model in &family.models {
            let totals = summary(&model.name, &model.graph()?)?.totals;
            let field = totals.receptive_field.as_ref();
            table.row([
                Cell::code(&model.name),
                Cell::new(model.input),
                Cell::new(grouped(totals.params)),
                Cell::new(grouped(totals.macs)),
                Cell::new(totals.depth),
                Cell::maybe(field.map(|field| field.field.size[0].to_string())),
                Cell::new(&model.source),
            ]);
        }
        families.push((family.title, table));
    }
    Ok(html! {
        h1 { "Models" }
        p.lead {
            (used.which) ". Parameters, multiply-accumulates (convolutions and linear layers, "
            "one sample) and depth (weighted layers on the longest way) are counted on its description."
        }
        @if families.is_empty() { p { "No network is used." } }
        @for (title, table) in families {
            h2 { (title) }
            (table.html(title))
        }
    })
}

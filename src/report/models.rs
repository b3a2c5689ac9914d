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
use crate::zoo::{Family, Model};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The page's file name.
pub(super) const FILE: &str = "models.html";

/// Drawings of more boxes than this are shown on request.
const MOST_OPEN: usize = 45;

/// The models that a report shows, family by family.
pub(super) struct Used {
    /// Which they are, in words: the start of a sentence.
    pub which: &'static str,
    /// Families that have some of them.
    pub families: Vec<Group>,
}

/// Models of one family.
pub(super) struct Group {
    /// How people call it.
    pub title: &'static str,
    /// The year of its paper, if it is from one.
    pub year: Option<u16>,
    /// Those that are shown.
    pub models: Vec<Model>,
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
        let registry = report.registry;
        let group = |family: &Family, models| Group {
            title: family.title,
            year: family.year,
            models,
        };
        let all = registry.families().iter();
        if report.document.every_model {
            return Ok(Used {
                which: "Every registered network",
                families: (all.map(|family| group(family, family.models.clone()))).collect(),
            });
        }
        let arms = gathered.iter().flat_map(|one| &one.scales);
        let arms = arms.flat_map(|at| &at.arms);
        let named = (found
            .iter()
            .flat_map(|(suite, _)| &suite.models)
            .map(|model| &model.name))
        .chain(arms.map(|runs| &runs.recipe.model));
        let named = named.map(|name| registry.find(name));
        let records = found.iter().flat_map(|(_, records)| records);
        // a record may be older than the registry
        let asked = (records.flat_map(|record| &record.calls))
            .filter_map(|call| registry.named(call.text(0)?).ok());
        let mut used: BTreeMap<String, Model> = named
            .chain(asked.map(Ok))
            .map(|model| model.map(|model| (model.name.clone(), model)))
            .collect::<Result<_, _>>()?;
        let mut families: Vec<Group> = all
            .map(|family| {
                let models = family.models.iter();
                let models = models.filter_map(|model| used.remove(&model.name));
                group(family, models.collect())
            })
            .collect();
        families.push(Group {
            title: "With other arguments",
            year: None,
            models: used.into_values().collect(),
        });
        families.retain(|family| !family.models.is_empty());
        Ok(Used {
            which: "Every network of these claims and experiments",
            families,
        })
    }
}

/// A model's totals, drawing, plots and layer table.
pub(super) fn model(model: &Model) -> Result<Markup, RenderError> {
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
pub(super) fn drawn(name: &str, graph: &Graph) -> Markup {
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

//! What training found, one page an experiment.

mod answers;
mod arms;
mod figures;
mod gathered;
mod origin;
mod overview;
mod pairs;
mod published;
mod recipe;
mod reproduced;
mod text;

pub(super) use gathered::{AtScale, Gathered, gather};
pub use overview::left_out;
pub(super) use overview::section;
pub use published::text as published_text;
pub(super) use published::{FILE as PUBLISHED, page as published};
pub use text::text as answers_text;

use super::prose::prose;
use crate::claim::Trial;
use crate::experiment::Finding;
use crate::train::{Scale, Trained};
use maud::{Markup, html};

/// The page of an experiment, with those of the finished runs that are its.
pub(super) fn page(gathered: &Gathered, runs: &[Trained]) -> Markup {
    let experiment = gathered.experiment;
    html! {
        h1 { (experiment.title) }
        p.source { (experiment.source) }
        (prose(&experiment.about))
        @if gathered.scales.len() > 1 {
            p { "Run at two scales: "
                @for (i, at) in gathered.scales.iter().enumerate() {
                    @if i > 0 { ", " } a href={"#" (at.scale.name())} { (at.scale.name()) }
                }
            }
        }
        @if !experiment.published.is_empty() {
            p { a href={"#" (published::PLACE)} { "Published results" } " that it repeats" }
        }
        @for at in &gathered.scales { (scale(at)) }
        (published::section(experiment, runs))
    }
}

fn scale(at: &AtScale) -> Markup {
    let name = at.scale.name();
    html! {
        section.scale aria-labelledby=(name) {
            h2 id=(name) { @match at.scale {
                Scale::Quick => "Quick scale",
                Scale::Full => "Full scale",
            } }
            p.lead { @match at.scale {
                Scale::Quick => "quick scale: answers only claims about that scale, not those about the data and sizes of the full one",
                Scale::Full => "full scale: the experiment's own data and sizes",
            } }
            (answers::answers(at))
            div.plots {
                @for plot in figures::curves_of(at) { (plot) }
                @if let Some(plot) = answers::contrasts(at) { (plot) }
                @for plot in answers::printed(at) { (plot) }
                @if let Some(plot) = figures::depth_of(at) { (plot) }
            }
            (arms::arms(at))
            (origin::origin(at))
        }
    }
}

/// How file names of these pages begin.
pub(super) const PREFIX: &str = "experiment-";

/// The page's file name; letters that no file should have become hyphens.
pub(super) fn file(name: &str) -> String {
    format!("{PREFIX}{}.html", plain(name))
}

/// The place of an answer on its page.
pub(super) fn anchor(scale: Scale, question: &str) -> String {
    format!("{}-{}", scale.name(), plain(question))
}

fn plain(name: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphanumeric() {
        true => c,
        false => '-',
    };
    name.chars().map(letter).collect()
}

/// Where the answer to a question of a claim's trial stands, if its experiment has a page: the page's title
/// and the link. Questions of two experiments, or of one at two scales, may have the same name.
pub(super) fn place<'a>(
    all: &[Gathered<'a>],
    trial: &Trial,
    question: &str,
) -> Option<(&'a str, String)> {
    let one = all
        .iter()
        .find(|one| one.experiment.name == trial.experiment)?;
    let at = one.scales.iter().find(|at| at.scale == trial.scale)?;
    (at.asked.iter()).find(|asked| asked.question.name == question)?;
    let file = file(&one.experiment.name);
    let place = anchor(at.scale, question);
    Some((&one.experiment.title, format!("{file}#{place}")))
}

/// A finding as a badge.
pub(super) fn badge(finding: &Finding) -> Markup {
    let (class, text) = match finding {
        Finding::Holds => ("confirmed", "holds"),
        Finding::Fails => ("refuted", "fails"),
        Finding::Open(_) => ("inconclusive", "open"),
    };
    html! { span class={"badge " (class)} { (text) } }
}

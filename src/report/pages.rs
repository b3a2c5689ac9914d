//! Which pages has a report?

use super::experiments::{self, Gathered};
use super::frame::{FIRST, Frame, Link};
use super::models::{self, Used};
use super::prose::prose;
use super::{RenderError, Report, claims, overview, plots, search, speed, verdicts};
use crate::check::{Current, current};
use crate::claim::Suite;
use crate::evidence::Evaluator;
use crate::record::Record;
use crate::zoo::{Model, Registry};
use maud::{Markup, html};
use std::collections::BTreeSet;

/// A file of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// File name, all in one folder.
    pub file: String,
    /// Its content.
    pub html: String,
}

/// The pages of which each report has at most one, with their titles.
const SINGLES: [(&str, &str); 6] = [
    (FIRST, "Overview"),
    (search::FILE, "All claims"),
    (models::FILE, "Models"),
    (plots::FILE, "Plots"),
    (experiments::PUBLISHED, "Published results"),
    (speed::FILE, "Speed"),
];

/// A page without what all have around their content.
struct Content {
    file: String,
    title: String,
    markup: Markup,
}

/// Renders the report on claims as the suites have them now: the first page, all claims, the models, plots, published results and timings,
/// if there are any, a page a system, and a page an experiment that has runs. Where no check is recorded it has no page on claims, and
/// says so.
///
/// # Errors
/// [`RenderError`] when suites and records do not belong together.
pub fn render(report: &Report) -> Result<Vec<Page>, RenderError> {
    let &Report {
        suites,
        errors,
        records,
        training,
        timings,
        registry,
        ..
    } = report;
    let systems: BTreeSet<&str> = suites.iter().map(|suite| &*suite.system).collect();
    if let Some(record) = (records.iter()).find(|record| !systems.contains(&*record.system)) {
        return Err(RenderError::NoSuite {
            id: record.id.clone(),
            system: record.system.clone(),
        });
    }
    let evaluator = Evaluator::new(registry);
    let current = match report.is_of_a_check() {
        true => current(suites, errors, records, &evaluator, training),
        false => Current::default(),
    };
    let records = &current.records;
    let report = &Report { records, ..*report };
    let found = verdicts::found(suites, records);
    let gathered = experiments::gather(report);
    let used = Used::by(report, &found, &gathered)?;
    let content = |file: &str, title: &str, markup: Markup| Content {
        file: file.into(),
        title: title.into(),
        markup,
    };
    let [first, all] = match report.is_of_a_check() {
        true => [
            Some(overview::page(report, &current, &found, &gathered)),
            Some(search::page(&found, records, &gathered)),
        ],
        false => [Some(overview::without_check(report, &gathered)), None],
    };
    let markups = [
        first,
        all,
        Some(models::models(&used)?),
        plots::page(report, &used)?,
        experiments::published(report, &gathered),
        (!timings.is_empty()).then(|| speed::page(timings)),
    ];
    let singles: Vec<Content> = (SINGLES.iter().zip(markups))
        .filter_map(|((file, title), markup)| Some(content(file, title, markup?)))
        .collect();
    let mut systems = Vec::new();
    for (suite, records) in &found {
        let file = format!("{}.html", suite.system);
        let markup = system(suite, records, &gathered, registry)?;
        systems.push(content(&file, &suite.title, markup));
    }
    let experiments: Vec<Content> = (gathered.iter())
        .map(|one| {
            let file = experiments::file(&one.experiment.name);
            content(
                &file,
                &one.experiment.title,
                experiments::page(one, training.runs()),
            )
        })
        .collect();
    let links = |contents: &[Content]| -> Vec<Link> {
        let links = contents.iter();
        links
            .map(|one| (one.file.clone(), one.title.clone()))
            .collect()
    };
    let frame = Frame {
        links: links(&singles),
        menus: vec![
            ("Systems", links(&systems)),
            ("Experiments", links(&experiments)),
        ],
        provenance: report.provenance,
    };
    let contents = singles.into_iter().chain(systems).chain(experiments);
    Ok(contents
        .map(|one| Page {
            html: frame.around(&one.title, &one.file, &one.markup),
            file: one.file,
        })
        .collect())
}

/// Whether another page than that of a system has its name, so that no system may be called so.
pub fn is_taken(system: &str) -> bool {
    let file = format!("{system}.html");
    let mut singles = SINGLES.iter();
    singles.any(|(single, _)| *single == file) || file.starts_with(experiments::PREFIX)
}

/// The page of a system: its claims, then its models.
fn system(
    suite: &Suite,
    records: &[&Record],
    gathered: &[Gathered],
    registry: &Registry,
) -> Result<Markup, RenderError> {
    let shown = suite.models.iter().map(|model| registry.find(&model.name));
    let shown: Vec<Model> = shown.collect::<Result<_, _>>()?;
    Ok(html! {
        h1 { (suite.title) }
        div dir="auto" { (prose(&suite.analysis)) }
        (verdicts::bar(verdicts::counts(records.iter().copied())))
        @if !shown.is_empty() {
            p { "Networks: " @for (i, model) in shown.iter().enumerate() {
                @if i > 0 { ", " } a href={"#model-" (model.name)} { code { (model.name) } }
            } }
        }
        h2 #claims { "Claims" }
        @for record in records { (claims::claim(record, gathered)) }
        @if !shown.is_empty() {
            h2 #models { "Models" }
            @for model in &shown { (models::model(model)?) }
        }
    })
}

//! The pages of the report. Each stands alone: styles inside, nothing fetched.

use super::experiments::{self, Gathered};
use super::models::Used;
use super::{
    RenderError, Report, claims, counts, models, overview, plots, prose::prose, search, speed,
};
use crate::claim::{Kind, Suite};
use crate::experiment::Experiment;
use crate::record::{Provenance, Record};
use crate::zoo::Registry;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A file of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// File name, all in one folder.
    pub file: String,
    /// Its content.
    pub html: String,
}

const STYLE: &str = include_str!("report.css");

/// Renders the report: the first page, a page a system, a page an experiment that has runs, the models,
/// and a page of timings, if there are any.
///
/// # Errors
/// [`RenderError`] when suites and records do not belong together.
pub fn render(report: &Report) -> Result<Vec<Page>, RenderError> {
    let &Report {
        suites,
        records,
        training,
        timings,
        provenance,
        registry,
        ..
    } = report;
    if let Some(record) = records
        .iter()
        .find(|record| suites.iter().all(|suite| suite.system != record.system))
    {
        return Err(RenderError::NoSuite {
            id: record.id.clone(),
            system: record.system.clone(),
        });
    }
    let shown: Vec<(&Suite, Vec<&Record>)> = suites
        .iter()
        .map(|suite| (suite, of(suite, records)))
        .filter(|(_, records)| !records.is_empty())
        .collect();
    let gathered = experiments::gather(training);
    let used = Used::by(report, &shown, &gathered)?;
    let menus = menus(&shown, &gathered);
    let is_timed = !timings.is_empty();
    let frame = |title: &str, here: &str, body: Markup| {
        frame(title, here, (&menus, is_timed), provenance, body)
    };
    let mut pages = vec![Page {
        file: "index.html".into(),
        html: frame(
            "convcheck",
            "index.html",
            overview::page(report, &shown, &gathered),
        )
        .into_string(),
    }];
    for (suite, records) in &shown {
        let file = format!("{}.html", suite.system);
        let body = system_page(suite, records, &gathered, registry)?;
        pages.push(Page {
            html: frame(&suite.title, &file, body).into_string(),
            file,
        });
    }
    for one in &gathered {
        let file = experiments::file(&one.experiment.name);
        pages.push(Page {
            html: frame(&one.experiment.title, &file, experiments::page(one)).into_string(),
            file,
        });
    }
    let search = search::page(&shown, records, &gathered);
    pages.push(Page {
        file: search::FILE.into(),
        html: frame("All claims", search::FILE, search).into_string(),
    });
    pages.push(Page {
        file: plots::FILE.into(),
        html: frame("Plots", plots::FILE, plots::page(report, &used)?).into_string(),
    });
    pages.push(Page {
        file: "models.html".into(),
        html: frame("Models", "models.html", models::models(&used)?).into_string(),
    });
    if is_timed {
        pages.push(Page {
            file: speed::FILE.into(),
            html: frame("Speed", speed::FILE, speed::page(timings)).into_string(),
        });
    }
    Ok(pages)
}

fn of<'a>(suite: &Suite, records: &'a [Record]) -> Vec<&'a Record> {
    records
        .iter()
        .filter(|record| record.system == suite.system)
        .collect()
}

/// A name with the pages below it: file and title.
type Menu = (&'static str, Vec<(String, String)>);

/// The pages of systems and of experiments; a menu without pages is left out.
fn menus(shown: &[(&Suite, Vec<&Record>)], gathered: &[Gathered]) -> Vec<Menu> {
    let systems = shown
        .iter()
        .map(|(suite, _)| (format!("{}.html", suite.system), suite.title.clone()));
    let experiments = gathered.iter().map(|one| {
        let Experiment { name, title, .. } = one.experiment;
        (experiments::file(name), title.clone())
    });
    let menus = [
        ("Systems", systems.collect::<Vec<_>>()),
        ("Experiments", experiments.collect()),
    ];
    menus
        .into_iter()
        .filter(|(_, pages)| !pages.is_empty())
        .collect()
}

fn frame(
    title: &str,
    here: &str,
    (menus, is_timed): (&[Menu], bool),
    provenance: &Provenance,
    body: Markup,
) -> Markup {
    let pages = [
        ("index.html", "Overview"),
        (search::FILE, "All claims"),
        ("models.html", "Models"),
        (plots::FILE, "Plots"),
    ];
    let timed = is_timed.then_some((speed::FILE, "Speed"));
    let link = |file: &str, name: &str| {
        let current = (file == here).then_some("page");
        html! { a href=(file) aria-current=[current] { (name) } }
    };
    let title = match here {
        "index.html" => title.to_string(),
        _ => format!("{title} · convcheck"),
    };
    let body = html! {
        a.skip href="#content" { "Skip to the content" }
        header {
            nav aria-label="Pages" {
                @for (file, name) in pages.into_iter().chain(timed) { (link(file, name)) }
                @for (name, pages) in menus {
                    details {
                        summary { (name) }
                        ul { @for (file, title) in pages { li { (link(file, title)) } } }
                    }
                }
            }
        }
        main #content { (body) }
        footer {
            p {
                "Made by " code { (provenance.command) } " (convcheck " (provenance.version)
                @if let Some(commit) = &provenance.commit { ", commit " code { (commit) } }
                ") on " (provenance.date) ", " (provenance.machine) "."
            }
        }
    };
    page(&title, body)
}

/// A whole document around a body.
pub(super) fn page(title: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
}

fn system_page(
    suite: &Suite,
    records: &[&Record],
    gathered: &[Gathered],
    registry: &Registry,
) -> Result<Markup, RenderError> {
    Ok(html! {
        h1 { (suite.title) }
        (prose(&suite.analysis))
        (bar(counts(records.iter().copied())))
        @if !suite.models.is_empty() {
            p { "Networks: " @for (i, name) in suite.models.iter().enumerate() {
                @if i > 0 { ", " } a href={"#model-" (name)} { code { (name) } }
            } }
        }
        h2 #claims { "Claims" }
        @for record in records { (claims::claim(record, gathered)) }
        @if !suite.models.is_empty() {
            h2 #models { "Models" }
            @for name in &suite.models { (models::model(name, registry)?) }
        }
    })
}

/// Counts by verdict, as a bar and as numbers.
fn bar(counts: [usize; 5]) -> Markup {
    html! {
        (strip(counts))
        ul.legend { @for (kind, n) in given(counts) { li { (dot(kind, n)) } } }
    }
}

/// Counts by verdict, as a bar.
pub(super) fn strip(counts: [usize; 5]) -> Markup {
    html! {
        div.bar aria-hidden="true" {
            @for (kind, n) in given(counts) { span class=(kind.name()) style={"flex-grow:" (n)} {} }
        }
    }
}

fn given(counts: [usize; 5]) -> impl Iterator<Item = (Kind, usize)> {
    Kind::ALL.into_iter().zip(counts).filter(|&(_, n)| n > 0)
}

/// A count with its verdict.
pub(super) fn dot(kind: Kind, n: usize) -> Markup {
    html! { span class={"dot " (kind.name())} aria-hidden="true" {} strong { (n) } " " (kind.name()) }
}

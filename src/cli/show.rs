//! The commands that show what there is.

use super::said::{Said, json, lacks, wrong};
use super::{List, SchemaOf, ShowOptions};
use anyhow::Result;
use convcheck::claim::{self, Suites};
use convcheck::drawing::drawing;
use convcheck::graph::Shape;
use convcheck::project::{self, Project};
use convcheck::visible::line;
use convcheck::zoo::Registry;
use convcheck::{analysis, document, experiment, foreign, record, report};
use serde::Serialize;
use std::path::Path;

/// Lists; what is wrong with suites is said beside those that can be read.
pub fn list(what: &List, as_json: bool, project: &Project) -> Result<Said> {
    let suites = match what {
        List::Claims | List::Suites => project.suites(),
        _ => Suites::default(),
    };
    wrong(&suites.errors);
    let listing = match what {
        List::Models => report::list_models(project.registry())?,
        List::Claims => report::list_claims(&suites.suites)?,
        List::Suites => report::list_suites(&suites.suites)?,
        List::Functions => report::list_functions()?,
        List::Experiments => report::list_experiments(&project.experiments()?)?,
        List::Runs(_) => unreachable!("they are listed apart"),
    };
    Ok(Said {
        text: match as_json {
            true => json(&listing.rows)?,
            false => listing.text,
        },
        outcome: lacks(&suites.errors),
    })
}

/// Begins a project.
pub fn init(folder: &Path) -> Result<Said> {
    let lines: String = (project::init(folder)?.iter())
        .map(|file| format!("{}\n", line(&file.to_string_lossy())))
        .collect();
    let place = match folder == Path::new(".") {
        true => "this folder".into(),
        false => line(&folder.to_string_lossy()).into_owned(),
    };
    let report = folder.join("reports/latest/index.html");
    let report = report.strip_prefix(".").unwrap_or(&report);
    let report = line(&report.to_string_lossy()).into_owned();
    Ok(format!("{lines}`convcheck` in {place} checks it and writes {report}\n").into())
}

/// What `show --json` prints.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    summary: analysis::Summary,
    account: analysis::Account,
    memory: analysis::Memory,
}

/// Shows a network: its layers, and its drawing, if that is to go into a file.
pub fn show(options: &ShowOptions, registry: &Registry) -> Result<Said> {
    let model = registry.find(&options.model)?;
    let graph = match &options.input {
        Some(input) => {
            let input = input.parse::<Shape>().map_err(anyhow::Error::msg)?;
            model.graph_at(input)?
        }
        None => model.graph()?,
    };
    if let Some(file) = &options.svg {
        record::write(file, drawing(&model.name, &graph).file().as_bytes())?;
    }
    if options.toml {
        let text = foreign::written(&graph, &model.source)
            .map_err(|what| anyhow::anyhow!("{}: {what}", options.model))?;
        return Ok(text.into());
    }
    let summary = analysis::Summary {
        count_refused: model.count_refused.clone(),
        ..analysis::summary(&model.name, &graph)?
    };
    let account = analysis::account(&graph)?;
    let inputs: Vec<String> = graph
        .inputs()
        .iter()
        .map(|input| input.path.clone())
        .collect();
    let depth = options.depth.map(usize::from);
    Ok(match options.json {
        true => json(&Shown {
            memory: account.memory(options.batch.into()),
            summary,
            account,
        })?,
        false => {
            let remarks: String = model
                .remarks
                .iter()
                .map(|remark| format!("{}\n", line(remark)))
                .collect();
            format!(
                "{}\n{}{remarks}",
                line(&model.source),
                report::shown(
                    &summary,
                    &account,
                    &inputs,
                    depth,
                    options.batch.into(),
                    report::width()
                )
            )
        }
    }
    .into())
}

/// The format of files that a user writes.
pub fn schema(of: SchemaOf) -> Result<Said> {
    Ok(json(&match of {
        SchemaOf::Suite => claim::schema(),
        SchemaOf::Experiment => experiment::schema(),
        SchemaOf::Plan => experiment::RunPlan::schema(),
        SchemaOf::Report => document::schema(),
        SchemaOf::Project => project::schema(),
        SchemaOf::Network => foreign::schema(),
    })?
    .into())
}

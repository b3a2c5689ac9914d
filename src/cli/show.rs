//! The commands that show what there is.

use super::said::{Said, json};
use super::{List, SchemaOf, ShowOptions};
use anyhow::Result;
use convcheck::drawing::drawing;
use convcheck::graph::Shape;
use convcheck::zoo::Registry;
use convcheck::{analysis, claim, document, experiment, record, report};

/// Lists.
pub fn list(what: List, as_json: bool, registry: &Registry) -> Result<Said> {
    let listing = match what {
        List::Models => report::list_models(registry)?,
        List::Claims => report::list_claims(&claim::embedded()?)?,
        List::Suites => report::list_suites(&claim::embedded()?)?,
        List::Functions => report::list_functions()?,
        List::Experiments => report::list_experiments(&experiment::embedded(registry)?)?,
    };
    Ok(match as_json {
        true => json(&listing.rows)?,
        false => listing.text,
    }
    .into())
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
    let summary = analysis::summary(&model.name, &graph)?;
    Ok(match options.json {
        true => json(&summary)?,
        false => format!("{}\n{}", model.source, report::layers(&summary)),
    }
    .into())
}

/// The format of files that a user writes.
pub fn schema(of: SchemaOf) -> Result<Said> {
    Ok(json(&match of {
        SchemaOf::Suite => claim::schema(),
        SchemaOf::Experiment => experiment::schema(),
        SchemaOf::Report => document::schema(),
    })?
    .into())
}

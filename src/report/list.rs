//! What there is, as rows for programs and as a table for people.

use super::table::columns;
use crate::claim::{Claim, Datum, Kind, Suite};
use crate::evidence::FUNCTIONS;
use crate::experiment::Experiment;
use crate::graph::Dims;
use crate::train::Scale;
use crate::zoo::Registry;
use serde::Serialize;

/// A list in both forms.
pub struct Listing {
    /// An array of objects.
    pub rows: serde_json::Value,
    /// A table.
    pub text: String,
}

#[derive(Serialize)]
struct ModelRow<'a> {
    name: &'a str,
    family: &'a str,
    input: Dims,
    source: &'a str,
}

/// The registry, family by family.
///
/// # Errors
/// What the JSON writer says.
pub fn list_models(registry: &Registry) -> serde_json::Result<Listing> {
    let families = registry.families();
    let rows: Vec<ModelRow> = families
        .iter()
        .flat_map(|family| {
            family.models.iter().map(|model| ModelRow {
                name: &model.name,
                family: family.name,
                input: model.input.dims(),
                source: &model.source,
            })
        })
        .collect();
    let text = families.iter().flat_map(|family| {
        let title = [family.title.to_string(), String::new(), String::new()];
        let models = family.models.iter().map(|model| {
            [
                format!("  {}", model.name),
                model.input.to_string(),
                model.source.clone(),
            ]
        });
        std::iter::once(title).chain(models)
    });
    listing(&rows, columns(["model", "input", "source"], text))
}

#[derive(Serialize)]
struct ClaimRow<'a> {
    id: &'a str,
    system: &'a str,
    section: Option<&'a str>,
    line: Option<u32>,
    says: &'a str,
    stated: Option<Datum>,
    measure: Option<&'a str>,
    recorded: Option<Kind>,
    covers: &'a [String],
    note: Option<&'a str>,
}

/// The claims of suites, unchecked.
///
/// # Errors
/// What the JSON writer says.
pub fn list_claims(suites: &[Suite]) -> serde_json::Result<Listing> {
    let row = |suite: &'_ Suite, claim: &'_ Claim| {
        serde_json::to_value(ClaimRow {
            id: &claim.id,
            system: &suite.system,
            section: claim.section.as_deref(),
            line: claim.line,
            says: &claim.says,
            stated: claim.measure().map(|measure| measure.stated.datum()),
            measure: claim.measure().map(|measure| measure.expression.as_str()),
            recorded: claim.recorded,
            covers: &claim.covers,
            note: claim.note.as_deref(),
        })
    };
    let claims = || {
        suites
            .iter()
            .flat_map(|suite| suite.claims.iter().map(move |claim| (suite, claim)))
    };
    let rows = claims()
        .map(|(suite, claim)| row(suite, claim))
        .collect::<Result<Vec<_>, _>>()?;
    let text = claims().map(|(_, claim)| [claim.id.clone(), claim.says.clone()]);
    listing(&rows, columns(["claim", "says"], text))
}

#[derive(Serialize)]
struct SuiteRow<'a> {
    system: &'a str,
    title: &'a str,
    claims: usize,
    statements: usize,
}

/// The suites and how much they account for.
///
/// # Errors
/// What the JSON writer says.
pub fn list_suites(suites: &[Suite]) -> serde_json::Result<Listing> {
    let rows: Vec<SuiteRow> = suites
        .iter()
        .map(|suite| SuiteRow {
            system: &suite.system,
            title: &suite.title,
            claims: suite.claims.len(),
            statements: suite
                .claims
                .iter()
                .map(|claim| 1 + claim.covers.len())
                .sum(),
        })
        .collect();
    let text = rows.iter().map(|row| {
        [
            row.system.to_string(),
            row.title.to_string(),
            row.claims.to_string(),
            row.statements.to_string(),
        ]
    });
    listing(
        &rows,
        columns(["suite", "title", "claims", "statements"], text),
    )
}

#[derive(Serialize)]
struct ExperimentRow<'a> {
    name: &'a str,
    title: &'a str,
    source: &'a str,
    arms: Vec<&'a str>,
    questions: Vec<&'a str>,
    /// Under which seeds each arm is trained, by scale.
    seeds: &'a std::collections::BTreeMap<Scale, std::ops::Range<u64>>,
}

/// The experiments, with their arms and questions.
///
/// # Errors
/// What the JSON writer says.
pub fn list_experiments(experiments: &[Experiment]) -> serde_json::Result<Listing> {
    let rows: Vec<ExperimentRow> = (experiments.iter())
        .map(|experiment| ExperimentRow {
            name: &experiment.name,
            title: &experiment.title,
            source: &experiment.source,
            arms: experiment.arms.iter().map(|arm| &*arm.name).collect(),
            questions: (experiment.questions.iter())
                .map(|question| &*question.name)
                .collect(),
            seeds: &experiment.seeds,
        })
        .collect();
    let text = rows.iter().map(|row| {
        let scales: Vec<&str> = row.seeds.keys().map(|scale| scale.name()).collect();
        [
            row.name.to_string(),
            row.title.to_string(),
            scales.join(", "),
            row.arms.join(", "),
        ]
    });
    let text = columns(["experiment", "title", "scales", "arms"], text);
    listing(&rows, text)
}

#[derive(Serialize)]
struct FunctionRow {
    name: &'static str,
    signature: &'static str,
    returns: &'static str,
}

/// The vocabulary of measures.
///
/// # Errors
/// What the JSON writer says.
pub fn list_functions() -> serde_json::Result<Listing> {
    let rows: Vec<FunctionRow> = FUNCTIONS
        .iter()
        .map(|function| FunctionRow {
            name: function.name,
            signature: function.signature,
            returns: function.returns,
        })
        .collect();
    let text = FUNCTIONS
        .iter()
        .map(|function| [function.signature.to_string(), function.returns.to_string()]);
    listing(&rows, columns(["function", "returns"], text))
}

fn listing(rows: &impl Serialize, text: String) -> serde_json::Result<Listing> {
    Ok(Listing {
        rows: serde_json::to_value(rows)?,
        text,
    })
}

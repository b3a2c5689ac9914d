//! What there is, as rows for programs and as a table for people.

use super::table::columns;
use crate::claim::{Claim, Datum, Kind, Suite};
use crate::evidence::FUNCTIONS;
use crate::experiment::Experiment;
use crate::graph::Dims;
use crate::train::Scale;
use crate::zoo::{Architecture, Argument, Model, Registry};
use serde::Serialize;

/// A list in both forms.
pub struct Listing {
    /// An array of objects.
    pub rows: serde_json::Value,
    /// A table.
    pub text: String,
}

#[derive(Serialize)]
struct ModelRow {
    name: String,
    family: &'static str,
    input: Dims,
    source: String,
    arguments: Vec<Argument>,
}

/// The registry, family by family: the models, then what they are made of, with its arguments.
///
/// # Errors
/// What the JSON writer says.
pub fn list_models(registry: &Registry) -> serde_json::Result<Listing> {
    let (mut rows, mut text) = (Vec::new(), Vec::new());
    let row = |family: &'static str, model: &Model| ModelRow {
        name: model.name.clone(),
        family,
        input: model.input.dims(),
        source: model.source.clone(),
        arguments: model.arguments(),
    };
    for family in registry.families() {
        text.push([family.title.to_string(), String::new(), String::new()]);
        for model in &family.models {
            let input = model.input.to_string();
            text.push([format!("  {}", model.name), input, model.source.clone()]);
            rows.push(row(family.name, model));
        }
        for model in family.architectures.iter().map(Architecture::model) {
            let takes = format!("  {}{{...}} takes", model.name);
            text.push([takes, String::new(), model.source.clone()]);
            text.extend(model.arguments().into_iter().map(|argument| {
                let given = format!("    {}={}", argument.name, argument.value);
                [given, argument.range, argument.meaning.to_string()]
            }));
            if registry.models().all(|other| other.name != model.name) {
                rows.push(row(family.name, &model));
            }
        }
    }
    let header = ["model", "input or range", "source or meaning"];
    listing(&rows, columns(header, text.into_iter()))
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

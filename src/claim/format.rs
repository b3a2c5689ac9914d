//! The file format of suites: TOML with unknown keys refused, and its JSON Schema.

use super::{
    Basis, Claim, Datum, Kind, Location, Measure, Suite, SuiteError, Tolerance, Topic, Trial,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;
use toml::Spanned;

/// A suite: everything that is claimed about one system.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "convcheck suite")]
struct SuiteFile {
    /// Kebab-case name of the system; every claim's id begins with it.
    #[schemars(with = "String", regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"))]
    system: Spanned<String>,
    /// Heading in the report.
    title: String,
    /// Prose in Markdown that the report prints in front of the claims.
    #[serde(default)]
    analysis: String,
    /// Registered models whose layer tables and plots the report shows.
    #[serde(default)]
    models: Vec<String>,
    /// The claims.
    #[serde(default, rename = "claim")]
    #[schemars(with = "Vec<ClaimFile>")]
    claims: Vec<Spanned<ClaimFile>>,
}

/// One statement; it has exactly one of `measure`, `trial`, `cites` and `needs`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ClaimFile {
    /// `<system>.<kebab-case>`.
    #[schemars(with = "String")]
    id: Spanned<String>,
    /// Section of the document.
    section: String,
    /// Line of the document.
    line: u32,
    /// The statement, in English.
    says: String,
    /// What the statement is about.
    topic: Option<Topic>,
    /// The value that the document states; with `measure` only.
    stated: Option<Datum>,
    /// A CEL expression over the registered models; `convcheck list functions` shows its vocabulary.
    #[schemars(with = "Option<String>")]
    measure: Option<Spanned<String>>,
    /// How near the measured value must come to the stated one.
    #[serde(default)]
    tolerance: Tolerance,
    /// Whether the measure takes long, over about a second: then `--all` runs it.
    #[serde(default)]
    slow: bool,
    /// What of an experiment decides it.
    trial: Option<Trial>,
    /// The publication that says so, for history and contest results.
    cites: Option<String>,
    /// What a test of this statement needs and this version lacks.
    needs: Option<String>,
    /// The verdict that the harness must find again.
    verdict: Option<Kind>,
    /// The value that the harness must find again.
    found: Option<Datum>,
    /// What is right, or what a reader should know.
    note: Option<String>,
    /// Ids of other statements that this one settles.
    #[serde(default)]
    covers: Vec<String>,
}

/// The format as a JSON Schema.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(SuiteFile).to_value()
}

/// Reads a suite.
///
/// # Errors
/// [`SuiteError`] with the line and column of the first fault.
pub fn parse(file: &Path, text: &str) -> Result<Suite, SuiteError> {
    let fault = |span: Range<usize>, what: String| SuiteError {
        at: Location::of_byte(file, text, span.start),
        what,
    };
    let suite: SuiteFile = toml::from_str(text).map_err(|error| {
        let what = error.message().replace('\n', "; ");
        fault(error.span().unwrap_or(0..0), what)
    })?;
    let system = suite.system.get_ref();
    if !is_kebab(system) {
        return Err(fault(
            suite.system.span(),
            format!("system `{system}` is not kebab-case, for example `listing-vgg-cifar100`"),
        ));
    }
    let claims = suite
        .claims
        .into_iter()
        .map(|claim| {
            let span = claim.span();
            read_claim(system, claim.into_inner(), file, text)
                .map_err(|(at, what)| fault(at.unwrap_or(span), what))
        })
        .collect::<Result<_, _>>()?;
    Ok(Suite {
        system: system.clone(),
        title: suite.title,
        analysis: suite.analysis,
        models: suite.models,
        claims,
    })
}

type Fault = (Option<Range<usize>>, String);

fn read_claim(system: &str, claim: ClaimFile, file: &Path, text: &str) -> Result<Claim, Fault> {
    let (id_span, id) = (claim.id.span(), claim.id.into_inner());
    let behind = id
        .strip_prefix(system)
        .and_then(|rest| rest.strip_prefix('.'));
    if !behind.is_some_and(is_kebab_or_numbers) {
        return Err((
            Some(id_span),
            format!("id `{id}` must be `{system}.` and lower-case words joined by hyphens"),
        ));
    }
    let at = Location::of_byte(file, text, id_span.start);
    let (measured, wrong) = (claim.measure.is_some(), |what: &str| {
        Err((Some(id_span.clone()), format!("claim `{id}` {what}")))
    });
    let basis = match (claim.measure, claim.trial, claim.cites, claim.needs) {
        (Some(measure), None, None, None) => {
            let Some(stated) = claim.stated else {
                return wrong("has a measure but no `stated` value to hold it against");
            };
            let span = measure.span();
            let expression = measure.into_inner();
            compiles(&expression)
                .map_err(|what| (Some(span.clone()), format!("measure of `{id}`: {what}")))?;
            Basis::Measure(Measure {
                expression,
                stated,
                tolerance: claim.tolerance,
                at: Location::of_byte(file, text, span.start),
            })
        }
        (None, Some(trial), None, None) if trial.questions.is_empty() => {
            return wrong("has a trial without questions");
        }
        (None, Some(trial), None, None) => Basis::Trial(trial),
        (None, None, Some(publication), None) => Basis::Citation(publication),
        (None, None, None, Some(what)) => Basis::Needs(what),
        (None, None, None, None) => {
            return wrong("needs one of `measure`, `trial`, `cites` and `needs`");
        }
        _ => return wrong("has more than one of `measure`, `trial`, `cites` and `needs`"),
    };
    if !measured && claim.slow {
        return wrong("is `slow` but has no measure that could be");
    }
    if !measured && claim.found.is_some() {
        return wrong("has a `found` value but no measure that could find it");
    }
    let possible = match (&basis, claim.verdict) {
        (_, None) => true,
        (Basis::Measure(_), Some(kind)) => !matches!(kind, Kind::Untested | Kind::Cited),
        (Basis::Trial(_), Some(kind)) => kind != Kind::Cited,
        (Basis::Citation(_), Some(kind)) => kind == Kind::Cited,
        (Basis::Needs(_), Some(kind)) => kind == Kind::Untested,
    };
    if !possible {
        return wrong(
            "records a verdict that it cannot have: a measure confirms or refutes, a trial may be open too, `cites` is cited, `needs` is untested",
        );
    }
    Ok(Claim {
        id,
        section: claim.section,
        line: claim.line,
        says: claim.says,
        topic: claim.topic,
        basis,
        slow: claim.slow,
        recorded: claim.verdict,
        recorded_found: claim.found,
        note: claim.note,
        covers: claim.covers,
        at,
    })
}

/// Whether a measure is CEL; if not, the parser's message with its caret.
fn compiles(expression: &str) -> Result<(), String> {
    // the environment is costly to make and the same for every measure
    static CEL: LazyLock<cel::Env> = LazyLock::new(cel::Env::stdlib);
    CEL.compile(expression)
        .map(|_| ())
        .map_err(|errors| errors.to_string())
}

fn is_kebab(text: &str) -> bool {
    text.split('-').all(|word| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    })
}

/// Ids may carry a number with its point, as in `top5-7.3`.
fn is_kebab_or_numbers(text: &str) -> bool {
    text.split('.').all(is_kebab)
}

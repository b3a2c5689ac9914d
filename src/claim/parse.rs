//! From a suite's text to its claims: all that is wrong at once, each with its place.

use super::format::{ClaimFile, SuiteFile};
use super::syntax::{self, deep};
use super::{
    Basis, Claim, Kind, Measure, NamedModel, Places, Stated, Suite, SuiteError, Suites, Tolerance,
};
use serde::de::DeserializeOwned;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// What is wrong, and at which bytes of the file.
type Fault = (Range<usize>, String);

/// So many keys of one table are said to be wrong; it is read anew for each.
const MOST_FAULTS: usize = 20;

/// Reads a suite: at most one, without the claims that something is wrong with.
pub fn parse(file: &Path, text: &str) -> Suites {
    let places = Places::of(file, text);
    let error = |(span, what): Fault| SuiteError::new(places.at(span.start), what);
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(fault) => {
            return error((fault.span().unwrap_or(0..0), fault.message().to_string())).into();
        }
    };
    let span = table.span();
    let mut table = table.into_inner();
    let claims = table.remove("claim");
    let (suite, faults) = keys::<SuiteFile>(table, &span, &["system", "title"]);
    let mut errors: Vec<SuiteError> = faults.into_iter().map(error).collect();
    let claims = match claims.map(|claims| (claims.span(), claims.into_inner())) {
        None => Vec::new(),
        Some((_, DeValue::Array(claims))) => claims.into_iter().collect(),
        Some((span, _)) => {
            let what = "claims are written as `[[claim]]`, each with its keys below";
            errors.push(error((span, what.into())));
            Vec::new()
        }
    };
    let system = suite.as_ref().map(|suite| suite.system.get_ref().as_str());
    if let Some(suite) = &suite
        && let Some(what) = not_a_name(suite.system.get_ref())
    {
        let what = format!("system `{}` {what}", suite.system.get_ref());
        errors.push(error((suite.system.span(), what)));
    }
    let is_usable = errors.is_empty();
    let mut good = Vec::new();
    for value in claims {
        let id = id_of(&value);
        let (claim, faults) = claim(value, system, text, &places);
        errors.extend(faults.into_iter().map(|fault| SuiteError {
            id: id.clone(),
            ..error(fault)
        }));
        good.extend(claim);
    }
    let suite = suite.filter(|_| is_usable).map(|suite| Suite {
        at: places.at(suite.system.span().start),
        system: suite.system.into_inner(),
        title: suite.title,
        analysis: suite.analysis,
        models: (suite.models.into_iter())
            .map(|model| NamedModel {
                at: places.at(model.span().start),
                name: model.into_inner(),
            })
            .collect(),
        claims: good,
    });
    errors.sort();
    Suites {
        suites: suite.into_iter().collect(),
        errors,
    }
}

/// Reads a table of known keys. A key that something is wrong with is noted and left out, so that the
/// others are read too; there is a result where the `required` ones are right.
fn keys<T: DeserializeOwned>(
    mut table: DeTable,
    span: &Range<usize>,
    required: &[&str],
) -> (Option<T>, Vec<Fault>) {
    let mut faults: Vec<Fault> = required
        .iter()
        .filter(|&&key| !table.contains_key(key))
        .map(|key| (span.clone(), format!("missing field `{key}`")))
        .collect();
    loop {
        let whole = Spanned::new(span.clone(), DeValue::Table(table.clone()));
        let fault = match T::deserialize(ValueDeserializer::from(whole)) {
            Ok(read) => return (Some(read), faults),
            Err(fault) => fault,
        };
        let at = fault.span().unwrap_or_else(|| span.clone());
        let holds = |part: Range<usize>| part.start <= at.start && at.end <= part.end;
        // what is wrong with the table as a whole is that a required key is missing
        let wrong = table
            .iter()
            .find(|(key, value)| at != *span && (holds(key.span()) || holds(value.span())))
            .map(|(key, _)| key.clone());
        match wrong {
            Some(_) if faults.len() == MOST_FAULTS => return (None, faults),
            Some(key) => {
                faults.push((at, fault.message().to_string()));
                table.remove(&key);
            }
            // that has been said, or follows from what has
            None if !faults.is_empty() => return (None, faults),
            None => return (None, vec![(at, fault.message().to_string())]),
        }
    }
}

/// The id that a claim gives itself, right or wrong.
fn id_of(claim: &Spanned<DeValue>) -> Option<String> {
    let id = claim.get_ref().as_table()?.get("id")?;
    Some(id.get_ref().as_str()?.to_string())
}

/// Reads a claim; `system` is unknown where that is wrong itself.
fn claim(
    value: Spanned<DeValue>,
    system: Option<&str>,
    text: &str,
    places: &Places,
) -> (Option<Claim>, Vec<Fault>) {
    let span = value.span();
    let DeValue::Table(table) = value.into_inner() else {
        let what = "a claim is a table: `[[claim]]`, with its keys below";
        return (None, vec![(span, what.into())]);
    };
    let stated = (table.get("stated")).map(|value| (value.span(), Stated::read(value)));
    let (claim, mut faults) = keys::<ClaimFile>(table, &span, &["id", "says"]);
    if let Some((span, None)) = &stated
        && !faults.iter().any(|(at, _)| span.contains(&at.start))
    {
        faults.push((
            span.clone(),
            "a stated number is finite and has at most 64 bits".into(),
        ));
    }
    let Some(claim) = claim else {
        return (None, faults);
    };
    let id = claim.id.get_ref();
    let at = claim.id.span();
    if let Some(system) = system {
        let behind = id
            .strip_prefix(system)
            .and_then(|rest| rest.strip_prefix('.'));
        if !behind.is_some_and(is_kebab_or_numbers) {
            let what =
                format!("id `{id}` must be `{system}.` and lower-case words joined by hyphens");
            faults.push((at.clone(), what));
        }
    }
    if let Some(measure) = &claim.measure
        && let Err(fault) = compiles(measure.get_ref())
    {
        let (at, what) = placed(fault, measure, text);
        faults.push((at, format!("measure of `{id}`: {what}")));
    }
    if let Some(tolerance) = &claim.tolerance
        && !tolerance.get_ref().is_possible()
    {
        let what = "a tolerance is a part of the stated value between 0 and 1, such as 0.05, or { absolute = 3 } in the measure's own unit";
        faults.push((tolerance.span(), what.into()));
    }
    // what follows asks how keys go together, of which one may just have been left out
    if !faults.is_empty() {
        return (None, faults);
    }
    match basis(&claim, stated, places) {
        Ok(basis) => {
            let trial_at = claim
                .trial
                .as_ref()
                .map_or(at.start, |trial| trial.span().start);
            let claim = Claim {
                at: places.at(at.start),
                trial_at: places.at(trial_at),
                id: claim.id.into_inner(),
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
            };
            (Some(claim), Vec::new())
        }
        Err(what) => (None, vec![(at, format!("claim `{id}` {what}"))]),
    }
}

/// What decides a claim; otherwise which of its keys do not go together, without the subject.
fn basis(
    claim: &ClaimFile,
    stated: Option<(Range<usize>, Option<Stated>)>,
    places: &Places,
) -> Result<Basis, &'static str> {
    let basis = match (&claim.measure, &claim.trial, &claim.cites, &claim.needs) {
        (Some(measure), None, None, None) => {
            let Some((stated_at, Some(stated))) = stated else {
                return Err("has a measure but no `stated` value to hold it against");
            };
            let rounded = if stated.has_unit() {
                Tolerance::Printed
            } else {
                Tolerance::Exact
            };
            Basis::Measure(Measure {
                expression: measure.get_ref().clone(),
                stated,
                stated_at: places.at(stated_at.start),
                tolerance: claim
                    .tolerance
                    .as_ref()
                    .map_or(rounded, |one| *one.get_ref()),
                at: places.at(measure.span().start),
            })
        }
        (None, Some(trial), None, None) if trial.get_ref().questions.is_empty() => {
            return Err("has a trial without questions");
        }
        (None, Some(trial), None, None) => Basis::Trial(trial.get_ref().clone()),
        (None, None, Some(publication), None) => Basis::Citation(publication.clone()),
        (None, None, None, Some(what)) => Basis::Needs(what.clone()),
        (None, None, None, None) => {
            return Err("needs one of `measure`, `trial`, `cites` and `needs`");
        }
        _ => return Err("has more than one of `measure`, `trial`, `cites` and `needs`"),
    };
    let is_measured = claim.measure.is_some();
    if !is_measured && claim.slow {
        return Err("is `slow` but has no measure that could be");
    }
    if !is_measured && claim.found.is_some() {
        return Err("has a `found` value but no measure that could find it");
    }
    let is_possible = match (&basis, claim.verdict) {
        (_, None) => true,
        (Basis::Measure(_), Some(kind)) => !matches!(kind, Kind::Untested | Kind::Cited),
        (Basis::Trial(_), Some(kind)) => kind != Kind::Cited,
        (Basis::Citation(_), Some(kind)) => kind == Kind::Cited,
        (Basis::Needs(_), Some(kind)) => kind == Kind::Untested,
    };
    match is_possible {
        true => Ok(basis),
        false => Err(
            "records a verdict that it cannot have: a measure confirms or refutes, a trial may be open too, `cites` is cited, `needs` is untested",
        ),
    }
}

/// Whether a measure is CEL.
fn compiles(expression: &str) -> Result<(), syntax::Fault> {
    deep(expression, || syntax::parsed(expression).map(drop))
}

/// A fault of a measure with its place in the file; where the measure is written with escapes, its place in the measure is said.
fn placed(fault: syntax::Fault, measure: &Spanned<String>, text: &str) -> Fault {
    let span = measure.span();
    let expression = measure.get_ref();
    let written = text.get(span.clone()).unwrap_or_default();
    match written.find(expression.as_str()) {
        Some(from) => {
            let byte = span.start + from + fault.byte;
            (byte..byte, fault.what)
        }
        None => {
            let Some((line, column)) = Places::of(Path::new(""), expression)
                .at(fault.byte)
                .position
            else {
                return (span, fault.what);
            };
            (span, format!("at {line}:{column} of it, {}", fault.what))
        }
    }
}

/// How many characters a name may have: a file is called after it, whose name may have 255.
const LONGEST: usize = 100;

/// What is wrong with the name of a system, an experiment or an arm, after which files are called.
pub(crate) fn not_a_name(name: &str) -> Option<&'static str> {
    if !is_kebab(name) {
        return Some(
            "is not kebab-case, lower-case words joined by hyphens, for example `listing-vgg-cifar100`",
        );
    }
    (name.len() > LONGEST).then_some("is longer than the 100 characters that a name may have")
}

/// Whether it is lower-case words and numbers, joined by hyphens.
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

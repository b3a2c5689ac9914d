//! How published results stand in an experiment's file, and what can be wrong with them.

use super::{Published, PublishedNumber, PublishedResult};
use crate::experiment::recipes::Fault;
use crate::experiment::{Arm, Metric, Question, Rule};
use crate::nearest::suggestion;
use crate::train::Scale;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;

/// Results in one table or figure of a publication, which arms repeat.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::experiment) struct PublishedFile {
    /// The publication: authors, year, title.
    paper: String,
    /// The table or the figure.
    table: String,
    /// At which scale the arms repeat it; the full one without it.
    #[schemars(with = "Option<Scale>")]
    scale: Option<Spanned<Scale>>,
    /// How many images the arms are tested on.
    #[schemars(with = "Option<u64>", range(min = 1))]
    test_images: Option<Spanned<u64>>,
    /// How the publication's recipe and the arms' differ, a short sentence each.
    differences: Vec<String>,
    /// The results.
    #[serde(rename = "result")]
    #[schemars(with = "Vec<ResultFile>")]
    results: Spanned<Vec<Spanned<ResultFile>>>,
}

/// A published result; it has `arm`, `metric` and `value`, or the `question` whose rule has them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ResultFile {
    /// Where in the table or the figure it stands.
    cell: String,
    /// What the number is.
    #[schemars(with = "PublishedNumber")]
    number: Spanned<PublishedNumber>,
    /// Whether it is read off a figure.
    #[serde(default)]
    read_off: bool,
    /// The arm that repeats it.
    #[schemars(with = "Option<String>")]
    arm: Option<Spanned<String>>,
    /// What of a run corresponds to it.
    #[schemars(with = "Option<String>")]
    metric: Option<Spanned<String>>,
    /// The number; a share where it is one: 8.75 % is 0.0875.
    #[schemars(with = "Option<f64>")]
    value: Option<Spanned<f64>>,
    /// The question whose rule is that the number is one that a run could have printed.
    #[schemars(with = "Option<String>")]
    question: Option<Spanned<String>>,
}

/// A number of more runs than this was never published.
const MOST_RUNS: u32 = 100;

/// What the file says is published, held against the arms and the questions.
///
/// # Errors
/// What is wrong, at its place.
pub(in crate::experiment) fn published(
    file: Spanned<PublishedFile>,
    arms: &[Arm],
    questions: &[Question],
) -> Result<Published, Fault> {
    let (place, file) = (file.span(), file.into_inner());
    let (scale, at_scale) = match file.scale {
        Some(scale) => (*scale.get_ref(), scale.span()),
        None => (Scale::Full, place),
    };
    if arms.iter().all(|arm| !arm.recipes.contains_key(&scale)) {
        let what = format!(
            "published: there is no {} scale to repeat it at",
            scale.name()
        );
        return Err((at_scale, what));
    }
    let test_images = match file.test_images {
        Some(none) if *none.get_ref() == 0 => {
            return Err((
                none.span(),
                "published: test_images is 0, must be above 0".into(),
            ));
        }
        images => images.map(Spanned::into_inner),
    };
    if file.results.get_ref().is_empty() {
        return Err((
            file.results.span(),
            "published: there is no `result`".into(),
        ));
    }
    let mut results: Vec<PublishedResult> = Vec::new();
    let mut cells = BTreeSet::new();
    for spanned in file.results.into_inner() {
        let span = spanned.span();
        let one = spanned.into_inner();
        let cell = one.cell.clone();
        let wrong = |(span, what)| (span, format!("published, `{cell}`: {what}"));
        if !cells.insert(cell.clone()) {
            return Err(wrong((span, "is there twice".into())));
        }
        let read = match one.question {
            Some(_) => of_question(one, scale, questions),
            None => of_arm(one, scale, arms, span),
        };
        results.push(read.map_err(wrong)?);
    }
    Ok(Published {
        paper: file.paper,
        table: file.table,
        scale,
        test_images,
        differences: file.differences,
        results,
    })
}

/// A result that names its arm, what is looked at, and the number.
fn of_arm(
    file: ResultFile,
    scale: Scale,
    arms: &[Arm],
    place: Range<usize>,
) -> Result<PublishedResult, Fault> {
    let (Some(name), Some(metric), Some(value)) = (file.arm, file.metric, file.value) else {
        let what = "has `arm`, `metric` and `value`, or `question`";
        return Err((place, what.into()));
    };
    let repeated = |arm: &&Arm| arm.recipes.contains_key(&scale);
    let Some(arm) = arms.iter().find(|arm| arm.name == *name.get_ref()) else {
        let every: Vec<&str> = arms.iter().filter(repeated).map(|arm| &*arm.name).collect();
        let listing = format!("its arms: {}", every.join(", "));
        let hint = suggestion(name.get_ref(), every.into_iter()).unwrap_or(listing);
        let what = format!("there is no arm `{}`; {hint}", name.get_ref());
        return Err((name.span(), what));
    };
    if !repeated(&arm) {
        let what = format!(
            "arm `{}` is not run at the {} scale",
            arm.name,
            scale.name()
        );
        return Err((name.span(), what));
    }
    let at = metric.span();
    let metric: Metric = metric.get_ref().parse().map_err(|what| (at, what))?;
    let (at, value) = (value.span(), value.into_inner());
    let [low, high] = metric.bounds();
    if !value.is_finite() || value < low || value > high {
        let what = match (metric.is_share(), value / 100.0) {
            (true, percent) if value > 1.0 && percent <= 1.0 => {
                format!(
                    "value is {value}, must be a share from {low} to {high}: {value} % is {percent}"
                )
            }
            (true, _) => format!("value is {value}, must be a share from {low} to {high}"),
            (false, _) => format!("value is {value}, must be finite and not below {low}"),
        };
        return Err((at, what));
    }
    Ok(PublishedResult {
        cell: file.cell,
        number: number(&file.number)?,
        is_read_off: file.read_off,
        arm: arm.name.clone(),
        metric,
        value,
        question: None,
    })
}

/// A result whose number is that of a question, so that it stands in one place.
fn of_question(
    file: ResultFile,
    scale: Scale,
    questions: &[Question],
) -> Result<PublishedResult, Fault> {
    let own = (file.arm.map(|key| key.span()))
        .or(file.metric.map(|key| key.span()))
        .or(file.value.map(|key| key.span()));
    if let Some(span) = own {
        let what = "arm, metric and value are those of its question, and stand there alone";
        return Err((span, what.into()));
    }
    let name = file
        .question
        .unwrap_or_else(|| Spanned::new(0..0, String::new()));
    let (at, name) = (name.span(), name.into_inner());
    let Some(question) = questions.iter().find(|question| question.name == name) else {
        let printed = questions
            .iter()
            .filter(|one| matches!(one.rule, Rule::Printed { .. }));
        let printed: Vec<&str> = printed.map(|one| &*one.name).collect();
        let listing = format!("about a printed number: {}", printed.join(", "));
        let hint = suggestion(&name, printed.into_iter()).unwrap_or(listing);
        return Err((at, format!("there is no question `{name}`; {hint}")));
    };
    let Rule::Printed { arm, value, .. } = &question.rule else {
        let what = format!("question `{name}` is not about a printed number");
        return Err((at, what));
    };
    if !question.is_asked_at(scale) {
        let what = format!(
            "question `{name}` is not asked at the {} scale",
            scale.name()
        );
        return Err((at, what));
    }
    if *file.number.get_ref() != PublishedNumber::SingleRun {
        let what = format!("the rule of question `{name}` is about a single-run");
        return Err((file.number.span(), what));
    }
    Ok(PublishedResult {
        cell: file.cell,
        number: PublishedNumber::SingleRun,
        is_read_off: file.read_off,
        arm: arm.clone(),
        metric: question.metric,
        value: *value,
        question: Some(name),
    })
}

/// What the number is, if it can be.
fn number(file: &Spanned<PublishedNumber>) -> Result<PublishedNumber, Fault> {
    let number = *file.get_ref();
    let wrong = |what: String| Err((file.span(), what));
    let runs = match number {
        PublishedNumber::SingleRun | PublishedNumber::BestEpoch => return Ok(number),
        PublishedNumber::BestOf(k) | PublishedNumber::MedianOf(k) => k,
        PublishedNumber::MeanOf { runs, deviation } => {
            if let Some(odd) = deviation.filter(|one| !one.is_finite() || *one < 0.0) {
                return wrong(format!(
                    "deviation is {odd}, must be finite and not below 0"
                ));
            }
            runs
        }
    };
    if !(2..=MOST_RUNS).contains(&runs) {
        return wrong(format!("of {runs} runs, must be from 2 to {MOST_RUNS}"));
    }
    match number {
        PublishedNumber::MedianOf(k) if k % 2 == 0 => wrong(format!(
            "median-of is {k}, must be odd: no run of an even number is in the middle"
        )),
        _ => Ok(number),
    }
}

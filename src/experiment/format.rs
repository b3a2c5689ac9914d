//! The file format of experiments: TOML with unknown keys refused, and its JSON Schema.

use super::published::{PublishedFile, published};
use super::recipes::{Fault, recipe};
use super::{Arm, Experiment, ExperimentError, Question, Rule, Side, embedded_as};
use crate::claim::{Location, Places, not_a_name};
use crate::train::Scale;
use crate::zoo::Registry;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use toml::de::{DeArray, DeTable};
use toml::{Spanned, Table};

/// An experiment. A recipe is put together from four tables, of which the later ones replace keys of
/// the earlier: that of the experiment, that of the scale, that of the arm, that of the arm at the
/// scale.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "convcheck experiment")]
struct ExperimentFile {
    /// Kebab-case name, after which its runs and its page are called.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// Heading in the report.
    title: String,
    /// Paper, section, table.
    source: String,
    /// Prose in Markdown that the report prints.
    #[serde(default)]
    about: String,
    /// What all recipes have in common.
    #[expect(
        dead_code,
        reason = "read by `recipes`, which knows the place of each key"
    )]
    #[serde(default)]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    recipe: Table,
    /// The scale that takes seconds to a minute.
    quick: Option<ScaleFile>,
    /// The scale of the document.
    full: Option<ScaleFile>,
    /// What is compared.
    #[serde(rename = "arm")]
    #[schemars(with = "Vec<ArmFile>")]
    arms: Vec<Spanned<ArmFile>>,
    /// What is asked.
    #[serde(default, rename = "question")]
    #[schemars(with = "Vec<QuestionFile>")]
    questions: Vec<Spanned<QuestionFile>>,
    /// Published results that arms repeat, a table or a figure each; the report shows them beside what the arms came to.
    #[serde(default)]
    #[schemars(with = "Vec<PublishedFile>")]
    published: Vec<Spanned<PublishedFile>>,
}

/// A scale.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScaleFile {
    /// How often each arm is trained.
    #[schemars(with = "u64", range(min = 1, max = MOST_SEEDS))]
    seeds: Spanned<u64>,
    /// The first seed: those below have been looked at while the recipe was sought, and decide nothing.
    #[serde(default)]
    first_seed: u64,
    /// What recipes have in common at this scale.
    #[expect(
        dead_code,
        reason = "read by `recipes`, which knows the place of each key"
    )]
    #[serde(default)]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    recipe: Table,
}

/// An arm.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ArmFile {
    /// Kebab-case name, after which its files are called.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// What it is.
    title: String,
    /// A name that arms of one kind and several depths have in common: the report draws their errors over depth.
    series: Option<String>,
    /// What is its own at both scales.
    #[expect(
        dead_code,
        reason = "read by `recipes`, which knows the place of each key"
    )]
    #[serde(default)]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    recipe: Table,
    /// What is its own at the quick scale; false: it is not run there.
    #[schemars(with = "Option<serde_json::Value>")]
    quick: Option<Spanned<toml::Value>>,
    /// What is its own at the full scale; false: it is not run there.
    #[schemars(with = "Option<serde_json::Value>")]
    full: Option<Spanned<toml::Value>>,
}

/// A question; it has `contrast` and one of `above` and `below`, or `arm` and `printed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct QuestionFile {
    /// Kebab-case name.
    name: String,
    /// The statement whose truth is asked.
    says: String,
    /// What is looked at.
    metric: String,
    /// The factor of each arm.
    contrast: Option<BTreeMap<String, f64>>,
    /// The bound above which the contrast must lie.
    above: Option<f64>,
    /// The bound below which it must.
    below: Option<f64>,
    /// The arm that should have printed the number.
    arm: Option<String>,
    /// The number.
    printed: Option<f64>,
    /// How many images it was counted on, if it is a share.
    images: Option<u64>,
    /// The scale at which alone it is asked.
    scale: Option<Scale>,
}

/// The format as a JSON Schema.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(ExperimentFile).to_value()
}

/// Under how many seeds an arm can be trained.
pub const MOST_SEEDS: u64 = 10_000;

/// Names of arms that stand for something else where runs are kept: earlier versions of the program lock a whole folder.
const RESERVED: &[&str] = &["lock"];

/// Reads an experiment.
///
/// # Errors
/// [`ExperimentError`] with the line and column of the first fault.
pub fn parse(file: &Path, text: &str, registry: &Registry) -> Result<Experiment, ExperimentError> {
    let fault = |(span, what): Fault| ExperimentError {
        at: Places::of(file, text).at(span.start),
        what,
    };
    let read: ExperimentFile = toml::from_str(text).map_err(|error| {
        let what = error.message().replace('\n', "; ");
        fault((error.span().unwrap_or(0..0), what))
    })?;
    // the same once more, of which each key has its place
    let root = DeTable::parse(text).map_err(|error| {
        let what = error.message().replace('\n', "; ");
        fault((error.span().unwrap_or(0..0), what))
    })?;
    if let Some((own, _)) = embedded_as(read.name.get_ref()).filter(|(_, own)| *own != text) {
        let name = read.name.get_ref();
        let what =
            format!("there is an experiment `{name}` already: {own}; call this one otherwise");
        return Err(fault((read.name.span(), what)));
    }
    let at = Places::of(file, text).at(read.name.span().start);
    experiment(read, root.get_ref(), at, registry).map_err(fault)
}

fn experiment(
    file: ExperimentFile,
    root: &DeTable,
    at: Location,
    registry: &Registry,
) -> Result<Experiment, Fault> {
    // files are called after it
    if let Some(what) = not_a_name(file.name.get_ref()) {
        let what = format!("experiment `{}` {what}", file.name.get_ref());
        return Err((file.name.span(), what));
    }
    let scales: Vec<(Scale, &ScaleFile)> = [
        (Scale::Quick, file.quick.as_ref()),
        (Scale::Full, file.full.as_ref()),
    ]
    .into_iter()
    .filter_map(|(scale, of)| Some((scale, of?)))
    .collect();
    if scales.is_empty() {
        return Err((
            file.name.span(),
            "an experiment has a scale: [quick], [full] or both".into(),
        ));
    }
    for (scale, of) in &scales {
        let seeds = *of.seeds.get_ref();
        if !(1..=MOST_SEEDS).contains(&seeds) {
            let scale = scale.name();
            let what =
                format!("seeds of the {scale} scale is {seeds}, must be from 1 to {MOST_SEEDS}");
            return Err((of.seeds.span(), what));
        }
    }
    let mut arms: Vec<Arm> = Vec::new();
    for (i, spanned) in file.arms.iter().enumerate() {
        let arm = spanned.get_ref();
        let name = arm.name.get_ref();
        let wrong = |span: Range<usize>, what: String| (span, format!("arm `{name}`: {what}"));
        let wrong_name = |what: &str| wrong(arm.name.span(), what.into());
        if let Some(what) = not_a_name(name) {
            return Err(wrong_name(what));
        }
        if RESERVED.contains(&&**name) {
            return Err(wrong_name("is a name of the program's own"));
        }
        if arms.iter().any(|other| other.name == *name) {
            return Err(wrong_name("is there twice"));
        }
        let at = array(root, "arm").and_then(|arms| arms.get(i)?.get_ref().as_table());
        let (mut recipes, mut models) = (BTreeMap::new(), BTreeMap::new());
        for &(scale, _) in &scales {
            let own = match scale {
                Scale::Quick => &arm.quick,
                Scale::Full => &arm.full,
            };
            match own.as_ref().map(|own| (own.get_ref(), own.span())) {
                None | Some((toml::Value::Table(_), _)) => {}
                Some((toml::Value::Boolean(false), _)) => continue,
                Some((_, span)) => {
                    let what = "a scale of an arm is a table, or false";
                    return Err(wrong(span, what.into()));
                }
            }
            let tables = [
                table(root, "recipe"),
                table(root, scale.name()).and_then(|of| table(of, "recipe")),
                at.and_then(|arm| table(arm, "recipe")),
                at.and_then(|arm| table(arm, scale.name())),
            ];
            let of_arm = |(span, what): Fault| {
                let what = format!("its recipe at the {} scale: {what}", scale.name());
                wrong(span, what)
            };
            let (recipe, model) = recipe(tables, spanned.span(), registry).map_err(of_arm)?;
            models.insert(scale, model);
            recipes.insert(scale, recipe);
        }
        arms.push(Arm {
            name: name.clone(),
            title: arm.title.clone(),
            series: arm.series.clone(),
            recipes,
            models,
        });
    }
    let mut questions: Vec<Question> = Vec::new();
    for spanned in file.questions {
        let (span, asked) = (spanned.span(), spanned.into_inner());
        let name = asked.name.clone();
        let wrong = |what: String| (span.clone(), format!("question `{name}`: {what}"));
        if questions.iter().any(|other| other.name == name) {
            return Err(wrong("is there twice".into()));
        }
        let question = question(asked).map_err(wrong)?;
        if let Some(only) = question.scale
            && scales.iter().all(|(scale, _)| *scale != only)
        {
            return Err(wrong(format!(
                "there is no {} scale to ask it at",
                only.name()
            )));
        }
        for named in question.rule.arms() {
            let Some(arm) = arms.iter().find(|arm| arm.name == named) else {
                return Err(wrong(format!("there is no arm `{named}`")));
            };
            let asked = (scales.iter()).filter(|(scale, _)| question.is_asked_at(*scale));
            for (scale, _) in asked {
                if !arm.recipes.contains_key(scale) {
                    let scale = scale.name();
                    return Err(wrong(format!(
                        "arm `{named}` is not run at the {scale} scale; `scale` says where it is asked"
                    )));
                }
            }
        }
        questions.push(question);
    }
    let published = (file.published.into_iter())
        .map(|one| published(one, &arms, &questions))
        .collect::<Result<_, _>>()?;
    Ok(Experiment {
        seeds: scales
            .iter()
            .map(|(scale, of)| {
                (
                    *scale,
                    of.first_seed..of.first_seed.saturating_add(*of.seeds.get_ref()),
                )
            })
            .collect(),
        name: file.name.into_inner(),
        title: file.title,
        source: file.source,
        about: file.about,
        arms,
        questions,
        published,
        at,
    })
}

/// The table of a key.
fn table<'a, 'i>(of: &'a DeTable<'i>, key: &str) -> Option<&'a DeTable<'i>> {
    of.get(key)?.get_ref().as_table()
}

/// The list of a key.
fn array<'a, 'i>(of: &'a DeTable<'i>, key: &str) -> Option<&'a DeArray<'i>> {
    of.get(key)?.get_ref().as_array()
}

fn question(asked: QuestionFile) -> Result<Question, String> {
    let factors = asked.contrast.iter().flat_map(BTreeMap::values);
    let bounds = [asked.above, asked.below, asked.printed];
    let mut numbers = factors.chain(bounds.iter().flatten());
    if let Some(number) = numbers.find(|number| !number.is_finite()) {
        return Err(format!(
            "{number} bounds nothing: it must be a finite number"
        ));
    }
    let rule = match (asked.contrast, asked.above, asked.below, asked.printed) {
        (Some(arms), Some(bound), None, None) if !arms.is_empty() => Rule::Contrast {
            arms,
            side: Side::Above,
            bound,
        },
        (Some(arms), None, Some(bound), None) if !arms.is_empty() => Rule::Contrast {
            arms,
            side: Side::Below,
            bound,
        },
        (None, None, None, Some(value)) => Rule::Printed {
            arm: asked.arm.ok_or("a printed number needs its `arm`")?,
            value,
            images: asked.images,
        },
        _ => {
            return Err(
                "has `contrast` and one of `above` and `below`, or `arm` and `printed`".into(),
            );
        }
    };
    Ok(Question {
        name: asked.name,
        says: asked.says,
        metric: asked.metric.parse()?,
        rule,
        scale: asked.scale,
    })
}

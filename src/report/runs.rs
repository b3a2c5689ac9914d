//! Plots of what networks did when they ran, read from the steps of records.

use super::plot::{Bar, Line, bars, lines};
use crate::claim::Datum;
use crate::record::Record;
use maud::Markup;
use std::collections::BTreeMap;

/// A call of a measure: its arguments as they stand in the step, and what it returned.
type Call<'a> = (Vec<&'a str>, &'a str);

/// The calls of a function, in the order of the records.
fn calls<'a>(record: &'a Record, function: &str) -> Vec<Call<'a>> {
    let read = |step: &'a String| {
        let (call, found) = step.strip_prefix(function)?.split_once(") = ")?;
        let arguments = call.strip_prefix('(')?.split(", ");
        Some((
            arguments.map(|text| text.trim_matches('\'')).collect(),
            found,
        ))
    };
    record.steps.iter().filter_map(read).collect()
}

/// Gradient norms along the stacks of 30 layers, plain and then residual.
pub(super) fn gradients(records: &[Record]) -> Option<Markup> {
    let all: Vec<Call> = (records.iter())
        .flat_map(|record| calls(record, "gradient_norms"))
        .collect();
    let line = |model: String, op: &str, label: String| {
        let found = |call: &&Call| call.0[..] == [model.as_str(), op, "torch", "0"];
        let (_, values) = all.iter().find(found)?;
        let values = values.trim_matches(['[', ']']).split(", ");
        let values = values.map(|value| value.parse().ok());
        Some(Line {
            label,
            values: values.collect::<Option<_>>()?,
        })
    };
    let activations = ["sigmoid", "tanh", "relu"];
    let plain = activations.map(|act| line(format!("{act}_30"), act, act.to_string()));
    let residual = activations.map(|act| {
        line(
            format!("{act}_residual_30"),
            "add",
            format!("{act}, residual"),
        )
    });
    let drawn: Option<Vec<Line>> = plain.into_iter().chain(residual).collect();
    lines(
        "Gradient at each layer of stacks of 30",
        "layer",
        "norm of the gradient",
        &drawn?,
    )
}

/// What is known of a listing's first loss.
#[derive(Default)]
struct Losses {
    printed: Option<f64>,
    train: Vec<f64>,
    inference: Vec<f64>,
}

/// First losses of the listings: printed, and measured in both modes.
pub(super) fn first_losses(records: &[Record]) -> Option<Markup> {
    let mut of_model: BTreeMap<&str, Losses> = BTreeMap::new();
    for record in records {
        for (arguments, found) in calls(record, "first_loss") {
            let [model, _, _, _, mode, ..] = arguments[..] else {
                continue;
            };
            // the bytes show what a division by 255 does, not how the listing starts
            let Some(loss) = found.parse().ok().filter(|_| !arguments.contains(&"bytes")) else {
                continue;
            };
            let name = model.split('@').next().unwrap_or(model);
            let losses = of_model.entry(name).or_default();
            match mode {
                "train" => losses.train.push(loss),
                _ => losses.inference.push(loss),
            }
            if let Some(Datum::Float(printed)) = record.stated {
                losses.printed = Some(printed);
            }
        }
    }
    let mut rows = Vec::new();
    for (model, losses) in of_model
        .iter()
        .filter(|(_, losses)| losses.printed.is_some())
    {
        let mean =
            |of: &[f64]| Some(of.iter().sum::<f64>() / of.len() as f64).filter(|m| m.is_finite());
        let name = model.trim_start_matches("article_");
        rows.push((format!("{name}: printed"), losses.printed));
        rows.push(("training mode".to_string(), mean(&losses.train)));
        rows.push(("inference mode".to_string(), mean(&losses.inference)));
    }
    let largest = rows.iter().filter_map(|(_, loss)| *loss).reduce(f64::max)?;
    let rows: Vec<Bar> = rows
        .into_iter()
        .filter_map(|(label, loss)| {
            loss.map(|loss| Bar {
                label,
                parts: vec![loss / largest],
                text: format!("{loss:.2}"),
            })
        })
        .collect();
    bars("First losses, printed and measured", &["loss"], &rows)
}

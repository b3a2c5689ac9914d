//! Plots of what networks did when they ran, read from the calls of records.

use super::plot::{Bar, Line, bars, lines};
use crate::claim::Datum;
use crate::document::{FirstLosses, Gradients, LossMode};
use crate::evidence::Call;
use crate::record::Record;
use crate::stats;
use crate::zoo::Registry;
use maud::{Markup, html};

/// What could be drawn, and a line that says which calls no record has.
fn drawn(plot: Option<Markup>, missing: &[String]) -> Markup {
    html! {
        @if let Some(plot) = plot { (plot) }
        @if !missing.is_empty() {
            p.because {
                "Not drawn, since nothing that was run for a claim found it: "
                @for (i, call) in missing.iter().enumerate() {
                    @if i > 0 { ", " } code { (call) }
                }
                "."
            }
        }
    }
}

/// The calls that a record holds of a function about a model, however it is spelt and on whatever input.
fn calls<'a>(
    record: &'a Record,
    function: &'a str,
    model: &'a str,
    registry: &'a Registry,
) -> impl Iterator<Item = &'a Call> {
    let name = |text: &str| registry.named(text).ok().map(|model| model.name);
    record.calls.iter().filter(move |call| {
        call.function == function
            && call.text(0).is_some_and(|asked| {
                asked == model || name(asked).is_some() && name(asked) == name(model)
            })
    })
}

/// Gradient norms along networks, under the first seed that was asked for.
pub(super) fn gradients(shown: &Gradients, records: &[Record], registry: &Registry) -> Markup {
    let (mut all, mut missing) = (Vec::new(), Vec::new());
    for line in &shown.lines {
        let weights = &shown.weights;
        let found = (records.iter())
            .flat_map(|record| calls(record, "gradient_norms", &line.model, registry))
            .filter(|call| call.asks(&line.op) && call.asks(weights))
            .find_map(|call| numbers(&call.value));
        match found {
            Some(values) => all.push(Line {
                label: line.label.clone(),
                values,
            }),
            None => missing.push(format!(
                "gradient_norms('{}', '{}', '{weights}', seed)",
                line.model, line.op
            )),
        }
    }
    let plot = lines(&shown.figure, "layer", "norm of the gradient", &all);
    drawn(plot, &missing)
}

/// The numbers of a list of numbers.
fn numbers(value: &Datum) -> Option<Vec<f64>> {
    match value {
        Datum::List(values) => values.iter().map(Datum::number).collect(),
        _ => None,
    }
}

/// First losses: printed, and measured in each mode, the mean over the seeds.
pub(super) fn first_losses(shown: &FirstLosses, records: &[Record], registry: &Registry) -> Markup {
    let (mut rows, mut missing) = (Vec::new(), Vec::new());
    for bar in &shown.bars {
        let measured: Vec<(String, f64)> = (shown.modes.iter())
            .filter_map(|mode| {
                let losses = losses(shown, &bar.model, mode, records, registry);
                (!losses.is_empty()).then(|| (mode.title.clone(), stats::mean(&losses)))
            })
            .collect();
        let stating = records.iter().find(|record| record.id == bar.printed);
        match stating.and_then(|record| record.stated.as_ref()?.number()) {
            Some(printed) if !measured.is_empty() => {
                rows.push((format!("{}: printed", bar.label), printed));
                rows.extend(measured);
            }
            _ => missing.push(format!(
                "first_loss('{}', weights, seed, batch, mode) beside the loss of {}",
                bar.model, bar.printed
            )),
        }
    }
    let largest = rows.iter().map(|(_, loss)| *loss).fold(0.0, f64::max);
    let rows: Vec<Bar> = rows
        .into_iter()
        .map(|(label, loss)| Bar {
            label,
            parts: vec![loss / largest],
            text: format!("{loss:.2}"),
        })
        .collect();
    drawn(bars(&shown.figure, &["loss"], &rows), &missing)
}

/// The losses of a model that records hold in a mode.
fn losses(
    shown: &FirstLosses,
    model: &str,
    mode: &LossMode,
    records: &[Record],
    registry: &Registry,
) -> Vec<f64> {
    let calls = records
        .iter()
        .flat_map(|record| calls(record, "first_loss", model, registry));
    let counts = |call: &&Call| {
        call.asks(&mode.argument) && !shown.without.iter().any(|argument| call.asks(argument))
    };
    calls
        .filter(counts)
        .filter_map(|call| call.value.number())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{self, Document};
    use crate::record::Method;

    fn record(stated: Datum, calls: Vec<Call>) -> Record {
        Record {
            digest: None,
            means: None,
            id: "s.a".into(),
            system: "s".into(),
            section: None,
            line: None,
            says: "A.".into(),
            topic: None,
            stated: Some(stated),
            measure: Some("m".into()),
            tolerance: None,
            trial: None,
            method: Some(Method::Run),
            found: None,
            calls,
            steps: Vec::new(),
            verdict: crate::claim::Kind::Confirmed,
            because: None,
            recorded: None,
            recorded_found: None,
            covers: Vec::new(),
            note: None,
            answers: Vec::new(),
        }
    }

    fn call(function: &str, arguments: Vec<Datum>, value: Datum) -> Call {
        Call {
            function: function.into(),
            arguments,
            value,
        }
    }

    fn document() -> Document {
        document::embedded().unwrap()
    }

    /// A seed that a suite changes takes no line away; a call that no claim makes any more is named.
    #[test]
    fn gradients_are_drawn_under_any_seed() {
        let shown = document().gradients.unwrap();
        let all = |seed: i64| -> Vec<Call> {
            let asked = shown.lines.iter().map(|line| {
                let of: [&str; 3] = [&line.model, &line.op, &shown.weights];
                let asked = of.map(Datum::from).into_iter().chain([Datum::Int(seed)]);
                let series = vec![Datum::Float(0.5), Datum::Int(1)];
                call("gradient_norms", asked.collect(), Datum::List(series))
            });
            asked.collect()
        };
        let text = |calls| {
            gradients(
                &shown,
                &[record(Datum::Bool(true), calls)],
                &Registry::builtin(),
            )
            .into_string()
        };
        for seed in [0, 12_345] {
            let text = text(all(seed));
            assert!(
                text.contains("<svg") && !text.contains("Not drawn"),
                "{text}"
            );
        }
        let mut calls = all(0);
        calls.remove(3);
        let text = text(calls);
        let named = format!("gradient_norms('{}'", shown.lines[3].model);
        assert!(text.contains("<svg") && text.contains(&named), "{text}");
        let text = gradients(&shown, &[], &Registry::builtin()).into_string();
        assert!(
            !text.contains("<svg") && text.contains("Not drawn"),
            "{text}"
        );
    }

    #[test]
    fn first_losses_are_drawn_beside_a_printed_one() {
        let shown = document().first_losses.unwrap();
        let asked = |images: Option<&str>| {
            let model = format!("{}@3x8x8", shown.bars[1].model);
            let mut arguments = vec![Datum::Text(model), "torch".into()];
            arguments.extend([Datum::Int(9), Datum::Int(32), "train".into()]);
            arguments.extend(images.map(Datum::from));
            vec![call("first_loss", arguments, Datum::Float(2.5))]
        };
        let printed = Datum::Float(2.25);
        for (records, drawn) in [
            (vec![record(printed.clone(), asked(None))], true),
            (vec![], false),
            (vec![record(printed, asked(Some("bytes")))], false),
            (vec![record(Datum::Bool(true), asked(None))], false),
        ] {
            let mut records = records;
            for record in &mut records {
                record.id.clone_from(&shown.bars[1].printed);
            }
            let text = first_losses(&shown, &records, &Registry::builtin()).into_string();
            let missing = shown.bars.len() - usize::from(drawn);
            assert_eq!(text.contains("<svg"), drawn, "{text}");
            assert_eq!(text.matches("first_loss(").count(), missing, "{text}");
        }
    }
}

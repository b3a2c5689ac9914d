//! What runs say to the questions of an experiment, as a table and as intervals.

use super::gathered::Asked;
use super::{AtScale, anchor, badge};
use crate::experiment::{Answer, Finding, Metric};
use crate::report::number::short;
use crate::report::plot::{Row, Ruler, Tone, forest};
use crate::report::table::{Cell, Table, numbers, words};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// A table of the answers.
pub(super) fn answers(at: &AtScale) -> Markup {
    if at.asked.is_empty() {
        return html! { p { "Nothing is asked at this scale." } };
    }
    let mut table = Table::new([
        words("finding"),
        (words("statement").titled("Statement, and the rule that decides"))
            .class("statement")
            .head(),
        numbers("seeds"),
        numbers("mean"),
        numbers("interval"),
        numbers("effect"),
    ])
    .class("answers");
    for Asked { answer, .. } in &at.asked {
        table.row_at(anchor(at.scale, &answer.question), row(answer));
    }
    html! {
        (table.html(&format!("Answers, {} scale", at.scale.name())))
        p.source {
            "Interval: of the mean over seeds; for a printed number, of one more run. "
            "Effect: the mean's distance from the bound, in standard deviations between seeds."
        }
    }
}

fn row(answer: &Answer) -> [Cell; 6] {
    let statement = html! {
        (answer.says)
        div.rule { (answer.metric) ": " (answer.rule) }
        @if let Finding::Open(why) = &answer.finding { div.rule { b { "Open: " } (why) "." } }
    };
    let mean = (!answer.values.is_empty()).then(|| short(answer.mean));
    let interval = answer.interval;
    let interval = interval.map(|of| format!("{} to {}", short(of.low), short(of.high)));
    [
        Cell::shown(word(&answer.finding), badge(&answer.finding)),
        Cell::shown(&answer.says, statement),
        Cell::new(answer.seeds.len()),
        Cell::maybe(mean),
        Cell::maybe(interval),
        Cell::maybe(answer.effect.map(short)),
    ]
}

/// The contrasts, each about its bound.
pub(super) fn contrasts(at: &AtScale) -> Option<Markup> {
    let contrasts = at.asked.iter().filter(|asked| !asked.is_printed());
    let contrasts: Vec<&Answer> = contrasts.map(|asked| &asked.answer).collect();
    let equal = contrasts.windows(2).all(|two| two[0].bound == two[1].bound);
    let label = |answer: &Answer| match equal {
        true => answer.question.clone(),
        false => format!("{} ({})", answer.question, short(answer.bound)),
    };
    let rows: Vec<Row> = (contrasts.iter())
        .filter_map(|answer| drawn(answer, label(answer), word(&answer.finding).into()))
        .collect();
    let bound = match (contrasts.first(), equal) {
        (Some(answer), true) => format!("the bound {}", short(answer.bound)),
        _ => "its bound".into(),
    };
    let title = format!(
        "Answers, each on its own scale about {bound}: small dots are seeds, the bar is the interval of their mean"
    );
    forest(
        &title,
        &rows,
        Ruler::Own,
        ("below the bound", "above the bound"),
    )
}

/// Printed numbers beside what the runs reproduce, a plot for each quantity.
pub(super) fn printed(at: &AtScale) -> Vec<Markup> {
    let mut by_quantity: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for Asked { answer, .. } in at.asked.iter().filter(|asked| asked.is_printed()) {
        // a record of another version may look at what this one does not know
        let Ok(metric) = answer.metric.parse::<Metric>() else {
            continue;
        };
        let quantity = metric.quantity();
        let label = format!("{}, {}", answer.question, answer.metric);
        let text = format!("printed {}", short(answer.bound));
        by_quantity
            .entry(quantity)
            .or_default()
            .extend(drawn(answer, label, text));
    }
    let plots = by_quantity.iter().filter_map(|(quantity, rows)| {
        let title = format!(
            "{}, as printed (upright line) beside as reproduced: small dots are runs, the bar is where one more would lie",
            quantity.replace('_', " ")
        );
        forest(&title, rows, Ruler::Common, ("", ""))
    });
    plots.collect()
}

fn drawn(answer: &Answer, label: String, text: String) -> Option<Row> {
    Some(Row {
        label,
        text,
        tone: tone(&answer.finding),
        values: answer.values.clone(),
        mean: answer.mean,
        interval: answer.interval?,
        mark: answer.bound,
    })
}

const fn tone(finding: &Finding) -> Tone {
    match finding {
        Finding::Holds => Tone::Good,
        Finding::Fails => Tone::Bad,
        Finding::Open(_) => Tone::Open,
    }
}

const fn word(finding: &Finding) -> &'static str {
    match finding {
        Finding::Holds => "holds",
        Finding::Fails => "fails",
        Finding::Open(_) => "open",
    }
}

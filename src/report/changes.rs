//! The changes between two records, as text, Markdown and a page.

use super::frame::page;
use super::number::{agreeing, counted, percent, short};
use super::plain::item;
use super::table::{Cell, Table, words};
use crate::claim::{Datum, Kind};
use crate::compare::{Change, Retimed, Retrained, Trend};
use crate::visible;
use maud::html;

type Side = Option<(Kind, Option<Datum>)>;

/// What changed between two records.
pub struct Changes<'a> {
    /// Of claims; nothing where one of the records has none.
    pub claims: Option<&'a [Change]>,
    /// Of the arms that both trained.
    pub arms: &'a [Retrained],
    /// Of what both timed.
    pub timings: Option<Retimed>,
    /// What could not be compared, since it is on one side only, in sentences.
    pub alone: &'a [String],
}

fn outcome(outcome: &Side) -> String {
    match outcome {
        None => "not there".into(),
        Some((kind, None)) => kind.name().into(),
        Some((kind, Some(found))) => format!("{}, found {found}", kind.name()),
    }
}

/// What is said of a claim that is another one than before.
const RESTATED: &str = "(restated)";

/// A claim by its id.
fn named(change: &Change) -> String {
    match change.restated {
        true => format!("{} {RESTATED}", change.id),
        false => change.id.clone(),
    }
}

fn verdict_on(changes: &[Change]) -> String {
    let broken = changes.iter().filter(|change| change.broken).count();
    let changed = counted(changes.len(), "claim");
    match broken {
        _ if changes.is_empty() => "Nothing changed.".into(),
        0 => format!("{changed} changed; all that held still holds."),
        broken => {
            let does = agreeing(broken, "does", "do");
            format!("{changed} changed; {broken} that held no longer {does}.")
        }
    }
}

/// How many arms became what; nothing where none was trained on both sides.
fn verdict_on_training(arms: &[Retrained]) -> Option<String> {
    let outcomes = Trend::ALL.into_iter().filter_map(|outcome| {
        let n = arms.iter().filter(|arm| arm.outcome == outcome).count();
        (n > 0).then(|| format!("{n} {}", outcome.name()))
    });
    let outcomes: Vec<String> = outcomes.collect();
    let trained = format!("Trained on both sides: {}", counted(arms.len(), "arm"));
    (!outcomes.is_empty()).then(|| format!("{trained}; {}.", outcomes.join(", ")))
}

/// How long what was timed takes now; nothing where nothing was timed on both sides.
fn verdict_on_timings(timings: Option<Retimed>) -> Option<String> {
    let Retimed {
        both,
        least,
        median,
        most,
    } = timings?;
    let [least, median, most] = [least, median, most].map(short);
    let timed = format!("Timed on both sides: {}", counted(both, "measurement"));
    Some(match both {
        1 => format!("{timed}; it takes {median} times as long."),
        _ => format!(
            "{timed}; the second record has {least} to {most} times the time of the first, {median} in the middle."
        ),
    })
}

/// The arms of which something is to be said: those that became worse, better, or another thing.
fn told(arms: &[Retrained]) -> impl Iterator<Item = &Retrained> {
    arms.iter().filter(|arm| {
        use Trend::{Better, NotComparable, Worse};
        matches!(arm.outcome, Worse | Better | NotComparable)
    })
}

/// Outcome, arm, test error before and after, and the interval of their difference.
fn told_in_words(arm: &Retrained) -> [String; 5] {
    let name = format!("{} {} ({})", arm.experiment, arm.arm, arm.scale.name());
    if arm.outcome == Trend::NotComparable {
        let why = "other recipe, network, data or seeds";
        return [
            arm.outcome.name().into(),
            name,
            why.into(),
            why.into(),
            String::new(),
        ];
    }
    let difference = arm.interval.map_or(String::new(), |interval| {
        let [low, high] = [interval.low, interval.high].map(|end| short(100.0 * end));
        format!("{low} to {high} points, {}", counted(arm.pairs, "seed"))
    });
    [
        arm.outcome.name().into(),
        name,
        percent(arm.before),
        percent(arm.after),
        difference,
    ]
}

/// A row a change, those first in the eye after which something no longer holds.
fn changed(changes: &[Change]) -> Table {
    let mut table = Table::new([
        words("holds"),
        words("claim").head(),
        words("before"),
        words("after"),
    ]);
    for change in changes {
        table.row([
            Cell::alarm(if change.broken { "broken" } else { "" }),
            Cell::shown(
                named(change),
                html! { code { (change.id) } @if change.restated { " " (RESTATED) } },
            ),
            Cell::new(outcome(&change.before)),
            Cell::new(outcome(&change.after)),
        ]);
    }
    table
}

/// A row an arm of which something is to be said; nothing if there is none.
fn trained(arms: &[Retrained]) -> Option<Table> {
    let mut table = Table::new([
        words("trained"),
        words("arm").head(),
        words("before"),
        words("after"),
        words("test error, 99 %"),
    ]);
    for arm in told(arms) {
        let mut cells = told_in_words(arm).map(Cell::new);
        if arm.outcome == Trend::Worse {
            cells[0] = Cell::alarm(arm.outcome.name());
        }
        table.row(cells);
    }
    told(arms).next().map(|_| table)
}

/// A line a change, a line an arm that trains otherwise, and sentences.
pub fn changes_text(changes: &Changes) -> String {
    let mut text = String::new();
    if let Some(claims) = changes.claims {
        if !claims.is_empty() {
            text += &changed(claims).text();
        }
        text += &format!("{}\n", verdict_on(claims));
    }
    if let Some(table) = trained(changes.arms) {
        text += &format!("\n{}", table.text());
    }
    for sentence in sentences(changes) {
        text += &format!("{}\n", visible::line(&sentence));
    }
    text
}

/// What is said of training and timings, and of what could not be compared.
fn sentences(changes: &Changes) -> Vec<String> {
    let said = verdict_on_training(changes.arms).into_iter();
    let said = said.chain(verdict_on_timings(changes.timings));
    said.chain(changes.alone.iter().cloned()).collect()
}

/// Tables for pull requests.
pub fn changes_markdown(changes: &Changes) -> String {
    let mut text = "# convcheck: what changed\n".to_string();
    if let Some(claims) = changes.claims {
        text += &format!("\n{}\n", verdict_on(claims));
        if !claims.is_empty() {
            text += &format!("\n{}", changed(claims).markdown());
        }
    }
    for sentence in sentences(changes) {
        text += &format!("\n{}\n", item(&sentence));
    }
    if let Some(table) = trained(changes.arms) {
        text += &format!("\n{}", table.markdown());
    }
    text
}

/// A page of its own.
pub fn changes_html(changes: &Changes) -> String {
    let body = html! {
        main {
            h1 { "What changed" }
            @if let Some(claims) = changes.claims {
                p.lead { (verdict_on(claims)) }
                @if !claims.is_empty() { (changed(claims).html("Changes")) }
            }
            @if let Some(verdict) = verdict_on_training(changes.arms) {
                h2 { "Training" }
                p { (verdict) }
            }
            @if let Some(table) = trained(changes.arms) { (table.html("Training")) }
            @if let Some(verdict) = verdict_on_timings(changes.timings) {
                h2 { "Speed" }
                p { (verdict) }
            }
            @for sentence in changes.alone { p.because { (sentence) } }
        }
    };
    page("What changed · convcheck", &body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Interval;
    use crate::train::Scale;

    fn arm(arm: &str, outcome: Trend) -> Retrained {
        Retrained {
            experiment: "<b>|e".into(),
            scale: Scale::Quick,
            arm: arm.into(),
            pairs: 8,
            before: 0.1,
            after: 0.2,
            interval: Some(Interval {
                low: 0.05,
                high: 0.15,
            }),
            outcome,
        }
    }

    #[test]
    fn what_became_worse_is_told_and_the_rest_is_counted() {
        let arms = [arm("one", Trend::Worse), arm("two", Trend::Same)];
        let of = |arms| Changes {
            claims: Some(&[]),
            arms,
            timings: None,
            alone: &[],
        };
        let text = changes_text(&of(&arms));
        assert!(text.contains("1 the same, 1 worse"), "{text}");
        assert!(text.contains("5 to 15 points, 8 seeds") && !text.contains("two"));
        let markdown = changes_markdown(&of(&arms));
        assert!(markdown.contains("&lt;b&gt;\\|e one (quick)"), "{markdown}");
        let page = changes_html(&of(&arms));
        assert!(page.contains("&lt;b&gt;") && !page.contains("<b>|"));
        assert_eq!(changes_text(&of(&[])), "Nothing changed.\n");
    }

    /// Of what one side lacks nothing is said to have changed.
    #[test]
    fn what_is_on_one_side_only_is_said_everywhere() {
        let alone = ["`<i>` has no timings.".to_string()];
        let changes = Changes {
            claims: None,
            arms: &[],
            timings: Some(Retimed {
                both: 3,
                least: 0.5,
                median: 1.0,
                most: 2.0,
            }),
            alone: &alone,
        };
        let timed = "3 measurements; the second record has 0.5 to 2 times the time of the first, 1 in the middle.";
        let text = changes_text(&changes);
        assert!(text.contains(timed) && text.contains(&alone[0]), "{text}");
        let markdown = changes_markdown(&changes);
        assert!(
            markdown.contains(timed) && markdown.contains("&lt;i&gt;"),
            "{markdown}"
        );
        let page = changes_html(&changes);
        assert!(page.contains(timed) && page.contains("&lt;i&gt;"));
        for all in [text, markdown, page] {
            assert!(!all.contains("Nothing changed"), "{all}");
        }
    }
}

//! The page with every claim, to filter and to search; without a server and without network.

use super::claims;
use super::experiments::Gathered;
use super::frame::SCRIPT;
use super::number::counted;
use super::verdicts::Found;
use crate::claim::{Kind, Topic};
use crate::record::Record;
use maud::{Markup, PreEscaped, html};

/// The page's file name.
pub(super) const FILE: &str = "claims.html";

pub(super) fn page(found: &[Found], records: &[Record], gathered: &[Gathered]) -> Markup {
    let verdicts = Kind::ALL
        .into_iter()
        .filter(|kind| records.iter().any(|record| record.verdict == *kind))
        .map(|kind| (kind.name(), kind.name()));
    let topics = Topic::ALL
        .into_iter()
        .filter(|topic| records.iter().any(|record| record.topic == Some(*topic)))
        .map(|topic| (topic.name(), topic.name()));
    let systems = found
        .iter()
        .map(|(suite, _)| (suite.system.as_str(), suite.title.as_str()));
    html! {
        h1 { "All claims" }
        // the script shows the form: without it there is nothing to filter with
        form #filter role="search" hidden {
            label { span { "Search" } input #search type="search" name="q" autocomplete="off"
                placeholder="text, id or number"; }
            (select("system", "System", systems))
            (select("verdict", "Verdict", verdicts))
            (select("kind", "Kind of statement", topics))
            button type="reset" { "Show all" }
        }
        p #count role="status" { (counted(records.len(), "claim")) }
        noscript { p { "Filter and search need JavaScript; below is every claim." } }
        @for (suite, records) in found {
            @for record in records { (claims::claim_in_list(record, &suite.title, gathered)) }
        }
        script { (PreEscaped(SCRIPT)) }
    }
}

fn select<'a>(id: &str, label: &str, options: impl Iterator<Item = (&'a str, &'a str)>) -> Markup {
    html! {
        label { span { (label) } select id=(id) name=(id) {
            option value="" { "all" }
            @for (value, text) in options { option value=(value) { (text) } }
        } }
    }
}

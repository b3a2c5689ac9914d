//! Where the runs of an experiment come from.

use super::AtScale;
use crate::train::Trained;
use maud::{Markup, html};
use std::collections::BTreeSet;

/// Program, machine, days and fingerprints of the runs, each that occurs.
pub(super) fn origin(at: &AtScale) -> Markup {
    let runs = || at.arms.iter().flat_map(|runs| runs.by_seed.values());
    let each = |of: &dyn Fn(&Trained) -> String| -> BTreeSet<String> {
        runs().map(|run| of(run)).collect()
    };
    let commits = each(&|run| {
        let last = run.commit.as_deref().unwrap_or("unknown");
        let all: Vec<&str> = (run.begun_by.iter().map(String::as_str))
            .chain([last])
            .collect();
        all.join(", then ")
    });
    let recipes = each(&|run| run.recipe.clone());
    html! {
        details {
            summary {
                @match runs().count() {
                    1 => "Where the run comes from",
                    n => { "Where the " (n) " runs come from" }
                }
            }
            dl.origin {
                (row("commit", &commits))
                (row("device and numbers", &each(&|run| run.backend.clone())))
                (row("machine", &each(&|run| run.machine.clone())))
                (row("date", &each(&|run| run.date.clone())))
                (row("fingerprint of the data", &each(&|run| run.data.clone())))
                (row("fingerprints of the recipes", &recipes))
                (row("digests of the networks", &each(&|run| run.network.clone().unwrap_or_default())))
            }
        }
    }
}

fn row(name: &str, values: &BTreeSet<String>) -> Markup {
    html! { div { dt { (name) } @for value in values { dd { (value) } } } }
}

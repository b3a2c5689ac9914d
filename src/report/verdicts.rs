//! How many claims have which verdict, as a bar and as numbers.

use crate::claim::Kind;
use maud::{Markup, html};

/// Counts by verdict, as a bar and as numbers.
pub(super) fn bar(counts: [usize; 5]) -> Markup {
    html! {
        (strip(counts))
        ul.legend { @for (kind, n) in given(counts) { li { (dot(kind, n)) } } }
    }
}

/// Counts by verdict, as a bar.
pub(super) fn strip(counts: [usize; 5]) -> Markup {
    html! {
        div.bar aria-hidden="true" {
            @for (kind, n) in given(counts) { span class=(kind.name()) style={"flex-grow:" (n)} {} }
        }
    }
}

/// Verdicts that some claim has, and how many have it.
pub(super) fn given(counts: [usize; 5]) -> impl Iterator<Item = (Kind, usize)> {
    Kind::ALL.into_iter().zip(counts).filter(|&(_, n)| n > 0)
}

/// A count with its verdict.
pub(super) fn dot(kind: Kind, n: usize) -> Markup {
    html! { span class={"dot " (kind.name())} aria-hidden="true" {} strong { (n) } " " (kind.name()) }
}

//! What every page has around its content: styles, the pages to go to, and how the report was made.

use crate::drawing;
use crate::record::Provenance;
use crate::visible;
use base64::prelude::{BASE64_STANDARD, Engine};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// All styles of a page.
static STYLE: LazyLock<String> =
    LazyLock::new(|| [drawing::COLOURS, include_str!("report.css"), drawing::STYLE].concat());

/// The script of the page with all claims.
pub(super) const SCRIPT: &str = include_str!("search.js");

/// What a browser may do on a page: apply these styles and run this script, and fetch, embed and send nothing. Bars and
/// drawings have their sizes in attributes.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    let (script, style) = (hash(SCRIPT), hash(&STYLE));
    format!(
        "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; style-src-attr 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
});

/// The first page's file name.
pub(super) const FIRST: &str = "index.html";

/// A page to go to: file and title.
pub(super) type Link = (String, String);

/// What the pages of a report have in common.
pub(super) struct Frame<'a> {
    /// The pages that stand side by side in the navigation.
    pub links: Vec<Link>,
    /// Names with the pages below them; one without pages is left out.
    pub menus: Vec<(&'static str, Vec<Link>)>,
    /// How the report was made, if that is known.
    pub provenance: Option<&'a Provenance>,
}

impl Frame<'_> {
    /// A page of the report, whose file is `here`.
    pub(super) fn around(&self, title: &str, here: &str, content: &Markup) -> String {
        let link = |(file, name): &Link| {
            let current = (file == here).then_some("page");
            html! { a href=(file) aria-current=[current] { (name) } }
        };
        let title = match here {
            FIRST => "convcheck".to_string(),
            _ => format!("{title} · convcheck"),
        };
        let body = html! {
            a.skip href="#content" { "Skip to the content" }
            header {
                nav aria-label="Pages" {
                    @for page in &self.links { (link(page)) }
                    @for (name, pages) in self.menus.iter().filter(|(_, pages)| !pages.is_empty()) {
                        details {
                            summary { (name) }
                            ul { @for page in pages { li { (link(page)) } } }
                        }
                    }
                }
            }
            main #content { (content) }
            footer {
                @match self.provenance {
                    Some(made) => p {
                        "Made by " code { (made.command) } " (convcheck " (made.version)
                        @if let Some(commit) = &made.commit { ", commit " code { (commit) } }
                        ") on " (made.date) ", " (made.machine) "."
                    },
                    None => p { "Drawn from records that do not say by which check they were made." },
                }
            }
        };
        page(&title, &body)
    }
}

/// A whole page around a body, as a file. It stands alone: styles inside, nothing fetched. Whatever an author wrote is on
/// no other way to a page, and made visible here.
pub(super) fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(*POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(&*STYLE)) }
            }
            body { (body) }
        }
    };
    visible::text(&page.into_string()).into_owned()
}

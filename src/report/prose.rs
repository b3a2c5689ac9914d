//! Markdown of suites as HTML in which nothing of the author's is markup beyond Markdown.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{Event, Parser, Tag, html};

/// Renders prose; raw HTML in it is shown as text, and links go to the web or stay on the page.
pub(super) fn prose(markdown: &str) -> Markup {
    let events = Parser::new(markdown).map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Link {
            link_type,
            dest_url: if harmless(&dest_url) {
                dest_url
            } else {
                "#".into()
            },
            title,
            id,
        }),
        // an image would be fetched from elsewhere: its description is enough
        Event::Start(Tag::Image { .. }) => Event::Text("".into()),
        Event::End(pulldown_cmark::TagEnd::Image) => Event::Text("".into()),
        other => other,
    });
    let mut text = String::new();
    html::push_html(&mut text, events);
    PreEscaped(text)
}

fn harmless(url: &str) -> bool {
    ["https://", "http://", "#"]
        .iter()
        .any(|start| url.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::prose;

    #[test]
    fn markup_of_the_author_is_text() {
        let html = prose(
            "a <script>alert(1)</script> **b** [c](javascript:alert(1)) ![d](http://e/f.png)\n\n<div onclick=x>\n",
        )
        .into_string();
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("<div"), "{html}");
        assert!(!html.contains("javascript:"), "{html}");
        assert!(!html.contains("<img"), "{html}");
        assert!(html.contains("<strong>b</strong>"), "{html}");
    }
}

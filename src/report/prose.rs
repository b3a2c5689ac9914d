//! Markdown of suites as HTML in which nothing of the author's is markup beyond Markdown.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{Event, Parser, Tag, TagEnd, html};

/// Renders prose; raw HTML in it is shown as text, and links go to the web or stay on the page: of others, the words are left.
pub(super) fn prose(markdown: &str) -> Markup {
    // a link stands in no other
    let mut is_link = true;
    let events = Parser::new(markdown).filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Link { ref dest_url, .. }) => {
            is_link = harmless(dest_url);
            is_link.then_some(event)
        }
        Event::End(TagEnd::Link) => is_link.then_some(event),
        // an image would be fetched from elsewhere: its description is enough
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        other => Some(other),
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
        assert!(
            !html.contains("href") && html.contains("</strong> c "),
            "{html}"
        );
        assert!(!html.contains("<img"), "{html}");
        assert!(html.contains("<strong>b</strong>"), "{html}");
        let html = prose("[c](https://d) [e](data:f) [g](#h)").into_string();
        assert!(
            html.contains("<a href=\"https://d\">c</a> e <a href=\"#h\">g</a>"),
            "{html}"
        );
    }
}

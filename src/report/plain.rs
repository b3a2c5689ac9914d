//! Text of an author in Markdown, where nothing of it is markup.

use crate::visible;
use std::fmt::Write;

/// Text within a line or a cell. Addresses of the web stay: they cannot say that they lead elsewhere.
pub(super) fn plain(text: &str) -> String {
    let mut escaped = String::new();
    for c in visible::text(text).trim_start().chars() {
        match c {
            '\n' | '\t' => escaped.push(' '),
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            // mathematics, on some sites
            '$' => escaped += "&#36;",
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// Text with which an item of a list begins, where signs and numbers would begin a heading, a rule or another list.
pub(super) fn item(text: &str) -> String {
    let mut escaped = plain(text);
    let digits = escaped.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
    let signs: &[char] = if digits == 0 {
        &['#', '+', '-', '=', ':']
    } else {
        &['.', ')']
    };
    if escaped[digits..].starts_with(signs) {
        escaped.insert(digits, '\\');
    }
    escaped
}

/// A name that is typed, as code: there only what ends the code, the line or the cell means something.
pub(super) fn code(text: &str) -> String {
    let text = visible::line(text).replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let mut code = String::new();
    // infallible: a String takes all
    let _ = match longest {
        0 => write!(code, "{fence}{text}{fence}"),
        // the spaces are not shown, and part the text's own from ours
        _ => write!(code, "{fence} {text} {fence}"),
    };
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulldown_cmark::{Event, Options, Parser, Tag};

    /// What a reader of Markdown sees in items of a list: the text, if nothing in it is markup.
    fn read(markdown: &str) -> Option<String> {
        let mut seen = String::new();
        for event in Parser::new_ext(markdown, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
            match event {
                Event::Text(text) | Event::Code(text) => seen += &text,
                Event::Start(Tag::List(None) | Tag::Item) | Event::End(_) => {}
                _ => return None,
            }
        }
        Some(seen)
    }

    #[test]
    fn an_authors_text_is_no_markup() {
        for hostile in [
            "# a",
            "- a",
            "+ a",
            "1. a",
            "12) a",
            "> a",
            "---",
            "=== a",
            "    a",
            "``` a",
            "~~~ a",
            "~~a~~",
            "**a**",
            "__a__",
            "<b>a</b>",
            "<!-- a",
            "&lt;",
            "&#x202E;",
            "[a](http://b)",
            "![a](b)",
            "[a]: b",
            "[^1]: a",
            "`a`",
            "a\\",
            "a | b",
            "|-|",
            "$a$",
            "$$a$$",
            "a\n\n# b",
            "a\r\n- b",
            "{#id}",
            "- [x] a",
            ": a",
            "::: a",
            "a  \nb",
            "<http://a>",
            "\\*a",
            "=",
            "a^b^ ~c~",
        ] {
            let item = format!("- {}\n", item(hostile));
            let wanted = visible::text(hostile).replace('\n', " ");
            assert_eq!(read(&item).as_deref(), Some(wanted.trim_start()), "{item}");
        }
        assert_eq!(plain("-1.5e-3, 12. a"), "-1.5e-3, 12. a");
        for hostile in ["a`b", "``", "`", "a\nb", "<i>", "a\\", " a ", "$a$"] {
            let item = format!("- {}\n", code(hostile));
            let wanted = visible::line(hostile);
            let seen = read(&item).unwrap();
            assert_eq!(seen.trim(), wanted.trim(), "{item}");
        }
    }
}

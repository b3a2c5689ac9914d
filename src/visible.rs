//! How does a stranger's text stand where somebody reads it? Characters that would act there, or that nobody would see,
//! are written out as TOML writes them: `\u001B`.
//!
//! Written out are all that move a terminal's cursor or change its colours, that end a line, or that reorder the text
//! around them; and those without a picture of their own, by which two names could look alike. What real text cannot do
//! without stays: joiners between letters of other scripts than Latin and between emoji, the choice between a sign as text
//! and as emoji, and some marks on a letter. Flags of parts of a country, and rare variants of Chinese characters, are
//! written with invisible letters, and are written out.

use std::borrow::Cow;
use std::fmt::Write;
use unicode_width::UnicodeWidthChar;

/// So many marks stand on a letter in no script; more would paint over the lines above and below.
const MOST_MARKS: usize = 8;

/// Text that may have several lines; a tab stays too.
pub fn text(text: &str) -> Cow<'_, str> {
    written_out(text, &['\n', '\t'], as_toml)
}

/// Text that is part of a line, so that the ends of lines in it are written out too.
pub fn line(text: &str) -> Cow<'_, str> {
    written_out(text, &[], as_toml)
}

/// JSON that says the same, since only its texts can hold such characters.
pub fn json(json: &str) -> Cow<'_, str> {
    written_out(json, &['\n', '\t'], |c, out| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // infallible, as below: a String takes all
            let _ = write!(out, "\\u{unit:04X}");
        }
    })
}

fn as_toml(c: char, out: &mut String) {
    let _ = match (c, u32::from(c)) {
        ('\n', _) => write!(out, "\\n"),
        ('\r', _) => write!(out, "\\r"),
        ('\t', _) => write!(out, "\\t"),
        (_, code @ ..=0xFFFF) => write!(out, "\\u{code:04X}"),
        (_, code) => write!(out, "\\U{code:08X}"),
    };
}

/// The text, with each character that acts or is not seen as `spell` spells it, but for those that `stay`.
fn written_out<'a>(text: &'a str, stay: &[char], spell: fn(char, &mut String)) -> Cow<'a, str> {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') || stay.contains(&char::from(byte));
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    // marks since the last letter; what is written out has no room for any
    let mut marks = MOST_MARKS;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        if stay.contains(&c) {
            out.push(c);
            marks = MOST_MARKS;
        } else if c == '\r' && next == Some('\n') && stay.contains(&'\n') {
            // the end of a line, as Windows writes it
        } else if acts(before, c, next) || (is_mark(c) && marks == MOST_MARKS) {
            spell(c, &mut out);
            marks = MOST_MARKS;
        } else {
            out.push(c);
            marks = if is_mark(c) { marks + 1 } else { 0 };
        }
        before = Some(c);
    }
    match out == text {
        true => Cow::Borrowed(text),
        false => Cow::Owned(out),
    }
}

/// Whether a character between two others does more than show itself, or does not show itself.
fn acts(before: Option<char>, c: char, next: Option<char>) -> bool {
    match c {
        // between letters that it joins or keeps apart, or within an emoji
        '\u{200C}' | '\u{200D}' => {
            !(before.is_some_and(|c| is_joined(c) || is_variant(c)) && next.is_some_and(is_joined))
        }
        // behind a sign that is text or emoji, such as those of keys
        _ if is_variant(c) => {
            !before.is_some_and(|c| is_joined(c) || matches!(c, '0'..='9' | '#' | '*' | '©' | '®'))
        }
        c => is_control(c) || is_unseen(c),
    }
}

/// Whether a joiner can belong to it: no Latin, and a sign that is seen.
fn is_joined(c: char) -> bool {
    c > '\u{2FF}' && !is_variant(c) && !is_unseen(c) && !matches!(c, '\u{200C}' | '\u{200D}')
}

/// Whether it chooses how the character before it looks.
fn is_variant(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}')
}

/// Whether it stands on the character before it.
fn is_mark(c: char) -> bool {
    c > '\u{2FF}' && c.width() == Some(0)
}

/// Whether it is a command: to a terminal, or that a line ends.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether it has no picture of its own: directions, spaces without width, fillers, notes between lines, tags, and what is
/// no character for good. (Those that Unicode lets a font ignore, less the joiners and variants of above.)
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180E}'
        | '\u{200B}' | '\u{200E}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FDD0}'..='\u{FDEF}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
        || u32::from(c) & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_acts_is_written_out() {
        for (given, shown) in [
            ("\x1b[31m\x1b]0;t\x07", "\\u001B[31m\\u001B]0;t\\u0007"),
            (
                "\0\x08\x7f\u{9b}2J\u{85}",
                "\\u0000\\u0008\\u007F\\u009B2J\\u0085",
            ),
            ("a\rb\u{2028}c\u{2029}", "a\\rb\\u2028c\\u2029"),
            (
                "\u{202E}a\u{2066}\u{200F}\u{61C}",
                "\\u202Ea\\u2066\\u200F\\u061C",
            ),
            (
                "\u{FEFF}a\u{200B}b\u{AD}\u{3164}",
                "\\uFEFFa\\u200Bb\\u00AD\\u3164",
            ),
            (
                "\u{E0041}\u{FFFE}\u{FFFF}\u{1FFFF}",
                "\\U000E0041\\uFFFE\\uFFFF\\U0001FFFF",
            ),
            // by which one name could look like another
            ("alex\u{200D}net\u{FE0F}", "alex\\u200Dnet\\uFE0F"),
            ("م\u{200C}\u{200C}خ", "م\\u200C\\u200Cخ"),
        ] {
            assert_eq!(text(given), shown);
            assert_eq!(line(given), shown);
        }
        assert_eq!(line("a\r\nb\tc"), "a\\r\\nb\\tc");
        assert_eq!(text("a\r\nb\tc\n"), "a\nb\tc\n");
    }

    #[test]
    fn real_text_stays() {
        for real in [
            "VGG-16 hat 138 Mio. Parameter, é, e\u{301}, 10 ± 2 %, “–”\u{A0}·",
            "مرحبا بالعالم",
            "می\u{200C}خواهم",
            "שָׁלוֹם",
            "नमस्ते क्\u{200D}ष",
            "ไม่ดี",
            "卷积神经网络",
            "한국어",
            "Tiếng Việt",
            "👩\u{200D}💻 🏳\u{FE0F}\u{200D}🌈 ❤\u{FE0F} 1\u{FE0F}\u{20E3} 🇩🇪 👍🏽",
        ] {
            assert!(matches!(text(real), Cow::Borrowed(_)), "{}", text(real));
        }
    }

    #[test]
    fn marks_stand_on_a_letter_and_are_few() {
        let zalgo = format!("Z{}", "\u{301}".repeat(10_000));
        let shown = text(&zalgo).into_owned();
        let kept = shown.matches('\u{301}').count();
        assert_eq!(kept, MOST_MARKS);
        assert_eq!(shown.matches("\\u0301").count(), 10_000 - MOST_MARKS);
        assert_eq!(text("\u{301}a\u{202E}\u{301}"), "\\u0301a\\u202E\\u0301");
    }

    proptest! {
        #[test]
        fn any_text_is_shown(given in "\\PC*|(?s:.{0,40})|[\u{0}-\u{9f}\u{200b}-\u{2069}\u{300}-\u{310}\u{e0000}-\u{e0fff}a]{0,30}") {
            let shown = text(&given).into_owned();
            prop_assert!(!shown.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || is_unseen(c)));
            prop_assert!(!line(&given).contains('\n'));
            // what is data stays what it was
            let written = serde_json::to_string_pretty(&[&given]).unwrap();
            let escaped = json(&written);
            prop_assert_eq!(&serde_json::from_str::<Vec<String>>(&escaped).unwrap()[0], &given);
            prop_assert_eq!(&text(&escaped), &escaped);
        }
    }
}

//! Is a text a measure, and if not, where is it wrong?
//!
//! A measure may be a stranger's. The parser goes down the stack with each operator and each bracket, and so does whoever walks
//! what it makes: how long and how nested a text is, is known before anything is parsed, and bounds both.

use cel::{Env, IdedExpr, ParseError};
use std::sync::{Arc, LazyLock};
use std::thread;

/// The language of measures. It is costly to make, and the same for all.
pub(crate) static CEL: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Bytes of a measure.
const MOST_BYTES: usize = 32 << 10;
/// Operators and brackets, one within the other.
const MOST_NESTED: usize = 500;
/// Brackets, one within the other.
const MOST_BRACKETS: usize = 64;

/// What is within so many operators and brackets fits any stack: 2 MiB are the least that a thread is given.
const SHALLOW: usize = 6;
/// Without optimisation a level takes 50 KB, a bracket 200 KB. Of what is not used, no memory is taken.
const STACK: usize = 128 << 20;

/// What is wrong, and at which byte of the measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub byte: usize,
    pub what: String,
}

/// The syntax tree of a measure; to be called, and what it returns to be used and dropped, within [`deep`].
///
/// # Errors
/// The first [`Fault`], in words.
pub(crate) fn parsed(text: &str) -> Result<IdedExpr, Fault> {
    let fault = |byte, what| Err(Fault { byte, what });
    if text.len() > MOST_BYTES {
        let what = format!("it has {} bytes; {MOST_BYTES} are the most", text.len());
        return fault(0, what);
    }
    let nesting = nesting(text);
    for (place, most, what) in [
        (nesting.too_many_brackets, MOST_BRACKETS, "brackets"),
        (nesting.too_deep, MOST_NESTED, "operators and brackets"),
    ] {
        if let Some(byte) = place {
            let what = format!("more than {most} {what} stand one within the other here");
            return fault(byte, what);
        }
    }
    CEL.parser()
        .parse(text)
        .map_err(|errors| first(text, &errors.errors))
}

/// Does what goes down the stack with the nesting of a measure, on a stack that suffices for any.
///
/// # Panics
/// If `work` does.
pub(crate) fn deep<T: Send>(text: &str, work: impl FnOnce() -> T + Send) -> T {
    if nesting(text).deepest <= SHALLOW {
        return work();
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK);
        let thread = thread.spawn_scoped(scope, work);
        let done = thread.map(thread::ScopedJoinHandle::join);
        match done.expect("address space for one more thread") {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// How nested a text is.
#[derive(Default)]
struct Nesting {
    deepest: usize,
    /// Where it is more than it may.
    too_deep: Option<usize>,
    too_many_brackets: Option<usize>,
}

/// What stands within a bracket.
#[derive(Default)]
struct Level {
    /// Operators and brackets since the last comma, and how deep the deepest of these brackets is.
    operators: usize,
    within: usize,
    /// The most that both come to, of what stands before that comma.
    before: usize,
}

impl Level {
    fn deepest(&self) -> usize {
        self.before.max(self.operators + self.within)
    }
}

/// Counts operators and brackets: never fewer than a way from the root of the syntax tree to a leaf meets.
fn nesting(text: &str) -> Nesting {
    // of a text literal that is none the parser goes on behind its fault, so that what seems to be quoted counts
    let whole = nested(text, true).or_else(|| nested(text, false));
    whole.unwrap_or_default()
}

/// The same; nothing if text literals and comments are to be passed over and one of the literals is none, or may be.
fn nested(text: &str, pass_over: bool) -> Option<Nesting> {
    let bytes = text.as_bytes();
    let mut found = Nesting::default();
    let mut outer: Vec<Level> = Vec::new();
    let mut level = Level::default();
    let mut i = 0;
    while i < bytes.len() {
        let rest = &bytes[i..];
        match rest {
            [b'/', b'/', ..] if pass_over => {
                i += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
                continue;
            }
            [b'\'' | b'"', ..] if pass_over => {
                i += literal(rest, is_raw(&bytes[..i])?)?;
                continue;
            }
            [b, ..] if b.is_ascii_alphanumeric() || *b == b'_' => {
                let ends = |b: &u8| !(b.is_ascii_alphanumeric() || *b == b'_');
                let word = rest.iter().position(ends).unwrap_or(rest.len());
                level.operators += usize::from(&rest[..word] == b"in");
                i += word - 1;
            }
            [b'(' | b'[' | b'{', ..] => {
                level.operators += 1;
                outer.push(std::mem::take(&mut level));
            }
            [b')' | b']' | b'}', ..] => close(&mut level, &mut outer),
            [b',', ..] => {
                level = Level {
                    before: level.deepest(),
                    ..Level::default()
                };
            }
            // of an operator of two characters the second is counted
            [b'=' | b'!' | b'<' | b'>', b'=', ..] | [b'&', b'&', ..] | [b'|', b'|', ..] => {}
            [b, ..] => level.operators += usize::from(b"+-*/%<>=!&|?:.".contains(b)),
            [] => {}
        }
        if level.deepest() > MOST_NESTED {
            found.too_deep.get_or_insert(i);
        }
        if outer.len() > MOST_BRACKETS {
            found.too_many_brackets.get_or_insert(i);
        }
        i += 1;
    }
    while !outer.is_empty() {
        close(&mut level, &mut outer);
    }
    found.deepest = level.deepest();
    if found.deepest > MOST_NESTED {
        found.too_deep.get_or_insert(0);
    }
    Some(found)
}

/// Leaves a bracket for the level around it.
fn close(level: &mut Level, outer: &mut Vec<Level>) {
    if let Some(around) = outer.pop() {
        *level = Level {
            within: around.within.max(level.deepest()),
            ..around
        };
    }
}

/// Whether a text literal behind this is raw, so that no backslash in it means anything; nothing where a name or a number
/// may end in what makes it so.
fn is_raw(before: &[u8]) -> Option<bool> {
    let of_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let start = before
        .iter()
        .rposition(|b| !of_word(b))
        .map_or(0, |i| i + 1);
    match before[start..].to_ascii_lowercase().as_slice() {
        b"r" | b"br" => Some(true),
        [.., b'r'] => None,
        _ => Some(false),
    }
}

/// Bytes of the text literal that begins here, with its quotes; nothing if it is none.
fn literal(rest: &[u8], is_raw: bool) -> Option<usize> {
    let quote = match rest {
        [a, b, c, ..] if a == b && b == c => &rest[..3],
        _ => &rest[..1],
    };
    let mut i = quote.len();
    while i < rest.len() {
        if rest[i..].starts_with(quote) {
            return Some(i + quote.len());
        }
        i += match rest[i] {
            b'\\' if !is_raw => escape(&rest[i + 1..])? + 1,
            b'\n' | b'\r' if quote.len() == 1 => return None,
            _ => 1,
        };
    }
    None
}

/// Bytes of an escape behind its backslash; nothing if it is none.
fn escape(rest: &[u8]) -> Option<usize> {
    let digits = |n: usize, is_digit: fn(&u8) -> bool| {
        (rest.len() > n && rest[1..=n].iter().all(is_digit)).then_some(n + 1)
    };
    match rest.first()? {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'`' | b'?' | b'\\' => {
            Some(1)
        }
        b'x' | b'X' => digits(2, u8::is_ascii_hexdigit),
        b'u' => digits(4, u8::is_ascii_hexdigit),
        b'U' => digits(8, u8::is_ascii_hexdigit),
        b'0'..=b'3' => digits(2, |b| matches!(b, b'0'..=b'7')),
        _ => None,
    }
}

/// The first thing that is wrong; what a parser says behind it follows from it.
fn first(text: &str, errors: &[ParseError]) -> Fault {
    const SYNTAX: &str = "Syntax error: ";
    let code = text.lines().any(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("//")
    });
    if !code {
        let what = "it is empty: a measure is an expression such as params('vgg16')";
        return Fault {
            byte: 0,
            what: what.into(),
        };
    }
    let mut errors: Vec<&ParseError> = errors.iter().collect();
    // what is no error of syntax may be one of the parser's own, about what an error of syntax left half made
    errors.sort_by_key(|error| (!error.msg.starts_with(SYNTAX), error.pos));
    let Some(error) = errors.first() else {
        return Fault {
            byte: 0,
            what: "it is no expression".into(),
        };
    };
    let says = error.msg.strip_prefix(SYNTAX).unwrap_or(&error.msg);
    Fault {
        byte: byte_of(text, error.pos),
        what: in_words(says),
    }
}

/// The byte at a line and a column, both from 1.
fn byte_of(text: &str, (line, column): (isize, isize)) -> usize {
    let from_one = |n: isize| usize::try_from(n - 1).unwrap_or(0);
    let mut start = 0;
    for (i, one) in text.split_inclusive('\n').enumerate() {
        if i == from_one(line) {
            let mut characters = one.char_indices();
            let place = characters.nth(from_one(column));
            return start + place.map_or(one.trim_end().len(), |(byte, _)| byte);
        }
        start += one.len();
    }
    text.len()
}

/// What the parser says, without the names of its tokens.
fn in_words(says: &str) -> String {
    let quoted = |rest: &str| -> Option<String> {
        let rest = rest.strip_prefix('\'')?;
        let end = rest.find("' expecting").or_else(|| rest.rfind('\''))?;
        Some(rest[..end].to_string())
    };
    let unexpected = ["mismatched input ", "extraneous input "]
        .iter()
        .chain(&["no viable alternative at input "])
        .find_map(|begins| quoted(says.strip_prefix(begins)?));
    let missing = says
        .strip_prefix("missing ")
        .and_then(|rest| rest.split_once(" at ").map(|(token, _)| token));
    let unread = says
        .strip_prefix("token recognition error at: ")
        .and_then(quoted);
    match (unexpected, missing, unread) {
        (Some(token), _, _) if token == "<EOF>" => "it ends before it is complete".into(),
        (Some(token), _, _) => format!("`{token}` is not expected here"),
        (_, Some(token), _) => format!("{} is missing here", token.replace('\'', "`")),
        (_, _, Some(token)) if token.starts_with(['\'', '"']) => {
            "the text that begins here has no closing quote, or an escape that is none".into()
        }
        (_, _, Some(token)) => match token.trim() {
            "=" => "`=` is not expected here: `==` compares".into(),
            token => format!("`{token}` is not expected here"),
        },
        _ if says.contains("Recursion limit") => "it is nested too deeply".into(),
        _ => says.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), Fault> {
        deep(text, || parsed(text).map(drop))
    }

    #[test]
    fn what_is_wrong_is_said_in_words_where_it_stands() {
        for (text, byte, what) in [
            ("", 0, "is empty"),
            (" \n // nothing\n", 0, "is empty"),
            ("1 +", 3, "ends before it is complete"),
            ("params(", 7, "ends before it is complete"),
            ("map(x", 5, "`)` is missing"),
            ("1 + + 2", 4, "`+` is not expected"),
            ("1 +\n  2 ° 3", 8, "`°` is not expected"),
            ("'é' b", 5, "`b` is not expected"),
            ("[1,,2]", 3, "`,` is not expected"),
            ("a = 2", 2, "`==` compares"),
            ("'abc", 0, "no closing quote"),
            ("true ? 1", 8, "ends before it is complete"),
            ("[1].map(1, 2)", 8, "simple name"),
        ] {
            let fault = check(text).unwrap_err();
            assert!(fault.what.contains(what), "{text}: {fault:?}");
            assert_eq!(fault.byte, byte, "{text}: {fault:?}");
            assert!(!fault.what.contains("expecting") && !fault.what.contains('\n'));
        }
    }

    /// At the bounds an expression is parsed, behind them it is an error; no stack overflows.
    #[test]
    fn length_and_nesting_are_bounded() {
        let sum = |terms| vec!["1"; terms].join("+");
        let within =
            |open: &str, n: usize, close: &str| [&open.repeat(n), "1", &close.repeat(n)].concat();
        for text in [
            sum(MOST_NESTED + 1),
            within("(", MOST_BRACKETS, ")"),
            within("[", MOST_BRACKETS, "]"),
            within("{1:", MOST_BRACKETS, "}"),
            within("[1].map(x, ", MOST_BRACKETS - 1, ")"),
            format!("{}{}", "[1]", "[0]".repeat(MOST_NESTED - 1)),
            format!("'{}'", "(".repeat(MOST_BYTES - 2)),
            format!("[{}1]", "1,".repeat(MOST_BYTES / 2 - 2)),
            "r'\\' + '\\'((' + \"\"\"'((\"\"\" // ((".into(),
        ] {
            let start: String = text.chars().take(20).collect();
            assert_eq!(check(&text), Ok(()), "{start}");
        }
        for (text, what) in [
            (sum(7001), "one within the other"),
            (sum(MOST_NESTED + 2), "one within the other"),
            (
                format!("({}) + {}", sum(300), sum(300)),
                "one within the other",
            ),
            (
                format!("{} + [{}, 1]", sum(300), sum(300)),
                "one within the other",
            ),
            (within("(", 5000, ")"), "brackets"),
            (within("[", MOST_BRACKETS + 1, "]"), "brackets"),
            ("[".repeat(5000), "brackets"),
            ("!".repeat(5000), "one within"),
            ("- ".repeat(5000), "one within"),
            ("true ? 1 : ".repeat(5000), "bytes"),
            ("true ? 1 : ".repeat(200), "nested"),
            ("1 in ".repeat(600), "one within"),
            (format!("x{}", ".a".repeat(600)), "one within"),
            (" ".repeat(70_000), "bytes"),
            (format!("'{}'", "a".repeat(70_000)), "bytes"),
        ] {
            let start: String = text.chars().take(20).collect();
            let fault = check(&text).unwrap_err();
            assert!(fault.what.contains(what), "{start}: {fault:?}");
        }
    }

    /// Where a text literal is none, the parser goes on within it.
    #[test]
    fn what_only_seems_to_be_quoted_counts() {
        for begins in [
            r"'\", r"'\x1", r"'\8", "'a\n", r"xr'\' '", r"1r'\' ", r"'// \", "'''a' '", "r'a\n",
            "br\"\"\"",
        ] {
            for ends in ["", "'", "\"", "2)", "'\n\""] {
                let text = |brackets: usize| [begins, &"[".repeat(brackets), ends].concat();
                // whatever is said of it, it is said
                assert!(check(&text(60)).is_err(), "{begins:?} {ends:?}");
                assert!(check(&text(5000)).is_err(), "{begins:?} {ends:?}");
            }
        }
        let whole =
            r"'\n\x41\101\u0041\U00000041\'' + r'\' + b'a' + 'é' + '''".to_string() + "a\n'''";
        assert!(nested(&whole, true).is_some());
        assert!(CEL.parser().parse(&whole).is_ok());
    }
}

//! Which values stand in a pickle as they are?
//!
//! Every protocol keeps the instructions of those before it: 0 writes lines of text, 1 to 5 bytes after
//! their length.

use super::object::Object;
use std::borrow::Cow;

/// A pickle's bytes, and how far they are read.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..length).ok_or_else(|| {
            let left = rest.len();
            format!("needs {length} bytes more where {left} are left: it is cut or damaged")
        })?;
        self.at += length;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    /// A number without a sign, of at most eight bytes.
    pub(super) fn number(&mut self, length: usize) -> Result<u64, String> {
        let bytes = self.take(length)?;
        Ok((bytes.iter().rev()).fold(0, |n, &byte| n << 8 | u64::from(byte)))
    }

    /// Bytes after their length, which takes `width` bytes itself.
    fn counted(&mut self, width: usize) -> Result<&'a [u8], String> {
        let length = self.number(width)?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// The bytes up to the end of the line.
    pub(super) fn line(&mut self) -> Result<&'a [u8], String> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n');
        let line = self.take(length.ok_or("has a line without an end: it is cut or damaged")?)?;
        self.at += 1;
        Ok(line)
    }

    /// A line that is a number.
    pub(super) fn decimal(&mut self) -> Result<u32, String> {
        let line = std::str::from_utf8(self.line()?).ok();
        (line.and_then(|line| line.parse().ok()))
            .ok_or_else(|| "has a number that is none".to_string())
    }
}

/// The value that an instruction writes down, or nothing for an instruction of another kind.
pub(super) fn literal<'a>(op: u8, of: &mut Reader<'a>) -> Result<Option<Object<'a>>, String> {
    const FRACTION: Object = Object::Other("a number with a fraction");
    const BYTES: Object = Object::Other("bytes");
    Ok(Some(match op {
        b'N' => Object::Other("nothing"),
        0x88 => Object::Bool(true),
        0x89 => Object::Bool(false),
        b'K' => Object::Int(i64::from(of.byte()?)),
        b'M' => Object::Int(of.number(2)? as i64),
        b'J' => Object::Int(i64::from(of.number(4)? as i32)), // the low half, with its sign
        0x8a => whole(of.counted(1)?),
        0x8b => whole(of.counted(4)?),
        b'I' => match of.line()? {
            b"00" => Object::Bool(false),
            b"01" => Object::Bool(true),
            digits => decimal(digits)?,
        },
        b'L' => decimal(of.line()?)?,
        b'G' => of.take(8).map(|_| FRACTION)?,
        b'F' => of.line().map(|_| FRACTION)?,
        b'U' | 0x8c => text(of.counted(1)?),
        b'T' | b'X' => text(of.counted(4)?),
        0x8d => text(of.counted(8)?),
        b'S' => quoted(of.line()?),
        b'V' => raw(of.line()?),
        b'C' => of.counted(1).map(|_| BYTES)?,
        b'B' => of.counted(4).map(|_| BYTES)?,
        0x8e | 0x96 => of.counted(8).map(|_| BYTES)?,
        b')' => Object::Tuple(Vec::new()),
        b'}' => Object::Dict(Vec::new()),
        b']' => Object::List(Vec::new()),
        0x8f => Object::Other("a set"),
        _ => return Ok(None),
    }))
}

/// A whole number that a tensor cannot ask for.
const LONG: Object = Object::Other("a whole number of more than 64 bits");

/// A whole number in bytes, the lowest first, the highest with the sign.
fn whole(bytes: &[u8]) -> Object<'static> {
    let filler = match bytes.last() {
        Some(&last) if last >= 0x80 => 0xff,
        _ => 0,
    };
    let mut wide = [filler; 8];
    match wide.get_mut(..bytes.len()) {
        Some(low) => low.copy_from_slice(bytes),
        None => return LONG,
    }
    Object::Int(i64::from_le_bytes(wide))
}

/// A whole number in digits, with `L` behind it if it was a `long`.
fn decimal(line: &[u8]) -> Result<Object<'static>, String> {
    let digits = std::str::from_utf8(line.strip_suffix(b"L").unwrap_or(line)).unwrap_or_default();
    let bare = digits.strip_prefix('-').unwrap_or(digits);
    match digits.parse() {
        Ok(n) => Ok(Object::Int(n)),
        Err(_) if !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit()) => Ok(LONG),
        Err(_) => Err("has a number that is none".into()),
    }
}

/// Python has texts that are not UTF-8; no tensor is called so.
fn text(bytes: &[u8]) -> Object<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Object::Text(Cow::Borrowed(text)),
        Err(_) => Object::Other("a text that is not UTF-8"),
    }
}

/// A text of Python 2 in its quotes.
fn quoted(line: &[u8]) -> Object<'_> {
    match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
            text(inner)
        }
        _ => Object::Other("a text with escapes"),
    }
}

/// A text whose characters beyond Latin-1, and a few others, are `\uXXXX` or `\UXXXXXXXX`.
fn raw(line: &[u8]) -> Object<'_> {
    if line.is_ascii() && !line.contains(&b'\\') {
        return text(line);
    }
    let (mut made, mut rest) = (String::new(), line);
    while let [first, after @ ..] = rest {
        let digits = match rest {
            [b'\\', b'u', ..] => 4,
            [b'\\', b'U', ..] => 8,
            _ => {
                made.push(char::from(*first));
                rest = after;
                continue;
            }
        };
        let code = (rest.get(2..2 + digits)).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = code.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        match code.and_then(char::from_u32) {
            Some(character) => made.push(character),
            None => return Object::Other("a text that is not UTF-8"),
        }
        rest = &rest[2 + digits..];
    }
    Object::Text(Cow::Owned(made))
}

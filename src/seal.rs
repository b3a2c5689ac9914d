//! Is a line of a record as it was written? An object of JSON whose first key is the checksum of all behind it:
//! `{"sum":"6c1f0bd3a52e9d47","id":"alexnet.year"}` is `{"id":"alexnet.year"}`, sealed.

use crate::digest;
use serde::Serialize;
use serde_json::error::Error;
use std::borrow::Cow;

/// How a sealed object begins.
const KEY: &str = "{\"sum\":\"";
/// Digits of a checksum.
const DIGITS: usize = 16;

/// A text whose checksum is another than it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it was changed: its checksum is {found}, and it says {said}")]
pub struct BrokenSeal {
    said: String,
    found: String,
}

/// A value's JSON in one line, sealed.
///
/// # Errors
/// A value that has no JSON: a key that is no text.
///
/// # Panics
/// If the value is no object with keys of its own.
pub fn sealed(value: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_string(value)?;
    let rest = json.strip_prefix("{\"").expect("a record is an object");
    Ok(format!(
        "{KEY}{}\",\"{rest}",
        digest::of_bytes(json.as_bytes())
    ))
}

/// The object that was sealed, its checksum verified; a text without one, from before there were any, as it is. Nothing
/// of it is looked at but that.
///
/// # Errors
/// [`BrokenSeal`] if it was changed since.
pub fn unsealed(text: &str) -> Result<Cow<'_, str>, BrokenSeal> {
    let Some(behind) = text.strip_prefix(KEY) else {
        return Ok(Cow::Borrowed(text));
    };
    let (said, rest) = behind.split_once("\",").unwrap_or((behind, ""));
    let json = format!("{{{rest}");
    let found = digest::of_bytes(json.as_bytes());
    match said == found {
        true => Ok(Cow::Owned(json)),
        false => Err(BrokenSeal {
            // of a damaged text no more than a checksum has
            said: said.chars().take(DIGITS).collect(),
            found,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_sealed_comes_back_and_nothing_else_does() {
        let value = json!({ "says": "\"sum\": {ü}\n", "x": [0.1, null, {}] });
        let json = value.to_string();
        let text = sealed(&value).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(unsealed(&text).unwrap(), json);
        assert_eq!(unsealed(&json).unwrap(), json);
        // whichever bit is another, but those that make the key another one: then it is another object
        for place in KEY.len()..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[place] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(bytes) else {
                    continue;
                };
                assert!(unsealed(&changed).is_err(), "{changed}");
            }
        }
        for cut in KEY.len()..text.len() {
            if text.is_char_boundary(cut) {
                let error = unsealed(&text[..cut]).unwrap_err().to_string();
                assert!(error.contains("checksum") && error.len() < 100, "{error}");
            }
        }
    }
}

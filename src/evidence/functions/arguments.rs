//! Reads the arguments of a call.

use crate::claim::Value;

pub(super) fn text(args: &[Value], i: usize) -> Result<&str, String> {
    match &args[i] {
        Value::Text(text) => Ok(text),
        other => Err(format!("argument {} must be text, not {other}", i + 1)),
    }
}

/// The text of an argument that may be left out.
pub(super) fn optional_text(args: &[Value], i: usize) -> Result<Option<&str>, String> {
    args.get(i).map(|_| text(args, i)).transpose()
}

pub(super) fn number(args: &[Value], i: usize) -> Result<f64, String> {
    args[i]
        .number()
        .ok_or_else(|| format!("argument {} must be a number, not {}", i + 1, args[i]))
}

pub(super) fn size(args: &[Value], i: usize) -> Result<usize, String> {
    match args[i] {
        Value::Int(n) => usize::try_from(n).ok(),
        _ => None,
    }
    .ok_or_else(|| format!("argument {} must be a size, not {}", i + 1, args[i]))
}

pub(super) fn list(args: &[Value], i: usize) -> Result<&[Value], String> {
    match &args[i] {
        Value::List(values) => Ok(values),
        other => Err(format!("argument {} must be a list, not {other}", i + 1)),
    }
}

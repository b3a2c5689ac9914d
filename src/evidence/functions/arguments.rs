//! Reads the arguments of a call.

use crate::claim::Datum;

pub(super) fn text(args: &[Datum], i: usize) -> Result<&str, String> {
    match &args[i] {
        Datum::Text(text) => Ok(text),
        other => Err(format!("argument {} must be text, not {other}", i + 1)),
    }
}

/// The text of an argument that may be left out.
pub(super) fn optional_text(args: &[Datum], i: usize) -> Result<Option<&str>, String> {
    args.get(i).map(|_| text(args, i)).transpose()
}

pub(super) fn number(args: &[Datum], i: usize) -> Result<f64, String> {
    args[i]
        .number()
        .ok_or_else(|| format!("argument {} must be a number, not {}", i + 1, args[i]))
}

pub(super) fn size(args: &[Datum], i: usize) -> Result<usize, String> {
    match args[i] {
        Datum::Int(n) => usize::try_from(n).ok(),
        _ => None,
    }
    .ok_or_else(|| format!("argument {} must be a size, not {}", i + 1, args[i]))
}

pub(super) fn list(args: &[Datum], i: usize) -> Result<&[Datum], String> {
    match &args[i] {
        Datum::List(values) => Ok(values),
        other => Err(format!("argument {} must be a list, not {other}", i + 1)),
    }
}

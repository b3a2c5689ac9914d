//! Does a picture's file go on to its end? Decoders forgive what is missing and paint it grey.

use image::ImageFormat;

/// Follows the file's own structure to its end mark; [`super::jpeg`] does so in JPEGs.
///
/// An error has the byte at which something is missing.
pub(super) fn check(format: ImageFormat, bytes: &[u8]) -> Result<(), (u64, String)> {
    let end = match format {
        ImageFormat::Png => png(bytes),
        ImageFormat::Gif => gif(bytes),
        _ => webp(bytes),
    };
    end.map(|_| ()).ok_or_else(|| cut(bytes))
}

/// That a file ends too early.
pub(super) fn cut(bytes: &[u8]) -> (u64, String) {
    let what =
        "the file ends before its end mark or the length that it names: it is cut or damaged";
    (bytes.len() as u64, what.into())
}

fn big(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(field.try_into().ok()?) as usize)
}

/// Chunks: length, name, content, checksum; the last is `IEND`.
fn png(bytes: &[u8]) -> Option<usize> {
    let mut at = 8usize;
    loop {
        let next = at.checked_add(12)?.checked_add(big(bytes, at)?)?;
        if next > bytes.len() {
            return None;
        }
        if bytes.get(at + 4..at + 8)? == b"IEND" {
            return Some(next);
        }
        at = next;
    }
}

/// A header, a palette, and blocks, each a row of sub-blocks behind their lengths; the last is `;`.
fn gif(bytes: &[u8]) -> Option<usize> {
    let palette = |flags: u8| match flags & 0x80 {
        0 => 0,
        _ => 3usize << ((flags & 7) + 1),
    };
    let mut at = 13 + palette(*bytes.get(10)?);
    loop {
        match bytes.get(at)? {
            b';' => return Some(at + 1),
            b'!' => at += 2,
            b',' => at += 11 + palette(*bytes.get(at + 9)?),
            // not for this check to say what is wrong
            _ => return Some(at),
        }
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += 1 + length;
            if length == 0 {
                break;
            }
        }
    }
}

/// One length for all.
fn webp(bytes: &[u8]) -> Option<usize> {
    let length = bytes.get(4..8)?;
    let end = 8 + u32::from_le_bytes(length.try_into().ok()?) as usize;
    (end <= bytes.len()).then_some(end)
}

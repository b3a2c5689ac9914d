//! Does a picture's file go on to its end? Decoders forgive what is missing and paint it grey.

use image::ImageFormat;

/// Follows the file's own structure to its end mark.
///
/// An error has the byte at which something is missing.
pub(super) fn check(format: ImageFormat, bytes: &[u8]) -> Result<(), (u64, String)> {
    let end = match format {
        ImageFormat::Png => png(bytes),
        ImageFormat::Jpeg => jpeg(bytes),
        ImageFormat::Gif => gif(bytes),
        _ => webp(bytes),
    };
    match end {
        Some(_) => Ok(()),
        None => Err((
            bytes.len() as u64,
            "the file ends before the picture does: it is cut or damaged".into(),
        )),
    }
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

/// Segments that begin with 255 and a kind, most with a length; behind a scan's come its bits, in which
/// 255 stands before zero or a restart mark only. The last is `EOI`.
fn jpeg(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        // as libjpeg does, what is no mark is passed over
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        let kind = *bytes.get(at + 1)?;
        match kind {
            0xd9 => return Some(at + 2),
            // a filler
            0xff => at += 1,
            // escaped, restart and other marks without a length
            0x00 | 0x01 | 0xd0..=0xd8 => at += 2,
            _ => {
                let length = bytes.get(at + 2..at + 4)?;
                at += 2 + usize::from(u16::from_be_bytes(length.try_into().ok()?));
            }
        }
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

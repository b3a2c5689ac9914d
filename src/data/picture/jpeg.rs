//! What of a JPEG's file is the picture? Scanners write bytes between its parts that mean nothing, and programs segments
//! that say nothing of its pixels: libjpeg, with which PIL reads, passes over both, and so the decoder is not shown them.

use super::whole::cut;
use std::borrow::Cow;
use std::ops::Range;

/// End of the picture.
const EOI: u8 = 0xd9;
/// The least kind of mark that the standard knows but for `TEM`; those below are reserved.
const LEAST: u8 = 0xc0;

/// What is wrong with a file, and the byte where it is.
type Fault = (u64, String);

/// The file without what is passed over.
///
/// Segments begin with 255 and a kind, most with a length; behind a scan's header come its bits, in which 255 stands
/// before zero, and before the marks at which decoding restarts. The last mark is `EOI`.
///
/// An error has the byte at which something is missing, or stands where nothing may.
pub(super) fn shown(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Fault> {
    let mut file = Shown {
        bytes,
        left_out: Vec::new(),
    };
    let mut restarts = false;
    let (mut jfif, mut adobe) = (false, None);
    let mut at = 2;
    loop {
        let (mark, kind) = next_mark(bytes, at, 0x01)?;
        // fillers, and what is no mark
        file.left_out.push(at..mark);
        let length = match kind {
            EOI => return Ok(file.whole()),
            0xd8 => return Err(fault(mark, "a picture begins within another".into())),
            // alone they mean nothing
            0x01 | 0xd0..=0xd7 => 0,
            _ => usize::from(number(bytes, mark + 2).ok_or_else(|| cut(bytes))?).max(2),
        };
        at = mark + 2 + length;
        if kind < LEAST && length > 0 && bytes.get(at) != Some(&0xff) {
            let what = format!("255 and {kind} begin no part of a JPEG");
            return Err(fault(mark, what));
        }
        let content = bytes
            .get(mark + 4..at.max(mark + 4))
            .ok_or_else(|| cut(bytes))?;
        match kind {
            0x01 | 0xd0..=0xd7 => file.left_out.push(mark..at),
            0xe0 if content.is_empty() => file.left_out.push(mark..at),
            0xe0 => jfif |= content.starts_with(b"JFIF\0"),
            // Adobe's says in its last byte how colours are kept
            0xee if content.starts_with(b"Adobe") && content.len() >= 12 => {
                adobe = Some((mark..at, content[11]));
            }
            // of the other ones for applications, and of comments, none does
            0xe1..=0xef | 0xfe => file.left_out.push(mark..at),
            // the number of lines, which the frame says too, and what is for arithmetic coding
            0xdc | 0xcc => file.left_out.push(mark..at),
            0xdd => restarts = content.iter().any(|&byte| byte > 0),
            0xc0..=0xc2 => {
                if let Some((range, kept)) = adobe.take() {
                    // grey is grey; of three colours JFIF's word counts, and what is unknown says nothing
                    match content.get(5) {
                        Some(1) => file.left_out.push(range),
                        Some(3) if jfif || kept > 2 => file.left_out.push(range),
                        _ => {}
                    }
                }
            }
            0xda => at = file.scan(at, restarts)?,
            _ => {}
        }
    }
}

/// A file, and what of it is passed over.
struct Shown<'a> {
    bytes: &'a [u8],
    left_out: Vec<Range<usize>>,
}

impl<'a> Shown<'a> {
    fn whole(mut self) -> Cow<'a, [u8]> {
        self.left_out.retain(|range| !range.is_empty());
        if self.left_out.is_empty() {
            return Cow::Borrowed(self.bytes);
        }
        self.left_out.sort_by_key(|range| range.start);
        let mut from = 0;
        let mut shown = Vec::with_capacity(self.bytes.len());
        for range in self.left_out {
            shown.extend_from_slice(&self.bytes[from..range.start]);
            from = range.end;
        }
        shown.extend_from_slice(&self.bytes[from..]);
        Cow::Owned(shown)
    }

    /// Follows the bits of a scan to the mark behind them.
    fn scan(&mut self, mut at: usize, restarts: bool) -> Result<usize, Fault> {
        // where decoding starts or restarts, behind fillers
        let mut start = at;
        loop {
            let mark = next_255(self.bytes, at)?;
            match *self.bytes.get(mark + 1).ok_or_else(|| cut(self.bytes))? {
                0x00 => at = mark + 2,
                0xff if mark == start => {
                    at = mark + 1;
                    start = at;
                }
                0xff => at = mark + 1,
                0xd0..=0xd7 => {
                    at = mark + 2;
                    start = at;
                }
                LEAST.. => return Ok(mark),
                // libjpeg goes on at the next restart, and nowhere else; of what comes before, some must be there
                kind => {
                    if !restarts || mark == start {
                        let what = format!("255 and {kind} stand among the picture's bits");
                        return Err(fault(mark, what));
                    }
                    (at, _) = next_mark(self.bytes, mark + 2, LEAST)?;
                    self.left_out.push(mark..at);
                }
            }
        }
    }
}

fn fault(at: usize, what: String) -> Fault {
    (at as u64, format!("{what}: the file is damaged"))
}

/// The number that two bytes are.
fn number(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes(field.try_into().ok()?))
}

/// Where the next byte of 255 is.
fn next_255(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    let rest = bytes.get(at..).unwrap_or_default();
    let found = rest.iter().position(|&byte| byte == 0xff);
    found.map(|found| at + found).ok_or_else(|| cut(bytes))
}

/// Where the next mark is, of that kind or above, and its kind.
fn next_mark(bytes: &[u8], mut at: usize, least: u8) -> Result<(usize, u8), Fault> {
    loop {
        at = next_255(bytes, at)?;
        match *bytes.get(at + 1).ok_or_else(|| cut(bytes))? {
            // a filler
            0xff => at += 1,
            kind if kind >= least => return Ok((at, kind)),
            _ => at += 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;
    use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};

    fn colour(i: u32) -> u8 {
        ((i * i * 37) >> 3) as u8
    }

    fn encoded(picture: impl Into<DynamicImage>) -> Vec<u8> {
        let mut file = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut file, 90);
        picture.into().write_with_encoder(encoder).unwrap();
        file
    }

    fn pixels(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
        let shown = shown(bytes)?;
        let picture = image::load_from_memory_with_format(&shown, ImageFormat::Jpeg);
        Ok(picture.unwrap().to_rgb8().into_raw())
    }

    /// Where the bits of the only scan begin.
    fn bits(file: &[u8]) -> usize {
        let scan = file.windows(2).position(|two| two == [0xff, 0xda]).unwrap();
        scan + 2 + usize::from(number(file, scan + 2).unwrap())
    }

    /// A grey picture of 8 rows and 32 columns, whose four blocks decoding restarts between: each block is the bits
    /// of a picture of its own. Behind them, places of the marks, the last of which is the end's.
    fn restarting() -> (Vec<u8>, Vec<usize>) {
        let block = |i: u32| {
            encoded(GrayImage::from_fn(8, 8, |x, y| {
                image::Luma([colour(64 * i + 8 * y + x)])
            }))
        };
        let mut file = block(0);
        file.truncate(bits(&file));
        let frame = file.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        file[frame + 8] = 32;
        file.splice(frame..frame, [0xff, 0xdd, 0, 4, 0, 1]);
        let mut marks = Vec::new();
        for (i, mark) in (0..4).zip([0xd0, 0xd1, 0xd2, EOI]) {
            let block = block(i);
            file.extend_from_slice(&block[bits(&block)..block.len() - 2]);
            marks.push(file.len());
            file.extend([0xff, mark]);
        }
        (file, marks)
    }

    fn with(file: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
        [&file[..at], bytes, &file[at..]].concat()
    }

    const STRAY: [&[u8]; 7] = [
        b"\xff\x7f",
        b"\xff\x57",
        b"\xff\x35\x12\x34",
        b"\xff\x01\0\xff\0\xff\xbf",
        b"\xff\xff\xff",
        b"\xff\x7f\xff",
        b"\x12\x34",
    ];

    #[test]
    fn what_is_right_is_shown_as_it_is() {
        let (file, _) = restarting();
        assert!(matches!(shown(&file).unwrap(), Cow::Borrowed(_)));
        let behind = [&file[..], b"\xff\x7f more"].concat();
        assert!(matches!(shown(&behind).unwrap(), Cow::Borrowed(_)));
    }

    #[test]
    fn stray_bytes_before_a_mark_change_no_pixel() {
        let (file, marks) = restarting();
        let whole = pixels(&file).unwrap();
        for stray in STRAY {
            for &mark in &marks {
                assert_eq!(
                    pixels(&with(&file, mark, stray)).unwrap(),
                    whole,
                    "{stray:?} at {mark}"
                );
            }
            let everywhere = marks
                .iter()
                .rev()
                .fold(file.clone(), |file, &mark| with(&file, mark, stray));
            assert_eq!(pixels(&everywhere).unwrap(), whole, "{stray:?}");
        }
        // fillers and what is no mark, between segments
        for stray in [&b"\xff\xff"[..], b"\0\x12", b"\xff\0\x12", b"\xff\xd3"] {
            assert_eq!(pixels(&with(&file, 2, stray)).unwrap(), whole, "{stray:?}");
        }
    }

    #[test]
    fn segments_that_say_nothing_of_pixels_are_passed_over() {
        let file = encoded(RgbImage::from_fn(16, 16, |x, y| {
            image::Rgb([0, 1, 2].map(|c| colour(48 * y + 3 * x + c)))
        }));
        let whole = pixels(&file).unwrap();
        let frame = file.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        let adobe = |kept: u8| [b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0", &[kept][..]].concat();
        for segment in [
            &b"\xff\xfe\0\0"[..],
            b"\xff\xe0\0\x01",
            b"\xff\xe1\0\x26http://ns.adobe.com/xmp/extension/\0a",
            b"\xff\xe3\0\x03a",
            b"\xff\xdc\0\x04\0\x10",
            b"\xff\xcc\0\x04\0\x10",
            b"\xff\xee\0\x07Adobe",
            &adobe(0),
            &adobe(9),
        ] {
            assert_eq!(
                pixels(&with(&file, frame, segment)).unwrap(),
                whole,
                "{segment:?}"
            );
        }
    }

    #[test]
    fn what_is_damaged_is_an_error_that_is_true() {
        let says = |file: &[u8]| {
            let (at, what) = shown(file).unwrap_err();
            format!("{at} {what}")
        };
        let (file, marks) = restarting();
        let [first, .., end] = marks[..] else {
            panic!()
        };
        // the bits of an interval are lost
        for stray in [&b"\xff\x7f"[..], b"\xff\xff\x35"] {
            let error = says(&with(&file, first + 2, stray));
            assert!(
                error.contains("stand among the picture's bits: the file is damaged"),
                "{error}"
            );
        }
        // without restarts there is nowhere to go on
        let plain = encoded(GrayImage::from_fn(8, 8, |x, y| {
            image::Luma([colour(8 * y + x)])
        }));
        let at = plain.len() - 2;
        let error = says(&with(&plain, at, b"\xff\x7f"));
        assert_eq!(
            error,
            format!("{at} 255 and 127 stand among the picture's bits: the file is damaged")
        );
        assert!(
            says(&with(&plain, 2, b"\xff\x7f"))
                .starts_with("2 255 and 127 begin no part of a JPEG")
        );
        assert!(
            says(&with(&plain, 2, b"\xff\xd8")).starts_with("2 a picture begins within another")
        );
        for cut in [
            &file[..end],
            &with(&file[..end], end, &[0; 9]),
            &file[..first + 1],
            &file[..30],
        ] {
            let error = says(cut);
            assert!(
                error.starts_with(&format!("{} the file ends before", cut.len())),
                "{error}"
            );
        }
    }
}

//! One picture from a file: PNG, JPEG, GIF or WebP, recognised by its content.

mod jpeg;
mod whole;

use super::{DataError, foreign, read};
use image::{DynamicImage, ImageFormat, ImageReader, Limits, RgbImage};
use std::borrow::Cow;
use std::cell::Cell;
use std::io::{BufRead, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

/// Longest file.
const MOST_BYTES: u64 = 256 << 20;
/// Fewest and most rows and columns.
const SIDES: std::ops::RangeInclusive<u32> = 2..=16_384;
/// Most pixels.
const MOST_PIXELS: u64 = 1 << 26;
/// Most memory for one picture: 8 bytes, the widest there is, for each pixel.
const MOST_MEMORY: u64 = MOST_PIXELS * 8;

/// Decodes a picture to red, green and blue; transparency is dropped, of an animation the first frame
/// is taken, as PIL does on `convert("RGB")`.
pub(super) fn decode(path: &Path) -> Result<RgbImage, DataError> {
    let bytes = read(path, MOST_BYTES)?;
    decoded(&bytes).map_err(|(offset, what)| DataError::Content {
        path: path.to_path_buf(),
        offset,
        what,
    })
}

fn decoded(bytes: &[u8]) -> Result<RgbImage, (u64, String)> {
    let format = format(bytes).ok_or_else(|| (0, no_picture(bytes)))?;
    let shown = match format {
        ImageFormat::Jpeg => jpeg::shown(bytes)?,
        _ => whole::check(format, bytes).map(|()| Cow::Borrowed(bytes))?,
    };
    let reached = Cell::new(0);
    let open = || {
        let input = Reached {
            bytes: Cursor::new(&*shown),
            most: &reached,
        };
        ImageReader::with_format(input, format)
    };
    let fault = |error: image::ImageError| {
        // one line, whatever the decoder says
        let said = error.to_string().replace(['\n', '\r'], " ");
        (reached.get(), said.chars().take(300).collect::<String>())
    };
    let (w, h) = open().into_dimensions().map_err(fault)?;
    if !SIDES.contains(&w) || !SIDES.contains(&h) || u64::from(w) * u64::from(h) > MOST_PIXELS {
        let what = format!(
            "says that it is {w} pixels wide and {h} high; sides are {} to {}, and a picture has at most {} million pixels",
            SIDES.start(),
            SIDES.end(),
            MOST_PIXELS / 1_000_000
        );
        return Err((reached.get(), what));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(*SIDES.end());
    limits.max_image_height = Some(*SIDES.end());
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = open();
    reader.limits(limits);
    let picture = reader.decode().map_err(fault)?;
    Ok(match picture {
        DynamicImage::ImageRgb8(picture) => picture,
        other => other.to_rgb8(),
    })
}

/// What is wrong with a file of none of the four formats.
fn no_picture(bytes: &[u8]) -> String {
    match foreign::seems(bytes) {
        Some(seems) if seems.ends_with("picture") => {
            format!("begins like {seems}; pictures are PNG, JPEG, GIF or WebP")
        }
        Some(seems) => {
            format!("is no picture: begins like {seems}, not like a PNG, JPEG, GIF or WebP")
        }
        None => "is no picture: a PNG, JPEG, GIF or WebP begins otherwise".into(),
    }
}

/// Which of the four formats a file begins as.
fn format(bytes: &[u8]) -> Option<ImageFormat> {
    let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(ImageFormat::Png),
        [0xff, 0xd8, 0xff, ..] => Some(ImageFormat::Jpeg),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(ImageFormat::Gif),
        _ => webp.then_some(ImageFormat::WebP),
    }
}

/// Bytes, and how far into them a decoder has come.
struct Reached<'a> {
    bytes: Cursor<&'a [u8]>,
    most: &'a Cell<u64>,
}

impl Reached<'_> {
    fn note(&self) {
        let here = self.bytes.position().min(self.bytes.get_ref().len() as u64);
        self.most.set(self.most.get().max(here));
    }
}

impl Read for Reached<'_> {
    fn read(&mut self, place: &mut [u8]) -> std::io::Result<usize> {
        let read = self.bytes.read(place);
        self.note();
        read
    }
}

impl BufRead for Reached<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.bytes.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
        self.note();
    }
}

impl Seek for Reached<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.bytes.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of noise, so that every format has something to store.
    fn picture(w: u32, h: u32) -> RgbImage {
        let key = crate::random::Key::named("picture");
        let colour = |x, y, c| key.bits(u64::from((y * w + x) * 3 + c)) as u8;
        RgbImage::from_fn(w, h, |x, y| image::Rgb([0, 1, 2].map(|c| colour(x, y, c))))
    }

    fn encoded(picture: RgbImage, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let picture = DynamicImage::ImageRgb8(picture);
        match format {
            // the encoder of GIF takes transparency only
            ImageFormat::Gif => DynamicImage::from(picture.to_rgba8()).write_to(&mut file, format),
            _ => picture.write_to(&mut file, format),
        }
        .unwrap();
        file.into_inner()
    }

    const FORMATS: [ImageFormat; 4] = [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Gif,
        ImageFormat::WebP,
    ];

    #[test]
    fn four_formats_are_recognised_by_content() {
        for format in FORMATS {
            let found = decoded(&encoded(picture(20, 10), format)).unwrap();
            assert_eq!(found.dimensions(), (20, 10), "{format:?}");
            if matches!(format, ImageFormat::Png | ImageFormat::WebP) {
                assert_eq!(found, picture(20, 10), "{format:?} keeps every bit");
            }
        }
        assert!(decoded(b"BM").unwrap_err().1.contains("is no picture"));
        let page = decoded(b"<html>").unwrap_err().1;
        assert!(
            page.contains("is no picture: begins like a web page (HTML)"),
            "{page}"
        );
        let tiff = decoded(b"II*\0\x08\0\0\0").unwrap_err().1;
        assert!(
            tiff.starts_with("begins like a TIFF picture; pictures are PNG"),
            "{tiff}"
        );
        assert!(decoded(&[]).is_err());
    }

    /// Cut anywhere, a file is an error that names a byte within it.
    #[test]
    fn a_file_cut_anywhere_is_an_error_within_it() {
        for format in FORMATS {
            let whole = encoded(picture(9, 7), format);
            for end in 0..whole.len() {
                let (at, what) = decoded(&whole[..end]).expect_err("a part is no picture");
                assert!(at <= end as u64, "{format:?} cut at {end}: {at} {what}");
            }
        }
    }

    #[test]
    fn sizes_beyond_the_limits_are_refused_before_they_cost_anything() {
        let says = |w, h| {
            decoded(&encoded(picture(w, h), ImageFormat::Png))
                .unwrap_err()
                .1
        };
        assert!(says(1, 1).contains("1 pixels wide and 1 high; sides are 2 to 16384"));
        assert!(says(100_000, 2).contains("100000 pixels wide"));
        // a header that lies, with a checksum that agrees
        let mut lie = encoded(picture(4, 4), ImageFormat::Png);
        lie[16..20].copy_from_slice(&16_000u32.to_be_bytes());
        lie[20..24].copy_from_slice(&16_000u32.to_be_bytes());
        let mut crc = flate2::Crc::new();
        crc.update(&lie[12..29]);
        lie[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        assert!(decoded(&lie).unwrap_err().1.contains("67 million pixels"));
        // within the limits it is found out later
        lie[16..24].copy_from_slice(&[0, 0, 0, 4, 0, 0, 0, 9]);
        let mut crc = flate2::Crc::new();
        crc.update(&lie[12..29]);
        lie[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        assert!(decoded(&lie).is_err());
    }
}

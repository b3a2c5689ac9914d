//! What is a file that begins otherwise than it must? What people have instead of a data set's file is mostly one of a few
//! things.

/// How many bytes of a file are enough to tell.
pub(super) const ENOUGH: usize = 512;

/// First bytes, and what has them.
const BEGINNINGS: [(&[u8], &str); 17] = [
    (
        b"version https://git-lfs.github.com/spec/",
        "a pointer of Git LFS to the file (`git lfs pull` brings it)",
    ),
    (
        b"/annex/objects/",
        "a pointer of git-annex to the file (`git annex get` brings it)",
    ),
    (b"\x1f\x8b", "a file that is compressed by gzip"),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "a file that is compressed by bzip2"),
    (b"\xfd7zXZ\0", "a file that is compressed by xz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"%PDF-", "a PDF document"),
    (b"\x93NUMPY", "an array of NumPy"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
];

/// What a file seems to be, by its first bytes.
pub(super) fn seems(bytes: &[u8]) -> Option<&'static str> {
    let bytes = &bytes[..bytes.len().min(ENOUGH)];
    let known = BEGINNINGS
        .iter()
        .find(|(start, _)| bytes.starts_with(start));
    let inside = |at: usize, mark: &[u8]| bytes.get(at..at + mark.len()) == Some(mark);
    match known {
        Some((_, what)) => Some(what),
        None if inside(257, b"ustar") => Some("a tar archive"),
        None if inside(4, b"ftyphe") || inside(4, b"ftypmif1") => Some("an HEIF picture"),
        None if inside(4, b"ftypavi") => Some("an AVIF picture"),
        None if bytes.starts_with(b"BM") && inside(6, &[0; 4]) => Some("a BMP picture"),
        None if bytes.len() > 2 && bytes[0] == 0x80 && (2..=5).contains(&bytes[1]) => {
            Some("a pickle of Python")
        }
        None => markup(bytes),
    }
}

/// What servers answer instead of a file.
fn markup(bytes: &[u8]) -> Option<&'static str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = bytes.trim_ascii_start().to_ascii_lowercase();
    let within = |mark: &[u8]| text.windows(mark.len()).any(|window| window == mark);
    let begins = |marks: &[&[u8]]| marks.iter().any(|mark| text.starts_with(mark));
    if begins(&[
        b"<!doctype html",
        b"<html",
        b"<head",
        b"<body",
        b"<script",
        b"<title",
    ]) {
        return Some("a web page (HTML)");
    }
    if begins(&[b"<?xml", b"<!doctype", b"<!--", b"<svg", b"<error"]) {
        return Some(
            match (within(b"<html") || within(b"doctype html"), within(b"<svg")) {
                (true, _) => "a web page (HTML)",
                (_, true) => "an SVG drawing",
                _ => "an XML document",
            },
        );
    }
    let json = text.starts_with(b"{") && text[1..].trim_ascii_start().starts_with(b"\"");
    json.then_some("a JSON document")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_what_it_is() {
        let page = |start: &str| seems(format!("{start}<title>Not found</title>").as_bytes());
        for start in [
            "<!DOCTYPE html>",
            "\n <html lang=en>",
            "\u{feff}<HTML>",
            "<!-- x --><html>",
        ] {
            assert_eq!(page(start), Some("a web page (HTML)"), "{start}");
        }
        assert_eq!(
            page("<?xml version='1.0'?><Error>"),
            Some("an XML document")
        );
        assert_eq!(seems(b"{ \"error\": 404}"), Some("a JSON document"));
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
        assert!(seems(pointer).unwrap().contains("Git LFS"));
        assert!(seems(b"\x1f\x8b\x08\0").unwrap().contains("gzip"));
        assert_eq!(seems(b"\x80\x02}q\x01"), Some("a pickle of Python"));
        assert_eq!(seems(b"BM\x46\0\0\0\0\0\0\0\x36"), Some("a BMP picture"));
        assert_eq!(seems(b"\0\0\0\x18ftypheic"), Some("an HEIF picture"));
        let tar = [vec![b'a'; 257], b"ustar\0".to_vec()].concat();
        assert_eq!(seems(&tar), Some("a tar archive"));
        for other in [&b""[..], b"BM", b"text", b"{}", &[0; 600], &[255; 600]] {
            assert_eq!(seems(other), None);
        }
    }
}

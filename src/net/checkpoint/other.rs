//! What is a file that is no checkpoint?

/// In words; the start and the end of a file tell.
pub(super) fn what(bytes: &[u8]) -> String {
    const STARTS: [(&[u8], &str); 17] = [
        (
            b"version https://git-lfs",
            "is a pointer of Git LFS, not the file itself: `git lfs pull` fetches it",
        ),
        (b"\x1f\x8b", "is compressed by gzip: unpack it first"),
        (b"BZh", "is compressed by bzip2: unpack it first"),
        (b"\xfd7zXZ\0", "is compressed by xz: unpack it first"),
        (
            b"\x28\xb5\x2f\xfd",
            "is compressed by zstd: unpack it first",
        ),
        (
            b"7z\xbc\xaf\x27\x1c",
            "is an archive of 7-Zip: unpack it first",
        ),
        (b"Rar!", "is an archive of RAR: unpack it first"),
        (b"\x89HDF\r\n\x1a\n", "is HDF5, as Keras writes it"),
        (b"\x93NUMPY", "is an array of NumPy"),
        (b"GGUF", "is a model of llama.cpp (GGUF)"),
        (b"\x89PNG", "is a picture (PNG)"),
        (b"\xff\xd8\xff", "is a picture (JPEG)"),
        (b"%PDF", "is a PDF"),
        (b"PK\x05\x06", "is an empty zip archive"),
        (b"PK\x03\x04", "is a zip archive"),
        (b"\x80", "is a pickle, but not one that `torch.save` writes"),
        (b"{", "is JSON"),
    ];
    const KNOWN: &str = "no checkpoint that is known: safetensors, or what `torch.save` writes";
    if bytes.is_empty() {
        return "is empty".into();
    }
    if bytes.len() < 9 {
        return format!("has {} bytes: it is cut, or {KNOWN}", bytes.len());
    }
    let start = bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(bytes)
        .trim_ascii_start();
    let start = start[..start.len().min(16)].to_ascii_lowercase();
    let page = [&b"<!doctype"[..], b"<html", b"<?xml", b"<head", b"<!--"];
    let found = (STARTS.iter()).find(|(magic, _)| bytes.starts_with(magic));
    let found = match found {
        _ if page.iter().any(|tag| start.starts_with(tag)) => {
            "is a web page: what was asked for is not what was sent"
        }
        Some((_, what)) => what,
        None if bytes.get(257..262) == Some(b"ustar") => "is a tar archive: unpack it first",
        None if bytes.get(4..8) == Some(b"TFL3") => "is a model of TensorFlow Lite",
        // the end of a table of LevelDB
        None if bytes.ends_with(b"\x57\xfb\x80\x8b\x24\x75\x47\xdb") => {
            "is the index of a checkpoint of TensorFlow"
        }
        // a version of one byte, then the name of who wrote it
        None if matches!(bytes, [8, 1..=30, 0x12, ..]) => "is probably a model in ONNX",
        None if bytes.iter().all(|&byte| byte == 0) => "is all zeros",
        None => return format!("is {KNOWN}"),
    };
    format!("{found}; {KNOWN}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_checkpoint_is_called_what_it_is() {
        let index = [&[0; 40][..], b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"].concat();
        let tar = [&[b'a'; 257][..], b"ustar\x0000"].concat();
        for (bytes, says) in [
            (&b""[..], "is empty"),
            (b"PK\x03", "3 bytes: it is cut"),
            (
                b"version https://git-lfs.github.com/spec/v1\noid",
                "git lfs pull",
            ),
            (b"\n\n  <!DOCTYPE html><html>", "web page"),
            (b"\xef\xbb\xbf<HTML lang=en>", "web page"),
            (b"\x1f\x8b\x08\0\0\0\0\0\0\0", "gzip"),
            (b"\x89HDF\r\n\x1a\n\0\0\0\0", "HDF5"),
            (b"\x93NUMPY\x01\0v\0", "NumPy"),
            (b"\x08\x07\x12\x07pytorch", "ONNX"),
            (&index, "TensorFlow"),
            (&tar, "tar archive"),
            (b"{\"metadata\": {}}", "JSON"),
            (b"\0\0\0\0\0\0\0\0\0\0", "zeros"),
            (b"\x80\x04\x95\x0c\0\0\0\0\0\0\0}.", "a pickle"),
            (b"any other bytes", "no checkpoint that is known"),
        ] {
            let found = what(bytes);
            assert!(found.contains(says) && !found.contains('\n'), "{found}");
        }
    }
}

//! Downloads from a server on this machine that does what it is told, archives that mean harm.

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use tar::EntryType;

/// A server that answers one connection after another so, and hands over each request's head.
fn server(answers: Vec<Vec<u8>>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/x/", listener.local_addr().unwrap());
    let (tell, heads) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> = lines
                .by_ref()
                .map(Result::unwrap)
                .take_while(|line| !line.is_empty())
                .collect();
            let _ = tell.send(head.join("\n").to_lowercase());
            let _ = stream.write_all(&answer);
        }
    });
    (base, heads)
}

fn answer(head: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn content() -> Vec<u8> {
    (0..100_000u64).map(|i| ((i * i) >> 3) as u8).collect()
}

fn archive(base: String, content: &[u8]) -> Archive {
    Archive {
        folder: "set".into(),
        base,
        files: vec![Published {
            name: "file.gz".into(),
            bytes: content.len() as u64,
            sha256: hex(&Sha256::digest(content)),
        }],
        packed: false,
    }
}

fn go(archive: &Archive, into: &Path) -> Result<PathBuf, String> {
    fetch(archive, into, |_, _, _| true).map_err(|error| error.to_string())
}

#[test]
fn a_file_comes_whole_and_is_not_fetched_twice() {
    let content = content();
    let (base, heads) = server(vec![answer("200 OK", content.len(), &content)]);
    let archive = archive(base, &content);
    let into = tempfile::tempdir().unwrap();
    let folder = go(&archive, into.path()).unwrap();
    assert_eq!(std::fs::read(folder.join("file.gz")).unwrap(), content);
    let head = heads.recv().unwrap();
    assert!(head.starts_with("get /x/file.gz http/1.1"), "{head}");
    assert!(head.contains("accept-encoding: identity") && !head.contains("range"));
    // the server is gone
    assert_eq!(go(&archive, into.path()), Ok(folder.clone()));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    std::fs::write(folder.join("file.gz"), "mine").unwrap();
    assert!(
        go(&archive, into.path())
            .unwrap_err()
            .contains("move it away")
    );
    assert_eq!(std::fs::read(folder.join("file.gz")).unwrap(), b"mine");
}

#[test]
fn a_connection_that_is_cut_goes_on_where_it_ended() {
    let content = content();
    let n = content.len();
    let rest = |from: usize| {
        format!(
            "206 Partial Content\r\nContent-Range: bytes {from}-{}/{n}",
            n - 1
        )
    };
    let (base, heads) = server(vec![
        answer("200 OK", n, &content[..40_000]),
        answer(&rest(40_000), n - 40_000, &content[40_000..70_000]),
        answer("503 Busy", 0, &[]),
        answer(&rest(70_000), n - 70_000, &content[70_000..]),
    ]);
    let into = tempfile::tempdir().unwrap();
    let folder = go(&archive(base, &content), into.path()).unwrap();
    assert_eq!(std::fs::read(folder.join("file.gz")).unwrap(), content);
    let heads: Vec<String> = heads.iter().collect();
    let asked = |i: usize, from: &str| heads[i].contains(&format!("range: bytes={from}-"));
    assert!(!heads[0].contains("range") && asked(1, "40000"));
    assert!(asked(2, "70000") && asked(3, "70000"));
}

#[test]
fn a_server_that_knows_no_ranges_starts_again() {
    let content = content();
    let n = content.len();
    let (base, _) = server(vec![
        answer("200 OK", n, &content[..40_000]),
        answer("416 Range Not Satisfiable", 0, &[]),
        answer("200 OK", n, &content[..1]),
        answer("200 OK", n, &content),
    ]);
    let into = tempfile::tempdir().unwrap();
    let folder = go(&archive(base, &content), into.path()).unwrap();
    assert_eq!(std::fs::read(folder.join("file.gz")).unwrap(), content);
}

#[test]
fn a_later_call_goes_on_too() {
    let content = content();
    let n = content.len();
    let mut answers = vec![answer("200 OK", n, &content[..40_000])];
    answers.resize(5, answer("503 Busy", 0, &[]));
    let (base, _) = server(answers);
    let into = tempfile::tempdir().unwrap();
    let error = go(&archive(base, &content), into.path()).unwrap_err();
    assert!(error.contains("cut at byte 40000 of 100000"), "{error}");
    assert!(error.contains("the server answers 503"), "{error}");
    let rest = format!(
        "206 Partial Content\r\nContent-Range: bytes 40000-{}/{n}",
        n - 1
    );
    let (base, _) = server(vec![answer(&rest, n - 40_000, &content[40_000..])]);
    let folder = go(&archive(base, &content), into.path()).unwrap();
    assert_eq!(std::fs::read(folder.join("file.gz")).unwrap(), content);
}

#[test]
fn what_is_wrong_is_thrown_away() {
    let content = content();
    let n = content.len();
    let mut wrong = content.clone();
    wrong[77] ^= 1;
    let into = tempfile::tempdir().unwrap();
    let says = |answers| {
        let (base, _) = server(answers);
        let error = go(&archive(base, &content), into.path()).unwrap_err();
        let left = std::fs::read_dir(into.path().join("set")).unwrap();
        let left = left.map(|entry| entry.unwrap().metadata().unwrap().len());
        assert_eq!(left.sum::<u64>(), 0, "{error}");
        error
    };
    let error = says(vec![answer("200 OK", n, &wrong)]);
    assert!(error.contains("file.gz.part: SHA-256 is"), "{error}");
    let longer = [&content[..], b"more"].concat();
    let error = says(vec![answer("200 OK", n + 4, &longer)]);
    assert!(error.contains("more than its 100000 bytes"), "{error}");
    let error = says(vec![answer("404 Not Found", 0, &[])]);
    assert!(error.contains("the server answers 404"), "{error}");
    let page = b"\n<!DOCTYPE html><html>Log in</html>";
    let error = says(vec![answer("200 OK", page.len(), page)]);
    assert!(
        error.ends_with("the server sends a web page (HTML), not the file"),
        "{error}"
    );
    // nobody listens
    let error = says(Vec::new());
    assert!(error.contains("cut at byte 0"), "{error}");
    assert!(go(&archive("nowhere".into(), &content), into.path()).is_err());
}

#[test]
fn a_wish_to_stop_is_heard_and_loses_nothing() {
    let content = content();
    let (base, _) = server(vec![answer("200 OK", content.len(), &content)]);
    let into = tempfile::tempdir().unwrap();
    let stopped = fetch(&archive(base, &content), into.path(), |_, done, _| {
        done == 0
    });
    assert!(matches!(stopped, Err(FetchError::Stopped)));
    let part = std::fs::metadata(into.path().join("set/file.gz.part")).unwrap();
    assert!(part.len() > 0);
}

/// An archive of those entries: name, kind, content.
fn packed(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_ustar();
        // the builder would refuse names that mean harm
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

#[test]
fn an_archive_is_unpacked_and_removed() {
    let content = packed(&[
        ("set/", EntryType::Directory, b""),
        ("set/a.bin", EntryType::Regular, b"one"),
        ("./set/deep/b.bin", EntryType::Regular, b"two"),
    ]);
    let (base, _) = server(vec![answer("200 OK", content.len(), &content)]);
    let into = tempfile::tempdir().unwrap();
    let mut archive = archive(base, &content);
    archive.packed = true;
    let folder = go(&archive, into.path()).unwrap();
    assert_eq!(std::fs::read(folder.join("a.bin")).unwrap(), b"one");
    assert_eq!(std::fs::read(folder.join("deep/b.bin")).unwrap(), b"two");
    assert_eq!(std::fs::read_dir(into.path()).unwrap().count(), 1);
    assert_eq!(go(&archive, into.path()), Ok(folder));
}

/// As pigz and other programs on several processors write them.
#[test]
fn an_archive_of_several_members_is_unpacked() {
    let whole = packed(&[("set/a.bin", EntryType::Regular, &[7; 5000])]);
    let mut tar = Vec::new();
    let mut stream = flate2::read::GzDecoder::new(&whole[..]);
    stream.read_to_end(&mut tar).unwrap();
    let member = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let into = tempfile::tempdir().unwrap();
    let file = into.path().join("a.tar.gz");
    std::fs::write(&file, [member(&tar[..1000]), member(&tar[1000..])].concat()).unwrap();
    unpack(&file, "set", into.path()).unwrap();
    assert_eq!(
        std::fs::read(into.path().join("set/a.bin")).unwrap(),
        [7; 5000]
    );
}

#[test]
fn an_archive_that_means_harm_leaves_nothing() {
    let says = |bytes: &[u8]| {
        let outer = tempfile::tempdir().unwrap();
        let into = outer.path().join("into");
        std::fs::create_dir(&into).unwrap();
        let file = outer.path().join("a.tar.gz");
        std::fs::write(&file, bytes).unwrap();
        let error = unpack(&file, "set", &into).unwrap_err().to_string();
        assert_eq!(std::fs::read_dir(&into).unwrap().count(), 0, "{error}");
        assert_eq!(
            std::fs::read_dir(outer.path()).unwrap().count(),
            2,
            "{error}"
        );
        error
    };
    let good: (&str, EntryType, &[u8]) = ("set/a", EntryType::Regular, b"one");
    for name in ["set/../../x", "../x", "/tmp/x", "other/x"] {
        let error = says(&packed(&[good, (name, EntryType::Regular, b"bad")]));
        assert!(error.contains("leaves the folder `set`"), "{error}");
    }
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Fifo,
        EntryType::Char,
        EntryType::GNULongName,
        EntryType::GNUSparse,
    ] {
        let error = says(&packed(&[good, ("set/x", kind, b"")]));
        assert!(
            error.contains("entry `set/x`: is neither file nor folder"),
            "{error}"
        );
    }
    assert!(says(&packed(&[good, good])).contains("cannot be unpacked"));
    assert!(says(&packed(&[])).contains("is not in the archive"));
    let whole = packed(&[good]);
    assert!(says(&whole[..whole.len() / 2]).contains("damaged or cut"));
    assert!(says(b"no archive").contains("damaged or cut"));
    let many = vec![("set/d", EntryType::Directory, &b""[..]); 1001];
    assert!(says(&packed(&many)).contains("at most 1000 entries"));
    // a header that promises four GiB
    let mut header = tar::Header::new_ustar();
    header.set_path("set/x").unwrap();
    header.set_size(4 << 30);
    header.set_cksum();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(header.as_bytes()).unwrap();
    let error = says(&encoder.finish().unwrap());
    assert!(error.contains("at most 1024 MiB"), "{error}");
}

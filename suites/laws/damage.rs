//! Laws over damaged files: whatever happened to a checkpoint or to data, reading it neither panics
//! nor takes more memory than a multiple of the file's size. `PROPTEST_CASES` asks for more cases.

use super::memory::asked;
use crate::{law, repository};
use convcheck::net::checkpoint;
use libtest_mimic::Trial;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use std::io::{Cursor, Read, Write};
use std::path::Path;
use zip::CompressionMethod::{self, Deflated, Stored};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

mod data;
mod networks;

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        law("damage::zip", || {
            checkpoints(&fixture("zip.pth"), <[u8]>::to_vec)
        }),
        law("damage::zip-with-sound-checksums", || {
            let ((name, pickle), files) = unpacked(&fixture("training.pth"), PICKLE);
            checkpoints(&pickle, |pickle| packed(&name, pickle, &files, Stored));
        }),
        law("damage::zip-unpacked", || {
            checkpoints(&fixture("foreign/deflated.pth"), <[u8]>::to_vec);
            let ((name, pickle), files) = unpacked(&fixture("foreign/zip5.pth"), PICKLE);
            checkpoints(&pickle, |pickle| packed(&name, pickle, &files, Deflated));
        }),
        law("damage::every-protocol", || {
            for file in ["zip0", "zip2", "legacy0", "legacy1", "legacy4", "legacy5"] {
                checkpoints(&fixture(&format!("foreign/{file}.pth")), <[u8]>::to_vec);
            }
        }),
        law("damage::legacy", || {
            checkpoints(&fixture("legacy.pth"), <[u8]>::to_vec)
        }),
        law("damage::safetensors", || {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            let tensors = checkpoint::read(&repository("suites/fixtures/zip.pth")).unwrap();
            checkpoint::write(&path, &tensors).unwrap();
            checkpoints(&std::fs::read(path).unwrap(), <[u8]>::to_vec);
        }),
        law("damage::the-costliest-pickle", costliest),
    ];
    trials.extend(data::trials());
    trials.extend(networks::trials());
    trials
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(repository("suites/fixtures").join(name)).unwrap()
}

fn checkpoints(bytes: &[u8], whole: impl Fn(&[u8]) -> Vec<u8>) {
    damaged(bytes, whole, "file", checkpoint::read);
}

/// The file of a checkpoint that says what stands in the others.
const PICKLE: &str = "data.pkl";

/// What a byte of a file may cost, all told: a value of 32 bytes in a list that grows by doubling.
const PER_BYTE: usize = 200;
/// What a file may cost however small it is.
const ANYHOW: usize = 1 << 16;

/// For how much memory reading a file may ask.
#[derive(Clone, Copy)]
struct Memory {
    anyhow: usize,
    per_byte: usize,
}

const USUAL: Memory = Memory {
    anyhow: ANYHOW,
    per_byte: PER_BYTE,
};

/// The pickle that makes the most of each byte.
fn costliest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let start = &fixture("legacy.pth")[..15];
    let named = b"cm\nn\n".as_slice();
    for ops in [
        b"}".as_slice(),
        b"(",
        b"N",
        b"]",
        b"\x8f",
        b"N\x94",
        b"N2",
        b"c\n\n",
        b"(i\n\n",
        b"S''\n",
        b"V\\u00e9\n",
        named,
    ] {
        let file = [start, &ops.repeat((1 << 20) / ops.len())].concat();
        std::fs::write(&path, &file).unwrap();
        let (found, asked) = asked(|| checkpoint::read(&path));
        assert!(found.is_err());
        assert!(asked <= PER_BYTE * file.len(), "asked for {asked} bytes");
    }
}

/// What may happen to a file.
#[derive(Debug, Clone)]
enum Damage {
    /// A byte becomes another.
    Byte(Index, u8),
    /// Eight bytes become a number, in part an absurd one.
    Number(Index, u64),
    /// The end is lost.
    Cut(Index),
    /// A run is repeated elsewhere.
    Copy(Index, Index, usize),
    /// A run is lost.
    Lose(Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let number = prop_oneof![
        any::<u64>(),
        0..300u64,
        Just(u64::MAX),
        Just(1 << 62),
        Just(u64::from(u32::MAX))
    ];
    // instructions of pickles, digits and brackets are worth more than other bytes
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(
            b"(tu}]).RbQhqjrKMJXsae0129[{,cildogpPISVL\x81\x8c\x90\x93\x94".to_vec()
        )
    ];
    prop_oneof![
        6 => (any::<Index>(), byte).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        3 => (any::<Index>(), number).prop_map(|(at, n)| Damage::Number(at, n)),
        1 => any::<Index>().prop_map(Damage::Cut),
        2 => (any::<Index>(), any::<Index>(), 1..200usize).prop_map(|(a, b, n)| Damage::Copy(a, b, n)),
        1 => (any::<Index>(), 1..50usize).prop_map(|(at, n)| Damage::Lose(at, n)),
    ]
}

impl Damage {
    fn befall(&self, file: &mut Vec<u8>) {
        if file.is_empty() {
            return;
        }
        let end = |at: usize, n: usize| (at + n).min(file.len());
        match self {
            Damage::Byte(at, byte) => {
                let at = at.index(file.len());
                file[at] = *byte;
            }
            Damage::Number(at, n) => {
                let at = at.index(file.len());
                let end = end(at, 8);
                file[at..end].copy_from_slice(&n.to_le_bytes()[..end - at]);
            }
            Damage::Cut(at) => file.truncate(at.index(file.len())),
            Damage::Copy(from, to, n) => {
                let from = from.index(file.len());
                let run = file[from..end(from, *n)].to_vec();
                let to = to.index(file.len());
                file.splice(to..to, run);
            }
            Damage::Lose(at, n) => {
                let at = at.index(file.len());
                file.drain(at..end(at, *n));
            }
        }
    }
}

/// Reads a file over and over, damaged in one to five ways each time.
fn damaged<T, E: std::fmt::Display>(
    bytes: &[u8],
    whole: impl Fn(&[u8]) -> Vec<u8>,
    name: &str,
    read: impl Fn(&Path) -> Result<T, E>,
) {
    damaged_at_most(bytes, whole, name, USUAL, read);
}

/// The same, where a file may cost so much.
fn damaged_at_most<T, E: std::fmt::Display>(
    bytes: &[u8],
    whole: impl Fn(&[u8]) -> Vec<u8>,
    name: &str,
    memory: Memory,
    read: impl Fn(&Path) -> Result<T, E>,
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let config = Config {
        failure_persistence: None,
        cases: Config::default().cases.saturating_mul(2),
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&prop::collection::vec(damage(), 1..5), |damages| {
            let mut file = bytes.to_vec();
            for damage in &damages {
                damage.befall(&mut file);
            }
            let file = whole(&file);
            std::fs::write(&path, &file).unwrap();
            let (found, asked) = asked(|| read(&path));
            prop_assert!(
                asked <= memory.anyhow + memory.per_byte * file.len(),
                "asked for {asked} bytes to read {}",
                file.len()
            );
            if let Err(error) = found {
                let text = error.to_string();
                prop_assert!(text.len() < 1000 && !text.contains('\n'), "{text}");
            }
            Ok(())
        })
        .unwrap();
}

/// A file of an archive: its name and what is in it.
type File = (String, Vec<u8>);

/// The file of a zip archive whose name ends so, under its name, and the other files.
fn unpacked(bytes: &[u8], ending: &str) -> (File, Vec<File>) {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut files: Vec<File> = (0..archive.len())
        .map(|i| {
            let mut file = archive.by_index(i).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (file.name().unwrap().into_owned(), content)
        })
        .collect();
    let wanted = files.iter().position(|(name, _)| name.ends_with(ending));
    (files.remove(wanted.unwrap()), files)
}

/// The archive with another content of that file, and checksums that agree.
fn packed(name: &str, content: &[u8], files: &[File], method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    let others = files
        .iter()
        .map(|(name, content)| (name.as_str(), &content[..]));
    for (name, content) in others.chain([(name, content)]) {
        archive.start_file(name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

//! Damaged files of networks: what is read of them can be counted, drawn and shown, or is an error.

use super::{Memory, damaged_at_most, fixture, packed, unpacked};
use crate::law;
use crate::laws::exported::onnx;
use crate::laws::shared::needs;
use candle_core::DType;
use convcheck::analysis::summary;
use convcheck::drawing::drawing;
use convcheck::foreign;
use convcheck::net::{Fill, checkpoint};
use convcheck::zoo::Registry;
use libtest_mimic::{Completion, Trial};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zip::CompressionMethod;

pub fn trials() -> Vec<Trial> {
    vec![
        law("damage::network-pt2", || {
            damaged_network(&fixture("operators.pt2"), <[u8]>::to_vec, "it.pt2");
        }),
        law("damage::network-pt2-with-sound-checksums", || {
            program(&fixture("operators.pt2"));
        }),
        law("damage::network-onnx", || {
            damaged_network(&exported(), <[u8]>::to_vec, "it.onnx");
        }),
        law("damage::network-toml", || {
            let registry = Registry::builtin();
            let graph = registry.find("resnet20_cifar").unwrap().graph().unwrap();
            let text = foreign::written(&graph, "a law").unwrap();
            damaged_network(text.as_bytes(), <[u8]>::to_vec, "it.toml");
        }),
        needs(
            "damage::networks-of-others",
            "networks/expected.json",
            others,
        ),
    ]
}

/// A layer is a few words in a file; here it has a path, a shape and tensors, and a drawing.
const MEMORY: Memory = Memory {
    anyhow: 1 << 20,
    per_byte: 3000,
};
/// Nobody waits longer for a file to be read.
const PATIENCE: Duration = Duration::from_secs(10);

fn damaged_network(bytes: &[u8], whole: impl Fn(&[u8]) -> Vec<u8>, name: &str) {
    damaged_at_most(bytes, whole, name, MEMORY, |path| {
        let begun = Instant::now();
        let read = used(path);
        assert!(begun.elapsed() < PATIENCE, "it took {:?}", begun.elapsed());
        read
    });
}

/// All that `show`, `diff` and `forward` ask of a file before anything is computed.
fn used(path: &Path) -> Result<(), String> {
    // an error of its own: weights may be damaged where the structure is sound
    let weights = checkpoint::open(path);
    let read = foreign::read(path).map_err(|error| error.to_string())?;
    let graph = &read.graph;
    drop(graph.digest());
    drop(summary("it", graph));
    drop(drawing("it", graph).file());
    drop(graph.can_run());
    weights.map(drop).map_err(|error| error.to_string())
}

/// The graph of an archive is damaged, and the archive is sound.
fn program(bytes: &[u8]) {
    let ((name, program), files) = unpacked(bytes, "models/model.json");
    let whole = |program: &[u8]| packed(&name, program, &files, CompressionMethod::Stored);
    damaged_network(&program, whole, "it.pt2");
}

/// A registered network as this program writes it.
fn exported() -> Vec<u8> {
    let registry = Registry::builtin();
    let graph = registry.find("lenet5_1998").unwrap().graph().unwrap();
    let weights = Fill::Default.weights(&graph, DType::F32).unwrap();
    onnx(&graph, &weights).unwrap()
}

/// Files as other programs write them.
fn others(file: PathBuf) -> Result<Completion, String> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| error.to_string());
    for name in ["shuffled", "tied"] {
        let path = |ending: &str| file.with_file_name(format!("{name}{ending}"));
        program(&read(&path(".pt2"))?);
        for ending in [".onnx", "-folded.onnx"] {
            damaged_network(&read(&path(ending))?, <[u8]>::to_vec, "it.onnx");
        }
    }
    Ok(Completion::Completed)
}

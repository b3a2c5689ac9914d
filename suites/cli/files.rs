//! Networks of files: shown, written, exported, and files that are none.

use crate::{convcheck, fails, json, stdout};
use std::fs;
use std::path::{Path, PathBuf};

fn operators() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/fixtures/operators.pt2")
}

#[test]
fn a_network_written_in_toml_is_the_same_network() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    fs::write(&file, stdout(&convcheck(&["show", "resnet18", "--toml"]))).unwrap();
    let file = file.to_str().unwrap();
    let same = stdout(&convcheck(&["diff", "resnet18", file]));
    assert!(same.contains("Both compute the same."), "{same}");
    let net = json(&["show", file, "--json"]);
    assert_eq!(net["totals"]["params"], 11_689_512);
}

#[test]
fn depth_gathers_and_batch_multiplies() {
    let text = stdout(&convcheck(&["show", "densenet121", "--depth", "2"]));
    assert!(text.lines().count() < 40, "{text}");
    assert!(text.contains("features.denseblock1"), "{text}");
    let one = json(&["show", "resnet18", "--json"]);
    let many = json(&["show", "resnet18", "--json", "--batch", "32"]);
    let kept = |net: &serde_json::Value| net["memory"]["training"].clone();
    assert_eq!(
        kept(&many).as_u64().unwrap(),
        32 * kept(&one).as_u64().unwrap(),
        "{many}"
    );
}

#[test]
fn what_is_exported_says_what_the_network_says() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (written, program, operators) = (at("it.onnx"), at("it.pt2"), operators());
    let operators = operators.to_str().unwrap();
    // a file has weights of its own
    let args = ["export", operators, "--onnx", &written, "--pt2", &program];
    stdout(&convcheck(&args));
    let said = |model: &str, output: &str| {
        stdout(&convcheck(&[
            "forward", model, "--input", "fill", "--dtype", "f64", "--output", output,
        ]));
        let tensors = convcheck::net::checkpoint::read(Path::new(output)).unwrap();
        // the network of the file calls it by a name of its own
        let scores = tensors.get("scores").unwrap_or_else(|| &tensors["output"]);
        scores.flatten_all().unwrap().to_vec1::<f64>().unwrap()
    };
    let expected = said(operators, &at("a.safetensors"));
    let largest = expected.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    for (file, apart) in [(&written, 1e-5), (&program, 1e-12)] {
        let found = said(file, &at("b.safetensors"));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < apart * largest, "{file}");
        }
    }
    let filled = stdout(&convcheck(&[
        "export",
        "lenet5_1998",
        "--weights",
        "seed:1",
        "--onnx",
        &written,
    ]));
    assert!(filled.contains("no connection tables"), "{filled}");
}

#[test]
fn an_export_that_cannot_be_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("it.onnx");
    let file = file.to_str().unwrap();
    fails(
        &["export", "resnet18", "--onnx", file],
        &["resnet18 has no weights of its own", "seed:N"],
    );
    let odd = "vgg16{input=3x100x100}";
    fails(
        &["export", odd, "--weights", "seed:0", "--onnx", file],
        &["layer `avgpool`: ONNX has no mean over the cells"],
    );
    assert!(!Path::new(file).exists());
    fails(
        &[
            "export",
            "lenet5",
            "--weights",
            "seed:0",
            "--onnx",
            "no/such/it.onnx",
        ],
        &["there is no folder `no/such`"],
    );
}

#[test]
fn a_file_that_is_no_network_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(operators()).unwrap();
    for (name, bytes, says) in [
        ("cut.pt2", &whole[..9000], "is cut at byte 9000"),
        ("empty.pt2", b"".as_slice(), "is no zip archive"),
        ("text.onnx", b"hello", "is cut or damaged at byte"),
        ("text.toml", b"hello", "line 1, column 6"),
        (
            "none.toml",
            b"input = \"3x8x8\"\n[[layer]]\nrelo = {}\n",
            "line 3, column 1",
        ),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        fails(&["show", file.to_str().unwrap()], &[name, says]);
    }
    fails(&["show", "no-such.pt2"], &["no-such.pt2: cannot read it"]);
}

//! Networks compared, and files identified.

use crate::{convcheck, fails, json, path, stdout};
use std::fs;

#[test]
fn a_network_differs_from_another_and_not_from_itself() {
    let same = stdout(&convcheck(&["diff", "resnet18", "resnet18"]));
    assert!(same.contains("Both compute the same."), "{same}");
    let output = convcheck(&["diff", "resnet50", "resnet50_v1_original"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "3 x layer{2..4}.0.conv1: conv stride 1x1 -> 2x2",
        "3 x layer{2..4}.0.conv2: conv stride 2x2 -> 1x1",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
}

#[test]
fn what_differs_is_json_and_a_page_too() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("difference.html");
    let output = convcheck(&[
        "diff",
        "resnet18",
        "resnet18{classes=10}",
        "--json",
        "--html",
        page.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["same"], false);
    let change = &said["difference"]["changed"][0]["changes"][0];
    assert_eq!(
        (&change["what"], &change["a"], &change["b"]),
        (&"out".into(), &"1000".into(), &"10".into())
    );
    let page = fs::read_to_string(page).unwrap();
    assert_eq!(page.matches("<svg").count(), 2);
}

#[test]
fn training_and_names_count_on_demand() {
    let args = ["diff", "alexnet", "alexnet{dropout=0.4}"];
    let said = stdout(&convcheck(&args));
    assert!(said.contains("p 0.5 -> 0.4"), "{said}");
    let output = convcheck(&[&args[..], &["--training"]].concat());
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_checkpoint_is_compared_and_identified() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights.safetensors");
    let tensors = convcheck::zoo::Registry::builtin()
        .find("resnet18{classes=7}")
        .unwrap()
        .graph()
        .unwrap();
    let weights = convcheck::net::Fill::Default
        .weights(&tensors, candle_core::DType::F32)
        .unwrap();
    convcheck::net::checkpoint::write(&file, &weights).unwrap();
    let file = file.to_str().unwrap();
    stdout(&convcheck(&["diff", "resnet18{classes=7}", file]));
    stdout(&convcheck(&["diff", file, file]));
    let output = convcheck(&["diff", file, "resnet18"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("[7, 512] -> [1000, 512]"), "{text}");
    let near = json(&["identify", file, "--json"]);
    assert_eq!(near[0]["model"], "resnet18{classes=7}");
    assert_eq!(near[0]["differs"], 0);
    let text = stdout(&convcheck(&["identify", file]));
    assert!(text.contains("is resnet18{classes=7}"), "{text}");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = tempfile::tempdir().unwrap();
    fails(&["diff", "resnet18", "resnet81"], &["no model `resnet81`"]);
    let missing = folder.path().join("none.pth");
    fails(&["identify", missing.to_str().unwrap()], &["none.pth"]);
    let empty = folder.path().join("empty.safetensors");
    fs::write(&empty, "").unwrap();
    fails(&["diff", "resnet18", empty.to_str().unwrap()], &["empty"]);
    fails(&["identify", path(&folder)], &[]);
}

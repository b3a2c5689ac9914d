//! `forward` and `eval`: networks run from the command line.

use super::{command, convcheck, fails, json, path, stdout};
use candle_core::{DType, Device, Tensor};
use convcheck::net::{Fill, checkpoint};
use convcheck::zoo::Registry;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const MODEL: &str = "resnet20_cifar";

/// A file in a folder, as text for the command line.
fn file(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_string()
}

fn weights() -> BTreeMap<String, Tensor> {
    let graph = Registry::builtin().find(MODEL).unwrap().graph().unwrap();
    Fill::Default.weights(&graph, DType::F32).unwrap()
}

fn save(folder: &tempfile::TempDir, name: &str, tensors: &BTreeMap<String, Tensor>) -> String {
    let file = file(folder, name);
    checkpoint::write(Path::new(&file), tensors).unwrap();
    file
}

/// Weights that are finite and give outputs that are not.
fn overflowing(folder: &tempfile::TempDir) -> String {
    let mut huge = weights();
    for weight in huge.values_mut() {
        *weight = weight.affine(0.0, 1e38).unwrap();
    }
    save(folder, "huge", &huge)
}

fn output(file: &str) -> Vec<f64> {
    let tensors = checkpoint::read(Path::new(file)).unwrap();
    let numbers = tensors["output"].to_dtype(DType::F64).unwrap();
    numbers.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn forward_gives_the_same_from_a_checkpoint_and_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let saved = save(&folder, "weights.safetensors", &weights());
    let (first, second) = (file(&folder, "first"), file(&folder, "second"));
    let run = |weights: &str, output: &str, threads: &str| {
        let args = [
            "forward",
            MODEL,
            "--weights",
            weights,
            "--input",
            "fill",
            "--output",
            output,
        ];
        let done = command(&args)
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .unwrap();
        assert!(stdout(&done).contains("[2, 10]"));
    };
    run("fill:default", &first, "1");
    run(&saved, &second, "3");
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    run("seed:7", &second, "2");
    assert_ne!(output(&first), output(&second));
}

/// Without Winograd's filtering the last digits are others, in f64 there is none.
#[test]
fn forward_computes_by_definitions_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let to = file(&folder, "y");
    let run = |more: &[&str]| {
        let weights = ["--weights", "fill:default", "--input", "fill"];
        let args = [&["forward", MODEL, "--output", &to], &weights[..], more].concat();
        stdout(&convcheck(&args));
        output(&to)
    };
    let (fast, direct) = (run(&[]), run(&["--direct"]));
    let exact = run(&["--dtype", "f64"]);
    assert_ne!(fast, direct);
    assert_eq!(run(&["--dtype", "f64", "--direct"]), exact);
    let size = exact.iter().fold(0.0, |most, x| f64::max(most, x.abs()));
    for found in [fast, direct] {
        let apart = found.iter().zip(&exact).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f64::max) < 1e-5 * size);
    }
}

/// An input of the caller's own, of another size than the network's, in double precision.
#[test]
fn forward_reads_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let x = Tensor::ones((3, 3, 40, 48), DType::F64, &Device::Cpu).unwrap();
    let input = save(&folder, "x", &[("input".to_string(), x)].into());
    let to = file(&folder, "y");
    let args = [
        "forward",
        MODEL,
        "--weights",
        "fill:gain1",
        "--input",
        &input,
        "--output",
        &to,
    ];
    stdout(&convcheck(&[&args[..], &["--dtype", "f64"]].concat()));
    let scores = output(&to);
    assert_eq!(scores.len(), 30);
    assert_eq!(scores[..10], scores[10..20], "equal samples, equal scores");
}

#[test]
fn forward_says_what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let to = file(&folder, "y");
    let forward = |weights: &str, input: &str, says: &[&str]| {
        let args = [
            "forward",
            MODEL,
            "--weights",
            weights,
            "--input",
            input,
            "--output",
            &to,
        ];
        fails(&args, says);
        assert!(!Path::new(&to).exists(), "nothing half-written");
    };
    forward("seed:x", "fill", &["seed"]);
    forward("fill:x", "fill", &["default or gain1"]);
    forward(&file(&folder, "none"), "fill", &["none"]);
    // a foreign tensor, the weights of another network, a NaN, a file cut short, no checkpoint at all
    let mut renamed = weights();
    let first = renamed.pop_first().unwrap();
    renamed.insert("foreign.weight".into(), first.1);
    forward(
        &save(&folder, "renamed", &renamed),
        "fill",
        &["foreign.weight", "nearest model is `resnet20_cifar`"],
    );
    // wrapped as well: the prefix is named and no model that is far from it
    let wrapped = |name: String| format!("model.{name}");
    let wrapped = weights()
        .into_iter()
        .map(|(name, weight)| (wrapped(name), weight));
    let mut wrapped: BTreeMap<String, Tensor> = wrapped.collect();
    wrapped.insert(
        "criterion.weight".into(),
        Tensor::ones(3, DType::F32, &Device::Cpu).unwrap(),
    );
    let wrapped = save(&folder, "wrapped", &wrapped);
    let unexpected = ["1 unexpected (criterion.weight)", "`model.` in front"];
    forward(&wrapped, "fill", &unexpected);
    let other = Tensor::ones((2, 2), DType::F32, &Device::Cpu).unwrap();
    let other = save(&folder, "other", &[("fc.w".to_string(), other)].into());
    forward(&other, "fill", &["1 unexpected (fc.w)"]);
    let args = [
        "forward",
        MODEL,
        "--weights",
        &other,
        "--input",
        "fill",
        "--output",
        &to,
    ];
    let said = String::from_utf8(convcheck(&args).stderr).unwrap();
    assert!(!said.contains("nearest"), "{said}");
    // an output that answers nothing
    let finite = ["not finite for 2 of 2 samples", "number 0 of sample 0"];
    forward(&overflowing(&folder), "fill", &finite);
    let mut hole = vec![0f32; 3 * 32 * 32];
    hole[7] = f32::INFINITY;
    let hole = Tensor::from_vec(hole, (1, 3, 32, 32), &Device::Cpu).unwrap();
    let hole = save(&folder, "hole", &[("input".to_string(), hole)].into());
    forward(
        "seed:1",
        &hole,
        &["`input` has inf as number 7 of sample 0"],
    );
    let deeper = Registry::builtin()
        .find("resnet32_cifar")
        .unwrap()
        .graph()
        .unwrap();
    let deeper = Fill::Default.weights(&deeper, DType::F32).unwrap();
    forward(
        &save(&folder, "deeper", &deeper),
        "fill",
        &["it fits `", "unexpected"],
    );
    let mut hole = weights();
    let nan = Tensor::full(f32::NAN, 16, &Device::Cpu).unwrap();
    hole.insert("bn1.bias".into(), nan);
    forward(&save(&folder, "nan", &hole), "fill", &["bn1.bias"]);
    let whole = fs::read(save(&folder, "whole", &weights())).unwrap();
    fs::write(file(&folder, "cut"), &whole[..whole.len() / 2]).unwrap();
    forward(&file(&folder, "cut"), "fill", &["cut"]);
    fs::write(file(&folder, "text"), "weights").unwrap();
    forward(&file(&folder, "text"), "fill", &["no checkpoint"]);
    // nor is a folder made that may be misspelt
    let deep = file(&folder, "a/b/y");
    let args = ["forward", MODEL, "--weights", "seed:1", "--input", "fill"];
    fails(&[&args[..], &["--output", &deep]].concat(), &["no folder"]);
    assert!(!folder.path().join("a").exists());
    // an output that cannot be written is no success
    let folder_as_file = [
        "forward",
        MODEL,
        "--weights",
        "seed:1",
        "--input",
        "fill",
        "--output",
        path(&folder),
    ];
    fails(&folder_as_file, &[path(&folder)]);
    // inputs
    let tensor = |name: &str, dims: &[usize]| {
        let x = Tensor::ones(dims, DType::F32, &Device::Cpu).unwrap();
        save(&folder, "input", &[(name.to_string(), x)].into())
    };
    forward(
        "seed:1",
        &tensor("x", &[1, 3, 32, 32]),
        &["no tensor `input`", "x"],
    );
    forward("seed:1", &tensor("input", &[3, 32, 32]), &["[n, c, h, w]"]);
    forward("seed:1", &tensor("input", &[1, 4, 32, 32]), &["conv1"]);
    forward("seed:1", &tensor("input", &[0, 3, 32, 32]), &["takes"]);
}

/// Ten images of the data set's form; `resnet20_cifar` under weights that depend on names alone.
#[test]
fn eval_counts_what_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let saved = save(&folder, "weights", &weights());
    let record = |i: u8| {
        [
            vec![i % 10],
            (0..3072).map(|j| (j as u8).wrapping_mul(i)).collect(),
        ]
        .concat()
    };
    let images: Vec<u8> = (0..10).flat_map(record).collect();
    fs::write(folder.path().join("test_batch.bin"), &images).unwrap();
    let args = ["eval", MODEL, "--weights", &saved, "--data", path(&folder)];
    let score = json(&[&args[..], &["--json"]].concat());
    let correct = score["correct"].as_u64().unwrap();
    assert_eq!(score["total"], 10);
    assert_eq!(
        score["error"].as_f64().unwrap(),
        100.0 - 10.0 * correct as f64
    );
    assert!(score["seconds"].as_f64().unwrap() > 0.0);
    let said = stdout(&convcheck(&args));
    assert!(said.contains("of 10 right") && said.contains("; colours normalised by imagenet\n"));
    assert!(said.contains("test_batch.bin: holds 10 images, CIFAR-10's holds 10000: it is cut"));
    assert_eq!(score["normalise"], "imagenet");
    assert_eq!(score["remarks"].as_array().unwrap().len(), 1);
    // a name is the same as its numbers; the widely used ones are others
    let loss = |normalise: &str| {
        let by = ["--normalise", normalise, "--json"];
        json(&[&args[..], &by].concat())["loss"].as_f64().unwrap()
    };
    let own = loss("0.4914,0.4822,0.4465/0.2470,0.2435,0.2616");
    assert_eq!(loss("cifar10"), own);
    assert_ne!(loss("cifar10-per-image"), own);
    let direct = json(&[&args[..], &["--direct", "--json"]].concat());
    let direct = direct["loss"].as_f64().unwrap();
    assert!(direct != loss("imagenet") && (direct / loss("imagenet") - 1.0).abs() < 1e-4);
    assert_eq!(loss("none"), loss("0,0,0/1,1,1"));
    let by = |normalise| [&args[..], &["--normalise", normalise]].concat();
    fails(
        &by("cifar"),
        &["--normalise: `cifar` is no normalisation", "cifar100"],
    );
    fails(&by("0.5/0.5"), &["has 1 mean", "there are 3"]);
    fails(&by("0,0,0/1,1,0"), &["`0` is no deviation"]);
    let weights = overflowing(&folder);
    let overflow = [
        "eval",
        MODEL,
        "--weights",
        &weights,
        "--data",
        path(&folder),
    ];
    fails(
        &overflow,
        &["not finite for", "of 10 samples (the first: NaN"],
    );
    // a file cut short, a label beyond the classes, no file
    fs::write(folder.path().join("test_batch.bin"), &images[..5000]).unwrap();
    fails(&args, &["test_batch.bin", "byte"]);
    let mut foreign = images.clone();
    foreign[3073] = 77;
    fs::write(folder.path().join("test_batch.bin"), &foreign).unwrap();
    fails(&args, &["test_batch.bin", "byte 3073", "77"]);
    fs::remove_file(folder.path().join("test_batch.bin")).unwrap();
    fails(&args, &["test_batch.bin"]);
    let others = [
        "eval",
        "resnet50",
        "--weights",
        &saved,
        "--data",
        path(&folder),
    ];
    fails(&others, &["1000 classes"]);
    let unknown = [
        "eval",
        "resnet20",
        "--weights",
        &saved,
        "--data",
        path(&folder),
    ];
    fails(&unknown, &["resnet20_cifar"]);
}

/// What a training script saves beside the weights, in every protocol and container; several dicts of tensors.
#[test]
fn forward_reads_checkpoints_as_training_scripts_save_them() {
    let folder = tempfile::tempdir().unwrap();
    let (to, input) = (file(&folder, "y"), file(&folder, "input"));
    let x = Tensor::ones((1, 1, 4, 4), DType::F32, &Device::Cpu).unwrap();
    checkpoint::write(Path::new(&input), &[("input".to_string(), x)].into()).unwrap();
    let run = |weights: &str, more: &[&str]| {
        let args = [
            "forward",
            "conv3x3",
            "--weights",
            weights,
            "--input",
            &input,
            "--output",
            &to,
        ];
        convcheck(&[&args[..], more].concat())
    };
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/suites/fixtures/foreign");
    for entry in fs::read_dir(fixtures).unwrap() {
        let weights = entry.unwrap().path();
        stdout(&run(weights.to_str().unwrap(), &[]));
        // the sum of 0 to 8 at each place
        assert_eq!(output(&to), [36.0; 4], "{}", weights.display());
    }
    let weights = format!("{fixtures}/zip2.pth");
    stdout(&run(&weights, &["--key", "checkpoint.model"]));
    for (weights, key, says) in [
        (&*weights, "others", "under `others`"),
        (&*weights, "ema", "no tensors under `ema`, but `"),
        ("seed:1", "ema", "key of a checkpoint"),
    ] {
        let output = run(weights, &["--key", key]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(error.contains(says), "{error}");
    }
}

//! `data`: what is in a folder, how it is divided, and how a download fails.

use super::{command, convcheck, fails, json, path, stdout};
use image::{ImageFormat, Rgb, RgbImage};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

/// CIFAR-10 of three images: two equal ones in different parts.
fn cifar() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let record = |label: u8, colour: u8| [vec![label], vec![colour; 3072]].concat();
    for i in 1..=5 {
        let file = folder.path().join(format!("data_batch_{i}.bin"));
        fs::write(file, record(i, 51 * i)).unwrap();
    }
    fs::write(folder.path().join("test_batch.bin"), record(3, 51)).unwrap();
    folder
}

/// Two classes of five pictures of noise, the fourth of each a copy of the first but for its format.
fn pictures() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (class, name) in (0..).zip(["ant", "bee"]) {
        fs::create_dir(folder.path().join(name)).unwrap();
        for i in 0..5u32 {
            let content = 10 * class + i % 3;
            let noise = |x: u32, y: u32| ((x * 37 + y * 101 + 13) * (x + 3 * y + content * 7)) >> 2;
            let picture = RgbImage::from_fn(20, 16, |x, y| Rgb([noise(x, y) as u8; 3]));
            let format = [ImageFormat::Png, ImageFormat::WebP][usize::from(i > 2)];
            let file = folder.path().join(name).join(format!("{i}.jpeg"));
            picture.save_with_format(file, format).unwrap();
        }
    }
    folder
}

#[test]
fn a_data_set_is_recognised_read_and_counted() {
    let folder = cifar();
    let at = path(&folder);
    let verified = stdout(&convcheck(&["data", "verify", at]));
    let (first, remarks) = verified.split_once('\n').unwrap();
    assert_eq!(
        first,
        "cifar10: 6 images, all whole, of files that are not its publisher's"
    );
    // six files of one image each
    assert_eq!(
        remarks
            .matches("holds 1 image, CIFAR-10's holds 10000: it is cut")
            .count(),
        6
    );
    assert_eq!(
        json(&["data", "verify", at, "--json"])["remarks"]
            .as_array()
            .unwrap()
            .len(),
        6
    );
    let stats = json(&["data", "stats", at, "--json"]);
    assert_eq!(stats["parts"][0]["classes"][3], 1);
    assert_eq!(stats["parts"][1]["mean"][0], 0.2);
    assert_eq!(stats["parts"][1]["deviation"][0], 0.0);
    assert!(stdout(&convcheck(&["data", "stats", at])).contains("train + test"));
    // the test image, of class 3, is the first to train with, of class 1
    let audit = json(&["data", "audit", at, "--json"]);
    assert_eq!(
        audit["exact"]["groups"],
        serde_json::json!([["train 0", "test 0"]])
    );
    assert_eq!(audit["exact"]["across_classes"], 1);
    assert_eq!(audit["leak"]["exact"], 1);
    assert!(stdout(&convcheck(&["data", "audit", at])).contains("100.00 %"));
    let digits = json(&["data", "stats", "--as", "digits", "--json"]);
    assert_eq!(digits["parts"][0]["images"], 1297);
}

#[test]
fn faults_are_named_by_file_and_byte() {
    let folder = cifar();
    let at = path(&folder);
    let file = folder.path().join("data_batch_2.bin");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..100]).unwrap();
    fails(
        &["data", "verify", at],
        &["data_batch_2.bin, byte 0", "3073"],
    );
    fails(
        &["data", "verify", at, "--as", "mnist"],
        &["ubyte.gz", "cannot read it"],
    );
    fails(
        &["data", "verify", "/nowhere"],
        &["/nowhere", "cannot read it"],
    );
    fails(&["data", "verify"], &["PATH"]);
    fails(
        &["data", "verify", file.to_str().unwrap()],
        &["is a file: name the folder"],
    );
    fs::write(&file, "<!DOCTYPE html>\n<html></html>").unwrap();
    fails(
        &["data", "verify", at],
        &["data_batch_2.bin, byte 0: begins like a web page (HTML)"],
    );
    let empty = tempfile::tempdir().unwrap();
    fails(
        &["data", "stats", path(&empty)],
        &["holds no data set", "train-images-idx3-ubyte"],
    );
    fails(
        &["data", "audit", at, "--split", "x.csv"],
        &["divided by its publisher"],
    );
}

#[test]
fn a_folder_of_pictures_is_divided_and_audited() {
    let folder = pictures();
    let at = path(&folder);
    assert_eq!(
        stdout(&convcheck(&["data", "verify", at])),
        "folder: 10 images, all whole\n"
    );
    let audit = json(&[
        "data",
        "audit",
        at,
        "--seeds",
        "5",
        "--distance",
        "0",
        "--json",
    ]);
    assert_eq!(audit["exact"]["surplus"], 4);
    assert_eq!(audit["seeds"].as_array().unwrap().len(), 5);
    assert!(audit["pairs"][0]["pairs"].as_u64().unwrap() >= 4);
    let text = command(&["data", "audit", at])
        .env("COLUMNS", "40")
        .output()
        .unwrap();
    assert!(stdout(&text).contains("mean of"));
    // a division, kept within the folder, decides
    let kept = folder.path().join("img_paths.csv");
    let write = [
        "data",
        "split",
        at,
        "--seed",
        "9",
        "--output",
        kept.to_str().unwrap(),
    ];
    assert!(stdout(&convcheck(&write)).contains("6 to train with, 2 to choose by, 2 to test with"));
    let lines = fs::read_to_string(&kept).unwrap();
    assert_eq!(lines.lines().count(), 10);
    let other = folder.path().join("other.csv");
    let sorted = |lines: &str| {
        let mut sorted: Vec<&str> = lines.lines().collect();
        sorted.sort_unstable();
        sorted.join("\n")
    };
    fs::write(&other, sorted(&lines)).unwrap();
    let args = [
        "data",
        "stats",
        at,
        "--json",
        "--split",
        other.to_str().unwrap(),
    ];
    assert_eq!(
        json(&args)["parts"][0]["classes"],
        serde_json::json!([5, 1])
    );
    fs::write(&kept, format!("{lines}ant/gone.png,0\n")).unwrap();
    fails(
        &["data", "verify", at],
        &["img_paths.csv, byte", "`ant/gone.png` is not in the folder"],
    );
    fs::write(&kept, format!("{lines}../ant/0.jpeg,0\n")).unwrap();
    fails(&["data", "verify", at], &["leaves the folder"]);
    // the same pictures in folders that divide them, beside what Windows and macOS leave
    fs::remove_file(&kept).unwrap();
    let (root, put) = (tempfile::tempdir().unwrap(), |from: &str, to: &Path| {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(folder.path().join(from), to).unwrap();
    });
    for part in ["train", "val"] {
        for picture in ["ant/0.jpeg", "ant/1.jpeg", "bee/4.jpeg"] {
            put(picture, &root.path().join(part).join(picture));
        }
    }
    fs::write(root.path().join("train/ant/Thumbs.db"), "x").unwrap();
    fs::create_dir_all(root.path().join("__MACOSX/train/ant")).unwrap();
    let parts = json(&["data", "stats", path(&root), "--json"])["parts"].take();
    assert_eq!(parts[0]["classes"], serde_json::json!([2, 1]));
    assert_eq!(parts[2]["images"], 3);
}

#[test]
fn pictures_that_are_cut_are_named() {
    let folder = pictures();
    let file = folder.path().join("bee/1.jpeg");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 20]).unwrap();
    let byte = format!("1.jpeg, byte {}", whole.len() - 20);
    fails(
        &["data", "verify", path(&folder)],
        &[&byte, "the file ends before"],
    );
    fs::write(&file, "text").unwrap();
    fails(
        &["data", "stats", path(&folder)],
        &["1.jpeg, byte 0: is no picture"],
    );
}

/// A server that sends the same to everybody, as often as it is asked.
fn server(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer);
        }
    });
    base
}

#[test]
fn a_download_that_is_wrong_or_cut_is_exit_code_2() {
    let into = tempfile::tempdir().unwrap();
    let fetch = |name: &str, head: &str, body: usize, says: &[&str]| {
        let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n");
        let base = server([head.into_bytes(), vec![7; body]].concat());
        let args = [
            "data",
            "fetch",
            name,
            "--into",
            path(&into),
            "--from",
            &base,
        ];
        fails(&args, says);
    };
    fetch(
        "mnist",
        "404 Not Found\r\nContent-Length: 0",
        0,
        &["train-images", "404"],
    );
    // the right length, the wrong bytes
    let n = 9_912_422;
    let whole = format!("200 OK\r\nContent-Length: {n}");
    fetch("mnist", &whole, n, &["SHA-256 is", "must be 440fcabf"]);
    // the server sends the same beginning again and again
    fetch(
        "cifar10",
        "200 OK\r\nContent-Length: 170052171",
        1000,
        &["cut at byte 1000 of 170052171"],
    );
    assert!(
        Path::new(path(&into))
            .join("cifar-10-binary.tar.gz.part")
            .exists()
    );
    assert!(!Path::new(path(&into)).join("cifar-10-batches-bin").exists());
    fails(&["data", "fetch", "imagenet"], &["imagenet", "cifar10"]);
}

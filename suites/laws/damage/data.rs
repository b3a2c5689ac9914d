//! Damaged data: what is read of it is right in form, or an error.

use super::{ANYHOW, Memory, USUAL, damaged, damaged_at_most};
use crate::law;
use convcheck::data::{DataError, Fit, Listing, Part, cifar10, cifar100, division, mnist, picture};
use convcheck::graph::Shape;
use flate2::Compression;
use flate2::write::GzEncoder;
use image::{DynamicImage, ImageFormat, RgbaImage};
use libtest_mimic::Trial;
use std::collections::BTreeSet;
use std::io::{Cursor, Write};
use std::path::Path;

pub fn trials() -> Vec<Trial> {
    vec![
        law("damage::cifar", || {
            let file = [vec![7; 3073], vec![9; 3073]].concat();
            damaged(&file, <[u8]>::to_vec, "test_batch.bin", |path| {
                let folder = path.parent().unwrap();
                cifar10(folder, Part::Test).map(|split| {
                    assert!(split.labels.iter().all(|&label| label < split.classes));
                    assert_eq!(split.images.len(), 3072 * split.len());
                })
            });
            damaged(&file, <[u8]>::to_vec, "train.bin", |path| {
                cifar100(path.parent().unwrap(), Part::Train)
            });
        }),
        law("damage::mnist", || idx(<[u8]>::to_vec)),
        law("damage::mnist-compressed", || idx(gz)),
        law("damage::mnist-in-two-members", || {
            let (images, labels) = digits();
            let two = |file: &[u8]| {
                let half = file.len() / 2;
                [gz(&file[..half]), gz(&file[half..])].concat()
            };
            // each member has a decoder of its own
            let most = Memory {
                anyhow: 2 * ANYHOW,
                ..USUAL
            };
            digit_files_at_most(&images, two, IMAGES, (LABELS, &labels), most);
        }),
        law("damage::mnist-whose-stream-is-damaged", || {
            let (images, labels) = digits();
            digit_files(&gz(&images), <[u8]>::to_vec, IMAGES, (LABELS, &labels));
        }),
        law("damage::png", || pictures(ImageFormat::Png)),
        law("damage::jpeg", || pictures(ImageFormat::Jpeg)),
        law("damage::jpeg-with-restarts", || {
            let mut file = encoded(ImageFormat::Jpeg);
            let scan = file.windows(2).position(|two| two == [0xff, 0xda]).unwrap();
            // decoding is to restart behind each block, and bytes stand there that mean nothing
            file.splice(scan..scan, [0xff, 0xdd, 0, 4, 0, 1]);
            let end = file.len() - 2;
            for at in [end, end - 40, end - 80] {
                file.splice(at..at, [0xff, 0x7f, 0x11, 0xff, 0xd0]);
            }
            picture_file(&file);
        }),
        law("damage::gif", || pictures(ImageFormat::Gif)),
        law("damage::webp", || pictures(ImageFormat::WebP)),
        law("damage::division", divisions),
    ]
}

const IMAGES: &str = "t10k-images-idx3-ubyte";
const LABELS: &str = "t10k-labels-idx1-ubyte";

/// Two images of noise and their labels, as idx files.
fn digits() -> (Vec<u8>, Vec<u8>) {
    let header = |numbers: &[u32]| -> Vec<u8> {
        let bytes = numbers.iter().map(|n| n.to_be_bytes());
        bytes.flatten().collect()
    };
    let pixels: Vec<u8> = (0..2 * 784u32).map(|i| ((i * i * 37) >> 5) as u8).collect();
    let images = [header(&[0x0803, 2, 28, 28]), pixels].concat();
    (images, [header(&[0x0801, 2]), vec![3, 9]].concat())
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Either idx file damaged, then made whole.
fn idx(whole: impl Fn(&[u8]) -> Vec<u8>) {
    let (images, labels) = digits();
    digit_files(&images, &whole, IMAGES, (LABELS, &labels));
    digit_files(&labels, &whole, LABELS, (IMAGES, &images));
}

fn digit_files(bytes: &[u8], whole: impl Fn(&[u8]) -> Vec<u8>, name: &str, other: (&str, &[u8])) {
    digit_files_at_most(bytes, whole, name, other, USUAL);
}

fn digit_files_at_most(
    bytes: &[u8],
    whole: impl Fn(&[u8]) -> Vec<u8>,
    name: &str,
    other: (&str, &[u8]),
    most: Memory,
) {
    damaged_at_most(bytes, whole, name, most, |path| {
        let folder = path.parent().unwrap();
        std::fs::write(folder.join(other.0), other.1).unwrap();
        mnist(folder, Part::Test).map(|split| {
            assert!(split.labels.iter().all(|&label| label < split.classes));
            assert_eq!(split.images.len(), 784 * split.len());
        })
    });
}

/// A picture of that format, damaged. What a decoder asks for follows from the size that the header
/// says, within limits, and not from the file's: so it is only told that there is no panic.
fn pictures(format: ImageFormat) {
    picture_file(&encoded(format));
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let colours = (0..40 * 30 * 4u32).map(|i| ((i * i * 37) >> 7) as u8 | 1);
    let picture = RgbaImage::from_raw(40, 30, colours.collect()).unwrap();
    let mut file = Cursor::new(Vec::new());
    match format {
        ImageFormat::Jpeg => DynamicImage::from(picture)
            .to_rgb8()
            .write_to(&mut file, format),
        _ => picture.write_to(&mut file, format),
    }
    .unwrap();
    file.into_inner()
}

fn picture_file(file: &[u8]) {
    damaged_at_most(file, <[u8]>::to_vec, "picture", PICTURE, |path| {
        picture_of(path).map(|pixels| assert_eq!(pixels.len(), 3 * 64))
    });
}

/// What a picture may cost however small its file is: that of the largest that is read, and its copies
/// in red, green and blue.
const PICTURE: Memory = Memory {
    anyhow: 2 << 30,
    ..USUAL
};

fn picture_of(path: &Path) -> Result<Vec<u8>, DataError> {
    picture(path, Shape::map(3, 8, 8), Fit::Resize)
}

/// A file that divides a folder, damaged.
fn divisions() {
    let listing = Listing {
        folder: "".into(),
        classes: vec!["a".into(), "b".into()],
        files: (0..12)
            .map(|i| (i % 2, format!("{}/{i}.png", ["a", "b"][i % 2])))
            .collect(),
        parts: None,
    };
    let lines = division::text(&listing, &division::seeded(&listing, 1)).unwrap();
    damaged(&lines, <[u8]>::to_vec, "img_paths.csv", |path| {
        division::divide(&listing, Some(path)).map(|division| {
            let different: BTreeSet<usize> = division.order.iter().copied().collect();
            assert_eq!(different.len(), division.order.len());
        })
    });
}

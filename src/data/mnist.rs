//! MNIST (LeCun, Cortes & Burges 1998), and sets in its form: images of 28x28 and ten classes.

use super::idx::idx;
use super::place::{Folder, place};
use super::{DataError, Part, Split};
use crate::graph::Shape;
use std::path::{Path, PathBuf};

/// Names of the images and of the labels, to train with and to test with; `.gz` may follow, and Kaggle has a dot before
/// `idx`.
const FILES: [[&str; 2]; 2] = [
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
    ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
];
const SIDE: u32 = 28;
const CLASSES: u8 = 10;

/// MNIST from a folder with its four files, compressed by gzip or not, or one above it.
///
/// # Errors
/// [`DataError`] names the file, and the byte at which it is wrong.
pub fn mnist(folder: &Path, part: Part) -> Result<Split, DataError> {
    let names = match part {
        Part::Train => FILES[0],
        Part::Test => FILES[1],
    };
    let folder = place(folder, is_in)?;
    let [images, labels] = names.map(|name| file(&folder, name));
    let ([count], classes) = idx(&labels, |[n]| match n {
        0 => Err("says 0 labels; a data set has some".into()),
        _ => Ok(()),
    })?;
    if let Some(at) = classes.iter().position(|&class| class >= CLASSES) {
        return Err(DataError::Content {
            path: labels,
            offset: 8 + at as u64,
            what: format!("{} is no class; there are {CLASSES}, from 0", classes[at]),
        });
    }
    let (_, pixels) = idx(&images, |[n, h, w]| {
        match (n, h, w) == (count, SIDE, SIDE) {
            true => Ok(()),
            false => Err(format!(
                "says {n} images of {h}x{w}; must be {count}, as many as there are labels, of {SIDE}x{SIDE}"
            )),
        }
    })?;
    Ok(Split {
        images: pixels.into(),
        shape: Shape::map(1, SIDE as usize, SIDE as usize),
        labels: classes.into_iter().map(usize::from).collect(),
        classes: usize::from(CLASSES),
    })
}

/// How the file of that name may be called.
fn spellings(name: &str) -> [String; 4] {
    let dotted = name.replace("-idx", ".idx");
    let compressed = format!("{name}.gz");
    [
        name.into(),
        compressed,
        dotted.clone(),
        format!("{dotted}.gz"),
    ]
}

/// Whether a folder holds one of the files.
pub(super) fn is_in(folder: &Folder) -> bool {
    let mut names = FILES.iter().flatten();
    names.any(|name| spelt(folder, name).is_some())
}

/// The file of that name, or a file in a folder of that name, as some archives unpack.
fn spelt(folder: &Folder, name: &str) -> Option<PathBuf> {
    let names = spellings(name);
    let file = names.iter().find_map(|name| folder.file(name));
    file.or_else(|| {
        let within = folder.folders.iter().find(|its| names.contains(its))?;
        let within = Folder::open(&folder.path.join(within)).ok()?;
        names.iter().find_map(|name| within.file(name))
    })
}

/// The file of that name; the compressed one if there is none, so that the error names what is published.
fn file(folder: &Folder, name: &str) -> PathBuf {
    spelt(folder, name).unwrap_or_else(|| folder.path.join(format!("{name}.gz")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn images(n: u32, pixels: usize) -> Vec<u8> {
        let header = [0x0803, n, 28, 28].map(u32::to_be_bytes).concat();
        let pixels = (0..pixels).map(|i| (i * 7) as u8).collect();
        [header, pixels].concat()
    }

    fn labels(labels: &[u8]) -> Vec<u8> {
        let header = [0x0801, labels.len() as u32].map(u32::to_be_bytes);
        [&header.concat(), labels].concat()
    }

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(images: &[u8], labels: &[u8]) -> Result<Split, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILES[1][0]), images).unwrap();
        std::fs::write(folder.path().join(FILES[1][1]), labels).unwrap();
        mnist(folder.path(), Part::Test).map_err(|error| {
            let error = error.to_string();
            error[error.find("t10k").unwrap()..].to_string()
        })
    }

    #[test]
    fn files_are_read_compressed_or_not_whatever_their_name() {
        let (images, labels) = (images(2, 2 * 784), labels(&[9, 4]));
        let plain = read(&images, &labels).unwrap();
        assert_eq!((plain.labels.as_slice(), plain.len()), (&[9, 4][..], 2));
        assert_eq!(
            plain.image(1)[..2],
            [(784 * 7 % 256) as u8, (785 * 7 % 256) as u8]
        );
        assert_eq!(read(&gz(&images), &gz(&labels)).unwrap(), plain);
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in FILES[0].iter().zip([&images, &labels]) {
            std::fs::write(folder.path().join(format!("{name}.gz")), gz(bytes)).unwrap();
        }
        assert_eq!(mnist(folder.path(), Part::Train).unwrap(), plain);
        let none = mnist(folder.path(), Part::Test).unwrap_err().to_string();
        assert!(none.contains("t10k-labels-idx1-ubyte.gz: cannot read it"));
    }

    #[test]
    fn an_error_has_the_file_and_the_byte() {
        let says = |images: &[u8], labels: &[u8]| read(images, labels).unwrap_err();
        let two = labels(&[1, 2]);
        let whole = images(2, 2 * 784);
        assert_eq!(
            says(&whole, &labels(&[1, 10])),
            "t10k-labels-idx1-ubyte, byte 9: 10 is no class; there are 10, from 0"
        );
        assert_eq!(
            says(&whole, &labels(&[1])),
            "t10k-images-idx3-ubyte, byte 4: says 2 images of 28x28; must be 1, as many as there are labels, of 28x28"
        );
        assert_eq!(
            says(&whole[..1000], &two),
            "t10k-images-idx3-ubyte, byte 1000: the file ends; its header promises 1568 numbers, and 984 are there"
        );
        assert!(says(&images(2, 2 * 784 + 1), &two).contains("byte 1584: the file goes on"));
        assert!(says(&whole[..3], &two).contains("byte 3: the header is cut"));
        assert!(says(&whole, &whole).contains("labels-idx1-ubyte, byte 0: begins with"));
        let cut = gz(&whole);
        let error = says(&cut[..cut.len() / 2], &two);
        assert!(
            error.contains("damaged or cut") || error.contains("ends"),
            "{error}"
        );
        let mut wrong = gz(&whole);
        let at = wrong.len() - 6;
        wrong[at] ^= 1;
        assert!(says(&wrong, &two).contains("damaged or cut"));
        assert!(says(&[gz(&whole), vec![0; 3]].concat(), &two).contains("3 bytes stand behind"));
        assert_eq!(
            says(&whole, &labels(&[])),
            "t10k-labels-idx1-ubyte, byte 4: says 0 labels; a data set has some"
        );
        let page = b"<!doctype html>\n<html>";
        let error = "t10k-images-idx3-ubyte, byte 0: begins like a web page (HTML), must be [0, 0, 8, 3]: bytes in 3 dimensions";
        assert_eq!(says(page, &two), error);
        assert_eq!(
            says(&gz(page), &two),
            format!("{error} (counted decompressed)")
        );
    }

    /// As `cat a.gz b.gz` and pigz write them.
    #[test]
    fn a_compressed_file_of_several_members_is_read() {
        let (images, labels) = (images(2, 2 * 784), labels(&[9, 4]));
        let plain = read(&images, &labels).unwrap();
        let parts =
            |bytes: &[u8], at: usize| [gz(&bytes[..at]), gz(&[]), gz(&bytes[at..])].concat();
        // between numbers, and within the header
        for at in [0, 9, 17, 1000, images.len()] {
            assert_eq!(
                read(&parts(&images, at), &parts(&labels, 3)).unwrap(),
                plain
            );
        }
        let many = [gz(&images), gz(&[]).repeat(1 << 16)].concat();
        let error = read(&many, &labels).unwrap_err();
        assert!(error.contains("more than 65536 members"), "{error}");
        let longer = [gz(&images), gz(&[7])].concat();
        let error = read(&longer, &labels).unwrap_err();
        assert!(error.contains("goes on behind the 1568 numbers"), "{error}");
        let mut cut = parts(&images, 1000);
        cut.truncate(cut.len() - 3);
        assert!(read(&cut, &labels).unwrap_err().contains("damaged or cut"));
    }

    /// Kaggle's dots, its folders of one file, torchvision's `raw`, capitals.
    #[test]
    fn files_are_found_as_others_lay_them_out() {
        let (images, labels) = (images(2, 2 * 784), labels(&[9, 4]));
        let plain = read(&images, &labels).unwrap();
        for names in [
            ["t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"],
            ["t10k-images.idx3-ubyte.gz", "T10K-LABELS-IDX1-UBYTE"],
            [
                "t10k-images-idx3-ubyte/t10k-images-idx3-ubyte",
                "t10k-labels-idx1-ubyte/t10k-labels-idx1-ubyte",
            ],
            [
                "MNIST/raw/t10k-images-idx3-ubyte",
                "MNIST/raw/t10k-labels-idx1-ubyte",
            ],
        ] {
            let root = tempfile::tempdir().unwrap();
            for (name, bytes) in names.iter().zip([&images, &labels]) {
                let file = root.path().join(name);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, bytes).unwrap();
            }
            assert_eq!(mnist(root.path(), Part::Test).unwrap(), plain, "{names:?}");
        }
    }

    /// A header that promises four thousand million labels, a stream of ten million zeros.
    #[test]
    fn a_lie_about_counts_costs_nothing() {
        let lie = [0x0801u32, u32::MAX].map(u32::to_be_bytes).concat();
        assert!(read(&[], &lie).unwrap_err().contains("more than 2^30"));
        let lie = [0x0801u32, 1 << 30].map(u32::to_be_bytes).concat();
        assert!(read(&[], &lie).unwrap_err().contains("and 0 are there"));
        let bomb = [labels(&[1, 2]), vec![0; 10_000_000]].concat();
        let error = read(&[], &gz(&bomb)).unwrap_err();
        assert!(error.contains("goes on behind the 2 numbers"), "{error}");
    }
}

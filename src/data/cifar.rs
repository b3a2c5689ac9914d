//! CIFAR-10 and CIFAR-100 in their binary version (Krizhevsky 2009).
//!
//! A file is a row of records of the same length: the label, one byte, or in CIFAR-100 two (the coarse
//! one first), then 3072 bytes of the image: red, green, blue, each row by row.

use super::place::{Folder, place};
use super::{DataError, Part, Split, foreign};
use crate::graph::Shape;
use std::path::{Path, PathBuf};

const SHAPE: Shape = Shape::map(3, 32, 32);
const PIXELS: usize = 3 * 32 * 32;
/// Longest file.
const MOST_BYTES: u64 = 1 << 30;

/// One of the two data sets.
pub(super) struct Form {
    /// Its name, and that of its archive.
    name: &'static str,
    archive: &'static str,
    /// Bytes before the image; the last is the class.
    labels: usize,
    classes: usize,
    /// Files to train with, and how many images the publisher has in each.
    train: (&'static [&'static str], u64),
    /// Files to test with, and how many.
    test: (&'static [&'static str], u64),
    /// Files of its version for Python, which are pickles.
    pickles: &'static [&'static str],
}

/// CIFAR-10.
pub(super) const TEN: Form = Form {
    name: "CIFAR-10",
    archive: "cifar-10-binary.tar.gz",
    labels: 1,
    classes: 10,
    train: (
        &[
            "data_batch_1.bin",
            "data_batch_2.bin",
            "data_batch_3.bin",
            "data_batch_4.bin",
            "data_batch_5.bin",
        ],
        10_000,
    ),
    test: (&["test_batch.bin"], 10_000),
    pickles: &["data_batch_1", "test_batch"],
};

/// CIFAR-100.
pub(super) const HUNDRED: Form = Form {
    name: "CIFAR-100",
    archive: "cifar-100-binary.tar.gz",
    labels: 2,
    classes: 100,
    train: (&["train.bin"], 50_000),
    test: (&["test.bin"], 10_000),
    pickles: &["train", "test", "meta"],
};

/// CIFAR-10 from a folder with `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, or one above it.
///
/// # Errors
/// [`DataError`] names the file, and the byte at which it is wrong.
pub fn cifar10(folder: &Path, part: Part) -> Result<Split, DataError> {
    read(folder, part, &TEN)
}

/// CIFAR-100, fine labels, from a folder with `train.bin` and `test.bin`, or one above it.
///
/// # Errors
/// [`DataError`] names the file, and the byte at which it is wrong.
pub fn cifar100(folder: &Path, part: Part) -> Result<Split, DataError> {
    read(folder, part, &HUNDRED)
}

impl Form {
    /// Whether a folder holds files of it.
    pub(super) fn is_in(&self, folder: &Folder) -> bool {
        let mut files = self.train.0.iter().chain(self.test.0);
        files.any(|name| folder.has(name))
    }

    /// What is wrong with a folder that holds its version for Python.
    pub(super) fn pickled(&self, folder: &Folder) -> Option<DataError> {
        let is_in = |folder: &Folder| self.pickles.iter().all(|name| folder.has(name));
        let at = match is_in(folder) {
            true => folder.path.clone(),
            false => folder.below(is_in).first()?.path.clone(),
        };
        let Form { name, archive, .. } = self;
        Some(DataError::Layout {
            path: at,
            what: format!(
                "holds {name} for Python, which is pickled; its binary version is read: `convcheck data fetch {}`, \
                 or {archive} unpacked",
                name.to_lowercase().replace('-', "")
            ),
        })
    }

    /// The files of a part, and how many images the publisher has in each.
    fn files(&self, folder: &Folder, part: Part) -> (Vec<PathBuf>, u64) {
        let (names, images) = match part {
            Part::Train => self.train,
            Part::Test => self.test,
        };
        let file = |name: &&str| folder.file(name).unwrap_or_else(|| folder.path.join(name));
        (names.iter().map(file).collect(), images)
    }

    /// Files that hold another number of images than the publisher's do, and that in a line each.
    pub(super) fn remarks(&self, folder: &Path, part: Part) -> Vec<String> {
        let Ok(folder) = place(folder, |folder| self.is_in(folder)) else {
            return Vec::new();
        };
        let (files, published) = self.files(&folder, part);
        let record = (self.labels + PIXELS) as u64;
        let remark = |file: PathBuf| {
            let images = std::fs::metadata(&file).ok()?.len() / record;
            let why = match images < published {
                true => "it is cut, or made by hand",
                false => "it is another file",
            };
            (images != published).then(|| {
                let (file, name) = (file.display(), self.name);
                let many = if images == 1 { "" } else { "s" };
                format!("{file}: holds {images} image{many}, {name}'s holds {published}: {why}")
            })
        };
        files.into_iter().filter_map(remark).collect()
    }
}

fn read(folder: &Path, part: Part, form: &Form) -> Result<Split, DataError> {
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    let folder = place(folder, |folder| form.is_in(folder))?;
    if !form.is_in(&folder)
        && let Some(error) = form.pickled(&folder)
    {
        return Err(error);
    }
    for path in form.files(&folder, part).0 {
        let bytes = super::read(&path, MOST_BYTES)?;
        append(&bytes, form, &mut images, &mut labels).map_err(|(offset, what)| {
            let (offset, what) = match foreign::seems(&bytes) {
                Some(seems) => (0, format!("begins like {seems}, not like {}", form.name)),
                None => (offset as u64, what),
            };
            DataError::Content { path, offset, what }
        })?;
    }
    Ok(Split {
        images: images.into(),
        shape: SHAPE,
        labels,
        classes: form.classes,
    })
}

/// Appends the records of a file; an error has the byte at which they are wrong.
fn append(
    bytes: &[u8],
    form: &Form,
    images: &mut Vec<u8>,
    labels: &mut Vec<usize>,
) -> Result<(), (usize, String)> {
    let record = form.labels + PIXELS;
    let records = bytes.chunks_exact(record);
    let left = records.remainder().len();
    if left != 0 || bytes.is_empty() {
        return Err((
            bytes.len() - left,
            format!(
                "{left} bytes are no record of {record}: the file, {} bytes long, is cut or is something else",
                bytes.len()
            ),
        ));
    }
    images.reserve_exact(records.len() * PIXELS);
    for (i, bytes) in records.enumerate() {
        let (classes, image) = bytes.split_at(form.labels);
        let label = usize::from(classes[form.labels - 1]);
        if label >= form.classes {
            return Err((
                i * record + form.labels - 1,
                format!("{label} is no class; there are {}, from 0", form.classes),
            ));
        }
        labels.push(label);
        images.extend_from_slice(image);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Normalisation, Preparation, batch};
    use super::*;
    use crate::random::Key;
    use candle_core::DType;

    /// A file of records: those labels, and in image `i` the byte `i + 10 * channel` everywhere.
    fn file(labels: &[u8], coarse: bool) -> Vec<u8> {
        let records = labels.iter().zip(0u8..).map(|(&label, i)| {
            let head = if coarse { vec![0, label] } else { vec![label] };
            let colour = |c: u8| vec![i + 10 * c; PIXELS / 3];
            [head, colour(0), colour(1), colour(2)].concat()
        });
        records.flatten().collect()
    }

    fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    #[test]
    fn records_are_images_and_labels_in_the_order_of_the_files() {
        let names = (1..=5).map(|i| format!("data_batch_{i}.bin"));
        let files: Vec<(String, Vec<u8>)> = names
            .zip(0u8..)
            .map(|(name, i)| (name, file(&[i, 9], false)))
            .collect();
        let files: Vec<(&str, Vec<u8>)> = files
            .iter()
            .map(|(name, bytes)| (&**name, bytes.clone()))
            .collect();
        let train = cifar10(folder(&files).path(), Part::Train).unwrap();
        assert_eq!(train.labels, [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]);
        assert_eq!((train.len(), train.images.len()), (10, 10 * PIXELS));

        let hundred = folder(&[("test.bin", file(&[99, 0], true))]);
        let test = cifar100(hundred.path(), Part::Test).unwrap();
        assert_eq!((test.labels, test.classes), (vec![99, 0], 100));
        assert_eq!(test.images[PIXELS + PIXELS / 3], 11);
    }

    #[test]
    fn a_batch_is_normalised_by_channel() {
        let split = cifar10(
            folder(&[("test_batch.bin", file(&[1, 2, 3], false))]).path(),
            Part::Test,
        )
        .unwrap();
        let preparation = Preparation {
            augment: Vec::new(),
            normalisation: Normalisation::imagenet(),
        };
        let batch =
            |indices: &[usize], dtype| batch(&split, indices, &preparation, Key::seed(0), dtype);
        let tensor = batch(&[1, 2], DType::F64).unwrap();
        assert_eq!(tensor.dims(), [2, 3, 32, 32]);
        let numbers: Vec<f64> = tensor.flatten_all().unwrap().to_vec1().unwrap();
        // the second image's first red, the third's last blue
        assert_eq!(numbers[0], (1.0 / 255.0 - 0.485) / 0.229);
        assert_eq!(numbers[2 * PIXELS - 1], (22.0 / 255.0 - 0.406) / 0.225);
        let single = batch(&[1, 2], DType::F32).unwrap();
        assert_eq!(single.dtype(), DType::F32);
        assert_eq!(batch(&[], DType::F32).unwrap().dims(), [0, 3, 32, 32]);
        let beyond = batch(&[1, 3], DType::F32).unwrap_err();
        assert_eq!(beyond.to_string(), "there is no image 3; there are 3");
    }

    #[test]
    fn an_error_has_the_file_and_the_byte() {
        let says = |bytes: Option<Vec<u8>>| {
            let files: Vec<_> = bytes.into_iter().map(|b| ("test_batch.bin", b)).collect();
            let error = cifar10(folder(&files).path(), Part::Test)
                .unwrap_err()
                .to_string();
            error[error.find("test_batch").unwrap()..].to_string()
        };
        assert!(says(None).starts_with("test_batch.bin: cannot read it: "));
        assert_eq!(
            says(Some(file(&[3, 10], false))),
            "test_batch.bin, byte 3073: 10 is no class; there are 10, from 0"
        );
        let mut cut = file(&[3, 4], false);
        cut.pop();
        assert_eq!(
            says(Some(cut)),
            "test_batch.bin, byte 3073: 3072 bytes are no record of 3073: the file, 6145 bytes long, is cut or is something else"
        );
        assert!(says(Some(Vec::new())).contains("byte 0: 0 bytes are no record"));
        let page = b"<!DOCTYPE html><html>Not found</html>".to_vec();
        assert_eq!(
            says(Some(page)),
            "test_batch.bin, byte 0: begins like a web page (HTML), not like CIFAR-10"
        );
    }

    /// The publisher's root, torchvision's, capitals.
    #[test]
    fn a_set_is_found_below_the_folder_that_is_named() {
        let root = tempfile::tempdir().unwrap();
        let within = root.path().join("data/cifar-10-batches-bin");
        std::fs::create_dir_all(&within).unwrap();
        std::fs::write(within.join("TEST_BATCH.BIN"), file(&[7], false)).unwrap();
        assert_eq!(cifar10(root.path(), Part::Test).unwrap().labels, [7]);
        let hundred = root.path().join("cifar-100-binary");
        std::fs::create_dir(&hundred).unwrap();
        std::fs::write(hundred.join("test.bin"), file(&[70], true)).unwrap();
        assert_eq!(cifar100(root.path(), Part::Test).unwrap().labels, [70]);
        let python = tempfile::tempdir().unwrap();
        let within = python.path().join("cifar-10-batches-py");
        std::fs::create_dir(&within).unwrap();
        for name in ["data_batch_1", "test_batch"] {
            std::fs::write(within.join(name), b"\x80\x02}.").unwrap();
        }
        let error = cifar10(python.path(), Part::Test).unwrap_err().to_string();
        assert!(
            error.contains("cifar-10-batches-py: holds CIFAR-10 for Python, which is pickled"),
            "{error}"
        );
        assert!(error.contains("`convcheck data fetch cifar10`"), "{error}");
    }

    #[test]
    fn a_file_of_another_number_of_images_is_remarked() {
        let some = folder(&[("test_batch.bin", file(&[1, 2], false))]);
        let remarks = TEN.remarks(some.path(), Part::Test);
        assert_eq!(remarks.len(), 1);
        assert!(
            remarks[0].ends_with(
                "test_batch.bin: holds 2 images, CIFAR-10's holds 10000: it is cut, or made by hand"
            ),
            "{remarks:?}"
        );
        let whole = std::fs::File::create(some.path().join("test_batch.bin")).unwrap();
        whole.set_len(10_000 * 3073).unwrap();
        assert_eq!(TEN.remarks(some.path(), Part::Test), Vec::<String>::new());
        whole.set_len(10_001 * 3073).unwrap();
        assert!(TEN.remarks(some.path(), Part::Test)[0].contains("another file"));
        assert_eq!(
            TEN.remarks(Path::new("/nowhere"), Part::Test),
            Vec::<String>::new()
        );
    }
}

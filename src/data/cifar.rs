//! CIFAR-10 and CIFAR-100 in their binary version (Krizhevsky 2009).
//!
//! A file is a row of records of the same length: the label, one byte, or in CIFAR-100 two (the coarse
//! one first), then 3072 bytes of the image: red, green, blue, each row by row.

use super::{DataError, Part, Split};
use crate::graph::Shape;
use std::path::Path;

const SHAPE: Shape = Shape::map(3, 32, 32);
const PIXELS: usize = 3 * 32 * 32;

/// One of the two data sets.
struct Form {
    /// Bytes before the image; the last is the class.
    labels: usize,
    classes: usize,
}

/// CIFAR-10 from a folder with `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`.
///
/// # Errors
/// [`DataError`] names the file, and the byte at which it is wrong.
pub fn cifar10(folder: &Path, part: Part) -> Result<Split, DataError> {
    let files: &[&str] = match part {
        Part::Train => &[
            "data_batch_1.bin",
            "data_batch_2.bin",
            "data_batch_3.bin",
            "data_batch_4.bin",
            "data_batch_5.bin",
        ],
        Part::Test => &["test_batch.bin"],
    };
    let form = Form {
        labels: 1,
        classes: 10,
    };
    read(folder, files, &form)
}

/// CIFAR-100, fine labels, from a folder with `train.bin` and `test.bin`.
///
/// # Errors
/// [`DataError`] names the file, and the byte at which it is wrong.
pub fn cifar100(folder: &Path, part: Part) -> Result<Split, DataError> {
    let file = match part {
        Part::Train => "train.bin",
        Part::Test => "test.bin",
    };
    let form = Form {
        labels: 2,
        classes: 100,
    };
    read(folder, &[file], &form)
}

fn read(folder: &Path, files: &[&str], form: &Form) -> Result<Split, DataError> {
    let mut split = Split {
        images: Vec::new(),
        shape: SHAPE,
        labels: Vec::new(),
        classes: form.classes,
    };
    for name in files {
        let path = folder.join(name);
        let bytes = std::fs::read(&path).map_err(|error| DataError::File {
            path: path.clone(),
            error,
        })?;
        append(&bytes, form, &mut split).map_err(|(offset, what)| DataError::Content {
            path,
            offset: offset as u64,
            what,
        })?;
    }
    Ok(split)
}

/// Appends the records of a file; an error has the byte at which they are wrong.
fn append(bytes: &[u8], form: &Form, split: &mut Split) -> Result<(), (usize, String)> {
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
    split.images.reserve_exact(records.len() * PIXELS);
    for (i, bytes) in records.enumerate() {
        let (labels, image) = bytes.split_at(form.labels);
        let label = usize::from(labels[form.labels - 1]);
        if label >= form.classes {
            return Err((
                i * record + form.labels - 1,
                format!("{label} is no class; there are {}, from 0", form.classes),
            ));
        }
        split.labels.push(label);
        split.images.extend_from_slice(image);
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
    }
}

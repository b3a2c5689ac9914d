//! The embedded data set: 1,797 handwritten digits of 8x8 pixels.
//!
//! Optical Recognition of Handwritten Digits (Alpaydin & Kaynak 1998), test part, from the UCI Machine
//! Learning Repository, doi:10.24432/C50P49, licensed under CC BY 4.0; in the form in which
//! scikit-learn distributes it. A line is an image: 64 numbers of 0 to 16, row by row, and its digit.

use super::{DataError, Part, Split};
use crate::graph::Shape;
use crate::random::Key;
use std::io::Read;
use std::path::Path;

const FILE: &[u8] = include_bytes!("digits.csv.gz");
/// Images to train with; the others are to test with.
pub(super) const TRAIN: usize = 1297;
/// The colours 0 to 16 times this are bytes without rounding.
const SPREAD: u8 = 15;

/// The embedded digits, divided by a fixed permutation into 1,297 images and 500.
///
/// # Errors
/// [`DataError::Content`] if the program is damaged.
pub fn digits(part: Part) -> Result<Split, DataError> {
    let fault = |offset: usize, what: String| DataError::Content {
        path: Path::new("digits.csv.gz").to_path_buf(),
        offset: offset as u64,
        what,
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(FILE)
        .read_to_string(&mut text)
        .map_err(|error| fault(0, error.to_string()))?;
    let mut rows = Vec::new();
    for line in text.lines() {
        let offset = line.as_ptr() as usize - text.as_ptr() as usize;
        let numbers: Result<Vec<u8>, _> = line.split(',').map(str::parse).collect();
        let numbers = numbers.map_err(|error| fault(offset, error.to_string()))?;
        match numbers.split_last() {
            Some((&label, pixels))
                if label < 10 && pixels.len() == 64 && pixels.iter().all(|&p| p <= 16) =>
            {
                rows.push((label, pixels.to_vec()));
            }
            _ => return Err(fault(offset, "is no image of a digit".into())),
        }
    }
    let order = Key::named("digits").permutation(rows.len());
    let chosen = match part {
        Part::Train => &order[..TRAIN],
        Part::Test => &order[TRAIN..],
    };
    let mut images = Vec::with_capacity(64 * chosen.len());
    let mut labels = Vec::with_capacity(chosen.len());
    for &row in chosen {
        let (label, pixels) = &rows[row];
        labels.push(usize::from(*label));
        images.extend(pixels.iter().map(|p| p * SPREAD));
    }
    Ok(Split {
        images: images.into(),
        shape: Shape::map(1, 8, 8),
        labels,
        classes: 10,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_there_and_differ() {
        let (train, test) = (digits(Part::Train).unwrap(), digits(Part::Test).unwrap());
        assert_eq!((train.len(), test.len()), (1297, 500));
        for class in 0..10 {
            assert!(train.labels.contains(&class) && test.labels.contains(&class));
        }
        // scikit-learn documents 178 zeros
        let zeros = |split: &Split| split.labels.iter().filter(|&&l| l == 0).count();
        assert_eq!(zeros(&train) + zeros(&test), 178);
        assert!(train.images.iter().all(|p| p % SPREAD == 0));
    }
}

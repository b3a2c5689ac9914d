//! Images with labels, as their publishers store them.
//!
//! A [`Split`] holds images as bytes; [`batch()`] turns some of them into a tensor.

mod augment;
mod batch;
mod cifar;
mod digits;

pub use augment::Augment;
pub use batch::{Normalisation, Preparation, batch};
pub use cifar::{cifar10, cifar100};
pub use digits::digits;

use crate::graph::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Which images of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those to train with.
    Train,
    /// Those to test with.
    Test,
}

/// Images with labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The images one after another, each channel by channel and row by row.
    pub images: Vec<u8>,
    /// The shape of one image.
    pub shape: Shape,
    /// The class of each image.
    pub labels: Vec<usize>,
    /// How many classes there are; labels are smaller.
    pub classes: usize,
}

impl Split {
    /// How many images there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The bytes of one image.
    ///
    /// # Panics
    /// If there is no image of that number.
    pub fn image(&self, index: usize) -> &[u8] {
        let size = self.images.len() / self.len();
        &self.images[index * size..(index + 1) * size]
    }
}

/// A data set, divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Images to train with.
    pub train: Split,
    /// Images to choose a checkpoint by, where the data set has them.
    pub validation: Option<Split>,
    /// Images to test with.
    pub test: Split,
}

impl Dataset {
    /// What it is, in 16 hexadecimal digits: of SHA-256 over the images and labels of all parts.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for split in [
            Some(&self.train),
            self.validation.as_ref(),
            Some(&self.test),
        ] {
            let Some(split) = split else { continue };
            hash.update(format!(
                "{} {} {};",
                split.shape,
                split.len(),
                split.classes
            ));
            hash.update(&split.images);
            for &label in &split.labels {
                hash.update((label as u64).to_le_bytes());
            }
        }
        hex(&hash.finalize()[..8])
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Which data set.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The 1,797 handwritten digits that are part of this program.
    Digits,
    /// CIFAR-10, binary version.
    Cifar10,
    /// CIFAR-100, binary version, fine labels.
    Cifar100,
}

impl Source {
    /// Reads it; `path` is the folder, which only the embedded digits do without.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn load(self, path: Option<&Path>) -> Result<Dataset, DataError> {
        let folder = || path.ok_or(DataError::Nowhere(self));
        let (train, test) = match self {
            Source::Digits => (digits(Part::Train)?, digits(Part::Test)?),
            Source::Cifar10 => (
                cifar10(folder()?, Part::Train)?,
                cifar10(folder()?, Part::Test)?,
            ),
            Source::Cifar100 => (
                cifar100(folder()?, Part::Train)?,
                cifar100(folder()?, Part::Test)?,
            ),
        };
        Ok(Dataset {
            train,
            validation: None,
            test,
        })
    }

    /// Its name in recipes.
    pub const fn name(self) -> &'static str {
        match self {
            Source::Digits => "digits",
            Source::Cifar10 => "cifar10",
            Source::Cifar100 => "cifar100",
        }
    }
}

/// Data that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A data set that is not part of this program, without its folder.
    #[error("{} is not part of this program: name its folder (--data DIR)", .0.name())]
    Nowhere(Source),
    /// A file that cannot be read at all.
    #[error("{}: cannot read it: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file whose content is not that of the data set.
    #[error("{}, byte {offset}: {what}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What is wrong there, and what would be right.
        what: String,
    },
    /// Images that there are not, or numbers that cannot be made of them.
    #[error("{0}")]
    Batch(String),
}

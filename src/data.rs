//! Images with labels, as their publishers store them.
//!
//! A [`Split`] holds images as bytes; [`batch()`] turns some of them into a tensor.

mod affine;
mod audit;
mod augment;
mod batch;
mod cifar;
mod digits;
pub mod division;
pub mod fetch;
mod fit;
mod folder;
mod foreign;
mod idx;
mod mnist;
mod normalisation;
mod picture;
mod place;
mod shared_bytes;
mod source;
mod survey;

pub use affine::Affine;
pub use audit::{Audit, Distance, Exact, Leak, NEAR, audit};
pub use augment::Augment;
pub(crate) use batch::table;
pub use batch::{Preparation, batch};
pub use cifar::{cifar10, cifar100};
pub use digits::digits;
pub use fit::Fit;
pub use folder::{Listing, listing, picture};
pub use mnist::mnist;
pub use normalisation::Normalisation;
pub use shared_bytes::SharedBytes;
pub use source::Source;
pub use survey::{Seen, Statistics, Survey, survey};

use crate::digest::hex;
use crate::graph::Shape;
use sha2::{Digest, Sha256};
use std::io::Read;
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
    /// The images one after another, each channel by channel and row by row; copies of a split share them.
    pub images: SharedBytes,
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

    /// Leaves out the images behind so many.
    pub fn truncate(&mut self, count: usize) {
        let size = self.images.len() / self.len().max(1);
        self.labels.truncate(count);
        self.images.truncate(count * size);
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
    /// Each part that there is, with its name.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &Split)> {
        let validation = self.validation.as_ref();
        std::iter::once(("train", &self.train))
            .chain(validation.map(|split| ("validation", split)))
            .chain(std::iter::once(("test", &self.test)))
    }

    /// What it is, in 16 hexadecimal digits: of SHA-256 over the images and labels of all parts.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for (_, split) in self.parts() {
            hash.update(format!(
                "{} {} {};",
                split.shape,
                split.len(),
                split.classes
            ));
            hash.update(&*split.images);
            for &label in &split.labels {
                hash.update((label as u64).to_le_bytes());
            }
        }
        hex(&hash.finalize()[..8])
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
    /// A folder that is not laid out as a data set is.
    #[error("{}: {what}", .path.display())]
    Layout {
        /// The folder, or a file that belongs to it.
        path: PathBuf,
        /// What is wrong with it, and what would be right.
        what: String,
    },
    /// Images that cannot be brought to a shape.
    #[error("{0}")]
    Fit(String),
    /// Images that there are not, or numbers that cannot be made of them.
    #[error("{0}")]
    Batch(String),
}

/// The bytes of a file, of which there may be so many.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, DataError> {
    let failed = |error| DataError::File {
        path: path.to_path_buf(),
        error,
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    // a file may grow while it is read, so its length is not enough
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    match bytes.len() as u64 > most {
        false => Ok(bytes),
        true => Err(DataError::Content {
            path: path.to_path_buf(),
            offset: most,
            what: format!("the file goes on; at most {} MiB are read", most >> 20),
        }),
    }
}

//! Images with labels, as their publishers store them.
//!
//! A [`Split`] holds the images as the bytes of the files; [`batch`] turns some of them into a tensor.

mod cifar;

pub use cifar::{cifar10, cifar100};

use crate::graph::Shape;
use candle_core::{DType, Device, Tensor};
use std::ops::Range;
use std::path::PathBuf;

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
}

/// How a colour of 0 to 255 becomes a number: divided by 255, less the channel's mean, by its
/// deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalisation {
    /// Of each channel, between 0 and 1.
    pub mean: [f64; 3],
    /// Of each channel, on the same scale.
    pub deviation: [f64; 3],
}

impl Normalisation {
    /// The numbers of ImageNet, which are often used for other images too, among them the published
    /// CIFAR ResNets of `akamaster/pytorch_resnet_cifar10`.
    pub const IMAGENET: Normalisation = Normalisation {
        mean: [0.485, 0.456, 0.406],
        deviation: [0.229, 0.224, 0.225],
    };

    /// The numbers of CIFAR-10 that are widely used.
    pub const CIFAR10: Normalisation = Normalisation {
        mean: [0.4914, 0.4822, 0.4465],
        deviation: [0.2023, 0.1994, 0.2010],
    };
}

/// Data that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
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

/// Some of the images as a tensor `[n, c, h, w]` of f32 or f64.
///
/// # Errors
/// [`DataError::Batch`] if the range goes beyond the split, or the images do not have three channels.
pub fn batch(
    split: &Split,
    range: Range<usize>,
    normalisation: &Normalisation,
    dtype: DType,
) -> Result<Tensor, DataError> {
    let wrong = |what: String| DataError::Batch(what);
    let dims = split.shape.dims();
    let &[3, h, w] = &dims[..] else {
        let shape = split.shape;
        return Err(wrong(format!("{shape} images do not have three channels")));
    };
    let size = 3 * h * w;
    let Some(images) = (range
        .start
        .checked_mul(size)
        .zip(range.end.checked_mul(size)))
    .and_then(|(from, to)| split.images.get(from..to)) else {
        return Err(wrong(format!(
            "there are no images {} to {}; the split has {}",
            range.start,
            range.end,
            split.len()
        )));
    };
    // one number for each channel and colour, in f64, so that both types round once
    let table: Vec<[f64; 256]> = (0..3)
        .map(|c| {
            std::array::from_fn(|x| {
                (x as f64 / 255.0 - normalisation.mean[c]) / normalisation.deviation[c]
            })
        })
        .collect();
    let numbers = images.iter().enumerate().map(|(i, &x)| {
        let channel = i / (h * w) % 3;
        table[channel][usize::from(x)]
    });
    let shape = (range.len(), 3, h, w);
    let tensor = match dtype {
        DType::F32 => Tensor::from_iter(numbers.map(|x| x as f32), &Device::Cpu),
        DType::F64 => Tensor::from_iter(numbers, &Device::Cpu),
        other => return Err(wrong(format!("images become f32 or f64, not {other:?}"))),
    };
    (tensor.and_then(|tensor| tensor.reshape(shape))).map_err(|e| wrong(e.to_string()))
}

//! From bytes to a tensor: which images, altered how, on which scale.

use super::{Affine, Augment, DataError, Split};
use crate::graph::Shape;
use crate::random::Key;
use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

/// How a colour of 0 to 255 becomes a number: divided by 255, less the channel's mean, by its
/// deviation.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalisation {
    /// Of each channel, between 0 and 1.
    pub mean: Vec<f64>,
    /// Of each channel, on the same scale.
    pub deviation: Vec<f64>,
}

impl Normalisation {
    /// The numbers of ImageNet, which are often used for other images too, among them the published
    /// CIFAR ResNets of `akamaster/pytorch_resnet_cifar10`.
    pub fn imagenet() -> Normalisation {
        Normalisation {
            mean: vec![0.485, 0.456, 0.406],
            deviation: vec![0.229, 0.224, 0.225],
        }
    }

    /// The numbers of CIFAR-10 that are widely used.
    pub fn cifar10() -> Normalisation {
        Normalisation {
            mean: vec![0.4914, 0.4822, 0.4465],
            deviation: vec![0.2023, 0.1994, 0.2010],
        }
    }

    /// None but the division by 255.
    pub fn unit(channels: usize) -> Normalisation {
        Normalisation {
            mean: vec![0.0; channels],
            deviation: vec![1.0; channels],
        }
    }

    /// The mean and deviation of each channel of these images; a channel of one colour is left as wide
    /// as it is.
    pub fn of(split: &Split) -> Normalisation {
        let channels = split.shape.channels();
        let plane = split.shape.extent().iter().product();
        let mut counts = vec![[0u64; 256]; channels];
        count(&split.images, plane, &mut counts);
        let wide = |deviation| if deviation > 0.0 { deviation } else { 1.0 };
        let moments = counts.iter().map(moments);
        let (mean, deviation) = moments.map(|(mean, dev)| (mean, wide(dev))).unzip();
        Normalisation { mean, deviation }
    }
}

/// Adds the colours of images to the counts of each channel; of counts, sums are exact.
pub(super) fn count(images: &[u8], plane: usize, counts: &mut [[u64; 256]]) {
    let channels = counts.len();
    for (i, plane) in images.chunks_exact(plane).enumerate() {
        let of_channel = &mut counts[i % channels];
        plane.iter().for_each(|&x| of_channel[usize::from(x)] += 1);
    }
}

/// Mean and deviation, between 0 and 1, of colours of which there are so many each.
pub(super) fn moments(counts: &[u64; 256]) -> (f64, f64) {
    let all = counts.iter().sum::<u64>().max(1) as f64;
    let values = || (0u32..).map(|x| f64::from(x) / 255.0).zip(counts);
    let mean = values().map(|(x, &n)| x * n as f64).sum::<f64>() / all;
    let square = |(x, &n): (f64, &u64)| (x - mean).powi(2) * n as f64;
    let deviation = (values().map(square).sum::<f64>() / all).sqrt();
    (mean, deviation)
}

/// What happens to images on their way into a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Preparation {
    /// Alterations, in order.
    pub augment: Vec<Augment>,
    /// The scale of the numbers.
    pub normalisation: Normalisation,
}

/// One number for each channel and colour, in f64, so that f32 is rounded once.
pub(crate) fn table(Normalisation { mean, deviation }: &Normalisation) -> Vec<[f64; 256]> {
    let channels = mean.iter().zip(deviation);
    let number = |x: usize, mean: f64, deviation: f64| (x as f64 / 255.0 - mean) / deviation;
    channels
        .map(|(&mean, &deviation)| std::array::from_fn(|x| number(x, mean, deviation)))
        .collect()
}

impl Preparation {
    /// What happens to an image of that shape and number under a key, alteration by alteration.
    pub(crate) fn alterations(&self, mut shape: Shape, image: usize, key: Key) -> Vec<Affine> {
        let key = key.fold_in(image as u64);
        let mut alterations = Vec::with_capacity(self.augment.len());
        for (i, augment) in (0u64..).zip(&self.augment) {
            alterations.push(augment.affine(shape, key.fold_in(i)));
            shape = augment.shape(shape).unwrap_or(shape);
        }
        alterations
    }
}

/// Those images as a tensor `[n, c, h, w]` of f32 or f64, in that order; the alterations of image `i`
/// depend on the key and on `i` alone.
///
/// # Errors
/// [`DataError::Batch`] for an image that there is not, or another number of channels than the
/// normalisation has.
pub fn batch(
    split: &Split,
    indices: &[usize],
    preparation: &Preparation,
    key: Key,
    dtype: DType,
) -> Result<Tensor, DataError> {
    let wrong = |what: String| DataError::Batch(what);
    if let Some(beyond) = indices.iter().find(|&&i| i >= split.len()) {
        let n = split.len();
        return Err(wrong(format!("there is no image {beyond}; there are {n}")));
    }
    let channels = preparation.normalisation.mean.len();
    if split.shape.channels() != channels {
        return Err(wrong(format!(
            "{} images cannot be normalised by {channels} channels",
            split.shape
        )));
    }
    let mut shape = split.shape;
    for augment in &preparation.augment {
        shape = augment.shape(shape).map_err(wrong)?;
    }
    let table = table(&preparation.normalisation);
    let altered = |&index: &usize| {
        let alterations = preparation.alterations(split.shape, index, key);
        let image = split.image(index).to_vec();
        (alterations.iter()).fold(image, |image, affine| affine.apply(&image, channels))
    };
    let plane: usize = shape.extent().iter().product();
    let mut dims = vec![indices.len()];
    dims.extend_from_slice(&shape.dims());
    let made = match dtype {
        DType::F32 => {
            let numbers = indices.par_iter().flat_map_iter(|index| {
                let image = altered(index).into_iter().enumerate();
                let table = &table;
                image.map(move |(i, x)| table[i / plane][usize::from(x)] as f32)
            });
            Tensor::from_vec(numbers.collect::<Vec<f32>>(), dims, &Device::Cpu)
        }
        DType::F64 => {
            let numbers = indices.par_iter().flat_map_iter(|index| {
                let image = altered(index).into_iter().enumerate();
                let table = &table;
                image.map(move |(i, x)| table[i / plane][usize::from(x)])
            });
            Tensor::from_vec(numbers.collect::<Vec<f64>>(), dims, &Device::Cpu)
        }
        other => return Err(wrong(format!("images become f32 or f64, not {other:?}"))),
    };
    made.map_err(|error| wrong(error.to_string()))
}

//! From bytes to a tensor: which images, altered how, on which scale.

use super::{Affine, Augment, DataError, Normalisation, Split};
use crate::graph::Shape;
use crate::random::Key;
use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

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
    let dims = shape.of_batch(indices.len());
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

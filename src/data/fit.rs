//! Bringing images to the size that a network takes.

use super::{DataError, Split};
use crate::graph::Shape;
use image::imageops::{FilterType, resize};
use image::{ImageBuffer, Luma};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an image is brought to another size; one channel is repeated for networks that take three.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// By linear interpolation; where it shrinks, over all pixels that become one.
    #[default]
    Resize,
    /// By a black border, as even as it can be.
    Pad,
}

impl Split {
    /// The same images in another shape.
    ///
    /// # Errors
    /// [`DataError::Fit`] for a shape to which they cannot be brought, or that no memory holds.
    pub fn fitted(self, shape: Shape, fit: Fit) -> Result<Split, DataError> {
        if self.shape == shape {
            return Ok(self);
        }
        let (from, to) = (dims(self.shape)?, dims(shape)?);
        fit.check(from, to).map_err(DataError::Fit)?;
        let (size, mut images) = room(shape, self.len())?;
        images
            .par_chunks_exact_mut(size)
            .enumerate()
            .for_each(|(i, place)| fit.put(self.image(i), from, to, place));
        Ok(Split {
            images: images.into(),
            shape,
            ..self
        })
    }
}

/// Room for that many images of a shape, black, and the bytes of each.
pub(super) fn room(shape: Shape, count: usize) -> Result<(usize, Vec<u8>), DataError> {
    let wrong = || DataError::Fit(format!("no memory holds {count} images of {shape}"));
    let size = shape.elements().and_then(|n| usize::try_from(n).ok());
    let size = size.ok_or_else(wrong)?;
    let all = size.checked_mul(count).ok_or_else(wrong)?;
    let mut images = Vec::new();
    images.try_reserve_exact(all).map_err(|_| wrong())?;
    images.resize(all, 0);
    Ok((size, images))
}

/// Channels, rows and columns.
pub(super) fn dims(shape: Shape) -> Result<[usize; 3], DataError> {
    match shape.maps() {
        Some(maps) if !maps.contains(&0) => Ok(maps),
        _ => Err(DataError::Fit(format!(
            "images cannot become {shape}: must be CxHxW, none of them zero"
        ))),
    }
}

impl Fit {
    /// Whether images of one shape, `[c, h, w]`, can become those of another.
    pub(super) fn check(
        self,
        [c, h, w]: [usize; 3],
        [channels, rows, columns]: [usize; 3],
    ) -> Result<(), String> {
        let change = format!("{c}x{h}x{w} images cannot become {channels}x{rows}x{columns}");
        if c != channels && (c, channels) != (1, 3) {
            return Err(format!(
                "{change}: channels stay, or one is repeated as three"
            ));
        }
        if rows.max(columns) > u32::MAX as usize {
            return Err(format!("{change}: sides are below 2^32"));
        }
        match self == Fit::Pad && (h > rows || w > columns) {
            true => Err(format!(
                "{change} by a border: they are larger; resize them"
            )),
            false => Ok(()),
        }
    }

    /// Writes an image of one shape in the place of another, black so far; [`Fit::check`] has passed.
    pub(super) fn put(
        self,
        image: &[u8],
        [c, h, w]: [usize; 3],
        [_, rows, columns]: [usize; 3],
        place: &mut [u8],
    ) {
        let (plane, target) = (h * w, rows * columns);
        for (i, place) in place.chunks_exact_mut(target).enumerate() {
            let from = &image[i.min(c - 1) * plane..][..plane];
            match self {
                _ if (h, w) == (rows, columns) => place.copy_from_slice(from),
                Fit::Resize => place.copy_from_slice(&resized(from, [h, w], [rows, columns])),
                Fit::Pad => {
                    let (top, left) = ((rows - h) / 2, (columns - w) / 2);
                    for (y, row) in from.chunks_exact(w).enumerate() {
                        place[(top + y) * columns + left..][..w].copy_from_slice(row);
                    }
                }
            }
        }
    }
}

/// A channel in another size, by linear interpolation. The sides are below 2^32.
pub(super) fn resized(plane: &[u8], [h, w]: [usize; 2], [rows, columns]: [usize; 2]) -> Vec<u8> {
    let [h, w, rows, columns] = [h, w, rows, columns].map(|side| side as u32);
    let from: ImageBuffer<Luma<u8>, &[u8]> =
        ImageBuffer::from_raw(w, h, plane).expect("a plane has as many bytes as pixels");
    resize(&from, columns, rows, FilterType::Triangle).into_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(shape: Shape, images: &[u8]) -> Split {
        let count = images.len() / shape.elements().unwrap() as usize;
        Split {
            images: images.to_vec().into(),
            shape,
            labels: vec![0; count],
            classes: 1,
        }
    }

    #[test]
    fn a_border_is_black_and_the_image_in_its_middle() {
        let one = split(Shape::map(1, 2, 1), &[1, 2, 3, 4]);
        let padded = one.fitted(Shape::map(1, 4, 4), Fit::Pad).unwrap();
        let first = [0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0];
        assert_eq!((padded.len(), padded.image(0)), (2, &first[..]));
        assert_eq!(padded.image(1)[5], 3);
    }

    #[test]
    fn one_channel_is_repeated_and_other_channels_are_refused() {
        let grey = split(Shape::map(1, 1, 2), &[7, 9]);
        let colours = grey.clone().fitted(Shape::map(3, 1, 2), Fit::Resize);
        assert_eq!(*colours.unwrap().images, [7, 9, 7, 9, 7, 9]);
        let says = |shape, fit| grey.clone().fitted(shape, fit).unwrap_err().to_string();
        assert!(says(Shape::map(2, 1, 2), Fit::Pad).contains("1x1x2 images cannot become 2x1x2"));
        assert!(says(Shape::map(1, 1, 1), Fit::Pad).contains("resize them"));
        assert!(says(Shape::vector(2), Fit::Resize).contains("CxHxW"));
        assert!(says(Shape::map(1, 1 << 31, 1 << 31), Fit::Pad).contains("no memory holds"));
        let colours = split(Shape::map(3, 1, 1), &[1, 2, 3]);
        assert!(colours.fitted(Shape::map(1, 1, 1), Fit::Resize).is_err());
    }

    /// Shrunk by two with a triangle of two pixels to each side; grown by two between middles.
    #[test]
    fn sizes_change_by_linear_interpolation() {
        let row = split(Shape::map(1, 1, 4), &[0, 80, 160, 240]);
        let half = row.clone().fitted(Shape::map(1, 1, 2), Fit::Resize);
        // weights 3, 3, 1 of the pixels that are there
        let first = (3.0 * 0.0 + 3.0 * 80.0 + 160.0) / 7.0;
        let second = (80.0 + 3.0 * 160.0 + 3.0 * 240.0) / 7.0;
        let rounded = [first, second].map(|x: f64| x.round() as u8);
        assert_eq!(*half.unwrap().images, rounded);
        let twice = row.fitted(Shape::map(1, 1, 8), Fit::Resize).unwrap();
        assert_eq!(*twice.images, [0, 20, 60, 100, 140, 180, 220, 240]);
        let flat = split(Shape::map(1, 5, 7), &[93; 35]);
        let flat = flat.fitted(Shape::map(3, 3, 11), Fit::Resize).unwrap();
        assert!(flat.images.iter().all(|&x| x == 93));
    }
}

//! What is in a data set? Every image is read once, whole, at its own size.

use super::normalisation::{count, moments};
use super::picture::decode;
use super::{DataError, Source, Split, division, folder};
use image::RgbImage;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::path::Path;

/// What every image of a data set was found to be.
pub struct Survey {
    /// Which data set.
    pub source: Source,
    /// What it comes to.
    pub statistics: Vec<Statistics>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The images; those of a folder in the order of its listing.
    pub images: Vec<Seen>,
}

/// One image.
pub struct Seen {
    /// How to find it: `class/file`, or its part and its number there.
    pub name: String,
    /// Number of its part, in the order of the statistics; none where a division leaves it out.
    pub part: Option<usize>,
    /// Its class.
    pub class: usize,
    /// Of SHA-256 over its size and its pixels.
    pub digest: [u8; 16],
    /// What it looks like, roughly: its difference hash. Of pictures in folders only.
    pub look: Option<u64>,
}

/// A part of a data set in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// Its name.
    pub part: String,
    /// How many images it has.
    pub images: usize,
    /// How many of each class.
    pub classes: Vec<usize>,
    /// Mean of each channel over all pixels, between 0 and 1.
    pub mean: Vec<f64>,
    /// Deviation of each channel over all pixels, on the same scale.
    pub deviation: Vec<f64>,
}

/// Reads a data set whole; of a folder, `division` may name the file that divides it.
///
/// # Errors
/// The first fault, in the order of parts and files.
pub fn survey(
    source: Source,
    path: Option<&Path>,
    division: Option<&Path>,
) -> Result<Survey, DataError> {
    match (source, path, division) {
        (Source::Folder, Some(path), _) => pictures(path, division),
        (_, _, Some(_)) => Err(DataError::Fit(format!(
            "{} is divided by its publisher; only a folder of pictures takes another division",
            source.name()
        ))),
        _ => stored(source, path),
    }
}

fn stored(source: Source, path: Option<&Path>) -> Result<Survey, DataError> {
    let data = source.stored(path)?;
    let mut survey = Survey {
        source,
        statistics: Vec::new(),
        classes: (0..data.train.classes).map(|i| i.to_string()).collect(),
        images: Vec::new(),
    };
    for (part, (name, split)) in data.parts().enumerate() {
        survey.statistics.push(statistics(name, split));
        let seen = |i: usize| Seen {
            name: format!("{name} {i}"),
            part: Some(part),
            class: split.labels[i],
            digest: digest(split.shape.extent(), split.image(i)),
            look: None,
        };
        let seen: Vec<Seen> = (0..split.len()).into_par_iter().map(seen).collect();
        survey.images.extend(seen);
    }
    Ok(survey)
}

fn statistics(name: &str, split: &Split) -> Statistics {
    let plane = split.shape.extent().iter().product();
    let mut colours = vec![[0; 256]; split.shape.channels()];
    count(&split.images, plane, &mut colours);
    summary(name, &split.labels, split.classes, &colours)
}

fn summary(name: &str, labels: &[usize], classes: usize, colours: &[[u64; 256]]) -> Statistics {
    let mut counts = vec![0; classes];
    labels.iter().for_each(|&label| counts[label] += 1);
    let (mean, deviation) = colours.iter().map(moments).unzip();
    Statistics {
        part: name.into(),
        images: labels.len(),
        classes: counts,
        mean,
        deviation,
    }
}

fn pictures(path: &Path, division: Option<&Path>) -> Result<Survey, DataError> {
    let listing = folder::listing(path)?;
    let division = division::divide(&listing, division)?;
    let mut part = vec![None; listing.files.len()];
    for (i, of_part) in division.parts().into_iter().enumerate() {
        of_part.iter().for_each(|&at| part[at] = Some(i));
    }
    let look = |(&part, (class, name)): (&Option<usize>, &(usize, String))| {
        let picture = decode(&path.join(name))?;
        let size = [picture.height() as usize, picture.width() as usize];
        let mut colours = vec![[0; 256]; 3];
        count(
            &folder::planes(picture.as_raw()),
            size[0] * size[1],
            &mut colours,
        );
        let seen = Seen {
            name: name.clone(),
            part,
            class: *class,
            digest: digest(size, picture.as_raw()),
            look: Some(look(&picture)),
        };
        Ok((seen, colours))
    };
    let files = part.par_iter().zip(&listing.files);
    let read: Vec<Result<_, DataError>> = files.map(look).collect();
    // of several faults the first, whichever thread found it
    let read = read.into_iter().collect::<Result<Vec<_>, DataError>>()?;
    let statistics = ["train", "validation", "test"].into_iter().enumerate();
    let statistics = statistics.map(|(part, name)| {
        let mut colours = vec![[0; 256]; 3];
        let of_part = || read.iter().filter(|(seen, _)| seen.part == Some(part));
        for (sum, one) in of_part().flat_map(|(_, one)| one.iter().enumerate()) {
            let sum = colours[sum].iter_mut().zip(one);
            sum.for_each(|(sum, n)| *sum += n);
        }
        let labels: Vec<usize> = of_part().map(|(seen, _)| seen.class).collect();
        summary(name, &labels, listing.classes.len(), &colours)
    });
    Ok(Survey {
        source: Source::Folder,
        statistics: statistics.collect(),
        images: read.into_iter().map(|(seen, _)| seen).collect(),
        classes: listing.classes,
    })
}

fn digest([h, w]: [usize; 2], pixels: &[u8]) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update([h as u64, w as u64].map(u64::to_le_bytes).concat());
    hash.update(pixels);
    let hash = hash.finalize();
    std::array::from_fn(|i| hash[i])
}

/// The difference hash of a picture (dHash, Krawetz 2013): in grey and 9 pixels wide and 8 high, whether
/// each pixel is brighter than its right neighbour.
fn look(picture: &RgbImage) -> u64 {
    // the weights of ITU-R BT.601, as PIL's grey
    let grey = picture.as_raw().chunks_exact(3).map(|pixel| {
        let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
        ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
    });
    let grey: Vec<u8> = grey.collect();
    let size = [picture.height() as usize, picture.width() as usize];
    let small = super::fit::resized(&grey, size, [8, 9]);
    let brighter = small
        .chunks_exact(9)
        .flat_map(|row| row.windows(2).map(|pair| u64::from(pair[0] > pair[1])));
    brighter.fold(0, |bits, bit| bits << 1 | bit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn a_look_has_a_bit_for_each_step_to_the_right() {
        let falling = RgbImage::from_fn(9, 8, |x, _| Rgb([(200 - 20 * x) as u8; 3]));
        assert_eq!(look(&falling), u64::MAX);
        let rising = RgbImage::from_fn(90, 80, |x, _| Rgb([(2 * x) as u8; 3]));
        assert_eq!(look(&rising), 0);
        let notch = RgbImage::from_fn(9, 8, |x, y| Rgb([u8::from((x, y) == (0, 0)) * 9; 3]));
        assert_eq!(look(&notch), 1 << 63);
    }

    #[test]
    fn the_embedded_digits_are_whole() {
        let digits = survey(Source::Digits, None, None).unwrap();
        let counts: Vec<usize> = digits.statistics.iter().map(|part| part.images).collect();
        assert_eq!((counts, digits.images.len()), (vec![1297, 500], 1797));
        let zeros: usize = digits.statistics.iter().map(|part| part.classes[0]).sum();
        assert_eq!(zeros, 178);
        assert!(survey(Source::Digits, None, Some(Path::new("x"))).is_err());
        assert!(survey(Source::Mnist, None, None).is_err());
    }
}

//! On which scale do the colours of images become numbers, and how is a scale spelt?

use super::Split;

/// How a colour of 0 to 255 becomes a number: divided by 255, less the channel's mean, by its
/// deviation.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalisation {
    /// Of each channel, between 0 and 1.
    pub mean: Vec<f64>,
    /// Of each channel, on the same scale.
    pub deviation: Vec<f64>,
}

/// A mean and a deviation for red, green and blue, under a name.
struct Named {
    name: &'static str,
    mean: [f64; 3],
    deviation: [f64; 3],
}

const IMAGENET: Named = Named {
    name: "imagenet",
    mean: [0.485, 0.456, 0.406],
    deviation: [0.229, 0.224, 0.225],
};

/// Each by all pixels of the images to train with, but where a line says otherwise.
const NAMED: [Named; 4] = [
    IMAGENET,
    Named {
        name: "cifar10",
        mean: [0.4914, 0.4822, 0.4465],
        deviation: [0.2470, 0.2435, 0.2616],
    },
    // widely used, often as if they were those above: the mean over the images of each image's own deviation
    Named {
        name: "cifar10-per-image",
        mean: [0.4914, 0.4822, 0.4465],
        deviation: [0.2023, 0.1994, 0.2010],
    },
    Named {
        name: "cifar100",
        mean: [0.5071, 0.4865, 0.4409],
        deviation: [0.2673, 0.2564, 0.2762],
    },
];

impl Normalisation {
    /// The numbers of ImageNet, which are often used for other images too, among them the published
    /// CIFAR ResNets of `akamaster/pytorch_resnet_cifar10`.
    pub fn imagenet() -> Normalisation {
        Normalisation::from(&IMAGENET)
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

    /// A name, `none`, or numbers of one's own: means, a stroke, deviations, one of each for each
    /// channel, as `0.5,0.5,0.5/0.25,0.25,0.25`.
    ///
    /// # Errors
    /// What is wrong with the text, and what would be right.
    pub fn spelt(text: &str, channels: usize) -> Result<Normalisation, String> {
        let found = if text == "none" {
            Normalisation::unit(channels)
        } else if let Some(named) = NAMED.iter().find(|named| named.name == text) {
            Normalisation::from(named)
        } else if let Some((mean, deviation)) = text.split_once('/') {
            Normalisation {
                mean: numbers("mean", mean, f64::is_finite)?,
                deviation: numbers("deviation", deviation, |x| x.is_finite() && x > 0.0)?,
            }
        } else {
            let names: Vec<&str> = NAMED.iter().map(|named| named.name).collect();
            return Err(format!(
                "`{}` is no normalisation: {}, none, or means and deviations of your own, as \
                 0.5,0.5,0.5/0.25,0.25,0.25",
                text.escape_debug(),
                names.join(", ")
            ));
        };
        for (what, numbers) in [("mean", &found.mean), ("deviation", &found.deviation)] {
            if numbers.len() != channels {
                return Err(format!(
                    "`{text}` has {} {what}{}; it must have one for each channel of the images, of which there {} {channels}",
                    numbers.len(),
                    if numbers.len() == 1 { "" } else { "s" },
                    if channels == 1 { "is" } else { "are" },
                ));
            }
        }
        Ok(found)
    }
}

impl From<&Named> for Normalisation {
    fn from(named: &Named) -> Normalisation {
        Normalisation {
            mean: named.mean.to_vec(),
            deviation: named.deviation.to_vec(),
        }
    }
}

/// Numbers between commas that are each right.
fn numbers(what: &str, text: &str, right: fn(f64) -> bool) -> Result<Vec<f64>, String> {
    let number = |text: &str| match text.trim().parse::<f64>() {
        Ok(number) if right(number) => Ok(number),
        _ => Err(format!(
            "`{}` is no {what}: it must be a number{}, of colours between 0 and 1",
            text.escape_debug(),
            if what == "mean" { "" } else { " above 0" }
        )),
    };
    text.split(',').map(number).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_what_it_says() {
        let deviation = |name| Normalisation::spelt(name, 3).unwrap().deviation;
        assert_eq!(deviation("cifar10"), [0.2470, 0.2435, 0.2616]);
        assert_eq!(deviation("cifar10-per-image"), [0.2023, 0.1994, 0.2010]);
        assert_eq!(deviation("cifar100"), [0.2673, 0.2564, 0.2762]);
        assert_eq!(deviation("imagenet"), Normalisation::imagenet().deviation);
        let none = Normalisation::spelt("none", 3).unwrap();
        assert_eq!(none, Normalisation::unit(3));
    }

    #[test]
    fn numbers_of_ones_own_are_one_for_each_channel() {
        let own = Normalisation::spelt("0.5, 0.25,-1/0.5,2e-1,3", 3).unwrap();
        assert_eq!(own.mean, [0.5, 0.25, -1.0]);
        assert_eq!(own.deviation, [0.5, 0.2, 3.0]);
        let grey = Normalisation::spelt("0.1307/0.3081", 1).unwrap();
        assert_eq!((grey.mean, grey.deviation), (vec![0.1307], vec![0.3081]));
    }

    #[test]
    fn what_is_no_normalisation_is_said() {
        let says = |text| Normalisation::spelt(text, 3).unwrap_err();
        assert!(says("cifar").contains("`cifar` is no normalisation: imagenet, cifar10, "));
        assert!(says("").contains("no normalisation"));
        assert!(says("0.5/0.5").contains("has 1 mean; it must have one for each channel"));
        assert!(says("1,2,3/1,2").contains("has 2 deviations"));
        assert!(says("1,2,3/1,2,0").contains("`0` is no deviation"));
        assert!(says("1,2,3/1,2,-1").contains("above 0"));
        assert!(says("nan,2,3/1,2,3").contains("`nan` is no mean"));
        assert!(says("1,2,3/1,inf,3").contains("`inf` is no deviation"));
        assert!(says("1,,3/1,2,3").contains("`` is no mean"));
        assert!(says("1,2,3/1,2,3/4").contains("`3/4` is no deviation"));
        let three = Normalisation::spelt("imagenet", 1).unwrap_err();
        assert!(
            three.contains("has 3 means") && three.ends_with("there is 1"),
            "{three}"
        );
    }
}

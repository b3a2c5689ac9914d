//! Images altered at random, as training recipes do: a pure function of a key and the image.

use super::Affine;
use crate::graph::Shape;
use crate::random::Key;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One alteration; the random ones depend on nothing but their key.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Augment {
    /// Cuts the middle of that many rows and columns.
    CenterCrop(usize),
    /// Adds that many black rows and columns on each side, and cuts the image's size out at a random
    /// place (He et al. 2015, section 4.2, with 4).
    PadCrop(usize),
    /// Mirrors left and right, with probability 1/2.
    Flip,
    /// Turns about the centre by up to that many degrees either way, each angle as likely; a pixel is
    /// the nearest one's, and black where there is none (torchvision's `RandomRotation`).
    Rotate(f64),
}

impl Augment {
    /// The shape that comes out of an image of that shape.
    ///
    /// # Errors
    /// A cut that is larger than the image or empty, rows that leave nothing of it, a turn that is none.
    pub fn shape(self, from: Shape) -> Result<Shape, String> {
        let [h, w] = from.extent();
        let least = h.min(w);
        match self {
            Augment::CenterCrop(side) => match (1..=least).contains(&side) {
                true => Ok(Shape::map(from.channels(), side, side)),
                false => Err(format!(
                    "a middle of {side}x{side} of {from} images: must be from 1 to {least}"
                )),
            },
            Augment::PadCrop(pad) if pad > least => Err(format!(
                "{pad} rows and columns around {from} images: must be at most {least}"
            )),
            Augment::Rotate(degrees) if !(0.0..=180.0).contains(&degrees) => Err(format!(
                "a turn by up to {degrees} degrees: must be 0 to 180"
            )),
            Augment::PadCrop(_) | Augment::Flip | Augment::Rotate(_) => Ok(from),
        }
    }

    /// What it does to an image of that shape, whose alterations depend on a key.
    pub fn affine(self, shape: Shape, key: Key) -> Affine {
        let [h, w] = shape.extent();
        let same = [h, w];
        match self {
            Augment::CenterCrop(side) => {
                let from = [(h - side) / 2, (w - side) / 2].map(|x| x as isize);
                Affine::cut(same, [side, side], from)
            }
            Augment::PadCrop(pad) => {
                let shift = |i| (key.uniform(i) * (2 * pad + 1) as f64) as isize;
                Affine::cut(same, same, [0, 1].map(|i| shift(i) - pad as isize))
            }
            Augment::Flip => match key.uniform(0) < 0.5 {
                true => Affine::mirror(same),
                false => Affine::identity(same),
            },
            Augment::Rotate(degrees) => {
                Affine::rotation(same, degrees * (2.0 * key.uniform(0) - 1.0))
            }
        }
    }

    /// The altered image, channel by channel and row by row.
    pub fn apply(self, image: &[u8], shape: Shape, key: Key) -> Vec<u8> {
        self.affine(shape, key).apply(image, shape.channels())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two channels of two rows and three columns.
    const IMAGE: [u8; 12] = [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16];
    const SHAPE: Shape = Shape::map(2, 2, 3);

    #[test]
    fn a_middle_is_cut_from_each_channel() {
        let image: Vec<u8> = (0..32).collect();
        let shape = Shape::map(2, 4, 4);
        let cut = Augment::CenterCrop(2);
        assert_eq!(cut.shape(shape), Ok(Shape::map(2, 2, 2)));
        assert_eq!(
            cut.apply(&image, shape, Key::seed(0)),
            [5, 6, 9, 10, 21, 22, 25, 26]
        );
        for side in [0, 5, usize::MAX] {
            assert!(Augment::CenterCrop(side).shape(shape).is_err());
        }
    }

    #[test]
    fn a_padded_cut_only_shifts() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let cut = Augment::PadCrop(1).apply(&IMAGE, SHAPE, Key::seed(seed));
            let shifted = |down: isize, right: isize| -> Vec<u8> {
                let at = |c: isize, y: isize, x: isize| match (0..2).contains(&y)
                    && (0..3).contains(&x)
                {
                    true => IMAGE[(c * 6 + y * 3 + x) as usize],
                    false => 0,
                };
                let of = |c| (0..2).flat_map(move |y| (0..3).map(move |x| (c, y, x)));
                (0..2)
                    .flat_map(of)
                    .map(|(c, y, x)| at(c, y + down, x + right))
                    .collect()
            };
            let shifts = (-1..=1).flat_map(|down| (-1..=1).map(move |right| (down, right)));
            let found: Vec<_> = shifts.filter(|&(d, r)| shifted(d, r) == cut).collect();
            assert_eq!(found.len(), 1, "{cut:?} is a shift of the image");
            seen.extend(found);
        }
        assert_eq!(seen.len(), 9, "every shift comes");
    }

    #[test]
    fn rows_around_an_image_leave_some_of_it() {
        assert!(Augment::PadCrop(2).shape(SHAPE).is_ok());
        for pad in [3, usize::MAX] {
            assert!(Augment::PadCrop(pad).shape(SHAPE).is_err());
        }
    }

    #[test]
    fn a_flip_of_a_flip_is_the_image() {
        let flipped: Vec<Vec<u8>> = (0..20)
            .map(|seed| Augment::Flip.apply(&IMAGE, SHAPE, Key::seed(seed)))
            .collect();
        let mirror = [3, 2, 1, 6, 5, 4, 13, 12, 11, 16, 15, 14];
        assert!(flipped.iter().any(|image| image[..] == mirror));
        assert!(flipped.iter().any(|image| image[..] == IMAGE));
        for (seed, once) in (0..20).zip(&flipped) {
            assert_eq!(
                Augment::Flip.apply(once, SHAPE, Key::seed(seed)),
                IMAGE,
                "the same key again"
            );
        }
    }

    #[test]
    fn a_random_turn_depends_on_its_key_and_stays_within_its_degrees() {
        let image: Vec<u8> = (0..=255).cycle().take(32 * 32).collect();
        let shape = Shape::map(1, 32, 32);
        let turn = |degrees, seed| Augment::Rotate(degrees).apply(&image, shape, Key::seed(seed));
        assert_eq!(turn(0.0, 3), image);
        assert_eq!(turn(15.0, 3), turn(15.0, 3));
        assert_ne!(turn(15.0, 3), turn(15.0, 4));
        // half a pixel at the edge is 1.7 degrees away
        assert_eq!(turn(0.01, 3), image);
        for wrong in [-1.0, 181.0, f64::NAN] {
            assert!(Augment::Rotate(wrong).shape(shape).is_err());
        }
    }
}

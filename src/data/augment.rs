//! Images altered at random, as training recipes do: a pure function of a key and the image.

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
    /// A cut that is larger than the image, a turn that is none.
    pub fn shape(self, from: Shape) -> Result<Shape, String> {
        match (self, from) {
            (Augment::CenterCrop(side), Shape::Map { c, h, w }) => match side <= h && side <= w {
                true => Ok(Shape::map(c, side, side)),
                false => Err(format!("a middle of {side}x{side} of {from} images")),
            },
            (Augment::Rotate(degrees), _) if !(0.0..=180.0).contains(&degrees) => Err(format!(
                "a turn by up to {degrees} degrees: must be 0 to 180"
            )),
            _ => Ok(from),
        }
    }

    /// The altered image, channel by channel and row by row.
    pub fn apply(self, image: &[u8], shape: Shape, key: Key) -> Vec<u8> {
        let (c, [h, w]) = (shape.channels(), shape.extent());
        match self {
            Augment::CenterCrop(side) => {
                let (top, left) = ((h - side) / 2, (w - side) / 2);
                pick([c, h, w], [side, side], image, |y, x| {
                    Some((y + top, x + left))
                })
            }
            Augment::PadCrop(pad) => {
                let [down, right] = shifts(pad, key);
                pick([c, h, w], [h, w], image, |y, x| {
                    Some(((y + down).checked_sub(pad)?, (x + right).checked_sub(pad)?))
                })
            }
            Augment::Flip => match flips(key) {
                true => pick([c, h, w], [h, w], image, |y, x| Some((y, w - 1 - x))),
                false => image.to_vec(),
            },
            Augment::Rotate(degrees) => rotated(image, [c, h, w], angle(degrees, key)),
        }
    }
}

/// An alteration of one image as a map of places: from the middle of a pixel, measured from the image's centre,
/// to where its colour was before. Colours from outside are black.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Move {
    /// The row is the whole part of `y[0] right + y[1] down + y[2]`.
    y: [f64; 3],
    /// The column is the whole part of `x[0] right + x[1] down + x[2]`.
    x: [f64; 3],
    /// Rows and columns before it, and behind it.
    from: [usize; 2],
    to: [usize; 2],
}

impl Move {
    /// One that changes nothing.
    pub fn none(extent: [usize; 2]) -> Move {
        Move::shift(extent, extent, [0, 0])
    }

    /// The pixel at `[row, column]` comes from so many rows further down and columns further right.
    fn shift(from: [usize; 2], to: [usize; 2], [down, right]: [isize; 2]) -> Move {
        Move {
            y: [0.0, 1.0, half(to[0]) + down as f64],
            x: [1.0, 0.0, half(to[1]) + right as f64],
            from,
            to,
        }
    }

    /// Rows and columns behind it.
    pub const fn to(&self) -> [usize; 2] {
        self.to
    }

    /// What a kernel reads: the two lines, and rows and columns before it.
    pub fn numbers(&self) -> [f64; 8] {
        let ([a, b, c], [d, e, f]) = (self.y, self.x);
        [a, b, c, d, e, f, self.from[0] as f64, self.from[1] as f64]
    }
}

fn half(n: usize) -> f64 {
    n as f64 / 2.0
}

impl Augment {
    /// What [`Augment::apply`] does to an image of that shape under that key.
    pub fn as_move(self, shape: Shape, key: Key) -> Move {
        let [h, w] = shape.extent();
        let same = [h, w];
        match self {
            Augment::CenterCrop(side) => {
                let cut = [(h - side) / 2, (w - side) / 2].map(|x| x as isize);
                Move::shift(same, [side, side], cut)
            }
            Augment::PadCrop(pad) => Move::shift(
                same,
                same,
                shifts(pad, key).map(|shift| shift as isize - pad as isize),
            ),
            Augment::Flip => match flips(key) {
                true => Move {
                    x: [-1.0, 0.0, half(w)],
                    ..Move::none(same)
                },
                false => Move::none(same),
            },
            Augment::Rotate(degrees) => {
                let (sin, cos) = angle(degrees, key).to_radians().sin_cos();
                Move {
                    y: [sin, cos, half(h)],
                    x: [cos, -sin, half(w)],
                    from: same,
                    to: same,
                }
            }
        }
    }
}

/// How far down and right a padded image is cut.
fn shifts(pad: usize, key: Key) -> [usize; 2] {
    [0, 1].map(|i| (key.uniform(i) * (2 * pad + 1) as f64) as usize)
}

fn flips(key: Key) -> bool {
    key.uniform(0) < 0.5
}

/// Degrees of a turn by up to so many.
fn angle(degrees: f64, key: Key) -> f64 {
    degrees * (2.0 * key.uniform(0) - 1.0)
}

/// An image turned about its centre by so many degrees, counter-clockwise.
fn rotated(image: &[u8], [c, h, w]: [usize; 3], degrees: f64) -> Vec<u8> {
    let (sin, cos) = degrees.to_radians().sin_cos();
    // from the middle of a pixel back to where its colour was
    pick([c, h, w], [h, w], image, |y, x| {
        let (down, right) = (y as f64 + 0.5 - half(h), x as f64 + 0.5 - half(w));
        let from_y = (sin * right + cos * down + half(h)).floor();
        let from_x = (cos * right - sin * down + half(w)).floor();
        (from_y >= 0.0 && from_x >= 0.0).then_some((from_y as usize, from_x as usize))
    })
}

/// An image each of whose pixels is one of another's; black where `from` names none or one outside.
fn pick(
    [c, h, w]: [usize; 3],
    [rows, columns]: [usize; 2],
    image: &[u8],
    from: impl Fn(usize, usize) -> Option<(usize, usize)>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(c * rows * columns);
    for channel in 0..c {
        for y in 0..rows {
            for x in 0..columns {
                out.push(match from(y, x) {
                    Some((y, x)) if y < h && x < w => image[(channel * h + y) * w + x],
                    _ => 0,
                });
            }
        }
    }
    out
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
        assert!(Augment::CenterCrop(5).shape(shape).is_err());
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
    fn a_turn_is_about_the_centre_and_counter_clockwise() {
        let square = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        let turned = |degrees| rotated(&square, [1, 3, 3], degrees);
        assert_eq!(turned(0.0), square);
        assert_eq!(turned(90.0), [3, 6, 9, 2, 5, 8, 1, 4, 7]);
        assert_eq!(turned(-90.0), [7, 4, 1, 8, 5, 2, 9, 6, 3]);
        assert_eq!(turned(180.0), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
        // corners lie outside, and others' colours nearest
        assert_eq!(turned(45.0)[4], 5);
        assert_eq!(rotated(&[1, 2, 3, 4], [1, 2, 2], 90.0), [2, 4, 1, 3]);
        // one row, turned upright, keeps its middle
        assert_eq!(rotated(&[1, 2, 3], [1, 1, 3], 90.0), [0, 2, 0]);
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

    /// What a kernel does with a move, in plain words.
    fn moved(image: &[u8], c: usize, step: &Move) -> Vec<u8> {
        let ([a, b, e, d, f, g, h, w], [rows, columns]) = (step.numbers(), step.to());
        pick(
            [c, h as usize, w as usize],
            [rows, columns],
            image,
            |row, column| {
                let down = row as f64 + 0.5 - half(rows);
                let right = column as f64 + 0.5 - half(columns);
                let y = (a * right + b * down + e).floor();
                let x = (d * right + f * down + g).floor();
                (y >= 0.0 && x >= 0.0).then_some((y as usize, x as usize))
            },
        )
    }

    #[test]
    fn a_move_says_what_an_alteration_does() {
        let mut changed = 0;
        for (h, w) in [(7, 7), (8, 5), (1, 9)] {
            let shape = Shape::map(2, h, w);
            let image: Vec<u8> = (1..=2 * (h * w) as u8).collect();
            for seed in 0..100 {
                let key = Key::seed(seed);
                let mut all = vec![Augment::PadCrop(2), Augment::Flip];
                all.extend([0.0, 15.0, 90.0, 180.0].map(Augment::Rotate));
                all.extend([1, 3, 5].map(Augment::CenterCrop));
                all.retain(|one| one.shape(shape).is_ok());
                for one in all {
                    let (found, right) = (one.as_move(shape, key), one.apply(&image, shape, key));
                    assert_eq!(found.to(), one.shape(shape).unwrap().extent());
                    assert_eq!(moved(&image, 2, &found), right, "{one:?} of {shape}");
                    changed += usize::from(right != image);
                }
            }
        }
        assert!(changed > 1000, "only {changed} changed anything");
        let still = Move::none([7, 8]);
        let image: Vec<u8> = (0..112).collect();
        assert_eq!(moved(&image, 2, &still), image);
    }
}

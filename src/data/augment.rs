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
}

impl Augment {
    /// The shape that comes out of an image of that shape.
    ///
    /// # Errors
    /// A cut that is larger than the image.
    pub fn shape(self, from: Shape) -> Result<Shape, String> {
        match (self, from) {
            (Augment::CenterCrop(side), Shape::Map { c, h, w }) => match side <= h && side <= w {
                true => Ok(Shape::map(c, side, side)),
                false => Err(format!("a middle of {side}x{side} of {from} images")),
            },
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
                let shift = |i| (key.uniform(i) * (2 * pad + 1) as f64) as usize;
                let (down, right) = (shift(0), shift(1));
                pick([c, h, w], [h, w], image, |y, x| {
                    Some(((y + down).checked_sub(pad)?, (x + right).checked_sub(pad)?))
                })
            }
            Augment::Flip => match key.uniform(0) < 0.5 {
                true => pick([c, h, w], [h, w], image, |y, x| Some((y, w - 1 - x))),
                false => image.to_vec(),
            },
        }
    }
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

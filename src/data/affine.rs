//! An affine map of an image's places: where was a pixel's colour before the image was shifted, mirrored or turned?

/// Measured from the middle of a pixel and from the centre of the image. A pixel is the nearest one's, and black where
/// there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// The row is the whole part of `y[0] right + y[1] down + y[2]`.
    y: [f64; 3],
    /// The column is the whole part of `x[0] right + x[1] down + x[2]`.
    x: [f64; 3],
    /// Rows and columns before it.
    from: [usize; 2],
    /// Rows and columns behind it.
    to: [usize; 2],
}

impl Affine {
    /// The map that changes nothing.
    pub fn identity(extent: [usize; 2]) -> Affine {
        Affine::cut(extent, extent, [0, 0])
    }

    /// `to` rows and columns of a larger image, from so many rows and columns of it on, or in front of it.
    pub fn cut(from: [usize; 2], to: [usize; 2], [down, right]: [isize; 2]) -> Affine {
        Affine {
            y: [0.0, 1.0, half(to[0]) + down as f64],
            x: [1.0, 0.0, half(to[1]) + right as f64],
            from,
            to,
        }
    }

    /// Left and right mirrored.
    pub fn mirror(extent: [usize; 2]) -> Affine {
        Affine {
            x: [-1.0, 0.0, half(extent[1])],
            ..Affine::identity(extent)
        }
    }

    /// Turned about the centre by so many degrees, counter-clockwise.
    pub fn rotation(extent: [usize; 2], degrees: f64) -> Affine {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Affine {
            y: [sin, cos, half(extent[0])],
            x: [cos, -sin, half(extent[1])],
            from: extent,
            to: extent,
        }
    }

    /// Rows and columns behind it.
    pub const fn to(&self) -> [usize; 2] {
        self.to
    }

    /// What a kernel reads: both lines, and rows and columns before it.
    pub fn numbers(&self) -> [f64; 8] {
        let ([a, b, c], [d, e, f]) = (self.y, self.x);
        [a, b, c, d, e, f, self.from[0] as f64, self.from[1] as f64]
    }

    /// The altered image, channel by channel and row by row.
    pub fn apply(&self, image: &[u8], channels: usize) -> Vec<u8> {
        let [h, w] = self.from;
        let [rows, columns] = self.to;
        let pixels = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let places: Vec<Option<usize>> = pixels
            .map(|(row, column)| self.place(row, column))
            .collect();
        let channels = image.chunks_exact(h * w).take(channels);
        channels
            .flat_map(|image| (places.iter()).map(|place| place.map_or(0, |place| image[place])))
            .collect()
    }

    /// Where the colour of a pixel was, in its channel.
    fn place(&self, row: usize, column: usize) -> Option<usize> {
        let ([rows, columns], [h, w]) = (self.to, self.from);
        let down = row as f64 + 0.5 - half(rows);
        let right = column as f64 + 0.5 - half(columns);
        let line = |[a, b, c]: [f64; 3]| a * right + b * down + c;
        let (y, x) = (line(self.y), line(self.x));
        let inside = y >= 0.0 && y < h as f64 && x >= 0.0 && x < w as f64;
        inside.then(|| y as usize * w + x as usize)
    }
}

fn half(n: usize) -> f64 {
    n as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_about_the_centre_and_counter_clockwise() {
        let square = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        let turned = |degrees| Affine::rotation([3, 3], degrees).apply(&square, 1);
        assert_eq!(turned(0.0), square);
        assert_eq!(turned(90.0), [3, 6, 9, 2, 5, 8, 1, 4, 7]);
        assert_eq!(turned(-90.0), [7, 4, 1, 8, 5, 2, 9, 6, 3]);
        assert_eq!(turned(180.0), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
        // corners lie outside, and others' colours nearest
        assert_eq!(turned(45.0)[4], 5);
        let turned = |extent, image: &[u8]| Affine::rotation(extent, 90.0).apply(image, 1);
        assert_eq!(turned([2, 2], &[1, 2, 3, 4]), [2, 4, 1, 3]);
        // one row, turned upright, keeps its middle
        assert_eq!(turned([1, 3], &[1, 2, 3]), [0, 2, 0]);
    }

    #[test]
    fn a_cut_may_begin_in_front_of_the_image() {
        let image: Vec<u8> = (1..=12).collect();
        let cut = |to, from| Affine::cut([2, 3], to, from).apply(&image, 2);
        assert_eq!(cut([2, 3], [0, 0]), image);
        assert_eq!(cut([1, 2], [1, 1]), [5, 6, 11, 12]);
        assert_eq!(cut([2, 2], [-1, -1]), [0, 0, 0, 1, 0, 0, 0, 7]);
        assert_eq!(cut([2, 2], [1, 2]), [6, 0, 0, 0, 12, 0, 0, 0]);
        let even: Vec<u8> = (1..=8).collect();
        let mirrored = Affine::mirror([2, 4]).apply(&even, 1);
        assert_eq!(mirrored, [4, 3, 2, 1, 8, 7, 6, 5]);
    }
}

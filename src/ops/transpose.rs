//! Rows to columns: what the right operand of a product is packed with, and its sums are written with.

use super::cpu::Real;

/// Numbers in rows of which each is `apart` long.
pub(super) struct Rows<N> {
    pub numbers: N,
    pub apart: usize,
}

/// Writes number `skip + j` of row `i` of `from` to number `i` of row `j` of `to`, for so many rows of `to` and
/// numbers in each: four rows of four at a time, along the rows of `to`.
#[inline(always)]
pub(super) fn transpose<T: Real>(
    from: Rows<&[T]>,
    skip: usize,
    to: Rows<&mut [T]>,
    [rows, length]: [usize; 2],
) {
    let whole = length - length % 4;
    // none of them cut
    let numbers = &from.numbers[..length * from.apart];
    let mut first = 0;
    let mut fours = to.numbers.chunks_mut(4 * to.apart);
    while first + 4 <= rows {
        let [a, b, c, d] = split(fours.next().expect("there are so many rows"), to.apart);
        let [a, b, c, d] = [
            &mut a[..length],
            &mut b[..length],
            &mut c[..length],
            &mut d[..length],
        ];
        let quads = quads(a).zip(quads(b)).zip(quads(c).zip(quads(d)));
        let place = skip + first;
        for (((a, b), (c, d)), from4) in quads.zip(numbers.chunks_exact(4 * from.apart)) {
            let row = |k: usize| four(&from4[k * from.apart..], place);
            [*a, *b, *c, *d] = T::transpose([row(0), row(1), row(2), row(3)]);
        }
        for i in whole..length {
            [a[i], b[i], c[i], d[i]] = four(&numbers[i * from.apart..], place);
        }
        first += 4;
    }
    let rest = fours.next().unwrap_or_default().chunks_mut(to.apart);
    for (row, to) in (first..rows).zip(rest) {
        for (i, x) in to[..length].iter_mut().enumerate() {
            *x = numbers[i * from.apart + skip + row];
        }
    }
}

/// The numbers of a row, four at a time.
#[inline(always)]
fn quads<T>(row: &mut [T]) -> impl Iterator<Item = &mut [T; 4]> {
    row.as_chunks_mut().0.iter_mut()
}

/// Four rows.
#[inline(always)]
fn split<T>(rows: &mut [T], apart: usize) -> [&mut [T]; 4] {
    let (a, rest) = rows.split_at_mut(apart);
    let (b, rest) = rest.split_at_mut(apart);
    let (c, d) = rest.split_at_mut(apart);
    [a, b, c, d]
}

/// Four numbers of a row.
#[inline(always)]
fn four<T: Copy>(row: &[T], first: usize) -> [T; 4] {
    let four = &row[first..][..4];
    [four[0], four[1], four[2], four[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_goes_to_its_place_and_none_elsewhere() {
        for rows in 0..10 {
            for length in 1..10 {
                let (from_apart, to_apart) = (rows + 2, length + 3);
                let from: Vec<f32> = (0..length * from_apart).map(|i| i as f32).collect();
                let mut to = vec![-1.0; rows * to_apart];
                transpose(
                    Rows {
                        numbers: &from,
                        apart: from_apart,
                    },
                    1,
                    Rows {
                        numbers: &mut to,
                        apart: to_apart,
                    },
                    [rows, length],
                );
                for (place, x) in to.into_iter().enumerate() {
                    let (row, i) = (place / to_apart, place % to_apart);
                    let there = (i < length).then(|| (i * from_apart + 1 + row) as f32);
                    assert_eq!(x, there.unwrap_or(-1.0));
                }
            }
        }
    }
}
